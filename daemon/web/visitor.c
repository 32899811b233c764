/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection ends by a shutdown of its socket: the library notices when it looks at it. One that
 * is idle is shut down for reading alone, so that the library still says good-bye to the client.
 */

#include "web/visitor.h"

#include <microhttpd.h>
#include <poll.h>
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

static int socket_of(const struct visitor *visitor)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(visitor->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static void put_out(struct visitors *visitors, struct visitor *visitor, int how)
{
	int fd = socket_of(visitor);

	if (fd >= 0)
		shutdown(fd, how);
	visitors->count -= !visitor->leaving;
	visitor->leaving = true;
}

void visitors_sweep(struct visitors *visitors, uint64_t now_usec)
{
	for (struct visitor *visitor = visitors->first; visitor; visitor = visitor->next)
		if (visitor->deadline_usec <= now_usec)
			put_out(visitors, visitor, SHUT_RDWR);
}

unsigned visitors_held(const struct visitors *visitors, const struct in6_addr *address)
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
		held = visitors_held(visitors, &visitor->address);
		if (held == 1 && now_usec - visitor->begun_usec < VISITOR_GRACE_USEC)
			continue;
		/* The list is by age, so the last of equals is the oldest. */
		if (held >= most) {
			most = held;
			chosen = visitor;
		}
	}
	if (chosen)
		put_out(visitors, chosen, SHUT_RDWR);
	return chosen != NULL;
}

/* What has come and is not read yet is a request: it does not count as idle. */
static bool has_something_to_say(const struct visitor *visitor)
{
	struct pollfd wanted = {.fd = socket_of(visitor), .events = POLLIN};

	return poll(&wanted, 1, 0) > 0;
}

bool visitors_make_room_at(
	struct visitors *visitors, const struct in6_addr *address, uint64_t now_usec)
{
	struct visitor *idle = NULL, *mute = NULL;

	for (struct visitor *visitor = visitors->first; visitor; visitor = visitor->next) {
		if (visitor->leaving || memcmp(&visitor->address, address, sizeof(*address)) != 0)
			continue;
		if (visitor->idle_usec && (!idle || visitor->idle_usec < idle->idle_usec) &&
			!has_something_to_say(visitor))
			idle = visitor;
		if (!visitor->asked && now_usec - visitor->begun_usec >= VISITOR_GRACE_USEC)
			mute = visitor; /* the list is by age: the last one is the oldest */
	}
	if (idle)
		put_out(visitors, idle, SHUT_RD);
	else if (mute)
		put_out(visitors, mute, SHUT_RDWR);
	return idle || mute;
}
