/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the gateway is connected: the interfaces that it listens on, the platforms that devices go
 * to, and what came of knocking there. On the screen Uplink, and at the first set-up.
 */

#include "web/draw.h"

#include <string.h>

#include "base/cleanup.h"
#include "web/guard.h"

/* Does it stand here? */
static bool is_address(const json_t *address, const struct in6_addr *ip)
{
	struct in6_addr own;

	return guard_address_parse(json_string_value(address), &own) &&
	       memcmp(&own, ip, sizeof(own)) == 0;
}

static bool has_address(const json_t *interface, const struct in6_addr *ip)
{
	const json_t *addresses = json_object_get(interface, "addresses");

	for (size_t i = 0; i < json_array_size(addresses); i++)
		if (is_address(json_array_get(addresses, i), ip))
			return true;
	return false;
}

static void draw_interface(struct view *view, const json_t *interface, const struct in6_addr *only)
{
	const json_t *addresses = json_object_get(interface, "addresses");
	unsigned shown = 0;

	html_put(view->html, "<li><strong><bdi>%s</bdi></strong> ", json_text(interface, "name"));
	if (!json_flag(interface, "present"))
		html_put(view->html, "%s", text(TEXT_INTERFACE_MISSING));
	else if (!json_flag(interface, "up"))
		html_put(view->html, "%s", text(TEXT_INTERFACE_DOWN));
	else if (json_array_size(addresses) == 0)
		html_put(view->html, "%s", text(TEXT_INTERFACE_BARE));
	for (size_t i = 0; i < json_array_size(addresses); i++) {
		const json_t *address = json_array_get(addresses, i);

		if (!only || is_address(address, only))
			html_put(view->html, "%s<span class=\"code\">%s</span>",
				shown++ ? ", " : "", json_string_value(address));
	}
	html_put(view->html, "</li>\n");
}

void draw_interfaces(struct view *view, const json_t *network, const struct in6_addr *only)
{
	const json_t *list = json_object_get(network, "interfaces");
	bool shown = false;

	draw_section_begin(view, TEXT_INTERFACES, "interfaces");
	html_put(view->html, "<p class=\"faint\">%s</p>\n<ul class=\"history\">\n",
		text(TEXT_INTERFACES_WHAT));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *interface = json_array_get(list, i);

		if (only && !has_address(interface, only))
			continue;
		draw_interface(view, interface, only);
		shown = true;
	}
	html_put(view->html, "</ul>\n");
	if (only)
		html_put(view->html, "<p class=\"faint\">%s</p>\n",
			text(shown ? TEXT_INTERFACES_YOURS : TEXT_INTERFACES_OTHER));
	draw_section_end(view);
}

static void draw_way(struct view *view, const json_t *way)
{
	long long devices = json_number(way, "devices");

	html_put(view->html, "<li><p><strong>%s</strong> ", json_text(way, "name"));
	draw_tag(view, WORD_WAY, json_text(way, "state"));
	html_put(view->html, "</p><p class=\"faint\">");
	if (json_text(way, "host")[0])
		html_put(view->html, "<bdi>%s</bdi>", json_text(way, "host"));
	else
		html_put(view->html, "%s", text(TEXT_WAY_NOWHERE));
	if (devices > 0)
		html_put(view->html, " · %lld %s %lld %s", json_number(way, "connected"),
			text(TEXT_OF), devices, text(TEXT_WAY_DEVICES));
	if (json_number(way, "refused") > 0)
		html_put(view->html, " · %lld %s", json_number(way, "refused"),
			text(TEXT_WAY_REFUSED));
	html_put(view->html, "</p></li>\n");
}

void draw_ways(struct view *view, const json_t *network)
{
	const json_t *list = json_object_get(network, "platforms");

	draw_section_begin(view, TEXT_WAYS, "ways");
	html_put(view->html, "<ul class=\"history\">\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		draw_way(view, json_array_get(list, i));
	html_put(view->html, "</ul>\n");
	draw_section_end(view);
}

static void draw_target(struct view *view, const json_t *target)
{
	html_put(view->html, "<li><p><strong><bdi>%s:%lld</bdi></strong> ",
		json_text(target, "host"), json_number(target, "port"));
	draw_tag(view, WORD_REACH, json_text(target, "state"));
	html_put(view->html, "</p><p>%s <small class=\"faint\">%lld ms</small></p>",
		json_text(target, "text"), json_number(target, "milliseconds"));
	if (json_text(target, "remedy")[0])
		html_put(view->html, "<p class=\"faint\">%s</p>", json_text(target, "remedy"));
	html_put(view->html, "</li>\n");
}

void draw_link_test(struct view *view, const json_t *network, const char *action)
{
	const json_t *test = json_object_get(network, "test");
	const json_t *list = json_object_get(test, "targets");

	draw_section_begin(view, TEXT_TEST, "test");
	html_put(view->html, "<p class=\"faint\">%s", text(TEXT_TEST_WHAT));
	if (json_is_object(test)) {
		html_put(view->html, " %s ", text(TEXT_TEST_LAST));
		draw_time(view, json_text(test, "time"));
	}
	html_put(view->html, "</p>\n<ul class=\"history\">\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		draw_target(view, json_array_get(list, i));
	html_put(view->html, "</ul>\n");
	if (action) {
		html_put(view->html, "<form method=\"post\" action=\"%s\">", action);
		view_form_token(view, "uplink");
		html_put(view->html, "<div class=\"buttons\"><button>%s</button></div></form>\n",
			text(TEXT_TEST_BUTTON));
	}
	draw_section_end(view);
}

bool network_test_failed(const json_t *test)
{
	return json_number(test, "good") <
	       (long long)json_array_size(json_object_get(test, "targets"));
}

bool network_has_own_ways(const json_t *network)
{
	const json_t *list = json_object_get(network, "platforms");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_flag(json_array_get(list, i), "shared"))
			return true;
	return false;
}
