/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Devices that speak the device contract: they know gatehouse.* resources, or enrol themselves. The
 * enrol map comes in CBOR or JSON; both become one JSON value first, so there is one reader for its
 * keys. Unknown keys are passed over. A provisioning token in it stands apart (decode_pt), since it
 * counts at psk and cert only; no copy of it stays here.
 */

#include "drivers/device/native.h"

#include <cbor.h>
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/cbor-json.h"
#include "core/token.h"
#include "drivers/device/sources.h"

#define INFO_ANSWER_MAX	 1024
#define CONTRACT_VERSION 1

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}
DEFINE_CLEANUP(json_t *, native_map_free, cleanup_map)

void device_info_clear(struct device_info *info)
{
	free(info->attributes);
	*info = (struct device_info){0};
}

/* ---- links ---- */

static bool match(const struct device_question *question, struct device_links *ret_found)
{
	static const struct {
		const char *rt;
		size_t offset;
	} resources[] = {
		{"gatehouse.info", offsetof(struct device_links, info)},
		{"gatehouse.claim", offsetof(struct device_links, claim)},
		{"gatehouse.display", offsetof(struct device_links, display)},
		{"gatehouse.identify", offsetof(struct device_links, identify)},
		{"gatehouse.status", offsetof(struct device_links, status)},
		{"gatehouse.command", offsetof(struct device_links, command)},
	};
	const struct device_link *links = question->links;
	struct device_links found = {.status_format = FORMAT_CBOR,
		.command_format = FORMAT_CBOR,
		.claim_format = FORMAT_CBOR};
	bool ours = !links;
	size_t i, j;

	for (i = 0; links && i < question->count; i++) {
		for (j = 0; j < ELEMENTS(resources); j++) {
			char *place = (char *)&found + resources[j].offset;

			if (*place || !link_has_word(links[i].rt, resources[j].rt))
				continue;
			snprintf(place, sizeof(found.info), "%s", links[i].path);
			if (place == found.status && links[i].content_format == FORMAT_JSON)
				found.status_format = FORMAT_JSON;
			if (place == found.command && links[i].content_format == FORMAT_JSON)
				found.command_format = FORMAT_JSON;
			if (place == found.claim && links[i].content_format == FORMAT_JSON)
				found.claim_format = FORMAT_JSON;
			ours = true;
		}
	}
	sources_from_links(question, &found);
	if (ours)
		*ret_found = found;
	return ours;
}

/* ---- the enrol map ---- */

struct text_key {
	const char *key;
	size_t offset;
};
static const struct text_key text_keys[] = {
	{"model", offsetof(struct device_info, model)},
	{"serial", offsetof(struct device_info, serial)},
	{"firmware", offsetof(struct device_info, firmware)},
};

static const char *read_text(
	const json_t *map, const struct text_key *key, struct device_info *info)
{
	const json_t *value = json_object_get(map, key->key);
	struct span text;

	if (!value)
		return NULL;
	if (!json_is_string(value))
		return "model, serial and firmware are text";
	text = span_of(json_string_value(value), json_string_length(value));
	if (text.size > INFO_TEXT_MAX || !span_is_clean_text(text))
		return "model, serial and firmware are at most 64 bytes without control characters";
	return span_to_string(text, (char *)info + key->offset, INFO_TEXT_MAX + 1) < 0
		       ? "a text holds a NUL"
		       : NULL;
}

static const char *read_attributes(json_t *map, struct device_info *info)
{
	json_t *attributes = json_object_get(map, "attributes"), *value;
	const char *key;

	if (!attributes)
		return NULL;
	if (!json_is_object(attributes) || json_object_size(attributes) > ATTRIBUTES_MAX)
		return "attributes is a map of at most 16 texts";
	json_object_foreach(attributes, key, value)
	{
		struct span text = json_is_string(value) ? span_of(json_string_value(value),
								   json_string_length(value))
							 : (struct span){0};

		if (!json_is_string(value) || text.size > ATTRIBUTE_VALUE_MAX ||
			!span_is_clean_text(text))
			return "an attribute is text of at most 256 bytes without control "
			       "characters";
		if (!*key || strlen(key) > INFO_TEXT_MAX ||
			!span_is_clean_text(span_from_string(key)))
			return "an attribute's name is 1 to 64 bytes without control characters";
	}
	info->attributes = json_dumps(attributes, JSON_COMPACT);
	return info->attributes ? NULL : "out of memory";
}

static const char *read_rest(const json_t *map, struct device_info *info)
{
	const json_t *display = json_object_get(map, "display"),
		     *code = json_object_get(map, "code"), *version = json_object_get(map, "v");

	if (version &&
		(!json_is_integer(version) || json_integer_value(version) != CONTRACT_VERSION))
		return "v: only version 1 is understood";
	if (display && !json_is_boolean(display))
		return "display is true or false";
	info->display = json_is_true(display);
	if (code && (!json_is_string(code) || short_code_parse(span_of(json_string_value(code),
								       json_string_length(code)),
						      info->code) < 0))
		return "code is 8 characters of BCDFGHJKLMNPQRSTVWXZ";
	return NULL;
}

static const char *read_info(json_t *map, struct device_info *info)
{
	const char *why = NULL;
	size_t i;

	for (i = 0; i < ELEMENTS(text_keys) && !why; i++)
		why = read_text(map, &text_keys[i], info);
	if (!why)
		why = read_rest(map, info);
	return why ? why : read_attributes(map, info);
}

void native_map_free(json_t *map)
{
	json_t *pt = json_object_get(map, "pt");

	if (json_is_string(pt))
		crypto_wipe((char *)json_string_value(pt), json_string_length(pt));
	json_decref(map);
}

int native_parse_map(int format, struct span body, json_t **ret_map)
{
	CLEANUP(cleanup_map) json_t *map = NULL;
	json_error_t error;
	int r = 0;

	if (!body.size)
		map = json_object();
	else if (format == FORMAT_CBOR)
		r = cbor_map_to_json(body, &map);
	else if (format == FORMAT_JSON)
		map = json_loadb(
			(const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &error);
	else
		return -EPROTONOSUPPORT;
	if (r < 0)
		return r;
	if (!map || !json_is_object(map))
		return -EBADMSG;
	*ret_map = STEAL(map);
	return 0;
}

static int decode_info(int format, struct span body, struct device_info *ret_info, bool *ret_has_pt,
	enum info_verdict *ret_verdict, const char **ret_why)
{
	CLEANUP(cleanup_map) json_t *map = NULL;
	struct device_info info = {0};
	const char *why;
	int r;

	*ret_has_pt = false;
	r = native_parse_map(format, body, &map);
	if (r == -ENOMEM)
		return r;
	if (r == -EPROTONOSUPPORT) {
		*ret_verdict = INFO_FORMAT_UNKNOWN;
		*ret_why = "the map comes as CBOR (60) or JSON (50)";
		return 0;
	}
	*ret_verdict = INFO_MALFORMED;
	if (r < 0) {
		*ret_why = "this is not one map in the format that it claims";
		return 0;
	}
	*ret_has_pt = json_object_get(map, "pt") != NULL;
	why = read_info(map, &info);
	if (why) {
		device_info_clear(&info);
		*ret_why = why;
		return 0;
	}
	*ret_info = info;
	*ret_verdict = INFO_TAKEN;
	return 0;
}

static int decode_pt(int format, struct span body, struct secret *ret_pt, const char **ret_why)
{
	CLEANUP(cleanup_map) json_t *map = NULL;
	struct span value;
	json_t *pt;
	int r = native_parse_map(format, body, &map);

	*ret_pt = (struct secret){0};
	if (r == -ENOMEM)
		return r;
	*ret_why = "pt is 1 to 512 bytes of printable ASCII without space";
	if (r < 0)
		return -EBADMSG;
	pt = json_object_get(map, "pt");
	if (!pt)
		return 0;
	if (!json_is_string(pt))
		return -EBADMSG;
	value = span_of(json_string_value(pt), json_string_length(pt));
	return value.size <= TOKEN_BROUGHT_MAX && token_is_pt(value) ? secret_set(ret_pt, value)
								     : -EBADMSG;
}

/* ---- the answer map ---- */

struct writer {
	uint8_t *at;
	size_t left;
	bool full;
};

static void wrote(struct writer *writer, size_t size)
{
	if (!size)
		writer->full = true;
	writer->at += size;
	writer->left -= size;
}

static void write_string(struct writer *writer, struct span text, bool is_bytes)
{
	wrote(writer, is_bytes ? cbor_encode_bytestring_start(text.size, writer->at, writer->left)
			       : cbor_encode_string_start(text.size, writer->at, writer->left));
	if (writer->full || writer->left < text.size) {
		writer->full = true;
		return;
	}
	if (text.size)
		memcpy(writer->at, text.data, text.size);
	writer->at += text.size;
	writer->left -= text.size;
}

/* The keys of an answer that are there, in the contract's order. */
struct answer_entry {
	const char *key;
	bool is_number, is_bytes;
	uint32_t number;
	struct span text;
};
#define ANSWER_ENTRIES 8

static size_t list_answer(
	const struct enrol_answer *answer, struct answer_entry ret_entry[ANSWER_ENTRIES])
{
	const struct {
		const char *key;
		struct span text;
		bool is_bytes;
	} texts[] = {
		{"id", span_from_string(answer->id), false},
		{"challenge", answer->challenge, true},
		{"code", answer->code, false},
		{"owner", span_from_string(answer->owner), false},
		{"place", span_from_string(answer->place), false},
	};
	size_t count = 0, i;

	ret_entry[count++] = (struct answer_entry){
		.key = "state", .text = span_from_string(device_word_to_string(answer->state))};
	ret_entry[count++] =
		(struct answer_entry){.key = "retry", .is_number = true, .number = answer->retry};
	for (i = 0; i < ELEMENTS(texts); i++)
		if (texts[i].text.size)
			ret_entry[count++] = (struct answer_entry){.key = texts[i].key,
				.text = texts[i].text,
				.is_bytes = texts[i].is_bytes};
	if (answer->expires)
		ret_entry[count++] = (struct answer_entry){
			.key = "expires", .is_number = true, .number = answer->expires};
	return count;
}

static int encode_cbor(const struct answer_entry *entry, size_t count, uint8_t *ret_body,
	size_t capacity, size_t *ret_size)
{
	struct writer writer = {.at = ret_body, .left = capacity};
	size_t i;

	wrote(&writer, cbor_encode_map_start(count, writer.at, writer.left));
	for (i = 0; i < count && !writer.full; i++) {
		write_string(&writer, span_from_string(entry[i].key), false);
		if (writer.full)
			break;
		if (entry[i].is_number)
			wrote(&writer, cbor_encode_uint(entry[i].number, writer.at, writer.left));
		else
			write_string(&writer, entry[i].text, entry[i].is_bytes);
	}
	if (writer.full)
		return -EMSGSIZE;
	*ret_size = capacity - writer.left;
	return 0;
}

static json_t *json_of(const struct answer_entry *entry)
{
	CLEANUP(cleanup_free) char *text = NULL;

	if (entry->is_number)
		return json_integer(entry->number);
	if (!entry->is_bytes)
		return json_stringn((const char *)entry->text.data, entry->text.size);
	text = base64url_encode(entry->text);
	return text ? json_string(text) : NULL;
}

static int encode_json(const struct answer_entry *entry, size_t count, uint8_t *ret_body,
	size_t capacity, size_t *ret_size)
{
	CLEANUP(cleanup_json) json_t *map = json_object();
	size_t i, size;

	for (i = 0; map && i < count; i++) {
		if (json_object_set_new(map, entry[i].key, json_of(&entry[i])) < 0)
			return -ENOMEM;
	}
	if (!map)
		return -ENOMEM;
	size = json_dumpb(map, (char *)ret_body, capacity, JSON_COMPACT);
	if (!size)
		return -ENOMEM;
	if (size > capacity)
		return -EMSGSIZE;
	*ret_size = size;
	return 0;
}

static int encode_answer(int format, const struct enrol_answer *answer, uint8_t *ret_body,
	size_t capacity, size_t *ret_size)
{
	struct answer_entry entry[ANSWER_ENTRIES];
	size_t count = list_answer(answer, entry);

	return format == FORMAT_JSON ? encode_json(entry, count, ret_body, capacity, ret_size)
				     : encode_cbor(entry, count, ret_body, capacity, ret_size);
}

/* ---- requests ---- */

static int request_to(const char *path, uint8_t method, struct device_request *ret_request)
{
	if (!path[0])
		return -ENOTSUP;
	*ret_request = (struct device_request){
		.method = method, .content_format = -1, .accept = -1, .answer_max = 256};
	snprintf(ret_request->path, sizeof(ret_request->path), "%s", path);
	return 0;
}

static int text_request(
	const char *path, uint8_t method, struct span text, struct device_request *ret_request)
{
	int r;

	if (text.size > sizeof(ret_request->payload))
		return -EMSGSIZE;
	r = request_to(path, method, ret_request);
	if (r < 0)
		return r;
	ret_request->content_format = FORMAT_TEXT;
	ret_request->payload_size = text.size;
	if (text.size)
		memcpy(ret_request->payload, text.data, text.size);
	return 0;
}

static int info(const struct device_links *found, struct device_request *ret_request)
{
	int r = request_to(found->info, 1, ret_request);

	if (r >= 0)
		ret_request->answer_max = INFO_ANSWER_MAX;
	return r;
}

static int show_code(
	const struct device_links *found, struct span code, struct device_request *ret_request)
{
	return text_request(found->display, 3, code, ret_request);
}

static int clear_code(const struct device_links *found, struct device_request *ret_request)
{
	return request_to(found->display, 4, ret_request);
}

static int identify(
	const struct device_links *found, uint32_t seconds, struct device_request *ret_request)
{
	char text[12];

	snprintf(text, sizeof(text), "%u", seconds);
	return text_request(found->identify, 2, span_from_string(text), ret_request);
}

static int notify(const struct device_links *found, const struct enrol_answer *answer,
	struct device_request *ret_request)
{
	struct device_request request;
	int r = request_to(found->status, 3, &request);

	if (r >= 0)
		r = encode_answer(found->status_format, answer, request.payload,
			sizeof(request.payload), &request.payload_size);
	if (r < 0)
		return r;
	request.content_format = found->status_format;
	*ret_request = request;
	return 0;
}

static int command_to(const struct device_links *found, const struct command *command,
	struct device_request *ret_request)
{
	struct device_request request;
	int r = request_to(found->command, 2, &request);

	if (r >= 0)
		r = command_encode(found->command_format, command, request.payload,
			sizeof(request.payload), &request.payload_size);
	if (r < 0)
		return r;
	request.content_format = found->command_format;
	request.accept = found->command_format;
	request.answer_max = COMMAND_MESSAGE_MAX;
	request.is_long = true;
	*ret_request = request;
	return 0;
}

const struct device_driver device_native = {
	.name = "native",
	.match = match,
	.info = info,
	.decode_info = decode_info,
	.decode_pt = decode_pt,
	.decode_proof = native_decode_proof,
	.claim = native_claim,
	.encode_answer = encode_answer,
	.show_code = show_code,
	.clear_code = clear_code,
	.identify = identify,
	.notify = notify,
	.command = command_to,
	.plan_read = source_plan,
};
