/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The code of an open operation on the display of a device that is a server
 * (rt="gatehouse.display"):
 *
 *	a code came     the record says, in the same transaction, that the display holds one
 *	                -> PUT, again until it was taken
 *	it is over      DELETE, again until it was taken; then the record says no more that it
 *	                holds one
 *
 * So what was shown is cleared also when the gateway, or the device, was off in between. A device
 * that enrols by itself gets its code with the answer instead, and needs none of this.
 */

#include "host/host.h"

/* To be called on each next record before it is saved. */
void display_note(struct device_record *next);
/* A code came, came back after a restart, or is over: tried at once, whatever failed before. */
void display_changed(struct host *host, struct device *device);
/* The device can be asked (again), or the gateway has started: what is owed is tried. */
void display_look(struct host *host, struct device *device);
void display_detach(struct device_host *part);
