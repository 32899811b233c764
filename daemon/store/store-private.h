/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the parts of the store share: the handle, and the orders that go to the thread and come back
 * as answers. */

#include <pthread.h>

#include "base/tray.h"
#include "store/arrivals.h"
#include "store/control.h"
#include "store/outbox.h"
#include "store/store.h"

enum order_kind {
	ORDER_SAVE,
	ORDER_JOURNAL,
	ORDER_VERIFY,
	ORDER_DELETE,
	ORDER_DELETE_DEVICE,
	ORDER_BURY,
	ORDER_PUT_GAP,
	ORDER_DROP_GAP,
	ORDER_FETCH,
	ORDER_OLDEST,
	ORDER_LETTERS,
	ORDER_TOKEN,
	ORDER_REKEY,
	ORDER_BACKUP,
	ORDER_PARCEL,
	ORDER_ARRIVALS,
	ORDER_STOP,
	/* only answers */
	ORDER_BATCH,
	ORDER_FAILED,
	ORDERS
};

/* Made on the loop (a batch: on the thread), carried out on the thread, freed on the loop. */
struct order {
	struct mail mail; /* first: a mail is its order */
	enum order_kind kind;
	int result;
	void *userdata;
	store_done_fn done;
	char head[65];
	struct store_gap gap; /* ORDER_DELETE_DEVICE, _BURY, _PUT_GAP, _DROP_GAP; id 0 = none */
	union {
		struct change *change;
		struct audit_head at; /* ORDER_VERIFY: how far it is */
		struct {
			struct audit_query query;
			store_journal_fn done;
			struct audit_row *rows;
			size_t count;
			uint64_t next;
		} journal;
		struct {
			struct row_range *ranges;
			size_t count;
			bool at_once; /* before anything is fetched */
		} remove;
		struct {
			uint64_t device_row, last_row;
		} drop;
		struct {
			uint64_t row;
			char reason[LETTER_REASON_MAX + 1];
		} bury;
		struct {
			struct owed_fetch what;
			struct reading **readings;
			size_t count;
		} fetch;
		struct {
			struct store_oldest what;
			store_oldest_fn done;
			struct store_old found;
		} oldest;
		struct {
			uint64_t before, next;
			unsigned max;
			letters_fn done;
			struct letter *list;
			size_t count;
		} letters;
		struct {
			char kind[TOKEN_KIND_MAX + 1], ep[EP_MAX + 1];
			store_token_fn done;
			struct secret value; /* ORDER_PARCEL: sealed first, then what was in it */
		} token;
		struct {
			struct key key; /* bytes and source; ORDER_BACKUP too */
			struct audit_row audit;
		} rekey;
		struct {
			struct mail *first; /* readings */
			size_t count;
		} batch;
	};
};

struct store {
	/* the loop's */
	sd_event_source *source;
	struct store_ops ops;
	void *userdata;
	struct store_facts facts;
	size_t appending;
	uint64_t last_row;	  /* highest that was handed in */
	struct mail_tray arrived; /* readings of this turn, before they go to the thread */
	bool running;
	pthread_t thread;
	int lock_fd;
	uint64_t commit_delay_usec;
	int directory_fd;			     /* the state directory */
	char why[256];				     /* of store_load() */
	void (*slow)(void *userdata, uint64_t usec); /* of struct store_options */
	void *slow_userdata;

	/* both */
	struct mailbox *orders;	  /* to the thread */
	struct mailbox *readings; /* to the thread: struct reading's mail */
	struct mailbox *answers;  /* to the loop */

	/* any thread's */
	struct arrivals *arrivals;

	/* the thread's, once it runs */
	struct control *control;
	struct outbox *outbox;
	struct order stop;	 /* pushed by store_free() */
	struct order failure;	 /* pushed at most once; its sentence is in failure_why */
	struct order last_batch; /* for the end, when there is no memory for another */
	char failure_why[DATABASE_WHY_MAX];
};

void *store_thread(void *store);

/* store.c: one that is all zero but for these. NULL when there is no memory. */
struct order *order_new(enum order_kind kind, store_done_fn done, void *userdata);
/* store.c: to the thread, behind the readings that were handed in before it. */
void order_push(struct store *store, struct order *order);
/* store.c: frees an order with what it holds. */
void order_free(struct order *order);

/* store-open.c: says how long it may take to read this file, when it is large. */
void store_tell_slow(const struct store *store, const struct database *db);
void store_close_files(struct store *store);
