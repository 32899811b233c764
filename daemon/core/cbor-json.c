/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CBOR to JSON with libcbor's streaming decoder: it allocates nothing by a claimed length
 * (cbor_load was measured to reserve 4 GB for 6 bytes). A stack of open containers of fixed depth;
 * a container that claims more items than there can be bytes is refused before it is opened.
 *
 * Each callback sees one item, and the first fault ends the walk. A decimal fraction (RFC 8949
 * section 3.4.4) is tag 4 and an array of two integers; it never becomes a container here: a state
 * beside the stack takes its two parts and puts the one number.
 */

#include "core/cbor-json.h"

#include <cbor.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define TAG_DECIMAL_FRACTION 4

static const struct cbor_rules strict_rules = {.depth = CBOR_JSON_DEPTH_MAX, .items = 256};
static const struct cbor_rules map_rules = {
	.depth = CBOR_READ_DEPTH_MAX, .items = 1024, .liberal = true, .lenient = true};

struct open_container {
	json_t *value;	 /* borrowed: its parent, or 'root', holds it */
	bool indefinite; /* until a break; 'left' has no meaning then */
	uint64_t left;	 /* items still to come; a pair counts as two */
	char *key;	 /* map: the key that waits for its value */
};

enum kind { KIND_TEXT, KIND_BYTES, KIND_OTHER };

/* What of a decimal fraction is still to come. */
enum fraction { FRACTION_NONE, FRACTION_ARRAY, FRACTION_EXPONENT, FRACTION_MANTISSA };

struct reader {
	const struct cbor_rules *rules;
	struct open_container open[CBOR_READ_DEPTH_MAX];
	unsigned depth;
	unsigned items;
	enum fraction fraction;
	int64_t exponent;
	json_t *root;
	size_t left; /* bytes from the present item's head on */
	enum cbor_fault fault;
	int error;
};

static struct open_container *top_of(struct reader *reader)
{
	return reader->depth ? &reader->open[reader->depth - 1] : NULL;
}

static void close_full(struct reader *reader)
{
	struct open_container *top;

	while ((top = top_of(reader)) && !top->indefinite && top->left == 0)
		reader->depth--;
}

#define KEY_ROOM 24 /* "#-9223372036854775808" */

static const char *key_text(
	struct reader *reader, const json_t *value, enum kind kind, char room[KEY_ROOM])
{
	const char *text = NULL;

	if (kind == KIND_TEXT)
		return json_string_value(value);
	if (json_typeof(value) != JSON_INTEGER)
		return NULL;
	if (reader->rules->key_name)
		text = reader->rules->key_name(json_integer_value(value));
	if (!text && reader->rules->lenient) {
		snprintf(room, KEY_ROOM, "#%" PRId64, (int64_t)json_integer_value(value));
		text = room;
	}
	return text;
}

/* Borrows the value. */
static void put_key(
	struct reader *reader, struct open_container *map, const json_t *value, enum kind kind)
{
	char room[KEY_ROOM];
	const char *text = key_text(reader, value, kind, room);

	if (!text)
		reader->fault = CBOR_FAULT_KEY;
	else if (json_object_get(map->value, text))
		reader->fault = CBOR_FAULT_KEY_TWICE;
	else if (!(map->key = strdup(text)))
		reader->error = -ENOMEM;
}

/* Takes the reference. */
static void put_pair(
	struct reader *reader, struct open_container *map, json_t *value, enum kind kind)
{
	CLEANUP(cleanup_free) char *key = STEAL(map->key);

	if (reader->rules->may_stand && !reader->rules->may_stand(key, kind == KIND_BYTES)) {
		json_decref(value);
		reader->fault = CBOR_FAULT_VALUE;
	} else if (json_object_set_new(map->value, key, value) < 0) {
		reader->error = -ENOMEM;
	}
}

/* Puts a value where it belongs; takes the reference. NULL is lack of memory. */
static void put(struct reader *reader, json_t *value, enum kind kind)
{
	struct open_container *top = top_of(reader);

	if (!value) {
		reader->error = -ENOMEM;
		return;
	}
	if (reader->fraction != FRACTION_NONE || ++reader->items > reader->rules->items) {
		json_decref(value);
		reader->fault =
			reader->fraction != FRACTION_NONE ? CBOR_FAULT_BROKEN : CBOR_FAULT_MANY;
		return;
	}
	if (!top) {
		reader->root = value;
		return;
	}
	top->left--;
	if (json_typeof(top->value) == JSON_ARRAY) {
		if (json_array_append_new(top->value, value) < 0)
			reader->error = -ENOMEM;
	} else if (top->key) {
		put_pair(reader, top, value, kind);
	} else {
		put_key(reader, top, value, kind);
		json_decref(value);
	}
}

static bool has_failed(const struct reader *reader)
{
	return reader->error < 0 || reader->fault != CBOR_FAULT_NONE;
}

static void put_scalar(struct reader *reader, json_t *value, enum kind kind)
{
	put(reader, value, kind);
	if (!has_failed(reader))
		close_full(reader);
}

static void open_container(struct reader *reader, json_t *value, uint64_t items, bool indefinite)
{
	enum cbor_fault fault = CBOR_FAULT_NONE;

	if (items > reader->left)
		fault = CBOR_FAULT_BROKEN;
	else if (items > reader->rules->items)
		fault = CBOR_FAULT_MANY;
	else if (reader->depth == reader->rules->depth)
		fault = CBOR_FAULT_DEEP;
	if (fault != CBOR_FAULT_NONE) {
		json_decref(value);
		reader->fault = fault;
		return;
	}
	put(reader, value, KIND_OTHER);
	if (has_failed(reader))
		return;
	reader->open[reader->depth++] =
		(struct open_container){.value = value, .left = items, .indefinite = indefinite};
	close_full(reader);
}

static void put_real(struct reader *reader, double value)
{
	if (!isfinite(value) && reader->rules->lenient)
		put_scalar(reader, json_null(), KIND_OTHER);
	else if (!isfinite(value))
		reader->fault = CBOR_FAULT_NUMBER;
	else
		put_scalar(reader, json_real(value), KIND_OTHER);
}

/* Through decimal text, which strtod() rounds once: 2715 * 10^-2 is the double that 27.15 is. There
 * is no decimal point in it, so the locale does not matter. */
static void put_fraction(struct reader *reader, int64_t mantissa)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRId64 "e%" PRId64, mantissa, reader->exponent);
	reader->fraction = FRACTION_NONE;
	put_real(reader, strtod(text, NULL));
}

static void put_integer(struct reader *reader, int64_t value)
{
	if (reader->fraction == FRACTION_EXPONENT) {
		reader->exponent = value;
		reader->fraction = FRACTION_MANTISSA;
	} else if (reader->fraction == FRACTION_MANTISSA) {
		put_fraction(reader, value);
	} else {
		put_scalar(reader, json_integer(value), KIND_OTHER);
	}
}

static void put_wide(struct reader *reader, double value)
{
	if (reader->rules->liberal)
		put_real(reader, value);
	else
		reader->fault = CBOR_FAULT_NUMBER;
}

static void on_uint8(void *context, uint8_t value)
{
	put_integer(context, value);
}
static void on_uint16(void *context, uint16_t value)
{
	put_integer(context, value);
}
static void on_uint32(void *context, uint32_t value)
{
	put_integer(context, value);
}
static void on_uint64(void *context, uint64_t value)
{
	if (value > INT64_MAX)
		put_wide(context, (double)value);
	else
		put_integer(context, (int64_t)value);
}
static void on_negint8(void *context, uint8_t value)
{
	put_integer(context, -1 - (int64_t)value);
}
static void on_negint16(void *context, uint16_t value)
{
	put_integer(context, -1 - (int64_t)value);
}
static void on_negint32(void *context, uint32_t value)
{
	put_integer(context, -1 - (int64_t)value);
}
static void on_negint64(void *context, uint64_t value)
{
	if (value > INT64_MAX)
		put_wide(context, -1.0 - (double)value);
	else
		put_integer(context, -1 - (int64_t)value);
}
static void on_float(void *context, float value)
{
	put_real(context, (double)value);
}
static void on_double(void *context, double value)
{
	put_real(context, value);
}
static void on_bool(void *context, bool value)
{
	put_scalar(context, json_boolean(value), KIND_OTHER);
}
static void on_null(void *context)
{
	put_scalar(context, json_null(), KIND_OTHER);
}

/* jansson refuses what is not UTF-8, and says NULL to that as to lack of memory; unchecked it can
 * only lack memory. A NUL inside would cut a text short. */
static void on_text(void *context, cbor_data data, size_t size)
{
	struct reader *reader = context;
	json_t *value, *unchecked;

	if (memchr(data, 0, size)) {
		reader->fault = CBOR_FAULT_TEXT;
		return;
	}
	value = json_stringn((const char *)data, size);
	if (value) {
		put_scalar(reader, value, KIND_TEXT);
		return;
	}
	unchecked = json_stringn_nocheck((const char *)data, size);
	if (unchecked)
		reader->fault = CBOR_FAULT_TEXT;
	else
		reader->error = -ENOMEM;
	json_decref(unchecked);
}

static void on_bytes(void *context, cbor_data data, size_t size)
{
	CLEANUP(cleanup_free) char *text = base64url_encode(span_of(data, size));

	put_scalar(context, text ? json_string(text) : NULL, KIND_BYTES);
}

static void on_array(void *context, size_t items)
{
	struct reader *reader = context;

	if (reader->fraction == FRACTION_ARRAY && items == 2)
		reader->fraction = FRACTION_EXPONENT;
	else
		open_container(reader, json_array(), items, false);
}
static void on_map(void *context, size_t pairs)
{
	open_container(context, json_object(),
		pairs > UINT32_MAX ? UINT64_MAX : 2 * (uint64_t)pairs, false);
}
static void on_refused(void *context)
{
	struct reader *reader = context;

	reader->fault = CBOR_FAULT_REFUSED;
}
static void on_endless(struct reader *reader, json_t *value)
{
	if (reader->rules->liberal) {
		open_container(reader, value, 0, true);
	} else {
		json_decref(value);
		on_refused(reader);
	}
}
static void on_endless_array(void *context)
{
	on_endless(context, json_array());
}
static void on_endless_map(void *context)
{
	on_endless(context, json_object());
}
static void on_break(void *context)
{
	struct reader *reader = context;
	struct open_container *top = top_of(reader);

	if (reader->fraction != FRACTION_NONE || !top || !top->indefinite || top->key) {
		reader->fault = CBOR_FAULT_BROKEN;
		return;
	}
	reader->depth--;
	close_full(reader);
}
static void on_tag(void *context, uint64_t tag)
{
	struct reader *reader = context;

	if (tag == TAG_DECIMAL_FRACTION && reader->rules->liberal &&
		reader->fraction == FRACTION_NONE)
		reader->fraction = FRACTION_ARRAY;
	else if (!reader->rules->lenient)
		on_refused(reader);
}
static void on_undefined(void *context)
{
	struct reader *reader = context;

	if (reader->rules->lenient)
		on_null(reader);
	else
		on_refused(reader);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string_start = on_refused,
	.byte_string = on_bytes,
	.string = on_text,
	.string_start = on_refused,
	.indef_array_start = on_endless_array,
	.array_start = on_array,
	.indef_map_start = on_endless_map,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_undefined,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

static void value_unrefp(json_t **value)
{
	json_decref(*value);
}

static void clear(struct reader *reader)
{
	for (unsigned i = 0; i < CBOR_READ_DEPTH_MAX; i++)
		free(reader->open[i].key);
	json_decref(reader->root);
}

/* Reads the one item with all that is inside it. Returns how many bytes it has. */
static size_t walk(struct reader *reader, struct span cbor)
{
	size_t at = 0;

	do {
		struct cbor_decoder_result result;

		reader->left = cbor.size - at;
		if (reader->left == 0) {
			reader->fault = CBOR_FAULT_BROKEN;
			break;
		}
		result = cbor_stream_decode(cbor.data + at, reader->left, &callbacks, reader);
		if (result.status != CBOR_DECODER_FINISHED)
			reader->fault = CBOR_FAULT_BROKEN;
		at += result.read;
	} while (!has_failed(reader) && (reader->depth || reader->fraction != FRACTION_NONE));
	return at;
}

int cbor_to_json_by(struct span cbor, const struct cbor_rules *rules, json_t **ret_value,
	enum cbor_fault *ret_fault)
{
	CLEANUP(clear) struct reader reader = {.rules = rules};
	size_t size = walk(&reader, cbor);

	if (reader.error < 0)
		return reader.error;
	if (reader.fault == CBOR_FAULT_NONE && size != cbor.size)
		reader.fault = CBOR_FAULT_BROKEN;
	if (reader.fault == CBOR_FAULT_NONE)
		*ret_value = STEAL(reader.root);
	*ret_fault = reader.fault;
	return 0;
}

static int read_by(struct span cbor, const struct cbor_rules *rules, json_t **ret_value)
{
	enum cbor_fault fault;
	int r = cbor_to_json_by(cbor, rules, ret_value, &fault);

	if (r < 0)
		return r;
	return fault == CBOR_FAULT_NONE ? 0 : -EBADMSG;
}

int cbor_to_json(struct span cbor, json_t **ret_value)
{
	return read_by(cbor, &strict_rules, ret_value);
}

int cbor_map_to_json(struct span cbor, json_t **ret_map)
{
	CLEANUP(value_unrefp) json_t *value = NULL;
	int r = read_by(cbor, &map_rules, &value);

	if (r < 0)
		return r;
	if (!json_is_object(value))
		return -EBADMSG;
	*ret_map = STEAL(value);
	return 0;
}
