/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times, and how long something takes. What goes on by the second is moved by the script (base.js),
 * which says the same with the same words: frame.c hands it the units of the table of texts.
 */

#include "web/draw.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* The largest first. */
static const struct {
	long long seconds;
	enum text name;
} units[] = {{86400, TEXT_UNIT_DAYS}, {3600, TEXT_UNIT_HOURS}, {60, TEXT_UNIT_MINUTES},
	{1, TEXT_UNIT_SECONDS}};

const char *duration_text(long long seconds, char ret_text[DURATION_TEXT])
{
	size_t i = 0;

	while (i + 1 < ELEMENTS(units) && seconds < units[i].seconds)
		i++;
	snprintf(ret_text, DURATION_TEXT, "%lld %s", seconds / units[i].seconds,
		text(units[i].name));
	return ret_text;
}

const char *countdown_text(long long seconds, char ret_text[DURATION_TEXT])
{
	long long hours = seconds / 3600, minutes = seconds / 60 % 60;

	if (hours > 0)
		snprintf(ret_text, DURATION_TEXT, "%lld:%02lld:%02lld", hours, minutes,
			seconds % 60);
	else
		snprintf(ret_text, DURATION_TEXT, "%lld:%02lld", minutes, seconds % 60);
	return ret_text;
}

void draw_time(struct view *view, const char *time)
{
	char minute[17]; /* "2026-11-21T12:34" */

	if (strlen(time) < sizeof(minute) - 1)
		return;
	memcpy(minute, time, sizeof(minute) - 1);
	minute[16] = 0;
	minute[10] = ' ';
	html_put(view->html, "<time datetime=\"%s\">%s UTC</time>", time, minute);
}

void draw_ago(struct view *view, const json_t *seconds)
{
	if (json_is_integer(seconds))
		draw_seconds_ago(view, json_integer_value(seconds));
	else
		html_put(view->html, "<span class=\"faint\">%s</span>", text(TEXT_NEVER));
}

void draw_seconds_ago(struct view *view, long long value)
{
	char duration[DURATION_TEXT];

	html_put(view->html, "<span data-ago=\"%lld\">%s %s</span>", value,
		duration_text(value, duration), text(TEXT_UNIT_AGO));
}

void draw_countdown(struct view *view, long long left)
{
	char rest[DURATION_TEXT];

	html_put(view->html, "<strong class=\"countdown\" data-countdown=\"%lld\">%s</strong>",
		left, countdown_text(left, rest));
}

void draw_small_countdown(struct view *view, long long left)
{
	char rest[DURATION_TEXT];

	html_put(view->html, "<span data-countdown=\"%lld\">%s</span>", left,
		countdown_text(left, rest));
}
