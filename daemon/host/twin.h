/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a platform has written down of a device, where it has such a place (a twin, a shadow): what
 * it wants of the device becomes a command, and what is said of the device (upstream.c) is said
 * again when it was put off. Only for devices with a session of their own.
 */

#include "host/host.h"

/* Its session is up: what is wanted of it is asked for. */
void twin_on_connected(struct host *host, struct device *device);
/* A message about it: CONFIGURATION, CHANGED, TAKEN, PUT_OFF, NOT_TAKEN. */
void twin_on_message(
	struct host *host, struct device *device, const struct inbound_message *message);
/* The device goes. */
void twin_detach(struct device_host *part);
