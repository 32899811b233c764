/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions are this room's own, so the API knows nothing of them. A session is named by its number,
 * which no other one ever has, and only by the person whose it is. One tells one's sessions apart
 * by the browser, the address and the times. Of what a browser says of itself only words of ours
 * are kept (word.c): it may say anything.
 */

#include "web/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/draw.h"
#include "web/stream.h"

void account_note(const struct request *request, struct session *session)
{
	const char *agent = request_field(request, "User-Agent");

	if (request->local)
		return;
	snprintf(session->from, sizeof(session->from), "%.*s", SESSION_FROM_MAX,
		request->caller.via);
	session->browser = agent ? word_in(WORD_BROWSER, agent) : NULL;
	session->system = agent ? word_in(WORD_SYSTEM, agent) : NULL;
}

/* --- the screen --- */

/* "Firefox on Android", as far as it is known. */
static void draw_browser(struct view *view, const struct session *session)
{
	const char *browser = session->browser ? session->browser->label : text(TEXT_A_BROWSER);

	html_put(view->html, "<h3>%s", browser);
	if (session->system)
		html_put(view->html, " %s %s", text(TEXT_BROWSER_ON), session->system->label);
	html_put(view->html, "</h3>");
}

static void draw_session(struct view *view, const struct session *session)
{
	bool this_one = session == view->session;
	uint64_t now_usec = clock_boot_usec();

	html_put(view->html, "<article class=\"card\" data-key=\"session-%llu\"><header>",
		(unsigned long long)session->number);
	draw_browser(view, session);
	draw_tag(view, WORD_SESSION, this_one ? "this" : "other");
	html_put(view->html, "</header>\n<dl class=\"facts\">");
	draw_fact(view, TEXT_ADDRESS, session->from);
	html_put(view->html, "<div><dt>%s</dt><dd>", text(TEXT_LOGGED_IN));
	draw_seconds_ago(view, (long long)((now_usec - session->begun_usec) / USEC_PER_SEC));
	html_put(view->html, "</dd></div><div><dt>%s</dt><dd>", text(TEXT_LAST_USED));
	draw_seconds_ago(view, (long long)((now_usec - session->active_usec) / USEC_PER_SEC));
	html_put(view->html, "</dd></div></dl>\n");
	if (!this_one) {
		html_put(view->html, "<form method=\"post\" action=\"/account/end\">");
		view_form_token(view, NULL);
		html_put(view->html,
			"<input type=\"hidden\" name=\"session\" value=\"%llu\"><button "
			"class=\"danger\">%s</button></form>\n",
			(unsigned long long)session->number, text(TEXT_END_SESSION));
	}
	html_put(view->html, "</article>\n");
}

static void draw_new_password(struct view *view)
{
	draw_section_begin(view, TEXT_CHANGE_PASSWORD, "password");
	html_put(view->html, "<p>%s</p><form method=\"post\" action=\"/account/password\">",
		text(TEXT_CHANGE_PASSWORD_WHAT));
	view_form_token(view, NULL);
	draw_password(view, "account", true);
	draw_input(view, TEXT_NEW_PASSWORD, "secret", "account", "",
		"type=\"password\" autocomplete=\"new-password\" minlength=\"15\" required");
	html_put(view->html,
		"<p class=\"hint\">%s</p>\n<div class=\"buttons\"><button "
		"class=\"primary\">%s</button></div></form>\n",
		text(TEXT_PASSWORD_RULE), text(TEXT_SAVE));
	draw_section_end(view);
}

void draw_account(struct view *view)
{
	struct sessions *sessions = view->request->web->sessions;
	const struct session *session = NULL;

	if (!view->session)
		return;
	html_put(view->html,
		"<div id=\"live\"><section data-key=\"sessions\"><h2>%s</h2>\n"
		"<div class=\"cards\" data-items>\n",
		text(TEXT_OWN_SESSIONS));
	draw_session(view, view->session);
	while ((session = session_next(sessions, view->session->name, session)))
		if (session != view->session)
			draw_session(view, session);
	html_put(view->html, "</div></section></div>\n");
	draw_new_password(view);
}

/* --- the form --- */

bool account_post(struct request *request)
{
	const char *text_of_number = form_value(request->form, "session");
	struct session *own = request_session(request), *session;

	if (strcmp(request->path, "/account/end") != 0)
		return false;
	session = session_by_number(
		request->web->sessions, text_of_number ? strtoull(text_of_number, NULL, 10) : 0);
	/* Somebody else's is as good as none. */
	if (session && strcmp(session->name, own->name) == 0) {
		session_end(session);
		streams_sessions_ended(request->web->streams);
	}
	memcpy(own->notice, text(TEXT_DONE_SESSION_END), strlen(text(TEXT_DONE_SESSION_END)) + 1);
	request_redirect(request, "/account");
	return true;
}
