/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels first: forty of them one after the other, before the devices have power. The form takes
 * one and comes back; with scripts it stays, so that the camera and the keyboard stay where they
 * are (scan-many.js). Below stand the labels that wait for their devices.
 */

#include "web/draw.h"

/* For the script: what may have become of the device of a label. */
static void draw_stages(struct view *view)
{
	const struct word *word;

	for (unsigned i = 0; (word = word_at(WORD_STAGE, i)); i++) {
		html_put(view->html, "<template data-stage=\"%s\">", word->word);
		draw_tag(view, WORD_STAGE, word->word);
		html_put(view->html, "</template>\n");
	}
}

static void draw_form(struct view *view)
{
	html_put(view->html,
		"<section class=\"panel\" data-scan-many><p>%s</p>\n"
		"<form method=\"post\" action=\"/scan\">\n",
		text(TEXT_SCAN_MANY_WHAT));
	view_form_token(view, NULL);
	/* Always there: a long batch outlasts the password. The script hides it while it is fresh.
	 */
	html_put(view->html, "<div class=\"fresh-password\"%s>", view->fresh ? " hidden" : "");
	draw_password(view, "scan", true);
	html_put(view->html, "</div>");
	draw_input(view, TEXT_SCAN_LABEL, "code", "scan", view_typed(view, "", "code"),
		"class=\"code\" maxlength=\"480\" autocomplete=\"off\" "
		"autocapitalize=\"characters\" spellcheck=\"false\" required");
	html_put(view->html, "<details class=\"labels\"%s><summary>%s</summary>\n",
		view_typed(view, "", "place")[0] || view_typed(view, "", "owner")[0] ? " open" : "",
		text(TEXT_SCAN_SHARED));
	draw_input(view, TEXT_PLACE, "place", "scan", view_typed(view, "", "place"),
		"maxlength=\"64\" autocomplete=\"off\"");
	draw_input(view, TEXT_OWNER, "owner", "scan", view_typed(view, "", "owner"),
		"maxlength=\"64\" autocomplete=\"off\"");
	html_put(view->html,
		"</details>\n<div class=\"buttons\"><button class=\"primary\">%s</button></div>"
		"<p class=\"problem\" role=\"alert\"></p></form>\n",
		text(TEXT_SCAN_TAKE));
	draw_stages(view);
	html_put(view->html,
		"<div class=\"scanned\" hidden><h2>%s</h2><p><strong class=\"scanned-count\">0"
		"</strong> %s <strong class=\"scanned-in\">0</strong></p>"
		"<ol aria-live=\"polite\"></ol></div>\n</section>\n",
		text(TEXT_SCANNED_HERE), text(TEXT_SCANNED_COUNT));
}

static void draw_one(struct view *view, const json_t *label)
{
	const json_t *window = json_object_get(label, "window");
	const char *ep = json_text(label, "ep"), *device = json_text(label, "device");

	html_put(view->html, "<li data-key=\"label-%s\" data-ep=\"%s\"><div><p><strong><bdi>", ep,
		ep);
	if (device[0])
		html_put(view->html, "<a href=\"/devices/%s\">%s</a>", device, ep);
	else
		html_put(view->html, "%s", ep);
	html_put(view->html, "</bdi></strong> ");
	draw_tag(view, WORD_LABEL, device[0] ? "heard" : "unheard");
	html_put(view->html, "</p><p class=\"faint\">");
	if (json_text(window, "place")[0])
		html_put(view->html, "<bdi>%s</bdi> · ", json_text(window, "place"));
	html_put(view->html, "%s <bdi>%s</bdi> · %s ", text(TEXT_SCAN_SINCE),
		who_label(json_text(window, "opened_by")), text(TEXT_SCAN_LEFT));
	draw_small_countdown(view, json_number(window, "seconds_left"));
	html_put(view->html, "</p></div>\n<form method=\"post\" action=\"/scan/cancel\">");
	view_form_token(view, NULL);
	html_put(view->html,
		"<input type=\"hidden\" name=\"ep\" value=\"%s\"><button>%s <span "
		"class=\"visually-hidden\"><bdi>%s</bdi></span></button></form></li>\n",
		ep, text(TEXT_SCAN_CANCEL), ep);
}

void draw_scan(struct view *view)
{
	const json_t *answer = view_part(view, 0), *list = json_object_get(answer, "codes");
	size_t count = json_array_size(list);

	html_put(view->html, "<p class=\"crumb\"><a href=\"/waiting\">%s</a></p>\n",
		text(TEXT_WAITING));
	draw_form(view);
	html_put(view->html,
		"<div id=\"live\"><section data-key=\"open\" aria-labelledby=\"open-title\">"
		"<h2 id=\"open-title\">%s (%lld)</h2>\n",
		text(TEXT_SCAN_OPEN), json_number(answer, "open"));
	if (count == 0) {
		draw_empty(view, TEXT_SCAN_NONE, TEXT_SCAN_NONE_WHAT);
	} else {
		html_put(view->html, "<ul class=\"open-labels\">\n");
		for (size_t i = 0; i < count; i++)
			draw_one(view, json_array_get(list, i));
		html_put(view->html, "</ul>\n");
	}
	html_put(view->html, "</section></div>\n");
}
