/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Datagrams in the queue of a socket, looked at and not yet read. */

#include <sys/socket.h>

#include "lan/gate.h"
#include "lan/lan-internal.h"

#define INBOX_MAX 32 /* one look */

struct arrival {
	struct sockaddr_storage from;
	socklen_t from_size;
	unsigned interface_index;
	bool group;	/* sent to a multicast group */
	bool broadcast; /* to everybody: never answered */
	struct sockaddr_storage local;
	const uint8_t *bytes;
	size_t size; /* of the datagram; 'bytes' may hold less */
};

/* Room for one look; NULL without memory. */
struct inbox *inbox_new(void);
struct inbox *inbox_free(struct inbox *inbox);

/* Looks at up to 'most' datagrams from the head of the queue on, with one system call. Returns how
 * many there are; valid until the next look. */
unsigned inbox_look(struct inbox *inbox, const struct lan_endpoint *endpoint, unsigned most);
const struct arrival *inbox_at(const struct inbox *inbox, unsigned index);

/* What there is of it, at most one byte more than the gate takes. */
struct span arrival_bytes(const struct arrival *arrival);
/* Takes the head of the queue away. */
void arrival_consume(const struct lan_endpoint *endpoint);
/* From the address that was asked, like libcoap's own answers. */
void arrival_reply(const struct lan_endpoint *endpoint, const struct arrival *arrival,
	uint8_t *bytes, size_t size);
