/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Admission: may this device try? A person's decision at the gateway. Head comment and table in
 * admission.c. */

#include "core/machine.h"

enum admission_state {
	ADMISSION_SIGHTED,   /* seen; nobody was asked to decide */
	ADMISSION_PENDING,   /* waits for a person */
	ADMISSION_ADMITTED,  /* a person let it try */
	ADMISSION_REJECTED,  /* a person refused; waits for a person */
	ADMISSION_SUSPENDED, /* admitted before, stopped for now; credential kept */
	ADMISSION_REVOKED,   /* was admitted; credential erased; a new admission is needed */
	ADMISSION_BLOCKED,   /* ignored and listed until a person unblocks it */
	ADMISSION_STATES
};

enum admission_event {
	ADMISSION_ASKED,   /* it enrolled while a window was open (or became admissible) */
	ADMISSION_ADMIT,   /* a person */
	ADMISSION_REJECT,  /* a person */
	ADMISSION_SUSPEND, /* a person */
	ADMISSION_RESUME,  /* a person */
	ADMISSION_REVOKE,  /* a person, here */
	ADMISSION_BLOCK,   /* a person */
	ADMISSION_UNBLOCK, /* a person */
	ADMISSION_RELEASE, /* a person: owner removed, credential revoked, back to pending */
	ADMISSION_REFUSED_UPSTREAM, /* the platform rejected the operation: rejected, waits for a
				       person */
	ADMISSION_WITHDRAWN,	    /* the platform revoked the credential, or an operation showed a
				       leak: pending, needs a new admission */
	ADMISSION_EVENTS
};

enum machine_result admission_step(enum admission_state state, enum admission_event event,
	enum admission_state *ret_next, uint32_t *ret_actions);
const char *admission_state_to_string(enum admission_state state);
int admission_state_from_string(const char *text, enum admission_state *ret_state);
const char *admission_event_to_string(enum admission_event event);
