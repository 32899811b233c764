/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server role: the device waits to be asked. /.well-known/core lists what it has (libcoap makes
 * the list from the attributes of the resources), and the gateway knows its way by 'rt' and 'if':
 *
 *   gatehouse.info      GET: the map of /enrol, before a person decides
 *   gatehouse.claim     POST a challenge: the proof of our label (with --label)
 *   gatehouse.identify  POST seconds: blink or beep, so that the right one is found
 *   gatehouse.status    PUT: what the gateway thinks of us
 *   gatehouse.display   PUT a verification code to show, DELETE to take it away (with --display)
 *   if="core.s"         GET: a reading, once approved
 *
 * With --psk all of this is there over DTLS alone: the gateway comes with our name as its identity.
 *
 * A device without any of the gatehouse.* resources is served too: what counts then are its links
 * with if="core.s". That one is directory.c.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sensor.h"

#define FORMAT_JSON	  50
#define FORMAT_SENML_JSON 110

static void answer_body(coap_pdu_t *response, int format, const char *body)
{
	uint8_t number[2];

	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
	coap_add_option(response, COAP_OPTION_CONTENT_FORMAT,
		coap_encode_var_safe(number, sizeof(number), (unsigned)format), number);
	coap_add_data(response, strlen(body), (const uint8_t *)body);
}

/* The request's payload as text; empty when there is none. */
static void payload_text(const coap_pdu_t *request, char text[256])
{
	const uint8_t *data;
	size_t size;

	if (!coap_get_data(request, &size, &data))
		size = 0;
	if (size > 255)
		size = 255;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
}

static void info_get(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
	const coap_string_t *query, coap_pdu_t *response)
{
	json_t *map = enrol_map(&sensor_of(session)->options);
	char *body = map ? json_dumps(map, JSON_COMPACT) : NULL;

	(void)resource;
	(void)request;
	(void)query;
	if (body)
		answer_body(response, FORMAT_JSON, body);
	else
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
	event_print("asked", json_pack("{s:s}", "path", "/info"));
	free(body);
	json_decref(map);
}

static void claim_post(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	const struct options *options = &sensor_of(session)->options;
	json_t *asked = answer_json(request), *map = json_object();
	const char *challenge = json_string_value(json_object_get(asked, "challenge"));
	bool proved = map && challenge && label_prove(options->label, options->ep, challenge, map);
	char *body = proved ? json_dumps(map, JSON_COMPACT) : NULL;

	(void)resource;
	(void)query;
	if (body) {
		answer_body(response, FORMAT_JSON, body);
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
		event_print("proved", NULL);
	} else {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
	}
	free(body);
	json_decref(map);
	json_decref(asked);
}

static void identify_post(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	char text[256];

	(void)resource;
	(void)session;
	(void)query;
	payload_text(request, text);
	event_print("identify", json_pack("{s:i}", "seconds", (int)strtol(text, NULL, 10)));
	coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
}

static void status_put(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	json_t *map = answer_json(request);
	const char *state = json_string_value(json_object_get(map, "state"));

	(void)resource;
	(void)session;
	(void)query;
	if (state) {
		event_print("status", json_pack("{s:s}", "state", state));
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
	} else {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
	}
	json_decref(map);
}

static void display_put(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	char text[256] = "";

	(void)resource;
	(void)session;
	(void)query;
	if (coap_pdu_get_code(request) == COAP_REQUEST_CODE_PUT)
		payload_text(request, text);
	json_t *details = json_pack("{s:s}", "code", text);
	event_print("code", details ? details : json_pack("{s:s}", "code", "?"));
	coap_pdu_set_code(
		response, text[0] ? COAP_RESPONSE_CODE_CHANGED : COAP_RESPONSE_CODE_DELETED);
}

static void temperature_get(coap_resource_t *resource, coap_session_t *session,
	const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
	struct sensor *sensor = sensor_of(session);
	unsigned long n = ++sensor->served;
	char *body = reading_body(sensor, n);

	(void)resource;
	(void)request;
	(void)query;
	if (body)
		answer_body(response, FORMAT_SENML_JSON, body);
	event_print("asked", json_pack("{s:s, s:I, s:f}", "path", "/s/temperature", "n",
				     (json_int_t)n, "value", reading_value(n)));
	free(body);
}

struct attribute {
	const char *name, *value; /* the value with its quotes, as it stands in the list */
};

static const struct resource_row {
	const char *path;
	coap_request_t method[2];
	coap_method_handler_t handler;
	struct attribute attributes[2];
	enum { ALWAYS, NOT_STANDARD, WITH_DISPLAY, WITH_LABEL } when;
} resource_rows[] = {
	{"info", {COAP_REQUEST_GET}, info_get, {{"rt", "\"gatehouse.info\""}, {"ct", "50"}},
		NOT_STANDARD},
	{"claim", {COAP_REQUEST_POST}, claim_post, {{"rt", "\"gatehouse.claim\""}, {"ct", "50"}},
		WITH_LABEL},
	{"identify", {COAP_REQUEST_POST}, identify_post, {{"rt", "\"gatehouse.identify\""}},
		NOT_STANDARD},
	{"status", {COAP_REQUEST_PUT}, status_put, {{"rt", "\"gatehouse.status\""}, {"ct", "50"}},
		NOT_STANDARD},
	{"display", {COAP_REQUEST_PUT, COAP_REQUEST_DELETE}, display_put,
		{{"rt", "\"gatehouse.display\""}}, WITH_DISPLAY},
	{"s/temperature", {COAP_REQUEST_GET}, temperature_get,
		{{"if", "\"core.s\""}, {"ct", "110"}}, ALWAYS},
};

static bool is_there(const struct resource_row *row, const struct options *options)
{
	bool standard = options->mode == MODE_REGISTER;

	switch (row->when) {
	case ALWAYS:
		return true;
	case NOT_STANDARD:
		return !standard;
	case WITH_DISPLAY:
		return !standard && options->display;
	case WITH_LABEL:
		return !standard && options->label;
	}
	return false;
}

void server_links(const struct options *options, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(resource_rows) / sizeof(resource_rows[0]); i++) {
		const struct resource_row *row = &resource_rows[i];
		const struct attribute *one = &row->attributes[0], *two = &row->attributes[1];

		if (!is_there(row, options) || used >= size)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s</%s>;%s=%s%s%s%s%s",
			used > 0 ? "," : "", row->path, one->name, one->value, two->name ? ";" : "",
			two->name ? two->name : "", two->name ? "=" : "",
			two->name ? two->value : "");
	}
}

static int resources_add(const struct sensor *sensor)
{
	for (size_t i = 0; i < sizeof(resource_rows) / sizeof(resource_rows[0]); i++) {
		const struct resource_row *row = &resource_rows[i];
		if (!is_there(row, &sensor->options))
			continue;
		coap_resource_t *resource = coap_resource_init(coap_make_str_const(row->path), 0);
		if (!resource)
			return -1;
		for (int m = 0; m < 2 && row->method[m]; m++)
			coap_register_request_handler(resource, row->method[m], row->handler);
		/* libcoap lists the last one first. */
		for (int a = 1; a >= 0; a--)
			if (row->attributes[a].name)
				coap_add_attr(resource,
					coap_make_str_const(row->attributes[a].name),
					coap_make_str_const(row->attributes[a].value), 0);
		coap_add_resource(sensor->coap, resource);
	}
	return 0;
}

/* libcoap does not tell which port it got, so we look for a free one ourselves. */
static uint16_t port_find(void)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	struct sockaddr_in any4 = {.sin_family = AF_INET};
	socklen_t size = sizeof(any);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint16_t port = 0;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&any, size) == 0 &&
		getsockname(fd, (struct sockaddr *)&any, &size) == 0)
		port = ntohs(any.sin6_port);
	if (fd >= 0)
		close(fd);
	if (port != 0)
		return port;
	size = sizeof(any4);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&any4, size) == 0 &&
		getsockname(fd, (struct sockaddr *)&any4, &size) == 0)
		port = ntohs(any4.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

/* The gateway shakes hands with our name and our key; whoever has another one is nobody to us. */
static const coap_bin_const_t *key_wanted(
	coap_bin_const_t *identity, coap_session_t *session, void *userdata)
{
	const struct options *options = &((struct sensor *)userdata)->options;

	(void)session;
	if (identity->length != strlen(options->ep) ||
		memcmp(identity->s, options->ep, identity->length) != 0)
		return NULL;
	return &((struct sensor *)userdata)->key;
}

static bool key_offer(struct sensor *sensor)
{
	sensor->key = (coap_bin_const_t){sensor->options.psk_size, sensor->options.psk};
	coap_dtls_spsk_t keys = {
		.version = COAP_DTLS_SPSK_SETUP_VERSION,
		.validate_id_call_back = key_wanted,
		.id_call_back_arg = sensor,
		.psk_info = {.key = sensor->key},
	};

	return coap_context_set_psk2(sensor->coap, &keys);
}

static bool is_secure(const struct sensor *sensor)
{
	return sensor->options.mode == MODE_SERVER && sensor->options.psk_size > 0;
}

static bool endpoint_add(const struct sensor *sensor, int family)
{
	coap_address_t address;

	coap_address_init(&address);
	if (family == AF_INET6) {
		address.size = sizeof(struct sockaddr_in6);
		address.addr.sin6.sin6_family = AF_INET6;
		address.addr.sin6.sin6_port = htons(sensor->options.port);
	} else {
		address.size = sizeof(struct sockaddr_in);
		address.addr.sin.sin_family = AF_INET;
		address.addr.sin.sin_port = htons(sensor->options.port);
	}
	return coap_new_endpoint(sensor->coap, &address,
		       is_secure(sensor) ? COAP_PROTO_DTLS : COAP_PROTO_UDP) != NULL;
}

int server_listen(struct sensor *sensor)
{
	if (sensor->options.port == 0)
		sensor->options.port = port_find();
	if (is_secure(sensor) && !key_offer(sensor)) {
		fprintf(stderr, "gatehouse-sensor: this libcoap has no DTLS\n");
		return -1;
	}
	/* libcoap's IPv6 socket takes IPv4 as well. */
	if (!endpoint_add(sensor, AF_INET6) && !endpoint_add(sensor, AF_INET)) {
		fprintf(stderr, "gatehouse-sensor: cannot listen on port %u\n",
			(unsigned)sensor->options.port);
		return -1;
	}
	if (resources_add(sensor) != 0)
		return -1;
	event_print("listening", json_pack("{s:i}", "port", (int)sensor->options.port));
	return 0;
}
