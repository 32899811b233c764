/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings: POST /t?ep=<name>. 2.04 means that this reading is on stable storage and will go on to
 * the platform; until it comes, the reading is kept.
 *
 * The sensor is simulated: reading n has a value that follows from n, so what is kept is two
 * numbers, and whoever looks at the other end can tell whether one is missing or has changed. A
 * real device keeps the values themselves in a ring, and the oldest ones go when it is full.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

#define FORMAT_TEXT	  0
#define FORMAT_SENML_JSON 110
#define KEPT_MAX	  10000
#define DEFAULT_SECONDS	  2

double reading_value(unsigned long n)
{
	return 20.0 + (double)(n % 50) / 10.0;
}

char *reading_body(const struct sensor *sensor, unsigned long n)
{
	char text[160];

	if (sensor->options.text)
		snprintf(text, sizeof(text), "%lu", n);
	else
		snprintf(text, sizeof(text),
			"[{\"n\":\"seq\",\"v\":%lu,\"u\":\"count\"},"
			"{\"n\":\"temperature\",\"u\":\"Cel\",\"v\":%.1f}]",
			n, reading_value(n));
	return strdup(text);
}

static void state_save(const struct sensor *sensor)
{
	char path[4096];

	if (!sensor->options.state_file)
		return;
	/* A new file in place of the old one: a power cut leaves one of the two. */
	snprintf(path, sizeof(path), "%s.new", sensor->options.state_file);
	FILE *file = fopen(path, "we");
	if (!file)
		return;
	fprintf(file, "%lu\n", sensor->acknowledged);
	if (fclose(file) == 0)
		rename(path, sensor->options.state_file);
}

void telemetry_begin(struct sensor *sensor)
{
	char line[32] = "";
	FILE *file = sensor->options.state_file ? fopen(sensor->options.state_file, "re") : NULL;

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	sensor->acknowledged = strtoul(line, NULL, 10);
	sensor->produced = sensor->acknowledged;
}

bool telemetry_done(const struct sensor *sensor)
{
	return sensor->options.count > 0 && sensor->acknowledged >= sensor->options.count;
}

/* Takes the readings whose time has come: from the first approval on, also while the gateway is
 * away. */
void telemetry_produce(struct sensor *sensor)
{
	uint64_t now = now_msec();
	uint64_t interval = (uint64_t)lround(sensor->options.interval * 1000);

	if (sensor->next_reading_at == 0) {
		if (!sensor->approved)
			return;
		sensor->next_reading_at = now;
	}
	while (sensor->next_reading_at <= now) {
		if (sensor->options.count > 0 && sensor->produced >= sensor->options.count) {
			sensor->next_reading_at = UINT64_MAX;
			return;
		}
		if (sensor->produced - sensor->acknowledged >= KEPT_MAX) {
			sensor->acknowledged++;
			event_print(
				"lost", json_pack("{s:I}", "n", (json_int_t)sensor->acknowledged));
		}
		sensor->produced++;
		sensor->next_reading_at += interval;
		if (interval == 0)
			return; /* as fast as it is taken */
	}
}

void telemetry_send(struct sensor *sensor)
{
	char name[80];
	char *body = reading_body(sensor, sensor->acknowledged + 1);

	if (!body) {
		sensor->failed = true;
		return;
	}
	snprintf(name, sizeof(name), "ep=%s", sensor->options.ep);
	client_send(
		sensor, &(const struct outgoing){.purpose = PURPOSE_READING,
				.method = COAP_REQUEST_CODE_POST,
				.path = "t",
				.query = {name, sensor->options.text ? "n=seq" : NULL},
				.format = sensor->options.text ? FORMAT_TEXT : FORMAT_SENML_JSON,
				.body = body});
	free(body);
}

static void reading_settled(struct sensor *sensor)
{
	sensor->acknowledged++;
	state_save(sensor);
}

void telemetry_answered(struct sensor *sensor, const coap_pdu_t *answer)
{
	unsigned code = coap_pdu_get_code(answer);
	unsigned long n = sensor->acknowledged + 1;
	char text[8];

	if (code >> 5 == 2) {
		event_print("acknowledged",
			json_pack("{s:I, s:f}", "n", (json_int_t)n, "value", reading_value(n)));
		reading_settled(sensor);
		return;
	}
	event_print("refused", json_pack("{s:s, s:s, s:I}", "path", "/t", "code",
				       code_to_string(code, text), "n", (json_int_t)n));
	if (code == COAP_RESPONSE_CODE(403) || code == COAP_RESPONSE_CODE(404)) {
		/* Duty: we are not approved any more, or never were: ask again at /enrol. The
		 * readings stay. */
		sensor->approved = false;
	} else if (code == COAP_RESPONSE_CODE(429) || code >> 5 == 5 ||
		   code == COAP_RESPONSE_CODE(401)) {
		/* Duty: not now; honour Max-Age. */
		client_wait(sensor, answer_max_age(answer, DEFAULT_SECONDS));
	} else {
		/* This reading will never be taken; sending it again helps nobody. */
		reading_settled(sensor);
	}
}
