/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Link: one upstream session (of a device, or of the gateway). Not persisted: down at start. Rule
 * 5: refused means stop and say so, no hot loop.
 */

#include "core/machine.h"

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP, LINK_REFUSED, LINK_STATES };

enum link_event {
	LINK_START, /* a usable credential is there */
	LINK_CONNECTED,
	LINK_LOST,	   /* closed, timed out, unreachable */
	LINK_AUTH_REFUSED, /* the platform refused the credential */
	LINK_TAKEN_OVER,   /* somebody else connected under this identity: a leak sign */
	LINK_RETRY,	   /* the back-off is over */
	LINK_RENEWED,	   /* a new credential is there: try again even after refused */
	LINK_STOP,
	LINK_EVENTS
};

enum machine_result link_step(enum link_state state, enum link_event event,
	enum link_state *ret_next, uint32_t *ret_actions);
const char *link_state_to_string(enum link_state state);
const char *link_event_to_string(enum link_event event);
