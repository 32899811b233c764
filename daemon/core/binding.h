/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether somebody at an address is the device that a record is about. A plain device proves
 * nothing, so it is held by interface, IP and the link address (MAC) that its IP had when it was
 * let in. Routed ones and those on loopback have no MAC: they are held by interface and IP.
 */

#include "core/device.h"

enum binding {
	BINDING_FITS,
	BINDING_LEARNED, /* fits, and its MAC is known only now */
	BINDING_MOVED,	 /* the same MAC under another IP of its interface: a new lease */
	BINDING_CONFLICT,
};

/* 'mac' is "" when there is none. The address was proved to be reachable by the caller. */
enum binding binding_of(
	const struct device_record *record, const struct device_address *address, const char *mac);
/* The record becomes one of somebody at this address. */
void binding_set(
	struct device_record *record, const struct device_address *address, const char *mac);
