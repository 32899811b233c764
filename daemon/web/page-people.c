/* SPDX-License-Identifier: Apache-2.0 */
/* People and their roles, for administrators. Every change asks for the password once more. */

#include "web/draw.h"

#include <stdio.h>
#include <string.h>

#include "core/person.h"

static void draw_roles(struct view *view, const char *id_suffix, const char *present)
{
	const struct word *word;

	html_put(view->html,
		"<div class=\"field\"><label for=\"role-%s\">%s</label><select id=\"role-%s\" "
		"name=\"role\" aria-describedby=\"roles-%s\">",
		id_suffix, text(TEXT_ROLE), id_suffix, id_suffix);
	for (unsigned i = 0; (word = word_at(WORD_ROLE, i)); i++)
		html_put(view->html, "<option value=\"%s\"%s>%s</option>", word->word,
			strcmp(word->word, present) == 0 ? " selected" : "", word->label);
	/* What each may stands below: in the list of a phone it would be cut. */
	html_put(view->html, "</select></div>\n<ul class=\"hint\" id=\"roles-%s\">\n", id_suffix);
	for (unsigned i = 0; (word = word_at(WORD_ROLE, i)); i++)
		html_put(view->html, "<li><b>%s</b>: %s</li>\n", word->label, word->remark);
	html_put(view->html, "</ul>\n");
}

static void draw_drop(struct view *view, const char *name)
{
	char suffix[sizeof("drop-") + PERSON_NAME_MAX];

	snprintf(suffix, sizeof(suffix), "drop-%s", name);
	draw_form_begin(view, "/people/drop", "act");
	html_put(view->html, "<input type=\"hidden\" name=\"id\" value=\"%s\"><p>%s</p>", name,
		text(TEXT_DROP_PERSON_WHAT));
	draw_form_end(view, suffix, "danger", TEXT_DROP_PERSON);
}

/* The screen is the answer to a form about this person, which was refused: what it said. */
static const char *tried(const struct view *view, const char *name, const char *field)
{
	const struct form *form = view->request->form;
	const char *whose = form_value(form, "id"), *value = form_value(form, field);

	return whose && value && strcmp(whose, name) == 0 ? value : "";
}

static void draw_person(struct view *view, const json_t *person)
{
	const char *name = json_text(person, "name"), *role = json_text(person, "role");
	const char *wanted = tried(view, name, "role");
	bool self = view->session && strcmp(view->session->name, name) == 0;

	html_put(view->html,
		"<article class=\"card\" data-key=\"person-%s\"><header><h3><bdi>%s</bdi>", name,
		name);
	if (self)
		html_put(view->html, " <small>(%s)</small>", text(TEXT_YOU));
	html_put(view->html, "</h3>");
	draw_tag(view, WORD_ROLE, role);
	html_put(view->html, "</header>\n<p class=\"faint\">%s ", text(TEXT_CREATED));
	draw_time(view, json_text(person, "created"));
	html_put(view->html, "</p>\n<details%s><summary>%s</summary>\n",
		tried(view, name, "id")[0] ? " open" : "", text(TEXT_CHANGE));
	draw_form_begin(view, "/people/put", "");
	html_put(view->html, "<input type=\"hidden\" name=\"id\" value=\"%s\">\n", name);
	draw_roles(view, name, wanted[0] ? wanted : role);
	draw_input(view, TEXT_NEW_PASSWORD_OR_EMPTY, "secret", name, "",
		"type=\"password\" autocomplete=\"new-password\" minlength=\"15\"");
	draw_form_end(view, name, "", TEXT_SAVE);
	if (!self)
		draw_drop(view, name);
	html_put(view->html, "</details></article>\n");
}

/* What was typed for somebody new comes back when it was refused; not the passwords. */
static const char *typed_for_new(const struct view *view, const json_t *people, const char *field)
{
	const struct form *form = view->request->form;
	const char *name = form_value(form, "id"), *value = form_value(form, field);

	if (!name || !value || strcmp(view->request->path, "/people/put") != 0)
		return "";
	for (size_t i = 0; i < json_array_size(people); i++)
		if (strcmp(json_text(json_array_get(people, i), "name"), name) == 0)
			return "";
	return value;
}

static void draw_new_person(struct view *view, const json_t *people)
{
	const char *role = typed_for_new(view, people, "role");

	html_put(view->html, "<section class=\"panel\"><h2>%s</h2>\n", text(TEXT_NEW_PERSON));
	draw_form_begin(view, "/people/put", "");
	draw_input(view, TEXT_LOGIN_NAME, "id", "new", typed_for_new(view, people, "id"),
		"required maxlength=\"32\" pattern=\"[a-z0-9._\\-]+\" autocomplete=\"off\" "
		"autocapitalize=\"none\" spellcheck=\"false\"");
	draw_roles(view, "new", role[0] ? role : "technician");
	draw_input(view, TEXT_NEW_PASSWORD, "secret", "new", "",
		"type=\"password\" autocomplete=\"new-password\" minlength=\"15\" required");
	html_put(view->html, "<p class=\"hint\">%s</p>\n", text(TEXT_PASSWORD_RULE));
	draw_form_end(view, "new", "primary", TEXT_ADD_PERSON);
	html_put(view->html, "</section>\n");
}

void draw_people(struct view *view)
{
	const json_t *people = json_object_get(view_part(view, 0), "people");

	html_put(view->html,
		"<div id=\"live\"><section data-key=\"people\"><h2>%s</h2>\n"
		"<div class=\"cards\" data-items>\n",
		text(TEXT_WHO_MAY_LOG_IN));
	for (size_t i = 0; i < json_array_size(people); i++)
		draw_person(view, json_array_get(people, i));
	html_put(view->html, "</div></section></div>\n");
	draw_new_person(view, people);
}
