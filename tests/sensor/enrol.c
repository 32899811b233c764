/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolling: POST /enrol?ep=<name> with a map that says what the device is. The gateway answers
 * with a state. "pending" means that a person has yet to decide: the device asks again after
 * 'retry' seconds, and its request is the same each time, because asking twice never does anything
 * twice. While it waits the answer may hold a challenge: a device with a key on its label answers
 * it at once with a proof (label.c). With "approved" it may send readings. "rejected", "suspended"
 * and "revoked" are answers to live with: it keeps asking, as slowly as it is told to.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

#define FORMAT_JSON	50
#define TOKEN_MAX	512
#define DEFAULT_SECONDS 60  /* between tries when the gateway did not say */
#define REFUSED_SECONDS 300 /* after a refusal that only a person can change */

static json_t *attributes_map(const struct options *options)
{
	json_t *map = json_object();

	for (unsigned i = 0; i < options->attributes; i++) {
		const char *equals = strchr(options->attribute[i], '=');
		char *key =
			strndup(options->attribute[i], (size_t)(equals - options->attribute[i]));
		if (key)
			json_object_set_new(map, key, json_string(equals + 1));
		free(key);
	}
	return map;
}

/* Duty: a provisioning token goes over DTLS alone; the gateway keeps it until somebody approves. */
static void token_add(const char *path, json_t *map)
{
	char text[TOKEN_MAX + 2] = "";
	FILE *file = fopen(path, "re");

	if (!file || !fgets(text, sizeof(text), file)) {
		perror(path);
	} else {
		text[strcspn(text, "\n")] = '\0';
		json_object_set_new(map, "pt", json_string(text));
	}
	if (file)
		fclose(file);
	memset(text, 0, sizeof(text));
}

json_t *enrol_map(const struct options *options)
{
	json_t *map = json_pack("{s:s*, s:s*, s:s*, s:s*}", "model", options->model, "serial",
		options->serial, "firmware", options->firmware, "code", options->code);

	if (map && options->display)
		json_object_set_new(map, "display", json_true());
	if (map && options->pt)
		token_add(options->pt, map);
	if (map && options->attributes > 0)
		json_object_set_new(map, "attributes", attributes_map(options));
	return map;
}

void enrol_send(struct sensor *sensor)
{
	char name[80];
	json_t *map = enrol_map(&sensor->options);
	char *body;

	/* Duty: a challenge is answered once, with a nonce of one's own. */
	sensor->proving =
		map && sensor->challenge[0] &&
		label_prove(sensor->options.label, sensor->options.ep, sensor->challenge, map);
	sensor->challenge[0] = '\0';
	body = map ? json_dumps(map, JSON_COMPACT) : NULL;
	json_decref(map);
	if (!body) {
		sensor->failed = true;
		return;
	}
	snprintf(name, sizeof(name), "ep=%s", sensor->options.ep);
	client_send(sensor, &(const struct outgoing){.purpose = PURPOSE_ENROL,
				    .method = COAP_REQUEST_CODE_POST,
				    .path = "enrol",
				    .query = {name},
				    .format = FORMAT_JSON,
				    .body = body});
	free(body);
}

/* Prints what is new in the answer. */
static void state_take(struct sensor *sensor, const json_t *map, const char *state)
{
	const char *code = json_string_value(json_object_get(map, "code"));
	const char *id = json_string_value(json_object_get(map, "id"));

	if (strcmp(sensor->state, state) != 0)
		event_print("state", json_pack("{s:s, s:s*}", "state", state, "id", id));
	snprintf(sensor->state, sizeof(sensor->state), "%s", state);
	if (!code)
		code = "";
	/* A real device shows it, and takes it away when it is gone. */
	if (strcmp(sensor->code, code) != 0)
		event_print("code", json_pack("{s:s}", "code", code));
	snprintf(sensor->code, sizeof(sensor->code), "%s", code);
}

/* True when the next request goes out at once, with the proof that was asked for. An answer to a
 * proof holds the next challenge: that one waits, or we would never stop. */
static bool challenge_take(struct sensor *sensor, const json_t *map)
{
	const char *challenge = json_string_value(json_object_get(map, "challenge"));

	if (!sensor->options.label || !challenge || strlen(challenge) >= CHALLENGE_TEXT_MAX)
		return false;
	if (sensor->proving) {
		event_print("proved", NULL);
		sensor->proving = false;
		return false;
	}
	strcpy(sensor->challenge, challenge);
	event_print("challenge", NULL);
	return true;
}

static void enrol_refused(struct sensor *sensor, const coap_pdu_t *answer)
{
	char code[8];
	unsigned class = coap_pdu_get_code(answer) >> 5;
	bool passes = coap_pdu_get_code(answer) == COAP_RESPONSE_CODE(429) || class == 5;
	unsigned wait = answer_max_age(answer, passes ? DEFAULT_SECONDS : REFUSED_SECONDS);

	event_print("refused",
		json_pack("{s:s, s:s, s:i}", "path", "/enrol", "code",
			code_to_string(coap_pdu_get_code(answer), code), "wait", (int)wait));
	client_wait(sensor, wait);
}

void enrol_answered(struct sensor *sensor, const coap_pdu_t *answer)
{
	json_t *map = answer_json(answer);
	bool prove = challenge_take(sensor, map);

	sensor->proving = false;
	if (coap_pdu_get_code(answer) >> 5 != 2) {
		/* "The name belongs to another device": with the label it can be shown that it is
		 * ours, if there is a challenge in it. */
		enrol_refused(sensor, answer);
		if (prove)
			client_wait(sensor, 0);
		json_decref(map);
		return;
	}
	const char *state = json_string_value(json_object_get(map, "state"));
	const json_t *retry = json_object_get(map, "retry");
	unsigned wait = answer_max_age(answer, DEFAULT_SECONDS);

	if (json_is_integer(retry) && json_integer_value(retry) >= 0 &&
		json_integer_value(retry) <= 86400)
		wait = (unsigned)json_integer_value(retry);
	if (state)
		state_take(sensor, map, state);
	sensor->approved = state && strcmp(state, "approved") == 0;
	/* Duty: honour 'retry'. Once approved there is nothing to wait for. */
	client_wait(sensor, sensor->approved || prove ? 0 : wait);
	json_decref(map);
}
