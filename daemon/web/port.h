/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One HTTP server of libmicrohttpd on the loop, with any number of listening sockets: we accept,
 * the library does the rest, so the limits hold over all sockets together.
 */

#include <microhttpd.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "core/limits.h"

#define PORT_LISTENERS_MAX 16

struct port;

struct port_options {
	const char *key, *chain; /* PEM; NULL = without TLS */
	unsigned connections;	 /* at most */
	unsigned per_address;	 /* 0 = no limit */
	struct limits *limits;	 /* what was reached is counted here */
	MHD_AccessHandlerCallback handle;
	void *(*begin)(void *userdata, const char *uri, struct MHD_Connection *connection);
	MHD_RequestCompletedCallback completed;
	void *userdata; /* of the three */
};

/* 0 or negative errno (-EIO: the library refused, e.g. the key). */
int port_new(sd_event *loop, const struct port_options *options, struct port **ret);
/* Closes every socket. No request may be suspended any more. */
struct port *port_free(struct port *port);
/* After MHD_resume_connection(): the library runs in the next turn of the loop. */
void port_wake(struct port *port);
/* This connection's answer goes on without end: no deadline until it is complete. */
void port_hold(struct MHD_Connection *connection);
/* Somebody is logged in on this connection, or nobody any more: who is known is not put out. */
void port_know(struct MHD_Connection *connection, bool known);
/* Takes over the listening socket when it succeeds. */
int port_listen(struct port *port, int fd);
