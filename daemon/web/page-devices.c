/* SPDX-License-Identifier: Apache-2.0 */
/* All devices, a page of 50 at a time; the API searches and counts. */

#include "web/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/chart.h"

#define PAGE_SIZE 50

static void draw_search(struct view *view)
{
	const char *stage = view_argument(view, "stage");
	const struct word *word;

	html_put(view->html, "<form method=\"get\" action=\"/devices\" role=\"search\" "
			     "class=\"search row\">\n");
	draw_input(view, TEXT_SEARCH, "q", "search", view_argument(view, "q"),
		"type=\"search\" maxlength=\"64\"");
	html_put(view->html,
		"<div class=\"field\"><label for=\"stage\">%s</label><select id=\"stage\" "
		"name=\"stage\"><option value=\"\">%s</option>",
		text(TEXT_STATE), text(TEXT_ALL));
	for (unsigned i = 0; (word = word_at(WORD_STAGE, i)); i++)
		html_put(view->html, "<option value=\"%s\"%s>%s</option>", word->word,
			strcmp(stage, word->word) == 0 ? " selected" : "", word->label);
	html_put(view->html, "</select></div>\n<button>%s</button></form>\n", text(TEXT_FIND));
}

static void draw_cell(struct view *view, enum text label)
{
	html_put(view->html, "<td data-label=\"%s\">", text(label));
}

static void draw_row(struct view *view, const json_t *device)
{
	html_put(view->html,
		"<tr data-key=\"device-%s\"><th scope=\"row\"><a "
		"href=\"/devices/%s\"><bdi>%s</bdi></a>",
		json_text(device, "id"), json_text(device, "id"), device_title(device));
	if (json_text(device, "name")[0])
		html_put(view->html, "<small><bdi>%s</bdi></small>", json_text(device, "ep"));
	html_put(view->html, "</th>");
	draw_cell(view, TEXT_STATE);
	draw_tag(view, WORD_STAGE, json_text(device, "stage"));
	html_put(view->html, "</td>");
	draw_cell(view, TEXT_TRUST);
	draw_tag(view, WORD_TRUST, json_text(device, "trust"));
	html_put(view->html, "</td>");
	draw_cell(view, TEXT_PLACE);
	if (json_text(device, "place")[0])
		html_put(view->html, "<bdi>%s</bdi>", json_text(device, "place"));
	html_put(view->html, "</td>");
	draw_cell(view, TEXT_LAST_READING);
	draw_spark(view, json_object_get(device, "recent"));
	html_put(view->html, "</td>");
	draw_cell(view, TEXT_LAST_SEEN);
	draw_ago(view, json_object_get(device, "last_heard"));
	html_put(view->html, "</td></tr>\n");
}

static void draw_page_link(struct view *view, long long offset, enum text label, const char *rel)
{
	html_put(view->html,
		"<a class=\"button\" rel=\"%s\" href=\"/devices?offset=%lld&amp;q=", rel, offset);
	html_put_segment(view->html, view_argument(view, "q"));
	html_put(view->html, "&amp;stage=");
	html_put_segment(view->html, view_argument(view, "stage"));
	html_put(view->html, "\">%s</a>\n", text(label));
}

static void draw_paging(struct view *view, long long total, size_t shown)
{
	long long offset = strtoll(view_argument(view, "offset"), NULL, 10);

	if (offset < 0 || offset > total)
		offset = 0;
	html_put(view->html, "<p class=\"paging\"><span>%lld–%lld %s %lld</span> ",
		shown ? offset + 1 : 0, offset + (long long)shown, text(TEXT_OF), total);
	if (offset > 0)
		draw_page_link(
			view, offset > PAGE_SIZE ? offset - PAGE_SIZE : 0, TEXT_PREVIOUS, "prev");
	if (offset + (long long)shown < total)
		draw_page_link(view, offset + (long long)shown, TEXT_NEXT, "next");
	html_put(view->html, "</p>\n");
}

static void draw_table(struct view *view, const json_t *devices)
{
	static const enum text head[] = {
		TEXT_DEVICE, TEXT_STATE, TEXT_TRUST, TEXT_PLACE, TEXT_LAST_READING, TEXT_LAST_SEEN};

	html_put(view->html, "<table class=\"list\"><thead><tr>");
	for (size_t i = 0; i < ELEMENTS(head); i++)
		html_put(view->html, "<th scope=\"col\">%s</th>", text(head[i]));
	html_put(view->html, "</tr></thead>\n<tbody data-items>\n");
	for (size_t i = 0; i < json_array_size(devices); i++)
		draw_row(view, json_array_get(devices, i));
	html_put(view->html, "</tbody></table>\n");
}

void draw_devices(struct view *view)
{
	const json_t *answer = view_part(view, 0);
	const json_t *devices = json_object_get(answer, "devices");
	bool narrowed = view_argument(view, "q")[0] || view_argument(view, "stage")[0];

	draw_search(view);
	html_put(view->html, "<div id=\"live\" data-traffic><section data-key=\"list\">\n");
	if (json_array_size(devices) == 0)
		draw_empty(view, narrowed ? TEXT_NONE_FOUND : TEXT_NO_DEVICES,
			narrowed ? TEXT_NONE_FOUND_WHAT : TEXT_NO_DEVICES_WHAT);
	else
		draw_table(view, devices);
	html_put(view->html, "</section></div>\n");
	draw_paging(view, json_number(answer, "total"), json_array_size(devices));
}
