/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Audit: who did what to which device with which evidence. Append-only rows, chained: mac(n) =
 * HMAC(key, mac(n-1) || canonical(row n)), so that whoever can write the file cannot rewrite
 * history unseen. Never a code, token or password in it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "core/act-kind.h"

struct audit_row {
	uint64_t number; /* 1, 2, 3 ...: given by the store */
	int64_t time;	 /* wall milliseconds */
	bool clock_synced;
	char who[65]; /* person, "uid 0", "gateway" */
	char role[16];
	char via[65];	 /* address, "control socket", "policy" */
	char action[33]; /* "admit", "revoke", "login" ... */
	char object[65]; /* device id, person, "window" */
	char evidence[33];
	char result[65]; /* "done", "refused: wrong code" */
};

/*
 * What a row says was done: an act of a person (enum act_kind), or one of these, which nobody asked
 * for on the page or with the tool. They go on behind the acts, so one number says which it is.
 */
enum audit_deed {
	DEED_ALARM_RAISED = ACTS,
	DEED_ALARM_CLEARED,
	DEED_ENROL,
	DEED_PROOF,
	DEED_DOWNGRADE,
	DEED_MOVE,
	DEED_BROUGHT, /* a token of its own */
	DEED_OPERATION,
	DEED_BIND,
	DEED_EXPIRE,
	DEED_REFUSE,
	DEED_LEAK,
	DEED_FAIL,
	DEED_RESTORE,
	AUDIT_ACTIONS
};
/* The word of an act or a deed, as it stands in the row; "unknown" for a number that is neither. */
const char *audit_action(unsigned action);

/* What stands in the object of a row. */
enum audit_object {
	OBJECT_OTHER, /* a person, a name, an address, a fingerprint: it speaks for itself */
	OBJECT_DEVICE,
	OBJECT_ALARM
};
enum audit_object audit_object(const char *action);

/* What came of it. A result may also be the word of a tier (enum trust), "done, at" a platform, a
 * platform's own reason in words, and of an alarm its subject. */
enum audit_result {
	AUDIT_DONE,
	AUDIT_REFUSED,
	AUDIT_WRONG_CODE,
	AUDIT_CODE_OVER,
	AUDIT_NAME_CONFLICT,
	AUDIT_UNPROVED,
	AUDIT_PENDING,
	AUDIT_ANOTHER_CODE,
	AUDIT_BROUGHT,
	AUDIT_SEALED,
	AUDIT_REPLACED,
	AUDIT_MOVED,
	AUDIT_GAVE_WAY,
	AUDIT_LABEL_WAITS,
	AUDIT_LABEL_KEPT,
	AUDIT_LABEL_OVER,
	AUDIT_EVICTED,
	AUDIT_ADMITS_PERSON,
	AUDIT_ADMITS_AUTO,
	AUDIT_TAKEN_OVER,
	AUDIT_RESULTS
};
#define AUDIT_DONE_AT "done, at " /* and the name of a platform */
const char *audit_result(enum audit_result result);

/* Which rows are wanted, newest first. */
struct audit_query {
	uint64_t before; /* numbers below it; 0 = from the newest on */
	uint64_t after;	 /* numbers above it */
	unsigned max;
	char who[65], action[33], object[65]; /* exactly this one; "" = any */
};

/* Fills time and clock quality; texts are cut to their fields. 'action': see audit_action(). */
void audit_row_init(struct audit_row *ret_row, const char *who, const char *role, const char *via,
	unsigned action, const char *object, const char *evidence, const char *result);

/* The next link of the chain; 'previous' is all zero for number 1. */
int audit_chain(const uint8_t key[SHA256_SIZE], const uint8_t previous[SHA256_SIZE],
	const struct audit_row *row, uint8_t ret_mac[SHA256_SIZE]);
