/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A state directory of the test's own, a store on it, a loop, and what the store answered.
 * Functions that can fail assert.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>
#include <systemd/sd-event.h>

#include "store/store.h"

#define FIXTURE_ROWS 4096

struct fixture {
	char base[128];	       /* temporary directory */
	char state[160];       /* base/state */
	char credentials[160]; /* base/credentials; made by fixture_credential() */
	bool use_credentials;
	bool loose; /* options of store_open() */
	uint64_t commit_delay_usec;
	unsigned slow;	    /* calls */
	uint64_t slow_usec; /* of the last */
	sd_event *loop;
	struct store *store;
	struct store_facts facts;
	char why[512];

	/* answers to store_append(), in order */
	uint64_t row[FIXTURE_ROWS];
	int row_result[FIXTURE_ROWS];
	unsigned row_order[FIXTURE_ROWS]; /* as answer.order, of its batch */
	size_t rows;
	/* answers to store_fetch() */
	struct reading *fetched[FIXTURE_ROWS];
	size_t fetched_count;
	int fetched_result;
	unsigned fetches;
	/* ops->failed */
	unsigned failed;
	char failed_why[256];
};

/* One answer to store_save() and its like. */
struct answer {
	bool done;
	int result;
	char head[65];	/* "" when NULL */
	unsigned order; /* 1, 2, ... among all answers and batches of the program */
};
void answer_take(void *userdata, int result, const char *head); /* store_done_fn */
unsigned fixture_next_order(void);

void fixture_init(struct fixture *fixture);
void fixture_done(struct fixture *fixture); /* closes, removes the directory */

enum store_opened fixture_try(struct fixture *fixture, int *ret_result);
void fixture_open(struct fixture *fixture); /* opened, facts read, not started */
void fixture_start(struct fixture *fixture);
void fixture_stop(struct fixture *fixture);
void fixture_restart(struct fixture *fixture); /* stop, open, start */

void fixture_wait(struct fixture *fixture, const bool *flag);
void fixture_wait_rows(struct fixture *fixture, size_t rows);
void fixture_turn(struct fixture *fixture); /* one turn of the loop */

int fixture_save(struct fixture *fixture, struct change *change); /* waits */
struct reading *fixture_reading(uint64_t row, uint64_t device_row, const char *body);
void fixture_append(struct fixture *fixture, uint64_t first, uint64_t last, uint64_t device_row);
/* Waits; drops what an earlier fetch brought. */
void fixture_fetch(
	struct fixture *fixture, uint64_t device_row, uint64_t after, uint64_t last, size_t max);
void fixture_drop_fetched(struct fixture *fixture);

/* A path inside the state directory; static text, good until the second next call. */
const char *fixture_path(const struct fixture *fixture, const char *name);
/* Writes base/credentials/gatehouse.kek and delivers it from now on. */
void fixture_credential(struct fixture *fixture, const char *content);
/* Runs SQL on a file of the closed store; the first column of the first row, or 0. */
int64_t fixture_sql(const struct fixture *fixture, const char *name, const char *sql);
/* The same where the index does not see it: the file is damaged then, and none of its pages is. */
void fixture_sql_behind_index(
	const struct fixture *fixture, const char *name, const char *index, const char *sql);
/* True when a file of the state directory holds the bytes. */
bool fixture_holds(const struct fixture *fixture, const char *bytes, size_t size);

/* A record whose every field is set, and a comparison of all of them. */
struct device_record *sample_device(uint64_t row);
void assert_device_equal(const struct device_record *a, const struct device_record *b);
struct change *change_begin(void);
