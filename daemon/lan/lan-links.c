/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /.well-known/core (RFC 6690): what we have, for who asks us or everybody. It is where foreign
 * devices look for a resource directory (RFC 9176 section 4.3).
 */

#include <string.h>

#include "base/cleanup.h"
#include "lan/lan-inbound.h"

static const struct link_row {
	const char *rt;
	const char *text;
} link_rows[] = {
	{"gatehouse.enrol", "</enrol>;rt=\"gatehouse.enrol\""},
	{"gatehouse.telemetry", "</t>;rt=\"gatehouse.telemetry\""},
	{"gatehouse.time", "</time>;rt=\"gatehouse.time\""},
	{"core.rd", "</rd>;rt=\"core.rd\""},
};

/* ?rt= of RFC 6690 4.1: a word, or the beginning of one with a star. Absent: everything. */
static bool filter_matches(struct span filter, const char *rt)
{
	if (!filter.data)
		return true;
	if (filter.size > 0 && filter.data[filter.size - 1] == '*') {
		size_t size = filter.size - 1;
		return size <= strlen(rt) && memcmp(rt, filter.data, size) == 0;
	}
	return span_equal(filter, span_from_string(rt));
}

/* A verified source gets each link that its filter matches; others get one: the first that matches,
 * else /enrol, so that they find the door. */
static size_t links_write(const struct pending *pending, bool group, char *text, size_t capacity)
{
	size_t used = 0;

	for (size_t i = 0; i < ELEMENTS(link_rows); i++) {
		size_t size = strlen(link_rows[i].text);
		if (!filter_matches(pending->in.filter, link_rows[i].rt) ||
			used + 1 + size > capacity)
			continue;
		if (used > 0)
			text[used++] = ',';
		memcpy(text + used, link_rows[i].text, size);
		used += size;
		if (!pending->peer.verified)
			return used;
	}
	if (used == 0 && !pending->peer.verified && !group) {
		used = strlen(link_rows[0].text);
		memcpy(text, link_rows[0].text, used);
	}
	return used;
}

/* An answer to a group goes through libcoap's response, because libcoap waits the random leisure
 * (RFC 7252 8.2) before it sends it. An empty one is not sent at all. */
static void group_answer(struct pending *pending, struct span links, coap_pdu_t *response)
{
	struct answer_parts parts = {.code = COAP_CODE(2, 5),
		.format = FORMAT_LINK,
		.max_age = -1,
		.block1 = -1,
		.payload = links};
	uint8_t format[2];

	if (links.size == 0 || (pending->in.frame.no_response & 2) ||
		(!pending->peer.verified && message_size(&pending->in.frame.key, &parts) >
						    message_budget(pending->in.frame.size))) {
		pending->lan->stats.silenced++;
		return;
	}
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	coap_pdu_set_mid(response, coap_new_message_id(pending->session));
	coap_add_option(response, COAP_OPTION_CONTENT_FORMAT,
		coap_encode_var_safe(format, sizeof(format), FORMAT_LINK), format);
	coap_add_data(response, links.size, links.data);
	pending->lan->stats.answers++;
}

void links_serve(struct pending *pending, bool group, coap_pdu_t *response)
{
	char text[256];

	if (pending->in.method != LAN_GET) {
		pending_refuse(pending, COAP_CODE(4, 5), NULL, -1, AWAY_MALFORMED);
		return;
	}
	if (pending->in.accept >= 0 && pending->in.accept != FORMAT_LINK) {
		pending_refuse(pending, COAP_CODE(4, 6), NULL, -1, AWAY_MALFORMED);
		return;
	}
	size_t size = links_write(pending, group, text, sizeof(text));
	if (group) {
		group_answer(pending, span_of(text, size), response);
		return;
	}
	lan_reply(pending->lan, pending->session, &pending->in.frame, pending->peer.verified,
		(struct answer_parts){.code = COAP_CODE(2, 5),
			.format = FORMAT_LINK,
			.max_age = -1,
			.block1 = -1,
			.payload = span_of(text, size)});
}
