/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of a device: what waits for it, what became of the last ones that a person sent, and the
 * form that sends one. Whatever the device answered is foreign text.
 */

#include "web/draw.h"

/* {} says nothing. */
static void draw_json(struct view *view, const json_t *value)
{
	if (json_is_object(value) && json_object_size(value) == 0)
		return;
	html_put(view->html, " <code>");
	draw_value(view, value);
	html_put(view->html, "</code>");
}

static void draw_name(struct view *view, const json_t *command)
{
	const char *sender = json_text(command, "sender");

	html_put(view->html, "<p><strong>%s</strong>", json_text(command, "name"));
	if (json_object_get(command, "args"))
		draw_json(view, json_object_get(command, "args"));
	html_put(view->html, "</p><p class=\"faint\">");
	draw_time(view, json_text(command, "arrived"));
	html_put(view->html, " · %s <bdi>%s</bdi>", text(TEXT_COMMAND_FROM),
		sender[0] ? who_label(sender) : text(TEXT_COMMAND_PLATFORM));
}

static void draw_waiting_one(struct view *view, const json_t *command)
{
	html_put(view->html, "<li data-key=\"command-%s\">", json_text(command, "cmd"));
	draw_tag(view, WORD_COMMAND, "waiting");
	draw_name(view, command);
	html_put(view->html, " · %s ", text(TEXT_COMMAND_LEFT));
	draw_small_countdown(view, json_number(command, "expires_in"));
	html_put(view->html, "</p></li>\n");
}

static void draw_past_one(struct view *view, const json_t *command)
{
	const char *reason = json_text(command, "reason");

	html_put(view->html, "<li data-key=\"command-%s\">", json_text(command, "cmd"));
	draw_tag(view, WORD_COMMAND,
		json_flag(command, "ok") ? "done"
		: reason[0]		 ? "given-up"
					 : "failed");
	draw_name(view, command);
	html_put(view->html, "</p>");
	if (reason[0])
		html_put(view->html, "<p>%s</p>", reason);
	if (json_object_get(command, "result")) {
		html_put(view->html, "<p>%s", text(TEXT_COMMAND_ANSWER));
		draw_json(view, json_object_get(command, "result"));
		html_put(view->html, "</p>");
	}
	html_put(view->html, "</li>\n");
}

static void draw_form(struct view *view, const json_t *device)
{
	const char *id = json_text(device, "id");

	html_put(view->html, "<form method=\"post\" action=\"/devices/%s/command\">\n", id);
	view_form_token(view, "device");
	draw_input(view, TEXT_COMMAND_NAME, "command", "command", view_typed(view, id, "command"),
		"maxlength=\"64\" autocomplete=\"off\" autocapitalize=\"none\" "
		"spellcheck=\"false\" required");
	draw_input(view, TEXT_COMMAND_ARGS, "args", "command", view_typed(view, id, "args"),
		"maxlength=\"512\" autocomplete=\"off\" autocapitalize=\"none\" "
		"spellcheck=\"false\" placeholder='{\"seconds\": 60}'");
	html_put(view->html,
		"<p class=\"hint\">%s</p><div class=\"buttons\"><button>%s</button></div></form>\n",
		text(TEXT_COMMAND_WHAT), text(TEXT_COMMAND_SEND));
}

void draw_commands(struct view *view, const json_t *device)
{
	const json_t *waiting = json_object_get(device, "commands");
	const json_t *past = json_object_get(device, "commands_past");
	bool can = json_has_word(json_object_get(device, "actions"), "command") &&
		   view_may_act(view, "command");

	if (!can && json_array_size(waiting) + json_array_size(past) == 0)
		return;
	draw_section_begin(view, TEXT_COMMANDS, "commands");
	if (json_array_size(waiting) + json_array_size(past) > 0)
		html_put(view->html, "<ul class=\"commands\" data-items>\n");
	for (size_t i = json_array_size(waiting); i-- > 0;)
		draw_waiting_one(view, json_array_get(waiting, i));
	for (size_t i = json_array_size(past); i-- > 0;)
		draw_past_one(view, json_array_get(past, i));
	if (json_array_size(waiting) + json_array_size(past) > 0)
		html_put(view->html, "</ul>\n");
	if (can)
		draw_form(view, device);
	draw_section_end(view);
}
