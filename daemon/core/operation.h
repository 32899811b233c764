/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Provisioning operation: one attempt to get a registration token. Rules 1, 2, 6, 10 of the
 * platform contract. */

#include "core/machine.h"

enum operation_state {
	OPERATION_NONE,
	OPERATION_OPENING,  /* on disk; the platform has not answered yet */
	OPERATION_AWAITING, /* open at the platform, its id and code are on disk; waits for approval
			     */
	OPERATION_ISSUED, /* the credential is on disk; not bound yet. COMPLETE is never repeated */
	OPERATION_BOUND,  /* ended well: session and device id known */
	OPERATION_REJECTED, /* ended: a person refused, here or there */
	OPERATION_EXPIRED,  /* ended: nobody approved in time */
	OPERATION_FAILED,   /* ended: final failure, a leak sign, or cancelled here */
	OPERATION_STATES
};

enum operation_event {
	OPERATION_OPEN,	    /* admitted: begin */
	OPERATION_PROGRESS, /* driver: PROGRESS with a new blob */
	OPERATION_CODE,	    /* driver: CODE */
	OPERATION_APPROVE,  /* a person typed the code, or approved where no code is needed (local)
			     */
	OPERATION_GOT_CREDENTIAL, /* driver: ISSUED */
	OPERATION_GOT_BOUND,	  /* driver: BOUND */
	OPERATION_GOT_REJECTED,	  /* driver: REJECTED */
	OPERATION_GOT_EXPIRED, /* driver: EXPIRED, or our own timer; the lifecycle adds REOPEN to it
				  at most twice */
	OPERATION_GOT_REFUSED, /* driver: REFUSED: the PT is not taken */
	OPERATION_GOT_LEAK,    /* closed by somebody else, or a second open one (rule 2) */
	OPERATION_FAILED_RETRY, /* driver: FAILED, worth a retry */
	OPERATION_FAILED_FINAL, /* driver: FAILED, final */
	OPERATION_REOPEN,	/* an expired one, by itself, at most twice */
	OPERATION_CANCEL,	/* rejected, revoked, suspended or forgotten here */
	OPERATION_RESTARTED,	/* the process started again: resume the step that is on disk */
	OPERATION_EVENTS
};

enum machine_result operation_step(enum operation_state state, enum operation_event event,
	enum operation_state *ret_next, uint32_t *ret_actions);
/* True for opening, awaiting, issued. */
_Bool operation_is_open(enum operation_state state);
const char *operation_state_to_string(enum operation_state state);
int operation_state_from_string(const char *text, enum operation_state *ret_state);
const char *operation_event_to_string(enum operation_event event);
