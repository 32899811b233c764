/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A provisioning service of Azure as a value: it answers the requests of the driver 'azure' at
 * once, and knows one device. It takes nothing from the driver but its requests.
 */

#include "base/chain.h"
#include "cloud.h"

#define DPS_GROUP_KEY \
	"8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
#define DPS_OWN_KEY "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5" /* "canary" four times */
#define DPS_DEVICE  "Assigned-7"

struct dps {
	bool key_refused, disabled, failed, forgets;
	unsigned assigning; /* so often it says "not yet" */
	const char *hub, *device;
	bool wants_certificate; /* and no signature */
	const char *authority;	/* that has signed it; NULL: the certificate is the fixture's */
	uint32_t retry_after;
	int fail;	  /* the next answers have this status; 0 = none */
	const char *says; /* the next answers have this body and status 200; NULL = none */
	/* what was asked */
	unsigned connects, registers, polls;
	char operation[32], asked[32]; /* the newest one, the one that was asked for last */
	char password[600], body[600];
	char fingerprint[FINGERPRINT_SIZE]; /* of the certificate that was shown last */
	unsigned certificates;		    /* how often it was another one than before */
	bool hangs_up;			    /* the connection ends without a word */
};

/* Fails the test when it is not a request to this service, or a secret travels where it must not.
 */
void dps_ask(
	struct dps *dps, const struct platform_request *request, struct cloud_answer *ret_answer);
