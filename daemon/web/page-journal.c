/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who did what to which device with which evidence; newest first, older ones by a link. What is
 * looked for stands in the address, so it can be kept and passed on. The same rows stand, shorter,
 * on the screen of the device that they are about.
 *
 * A row holds words of the program: they are searched for, and exported. Here they are read by what
 * people call them (word.c), and the program's word stands beside it where it is another one. A
 * device is called by its name as long as it is known; the API sends the names beside the rows.
 */

#include "web/draw.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "core/alarm.h"
#include "core/audit.h"

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

/* To choose from by what people call it; what is looked for is the program's word. */
static void draw_actions(struct view *view)
{
	html_put(view->html, "<datalist id=\"actions\">");
	for (unsigned i = 0; i < AUDIT_ACTIONS; i++)
		html_put(view->html, "<option value=\"%s\">%s</option>", audit_action(i),
			word_label(WORD_ACTION, audit_action(i)));
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

/* --- a row, as people read it --- */

/* A time that is not sure has a mark, whose meaning stands once above all rows. */
static void draw_when(struct view *view, const json_t *row)
{
	if (!json_flag(row, "clock_synced"))
		html_put(view->html,
			"<span class=\"unsure\" aria-hidden=\"true\">%s</span>"
			"<span class=\"visually-hidden\">%s</span> ",
			text(TEXT_CLOCK_MARK), text(TEXT_CLOCK_UNSURE));
	draw_time(view, json_text(row, "time"));
}

static void draw_clock_note(struct view *view, const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (!json_flag(json_array_get(rows, i), "clock_synced")) {
			html_put(view->html,
				"<p class=\"faint\"><span class=\"unsure\">%s</span> %s</p>\n",
				text(TEXT_CLOCK_MARK), text(TEXT_CLOCK_MARK_WHAT));
			return;
		}
}

static void draw_code(struct view *view, const char *word)
{
	html_put(view->html, " <code class=\"word\">");
	draw_words(view, word);
	html_put(view->html, "</code>");
}

/* The word of the program, by which it is searched for, where it is another one. */
static void draw_word(struct view *view, const char *label, const char *word)
{
	draw_words(view, label);
	if (strcasecmp(label, word) != 0)
		draw_code(view, word);
}

/* 'names': of the devices that are known still, by their ids. */
static void draw_known(struct view *view, const json_t *names, const char *id)
{
	const char *name = json_text(names, id);

	if (!name[0]) {
		draw_words(view, id);
		html_put(view->html, " <small>%s</small>", text(TEXT_DEVICE_GONE));
		return;
	}
	html_put(view->html, "<a href=\"/devices/%s\">", id);
	draw_words(view, name);
	html_put(view->html, "</a>");
	draw_code(view, id);
}

static void draw_object(struct view *view, const json_t *row, const json_t *names)
{
	const char *object = json_text(row, "object");

	if (!object[0])
		return;
	switch (audit_object(json_text(row, "action"))) {
	case OBJECT_DEVICE:
		draw_known(view, names, object);
		break;
	case OBJECT_ALARM:
		draw_word(view, word_label(WORD_ALARM, object), object);
		break;
	case OBJECT_OTHER:
		draw_words(view, object);
		break;
	}
}

/* A code, a label; of a replacement the other one of the two devices. */
static void draw_evidence(struct view *view, const json_t *row, const json_t *names)
{
	const char *evidence = json_text(row, "evidence");

	if (!evidence[0])
		return;
	if (strcmp(json_text(row, "action"), act_kind_to_string(ACT_REPLACE)) == 0)
		draw_known(view, names, evidence);
	else
		draw_words(view, word_label(WORD_EVIDENCE, evidence));
}

/* An alarm that the gateway raises or ends has its subject there: a device, or what is named in
 * its sentence. */
static bool has_subject(const json_t *row, bool *ret_device)
{
	const char *action = json_text(row, "action");
	enum alarm_kind kind;

	if (strcmp(action, audit_action(DEED_ALARM_RAISED)) != 0 &&
		strcmp(action, audit_action(DEED_ALARM_CLEARED)) != 0)
		return false;
	*ret_device = alarm_kind_from_string(json_text(row, "object"), &kind) >= 0 &&
		      alarm_row(kind)->about_device;
	return true;
}

static void draw_result(struct view *view, const json_t *row, const json_t *names)
{
	const char *result = json_text(row, "result");
	const size_t at = sizeof(AUDIT_DONE_AT) - 1;
	bool device = false;

	if (has_subject(row, &device)) {
		if (device && result[0])
			draw_known(view, names, result);
		else
			draw_words(view, result);
	} else if (strncmp(result, AUDIT_DONE_AT, at) == 0) {
		html_put(view->html, "%s <bdi>%s</bdi>", text(TEXT_DONE_AT), result + at);
	} else if (word_find(WORD_TRUST, result)) {
		draw_words(view, word_label(WORD_TRUST, result));
	} else {
		draw_words(view, word_label(WORD_RESULT, result));
	}
}

static void cell_begin(struct view *view, enum text label)
{
	html_put(view->html, "<td data-label=\"%s\">", text(label));
}

/* Who came before there was anybody, and the gateway itself, have none. */
static void draw_role(struct view *view, const char *role)
{
	const struct word *word = word_find(WORD_ROLE, role);

	if (word)
		html_put(view->html, " <small>%s</small>", word->label);
	html_put(view->html, "</td>");
}

static void draw_row(struct view *view, const json_t *row, const json_t *names)
{
	const char *action = json_text(row, "action");

	html_put(view->html,
		"<tr data-key=\"row-%lld\"><th scope=\"row\">%lld <small class=\"when\">",
		json_number(row, "number"), json_number(row, "number"));
	draw_when(view, row);
	html_put(view->html, "</small></th>");
	cell_begin(view, TEXT_WHO);
	draw_words(view, json_text(row, "who"));
	draw_role(view, json_text(row, "role"));
	cell_begin(view, TEXT_ACTION);
	draw_word(view, word_label(WORD_ACTION, action), action);
	html_put(view->html, "</td>");
	cell_begin(view, TEXT_OBJECT);
	draw_object(view, row, names);
	html_put(view->html, "</td>");
	cell_begin(view, TEXT_EVIDENCE);
	draw_evidence(view, row, names);
	html_put(view->html, "</td>");
	cell_begin(view, TEXT_RESULT);
	draw_result(view, row, names);
	html_put(view->html, "</td>");
	draw_cell(view, TEXT_VIA, json_text(row, "via"));
	html_put(view->html, "</tr>\n");
}

static bool has_evidence(const json_t *row)
{
	return word_label(WORD_EVIDENCE, json_text(row, "evidence"))[0];
}

void draw_history(struct view *view, const json_t *answer)
{
	const json_t *rows = json_object_get(answer, "rows");
	const json_t *names = json_object_get(answer, "devices");

	if (json_array_size(rows) == 0) {
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_NO_HISTORY));
		return;
	}
	draw_clock_note(view, rows);
	html_put(view->html, "<ol class=\"history\">\n");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		html_put(view->html, "<li><b>%s</b> %s <bdi>%s</bdi>",
			word_label(WORD_ACTION, json_text(row, "action")), text(TEXT_BY),
			who_label(json_text(row, "who")));
		if (has_evidence(row)) {
			html_put(view->html, " · ");
			draw_evidence(view, row, names);
		}
		html_put(view->html, " · ");
		draw_result(view, row, names);
		html_put(view->html, "<small>");
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
	const json_t *names = json_object_get(view_part(view, 0), "devices");
	long long next = json_number(view_part(view, 0), "next");

	draw_head(view, json_object_get(view_part(view, 1), "audit"));
	draw_filters(view);
	html_put(view->html, "<div id=\"live\"><section data-key=\"rows\">\n");
	if (json_array_size(rows) == 0) {
		draw_empty(view, narrowed(view) ? TEXT_NO_ROW_FITS : TEXT_NO_ROWS,
			narrowed(view) ? TEXT_NO_ROW_FITS_WHAT : TEXT_NO_ROWS_WHAT);
	} else {
		draw_clock_note(view, rows);
		draw_table_head(view, head, ELEMENTS(head));
		for (size_t i = 0; i < json_array_size(rows); i++)
			draw_row(view, json_array_get(rows, i), names);
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
