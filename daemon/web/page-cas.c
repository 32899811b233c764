/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorities whose certificates devices may come in with: what the word of each is worth, and its
 * fingerprint, to be compared with what the maker of the devices says. A technician looks; an
 * administrator registers and withdraws. Below it the authority of the site itself, whose
 * certificate is to be registered elsewhere.
 */

#include "web/draw.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/site-ca.h"
#include "web/form.h"

#define CA_NEAR_MSEC (INT64_C(30) * 86400 * 1000) /* its maker's to renew; ours has its alarm */

static void draw_policies(struct view *view)
{
	const char *typed = view_typed(view, "", "admit");
	const struct word *word;

	html_put(view->html,
		"<div class=\"field\"><label for=\"admit\">%s</label><select id=\"admit\" "
		"name=\"admit\">",
		text(TEXT_CA_ADMIT));
	for (unsigned i = 0; (word = word_at(WORD_ADMIT, i)); i++)
		html_put(view->html, "<option value=\"%s\"%s>%s</option>", word->word,
			strcmp(word->word, typed) == 0 ? " selected" : "", word->label);
	html_put(view->html, "</select></div>\n<p class=\"hint\">%s</p>\n",
		text(TEXT_CA_ADMIT_WHAT));
}

static void draw_register(struct view *view)
{
	html_put(view->html, "<section class=\"panel\"><h2>%s</h2>\n<p>%s</p>\n",
		text(TEXT_CA_REGISTER), text(TEXT_CA_REGISTER_WHAT));
	draw_form_begin(view, "/authorities/register", "");
	/* A certificate is no secret: it comes back with what was wrong. */
	draw_lines(view, TEXT_CA_PEM, view_typed(view, "", FORM_LINES),
		"rows=\"6\" placeholder=\"-----BEGIN CERTIFICATE-----\"");
	draw_input(view, TEXT_CA_NAME, "name", "ca", view_typed(view, "", "name"),
		"maxlength=\"64\" autocomplete=\"off\"");
	draw_policies(view);
	draw_form_end(view, "ca", "primary", TEXT_CA_REGISTER_BUTTON);
	html_put(view->html, "</section>\n");
}

static void draw_withdraw(struct view *view, const char *fingerprint)
{
	html_put(view->html, "<details class=\"grave\"><summary>%s</summary>\n",
		text(TEXT_CA_WITHDRAW));
	draw_form_begin(view, "/authorities/withdraw", "act");
	html_put(view->html, "<p>%s</p><input type=\"hidden\" name=\"id\" value=\"%s\">",
		text(TEXT_CA_WITHDRAW_WHAT), fingerprint);
	draw_form_end(view, fingerprint, "danger", TEXT_CA_WITHDRAW);
	html_put(view->html, "</details>\n");
}

/* Milliseconds of "2026-11-21T12:34:56Z"; 0 for anything else. */
static int64_t time_of(const char *text)
{
	struct tm parts = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);

	return end && !*end ? (int64_t)timegm(&parts) * 1000 : 0;
}

/* When it ends; near its end, and behind it, in words too. By the clock that certificates are
 * looked at with. */
static void draw_end(struct view *view, const char *not_after, int64_t near_msec)
{
	int64_t left = time_of(not_after) - clock_wall_msec();
	char duration[DURATION_TEXT];

	if (!not_after[0])
		return;
	html_put(view->html, "<div><dt>%s</dt><dd>", text(TEXT_CA_ENDS));
	draw_time(view, not_after);
	if (left <= 0) {
		html_put(view->html, " ");
		draw_tag(view, WORD_END, "over");
	} else if (left <= near_msec) {
		html_put(view->html, " ");
		draw_tag(view, WORD_END, "soon");
		html_put(view->html, " <small>%s %s</small>", text(TEXT_ENDS_IN),
			duration_text(left / 1000, duration));
	}
	html_put(view->html, "</dd></div>\n");
}

static void draw_one(struct view *view, const json_t *ca)
{
	const char *fingerprint = json_text(ca, "fingerprint"), *admit = json_text(ca, "admit");
	const struct word *word = word_find(WORD_ADMIT, admit);
	bool file = json_flag(ca, "file");

	html_put(view->html,
		"<article class=\"card\" data-key=\"ca-%s\"><header><h3><bdi>%s</bdi></h3>",
		fingerprint, json_text(ca, "name"));
	draw_tag(view, WORD_ADMIT, admit);
	html_put(view->html, "</header>\n<p class=\"remark\">%s</p>\n<dl class=\"facts\">\n",
		word ? word->remark : "");
	draw_hex_fact(view, TEXT_CERTIFICATE, fingerprint);
	draw_end(view, json_text(ca, "not_after"), CA_NEAR_MSEC);
	draw_fact_time(view, TEXT_SINCE, json_text(ca, "since"));
	draw_fact(
		view, TEXT_CA_BY, file ? text(TEXT_CA_FILE) : who_label(json_text(ca, "added_by")));
	html_put(view->html, "</dl>\n");
	if (view_may(view, ROLE_ADMIN) && !file)
		draw_withdraw(view, fingerprint);
	html_put(view->html, "</article>\n");
}

/* As a link that holds the file: it needs no script, and nothing has to be kept for it. */
static void draw_download(struct view *view, const char *pem)
{
	html_put(view->html, "<p><a class=\"button\" download=\"site-ca.pem\" "
			     "href=\"data:application/x-pem-file,");
	for (; *pem; pem++) {
		char one[2] = {*pem, 0};

		html_put(view->html, "%s", *pem == '\n' ? "%0A" : *pem == ' ' ? "%20" : one);
	}
	html_put(view->html, "\">%s</a></p>\n", text(TEXT_SITE_CA_DOWNLOAD));
}

static void draw_site_ca(struct view *view)
{
	const json_t *ca = json_object_get(view_part(view, 1), "site_ca");

	html_put(view->html, "<section data-key=\"site-ca\"><h2>%s</h2>\n", text(TEXT_SITE_CA));
	if (json_is_object(ca)) {
		html_put(view->html,
			"<article class=\"card\" data-key=\"site-ca-%s\"><header><h3><bdi>%s</bdi>"
			"</h3></header>\n<p class=\"remark\">%s</p>\n<dl class=\"facts\">\n",
			json_text(ca, "fingerprint"), json_text(ca, "name"),
			text(TEXT_SITE_CA_WHAT));
		draw_hex_fact(view, TEXT_CERTIFICATE, json_text(ca, "fingerprint"));
		draw_fact_time(view, TEXT_BEGINS, json_text(ca, "not_before"));
		draw_end(view, json_text(ca, "not_after"), SITE_CA_SPARE_MSEC);
		html_put(view->html, "</dl>\n");
		if (view_may(view, ROLE_ADMIN))
			draw_download(view, json_text(ca, "certificate"));
		html_put(view->html, "</article>\n");
	} else {
		draw_empty(view, TEXT_NO_SITE_CA, TEXT_NO_SITE_CA_WHAT);
	}
	html_put(view->html, "</section>\n");
}

void draw_cas(struct view *view)
{
	const json_t *answer = view_part(view, 0), *list = json_object_get(answer, "device_cas");

	html_put(view->html,
		"<p class=\"crumb\"><a href=\"/devices\">%s</a></p>\n<div id=\"live\">"
		"<p class=\"lead\" data-key=\"count\">%s <strong>%lld</strong></p>\n"
		"<section data-key=\"cas\"><h2>%s</h2><div class=\"cards\" data-items>\n",
		text(TEXT_ALL_DEVICES), text(TEXT_CA_DEVICES), json_number(answer, "devices"),
		text(TEXT_CA_LIST));
	if (json_array_size(list) == 0)
		draw_empty(view, TEXT_NO_CAS, TEXT_NO_CAS_WHAT);
	for (size_t i = 0; i < json_array_size(list); i++)
		draw_one(view, json_array_get(list, i));
	html_put(view->html, "</div></section>\n");
	draw_site_ca(view);
	html_put(view->html, "</div>\n");
	if (view_may(view, ROLE_ADMIN))
		draw_register(view);
}
