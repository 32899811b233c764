/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The page over HTTPS and the control socket over HTTP: libmicrohttpd on the loop, twice. This room
 * ends TLS, keeps sessions, checks Host, Origin and CSRF, and renders the page's HTML from the
 * API's JSON. It knows people only by what the API answers, and never sees a token: it could be a
 * process of its own.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "api/api.h"
#include "core/config.h"
#include "core/limits.h"

struct web;

struct web_options {
	const struct config_list *addresses; /* HTTPS listens here */
	uint16_t port;			     /* 0 = any */
	const struct config_list *names;     /* further Host names */
	const char *gateway_id;
	const char *state_directory; /* page.key (0600) and page.crt are made here on first start */
	const char *certificate, *key; /* PEM files of the operator's own, or "" */
	const char *control_socket; /* path of the Unix socket; created 0660, group gatehouse when
				       it exists */
	const int *inherited; /* listening TCP sockets passed in (LISTEN_FDS) for the page; used
				 instead of 'addresses' */
	unsigned inherited_count;
	struct limits *limits;
	bool metrics; /* /metrics on the page, for everybody */
};

/* 0 or negative errno, with a sentence in ret_why. */
int web_new(sd_event *loop, const struct web_options *options, struct api *api, struct web **ret,
	char *ret_why, size_t capacity);
struct web *web_free(struct web *web);

/* All sessions of this person end (password or role changed, person dropped). */
void web_end_sessions(struct web *web, const char *person);
/* The page's certificate and key, valid as long as the page is. */
const struct certificate *web_certificate(const struct web *web);
/* SHA-256 fingerprint of the page's certificate, "AB:CD:..." */
const char *web_fingerprint(const struct web *web);
/* The first HTTPS port in use, host order. */
uint16_t web_port(const struct web *web);
