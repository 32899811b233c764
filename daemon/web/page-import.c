/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes of labels, and tokens, that were made elsewhere. A file or a pasted table goes to the API
 * in parts, by the script (table.js); without it the screen shows what is there and names the tool.
 * No value ever comes back: there are names and dates alone.
 */

#include "web/draw.h"

#include "base/cleanup.h"

void draw_import_form(struct view *view, const char *kind, const char *columns, enum text what)
{
	html_put(view->html,
		"<p>%s</p><p class=\"faint\"><code>%s</code></p>\n<noscript><p class=\"notice\">%s "
		"<code>gatehousectl %s import</code></p></noscript>\n",
		text(what), columns, text(TEXT_IMPORT_BY_TOOL), kind);
	html_put(view->html, "<form class=\"scripted\" data-import=\"%s\" autocomplete=\"off\">",
		kind);
	view_form_token(view, NULL);
	html_put(view->html,
		"<div class=\"field\"><label for=\"file-%s\">%s</label><input type=\"file\" "
		"id=\"file-%s\" accept=\".csv,text/csv,text/plain\"></div>\n",
		kind, text(TEXT_CSV_FILE), kind);
	html_put(view->html,
		"<div class=\"field\"><label for=\"text-%s\">%s</label><textarea id=\"text-%s\" "
		"rows=\"4\" spellcheck=\"false\" autocapitalize=\"none\"></textarea></div>\n",
		kind, text(TEXT_CSV_PASTED), kind);
	draw_password(view, kind, true);
	html_put(view->html,
		"<progress hidden max=\"1\" value=\"0\" aria-label=\"%s\"></progress>"
		"<p class=\"outcome\" role=\"status\"></p>\n<div class=\"refused\" "
		"role=\"alert\"></div>\n<div class=\"buttons\"><button class=\"primary\">%s"
		"</button></div></form>\n",
		text(TEXT_IMPORT_PROGRESS), text(TEXT_IMPORT_BUTTON));
}

static void draw_known(struct view *view, const json_t *list, long long total)
{
	static const enum text head[] = {TEXT_OWN_NAME, TEXT_SINCE, TEXT_DEVICE};
	size_t count = json_array_size(list);

	if (count == 0) {
		html_put(view->html, "<p class=\"faint\" data-key=\"none\">%s</p>\n",
			text(TEXT_NO_CODES));
		return;
	}
	html_put(view->html, "<div data-key=\"known\"><details><summary>%lld %s</summary>\n", total,
		text(TEXT_CODES_KNOWN));
	draw_table_head(view, head, ELEMENTS(head));
	for (size_t i = 0; i < count; i++) {
		const json_t *row = json_array_get(list, i);
		const char *device = json_text(row, "device");

		html_put(view->html, "<tr data-key=\"code-%s\"><th scope=\"row\">",
			json_text(row, "ep"));
		draw_words(view, json_text(row, "ep"));
		html_put(view->html, "</th><td data-label=\"%s\">", text(TEXT_SINCE));
		draw_time(view, json_text(row, "since"));
		html_put(view->html, "</td><td data-label=\"%s\">", text(TEXT_DEVICE));
		if (device[0])
			html_put(view->html, "<a href=\"/devices/%s\">%s</a>", device, device);
		html_put(view->html, "</td></tr>\n");
	}
	html_put(view->html, "</tbody></table>\n");
	if (total > (long long)count)
		html_put(view->html,
			"<p class=\"faint\">%lld %s <code>gatehousectl codes list</code></p>\n",
			total - (long long)count, text(TEXT_MORE_BY_TOOL));
	html_put(view->html, "</details></div>\n");
}

void draw_codes(struct view *view)
{
	const json_t *codes = view_part(view, 0);

	html_put(view->html, "<p class=\"crumb\"><a href=\"/devices\">%s</a></p>\n",
		text(TEXT_ALL_DEVICES));
	html_put(view->html, "<section class=\"panel\">\n");
	draw_import_form(view, "codes", "ep,code", TEXT_CODES_WHAT);
	html_put(view->html, "<div id=\"live\" data-rest=\"%u\">\n", LIVE_REST_SECONDS);
	draw_known(view, json_object_get(codes, "codes"), json_number(codes, "total"));
	html_put(view->html, "</div>\n");
	html_put(view->html, "</section>\n");
}
