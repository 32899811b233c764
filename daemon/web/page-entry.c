/* SPDX-License-Identifier: Apache-2.0 */
/* Login and set-up: the two screens for people who are not logged in. */

#include "web/draw.h"

#include <string.h>

#include "web/dispatch.h"
#include "web/entry.h"
#include "web/kept.h"

/* Into this form, not into the one that came after the end of a session. */
static const char *typed(const struct view *view, const char *field)
{
	const char *value = form_value(view->request->form, field), *path = view->request->path;
	bool own = strcmp(path, "/login") == 0 || strncmp(path, "/setup", strlen("/setup")) == 0;

	return value && own ? value : "";
}

static void draw_certificate(struct view *view, bool open)
{
	html_put(view->html,
		"<details class=\"certificate\"%s><summary>%s</summary><p>%s</p>"
		"<p class=\"fingerprint\">",
		open ? " open" : "", text(TEXT_FINGERPRINT), text(TEXT_FINGERPRINT_WHAT));
	draw_fingerprint(view);
	html_put(view->html, "</p></details>\n");
}

static void entry_begin(struct view *view, const char *action)
{
	html_put(view->html, "<div class=\"entry\"><p class=\"brand\">");
	icon_put(view->html, ICON_GATE);
	html_put(view->html, "<span>gatehouse<small>%s</small></span></p>\n",
		view->request->web->gateway_id);
	/* Before the code and a password are sent. */
	if (strcmp(action, "/setup") == 0)
		draw_certificate(view, true);
	html_put(view->html, "<form method=\"post\" action=\"%s\">\n", action);
}

static void entry_end(struct view *view, enum text button)
{
	html_put(view->html,
		"<div class=\"buttons\"><button class=\"primary\">%s</button></div></form>\n",
		text(button));
}

void draw_login(struct view *view)
{
	const char *back = view_argument(view, "back");

	entry_begin(view, "/login");
	if (!back[0])
		back = typed(view, "back");
	if (page_is_way_back(back))
		html_put(view->html, "<input type=\"hidden\" name=\"back\" value=\"%s\">\n", back);
	if (view->request->method == METHOD_POST)
		kept_put(view);
	draw_input(view, TEXT_LOGIN_NAME, "name", "login", typed(view, "name"),
		"required autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" "
		"maxlength=\"32\"");
	draw_input(view, TEXT_PASSWORD, "password", "login", "",
		"type=\"password\" required autocomplete=\"current-password\"");
	entry_end(view, TEXT_LOGIN_BUTTON);
	draw_certificate(view, false);
	html_put(view->html, "</div>\n");
}

/* How the gateway is connected can be seen before anybody relies on it. */
static void draw_way_out(struct view *view)
{
	const json_t *uplink = json_object_get(view_part(view, 0), "uplink");
	const json_t *network = view_part(view, 1);
	struct in6_addr own = in6addr_any; /* fits none */

	/* Strangers see no more of the gateway's networks than they came by. */
	dispatch_local_address(view->request, &own);
	draw_interfaces(view, network, &own);
	if (json_text(uplink, "host")[0] || !network_has_own_ways(network)) {
		draw_section_begin(view, TEXT_UPLINK, "uplink");
		html_put(view->html, "<p class=\"state\">");
		draw_tag(view, WORD_LINK, json_text(uplink, "state"));
		html_put(view->html, " <bdi>%s</bdi></p>", json_text(uplink, "detail"));
		draw_section_end(view);
	}
	if (network_has_own_ways(network))
		draw_ways(view, network);
	draw_link_test(view, network, "/setup/test");
	html_put(view->html, "<p class=\"faint\">%s <code>gatehousectl doctor</code></p>",
		text(TEXT_SETUP_UPLINK));
}

void draw_setup(struct view *view)
{
	html_put(view->html, "<p class=\"lead\">%s <code>gatehousectl setup</code></p>\n",
		text(TEXT_SETUP_WHAT));
	entry_begin(view, "/setup");
	draw_input(view, TEXT_SETUP_CODE, "code", "setup", typed(view, "code"),
		"class=\"code\" required autocomplete=\"off\" autocapitalize=\"characters\" "
		"spellcheck=\"false\" maxlength=\"16\"");
	draw_input(view, TEXT_LOGIN_NAME, "name", "setup", typed(view, "name"),
		"required autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" "
		"maxlength=\"32\"");
	draw_input(view, TEXT_NEW_PASSWORD, "password", "setup", "",
		"type=\"password\" required minlength=\"15\" autocomplete=\"new-password\"");
	html_put(view->html, "<p class=\"hint\">%s</p>\n", text(TEXT_PASSWORD_RULE));
	draw_input(view, TEXT_PASSWORD_TWICE, "again", "setup", "",
		"type=\"password\" required autocomplete=\"new-password\"");
	entry_end(view, TEXT_SETUP_BUTTON);
	html_put(view->html, "</div>\n");
	/* Nothing of the network for strangers from elsewhere. */
	if (entry_may_set_up(view->request))
		draw_way_out(view);
}
