/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curves as SVG in the markup: the policy of the page allows no other drawing, and so they are
 * there without a script. Coordinates are whole numbers on a fixed grid; the style sheet stretches
 * it and keeps the line's width. What a curve shows is also said in words and numbers beside it.
 */

#include "web/draw.h"

#include <math.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "web/chart.h"

#define SPARK_WIDTH  120
#define SPARK_HEIGHT 32
#define CHART_WIDTH  600
#define CHART_HEIGHT 160
#define MARGIN	     3

struct range {
	double low, high;
};

static const char *number_text(double value, char ret_text[32])
{
	snprintf(ret_text, 32, "%.6g", value);
	return ret_text;
}

static double value_at(const json_t *list, size_t index)
{
	const json_t *item = json_array_get(list, index);

	/* A point has a time and a value, the small curve has values alone. */
	return json_number_value(json_is_object(item) ? json_object_get(item, "value") : item);
}

static struct range range_of(const json_t *list)
{
	struct range range = {value_at(list, 0), value_at(list, 0)};

	for (size_t i = 1; i < json_array_size(list); i++) {
		range.low = fmin(range.low, value_at(list, i));
		range.high = fmax(range.high, value_at(list, i));
	}
	return range;
}

/* A constant value runs through the middle. */
static int place(double value, struct range range, int height)
{
	double span = range.high - range.low;
	double part = span > 0 ? (value - range.low) / span : 0.5;

	return MARGIN + (int)lround((1 - part) * (height - 2 * MARGIN));
}

static void put_line(
	struct view *view, const json_t *list, struct range range, int width, int height)
{
	size_t count = json_array_size(list);

	html_put(view->html, "<polyline points=\"");
	for (size_t i = 0; i < count; i++)
		html_put(view->html, "%d,%d ",
			count > 1 ? (int)((size_t)width * i / (count - 1)) : width / 2,
			place(value_at(list, i), range, height));
	html_put(view->html, "\"/>");
}

/* SenML's names of units (RFC 8428 section 12.1) that people write otherwise. */
static const char *unit_of(const json_t *series)
{
	static const struct {
		const char *senml, *people;
	} unit[] = {{"Cel", "°C"}, {"%RH", "% RH"}, {"/", ""}, {"%EL", "% left"}, {"lx", "lux"}};
	const char *word = json_text(series, "unit");

	for (size_t i = 0; i < ELEMENTS(unit); i++)
		if (strcmp(word, unit[i].senml) == 0)
			return unit[i].people;
	return word;
}

void draw_spark(struct view *view, const json_t *recent)
{
	const json_t *values = json_object_get(recent, "values");
	size_t count = json_array_size(values);
	char last[32];

	if (count == 0)
		return;
	number_text(value_at(values, count - 1), last);
	html_put(view->html, "<span class=\"reading\"><b>%s</b> <small>%s</small></span>", last,
		unit_of(recent)[0] ? unit_of(recent) : json_text(recent, "name"));
	if (count < 2)
		return;
	html_put(view->html,
		"<svg class=\"spark\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\" focusable=\"false\">",
		SPARK_WIDTH, SPARK_HEIGHT);
	put_line(view, values, range_of(values), SPARK_WIDTH, SPARK_HEIGHT);
	html_put(view->html, "</svg>");
}

static const char *time_at(const json_t *points, size_t index)
{
	return json_text(json_array_get(points, index), "time");
}

static void put_numbers(struct view *view, const json_t *points, const char *unit)
{
	char value[32];

	html_put(view->html,
		"<details><summary>%s</summary><div class=\"scroll\" tabindex=\"0\" "
		"role=\"region\" "
		"aria-label=\"%s\"><table class=\"numbers\"><thead><tr><th scope=\"col\">%s</th>"
		"<th scope=\"col\">%s</th></tr></thead><tbody>\n",
		text(TEXT_AS_NUMBERS), text(TEXT_AS_NUMBERS), text(TEXT_TIME), text(TEXT_VALUE));
	for (size_t i = json_array_size(points); i-- > 0;) {
		html_put(view->html, "<tr><td>");
		draw_time(view, time_at(points, i));
		html_put(view->html, "</td><td>%s <bdi>%s</bdi></td></tr>\n",
			number_text(value_at(points, i), value), unit);
	}
	html_put(view->html, "</tbody></table></div></details>\n");
}

void draw_chart(struct view *view, const json_t *series)
{
	const json_t *points = json_object_get(series, "points");
	const char *unit = unit_of(series);
	size_t count = json_array_size(points);
	char last[32], low[32], high[32];
	struct range range;

	if (count == 0)
		return;
	range = range_of(points);
	html_put(view->html,
		"<figure class=\"chart\"><figcaption><span><bdi>%s</bdi></span> <b>%s "
		"<small><bdi>%s</bdi></small></b></figcaption>\n",
		json_text(series, "name"), number_text(value_at(points, count - 1), last), unit);
	html_put(view->html,
		"<div class=\"plot\"><span class=\"high\">%s</span><span class=\"low\">%s</span>"
		"<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\" "
		"focusable=\"false\"><path d=\"M0 %dH%dM0 %dH%dM0 %dH%d\"/>",
		number_text(range.high, high), number_text(range.low, low), CHART_WIDTH,
		CHART_HEIGHT, MARGIN, CHART_WIDTH, CHART_HEIGHT / 2, CHART_WIDTH,
		CHART_HEIGHT - MARGIN, CHART_WIDTH);
	put_line(view, points, range, CHART_WIDTH, CHART_HEIGHT);
	html_put(view->html, "</svg></div>\n<p class=\"ends\">");
	draw_time(view, time_at(points, 0));
	draw_time(view, time_at(points, count - 1));
	html_put(view->html, "</p>\n");
	put_numbers(view, points, unit);
	html_put(view->html, "</figure>\n");
}
