/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device at its platform. While an operation is open there, a person needs three things: which
 * one it is, its code (from the device's own display where it has one), and where to say yes. Its
 * provisioning token goes in here and never comes out.
 */

#include "web/draw.h"

#include <string.h>

#include "base/cleanup.h"
#include "core/token.h"

static bool is_awaiting(const json_t *operation)
{
	return strcmp(json_text(operation, "state"), "awaiting") == 0;
}

/* An operation that somebody at a platform decides has an id there. */
static bool is_open_there(const json_t *operation)
{
	return is_awaiting(operation) && json_text(operation, "id")[0];
}

static void draw_time_left(struct view *view, const json_t *operation)
{
	const json_t *left = json_object_get(operation, "expires_in");

	if (!json_is_integer(left))
		return;
	html_put(view->html, "<p>%s ", text(TEXT_OPERATION_LEFT));
	draw_countdown(view, json_integer_value(left));
	html_put(view->html, "</p>\n");
}

static void draw_code_hint(struct view *view, const json_t *device)
{
	if (strcmp(json_text(device, "code_at"), "here") != 0)
		html_put(view->html, "<p>%s</p>\n", text(TEXT_CODE_FROM_DISPLAY));
	else if (!json_text(device, "code")[0] && view_may(view, ROLE_TECHNICIAN))
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_CODE_WHEN_FRESH));
}

void draw_open_operation(struct view *view, const json_t *device)
{
	const json_t *operation = json_object_get(device, "operation");
	const char *link = json_text(operation, "link");

	if (!is_open_there(operation))
		return;
	html_put(view->html, "<div class=\"operation\">\n<p>%s</p>\n",
		text(json_flag(operation, "approve_here") ? TEXT_APPROVE_EITHER
							  : TEXT_APPROVE_THERE));
	draw_code_hint(view, device);
	draw_time_left(view, operation);
	html_put(view->html, "<p class=\"faint\">%s <bdi class=\"code\">%s</bdi></p>\n",
		text(TEXT_OPERATION_ID), json_text(operation, "id"));
	if (strncmp(link, "https://", strlen("https://")) == 0)
		html_put(view->html,
			"<p><a class=\"button\" href=\"%s\" target=\"_blank\" "
			"rel=\"noopener noreferrer\">%s</a></p>\n",
			link, text(TEXT_OPEN_PLATFORM));
	html_put(view->html, "</div>\n");
}

/* What was wrong with the lines of the form that led here again. */
void draw_refused_lines(struct view *view)
{
	const json_t *list = view->request->refused;

	if (json_array_size(list) == 0)
		return;
	html_put(view->html, "<ul class=\"refused\" role=\"alert\">\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		html_put(view->html, "<li>%s %lld %s.</li>\n", text(TEXT_LINE),
			json_number(one, "line"), json_text(one, "text"));
	}
	html_put(view->html, "</ul>\n");
}

/* The start of one form; 'row' is the first key of what it sends (core/token-row.h). */
static void token_form_begin(
	struct view *view, const json_t *device, const char *row, enum text what)
{
	html_put(view->html,
		"<form method=\"post\" class=\"act\" action=\"/devices/%s/token\"><p>%s</p>\n"
		"<input type=\"hidden\" name=\"row\" value=\"%s\">"
		"<input type=\"hidden\" name=\"ep\" value=\"%s\">\n",
		json_text(device, "id"), text(what), row, json_text(device, "ep"));
	view_form_token(view, "device");
}

static void token_form_end(struct view *view, const char *row)
{
	draw_password(view, row, true);
	html_put(view->html, "<div class=\"buttons\"><button>%s</button></div></form>\n",
		text(TEXT_SAVE));
}

#define SECRET                                                                            \
	"type=\"password\" autocomplete=\"off\" spellcheck=\"false\" maxlength=\"1024\" " \
	"required"

static void draw_secret(struct view *view, const char *row, enum text label)
{
	draw_input(view, label, "secret", row, "", SECRET);
}

/* One that comes on paper: the script offers the camera (scan.js). */
static void draw_printed_secret(struct view *view, const char *row, enum text label)
{
	draw_input(view, label, "secret", row, "", SECRET " data-scan");
}

static void draw_identity_form(struct view *view, const json_t *device, const char *row)
{
	token_form_begin(view, device, row, TEXT_REPLACE_IDENTITY_WHAT);
	/* Not given back: it holds the private key. */
	draw_lines(view, TEXT_IDENTITY, "", "rows=\"6\"");
	token_form_end(view, row);
}

/* At a broker: a user name and a password, or a certificate. */
static void draw_broker_forms(struct view *view, const json_t *device)
{
	token_form_begin(view, device, "username", TEXT_REPLACE_LOGIN_WHAT);
	draw_input(view, TEXT_USERNAME, "username", "token",
		view_typed(view, json_text(device, "id"), "username"),
		"maxlength=\"256\" autocomplete=\"off\" autocapitalize=\"none\" "
		"spellcheck=\"false\" required");
	draw_secret(view, "username", TEXT_PASSWORD);
	token_form_end(view, "username");
	draw_identity_form(view, device, "certificate");
}

/* What its platform knows the device by, where that was imported. */
static void draw_token_form(struct view *view, const json_t *device)
{
	const char *platform = json_text(device, "platform");
	bool spotflow = !strcmp(platform, TOKEN_KIND_SPOTFLOW),
	     azure = !strcmp(platform, TOKEN_KIND_AZURE), mqtt = !strcmp(platform, TOKEN_KIND_MQTT);

	if ((!spotflow && !azure && !mqtt) || !view_may(view, ROLE_ADMIN))
		return;
	html_put(view->html, "<details%s><summary>%s</summary>\n",
		view_typed(view, json_text(device, "id"), "row")[0] ? " open" : "",
		text(spotflow	? TEXT_REPLACE_TOKEN
			: azure ? TEXT_REPLACE_KEY
				: TEXT_REPLACE_LOGIN));
	draw_refused_lines(view);
	if (mqtt) {
		draw_broker_forms(view, device);
	} else {
		token_form_begin(view, device, spotflow ? "pt" : "key", TEXT_REPLACE_TOKEN_WHAT);
		draw_printed_secret(view, "token", spotflow ? TEXT_TOKEN : TEXT_KEY);
		token_form_end(view, "token");
		if (azure)
			draw_identity_form(view, device, "x509");
	}
	html_put(view->html, "</details>\n");
}

void draw_platform(struct view *view, const json_t *device)
{
	const json_t *credential = json_object_get(device, "credential");
	const json_t *operation = json_object_get(device, "operation");
	const char *used = json_text(credential, "certificate"), *next = json_text(operation, "id");

	html_put(view->html, "<section class=\"panel\" data-key=\"platform\"><h2>%s</h2>\n",
		text(TEXT_PLATFORM));
	html_put(view->html, "<dl class=\"facts\">\n");
	draw_fact(view, TEXT_PLATFORM, json_text(device, "platform"));
	draw_fact(view, TEXT_PLATFORM_ID, json_text(device, "platform_id"));
	draw_fact(view, TEXT_LINK, word_label(WORD_LINK, json_text(device, "link")));
	draw_fact(
		view, TEXT_CREDENTIAL, word_label(WORD_CREDENTIAL, json_text(credential, "state")));
	draw_fact_time(view, TEXT_HELD_SINCE, json_text(credential, "since"));
	draw_fact_time(view, TEXT_EXPIRES, json_text(credential, "expires"));
	draw_hex_fact(view, TEXT_CERTIFICATE, used);
	if (used[0] && strlen(next) == FINGERPRINT_SIZE - 1 && strcmp(used, next) != 0)
		draw_hex_fact(view, TEXT_NEXT_CERTIFICATE, next);
	draw_fact(view, TEXT_OPERATION, word_label(WORD_OPERATION, json_text(operation, "state")));
	draw_fact_time(view, TEXT_OPERATION_EXPIRES, json_text(operation, "expires"));
	draw_wide_fact(view, TEXT_PLATFORM_SAYS, json_text(device, "platform_why"));
	html_put(view->html, "</dl>\n");
	draw_token_form(view, device);
	html_put(view->html, "</section>\n");
}
