/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device as it stands on Waiting and on its own screen: what it says of itself, what we know of
 * it, and the forms for what can be done now. The API's list "actions" decides which buttons there
 * are; this file knows only how to ask.
 */

#include "web/draw.h"

#include <string.h>

#include "base/cleanup.h"

#define IDENTIFY_SECONDS 10

static void draw_attributes(struct view *view, const json_t *device)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(device, "attributes"), key, value)
	{
		html_put(view->html, "<div><dt><bdi>%s</bdi></dt><dd>", key);
		draw_value(view, value);
		html_put(view->html, "</dd></div>\n");
	}
}

static void draw_trust(struct view *view, const json_t *device)
{
	const struct word *trust = word_find(WORD_TRUST, json_text(device, "trust"));

	html_put(view->html, "<div class=\"wide\"><dt>%s</dt><dd>", text(TEXT_TRUST));
	draw_tag(view, WORD_TRUST, json_text(device, "trust"));
	if (trust)
		html_put(view->html, " <small>%s</small>", trust->remark);
	html_put(view->html, "</dd></div>\n");
}

void draw_device_facts(struct view *view, const json_t *device)
{
	html_put(view->html, "<dl class=\"facts\">\n");
	if (json_text(device, "name")[0])
		draw_fact(view, TEXT_OWN_NAME, json_text(device, "ep"));
	draw_fact(view, TEXT_PLACE, json_text(device, "place"));
	draw_fact(view, TEXT_OWNER, json_text(device, "owner"));
	draw_fact(view, TEXT_MODEL, json_text(device, "model"));
	draw_fact(view, TEXT_SERIAL, json_text(device, "serial"));
	draw_fact(view, TEXT_FIRMWARE, json_text(device, "firmware"));
	draw_attributes(view, device);
	draw_wide_fact(view, TEXT_ADDRESS, json_text(device, "address"));
	draw_fact(view, TEXT_FOUND, word_label(WORD_FOUND, json_text(device, "found_by")));
	draw_fact_time(view, TEXT_FIRST_SEEN, json_text(device, "first_seen"));
	draw_trust(view, device);
	draw_hex_fact(view, TEXT_CERTIFICATE, json_text(device, "fingerprint"));
	if (json_flag(device, "own_token"))
		draw_fact(view, TEXT_TOKEN, text(TEXT_OWN_TOKEN));
	html_put(view->html, "</dl>\n");
}

/* --- the decision --- */

static void draw_button(struct view *view, const json_t *device, const char *act, enum text label,
	const char *class)
{
	if (!json_has_word(json_object_get(device, "actions"), act))
		return;
	html_put(view->html,
		"<button class=\"%s\" formaction=\"/devices/%s/%s\" formnovalidate>%s</button>\n",
		class, json_text(device, "id"), act, text(label));
}

/* The code that the platform wants to be compared, where the device cannot show it. */
static void draw_shown_code(struct view *view, const json_t *device)
{
	const char *code = json_text(device, "code");

	if (code[0])
		html_put(view->html,
			"<p class=\"code-line\">%s <strong class=\"code\">%s</strong></p>\n",
			text(json_flag(device, "display") ? TEXT_CODE_INSTEAD : TEXT_CODE_SHOWN),
			code);
}

/* How far the code has come on its way to the display. */
static void draw_code_way(struct view *view, const json_t *device)
{
	const char *at = json_text(device, "code_at");

	if (!strcmp(at, "missed"))
		html_put(view->html, "<p class=\"notice\">%s</p>\n", text(TEXT_CODE_MISSED));
	else if (!strcmp(at, "sending"))
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_CODE_SENDING));
}

static void draw_code_field(struct view *view, const json_t *device)
{
	const char *id = json_text(device, "id");
	bool label = json_flag(device, "has_code"), display = json_flag(device, "display");
	bool is_here = !strcmp(json_text(device, "code_at"), "here");
	json_t *left = json_object_get(device, "code_tries_left");
	const char *typed = view_typed(view, id, "code");
	bool wrong = typed[0] && view->request->page_status == 422;

	if (json_flag(device, "code_locked")) {
		html_put(view->html, "<p class=\"notice error\">%s", text(TEXT_CODE_LOCKED));
		if (json_has_word(json_object_get(device, "actions"), "unlock") &&
			view_may_act(view, "unlock"))
			html_put(view->html, " <a href=\"/devices/%s#acts\">%s</a>", id,
				text(TEXT_UNLOCK));
		html_put(view->html, "</p>\n");
		return;
	}
	/* A label with a key is not announced: it may be there all the same. */
	if (!label && !display)
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_NO_CODE));
	html_put(view->html,
		"<div class=\"field\"><label for=\"code-%s\">%s</label><input id=\"code-%s\" ", id,
		text(is_here	  ? TEXT_CODE_SHOWN_HERE
			: display ? TEXT_CODE_ON_DISPLAY
			: label	  ? TEXT_CODE_ON_LABEL
				  : TEXT_CODE_GH1),
		id);
	html_put(view->html,
		"name=\"code\" value=\"%s\" data-ep=\"%s\" class=\"code\" autocomplete=\"off\" "
		"autocapitalize=\"characters\" spellcheck=\"false\" maxlength=\"480\"",
		typed, json_text(device, "ep"));
	/* The top of the screen may be far away on a phone. */
	if (wrong)
		html_put(view->html, " aria-invalid=\"true\" aria-describedby=\"wrong-%s\"", id);
	html_put(view->html, "></div>\n");
	if (wrong)
		html_put(view->html, "<p class=\"problem\" id=\"wrong-%s\">%s</p>\n", id,
			view->request->notice);
	if (json_is_integer(left) && json_integer_value(left) < 5)
		html_put(view->html, "<p class=\"faint\">%s %lld</p>\n", text(TEXT_TRIES_LEFT),
			(long long)json_integer_value(left));
}

const char *device_typed(struct view *view, const json_t *device, const char *field)
{
	const char *typed = view_typed(view, json_text(device, "id"), field);

	return typed[0] ? typed : json_text(device, field);
}

static void draw_labels(struct view *view, const json_t *device)
{
	const char *id = json_text(device, "id");
	static const struct {
		enum text label;
		const char *field;
	} row[] = {{TEXT_NAME, "name"}, {TEXT_PLACE, "place"}, {TEXT_OWNER, "owner"}};

	bool typed = false;

	for (size_t i = 0; i < ELEMENTS(row); i++)
		typed = typed || view_typed(view, id, row[i].field)[0];
	html_put(view->html, "<details class=\"labels\"%s><summary>%s</summary>\n",
		typed ? " open" : "", text(TEXT_LABELS));
	for (size_t i = 0; i < ELEMENTS(row); i++)
		draw_input(view, row[i].label, row[i].field, id,
			device_typed(view, device, row[i].field),
			"maxlength=\"64\" autocomplete=\"off\"");
	html_put(view->html, "</details>\n");
}

/* Where several are offered, and while it belongs to none for good. */
static void draw_platform_choice(struct view *view, const json_t *device)
{
	const json_t *choices = json_object_get(device, "platforms");
	const char *id = json_text(device, "id"), *chosen = device_typed(view, device, "platform");

	if (json_array_size(choices) < 2)
		return;
	html_put(view->html,
		"<div class=\"field\"><label for=\"platform-%s\">%s</label>"
		"<select id=\"platform-%s\" name=\"platform\">",
		id, text(TEXT_PLATFORM), id);
	for (size_t i = 0; i < json_array_size(choices); i++) {
		const char *name = json_string_value(json_array_get(choices, i));

		html_put(view->html, "<option value=\"%s\"%s>%s</option>", name,
			!strcmp(name, chosen) ? " selected" : "", name);
	}
	html_put(view->html, "</select></div>\n");
}

void draw_decision(struct view *view, const json_t *device, const char *from)
{
	const json_t *can = json_object_get(device, "actions");
	bool approve = json_has_word(can, "approve"), admit = json_has_word(can, "admit");
	bool asks_code = json_has_word(can, "show-code");
	bool code_later = admit && json_flag(device, "display") && !json_flag(device, "has_code");
	const char *id = json_text(device, "id");

	draw_shown_code(view, device);
	draw_code_way(view, device);
	draw_open_operation(view, device);
	/* Its display shows a code only once it is admitted: that is the first step then. */
	approve = approve && !code_later;
	if (!approve && !admit && !json_has_word(can, "reject") && !json_has_word(can, "identify"))
		return;
	html_put(view->html,
		"<form method=\"post\" class=\"decision\" action=\"/devices/%s/%s\">\n", id,
		approve ? "approve" : "admit");
	view_form_token(view, from);
	/* Where the platform approves, the code of a label is typed when it is admitted here. */
	if (approve || (admit && !code_later && json_flag(device, "has_code")))
		draw_code_field(view, device);
	/* A void code approves nothing. */
	approve = approve && !json_flag(device, "code_locked");
	if (approve || admit) {
		draw_platform_choice(view, device);
		draw_labels(view, device);
	}
	if (approve || admit || asks_code)
		draw_password(view, id, false);
	html_put(view->html,
		"<input type=\"hidden\" name=\"seconds\" value=\"%u\">\n"
		"<div class=\"buttons\">\n",
		IDENTIFY_SECONDS);
	if (approve)
		draw_button(view, device, "approve", TEXT_APPROVE, "primary");
	draw_button(view, device, "admit", TEXT_ADMIT, approve ? "" : "primary");
	draw_button(view, device, "show-code", TEXT_SHOW_CODE, "");
	draw_button(view, device, "identify", TEXT_IDENTIFY, "");
	draw_button(view, device, "reject", TEXT_REJECT, "danger");
	html_put(view->html, "</div></form>\n");
}
