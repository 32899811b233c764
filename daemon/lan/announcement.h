/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The gateway's own services: "gatehouse <id>", _coap._udp, _core-rd._udp and, with DTLS,
 * _coaps._udp, TXT v=1 rt=gatehouse. Part of discovery. */

#include <avahi-client/client.h>
#include <stdint.h>

#include "core/config.h"

struct announcement;

/* 'interfaces' must outlive it. 'secure_port' 0: without DTLS. */
int announcement_new(const struct config_list *interfaces, const char *gateway_id, uint16_t port,
	uint16_t secure_port, struct announcement **ret);
struct announcement *announcement_free(struct announcement *announcement);

/* The client runs: announces on each of the interfaces that is there. May be called again. */
void announcement_publish(struct announcement *announcement, AvahiClient *client);
/* The host's name changes: until announcement_publish() nothing is announced. */
void announcement_pause(struct announcement *announcement);
/* Before the client goes; not from its callbacks. */
void announcement_withdraw(struct announcement *announcement);
