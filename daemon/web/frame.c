/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bar stands at the bottom of a phone, where the thumb is, and at the top of wider windows; the
 * style sheet moves it, the order in the markup stays. The session's remaining time is an attribute
 * of the body: the page warns before it ends.
 */

#include "web/frame.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/draw.h"

static void draw_head(struct view *view, const char *title)
{
	html_put(view->html,
		"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s · %s</title>\n"
		"<link rel=\"icon\" type=\"image/svg+xml\" href=\"/assets/icon.svg\">\n"
		"<link rel=\"stylesheet\" href=\"/assets/style.css\">\n"
		"<script src=\"/assets/page.js\" defer></script>\n</head>\n",
		title, view->request->web->gateway_id);
}

/* " aria-current": the screen itself, or one that is reached from it. */
static void put_current(struct view *view, const char *tab, const char *const *behind, size_t count)
{
	const struct page *page = view->request->page;
	size_t length = strlen(tab);
	bool below = page && strncmp(page->path, tab, length) == 0 && page->path[length] == '/';

	for (size_t i = 0; page && i < count && behind[i]; i++)
		below = below || strcmp(page->path, behind[i]) == 0;
	if (page && strcmp(page->path, tab) == 0)
		html_put(view->html, " aria-current=\"page\"");
	else if (below)
		html_put(view->html, " aria-current=\"true\"");
}

static void draw_tabs(struct view *view)
{
	html_put(view->html, "<nav class=\"tabs\" aria-label=\"%s\"><ul>", text(TEXT_SCREENS));
	for (size_t i = 0; i < page_tabs_count; i++) {
		const struct page_tab *tab = &page_tabs[i];

		if (!view_may(view, tab->role))
			continue;
		html_put(view->html, "<li><a href=\"%s\"", tab->path);
		put_current(view, tab->path, tab->behind, PAGE_BEHIND_MAX);
		html_put(view->html, ">");
		icon_put(view->html, tab->icon);
		html_put(view->html, "<span>%s</span></a></li>", text(tab->label));
	}
	html_put(view->html, "</ul></nav>");
}

static void draw_bar(struct view *view)
{
	const struct session *session = view->session;

	html_put(view->html, "<header class=\"bar\"><a class=\"brand\" href=\"/waiting\">");
	icon_put(view->html, ICON_GATE);
	html_put(view->html, "<span>gatehouse<small>%s</small></span></a>",
		view->request->web->gateway_id);
	draw_tabs(view);
	html_put(view->html, "<form class=\"leave\" method=\"post\" action=\"/logout\">");
	view_form_token(view, NULL);
	html_put(view->html, "<a class=\"who\" href=\"/account\"");
	put_current(view, "/account", NULL, 0);
	html_put(view->html,
		"><bdi>%s</bdi><small>%s</small></a><button class=\"quiet\" title=\"%s\">",
		session->name, word_label(WORD_ROLE, role_to_string(session->role)),
		text(TEXT_LOG_OUT));
	icon_put(view->html, ICON_LEAVE);
	html_put(view->html, "<span class=\"label\">%s</span></button></form></header>\n",
		text(TEXT_LOG_OUT));
}

static void draw_notice(struct view *view)
{
	const struct request *request = view->request;

	if (!request->notice[0])
		return;
	html_put(view->html, "<p class=\"notice %s\" role=\"%s\">%s",
		request->notice_is_error ? "error" : "done",
		request->notice_is_error ? "alert" : "status", request->notice);
	/* It may have left this screen; there one sees what becomes of it. */
	if (request->notice_device.id[0])
		html_put(view->html, " <a href=\"/devices/%s\"><bdi>%s</bdi></a>",
			request->notice_device.id, request->notice_device.title);
	html_put(view->html, "</p>\n");
}

/* What the scripts say: they hold no sentence of their own, and no unit. */
struct said {
	const char *name;
	enum text text;
};

static const struct said said_units[] = {
	{"days", TEXT_UNIT_DAYS},
	{"hours", TEXT_UNIT_HOURS},
	{"minutes", TEXT_UNIT_MINUTES},
	{"seconds", TEXT_UNIT_SECONDS},
	{"past", TEXT_UNIT_AGO},
};

static const struct said said_texts[] = {
	{"new", TEXT_NEW_HERE},
	{"scan", TEXT_SCAN},
	{"denied", TEXT_SCAN_DENIED},
	{"label", TEXT_SCAN_IS_LABEL},
	{"filled", TEXT_LABEL_FILLED},
	{"nocamera", TEXT_SCAN_NO_CAMERA},
	{"exporting", TEXT_EXPORTING},
	{"exported", TEXT_EXPORTED},
	{"fields", TEXT_IMPORT_FIELDS},
	{"failed", TEXT_IMPORT_FAILED},
	{"line", TEXT_IMPORT_LINE},
	{"empty", TEXT_IMPORT_EMPTY},
	{"imported", TEXT_IMPORT_DONE},
	{"unreachable", TEXT_IMPORT_AWAY},
	{"camera", TEXT_SCAN_CAMERA},
	{"in", TEXT_SCAN_IN},
	{"waits", TEXT_SCAN_WAITS},
	{"gone", TEXT_SCAN_GONE},
	{"again", TEXT_SCAN_AGAIN},
	{"unscanned", TEXT_SCAN_AWAY},
	{"unheard", TEXT_SESSION_AWAY},
};

static void put_said(struct view *view, const struct said *row, size_t count)
{
	for (size_t i = 0; i < count; i++)
		html_put(view->html, " data-%s=\"%s\"", row[i].name, text(row[i].text));
}

static void draw_body(struct view *view)
{
	uint64_t left = view->session ? session_left_usec(view->session, clock_boot_usec()) : 0;

	if (!view->session) {
		html_put(view->html, "<body class=\"bare\"");
		put_said(view, said_units, ELEMENTS(said_units));
		html_put(view->html, ">\n");
		return;
	}
	html_put(view->html, "<body data-left=\"%llu\"", (unsigned long long)(left / USEC_PER_SEC));
	put_said(view, said_units, ELEMENTS(said_units));
	put_said(view, said_texts, ELEMENTS(said_texts));
	html_put(view->html, ">\n");
}

void frame_begin(struct view *view, const char *title, bool bare)
{
	char path[192];

	if (!view->request->background) {
		draw_head(view, title);
		draw_body(view);
		html_put(view->html, "<a class=\"skip\" href=\"#main\">%s</a>\n", text(TEXT_SKIP));
		if (!bare && view->session)
			draw_bar(view);
	}
	html_put(view->html, "<main id=\"main\"");
	if (view->request->method == METHOD_POST && view->request->page) {
		page_address(view->request, path, sizeof(path));
		html_put(view->html, " data-path=\"%s\"", path);
	}
	html_put(view->html, ">\n");
	if (view->request->background)
		return;
	html_put(view->html, "<h1>%s</h1>\n", title);
	draw_notice(view);
}

/* What the scripts show: the session ends or has ended, the gateway does not answer. */
static void draw_dialogs(struct view *view)
{
	html_put(view->html,
		"<p id=\"away\" class=\"away\" role=\"status\" hidden>%s <b "
		"id=\"away-since\"></b>. "
		"%s</p>\n<p id=\"crowded\" class=\"away\" role=\"status\" hidden>%s %s</p>\n<p "
		"id=\"said\" class=\"visually-hidden\" role=\"status\"></p>\n",
		text(TEXT_GATEWAY_AWAY), text(TEXT_GATEWAY_AWAY_WHAT), text(TEXT_NOT_LIVE),
		text(TEXT_TOO_MANY_SCREENS));
	html_put(view->html,
		"<dialog id=\"ending\" aria-labelledby=\"ending-title\"><h2 "
		"id=\"ending-title\"><span class=\"soon\">%s</span><span "
		"class=\"ended\">%s</span></h2>"
		"<div class=\"soon\"><p>%s</p><div class=\"buttons\"><button id=\"stay\" "
		"class=\"primary\" autofocus>%s</button></div></div>\n",
		text(TEXT_SESSION_TITLE), text(TEXT_SESSION_OVER), text(TEXT_SESSION_ENDS),
		text(TEXT_STAY));
	html_put(view->html,
		"<form class=\"ended\" "
		"data-name=\"%s\"><p>%s</p><p><strong><bdi>%s</bdi></strong></p>"
		"<input hidden autocomplete=\"username\" aria-label=\"%s\" value=\"%s\">"
		"<div class=\"field\"><label for=\"back-password\">%s</label>",
		view->session->name, text(TEXT_SESSION_ENDED), view->session->name,
		text(TEXT_LOGIN_NAME), view->session->name, text(TEXT_PASSWORD));
	html_put(view->html,
		"<input id=\"back-password\" name=\"password\" type=\"password\" required "
		"autocomplete=\"current-password\"></div><p class=\"problem\" role=\"alert\"></p>"
		"<div class=\"buttons\"><button "
		"class=\"primary\">%s</button></div></form></dialog>\n",
		text(TEXT_LOGIN_BUTTON));
}

static void draw_scanner(struct view *view)
{
	html_put(view->html,
		"<dialog id=\"scanner\" aria-labelledby=\"scanner-title\"><h2 "
		"id=\"scanner-title\">%s</h2><video muted playsinline></video><p "
		"role=\"status\"></p><p class=\"problem\" role=\"alert\"></p><div "
		"class=\"buttons\"><button>%s</button></div></dialog>\n",
		text(TEXT_SCAN_TITLE), text(TEXT_SCAN_STOP));
}

/* For the script (reveal.js), which puts one at the end of each field for a password. */
static void draw_reveal(struct view *view)
{
	html_put(view->html, "<template id=\"reveal\"><button type=\"button\" class=\"quiet "
			     "reveal\" aria-pressed=\"false\">");
	icon_put(view->html, ICON_SHOW);
	icon_put(view->html, ICON_HIDE);
	html_put(view->html, "<span class=\"visually-hidden\">%s</span></button></template>\n",
		text(TEXT_SHOW_PASSWORD));
}

void frame_end(struct view *view, bool bare)
{
	html_put(view->html, "</main>\n");
	if (view->request->background)
		return;
	draw_reveal(view);
	if (!bare && view->session) {
		draw_dialogs(view);
		draw_scanner(view);
	}
	html_put(view->html, "</body>\n</html>\n");
}
