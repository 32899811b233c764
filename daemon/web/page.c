/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_show() asks the questions of the table one after the other and draws when the last answer is
 * there. An answer may come at once, inside the call, so each one only starts the next.
 */

#include "web/page.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/dispatch.h"
#include "web/draw.h"
#include "web/frame.h"

#define API	"/api/v1/"
#define WAITING "limit=200&stage=" WAITING_STAGES

/* Those that may take the place of a broken one. */
#define NEWCOMERS "limit=200&stage=waiting-person"

static const struct page pages[] = {
	{"/login", ROLE_NONE, TEXT_LOGIN, true, draw_login, {{API "status", NULL, false}}},
	{"/setup", ROLE_NONE, TEXT_SETUP, true, draw_setup,
		{{API "status", NULL, false}, {API "network", NULL, false}}},
	{"/waiting", ROLE_VIEWER, TEXT_WAITING, false, draw_waiting,
		{{API "status", NULL, false}, {API "alarms", NULL, false},
			{API "heard", NULL, false}, {API "devices", WAITING, false}}},
	{"/devices", ROLE_VIEWER, TEXT_DEVICES, false, draw_devices,
		{{API "devices", NULL, true}, {API "status", NULL, false}}},
	{"/devices/{id}", ROLE_VIEWER, TEXT_DEVICE, false, draw_device,
		{{API "devices/{id}", NULL, false}, {API "status", NULL, false},
			{API "devices/{id}/readings", NULL, false},
			{API "devices/{id}/history", "limit=12", false},
			{API "devices", NEWCOMERS, false}}},
	{"/scan", ROLE_TECHNICIAN, TEXT_SCAN_MANY, false, draw_scan,
		{{API "codes", "limit=200&open=1", false}}},
	{"/sheet", ROLE_VIEWER, TEXT_SHEET, false, draw_sheet,
		{{API "devices", "limit=200", true}, {API "status", NULL, false}}},
	{"/uplink", ROLE_VIEWER, TEXT_UPLINK, false, draw_uplink,
		{{API "status", NULL, false}, {API "queue", NULL, false},
			{API "dead", "limit=20", false}, {API "network", NULL, false}}},
	{"/account", ROLE_VIEWER, TEXT_ACCOUNT, false, draw_account, {{API "status", NULL, false}}},
	{"/authorities", ROLE_TECHNICIAN, TEXT_CAS, false, draw_cas,
		{{API "device-cas", NULL, false}, {API "site-ca", NULL, false}}},
	{"/codes", ROLE_ADMIN, TEXT_CODES_TITLE, false, draw_codes,
		{{API "codes", "limit=200", false}}},
	{"/journal/chain", ROLE_ADMIN, TEXT_CHAIN, false, draw_chain,
		{{API "journal/verify", NULL, false}}},
	{"/journal", ROLE_ADMIN, TEXT_JOURNAL, false, draw_journal,
		{{API "journal", NULL, true}, {API "status", NULL, false}}},
	{"/uplink/tokens", ROLE_ADMIN, TEXT_TOKENS, false, draw_tokens,
		{{API "tokens", "limit=1000", false}}},
	{"/people", ROLE_ADMIN, TEXT_PEOPLE, false, draw_people, {{API "people", NULL, false}}},
};

const struct page_tab page_tabs[] = {
	{"/waiting", ROLE_VIEWER, TEXT_WAITING, ICON_WAITING, {"/scan"}},
	{"/devices", ROLE_VIEWER, TEXT_DEVICES, ICON_DEVICES, {"/sheet", "/authorities", "/codes"}},
	{"/uplink", ROLE_VIEWER, TEXT_UPLINK, ICON_UPLINK, {NULL}},
	{"/journal", ROLE_ADMIN, TEXT_JOURNAL, ICON_JOURNAL, {NULL}},
	{"/people", ROLE_ADMIN, TEXT_PEOPLE, ICON_PEOPLE, {NULL}},
};
const size_t page_tabs_count = ELEMENTS(page_tabs);

static const struct page *page_find(const char *path, char ret_id[REQUEST_ID_MAX + 1])
{
	for (size_t i = 0; i < ELEMENTS(pages); i++)
		if (dispatch_match(pages[i].path, path, ret_id))
			return &pages[i];
	return NULL;
}

void page_notice(struct request *request, bool is_error, const char *sentence)
{
	snprintf(request->notice, sizeof(request->notice), "%s", sentence);
	request->notice_is_error = is_error;
}

/* The notice of the act before this page is shown once, and not to what the page loads by itself.
 */
static void take_notice(struct request *request, struct session *session)
{
	if (!session || request->background || request->notice[0])
		return;
	memcpy(request->notice, session->notice, sizeof(session->notice));
	request->notice_is_error = session->notice_is_error;
	request->notice_device = session->notice_device;
	session->notice[0] = 0;
	session->notice_is_error = false;
	session->notice_device = (struct notice_device){0};
}

/* A device's screen is called after the device. */
static const char *title_of(const struct request *request)
{
	const char *title =
		request->page->title == TEXT_DEVICE ? device_title(request->part[0]) : "";

	return title[0] ? title : text(request->page->title);
}

static void draw(struct request *request)
{
	struct html html = {0};
	struct session *session = request_session(request);
	struct view view = {.html = &html, .request = request, .session = session};

	take_notice(request, session);
	view.fresh =
		session && session_is_fresh(request->web->sessions, session, clock_boot_usec());
	frame_begin(&view, title_of(request), request->page->bare);
	request->page->draw(&view);
	frame_end(&view, request->page->bare);
	request_answer_html(request, request->page_status, &html);
}

static void fetch_next(struct request *request);

static void on_part(struct request *request, int status, json_t *body)
{
	const char *why = json_string_value(json_object_get(body, "text"));

	if (status >= 300 && request->parts == 0) {
		page_fail(request, (unsigned)status, why ? why : text(TEXT_NOT_READY));
		return;
	}
	request->part[request->parts++] = status < 300 ? json_incref(body) : NULL;
	fetch_next(request);
}

/* "{id}" is safe to put in: dispatch_match() let only letters, digits and "-._" through. */
static void fill_path(
	const struct request *request, const char *pattern, char *ret_path, size_t size)
{
	const char *hole = strstr(pattern, "{id}");

	if (hole)
		snprintf(ret_path, size, "%.*s%s%s", (int)(hole - pattern), pattern, request->id,
			hole + strlen("{id}"));
	else
		snprintf(ret_path, size, "%s", pattern);
}

void page_address(const struct request *request, char *ret_path, size_t size)
{
	fill_path(request, request->page->path, ret_path, size);
}

static void fetch_next(struct request *request)
{
	const struct page *page = request->page;
	const struct page_fetch *fetch = &page->fetch[request->parts];
	const char *query;
	char path[192], both[WEB_HEADER_MAX];

	if (request->parts == REQUEST_PARTS_MAX || !fetch->path) {
		draw(request);
		return;
	}
	fill_path(request, fetch->path, path, sizeof(path));
	query = fetch->query;
	if (fetch->pass_query && request->query && request->query[0]) {
		snprintf(both, sizeof(both), "%s%s%s", query ? query : "", query ? "&" : "",
			request->query);
		query = both;
	}
	if (page->role == ROLE_NONE)
		request_ask_as_page(request, path, query, on_part);
	else
		request_ask(request, "GET", path, query, NULL, on_part);
}

void page_show(struct request *request, const char *path, unsigned status)
{
	char id[REQUEST_ID_MAX + 1] = "";
	const struct page *page = page_find(path, id);

	if (!page) {
		page_fail(request, 404, text(TEXT_NO_PAGE));
		return;
	}
	if (request->caller.role < page->role) {
		page_fail(request, 403, text(TEXT_NOT_YOUR_ROLE));
		return;
	}
	if (id[0])
		memcpy(request->id, id, sizeof(id));
	request->page = page;
	request->page_status = status;
	fetch_next(request);
}

bool page_is_way_back(const char *path)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-";
	char id[REQUEST_ID_MAX + 1];
	const struct page *page = page_find(path, id);

	/* Nothing in it would have to be escaped, in an address or in markup. */
	return page && page->role != ROLE_NONE && path[strspn(path, plain)] == '\0';
}

/* Logs in first, and comes back. Waiting is where everybody goes anyway. */
static void ask_who(struct request *request)
{
	char path[sizeof("/login?back=") + 2 * REQUEST_ID_MAX];

	if (strcmp(request->path, "/waiting") == 0 || !page_is_way_back(request->path)) {
		request_redirect(request, "/login");
		return;
	}
	snprintf(path, sizeof(path), "/login?back=%s", request->path);
	request_redirect(request, path);
}

void page_get(struct request *request)
{
	const struct page *page = page_find(request->path, request->id);

	if (!page) {
		page_fail(request, 404, text(TEXT_NO_PAGE));
		return;
	}
	if (request->caller.role == ROLE_NONE && page->role != ROLE_NONE) {
		if (request->background)
			request_answer(request, 401, "text/plain", "", 0);
		else
			ask_who(request);
		return;
	}
	page_show(request, request->path, 200);
}

void page_fail(struct request *request, unsigned status, const char *sentence)
{
	struct html html = {0};
	struct view view = {.html = &html, .request = request, .session = request_session(request)};
	bool bare = !view.session;

	request->notice[0] = 0;
	frame_begin(&view, text(TEXT_FAILED), bare);
	html_put(&html, "<p class=\"notice error\" role=\"alert\">%s</p>", sentence);
	html_put(&html, "<p><a class=\"button primary\" href=\"/waiting\">%s</a></p>",
		text(TEXT_GO_TO_WAITING));
	frame_end(&view, bare);
	request_answer_html(request, status, &html);
}

json_t *view_part(const struct view *view, unsigned index)
{
	return index < view->request->parts ? view->request->part[index] : NULL;
}

const char *view_typed(const struct view *view, const char *id, const char *field)
{
	const struct request *request = view->request;
	const char *value = form_value(request->form, field);

	return value && strcmp(id, request->id) == 0 ? value : "";
}

const char *view_argument(const struct view *view, const char *name)
{
	const char *value = form_value(view->request->arguments, name);

	return value ? value : "";
}

void view_form_token(const struct view *view, const char *back)
{
	if (!view->session)
		return;
	html_put(view->html, "<input type=\"hidden\" name=\"csrf\" value=\"%s\">",
		view->session->csrf);
	if (back)
		html_put(view->html, "<input type=\"hidden\" name=\"from\" value=\"%s\">", back);
}

bool view_may_act(const struct view *view, const char *act)
{
	static const char prefix[] = API "devices/{id}/";
	const struct api_route *route;

	for (size_t i = 0; (route = api_route_at(i)); i++)
		if (strncmp(route->path, prefix, sizeof(prefix) - 1) == 0 &&
			strcmp(route->path + sizeof(prefix) - 1, act) == 0)
			return view_may(view, route->role);
	return false;
}

bool view_may(const struct view *view, enum role role)
{
	return view->request->caller.role >= role;
}
