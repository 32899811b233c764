/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Credential: the registration token, old and new side by side while switching. Rules 3, 4, 5, 7.
 */

#include "core/machine.h"

enum credential_state {
	CREDENTIAL_NONE,
	CREDENTIAL_HELD,
	CREDENTIAL_RENEWING, /* one refresh in flight; the held one stays in use */
	CREDENTIAL_REFUSED,  /* the platform does not take it and one renewal did not help */
	CREDENTIAL_EXPIRED,  /* past its end; refresh is tried, then register, then a person */
	CREDENTIAL_STATES
};

enum credential_event {
	CREDENTIAL_STORE,     /* a new one came from an operation */
	CREDENTIAL_RENEW_DUE, /* half of its life is over, or a person asked */
	CREDENTIAL_RENEWED,   /* refresh brought a new one; the old one is kept until CONNECTED */
	CREDENTIAL_RENEW_FAILED,  /* worth a retry */
	CREDENTIAL_RENEW_REFUSED, /* the platform refuses to renew */
	CREDENTIAL_CONNECTED,	  /* the current one connected once: the old one may go */
	CREDENTIAL_AUTH_REFUSED,  /* a connection with it was refused */
	CREDENTIAL_LAPSED,	  /* its end came */
	CREDENTIAL_ERASE,	  /* revoked, released, forgotten */
	CREDENTIAL_RESTARTED,	  /* the process started again */
	CREDENTIAL_PROGRESS,	  /* driver: a refresh has a new blob */
	CREDENTIAL_REFUSED_AGAIN, /* refused after its one renewal cycle, or that was refused */
	CREDENTIAL_LEAK,	  /* a leak sign on a credential in use (rule 2) */
	CREDENTIAL_GONE,	  /* revoked at the platform: nothing left to revoke there */
	CREDENTIAL_EVENTS
};

enum machine_result credential_step(enum credential_state state, enum credential_event event,
	enum credential_state *ret_next, uint32_t *ret_actions);
/* True when readings may be published under it: held or renewing. */
_Bool credential_is_usable(enum credential_state state);
/* True while another one is asked for: renewing or expired. */
_Bool credential_is_refreshing(enum credential_state state);
const char *credential_state_to_string(enum credential_state state);
int credential_state_from_string(const char *text, enum credential_state *ret_state);
const char *credential_event_to_string(enum credential_event event);
