/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All devices, a page of 50 at a time; the API searches and counts. And the same as a sheet to hand
 * over: what is where, who let it in, and on what evidence; to print, or as a table for programs.
 */

#include "web/draw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/chart.h"

#define PAGE_SIZE  50
#define SHEET_SIZE 200 /* the most that the API gives at once */
#define DATE_SIZE  10  /* "2026-11-21" */

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
		"name=\"stage\"><option value=\"\">%s</option>"
		"<option value=\"" WAITING_STAGES "\"%s>%s</option>",
		text(TEXT_STATE), text(TEXT_ALL),
		strcmp(stage, WAITING_STAGES) == 0 ? " selected" : "", text(TEXT_WAITING_DEVICES));
	for (unsigned i = 0; (word = word_at(WORD_STAGE, i)); i++)
		html_put(view->html, "<option value=\"%s\"%s>%s</option>", word->word,
			strcmp(stage, word->word) == 0 ? " selected" : "", word->label);
	html_put(view->html, "</select></div>\n<button>%s</button></form>\n", text(TEXT_FIND));
}

static void cell_begin(struct view *view, enum text label)
{
	html_put(view->html, "<td data-label=\"%s\">", text(label));
}

/* Where people call it otherwise. */
static void draw_own_name(struct view *view, const json_t *device)
{
	if (!json_text(device, "name")[0])
		return;
	html_put(view->html, "<small>");
	draw_words(view, json_text(device, "ep"));
	html_put(view->html, "</small>");
}

/* Which one, how long the credential lasts, and whether the device passes nothing on at present. */
static void draw_platform_cell(struct view *view, const json_t *device)
{
	bool active = strcmp(json_text(device, "stage"), "active") == 0;
	char day[DATE_SIZE + 1];
	const char *link = json_text(device, "link");
	const char *expires = json_text(json_object_get(device, "credential"), "expires");

	cell_begin(view, TEXT_PLATFORM);
	html_put(view->html, "<span>");
	draw_words(view, json_text(device, "platform"));
	if (active && strcmp(link, "up") != 0) {
		html_put(view->html, " ");
		draw_tag(view, WORD_LINK, link);
	}
	/* To the day; the device's own screen has the minute. */
	if (strlen(expires) > DATE_SIZE) {
		snprintf(day, sizeof(day), "%.10s", expires);
		html_put(view->html,
			" <small class=\"under until\">%s <time datetime=\"%s\">%s</time></small>",
			text(TEXT_UNTIL), expires, day);
	}
	html_put(view->html, "</span></td>");
}

static void draw_row(struct view *view, const json_t *device)
{
	html_put(view->html,
		"<tr data-key=\"device-%s\"><th scope=\"row\"><a href=\"/devices/%s\">",
		json_text(device, "id"), json_text(device, "id"));
	draw_words(view, device_title(device));
	html_put(view->html, "</a>");
	draw_own_name(view, device);
	html_put(view->html, "</th>");
	cell_begin(view, TEXT_STATE);
	draw_tag(view, WORD_STAGE, json_text(device, "stage"));
	html_put(view->html, "</td>");
	cell_begin(view, TEXT_TRUST);
	draw_tag(view, WORD_TRUST, json_text(device, "trust"));
	html_put(view->html, "</td>");
	draw_cell(view, TEXT_PLACE, json_text(device, "place"));
	draw_platform_cell(view, device);
	cell_begin(view, TEXT_LAST_READING);
	draw_spark(view, json_object_get(device, "recent"));
	html_put(view->html, "</td>");
	cell_begin(view, TEXT_LAST_SEEN);
	draw_ago(view, json_object_get(device, "last_heard"));
	html_put(view->html, "</td></tr>\n");
}

/* What is searched for now. */
static void put_query(struct view *view)
{
	html_put(view->html, "q=");
	html_put_segment(view->html, view_argument(view, "q"));
	html_put(view->html, "&amp;stage=");
	html_put_segment(view->html, view_argument(view, "stage"));
}

static void draw_page_link(
	struct view *view, const char *path, long long offset, enum text label, const char *rel)
{
	html_put(view->html, "<a class=\"button\" rel=\"%s\" href=\"%s?offset=%lld&amp;", rel, path,
		offset);
	put_query(view);
	html_put(view->html, "\">%s</a>\n", text(label));
}

/* Other ways to look at the same. */
static void draw_elsewhere(struct view *view)
{
	html_put(view->html, "<p class=\"links\"><a href=\"/sheet?");
	put_query(view);
	html_put(view->html, "\">%s</a>", text(TEXT_SHEET));
	if (view_may(view, ROLE_TECHNICIAN))
		html_put(view->html, " <a href=\"/authorities\">%s</a>", text(TEXT_CAS));
	if (view_may(view, ROLE_ADMIN))
		html_put(view->html, " <a href=\"/codes\">%s</a>", text(TEXT_CODES_TITLE));
	html_put(view->html, "</p>\n");
}

static void draw_paging(
	struct view *view, const char *path, long long page, long long total, size_t shown)
{
	long long offset = strtoll(view_argument(view, "offset"), NULL, 10);

	if (offset < 0 || offset > total)
		offset = 0;
	if (total == 0)
		return;
	html_put(view->html, "<p class=\"paging\"><span>%lld–%lld %s %lld</span> ",
		shown ? offset + 1 : 0, offset + (long long)shown, text(TEXT_OF), total);
	if (offset > 0)
		draw_page_link(
			view, path, offset > page ? offset - page : 0, TEXT_PREVIOUS, "prev");
	if (offset + (long long)shown < total)
		draw_page_link(view, path, offset + (long long)shown, TEXT_NEXT, "next");
	html_put(view->html, "</p>\n");
}

/* Nothing fits, or nothing is there; whoever only looks is not told to do what they may not. */
static void draw_none(struct view *view)
{
	if (view_argument(view, "q")[0] || view_argument(view, "stage")[0])
		draw_empty(view, TEXT_NONE_FOUND, TEXT_NONE_FOUND_WHAT);
	else
		draw_empty(view, TEXT_NO_DEVICES,
			view_may(view, ROLE_TECHNICIAN) ? TEXT_NO_DEVICES_WHAT
							: TEXT_NO_DEVICES_LOOK);
}

static void draw_table(struct view *view, const json_t *devices)
{
	static const enum text head[] = {TEXT_DEVICE, TEXT_STATE, TEXT_TRUST, TEXT_PLACE,
		TEXT_PLATFORM, TEXT_LAST_READING, TEXT_LAST_SEEN};

	draw_table_head(view, head, ELEMENTS(head));
	for (size_t i = 0; i < json_array_size(devices); i++)
		draw_row(view, json_array_get(devices, i));
	html_put(view->html, "</tbody></table>\n");
}

void draw_devices(struct view *view)
{
	const json_t *answer = view_part(view, 0);
	const json_t *devices = json_object_get(answer, "devices");

	draw_search(view);
	html_put(view->html, "<div id=\"live\" data-traffic><section data-key=\"list\">\n");
	if (json_array_size(devices) > 0)
		draw_table(view, devices);
	else
		draw_none(view);
	html_put(view->html, "</section><div data-key=\"paging\">\n");
	draw_paging(view, "/devices", PAGE_SIZE, json_number(answer, "total"),
		json_array_size(devices));
	html_put(view->html, "</div></div>\n");
	draw_elsewhere(view);
}

/* --- the sheet --- */

/* The serial below the model: each is compared with a label as a whole. */
static void draw_model_cell(struct view *view, const json_t *device)
{
	const char *model = json_text(device, "model"), *serial = json_text(device, "serial");

	cell_begin(view, TEXT_MODEL);
	if (model[0])
		draw_words(view, model);
	if (serial[0]) {
		html_put(view->html, " <small class=\"under serial\">");
		draw_words(view, serial);
		html_put(view->html, "</small>");
	}
	html_put(view->html, "</td>");
}

static void draw_sheet_row(struct view *view, const json_t *device)
{
	html_put(view->html, "<tr data-key=\"device-%s\"><th scope=\"row\">",
		json_text(device, "id"));
	draw_words(view, device_title(device));
	draw_own_name(view, device);
	html_put(view->html, "</th>");
	draw_cell(view, TEXT_PLACE, json_text(device, "place"));
	draw_cell(view, TEXT_OWNER, json_text(device, "owner"));
	draw_model_cell(view, device);
	draw_cell(view, TEXT_STATE, word_label(WORD_STAGE, json_text(device, "stage")));
	draw_cell(view, TEXT_TRUST, word_label(WORD_TRUST, json_text(device, "trust")));
	draw_cell(view, TEXT_DECIDED_BY, who_label(json_text(device, "decided_by")));
	cell_begin(view, TEXT_DECIDED);
	draw_time(view, json_text(device, "decided_at"));
	html_put(view->html, "</td>");
	draw_cell(view, TEXT_EVIDENCE,
		json_text(device, "decided_at")[0]
			? word_label(WORD_EVIDENCE, json_text(device, "evidence"))
			: "");
	html_put(view->html, "</tr>\n");
}

/* Which gateway, when, how many: a sheet of paper knows nothing of the page that it came from. The
 * buttons are no piece of it: a script waits at them. */
static void draw_sheet_head(struct view *view, long long total)
{
	const json_t *status = view_part(view, 1);

	html_put(view->html, "<dl class=\"facts\" data-key=\"head\">\n");
	draw_fact(view, TEXT_GATEWAY, view->request->web->gateway_id);
	draw_fact_time(view, TEXT_AS_OF, json_text(json_object_get(status, "clock"), "now"));
	draw_number(view, TEXT_DEVICES, total, "");
	html_put(view->html, "</dl>\n<p class=\"scripted buttons\"><button data-print>%s</button>",
		text(TEXT_PRINT));
	html_put(view->html, "<button data-export=\"devices\" data-query=\"");
	put_query(view);
	html_put(view->html, "\">%s</button></p>\n", text(TEXT_AS_CSV));
	html_put(view->html, "<p class=\"progress\" role=\"status\" data-progress></p>\n");
}

void draw_sheet(struct view *view)
{
	static const enum text head[] = {TEXT_DEVICE, TEXT_PLACE, TEXT_OWNER, TEXT_MODEL,
		TEXT_STATE, TEXT_TRUST, TEXT_DECIDED_BY, TEXT_DECIDED, TEXT_EVIDENCE};
	const json_t *answer = view_part(view, 0);
	const json_t *devices = json_object_get(answer, "devices");

	html_put(view->html, "<p class=\"crumb\"><a href=\"/devices\">%s</a></p>\n",
		text(TEXT_ALL_DEVICES));
	html_put(view->html, "<div id=\"live\" data-rest=\"%u\">\n", LIVE_REST_SECONDS);
	draw_sheet_head(view, json_number(answer, "total"));
	html_put(view->html, "<section data-key=\"list\">\n");
	if (json_array_size(devices) == 0) {
		draw_none(view);
	} else {
		draw_table_head(view, head, ELEMENTS(head));
		for (size_t i = 0; i < json_array_size(devices); i++)
			draw_sheet_row(view, json_array_get(devices, i));
		html_put(view->html, "</tbody></table>\n");
	}
	html_put(view->html, "</section><div data-key=\"paging\">\n");
	draw_paging(
		view, "/sheet", SHEET_SIZE, json_number(answer, "total"), json_array_size(devices));
	html_put(view->html, "</div></div>\n");
}
