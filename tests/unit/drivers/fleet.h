/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The provisioning of AWS IoT as a value: it answers the requests of the driver 'aws' at once,
 * signs what it is asked to sign, and knows one template. It takes nothing from the driver but its
 * requests.
 */

#include "cloud.h"

#define FLEET_CLAIM	   "CLAIM-canary"
#define FLEET_CERTIFICATES 32

struct fleet {
	const int64_t *now;
	bool claim_refused, cut, hook_refuses, no_thing, forgets;
	const char *thing;     /* the name that the template gives; NULL = the serial number */
	int fail;	       /* the next answers have this status; 0 = none */
	bool throttles_things; /* 'fail' is for things alone */
	const char *code;      /* and this code */
	const char *says;      /* the next answers are accepted and have this body; NULL = none */
	int64_t ends;	       /* of its authority, wall milliseconds; 0 = late */
	bool foreign_key;      /* it signs another key than it was asked to */
	/* what was asked */
	unsigned connects, creates, registers, things;
	struct {
		unsigned number; /* of the token; 0 = none */
		int64_t since;
		bool has_thing;
	} certificate[FLEET_CERTIFICATES];
	char name[129];		/* of the thing that was made */
	char client_id[2][160]; /* of the last two sessions */
	char body[2048];
};

/* Fails the test when it is not a request to this platform, or a secret travels where it must not.
 */
void fleet_ask(struct fleet *fleet, const struct platform_request *request,
	struct cloud_answer *ret_answer);
