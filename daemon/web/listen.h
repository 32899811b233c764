/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Listening sockets for the page and for the control socket. */

#include <stdint.h>

/* TCP on an address (text, IPv4 or IPv6 with optional %zone) and port (0 = any); an fd or negative
 * errno. An address that is not there yet is fine where the kernel lets us (IP_FREEBIND). */
int listen_tcp(const char *address, uint16_t port);
/* The port a listening socket stands on, 0 when it has none. */
uint16_t listen_port(int fd);
/*
 * A Unix socket at 'path' with mode 0660, group "gatehouse" where that group exists. What a crash
 * left behind is replaced; -EADDRINUSE when somebody listens there.
 */
int listen_unix(const char *path);
