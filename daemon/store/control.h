/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* control.db: devices, people, alarms, settings, the audit journal. Store thread only, once it
 * runs. */

#include <stdbool.h>
#include <stdint.h>

#include "base/parcel.h"
#include "core/change.h"
#include "store/database.h"
#include "store/key.h"
#include "store/sealing.h"
#include "store/store.h"

/* The end of the audit chain. */
struct audit_head {
	uint64_t number; /* of the newest row, 0 = none */
	uint8_t mac[SHA256_SIZE];
};

enum control_statement {
	CONTROL_SQL_PUT_DEVICE,
	CONTROL_SQL_PUT_PERSON,
	CONTROL_SQL_DROP_DEVICE,
	CONTROL_SQL_DROP_PERSON,
	CONTROL_SQL_UPDATE_ALARM,
	CONTROL_SQL_INSERT_ALARM,
	CONTROL_SQL_TRIM_ALARMS,
	CONTROL_SQL_PUT_SETTING,
	CONTROL_SQL_DROP_SETTING,
	CONTROL_SQL_RAISE_COUNTER,
	CONTROL_SQL_PUT_SEALED,
	CONTROL_SQL_INSERT_AUDIT,
	CONTROL_SQL_LIST_AUDIT,
	CONTROL_SQL_WALK_AUDIT,
	CONTROL_SQL_PUT_TOKEN,
	CONTROL_SQL_DROP_TOKEN,
	CONTROL_SQL_GET_TOKEN,
	CONTROL_SQL_PUT_COMMAND,
	CONTROL_SQL_DROP_COMMAND,
	CONTROL_SQL_DROP_COMMANDS_OF,
	CONTROL_SQL_PUT_LABEL,
	CONTROL_SQL_DROP_LABEL,
	CONTROL_SQL_CLOSE_WINDOW,
	CONTROL_SQL_DROP_WINDOW,
	CONTROL_SQL_PUT_WITHDRAWAL,
	CONTROL_SQL_DROP_WITHDRAWAL,
	CONTROL_SQL_PUT_DEVICE_CA,
	CONTROL_SQL_DROP_DEVICE_CA,
	CONTROL_STATEMENTS
};

struct control {
	struct database *db;
	struct sealer *sealer;
	uint8_t audit_key[SHA256_SIZE];
	uint8_t exchange_public[PARCEL_KEY];
	struct audit_head head; /* committed */
	struct audit_head next; /* what it becomes with the open transaction */
	sqlite3_stmt *statements[CONTROL_STATEMENTS];
};

/* --- control-setup.c: at start --- */

/* What the file says about its key; *ret_found is false on the first start. */
int control_read_mark(struct database *db, bool *ret_found, struct key_mark *ret_mark);
/*
 * Takes 'db' over when it succeeds. With first_start it writes mark and audit key; otherwise it
 * opens them. -EBADMSG: a sealed record does not open though the key fits: the file is damaged.
 */
int control_new(struct database *db, const struct key *key, bool first_start, struct control **ret);
struct control *control_free(struct control *control); /* wipes; closes the file */
void control_freep(struct control **control);
/* Opens every sealed column once. -EBADMSG: ret_why names table, row and field. */
int control_check_sealed(struct control *control, char *ret_why, size_t capacity);
/* Numbers in the table 'counter'. */
int control_counter(struct control *control, const char *name, uint64_t *ret_value);
int control_raise_counter(struct control *control, const char *name, uint64_t value);

/* --- rekey.c --- */

/*
 * Seals every record anew under another key, writes its mark and the audit row, all in one
 * transaction. key: bytes and source; its mark is filled. audit may be NULL. ret_head: the chain's
 * newest mac in hex. On failure nothing changed, and the old key goes on.
 */
int control_rekey(
	struct control *control, struct key *key, const struct audit_row *audit, char ret_head[65]);

/* The same to a copy whose sealer is the present one: no statement of it is used, and its sealer
 * stays. key: bytes and source; its mark is filled. */
int control_reseal(struct control *copy, struct key *key);

/* --- control-load.c --- */
int control_load(struct control *control, const struct store_loader *loader, void *userdata);

/* --- control.c: changes --- */

int control_begin(struct control *control);
/*
 * One change inside the open transaction. 0: the transaction goes on; *ret_result says whether the
 * change is in it (0, ret_head gets the chain's newest mac in hex) or was undone alone: -EEXIST (a
 * row contradicts another), -EINVAL, -ENOMEM. Negative: the transaction must be given up.
 */
int control_apply(
	struct control *control, const struct change *change, int *ret_result, char ret_head[65]);
int control_commit(struct control *control); /* rolls back on failure */
void control_rollback(struct control *control);

/* --- audit-log.c --- */

/* Inside a transaction: numbers the row, chains it. */
int control_append_audit(struct control *control, const struct audit_row *row);
/* Writes the sealed end of the chain; part of the same transaction. */
int control_put_head(struct control *control);
void audit_head_text(const struct audit_head *head, char ret_text[65]);
/* Newest first, numbers below 'before' (0 = newest). Heap array. */
int control_list_audit(struct control *control, const struct audit_query *query,
	struct audit_row **ret_rows, size_t *ret_count, uint64_t *ret_next);
/* One stretch of the chain; begin with zeroed *at, go on while it answers 1. 0: the whole chain
 * fits. -EBADMSG: at->number + 1 is the first bad number. */
int control_walk_audit(struct control *control, struct audit_head *at);

/* --- tokens.c --- */

/* Inside a transaction: an older one of the same kind and name is replaced. */
int control_put_token(struct control *control, const struct token *token);
int control_drop_token(struct control *control, const char *kind, const char *ep);
/* -ENOENT: there is none. -EBADMSG: it does not open. */
int control_get_token(
	struct control *control, const char *kind, const char *ep, struct secret *ret_value);
/* Opens every token once, as control_check_sealed() does with the other records. */
int control_check_tokens(struct control *control, char *ret_why, size_t capacity);

/* --- labels.c --- */

/* Inside a transaction: an older one of the same name is replaced. */
int control_put_label(struct control *control, const struct kept_label *kept);
int control_drop_label(struct control *control, const char *ep);
/* What ends at 'until' alone: see core/change.h. */
int control_close_window(struct control *control, const char *ep, int64_t until);
int control_drop_window(struct control *control, const char *ep, int64_t until);
/* Each label in order of the names; 'each' takes it over, a negative answer ends the walk. -EBADMSG
 * when one does not open: control->db->why says which. */
int control_each_label(struct control *control,
	int (*each)(void *userdata, struct kept_label *kept), void *userdata);
int control_check_labels(struct control *control, char *ret_why, size_t capacity);

/* A secret by name in the table 'sealed'. The plain text is heap memory; wipe it. */
int control_put_secret(struct control *control, const char *name, struct span plain);
/* What was sealed for this gateway. Errors of parcel_unseal(). */
int control_open_parcel(
	struct control *control, struct span parcel, uint8_t **ret_plain, size_t *ret_size);
int control_get_secret(
	struct control *control, const char *name, uint8_t **ret_plain, size_t *ret_size);
