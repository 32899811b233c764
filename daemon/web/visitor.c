/* SPDX-License-Identifier: Apache-2.0 */
/* A connection ends by a shutdown of its socket: the library notices when it looks at it. */

#include "web/visitor.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "web/guard.h"

struct visitor *visitor_begin(
	struct visitors *visitors, struct MHD_Connection *connection, uint64_t now_usec)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor)
		return NULL;
	*visitor = (struct visitor){
		.next = visitors->first,
		.connection = connection,
		.begun_usec = now_usec,
		.deadline_usec = now_usec + VISITOR_REQUEST_USEC,
	};
	if (info && info->client_addr)
		guard_address_from_sockaddr(info->client_addr, &visitor->address);
	if (visitor->next)
		visitor->next->previous = visitor;
	visitors->first = visitor;
	visitors->count++;
	return visitor;
}

void visitor_end(struct visitors *visitors, struct visitor *visitor)
{
	if (!visitor)
		return;
	if (visitor->next)
		visitor->next->previous = visitor->previous;
	if (visitor->previous)
		visitor->previous->next = visitor->next;
	else
		visitors->first = visitor->next;
	visitors->count -= !visitor->leaving;
	free(visitor);
}

struct visitor *visitor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void put_out(struct visitors *visitors, struct visitor *visitor)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(visitor->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
	visitors->count -= !visitor->leaving;
	visitor->leaving = true;
}

void visitors_sweep(struct visitors *visitors, uint64_t now_usec)
{
	for (struct visitor *visitor = visitors->first; visitor; visitor = visitor->next)
		if (visitor->deadline_usec <= now_usec)
			put_out(visitors, visitor);
}

static unsigned held_by(const struct visitors *visitors, const struct in6_addr *address)
{
	unsigned held = 0;

	for (const struct visitor *visitor = visitors->first; visitor; visitor = visitor->next)
		held += !visitor->leaving &&
			memcmp(&visitor->address, address, sizeof(*address)) == 0;
	return held;
}

bool visitors_make_room(struct visitors *visitors, uint64_t now_usec)
{
	struct visitor *chosen = NULL;
	unsigned most = 0;

	for (struct visitor *visitor = visitors->first; visitor; visitor = visitor->next) {
		unsigned held;

		if (visitor->known || visitor->leaving)
			continue;
		held = held_by(visitors, &visitor->address);
		if (held == 1 && now_usec - visitor->begun_usec < VISITOR_GRACE_USEC)
			continue;
		/* The list is by age, so the last of equals is the oldest. */
		if (held >= most) {
			most = held;
			chosen = visitor;
		}
	}
	if (chosen)
		put_out(visitors, chosen);
	return chosen != NULL;
}
