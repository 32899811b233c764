/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where a request goes. Default deny: what no table names is not there. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "web/request.h"

/* By the header fields alone: answers what is refused (host, origin, method), or leaves it open. */
void dispatch_headers(struct request *request);
/* The whole request; it is answered now or later. */
void dispatch_request(struct request *request);

/* The address of ours that the client connected to (v4-mapped for IPv4); false on the control
 * socket. */
bool dispatch_local_address(const struct request *request, struct in6_addr *ret_ip);

/* "/devices/{id}/approve" against a path; ret_id gets the one segment: 1 to REQUEST_ID_MAX
 * characters of [A-Za-z0-9._-], not "." or "..". */
bool dispatch_match(const char *pattern, const char *path, char ret_id[REQUEST_ID_MAX + 1]);
