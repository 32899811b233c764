/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who did what to which device with which evidence; newest first, older ones by a link. What is
 * looked for stands in the address, so it can be kept and passed on. The same rows stand, shorter,
 * on the screen of the device that they are about.
 */

#include "web/draw.h"

#include "base/cleanup.h"

static const struct {
	const char *field;
	enum text label;
} filters[] = {{"who", TEXT_WHO}, {"action", TEXT_ACTION}, {"object", TEXT_OBJECT}};

static bool narrowed(const struct view *view)
{
	for (size_t i = 0; i < ELEMENTS(filters); i++)
		if (view_argument(view, filters[i].field)[0])
			return true;
	return false;
}

/* Words for the filter: a device's id can be typed, who does what is better chosen. */
static void draw_actions(struct view *view)
{
	html_put(view->html, "<datalist id=\"actions\">");
	for (unsigned i = 0; i < ACTS; i++)
		html_put(view->html, "<option value=\"%s\">", act_kind_to_string((enum act_kind)i));
	html_put(view->html, "</datalist>\n");
}

static void draw_filters(struct view *view)
{
	html_put(view->html, "<form method=\"get\" action=\"/journal\" role=\"search\" "
			     "class=\"search row\">\n");
	for (size_t i = 0; i < ELEMENTS(filters); i++)
		draw_input(view, filters[i].label, filters[i].field, "filter",
			view_argument(view, filters[i].field),
			filters[i].label == TEXT_ACTION
				? "type=\"search\" maxlength=\"64\" list=\"actions\" "
				  "autocapitalize=\"none\""
				: "type=\"search\" maxlength=\"64\" autocapitalize=\"none\"");
	draw_actions(view);
	html_put(view->html, "<button>%s</button></form>\n", text(TEXT_FIND));
}

static void draw_when(struct view *view, const json_t *row)
{
	draw_time(view, json_text(row, "time"));
	if (!json_flag(row, "clock_synced"))
		html_put(view->html, " <span class=\"under\">(%s)</span>", text(TEXT_CLOCK_UNSURE));
}

static void draw_row(struct view *view, const json_t *row)
{
	html_put(view->html,
		"<tr data-key=\"row-%lld\"><th scope=\"row\">%lld <small class=\"when\">",
		json_number(row, "number"), json_number(row, "number"));
	draw_when(view, row);
	html_put(view->html, "</small></th><td data-label=\"%s\">", text(TEXT_WHO));
	draw_words(view, json_text(row, "who"));
	html_put(view->html, " <small>%s</small></td>", json_text(row, "role"));
	draw_cell(view, TEXT_ACTION, json_text(row, "action"));
	draw_cell(view, TEXT_OBJECT, json_text(row, "object"));
	draw_cell(view, TEXT_EVIDENCE, word_label(WORD_EVIDENCE, json_text(row, "evidence")));
	draw_cell(view, TEXT_RESULT, json_text(row, "result"));
	draw_cell(view, TEXT_VIA, json_text(row, "via"));
	html_put(view->html, "</tr>\n");
}

void draw_history(struct view *view, const json_t *rows)
{
	if (json_array_size(rows) == 0) {
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_NO_HISTORY));
		return;
	}
	html_put(view->html, "<ol class=\"history\">\n");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *evidence = word_label(WORD_EVIDENCE, json_text(row, "evidence"));

		html_put(view->html, "<li><b>%s</b> %s <bdi>%s</bdi>", json_text(row, "action"),
			text(TEXT_BY), who_label(json_text(row, "who")));
		if (evidence[0])
			html_put(view->html, " · %s", evidence);
		html_put(view->html, " · %s<small>", json_text(row, "result"));
		draw_when(view, row);
		html_put(view->html, "</small></li>\n");
	}
	html_put(view->html, "</ol>\n");
}

/* What is looked for now, as the API's query. */
static void put_filters(struct view *view)
{
	for (size_t i = 0; i < ELEMENTS(filters); i++) {
		html_put(view->html, "&amp;%s=", filters[i].field);
		html_put_segment(view->html, view_argument(view, filters[i].field));
	}
}

/* By the script (table.js), which sends the password first. */
static void draw_export(struct view *view)
{
	html_put(view->html,
		"<details class=\"scripted\"><summary>%s</summary>\n<form "
		"data-export=\"journal\" data-query=\"",
		text(TEXT_AS_CSV));
	put_filters(view);
	html_put(view->html, "\"><p>%s</p>\n", text(TEXT_EXPORT_WHAT));
	view_form_token(view, NULL);
	draw_password(view, "export", true);
	html_put(view->html,
		"<div class=\"buttons\"><button>%s</button></div></form></details>\n"
		"<p class=\"progress\" role=\"status\" data-progress></p>\n",
		text(TEXT_SAVE_TABLE));
}

static void draw_head(struct view *view, const json_t *audit)
{
	html_put(view->html, "<dl class=\"facts\">\n");
	draw_number(view, TEXT_ROWS_WRITTEN, json_number(audit, "rows"), "");
	draw_wide_fact(view, TEXT_CHAIN_HEAD, json_text(audit, "head"));
	html_put(view->html,
		"</dl>\n<p class=\"buttons\"><a class=\"button\" "
		"href=\"/journal/chain\">%s</a></p>\n",
		text(TEXT_CHECK_CHAIN));
	draw_export(view);
}

static void draw_older(struct view *view, long long before)
{
	html_put(view->html,
		"<p class=\"paging\"><a class=\"button\" rel=\"next\" "
		"href=\"/journal?before=%lld",
		before);
	put_filters(view);
	html_put(view->html, "\">%s</a></p>\n", text(TEXT_OLDER));
}

void draw_journal(struct view *view)
{
	static const enum text head[] = {TEXT_NUMBER_TIME, TEXT_WHO, TEXT_ACTION, TEXT_OBJECT,
		TEXT_EVIDENCE, TEXT_RESULT, TEXT_VIA};
	const json_t *rows = json_object_get(view_part(view, 0), "rows");
	long long next = json_number(view_part(view, 0), "next");

	draw_head(view, json_object_get(view_part(view, 1), "audit"));
	draw_filters(view);
	html_put(view->html, "<div id=\"live\"><section data-key=\"rows\">\n");
	if (json_array_size(rows) == 0) {
		draw_empty(view, narrowed(view) ? TEXT_NO_ROW_FITS : TEXT_NO_ROWS,
			narrowed(view) ? TEXT_NO_ROW_FITS_WHAT : TEXT_NO_ROWS_WHAT);
	} else {
		draw_table_head(view, head, ELEMENTS(head));
		for (size_t i = 0; i < json_array_size(rows); i++)
			draw_row(view, json_array_get(rows, i));
		html_put(view->html, "</tbody></table>\n");
	}
	if (next > 0)
		draw_older(view, next);
	html_put(view->html, "</section></div>\n");
}

/* Every row holds the hash of the one before: what was changed later is found by that. */
void draw_chain(struct view *view)
{
	const json_t *answer = view_part(view, 0);
	bool intact = json_flag(answer, "intact");

	html_put(view->html, "<p class=\"crumb\"><a href=\"/journal\">%s</a></p>\n",
		text(TEXT_JOURNAL));
	html_put(view->html, "<p class=\"notice %s\">%s</p>\n<dl class=\"facts\">\n",
		intact ? "done" : "error", text(intact ? TEXT_CHAIN_INTACT : TEXT_CHAIN_BROKEN));
	draw_number(view, TEXT_ROWS_WRITTEN, json_number(answer, "rows"), "");
	if (!intact)
		draw_number(view, TEXT_FIRST_BAD, json_number(answer, "first_bad"), "");
	draw_fact(view, TEXT_CHAIN_HEAD, json_text(answer, "head"));
	html_put(view->html, "</dl>\n");
}
