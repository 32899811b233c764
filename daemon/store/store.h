/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store: two SQLite files in the state directory, control.db and outbox.db, WAL and
 * synchronous=FULL, touched by the store thread alone. Control changes go before readings. Readings
 * are appended in batches: the thread takes everything queued as soon as the last commit ended.
 * Every answer comes on the loop.
 *
 * A write that fails for lack of space (SQLITE_FULL, ENOSPC) is refused: -ENOSPC, nothing changed;
 * the same for memory: -ENOMEM. Readings are refused with -ENOSPC before the disk is full: the last
 * tenth of it (12 to 64 MiB) is kept for deletes, checkpoints and control.db.
 * Any other failure of a write or fsync is final: the answer is -EIO, the store takes nothing more
 * (everything after it is -EIO) and 'failed' is called once; the process must end and start again
 * from disk.
 *
 * With 'loose' a power cut takes readings that were committed, and the file forgets that their
 * numbers were used: the next start, which finds a mark of that in the file, goes on far above
 * them, so that no number ever means two readings.
 *
 * Secrets (operation blob and code, credentials, tokens, the audit key) are sealed with
 * AES-256-GCM; associated data = table, row id, field, record format. The key-encryption key comes
 * from $CREDENTIALS_DIRECTORY/gatehouse.kek (32 bytes or 64 hex digits) or from <state>/key (0400,
 * made on the first start). A key check value tells a wrong key from corruption.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/crypto.h"
#include "base/parcel.h"
#include "core/change.h"
#include "core/letter.h"
#include "core/owed.h"
#include "core/reading.h"
#include "store/key-source.h"

struct store;

enum store_opened {
	STORE_OPENED,
	STORE_KEY_WRONG,   /* the key does not fit this state directory */
	STORE_KEY_MISSING, /* sealed records are there, but the key is not */
	STORE_NEWER,	   /* written by a newer version */
	STORE_CORRUPT,	   /* control.db is damaged */
};

struct store_options {
	const char *state_directory; /* checked as private (directory_open_private) and created */
	const char *credentials_directory; /* $CREDENTIALS_DIRECTORY or NULL */
	/* The outbox is written without waiting for the disk: what was committed outlives the
	 * process, and not a power cut. control.db stays as durable as ever. */
	bool loose;
	/* Readings wait so long for others to go to the disk with; 0 = not at all. */
	uint64_t commit_delay_usec;
	/* NULL, or called by store_open() and store_load() before a large file is read: from now on
	 * it may take so long, on the slowest disk. */
	void (*slow)(void *userdata, uint64_t usec);
	void *slow_userdata;
};

struct store_ops {
	/* Readings of one committed (result 0) or refused (-ENOSPC, -ENOMEM, -EIO) batch, in order;
	 * the references that store_append() took are handed back. A large batch comes in several
	 * calls. */
	void (*appended)(void *userdata, struct reading **readings, size_t count, int result);
	/* Answer to store_fetch(): rows in order, one reference each; with result 0, count <
	 * fetch->max means that there are no more. Negative result: count is 0; -ECANCELED at
	 * shutdown. */
	void (*fetched)(void *userdata, const struct owed_fetch *fetch, struct reading **readings,
		size_t count, int result);
	/* A final failure: stop acknowledging, leave the loop, exit non-zero. */
	void (*failed)(void *userdata, const char *why);
};

/*
 * Opens, migrates (each file is copied to <file>.before-<version> first), checks, loads the key. 0
 * with *ret_opened; for anything but STORE_OPENED *ret is untouched and ret_why says what is wrong
 * and what to do. Negative errno: I/O, or -EBUSY when another process has this state directory
 * (ret_why is filled too). No thread runs before store_start().
 */
int store_open(const struct store_options *options, enum store_opened *ret_opened,
	struct store **ret, char *ret_why, size_t capacity);

/* What the platform was not told of yet: readings of a device that were given up, or (count 0) that
 * nothing is to be retained of a forgotten device any more. */
struct store_gap {
	uint64_t id; /* the caller's, never 0 */
	uint64_t device_row, first_row, last_row, count;
	char device_id[DEVICE_ID_MAX + 1], platform[17], reason[96];
};

/* What a reading was asked with, and when it came. */
struct store_request {
	uint64_t row;
	int64_t time; /* wall milliseconds, of whatever the clock was then */
	struct request_key key;
};

/* Before store_start(): everything that is on disk. Each callback gets ownership (device) or a
 * value to copy; a negative answer ends the load and is returned. */
struct store_loader {
	int (*device)(void *userdata, struct device_record *record); /* takes the record over */
	int (*person)(void *userdata, const struct person *person);
	int (*alarm)(void *userdata, const struct alarm *alarm); /* active ones */
	int (*setting)(void *userdata, const char *name, const char *value);
	/* names and dates of the tokens of devices, in order */
	int (*token)(void *userdata, const char *kind, const char *ep, int64_t since, bool brought);
	/* what approves operations at that platform; copied */
	int (*operator_token)(
		void *userdata, const char *platform, int64_t since, struct span value);
	/* in order of the names; takes it over */
	int (*label)(void *userdata, struct kept_label *kept);
	int (*owed)(void *userdata, uint64_t device_row, uint64_t count, uint64_t bytes,
		uint64_t first_row, uint64_t last_row);
	/* after it: when the oldest of them came, wall milliseconds */
	int (*oldest)(void *userdata, uint64_t device_row, int64_t time);
	/* of the newest rows still queued (at most 16 for each device, oldest first):
	 * retransmissions over a restart */
	int (*request)(void *userdata, uint64_t device_row, const struct store_request *request);
	/* oldest first, after the devices */
	int (*command)(void *userdata, const struct command *command);
	/* oldest first; takes it over */
	int (*withdrawal)(void *userdata, struct withdrawal *withdrawal);
	/* in the order in which they came; takes it over */
	int (*device_ca)(void *userdata, struct device_ca *ca);
	/* the authority of the site (core/site-ca.h), when there is one; wiped when it returns */
	int (*site_ca)(void *userdata, struct span identity);
	/* by id */
	int (*gap)(void *userdata, const struct store_gap *gap);
};
int store_load(struct store *store, const struct store_loader *loader, void *userdata);
/* Why store_load() failed, when a file was the reason: "control.db: ...". Static in the store. */
const char *store_why(const struct store *store);

/* Numbers that only the files know, as they were at store_open(). */
struct store_facts {
	uint64_t epoch;	   /* of the outbox; a new one when outbox.db was set aside */
	uint64_t next_row; /* readings */
	uint64_t boot_row; /* those from this number on came since the machine started */
	uint64_t next_device_row;
	uint64_t next_operation; /* operation numbers start here; persisted with each device record
				  */
	uint64_t next_command, next_withdrawal;
	uint64_t audit_rows;
	char audit_head[65];	    /* hex of the newest mac */
	enum key_source key_source; /* as it was delivered at this start */
	enum key_source
		key_expected; /* the strongest that it ever came from; no silent step down */
	bool key_is_next;     /* it was delivered as gatehouse.kek-next */
	uint8_t exchange_public[PARCEL_KEY]; /* for what others seal for this gateway */
	char outbox_set_aside[80]; /* what a corrupt outbox.db is called since this start; "" = none
				      was */
	uint32_t schema;
};
void store_get_facts(const struct store *store, struct store_facts *ret_facts);

int store_start(struct store *store, sd_event *loop, const struct store_ops *ops, void *userdata);
/* Finishes what is queued (bounded: about 2 s), checkpoints, joins the thread, closes. The answers
 * that are still out come before it returns. Not from within one of the callbacks. Accepts NULL. */
struct store *store_free(struct store *store);

/* Saves a change (taken over, also on failure). done runs on the loop exactly once: 0, -ENOSPC,
 * -ENOMEM, -EIO; -EEXIST or -EINVAL, and nothing changed, for a record that contradicts another (a
 * device id or person's name twice, row 0). With 0 'head' is the audit chain's newest mac in hex
 * after it, otherwise NULL. Only when there is no memory for the order done runs before store_save
 * returns. Changes are saved in the order they were handed in. */
typedef void (*store_done_fn)(void *userdata, int result, const char *head);
void store_save(struct store *store, struct change *change, store_done_fn done, void *userdata);

/* Appends a reading (one reference is taken over). The answer comes through ops->appended. Only
 * row, device_row, trust, time, clock_synced, format, key, body are used. */
void store_append(struct store *store, struct reading *reading);
/* Number of readings handed in and not answered yet: the caller's back-pressure. */
size_t store_appending(const struct store *store);

/* Deletes delivered rows; no answer: what is not deleted is published again with the same gh-id. */
void store_delete(struct store *store, const struct row_range *ranges, size_t count);
/* Deletes a row that was committed and is owed by nobody: a fetch that is asked for later does not
 * find it. No answer. */
void store_take_back(struct store *store, uint64_t row);
/* Deletes all rows of one device that were appended before this call. 'gap' (copied, NULL = none)
 * is written in the transaction that deletes the first of them. done like store_save (head NULL);
 * -ECANCELED at shutdown. */
void store_delete_device(struct store *store, uint64_t device_row, const struct store_gap *gap,
	store_done_fn done, void *userdata);
/* Which of a device's readings on file to give up: the oldest ones up to last_row, as long as they
 * are from before 'before' (wall milliseconds; 0 = none is), or less than 'bytes' are found. One
 * whose clock was not set, or that is from after 'now', is as old as the next one behind it that
 * knows. At most STORE_OLDEST_MAX at a time. */
#define STORE_OLDEST_MAX 4000
struct store_oldest {
	uint64_t device_row, last_row;
	int64_t before, now; /* wall milliseconds */
	uint64_t bytes;
};
struct store_old {
	uint64_t count, bytes, first_row, last_row; /* count 0: none */
	int64_t next_time; /* wall milliseconds of the row behind them; 0 = not known */
};
typedef void (*store_oldest_fn)(void *userdata, int result, const struct store_old *found);
/* done runs on the loop exactly once: 0, or negative errno and nothing was found. */
void store_oldest(
	struct store *store, const struct store_oldest *what, store_oldest_fn done, void *userdata);
/* Deletes a device's rows up to last_row, in one transaction with 'gap' (copied, NULL = none) when
 * they are no more than STORE_OLDEST_MAX. done like store_delete_device. */
void store_delete_oldest(struct store *store, uint64_t device_row, uint64_t last_row,
	const struct store_gap *gap, store_done_fn done, void *userdata);
/* Moves a row to the dead letters with a reason (at most 95 bytes are kept, and the newest 1000
 * letters), in one transaction with 'gap' (copied, NULL = none). No answer: a row that could not be
 * moved is published again after a restart. */
void store_bury(struct store *store, uint64_t row, const char *reason, const struct store_gap *gap);
/* The dead letters with a row below 'before' (0 = all), at most 'max' (1 to LETTERS_AT_ONCE). done
 * runs on the loop exactly once: 0, or negative errno and none; -ECANCELED at shutdown. */
void store_letters(
	struct store *store, uint64_t before, unsigned max, letters_fn done, void *userdata);
/* Writes a gap, or writes over the one with its id. No answer: one that could not be written is
 * lost at a restart. */
void store_put_gap(struct store *store, const struct store_gap *gap);
/* The platform has it. No answer: what is not deleted is published again after a restart. */
void store_gap_published(struct store *store, uint64_t id);
void store_fetch(struct store *store, const struct owed_fetch *fetch);

/* The value of one token. done runs on the loop exactly once: 0 with the value, which is wiped when
 * it returns; -ENOENT when there is none, -EBADMSG when it does not open, -ENOMEM, -EIO, and
 * -ECANCELED at shutdown with an empty span. Tokens that were handed to store_save() before this
 * call are seen. */
typedef void (*store_token_fn)(void *userdata, int result, struct span value);
void store_get_token(
	struct store *store, const char *kind, const char *ep, store_token_fn done, void *userdata);

/* Opens what was sealed for this gateway. done as for a token: -ENOMSG, -EKEYREJECTED or -EBADMSG
 * as parcel_unseal() says. */
void store_open_parcel(
	struct store *store, struct span parcel, store_token_fn done, void *userdata);

/*
 * Seals every record anew under another key, in one transaction with the audit row: 'key' of
 * AES256_KEY bytes, which the caller delivers at the next start as 'source' says; NULL with
 * KEY_FILE: a key is made and written to <state>/key. Whenever this ends, by an answer or by the
 * power: the key that is needed is the old one or the new one, and it is there. done like
 * store_save.
 */
void store_rekey(struct store *store, enum key_source source, const uint8_t *key,
	const struct audit_row *audit, store_done_fn done, void *userdata);
/*
 * A copy of control.db as <state>/backup.db, each secret in it sealed with 'key' instead of ours.
 * The audit row is saved after it. done like store_save; also another errno, and then there is no
 * copy.
 */
void store_backup(struct store *store, const uint8_t key[AES256_KEY], const struct audit_row *audit,
	store_done_fn done, void *userdata);
/* A message of the platform, as it came. Spans are valid during the call. */
struct store_arrival {
	uint64_t number; /* when it is replayed */
	struct span topic, payload, response_topic, correlation;
	uint32_t lifetime; /* seconds, 0 = not said */
	bool unusable;	   /* it came with properties that are too long to be kept */
	uint64_t owner;	   /* row of the device whose session it came by, 0 = the gateway's */
};
/* Any thread: keeps it until it is dealt with, so that it may be acknowledged. 0 with its number;
 * negative errno when it could not be kept. */
int store_keep_arrival(
	struct store *store, const struct store_arrival *arrival, uint64_t *ret_number);
/* On the loop: it is in control.db, or answered. Number 0: no-op. */
void store_settle_arrival(struct store *store, uint64_t number);
/* On the loop, once: what was kept when the process ended and is not in control.db. */
typedef int (*store_arrival_fn)(void *userdata, const struct store_arrival *arrival);
int store_replay_arrivals(struct store *store, store_arrival_fn each, void *userdata);

/* Audit rows, newest first, at most 200. One order looks at 20000 rows; 'next' is the 'before' with
 * which it goes on, 0 = there are no more. */
typedef void (*store_journal_fn)(
	void *userdata, int result, const struct audit_row *rows, size_t count, uint64_t next);
void store_journal(struct store *store, const struct audit_query *query, store_journal_fn done,
	void *userdata);
/* Walks the whole audit chain in stretches: done(result) 0 fits, -EBADMSG broken; 'head' holds the
 * first bad number as text when broken. Rows cut off the end count as broken too. */
void store_verify_audit(struct store *store, store_done_fn done, void *userdata);
