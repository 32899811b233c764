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

/* Which rows are wanted, newest first. */
struct audit_query {
	uint64_t before; /* numbers below it; 0 = from the newest on */
	uint64_t after;	 /* numbers above it */
	unsigned max;
	char who[65], action[33], object[65]; /* exactly this one; "" = any */
};

/* Fills time and clock quality; texts are cut to their fields. */
void audit_row_init(struct audit_row *ret_row, const char *who, const char *role, const char *via,
	const char *action, const char *object, const char *evidence, const char *result);

/* The next link of the chain; 'previous' is all zero for number 1. */
int audit_chain(const uint8_t key[SHA256_SIZE], const uint8_t previous[SHA256_SIZE],
	const struct audit_row *row, uint8_t ret_mac[SHA256_SIZE]);
