/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the driver 'spotflow' share: one call of it. spotflow.c says what the phases
 * are.
 */

#include <jansson.h>

#include "drivers/platform.h"
#include "drivers/platform/iothub.h"
#include "drivers/platform/spotflow-answer.h"

#define CLOCK_SLACK 10000 /* ms: the platform's clock and ours */
#define BLOB_HEAD   2	  /* format and phase */
#define BLOB_FORMAT 1

struct call {
	const struct driver_services *services;
	const struct platform_device *device;
	const struct cloud_settings *settings;
	const struct platform_answer *answer;
	struct platform_step *step;
	char phase; /* of the blob, 0 = none */
};

/* spotflow-call.c: verdicts return 0. */
int call_say(struct call *call, enum platform_verdict verdict, const char *why);
int call_give_up(struct call *call, const char *why);
/* What is the same for every call: an answer that says nothing about the token. */
int call_try_again(struct call *call);
int call_token_refused(struct call *call);
bool call_is_ok(const struct platform_answer *answer);
bool call_is_refused(const struct platform_answer *answer);
/* A request; 'body' is taken over. */
int call_ask(struct call *call, const char *method, const char *path, const char *scheme,
	struct span token, json_t *body);
int call_ask_device(
	struct call *call, const char *method, const char *path, struct span token, json_t *body);
int call_set_phase(struct call *call, char phase);
char call_phase_of(const struct lifecycle *life);

/* An operation as it is open at the platform. */
struct open {
	char phase;
	unsigned interval; /* seconds between two polls */
	int64_t expires;   /* wall milliseconds, 0 = not known */
	char id[SPOTFLOW_ID_MAX + 1];
};
/* -ENODATA when none is. */
int open_read(const struct lifecycle *life, struct open *ret_open);

/* spotflow-provision.c */
int spotflow_provision(struct call *call);
int spotflow_approve(struct call *call);
bool spotflow_can_approve(const struct cloud_settings *settings);

/* spotflow-register.c */
int spotflow_bind(struct call *call);
int spotflow_refresh(struct call *call);
