/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Provisioning tokens and credentials that were imported, for administrators: names and dates,
 * which device each is for, and the ways in. Nothing here shows one.
 */

#include "web/draw.h"

#include "base/cleanup.h"
#include "web/form.h"

/* Without scripts; with them the file's own form takes pasted lines, too. */
static void draw_import(struct view *view)
{
	html_put(view->html, "<section class=\"panel unscripted\"><h2>%s</h2>\n<p>%s</p>\n",
		text(TEXT_IMPORT_TOKENS), text(TEXT_IMPORT_TOKENS_WHAT));
	draw_form_begin(view, "/uplink/tokens/import", "");
	draw_refused_lines(view);
	/* What was pasted is not given back: it holds secrets. */
	draw_lines(view, TEXT_LINES, "ep,pt\n", "rows=\"8\"");
	draw_form_end(view, "import", "primary", TEXT_IMPORT);
	html_put(view->html, "</section>\n");
}

static void draw_one(struct view *view, const json_t *token)
{
	const char *device = json_text(token, "device");

	html_put(view->html, "<tr data-key=\"token-%s-%s\"><th scope=\"row\">",
		json_text(token, "platform"), json_text(token, "ep"));
	draw_words(view, json_text(token, "ep"));
	html_put(view->html, "</th>");
	draw_cell(view, TEXT_PLATFORM, json_text(token, "platform"));
	html_put(view->html, "<td data-label=\"%s\">", text(TEXT_SINCE));
	draw_time(view, json_text(token, "since"));
	if (json_flag(token, "brought"))
		html_put(
			view->html, " <span class=\"faint\">%s</span>", text(TEXT_OWN_TOKEN_SHORT));
	html_put(view->html, "</td><td data-label=\"%s\">", text(TEXT_DEVICE));
	if (device[0])
		html_put(view->html, "<a href=\"/devices/%s\">%s</a>", device, device);
	html_put(view->html, "</td></tr>\n");
}

/* When there is one: since when, another one, or none any more. */
static void draw_operator(struct view *view, const char *since)
{
	html_put(view->html,
		"<section class=\"panel\" data-key=\"operator\"><h2>%s</h2>\n<p>%s</p>\n<p>",
		text(TEXT_OPERATOR_TOKEN), text(TEXT_OPERATOR_TOKEN_WHAT));
	if (since[0]) {
		html_put(view->html, "%s ", text(TEXT_OPERATOR_TOKEN_SINCE));
		draw_time(view, since);
	} else {
		html_put(view->html, "%s", text(TEXT_OPERATOR_TOKEN_NONE));
	}
	html_put(view->html, "</p>\n<form method=\"post\" action=\"/uplink/tokens/operator\">\n");
	view_form_token(view, NULL);
	draw_input(view, TEXT_OPERATOR_TOKEN_FIELD, "secret", "operator", "",
		"type=\"password\" autocomplete=\"off\" maxlength=\"2048\" required");
	draw_password(view, "operator", true);
	html_put(view->html,
		"<div class=\"buttons\"><button class=\"primary\">%s</button></div></form>\n",
		text(since[0] ? TEXT_OPERATOR_TOKEN_REPLACE : TEXT_OPERATOR_TOKEN_SEAL));
	if (since[0]) {
		html_put(view->html,
			"<form method=\"post\" action=\"/uplink/tokens/operator-drop\">\n");
		view_form_token(view, NULL);
		draw_password(view, "operator-drop", true);
		html_put(view->html,
			"<div class=\"buttons\"><button class=\"danger\">%s</button></div>"
			"</form>\n",
			text(TEXT_OPERATOR_TOKEN_DROP));
	}
	html_put(view->html, "</section>\n");
}

static void draw_list(struct view *view, const json_t *list, long long total)
{
	static const enum text head[] = {TEXT_OWN_NAME, TEXT_PLATFORM, TEXT_SINCE, TEXT_DEVICE};

	html_put(view->html, "<section class=\"panel\" data-key=\"tokens\"><h2>%s (%lld)</h2>\n",
		text(TEXT_TOKENS), total);
	if (json_array_size(list) == 0) {
		draw_empty(view, TEXT_NO_TOKENS, TEXT_NO_TOKENS_WHAT);
	} else {
		draw_table_head(view, head, ELEMENTS(head));
		for (size_t i = 0; i < json_array_size(list); i++)
			draw_one(view, json_array_get(list, i));
		html_put(view->html, "</tbody></table>\n");
	}
	if (total > (long long)json_array_size(list))
		html_put(view->html,
			"<p class=\"faint\">%lld %s <code>gatehousectl tokens list</code></p>\n",
			total - (long long)json_array_size(list), text(TEXT_MORE_BY_TOOL));
	html_put(view->html, "</section>\n");
}

void draw_tokens(struct view *view)
{
	const json_t *answer = view_part(view, 0);

	html_put(view->html, "<p class=\"crumb\"><a href=\"/uplink\">%s</a></p>\n",
		text(TEXT_UPLINK));
	draw_section_begin(view, TEXT_TOKENS_FILE, "file");
	draw_import_form(view, "tokens", "ep,username,password \xc2\xb7 ep,pt \xc2\xb7 ep,key",
		TEXT_TOKENS_FILE_WHAT);
	draw_section_end(view);
	draw_import(view);
	html_put(view->html, "<div id=\"live\" data-rest=\"%u\">\n", LIVE_REST_SECONDS);
	draw_operator(view, json_text(answer, "operator_since"));
	draw_list(view, json_object_get(answer, "tokens"), json_number(answer, "total"));
	html_put(view->html, "</div>\n");
}
