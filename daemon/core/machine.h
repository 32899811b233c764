/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the four machines of a device have in common. A machine is a table [state][event] of
 * transitions; a step is pure: (state, event) -> (state, actions). It never does I/O and knows no
 * clock.
 *
 * Persistence is part of the machines. Every row whose transition must not be lost carries the
 * action SAVE; the host then saves the *next* record and performs the other actions of the row only
 * after SAVED. Until SAVED arrives the committed state is the old one, so a crash, or a refused
 * write, leaves the old state and no effect outside.
 */

#include <stdint.h>

enum machine_result {
	MACHINE_MOVED,	 /* the step was taken (the state may be the same) */
	MACHINE_IGNORED, /* the event has no meaning in this state: late answers, repeats. Counted,
			    changes nothing */
	MACHINE_REFUSED, /* a person asked for what is impossible in this state: they are told */
};

/* What the host must do, a set. All but SAVE wait for SAVED when SAVE is in the set. */
enum life_action {
	LIFE_SAVE = 1 << 0,    /* put the next record on disk */
	LIFE_ADVANCE = 1 << 1, /* call the platform driver's advance() for the open operation; never
				  two calls at a time. A driver that said PROGRESS or CODE is called
				  by what it asked for with it (a request, a wait), after SAVED */
	LIFE_SHOW_CODE =
		1 << 2, /* an operation's code is there: to the device's display, or the page */
	LIFE_CLEAR_CODE = 1 << 3, /* clear it from the device's display */
	LIFE_CONNECT = 1 << 4, /* the credential may be used: let the link come up; a session that
				  is up under the one before is replaced */
	LIFE_DISCONNECT = 1 << 5, /* stop publishing for this device, drain what is in flight, close
				     its session */
	LIFE_TELL_DEVICE =
		1 << 6,	       /* state changed: notify the device, publish its retained status */
	LIFE_REFRESH = 1 << 7, /* call advance() for a refresh */
	LIFE_CANCEL = 1 << 8,  /* tell the platform that the open operation is not wanted any more.
				  The next record holds its blob no more: the driver gets the one
				  before */
	LIFE_PLATFORM_REVOKE = 1 << 9, /* tell the platform to revoke the credential: likewise the
					  one of the record before */
	LIFE_DROP_READINGS =
		1 << 10,	   /* delete this device's waiting readings (or keep: configured) */
	LIFE_ALARM_LEAK = 1 << 11, /* rule 2 */
	LIFE_ALARM_REFUSED =
		1 << 12, /* rule 5: the credential is refused and renewal did not help */
	LIFE_ALARM_FAILED = 1 << 13, /* the operation failed for good */
	LIFE_BACK_OFF = 1 << 14,     /* call the driver for the same step again after a back-off */
	LIFE_FORGET = 1 << 15,	     /* delete the record */
	LIFE_RECONNECT = 1 << 16,    /* the link is lost: LINK_RETRY after a back-off */
};
