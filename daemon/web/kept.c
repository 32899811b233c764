/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is kept here for a browser that may never come back: the log-in's own form holds the
 * other one, in two hidden fields. What is not in the list below goes no further - passwords,
 * codes, tokens, keys, and whatever a form will have one day.
 */

#include "web/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/action.h"
#include "web/draw.h"
#include "web/page.h"

#define KEPT_PATH "kept-path"
#define KEPT_FORM "kept-form"

static const char *const names[] = {"from", "id", "name", "place", "owner", "platform", "address",
	"ep", "seconds", "command", "args", "with", "role", "row", "username", "admit", NULL};
/* A certificate is no secret; elsewhere lines are tokens and keys. */
static const char *const names_of_authority[] = {"name", "admit", FORM_LINES, NULL};

static void forget_secrets(struct request *request)
{
	form_keep(request->form,
		strcmp(request->path, "/authorities/register") == 0 ? names_of_authority : names);
}

void kept_show_again(struct request *request)
{
	forget_secrets(request);
	if (!action_show(request, 403, text(TEXT_OLD_FORM_AGAIN)))
		page_fail(request, 403, text(TEXT_OLD_FORM));
}

void kept_ask_who(struct request *request)
{
	forget_secrets(request);
	page_notice(request, true, text(TEXT_LOGGED_OUT));
	page_show(request, "/login", 401);
}

void kept_put(struct view *view)
{
	const struct form *form = view->request->form;
	const char *path = view->request->path, *name, *value;

	if (strcmp(path, "/login") == 0) { /* a password was wrong: it is carried on */
		path = form_value(form, KEPT_PATH);
		value = form_value(form, KEPT_FORM);
		if (path && value)
			html_put(view->html,
				"<input type=\"hidden\" name=\"" KEPT_PATH "\" value=\"%s\">"
				"<input type=\"hidden\" name=\"" KEPT_FORM "\" value=\"%s\">\n",
				path, value);
		return;
	}
	html_put(view->html,
		"<input type=\"hidden\" name=\"" KEPT_PATH "\" value=\"%s\">"
		"<input type=\"hidden\" name=\"" KEPT_FORM "\" value=\"",
		path);
	for (unsigned i = 0; form_field(form, i, &name, &value); i++) {
		html_put(view->html, i ? "&amp;%s=" : "%s=", name);
		html_put_segment(view->html, value);
	}
	html_put(view->html, "\">\n");
}

bool kept_come_back(struct request *request)
{
	const char *path = form_value(request->form, KEPT_PATH);
	const char *text_of_form = form_value(request->form, KEPT_FORM);
	char *copy = path ? strdup(path) : NULL;
	struct form *form = NULL;

	if (!copy || !text_of_form || form_parse(span_from_string(text_of_form), &form) < 0) {
		free(copy);
		return false;
	}
	form_free(request->form);
	request->form = form;
	free(request->path);
	request->path = copy;
	request->query = NULL;
	forget_secrets(request);
	if (!action_show(request, 200, text(TEXT_TYPED_AGAIN)))
		request_redirect(request, "/waiting");
	return true;
}
