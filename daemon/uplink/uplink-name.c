/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as a gate. Paho resolves with its process-wide lock held, so a dead name server would stall
 * every session. Therefore the name is looked up on the job thread first; only when that answered
 * does Paho connect, by the name (server name indication and host verification use it) and with a
 * resolver that is known to answer.
 *
 * A look-up cannot be stopped. It outlives its attempt and its session, and a session has at most
 * one under way.
 */

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uplink/uplink-parts.h"

struct lookup {
	struct uplink_session *session;	 /* loop only; NULL when it has ended */
	int error;			 /* EAI_*, written by the thread before done() */
	struct sockaddr_storage address; /* likewise */
	socklen_t address_size;
	char host[];
};

static int look_up(void *userdata)
{
	struct lookup *lookup = userdata;
	struct addrinfo *list = NULL, *one;
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

	lookup->error = getaddrinfo(lookup->host, NULL, &hints, &list);
	if (lookup->error != 0)
		return -EHOSTUNREACH;
	/* As the library does: of the old family where there is one. */
	for (one = list; one && one->ai_family != AF_INET;)
		one = one->ai_next;
	if (!one)
		one = list;
	if (one && one->ai_addrlen <= sizeof(lookup->address)) {
		memcpy(&lookup->address, one->ai_addr, one->ai_addrlen);
		lookup->address_size = one->ai_addrlen;
	}
	freeaddrinfo(list);
	return 0;
}

static void on_looked_up(void *userdata, int result)
{
	struct lookup *lookup = userdata;
	struct uplink_session *session = lookup->session;
	char text[UPLINK_TEXT_MAX];

	if (session) {
		session->lookup = NULL;
		session->address = lookup->address;
		session->address_size = lookup->address_size;
	}
	if (session && session->state == SESSION_NAMING) {
		snprintf(text, sizeof(text), "the name %.120s does not resolve: %s", lookup->host,
			result == -ECANCELED ? "shutting down" : gai_strerror(lookup->error));
		if (result < 0)
			session_fail(session, UPLINK_UNREACHABLE, text);
		else if (connection_start(session, session->options.version == 4 ? 4 : 5) < 0)
			session_fail(session, UPLINK_UNREACHABLE, "out of memory");
	}
	free(lookup);
}

int session_look_up(struct uplink_session *session)
{
	size_t size = strlen(session->options.host) + 1;
	struct lookup *lookup;
	int r;

	if (session->lookup)
		return 0; /* of an attempt that timed out: its answer is as good */
	lookup = malloc(sizeof(*lookup) + size);
	if (!lookup)
		return -ENOMEM;
	*lookup = (struct lookup){.session = session};
	memcpy(lookup->host, session->options.host, size);
	r = job_submit(session->uplink->names, look_up, on_looked_up, lookup);
	if (r < 0) {
		free(lookup);
		return r;
	}
	session->lookup = lookup;
	return 0;
}

void session_forget_lookup(struct uplink_session *session)
{
	if (session->lookup)
		session->lookup->session = NULL;
	session->lookup = NULL;
}
