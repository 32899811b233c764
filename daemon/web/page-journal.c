/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what to which device with which evidence; newest first, older ones by a link. */

#include "web/draw.h"

#include "base/cleanup.h"

static void draw_row(struct view *view, const json_t *row)
{
	static const struct {
		enum text label;
		const char *key;
	} cell[] = {{TEXT_ACTION, "action"}, {TEXT_OBJECT, "object"}, {TEXT_EVIDENCE, "evidence"},
		{TEXT_RESULT, "result"}, {TEXT_VIA, "via"}};

	html_put(view->html, "<tr><th scope=\"row\">%lld <small>", json_number(row, "number"));
	draw_time(view, json_text(row, "time"));
	if (!json_flag(row, "clock_synced"))
		html_put(view->html, " (%s)", text(TEXT_CLOCK_UNSURE));
	html_put(view->html,
		"</small></th><td data-label=\"%s\"><bdi>%s</bdi> <small>%s</small></td>",
		text(TEXT_WHO), json_text(row, "who"), json_text(row, "role"));
	for (size_t i = 0; i < ELEMENTS(cell); i++) {
		const char *value = json_text(row, cell[i].key);

		html_put(view->html, "<td data-label=\"%s\">", text(cell[i].label));
		if (value[0])
			html_put(view->html, "<bdi>%s</bdi>", value);
		html_put(view->html, "</td>");
	}
	html_put(view->html, "</tr>\n");
}

void draw_journal(struct view *view)
{
	static const enum text head[] = {TEXT_NUMBER_TIME, TEXT_WHO, TEXT_ACTION, TEXT_OBJECT,
		TEXT_EVIDENCE, TEXT_RESULT, TEXT_VIA};
	const json_t *rows = json_object_get(view_part(view, 0), "rows");
	const json_t *audit = json_object_get(view_part(view, 1), "audit");
	size_t count = json_array_size(rows);
	long long last = count ? json_number(json_array_get(rows, count - 1), "number") : 0;

	html_put(view->html, "<dl class=\"facts\">\n");
	draw_number(view, TEXT_ROWS, json_number(audit, "rows"), "");
	draw_fact(view, TEXT_CHAIN_HEAD, json_text(audit, "head"));
	html_put(view->html, "</dl>\n");
	if (count == 0) {
		draw_empty(view, TEXT_NO_ROWS, TEXT_NO_ROWS_WHAT);
		return;
	}
	html_put(view->html, "<table class=\"list\"><thead><tr>");
	for (size_t i = 0; i < ELEMENTS(head); i++)
		html_put(view->html, "<th scope=\"col\">%s</th>", text(head[i]));
	html_put(view->html, "</tr></thead><tbody>\n");
	for (size_t i = 0; i < count; i++)
		draw_row(view, json_array_get(rows, i));
	html_put(view->html, "</tbody></table>\n");
	if (last > 1)
		html_put(view->html,
			"<p class=\"paging\"><a class=\"button\" rel=\"next\" "
			"href=\"/journal?before=%lld\">%s</a></p>\n",
			last, text(TEXT_OLDER));
}
