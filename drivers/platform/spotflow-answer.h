/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the platform's API answers, as values. All of it is foreign: sizes are bounded, text is
 * checked, times may be anything. The JSON trees that held a token are wiped. Each reader returns
 * 0, -EBADMSG for what is not such an answer, or -ENOMEM; ret is untouched on failure.
 */

#include <jansson.h>
#include <stdint.h>

#include "base/span.h"
#include "core/lifecycle.h"

/* Frees an object after wiping its texts; NULL is fine. */
void spotflow_json_free(json_t **tree);

#define SPOTFLOW_RT_MAX	 2048
#define SPOTFLOW_SAS_MAX 1024
#define SPOTFLOW_ID_MAX	 128

struct spotflow_operation {
	char id[SPOTFLOW_ID_MAX + 1];
	char code[CODE_MAX + 1];
	int64_t expires; /* wall milliseconds */
};
int spotflow_read_operation(struct span body, struct spotflow_operation *ret);

struct spotflow_token {
	char text[SPOTFLOW_RT_MAX + 1];
	int64_t expires; /* wall milliseconds, 0 = never */
};
int spotflow_read_token(struct span body, struct spotflow_token *ret);

struct spotflow_registration {
	char host[256];
	char device[SPOTFLOW_ID_MAX + 1]; /* <workspace>:<device> */
	char sas[SPOTFLOW_SAS_MAX + 1];
	int64_t expires;    /* of the SAS */
	int64_t token_left; /* milliseconds that the registration token has left, -1 = not said */
};
int spotflow_read_registration(struct span body, struct spotflow_registration *ret);

/* True when a problem document (RFC 9457) says that an operator cancelled the operation. */
bool spotflow_is_cancelled(struct span body);

/* "2026-11-29T02:00:00.123Z", "...+01:00" to wall milliseconds. -EBADMSG. */
int spotflow_time(const char *text, int64_t *ret_msec);
/* .NET TimeSpan "[-][d.]hh:mm:ss[.fffffff]" to milliseconds; a negative one is 0. -EBADMSG. */
int spotflow_timespan(const char *text, int64_t *ret_msec);
