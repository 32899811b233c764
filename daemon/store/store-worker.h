/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The thread's own: what its rounds (store-thread.c) and its orders (store-orders.c) share. */

#include "store/store-private.h"

struct mail_list {
	struct mail *first, *last;
};

struct worker {
	struct store *store;
	struct control *control;
	struct outbox *outbox;
	bool failed, stopping;
	uint64_t stop_at;   /* boot time: what is long is cancelled then */
	uint64_t delete_at; /* boot time: deletes do not wait longer for a batch */
	uint64_t append_at; /* the same for readings */
	uint64_t shrink_at; /* the outbox's file may become shorter then; 0 = it need not */
	bool shrunk;	    /* and will, with the next checkpoint */
	uint64_t fold_at; /* boot time: what was erased leaves control.db's log; 0 = nothing was */
	size_t readings_waiting;
	struct mail_list saves, quick, slow, deletes, readings;
};

/*
 * What a failed transaction means. Lack of room or memory: refused, handed on. The rest is final:
 * the loop is told once, and both files stay as they are.
 */
int worker_judge(struct worker *worker, struct database *db, int error);

/* Everything but saves and readings. The order's answer. */
int worker_do_quick(struct worker *worker, struct order *order);
/* One stretch of something long; 1: go on later. */
int worker_do_slow(struct worker *worker, struct order *order);
