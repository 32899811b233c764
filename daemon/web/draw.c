/* SPDX-License-Identifier: Apache-2.0 */
/* Small pieces that the screens are put together from. */

#include "web/draw.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/form.h"

#define WORD_WHOLE_MAX 14 /* bytes of a word that a column of a table must have room for */
#define COLUMNS_MANY   6

const char *json_text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

long long json_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool json_flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

bool json_has_word(const json_t *list, const char *word)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *item = json_string_value(json_array_get(list, i));

		if (item && strcmp(item, word) == 0)
			return true;
	}
	return false;
}

const char *who_label(const char *who)
{
	return strcmp(who, "uid 0") == 0 ? "root (uid 0)" : who;
}

const char *device_title(const json_t *device)
{
	const char *name = json_text(device, "name");

	return name[0] ? name : json_text(device, "ep");
}

void draw_tag(struct view *view, enum word_kind kind, const char *word)
{
	const struct word *found = word_find(kind, word);

	if (!found) {
		html_put(view->html, "<span class=\"tag\">%s</span>", word);
		return;
	}
	html_put(view->html, "<span class=\"tag %s\">", found->tone);
	if (found->mark[0])
		html_put(view->html, "<span class=\"mark\" aria-hidden=\"true\">%s</span>",
			found->mark);
	html_put(view->html, "%s</span>", found->label);
}

void draw_value(struct view *view, const json_t *value)
{
	CLEANUP(cleanup_free) char *dump = NULL;

	if (json_is_null(value) || !value)
		return;
	if (json_is_string(value)) {
		html_put(view->html, "<bdi>%s</bdi>", json_string_value(value));
		return;
	}
	dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	html_put(view->html, "%s", dump);
}

static void fact_begin(struct view *view, enum text label)
{
	html_put(view->html, "<div><dt>%s</dt><dd>", text(label));
}

static void fact_end(struct view *view)
{
	html_put(view->html, "</dd></div>\n");
}

void draw_fact(struct view *view, enum text label, const char *value)
{
	if (!value[0])
		return;
	fact_begin(view, label);
	html_put(view->html, "<bdi>%s</bdi>", value);
	fact_end(view);
}

void draw_wide_fact(struct view *view, enum text label, const char *value)
{
	if (!value[0])
		return;
	html_put(view->html, "<div class=\"wide\"><dt>%s</dt><dd><bdi>%s</bdi></dd></div>\n",
		text(label), value);
}

void draw_hex_fact(struct view *view, enum text label, const char *hex)
{
	if (!hex[0])
		return;
	html_put(view->html, "<div class=\"wide\"><dt>%s</dt><dd class=\"code\">", text(label));
	for (size_t i = 0; hex[i]; i++) {
		char one[2] = {(char)toupper((unsigned char)hex[i]), 0};

		html_put(view->html, "%s", one);
		if (i % 2 == 1 && hex[i + 1])
			html_put(view->html, ":<wbr>");
	}
	html_put(view->html, "</dd></div>\n");
}

void draw_number(struct view *view, enum text label, long long value, const char *unit)
{
	fact_begin(view, label);
	html_put(view->html, "%lld %s", value, unit);
	fact_end(view);
}

void draw_fact_time(struct view *view, enum text label, const char *time)
{
	if (!time[0])
		return;
	fact_begin(view, label);
	draw_time(view, time);
	fact_end(view);
}

void draw_fingerprint(struct view *view)
{
	const char *text = view->request->web->certificate->fingerprint;

	for (; *text; text++) {
		char one[2] = {*text, 0};

		html_put(view->html, "%s", one);
		if (*text == ':')
			html_put(view->html, "<wbr>");
	}
}

void draw_section_begin(struct view *view, enum text title, const char *key)
{
	html_put(view->html, "<section class=\"panel\" id=\"%s\" data-key=\"%s\"><h2>%s</h2>\n",
		key, key, text(title));
}

void draw_section_end(struct view *view)
{
	html_put(view->html, "</section>\n");
}

void draw_column_begin(struct view *view, const char *key)
{
	html_put(view->html, "<div data-key=\"%s\" data-items>\n", key);
}

void draw_column_end(struct view *view)
{
	html_put(view->html, "</div>\n");
}

/* An address or a fingerprint breaks behind a colon, if it can. */
static void put_long(struct view *view, const char *value)
{
	CLEANUP(cleanup_free) char *copy = strdup(value);
	char *at = copy, *part;

	while (at && (part = strsep(&at, ":")))
		html_put(view->html, at ? "%s:<wbr>" : "%s", part);
}

void draw_words(struct view *view, const char *value)
{
	size_t longest = 0, size = 0;

	for (const char *at = value; *at; at++) {
		size = *at == ' ' ? 0 : size + 1;
		longest = size > longest ? size : longest;
	}
	html_put(view->html, longest > WORD_WHOLE_MAX ? "<bdi class=\"long\">" : "<bdi>");
	if (longest > WORD_WHOLE_MAX)
		put_long(view, value);
	else
		html_put(view->html, "%s", value);
	html_put(view->html, "</bdi>");
}

void draw_table_head(struct view *view, const enum text *head, size_t count)
{
	html_put(view->html, "<table class=\"list%s\"><thead><tr>",
		count > COLUMNS_MANY ? " many" : "");
	for (size_t i = 0; i < count; i++)
		html_put(view->html, "<th scope=\"col\">%s</th>", text(head[i]));
	html_put(view->html, "</tr></thead>\n<tbody data-items>\n");
}

void draw_cell(struct view *view, enum text label, const char *value)
{
	html_put(view->html, "<td data-label=\"%s\">", text(label));
	if (value[0])
		draw_words(view, value);
	html_put(view->html, "</td>");
}

void draw_empty(struct view *view, enum text title, enum text what_to_do)
{
	html_put(view->html,
		"<div class=\"empty\" "
		"data-key=\"empty\"><p><strong>%s</strong></p><p>%s</p></div>\n",
		text(title), text(what_to_do));
}

void draw_input(struct view *view, enum text label, const char *name, const char *id_suffix,
	const char *value, const char *attributes)
{
	html_put(view->html,
		"<div class=\"field\"><label for=\"%s-%s\">%s</label>"
		"<input id=\"%s-%s\" name=\"%s\" value=\"%s\" ",
		name, id_suffix, text(label), name, id_suffix, name, value);
	html_put_markup(view->html, attributes);
	html_put(view->html, "></div>\n");
}

void draw_form_begin(struct view *view, const char *action, const char *class)
{
	html_put(view->html, "<form method=\"post\" class=\"%s\" action=\"%s\">\n", class, action);
	view_form_token(view, NULL);
}

void draw_form_end(struct view *view, const char *id_suffix, const char *kind, enum text button)
{
	draw_password(view, id_suffix, true);
	html_put(view->html,
		"<div class=\"buttons\"><button class=\"%s\">%s</button></div></form>\n", kind,
		text(button));
}

/* A form sends each line with a CR at its end. */
static void put_lines(struct view *view, const char *typed)
{
	CLEANUP(cleanup_free) char *copy = strdup(typed);
	char *out = copy;

	for (const char *in = typed; copy && *in; in++)
		if (*in != '\r')
			*out++ = *in;
	if (copy)
		*out = '\0';
	html_put(view->html, "%s", copy);
}

void draw_lines(struct view *view, enum text label, const char *value, const char *attributes)
{
	html_put(view->html,
		"<div class=\"field\"><label for=\"lines\">%s</label><textarea id=\"lines\" "
		"name=\"%s\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" "
		"required ",
		text(label), FORM_LINES);
	html_put_markup(view->html, attributes);
	html_put(view->html, ">");
	put_lines(view, value);
	html_put(view->html, "</textarea></div>\n");
}

void draw_password(struct view *view, const char *id_suffix, bool always)
{
	if (view->fresh && !always)
		return;
	/* For password managers: whose password it is. */
	html_put(view->html,
		"<input hidden autocomplete=\"username\" aria-label=\"%s\" value=\"%s\">",
		text(TEXT_LOGIN_NAME), view->request->caller.name);
	draw_input(view, TEXT_PASSWORD_AGAIN, "password", id_suffix, "",
		"type=\"password\" autocomplete=\"current-password\"");
}
