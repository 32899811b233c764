/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of the checks on the page: Host, method, origin (all by header fields), then session,
 * then token and role. Before the first administrator exists there is only the set-up page, and
 * only for neighbours on the same link.
 */

#include "web/dispatch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/account.h"
#include "web/action.h"
#include "web/assets.h"
#include "web/door.h"
#include "web/entry.h"
#include "web/guard.h"
#include "web/interfaces.h"
#include "web/kept.h"
#include "web/page.h"
#include "web/texts.h"

#define COOKIE_NAME  "__Host-gh"
#define API_PREFIX   "/api/v1/"
#define METRICS	     "/metrics"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* --- by header fields --- */

static const struct sockaddr *peer_address(const struct request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info ? info->client_addr : NULL;
}

static int connection_fd(const struct request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

bool dispatch_local_address(const struct request *request, struct in6_addr *ret_ip)
{
	struct sockaddr_storage local = {0};
	socklen_t size = sizeof(local);
	int fd = connection_fd(request);

	return fd >= 0 && getsockname(fd, (struct sockaddr *)&local, &size) == 0 &&
	       guard_address_from_sockaddr((struct sockaddr *)&local, ret_ip);
}

/* The address that the client connected to is ours without asking the kernel for all. */
static bool is_own_address(const struct request *request, const struct in6_addr *ip)
{
	struct guard_address address[INTERFACES_MAX];
	struct in6_addr own;
	size_t count;

	if (dispatch_local_address(request, &own) && memcmp(&own, ip, sizeof(own)) == 0)
		return true;
	count = interfaces_list(address, INTERFACES_MAX);
	return guard_is_ours(ip, address, count);
}

static bool host_is_ours(const struct request *request)
{
	const struct guard_names names = {
		.names = &request->web->names, .hostname = request->web->hostname};
	struct in6_addr ip;

	switch (guard_host_check(&names, request_field(request, "Host"), &ip)) {
	case GUARD_HOST_OURS:
		return true;
	case GUARD_HOST_ADDRESS:
		return is_own_address(request, &ip);
	case GUARD_HOST_FOREIGN:
		return false;
	}
	return false;
}

void dispatch_headers(struct request *request)
{
	if (request->method == METHOD_OTHER) {
		request_answer_error(request, 405, "method", text(TEXT_NO_METHOD));
		return;
	}
	if (request->local)
		return;
	if (!host_is_ours(request)) {
		request_answer(request, 421, "text/plain", "", 0);
		return;
	}
	if (request->method != METHOD_GET &&
		!guard_same_origin(request_field(request, "Host"), request_field(request, "Origin"),
			request_field(request, "Sec-Fetch-Site")))
		request_answer_error(request, 403, "cross-site", text(TEXT_CROSS_SITE));
}

/* --- who --- */

static void local_caller(struct request *request)
{
	struct api_caller *caller = &request->caller;
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);

	*caller = (struct api_caller){.role = ROLE_NONE, .via = "control socket"};
	if (getsockopt(connection_fd(request), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return;
	/* Who runs as the daemon's own user can read its memory: no less than root to us. */
	caller->local_root = peer.uid == 0 || peer.uid == geteuid();
	caller->role = caller->local_root ? ROLE_ADMIN : ROLE_TECHNICIAN;
	caller->fresh_password = true; /* the right to open the socket stands for it */
	snprintf(caller->name, sizeof(caller->name), "uid %u", (unsigned)peer.uid);
}

static void page_caller(struct request *request)
{
	const char *cookie =
		MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, COOKIE_NAME);
	struct session *session;
	struct in6_addr ip;

	request->caller = (struct api_caller){.role = ROLE_NONE, .via = "page"};
	if (guard_address_from_sockaddr(peer_address(request), &ip))
		guard_address_format(&ip, request->caller.via);
	request->background = request_field(request, "X-Background") != NULL ||
			      strcmp(request->path, DOOR_EVENTS) == 0;
	session = session_find(
		request->web->sessions, cookie, clock_boot_usec(), !request->background);
	port_know(request->connection, session != NULL);
	if (!session)
		return;
	if (!request->background)
		account_note(request, session);
	request->session_number = session->number;
	request->caller.role = session->role;
	memcpy(request->caller.name, session->name, sizeof(session->name));
}

/* --- where to --- */

static bool id_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

bool dispatch_match(const char *pattern, const char *path, char ret_id[REQUEST_ID_MAX + 1])
{
	const char *hole = strstr(pattern, "{id}");
	size_t before, size = 0;
	char id[REQUEST_ID_MAX + 1];

	if (!hole)
		return strcmp(pattern, path) == 0;
	before = (size_t)(hole - pattern);
	if (strncmp(pattern, path, before) != 0)
		return false;
	path += before;
	while (size < REQUEST_ID_MAX && id_character(path[size]))
		size++;
	if (size == 0 || strcmp(hole + strlen("{id}"), path + size) != 0)
		return false;
	memcpy(id, path, size);
	id[size] = 0;
	if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return false;
	memcpy(ret_id, id, size + 1);
	return true;
}

static bool parse_query(struct request *request)
{
	return form_parse(span_from_string(request->query), &request->arguments) >= 0;
}

static bool is_form(const struct request *request)
{
	static const char type[] = "application/x-www-form-urlencoded";
	const char *given = request_field(request, "Content-Type");

	return given && strncasecmp(given, type, sizeof(type) - 1) == 0;
}

/* A form from the page: its token must be the session's. */
static void dispatch_form(struct request *request)
{
	struct session *session = request_session(request);

	if (!is_form(request)) {
		page_fail(request, 415, text(TEXT_NO_FORM));
		return;
	}
	if (form_parse(span_of(request->body, request->body_size), &request->form) < 0) {
		page_fail(request, 400, text(TEXT_BAD_FORM));
		return;
	}
	if (entry_post(request))
		return;
	if (!session) {
		kept_ask_who(request);
		return;
	}
	if (!session_token_fits(session, form_value(request->form, "csrf"))) {
		kept_show_again(request);
		return;
	}
	if (!account_post(request))
		action_begin(request);
}

static void dispatch_page(struct request *request)
{
	if (!parse_query(request)) {
		page_fail(request, 400, text(TEXT_BAD_ADDRESS));
		return;
	}
	if (request->method == METHOD_POST)
		dispatch_form(request);
	else if (request->method != METHOD_GET)
		page_fail(request, 405, text(TEXT_NO_METHOD));
	else if (!entry_get(request))
		page_get(request);
}

/* True when it is answered. Where it is not switched on there is nothing at this path. */
static bool dispatch_metrics(struct request *request)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size;

	if (strcmp(request->path, METRICS) != 0 || request->method != METHOD_GET ||
		(!request->local && !request->web->metrics))
		return false;
	if (api_metrics(request->web->api, &text, &size) < 0)
		request_answer(request, 503, "text/plain", "", 0);
	else
		request_answer(request, 200, METRICS_TYPE, text, size);
	return true;
}

void dispatch_request(struct request *request)
{
	if (dispatch_metrics(request))
		return;
	if (request->local) {
		local_caller(request);
		door_begin(request);
		return;
	}
	page_caller(request);
	if (strncmp(request->path, API_PREFIX, strlen(API_PREFIX)) == 0)
		door_begin(request);
	else if (request->method == METHOD_GET && assets_answer(request))
		return;
	else
		dispatch_page(request);
}
