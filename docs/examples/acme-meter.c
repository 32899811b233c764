/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An example of a device driver: the pulse meter PM-2 of Acme, a CoAP server of another world.
 *
 *	GET  /v1/about   {"type":"PM-2","sn":"0042","sw":"3.1"}
 *	GET  /v1/pulses  a number, text/plain
 *	POST /v1/lamp    seconds, text/plain: its lamp blinks
 *
 * It has no display and takes no status: those hooks say so.
 */

#include "drivers/device.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define ABOUT_MAX  256
#define PULSES_MAX 32
#define GET	   1
#define POST	   2

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}

static bool match(const struct device_question *question, struct device_links *ret_found)
{
	const struct device_link *links = question->links;
	struct device_links found = {.status_format = -1, .command_format = -1};

	/* A device that enrols itself (links NULL) is none of ours. */
	for (size_t i = 0; links && i < question->count; i++) {
		if (!strcmp(links[i].rt, "acme.about"))
			snprintf(found.info, sizeof(found.info), "%s", links[i].path);
		if (!strcmp(links[i].rt, "acme.pulses") && strlen(links[i].path) <= READ_PATH_MAX &&
			found.source_count == 0) {
			struct telemetry_source *source = &found.source[found.source_count++];

			snprintf(source->path, sizeof(source->path), "%s", links[i].path);
			snprintf(source->name, sizeof(source->name), "pulses");
			source->format = FORMAT_TEXT;
		}
	}
	if (!found.info[0])
		return false;
	snprintf(found.identify, sizeof(found.identify), "/v1/lamp");
	*ret_found = found;
	return true;
}

static int info(const struct device_links *found, struct device_request *ret_request)
{
	*ret_request = (struct device_request){.method = GET,
		.content_format = -1,
		.accept = FORMAT_JSON,
		.answer_max = ABOUT_MAX};
	snprintf(ret_request->path, sizeof(ret_request->path), "%s", found->info);
	return 0;
}

/* Bytes from a stranger: the type, the size and the characters of each text are checked. */
static bool take_text(const json_t *map, const char *key, char *ret_text)
{
	const json_t *value = json_object_get(map, key);
	struct span text;

	if (!value)
		return true;
	if (!json_is_string(value))
		return false;
	text = span_of(json_string_value(value), json_string_length(value));
	return span_is_clean_text(text) && span_to_string(text, ret_text, INFO_TEXT_MAX + 1) >= 0;
}

static int decode_info(int format, struct span body, struct device_info *ret_info, bool *ret_has_pt,
	enum info_verdict *ret_verdict, const char **ret_why)
{
	CLEANUP(cleanup_json) json_t *map = NULL;
	struct device_info taken = {0};

	*ret_has_pt = false;
	if (format != FORMAT_JSON) {
		*ret_verdict = INFO_FORMAT_UNKNOWN;
		*ret_why = "/v1/about is JSON";
		return 0;
	}
	*ret_verdict = INFO_MALFORMED;
	map = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(map)) {
		*ret_why = "/v1/about is not one JSON object";
		return 0;
	}
	if (!take_text(map, "type", taken.model) || !take_text(map, "sn", taken.serial) ||
		!take_text(map, "sw", taken.firmware)) {
		*ret_why = "type, sn and sw are texts of at most 64 bytes";
		return 0;
	}
	*ret_info = taken;
	*ret_verdict = INFO_TAKEN;
	return 0;
}

static int identify(
	const struct device_links *found, uint32_t seconds, struct device_request *ret_request)
{
	*ret_request = (struct device_request){
		.method = POST, .content_format = FORMAT_TEXT, .accept = -1};
	snprintf(ret_request->path, sizeof(ret_request->path), "%s", found->identify);
	ret_request->payload_size = (size_t)snprintf((char *)ret_request->payload,
		sizeof(ret_request->payload), "%u", (unsigned)seconds);
	return 0;
}

static int plan_read(
	const struct device_links *found, unsigned index, struct device_request *ret_request)
{
	if (index >= found->source_count)
		return -ENOTSUP;
	*ret_request = (struct device_request){.method = GET,
		.content_format = -1,
		.accept = FORMAT_TEXT,
		.answer_max = PULSES_MAX};
	snprintf(ret_request->path, sizeof(ret_request->path), "%s", found->source[index].path);
	return 0;
}

/* ---- what it cannot ---- */

static int encode_answer(int format, const struct enrol_answer *answer, uint8_t *ret_body,
	size_t capacity, size_t *ret_size)
{
	return -ENOTSUP;
}

static int show_code(
	const struct device_links *found, struct span code, struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int clear_code(const struct device_links *found, struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int notify(const struct device_links *found, const struct enrol_answer *answer,
	struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int command(const struct device_links *found, const struct command *waiting,
	struct device_request *ret_request)
{
	return -ENOTSUP;
}

extern const struct device_driver device_acme_meter;
const struct device_driver device_acme_meter = {
	.name = "acme-meter",
	.match = match,
	.info = info,
	.decode_info = decode_info,
	.encode_answer = encode_answer,
	.show_code = show_code,
	.clear_code = clear_code,
	.identify = identify,
	.notify = notify,
	.command = command,
	.plan_read = plan_read,
};
