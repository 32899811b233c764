/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The technician's screen: what waits for a person, oldest first; the onboarding window; alarms
 * with what to do; what was heard and turned away. Everything inside #live is fetched again every
 * few seconds, piece by piece (data-key), so that typing is not disturbed.
 */

#include "web/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum part {
	PART_STATUS,
	PART_ALARMS,
	PART_HEARD,
	PART_WAITING,
};

/* --- the window --- */

static void draw_add(struct view *view)
{
	html_put(view->html,
		"<details class=\"by-address\"%s><summary>%s</summary>\n"
		"<form method=\"post\" action=\"/devices/add\" class=\"row\">",
		view_typed(view, "", "address")[0] ? " open" : "", text(TEXT_ADD_BY_ADDRESS));
	view_form_token(view, "waiting");
	html_put(view->html,
		"<div class=\"field\"><label for=\"add-address\">%s</label>"
		"<input id=\"add-address\" name=\"address\" value=\"%s\" placeholder=\"192.0.2.7\" "
		"autocomplete=\"off\" required></div>\n",
		text(TEXT_ADD_ADDRESS), view_typed(view, "", "address"));
	html_put(view->html,
		"<div class=\"field\"><label for=\"add-ep\">%s</label>"
		"<input id=\"add-ep\" name=\"ep\" value=\"%s\" autocomplete=\"off\"></div>\n",
		text(TEXT_ADD_NAME), view_typed(view, "", "ep"));
	html_put(view->html, "<button>%s</button></form></details>\n", text(TEXT_ADD));
}

static void draw_window_open(struct view *view, const json_t *window)
{
	html_put(view->html, "<p>%s ", text(TEXT_WINDOW_IS_OPEN));
	draw_countdown(view, json_number(window, "seconds_left"));
	html_put(view->html, " <small>%s <bdi>%s</bdi></small></p>\n", text(TEXT_OPENED_BY),
		who_label(json_text(window, "opened_by")));
	if (!view_may(view, ROLE_TECHNICIAN))
		return;
	html_put(view->html, "<form method=\"post\" action=\"/window/close\">");
	view_form_token(view, "waiting");
	html_put(view->html, "<button>%s</button></form>\n", text(TEXT_CLOSE_WINDOW));
	draw_add(view);
}

static void draw_window_closed(struct view *view)
{
	static const unsigned minutes[] = {15, 10, 5};
	char duration[DURATION_TEXT];
	unsigned long wanted = strtoul(view_typed(view, "", "seconds"), NULL, 10);

	/* Whoever only looks is not told to do what they may not. */
	html_put(view->html, "<p>%s</p>\n",
		text(view_may(view, ROLE_TECHNICIAN) ? TEXT_WINDOW_IS_CLOSED
						     : TEXT_WINDOW_IS_CLOSED_LOOK));
	if (!view_may(view, ROLE_TECHNICIAN))
		return;
	html_put(view->html, "<form method=\"post\" action=\"/window/open\" class=\"row\">");
	view_form_token(view, "waiting");
	draw_password(view, "window", true);
	html_put(view->html,
		"<div class=\"field\"><label for=\"seconds-window\">%s</label>"
		"<select id=\"seconds-window\" name=\"seconds\">",
		text(TEXT_HOW_LONG));
	for (size_t i = 0; i < ELEMENTS(minutes); i++)
		html_put(view->html, "<option value=\"%u\"%s>%s</option>", minutes[i] * 60,
			wanted == minutes[i] * 60 ? " selected" : "",
			duration_text(minutes[i] * 60, duration));
	html_put(view->html, "</select></div>\n<button class=\"primary\">%s</button></form>\n",
		text(TEXT_ADD_A_DEVICE));
}

static void draw_window(struct view *view)
{
	const json_t *window = json_object_get(view_part(view, PART_STATUS), "window");
	bool open = json_flag(window, "open");

	html_put(view->html,
		"<section class=\"panel window %s\" data-key=\"window\" data-same=\"%s\" "
		"aria-labelledby=\"window-title\">\n<h2 id=\"window-title\">",
		open ? "open" : "closed", open ? "open" : "closed");
	icon_put(view->html, ICON_WINDOW);
	html_put(view->html, "%s</h2>\n", text(TEXT_WINDOW));
	if (open)
		draw_window_open(view, window);
	else
		draw_window_closed(view);
	if (view_may(view, ROLE_TECHNICIAN))
		html_put(view->html, "<p class=\"more\"><a href=\"/scan\">%s</a></p>\n",
			text(TEXT_SCAN_MANY));
	html_put(view->html, "</section>\n");
}

/* --- alarms --- */

/* The way to the device that it is about. */
static void draw_alarm_device(struct view *view, const json_t *device)
{
	if (json_is_object(device))
		html_put(view->html,
			"<p class=\"more\"><a href=\"/devices/%s\"><span>%s "
			"<bdi>%s</bdi></span></a></p>\n",
			json_text(device, "id"), text(TEXT_LOOK_AT), json_text(device, "title"));
}

static void draw_alarm(struct view *view, const json_t *alarm)
{
	const char *id = json_text(alarm, "id"), *subject = json_text(alarm, "subject");
	long long times = json_number(alarm, "times");

	html_put(view->html, "<li class=\"alarm\" data-key=\"alarm-%s-%s\">", id, subject);
	icon_put(view->html, ICON_ALARM);
	html_put(view->html, "<div><p><strong>%s</strong></p><p>%s</p><p class=\"faint\">",
		json_text(alarm, "sentence"), json_text(alarm, "remedy"));
	draw_time(view, json_text(alarm, "raised"));
	if (times > 1)
		html_put(view->html, " · %lld %s", times, text(TEXT_TIMES));
	/* Pressed away while its cause is there it might not come back. */
	if (json_flag(alarm, "clears_itself"))
		html_put(view->html, " · %s", text(TEXT_ENDS_ITSELF));
	html_put(view->html, "</p>");
	draw_alarm_device(view, json_object_get(alarm, "device"));
	html_put(view->html, "</div>\n");
	if (view_may(view, ROLE_TECHNICIAN) && !json_flag(alarm, "clears_itself")) {
		html_put(view->html, "<form method=\"post\" action=\"/alarms/clear\">");
		view_form_token(view, "waiting");
		html_put(view->html,
			"<input type=\"hidden\" name=\"id\" value=\"%s\">"
			"<input type=\"hidden\" name=\"subject\" value=\"%s\">"
			"<button>%s</button></form>",
			id, subject, text(TEXT_CLEAR));
	}
	html_put(view->html, "</li>\n");
}

static void draw_alarms(struct view *view)
{
	const json_t *list = json_object_get(view_part(view, PART_ALARMS), "alarms");

	if (json_array_size(list) == 0)
		return;
	html_put(view->html,
		"<section class=\"alarms\" data-key=\"alarms\" "
		"aria-labelledby=\"alarms-title\"><h2 id=\"alarms-title\">%s</h2><ul>\n",
		text(TEXT_ALARMS));
	for (size_t i = 0; i < json_array_size(list); i++)
		draw_alarm(view, json_array_get(list, i));
	html_put(view->html, "</ul></section>\n");
}

/* --- devices --- */

struct waiting {
	const json_t *device;
	const char *first_seen;
};

static int by_first_seen(const void *a, const void *b)
{
	return strcmp(
		((const struct waiting *)a)->first_seen, ((const struct waiting *)b)->first_seen);
}

/* Oldest first. NULL when there is none, or no memory. */
static struct waiting *sort(const json_t *devices, size_t *ret_count)
{
	size_t count = json_array_size(devices);
	struct waiting *list = count ? calloc(count, sizeof(*list)) : NULL;

	if (!list)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		list[i].device = json_array_get(devices, i);
		list[i].first_seen = json_text(list[i].device, "first_seen");
	}
	qsort(list, count, sizeof(*list), by_first_seen);
	*ret_count = count;
	return list;
}

static void draw_card(struct view *view, const json_t *device)
{
	const struct word *stage = word_find(WORD_STAGE, json_text(device, "stage"));

	html_put(view->html,
		"<article class=\"card %s\" data-key=\"device-%s\">\n<header><h3><a "
		"href=\"/devices/%s\"><bdi>%s</bdi></a></h3>",
		stage ? stage->tone : "", json_text(device, "id"), json_text(device, "id"),
		device_title(device));
	draw_tag(view, WORD_STAGE, json_text(device, "stage"));
	html_put(view->html, "</header>\n");
	if (stage && stage->remark[0])
		html_put(view->html, "<p class=\"remark\">%s</p>\n", stage->remark);
	draw_device_facts(view, device);
	draw_decision(view, device, "waiting");
	html_put(view->html, "</article>\n");
}

static void draw_waiting_devices(struct view *view)
{
	CLEANUP(cleanup_free) struct waiting *list = NULL;
	const json_t *window = json_object_get(view_part(view, PART_STATUS), "window");
	const json_t *answer = view_part(view, PART_WAITING);
	long long total = json_number(answer, "total");
	size_t count = 0;

	list = sort(json_object_get(answer, "devices"), &count);
	html_put(view->html,
		"<section data-key=\"devices\" "
		"aria-labelledby=\"devices-title\"><h2 id=\"devices-title\">%s</h2>\n",
		text(TEXT_WAITING_DEVICES));
	html_put(view->html, "<div class=\"cards\" data-items>\n");
	if (count == 0)
		draw_empty(view, TEXT_NOBODY_WAITS,
			!view_may(view, ROLE_TECHNICIAN) ? TEXT_NOBODY_WAITS_LOOK
			: json_flag(window, "open")	 ? TEXT_NOBODY_WAITS_OPEN
							 : TEXT_NOBODY_WAITS_CLOSED);
	for (size_t i = 0; i < count; i++)
		draw_card(view, list[i].device);
	html_put(view->html, "</div></section>\n");
	if (total > (long long)count)
		html_put(view->html,
			"<p class=\"paging\" data-key=\"more\"><a class=\"button\" "
			"href=\"/devices?stage=" WAITING_STAGES
			"&amp;offset=%zu\">%lld %s</a></p>\n",
			count, total - (long long)count, text(TEXT_MORE_WAIT));
}

/* --- heard and turned away --- */

static void draw_heard(struct view *view)
{
	const json_t *part = view_part(view, PART_HEARD);
	const json_t *list = json_object_get(part, "heard");
	unsigned shown = 0;

	html_put(view->html,
		"<section class=\"heard\" data-key=\"heard\" "
		"aria-labelledby=\"heard-title\"><h2 id=\"heard-title\">%s</h2>\n",
		text(TEXT_HEARD));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *row = json_array_get(list, i);

		if (json_number(row, "count") == 0)
			continue;
		if (shown++ == 0)
			html_put(view->html, "<ul class=\"reasons\">\n");
		html_put(view->html,
			"<li><span class=\"count\">%lld</span><div><p><strong>%s</strong></p>"
			"<p>%s</p></div></li>\n",
			json_number(row, "count"), word_label(WORD_AWAY, json_text(row, "reason")),
			json_text(row, "remedy"));
	}
	if (shown)
		html_put(view->html, "</ul>\n");
	else
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_NOTHING_HEARD));
	html_put(view->html, "</section>\n");
}

/* A label that was scanned and whose device is not here: the script shows it, and fills in the
 * code. One press takes it, whenever the device comes. */
static void draw_label_note(struct view *view)
{
	const char *again = view_typed(view, "", "code");
	bool technician = view_may(view, ROLE_TECHNICIAN);

	html_put(view->html,
		"<section id=\"label-note\" class=\"notice\" data-label=\"%s\" hidden>"
		"<p role=\"status\">%s <bdi></bdi>. %s</p>\n",
		again, text(TEXT_LABEL_KEPT),
		text(technician ? TEXT_LABEL_KEPT_WHAT : TEXT_LABEL_KEPT_LOOK));
	if (technician) {
		html_put(view->html, "<form method=\"post\" action=\"/scan\" class=\"row\">");
		view_form_token(view, "waiting");
		html_put(view->html, "<input type=\"hidden\" name=\"code\">");
		draw_password(view, "label", false);
		html_put(view->html, "<button class=\"primary\">%s</button></form>\n",
			text(TEXT_LABEL_TAKE));
	}
	html_put(view->html, "</section>\n");
}

void draw_waiting(struct view *view)
{
	draw_label_note(view);
	html_put(view->html, "<div id=\"live\" data-traffic>\n");
	draw_alarms(view);
	draw_window(view);
	draw_waiting_devices(view);
	draw_heard(view);
	html_put(view->html, "</div>\n");
}
