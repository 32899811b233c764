/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of this room share: the value behind struct web. */

#include "web/certificate.h"
#include "web/guard.h"
#include "web/port.h"
#include "web/session.h"
#include "web/web.h"

#define WEB_HEADER_MAX (8 * 1024)

struct request;

struct web {
	sd_event *loop;
	struct api *api;
	struct limits *limits;
	struct config_list names;
	char hostname[65];
	char gateway_id[33];
	char *control_path; /* to be unlinked at the end, or NULL */
	struct certificate *certificate;
	struct sessions *sessions;
	struct streams *streams;
	struct port *page;    /* HTTPS */
	struct port *control; /* HTTP on the Unix socket */
	uint16_t port;
	bool metrics;		  /* on the page too */
	struct request *requests; /* all that are under way */
};
