/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standard device: CoAP (RFC 7252), links (RFC 6690), a resource directory (RFC 9176), and
 * nothing that knows of a gateway. It serves its links like one that is asked (server.c), and says
 * by itself where it is:
 *
 *   POST /rd?ep=&lt=&base=   its links are the body; the answer says where its entry is
 *   POST <entry>             in good time before its lifetime is over; nothing but the path
 *   DELETE <entry>           when it is switched off
 *
 * It registers from another port than the one that it serves on, so it has to say the latter
 * (base). A person sees it in the list then; once it is approved the gateway reads what its links
 * with if="core.s" lead to. It is told nothing, and has nothing to ask.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "sensor.h"

#define FORMAT_LINK	40
#define LINKS_MAX	512
#define LEAVE_MSEC	5000 /* for the answer to its last word */
#define DEFAULT_SECONDS 60   /* between tries when the gateway did not say */

/* The address that the gateway sees us at, with the port that we serve on. */
static void base_write(const struct sensor *sensor, char *text, size_t size)
{
	const coap_address_t *own = coap_session_get_addr_local(sensor->gateway);
	char ip[INET6_ADDRSTRLEN] = "";

	if (own->addr.sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &own->addr.sin6.sin6_addr, ip, sizeof(ip));
		snprintf(text, size, "base=coap://[%s]:%u", ip, (unsigned)sensor->options.port);
	} else {
		inet_ntop(AF_INET, &own->addr.sin.sin_addr, ip, sizeof(ip));
		snprintf(text, size, "base=coap://%s:%u", ip, (unsigned)sensor->options.port);
	}
}

static void directory_register(struct sensor *sensor)
{
	char name[80], lifetime[32], base[96], links[LINKS_MAX];

	snprintf(name, sizeof(name), "ep=%s", sensor->options.ep);
	snprintf(lifetime, sizeof(lifetime), "lt=%lu", sensor->options.lifetime);
	base_write(sensor, base, sizeof(base));
	server_links(&sensor->options, links, sizeof(links));
	client_send(sensor, &(const struct outgoing){.purpose = PURPOSE_REGISTER,
				    .method = COAP_REQUEST_CODE_POST,
				    .path = "rd",
				    .query = {name, lifetime, base},
				    .format = FORMAT_LINK,
				    .body = links});
}

static void entry_send(struct sensor *sensor, enum purpose purpose, coap_pdu_code_t method)
{
	client_send(sensor,
		&(const struct outgoing){
			.purpose = purpose, .method = method, .path = sensor->entry, .format = -1});
}

uint64_t directory_work(struct sensor *sensor)
{
	uint64_t now = now_msec();

	if (client_is_waiting(sensor))
		return 1000;
	if (sensor->not_before > now)
		return sensor->not_before - now;
	if (!sensor->entry[0])
		directory_register(sensor);
	else if (sensor->renew_at <= now)
		entry_send(sensor, PURPOSE_RENEW, COAP_REQUEST_CODE_POST);
	else
		return sensor->renew_at - now;
	return 0;
}

/* "rd/4711" of the Location-Path options; "" when it is none that we can keep. */
static void entry_read(const coap_pdu_t *answer, char text[ENTRY_MAX])
{
	coap_opt_iterator_t at;
	coap_opt_filter_t filter;
	coap_opt_t *option;
	size_t used = 0;

	coap_option_filter_clear(&filter);
	coap_option_filter_set(&filter, COAP_OPTION_LOCATION_PATH);
	coap_option_iterator_init(answer, &at, &filter);
	text[0] = '\0';
	while ((option = coap_option_next(&at))) {
		size_t size = coap_opt_length(option);
		if (used + 1 + size >= ENTRY_MAX) {
			text[0] = '\0';
			return;
		}
		if (used > 0)
			text[used++] = '/';
		memcpy(text + used, coap_opt_value(option), size);
		used += size;
		text[used] = '\0';
	}
}

/* Duty: renew before the lifetime is over, early enough for a second try. */
static void entry_holds(struct sensor *sensor)
{
	sensor->renew_at = now_msec() + sensor->options.lifetime * 750;
}

void directory_answered(struct sensor *sensor, enum purpose purpose, const coap_pdu_t *answer)
{
	unsigned code = coap_pdu_get_code(answer);
	char text[8];

	if (code >> 5 == 2) {
		if (purpose == PURPOSE_REGISTER)
			entry_read(answer, sensor->entry);
		entry_holds(sensor);
		event_print(purpose == PURPOSE_REGISTER ? "registered"
			    : purpose == PURPOSE_RENEW	? "renewed"
							: "removed",
			json_pack("{s:s}", "entry", sensor->entry));
		if (purpose == PURPOSE_LEAVE)
			sensor->entry[0] = '\0';
		if (purpose != PURPOSE_REGISTER || sensor->entry[0])
			return;
	}
	event_print("refused",
		json_pack("{s:s, s:s}", "path", purpose == PURPOSE_REGISTER ? "/rd" : sensor->entry,
			"code", code_to_string(code, text)));
	if (purpose == PURPOSE_RENEW && code == COAP_RESPONSE_CODE(404)) {
		/* Duty: it does not know our entry any more: register again. */
		sensor->entry[0] = '\0';
		return;
	}
	/* Duty: not now; honour Max-Age. */
	client_wait(sensor, answer_max_age(answer, DEFAULT_SECONDS));
}

void directory_leave(struct sensor *sensor)
{
	uint64_t end = now_msec() + LEAVE_MSEC;

	if (!sensor->entry[0] || sensor->failed)
		return;
	entry_send(sensor, PURPOSE_LEAVE, COAP_REQUEST_CODE_DELETE);
	while (client_is_waiting(sensor) && now_msec() < end)
		coap_io_process(sensor->coap, 100);
}
