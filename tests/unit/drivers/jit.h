/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AWS IoT with an authority that registers its devices just in time, as a value: the first
 * connection with a certificate registers it, and it is let in when it is active. It takes nothing
 * from the driver but its requests.
 */

#include "../base/identity-fixture.h"
#include "cloud.h"

#define JIT_CA		 PUMP_CERTIFICATE PUMP_KEY
#define JIT_CERTIFICATES 16

struct jit {
	bool by_hand;	    /* nobody activates by himself */
	bool ca_unknown;    /* it is not registered there */
	bool cut;	    /* the line */
	bool any_authority; /* its signature is not looked at */
	unsigned knocks, registered;
	struct {
		char fingerprint[65];
		bool is_active;
	} certificate[JIT_CERTIFICATES]; /* the newest ones */
	char subject[256];		 /* of the one that was shown last */
	char serial[64];
	char client_id[160];
};

/* Fails the test when it is not such a connection, or a secret travels where it must not. */
void jit_ask(
	struct jit *jit, const struct platform_request *request, struct cloud_answer *ret_answer);
/* Somebody activates all that wait. */
void jit_activate(struct jit *jit);
