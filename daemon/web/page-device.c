/* SPDX-License-Identifier: Apache-2.0 */
/* Everything about one device, and every act that is possible now. */

#include "web/draw.h"

#include <string.h>

#include "base/cleanup.h"
#include "web/chart.h"

enum { PART_DEVICE, PART_STATUS, PART_READINGS, PART_HISTORY, PART_NEWCOMERS };

/* Possible now, and this person may. */
static bool can(const struct view *view, const json_t *device, const char *act)
{
	return json_has_word(json_object_get(device, "actions"), act) && view_may_act(view, act);
}

static void draw_state(struct view *view, const json_t *device)
{
	const char *stage = json_text(device, "stage");
	const struct word *word = word_find(WORD_STAGE, stage);

	draw_section_begin(view, TEXT_STATE, "state");
	html_put(view->html, "<p class=\"state\">");
	draw_tag(view, WORD_STAGE, stage);
	html_put(view->html, " %s</p>\n", word ? word->remark : "");
	html_put(view->html, "<dl class=\"facts\">\n");
	html_put(view->html, "<div><dt>%s</dt><dd>", text(TEXT_LAST_SEEN));
	draw_ago(view, json_object_get(device, "last_heard"));
	html_put(view->html, "</dd></div>\n");
	draw_fact_time(view, TEXT_LAST_READING, json_text(device, "last_reading"));
	draw_number(view, TEXT_READINGS, json_number(device, "readings"), "");
	draw_number(view, TEXT_QUEUED, json_number(device, "queued"), "");
	draw_fact_time(view, TEXT_DECIDED, json_text(device, "decided_at"));
	draw_fact(view, TEXT_DECIDED_BY, who_label(json_text(device, "decided_by")));
	if (json_text(device, "decided_at")[0])
		draw_fact(view, TEXT_EVIDENCE,
			word_label(WORD_EVIDENCE, json_text(device, "evidence")));
	html_put(view->html, "</dl>\n");
	draw_decision(view, device, "device");
	draw_section_end(view);
}

static void draw_readings(struct view *view)
{
	const json_t *list = json_object_get(view_part(view, PART_READINGS), "series");

	draw_section_begin(view, TEXT_RECENT_READINGS, "readings");
	if (json_array_size(list) == 0)
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_NO_READINGS));
	for (size_t i = 0; i < json_array_size(list); i++)
		draw_chart(view, json_array_get(list, i));
	draw_section_end(view);
}

static void draw_rename(struct view *view, const json_t *device)
{
	/* Where it is decided on, they are typed with the decision. */
	if (!can(view, device, "rename") || can(view, device, "approve") ||
		can(view, device, "admit"))
		return;
	draw_section_begin(view, TEXT_LABELS, "rename");
	html_put(view->html, "<form method=\"post\" action=\"/devices/%s/rename\">\n",
		json_text(device, "id"));
	view_form_token(view, "device");
	draw_input(view, TEXT_NAME, "name", "rename", device_typed(view, device, "name"),
		"maxlength=\"64\" autocomplete=\"off\"");
	draw_input(view, TEXT_PLACE, "place", "rename", device_typed(view, device, "place"),
		"maxlength=\"64\" autocomplete=\"off\"");
	draw_input(view, TEXT_OWNER, "owner", "rename", device_typed(view, device, "owner"),
		"maxlength=\"64\" autocomplete=\"off\"");
	html_put(view->html, "<div class=\"buttons\"><button>%s</button></div></form>\n",
		text(TEXT_SAVE));
	draw_section_end(view);
}

struct plain_act {
	const char *act;
	enum text label;
	enum text remark;
};

/* One form for each: a button and a sentence, for some with the password. */
static void draw_act(
	struct view *view, const json_t *device, const struct plain_act *act, bool password)
{
	if (!can(view, device, act->act))
		return;
	html_put(view->html, "<form method=\"post\" class=\"act\" action=\"/devices/%s/%s\">",
		json_text(device, "id"), act->act);
	view_form_token(view, "device");
	/* What would be, not what is. */
	html_put(view->html, "<p><strong>%s.</strong> %s</p>", text(act->label), text(act->remark));
	if (password)
		draw_password(view, act->act, true);
	html_put(view->html,
		"<div class=\"buttons\"><button class=\"%s\">%s</button></div></form>\n",
		password ? "danger" : "", text(act->label));
}

/* By one of those that wait. */
static void draw_replace(struct view *view, const json_t *device)
{
	const json_t *list = json_object_get(view_part(view, PART_NEWCOMERS), "devices");
	/* Who was chosen when the password was wrong is who is meant the next time. */
	const char *chosen = view_typed(view, json_text(device, "id"), "with");

	if (!can(view, device, "replace"))
		return;
	if (json_array_size(list) == 0) {
		html_put(view->html, "<div class=\"act\"><p>%s</p></div>\n",
			text(TEXT_REPLACE_NONE));
		return;
	}
	html_put(view->html,
		"<form method=\"post\" class=\"act\" action=\"/devices/%s/replace\"><p>"
		"<strong>%s.</strong> %s</p>",
		json_text(device, "id"), text(TEXT_REPLACE), text(TEXT_REPLACE_WHAT));
	view_form_token(view, "device");
	html_put(view->html,
		"<div class=\"field\"><label for=\"with\">%s</label><select id=\"with\" "
		"name=\"with\">",
		text(TEXT_REPLACE_WITH));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *id = json_text(one, "id");

		html_put(view->html, "<option value=\"%s\"%s>%s %s %s</option>", id,
			strcmp(id, chosen) == 0 ? " selected" : "", device_title(one),
			json_text(one, "model"), json_text(one, "serial"));
	}
	html_put(view->html, "</select></div>\n");
	draw_password(view, "replace", true);
	html_put(view->html,
		"<div class=\"buttons\"><button class=\"danger\">%s</button></div></form>\n",
		text(TEXT_REPLACE));
}

/* The screen is the answer to this act: it was refused, and is tried again. */
static bool was_tried(const struct view *view, const char *act)
{
	const char *last = strrchr(view->request->path, '/');

	return view->request->action && last && strcmp(last + 1, act) == 0;
}

static void draw_acts(struct view *view, const json_t *device)
{
	static const struct plain_act plain[] = {
		{"suspend", TEXT_SUSPEND, TEXT_SUSPEND_WHAT},
		{"resume", TEXT_RESUME, TEXT_RESUME_WHAT},
		{"unlock", TEXT_UNLOCK, TEXT_UNLOCK_WHAT},
		{"block", TEXT_BLOCK, TEXT_BLOCK_WHAT},
		{"unblock", TEXT_UNBLOCK, TEXT_UNBLOCK_WHAT},
	};
	static const struct plain_act grave[] = {
		{"revoke", TEXT_REVOKE, TEXT_REVOKE_WHAT},
		{"release", TEXT_RELEASE, TEXT_RELEASE_WHAT},
		{"forget", TEXT_FORGET, TEXT_FORGET_WHAT},
	};

	bool open = was_tried(view, "replace");

	if (json_array_size(json_object_get(device, "actions")) == 0)
		return;
	for (size_t i = 0; i < ELEMENTS(grave); i++)
		open = open || was_tried(view, grave[i].act);
	draw_section_begin(view, TEXT_ACTS, "acts");
	for (size_t i = 0; i < ELEMENTS(plain); i++)
		draw_act(view, device, &plain[i], false);
	if (!view_may(view, ROLE_ADMIN)) {
		draw_section_end(view);
		return;
	}
	/* What cannot be taken back is one step away. */
	html_put(view->html, "<details class=\"grave\"%s><summary>%s</summary>\n",
		open ? " open" : "", text(TEXT_GRAVE_ACTS));
	draw_replace(view, device);
	for (size_t i = 0; i < ELEMENTS(grave); i++)
		draw_act(view, device, &grave[i], true);
	html_put(view->html, "</details>\n");
	draw_section_end(view);
}

/* The newest rows; all of them are in the journal, for who may read it. */
static void draw_past(struct view *view, const json_t *device)
{
	draw_section_begin(view, TEXT_HISTORY, "history");
	draw_history(view, view_part(view, PART_HISTORY));
	if (view_may(view, ROLE_ADMIN))
		html_put(view->html, "<p><a href=\"/journal?object=%s\">%s</a></p>\n",
			json_text(device, "id"), text(TEXT_IN_THE_JOURNAL));
	draw_section_end(view);
}

void draw_device(struct view *view)
{
	const json_t *device = view_part(view, PART_DEVICE);

	html_put(view->html, "<p class=\"crumb\"><a href=\"/devices\">%s</a></p>\n",
		text(TEXT_ALL_DEVICES));
	html_put(view->html, "<div id=\"live\" data-traffic class=\"columns\">\n");
	draw_column_begin(view, "it");
	draw_state(view, device);
	draw_readings(view);
	draw_section_begin(view, TEXT_WHAT_IT_SAYS, "facts");
	draw_device_facts(view, device);
	draw_section_end(view);
	draw_platform(view, device);
	draw_column_end(view);
	draw_column_begin(view, "done");
	draw_commands(view, device);
	draw_past(view, device);
	draw_rename(view, device);
	draw_acts(view, device);
	draw_column_end(view);
	html_put(view->html, "</div>\n");
}
