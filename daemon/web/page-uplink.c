/* SPDX-License-Identifier: Apache-2.0 */
/* The way out: the link's state and what waits in the queue. */

#include <stdio.h>
#include <string.h>

#include "web/draw.h"

#include "base/cleanup.h"

static void draw_link(struct view *view, const json_t *uplink)
{
	html_put(view->html,
		"<section class=\"panel\" data-key=\"link\"><h2>%s</h2>\n<p class=\"state\">",
		text(TEXT_LINK));
	draw_tag(view, WORD_LINK, json_text(uplink, "state"));
	html_put(view->html, " <bdi>%s</bdi></p>\n<dl class=\"facts\">\n",
		json_text(uplink, "detail"));
	draw_fact(view, TEXT_BROKER, json_text(uplink, "host"));
	draw_fact_time(view, TEXT_SINCE, json_text(uplink, "since"));
	html_put(view->html, "</dl>\n");
	if (json_text(uplink, "host")[0] && strcmp(json_text(uplink, "state"), "up") != 0)
		html_put(view->html, "<p>%s</p>\n", text(TEXT_LINK_IS_TRIED));
	if (json_text(uplink, "host")[0] == 0)
		draw_empty(view, TEXT_NO_UPLINK, TEXT_NO_UPLINK_WHAT);
	html_put(view->html, "</section>\n");
}

/* How long an outage can last at the present rate. */
static void draw_room(struct view *view, const json_t *left)
{
	long long minutes = json_integer_value(left) / 60;
	char room[DURATION_TEXT];

	if (!json_is_integer(left)) {
		draw_fact(view, TEXT_ROOM_FOR, text(TEXT_ROOM_UNKNOWN));
		return;
	}
	/* In hours, as the tool and the metrics say it. */
	if (minutes < 120)
		snprintf(room, sizeof(room), "%lld %s", minutes, text(TEXT_UNIT_MINUTES));
	else
		snprintf(room, sizeof(room), "%lld %s", minutes / 60, text(TEXT_UNIT_HOURS));
	draw_fact(view, TEXT_ROOM_FOR, room);
}

static void draw_queue(struct view *view, const json_t *queue)
{
	long long bytes = json_number(queue, "bytes"), limit = json_number(queue, "limit_bytes");

	html_put(view->html, "<section class=\"panel\" data-key=\"queue\"><h2>%s</h2>\n",
		text(TEXT_QUEUE));
	html_put(view->html,
		"<p><label for=\"fill\">%lld KiB %s %lld MiB</label> <meter id=\"fill\" min=\"0\" "
		"max=\"%lld\" high=\"%lld\" value=\"%lld\"></meter></p>\n",
		(bytes + 1023) / 1024, text(TEXT_OF), limit / 1048576, limit > 0 ? limit : 1,
		limit > 0 ? limit / 10 * 8 : 1, bytes);
	html_put(view->html, "<dl class=\"facts counts\">\n");
	draw_number(view, TEXT_QUEUED, json_number(queue, "readings"), "");
	draw_fact_time(view, TEXT_OLDEST, json_text(queue, "oldest"));
	draw_fact(
		view, TEXT_DURABILITY, word_label(WORD_DURABILITY, json_text(queue, "durability")));
	draw_room(view, json_object_get(queue, "seconds_left"));
	draw_number(view, TEXT_IN_FLIGHT, json_number(queue, "in_flight"), "");
	draw_number(view, TEXT_ACCEPTED, json_number(queue, "accepted"), "");
	draw_number(view, TEXT_DELIVERED, json_number(queue, "delivered"), "");
	draw_number(view, TEXT_REFUSED_UPSTREAM, json_number(queue, "refused"), "");
	draw_number(view, TEXT_DEAD, json_number(queue, "dead"), "");
	draw_number(view, TEXT_DROPPED, json_number(queue, "dropped"), "");
	html_put(view->html, "</dl></section>\n");
}

/* How much comes in, and what was lost, by its reason. */
static void draw_losses(struct view *view, const json_t *queue)
{
	const char *reason;
	json_t *count;

	draw_section_begin(view, TEXT_LOSSES, "losses");
	html_put(view->html, "<dl class=\"facts counts\">\n");
	if (json_is_integer(json_object_get(queue, "bytes_per_hour")))
		draw_number(view, TEXT_RATE, json_number(queue, "bytes_per_hour") / 1024,
			text(TEXT_KIB_PER_HOUR));
	json_object_foreach(json_object_get(queue, "lost"), reason, count)
	{
		html_put(view->html, "<div><dt>%s</dt><dd>%lld</dd></div>\n",
			word_label(WORD_LOST, reason), json_integer_value(count));
	}
	html_put(view->html, "</dl>");
	draw_section_end(view);
}

/* How much of what it may have waiting: a bar with its number. */
static void draw_quota(struct view *view, const json_t *row, const char *name, long long share)
{
	long long bytes = json_number(row, "bytes"), part = share > 0 ? bytes * 100 / share : 100;

	html_put(view->html,
		"<td data-label=\"%s\"><span class=\"quota\"><meter min=\"0\" max=\"%lld\" "
		"high=\"%lld\" value=\"%lld\" aria-label=\"%s, %s\"></meter> %lld KiB, %lld%%"
		"</span></td></tr>\n",
		text(TEXT_QUOTA), share > 0 ? share : 1, share > 0 ? share / 10 * 8 : 1, bytes,
		name, text(TEXT_QUOTA), (bytes + 1023) / 1024, part > 100 ? 100 : part);
}

static void draw_waiting_row(struct view *view, const json_t *row, long long share)
{
	const char *name = json_text(row, "name");

	if (!name[0])
		name = json_text(row, "id");
	html_put(
		view->html, "<tr><th scope=\"row\"><a href=\"/devices/%s\">", json_text(row, "id"));
	draw_words(view, name);
	html_put(view->html, "</a></th>");
	draw_cell(view, TEXT_STATE, word_label(WORD_STAGE, json_text(row, "stage")));
	html_put(view->html, "<td data-label=\"%s\">%lld</td>", text(TEXT_QUEUED),
		json_number(row, "readings"));
	draw_quota(view, row, name, share);
}

/* Who waits most, and how much of what one may have. */
static void draw_waiting_most(struct view *view, const json_t *queue)
{
	static const enum text head[] = {TEXT_DEVICE, TEXT_STATE, TEXT_QUEUED, TEXT_QUOTA};
	const json_t *list = json_object_get(queue, "devices");
	long long share = json_number(queue, "share_bytes");

	draw_section_begin(view, TEXT_WAITING_MOST, "most");
	if (json_array_size(list) == 0)
		html_put(view->html, "<p class=\"faint\">%s</p>\n", text(TEXT_NOTHING_QUEUED));
	html_put(view->html, "<p class=\"faint\">%s <strong>%lld %s</strong>. %s</p>\n",
		text(TEXT_QUOTA_WHAT), share >= 1 << 20 ? share >> 20 : share >> 10,
		share >= 1 << 20 ? "MiB" : "KiB", text(TEXT_QUOTA_MORE));
	if (json_array_size(list) > 0)
		draw_table_head(view, head, ELEMENTS(head));
	for (size_t i = 0; i < json_array_size(list); i++)
		draw_waiting_row(view, json_array_get(list, i), share);
	if (json_array_size(list) > 0)
		html_put(view->html, "</tbody></table>\n");
	draw_section_end(view);
}

/* Readings that were given up and that the platform is still to be told of. */
static void draw_gaps(struct view *view, const json_t *list)
{
	if (json_array_size(list) == 0)
		return;
	draw_section_begin(view, TEXT_GAPS, "gaps");
	html_put(view->html, "<ul class=\"history\">\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *gap = json_array_get(list, i);

		html_put(view->html, "<li><bdi>%s</bdi>: %lld (%lld – %lld) · %s</li>\n",
			json_text(gap, "device"), json_number(gap, "count"),
			json_number(gap, "first"), json_number(gap, "last"),
			word_label(WORD_LOST, json_text(gap, "reason")));
	}
	html_put(view->html, "</ul>\n");
	draw_section_end(view);
}

/* Readings that the platform will never take: the newest ones. */
static void draw_letters(struct view *view, const json_t *list)
{
	if (json_array_size(list) == 0)
		return;
	draw_section_begin(view, TEXT_LETTERS, "letters");
	html_put(view->html, "<p class=\"faint\">%s</p>\n<ul class=\"history\">\n",
		text(TEXT_LETTERS_WHAT));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *letter = json_array_get(list, i);
		const char *name = json_text(letter, "name"), *id = json_text(letter, "device");

		html_put(view->html, "<li>");
		draw_time(view, json_text(letter, "time"));
		html_put(view->html, " <bdi>%s</bdi>: %lld B · <bdi>%s</bdi></li>\n",
			name[0] ? name
			: id[0] ? id
				: "–",
			json_number(letter, "bytes"), json_text(letter, "reason"));
	}
	html_put(view->html, "</ul>\n");
	draw_section_end(view);
}

static void draw_gateway(struct view *view, const json_t *status)
{
	const json_t *gateway = json_object_get(status, "gateway");
	const json_t *clock = json_object_get(status, "clock");
	const json_t *audit = json_object_get(status, "audit");

	html_put(view->html,
		"<section class=\"panel\" data-key=\"gateway\"><h2>%s</h2>\n<dl "
		"class=\"facts\">\n",
		text(TEXT_GATEWAY));
	draw_fact(view, TEXT_ID, json_text(gateway, "id"));
	draw_fact(view, TEXT_VERSION, json_text(gateway, "version"));
	draw_fact_time(view, TEXT_RUNNING_SINCE, json_text(gateway, "since"));
	draw_fact_time(view, TEXT_CLOCK, json_text(clock, "now"));
	draw_fact(view, TEXT_CLOCK_STATE,
		text(json_flag(clock, "synced") ? TEXT_CLOCK_SYNCED : TEXT_CLOCK_UNSYNCED));
	draw_fact(view, TEXT_KEY_SOURCE, json_text(json_object_get(status, "key"), "source"));
	draw_fact(view, TEXT_DISCOVERY, json_text(json_object_get(status, "discovery"), "detail"));
	draw_number(view, TEXT_JOURNAL, json_number(audit, "rows"), text(TEXT_ROWS));
	html_put(view->html, "<div class=\"wide\"><dt>%s</dt><dd class=\"code\">",
		text(TEXT_FINGERPRINT));
	draw_fingerprint(view);
	html_put(view->html, "</dd></div></dl></section>\n");
}

/* Of a broker that all share, and of platforms whose devices connect by themselves: what there is.
 */
static void draw_links(struct view *view, const json_t *uplink, const json_t *network)
{
	bool own = network_has_own_ways(network);

	if (json_text(uplink, "host")[0] || !own)
		draw_link(view, uplink);
	if (own)
		draw_ways(view, network);
	draw_link_test(view, network, view_may(view, ROLE_TECHNICIAN) ? "/uplink/test" : NULL);
}

static void draw_way_to_tokens(struct view *view)
{
	draw_section_begin(view, TEXT_TOKENS, "tokens");
	html_put(view->html,
		"<p>%s</p>\n<p class=\"buttons\"><a class=\"button\" "
		"href=\"/uplink/tokens\">%s</a></p>\n",
		text(TEXT_TOKENS_WHAT), text(TEXT_TOKENS_OPEN));
	draw_section_end(view);
}

void draw_uplink(struct view *view)
{
	const json_t *status = view_part(view, 0), *queue = view_part(view, 1);
	const json_t *network = view_part(view, 3);

	html_put(view->html, "<div id=\"live\" data-traffic class=\"columns\">\n");
	draw_column_begin(view, "way");
	draw_links(view, json_object_get(status, "uplink"), network);
	draw_queue(view, json_object_get(status, "queue"));
	draw_losses(view, queue);
	draw_column_end(view);
	draw_column_begin(view, "here");
	draw_waiting_most(view, queue);
	draw_gaps(view, json_object_get(queue, "gaps"));
	draw_letters(view, json_object_get(view_part(view, 2), "letters"));
	draw_interfaces(view, network, NULL);
	draw_gateway(view, status);
	if (view_may(view, ROLE_ADMIN))
		draw_way_to_tokens(view);
	draw_column_end(view);
	html_put(view->html, "</div>\n");
}
