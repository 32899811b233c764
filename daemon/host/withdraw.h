/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Telling platforms that an operation or a credential is over, until they have confirmed it
 * (core/withdrawal.h). Decided in the transaction of the change itself:
 *
 *	change of a record -> withdraw_note() adds a row to it -> saved -> withdraw_settle()
 *	  -> the device's own session has ended, or 5 s -> the driver's request -> confirmed
 *	  -> the row is deleted
 *
 * What is not confirmed is tried again: after a back-off, when the gateway's session comes up, and
 * after a restart.
 */

#include "host/host.h"

/* The device's record is replaced by 'next' (NULL: deleted) with this change: adds what its
 * platform has to be told then. -ENOMEM. */
int withdraw_note(
	struct device_host *part, const struct device_record *next, struct change *change);
/* That change was saved (result >= 0), or was not. Without one it does nothing. */
void withdraw_settle(struct device_host *part, int result);
/* At start; takes it over. */
int withdraw_load(struct host *host, struct withdrawal *what);
/* The gateway's session is up. */
void withdraw_on_connected(struct host *host);
void withdrawings_free_all(struct host *host);
