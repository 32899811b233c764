/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Devices that prove who they are with each datagram: their keys, their sessions, their tier. */

#include "host/host.h"

/* As lan_ops.psk and lan_ops.keeps. */
bool secure_host_psk(
	struct host *host, const char *identity, uint8_t ret_key[LAN_PSK_MAX], size_t *ret_size);
bool secure_host_keeps(const struct host *host, const struct lan_peer *peer);

/* True when the session that the request came over proves a name (or the request came over none
 * and proves nothing that counts here). */
bool secure_is_proven(const struct lan_request *request);
/* True when this peer's session proves that it is the device of the record, or may become it: by a
 * key or a certificate that nobody else has proved the name with. A certificate is not the key of a
 * label, and not another certificate: who had proved the name with one of these, be it by a claim,
 * keeps it until a person releases the device - also while nobody has decided about it. */
bool secure_may_be(const struct device_record *record, const struct lan_peer *peer);
/* True when the request came over a session that is this device's own. */
bool secure_is_device(const struct lan_request *request, const struct device *device);
/* True while this peer speaks for the device: a session by what it proved, all others by their
 * address, as long as nobody proved the name. */
bool secure_is_still(const struct device_record *record, const struct lan_peer *peer);
/* True when the name was proved over a session before, and this request is not: it is to be
 * refused, and is in the journal (a few times a minute). */
bool secure_is_downgrade(
	struct host *host, struct device *device, const struct lan_request *request);
/* True when this request is the device's own: by its proof, or by its address as long as nobody
 * proved the name. */
bool secure_speaks_for(struct host *host, struct device *device, const struct lan_request *request);
/* The record of a device whose name was proved by this peer: tier, address. Returns true when
 * something changes. */
bool secure_raise(struct device_record *next, const struct lan_peer *peer);
