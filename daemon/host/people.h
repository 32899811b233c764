/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What people.c and login.c share: one act on its way. */

#include "base/password.h"
#include "host/host.h"

struct people_call {
	struct host *host;
	struct act act;
	act_done_fn done;
	void *userdata;
	char stored[PASSWORD_TEXT_SIZE];  /* verify against this, or the new hash */
	char renewed[PASSWORD_TEXT_SIZE]; /* a password that fits, at the cost of today; or "" */
	int result;
	bool changes;	      /* holds people->changing */
	struct person person; /* what is to be saved */
};

/* Answers, wipes and frees the call. */
void people_call_done(
	struct people_call *call, enum act_result result, uint32_t number, const char *text);
/* Where this name stands in people->person; -1: nobody has it. Case does not matter. */
int people_index_of(const struct people *people, const char *name);
/* Hashes or verifies on the job thread; people_after_verify() or the saving follows. */
void people_hash(struct people_call *call);

/* login.c */
void people_login(struct people_call *call); /* LOGIN, PASSWORD_FRESH */
void people_after_verify(struct people_call *call);
