/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CBOR to JSON with libcbor's streaming decoder: it allocates nothing by a claimed length
 * (cbor_load was measured to reserve 4 GB for 6 bytes). A stack of open containers of fixed depth;
 * a container that claims more items than there can be bytes is refused before it is opened.
 */

#include "drivers/device/cbor-json.h"

#include <cbor.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define DEPTH_MAX 4
#define ITEMS_MAX 256

struct open_container {
	json_t *value; /* borrowed: its parent, or 'root', holds it */
	uint64_t left; /* items still to come; a pair counts as two */
	char *key;     /* map: the key that waits for its value */
};

struct reader {
	struct open_container open[DEPTH_MAX];
	unsigned depth;
	unsigned items;
	json_t *root;
	size_t left; /* bytes behind the present item's head */
	int error;
};

static void fail(struct reader *reader, int error)
{
	if (!reader->error)
		reader->error = error;
}

static void close_full(struct reader *reader)
{
	while (reader->depth && reader->open[reader->depth - 1].left == 0)
		reader->depth--;
}

/* Puts a value where it belongs; takes the reference. */
static void put(struct reader *reader, json_t *value, bool is_text)
{
	struct open_container *top = reader->depth ? &reader->open[reader->depth - 1] : NULL;

	if (!value) {
		fail(reader, -ENOMEM);
		return;
	}
	if (++reader->items > ITEMS_MAX || (top ? top->left == 0 : reader->root != NULL)) {
		json_decref(value);
		fail(reader, -EBADMSG);
		return;
	}
	if (!top) {
		reader->root = value;
		return;
	}
	top->left--;
	if (json_is_array(top->value)) {
		if (json_array_append_new(top->value, value) < 0)
			fail(reader, -ENOMEM);
	} else if (!top->key) {
		/* A key: text, and not there already. */
		if (!is_text || json_object_get(top->value, json_string_value(value)))
			fail(reader, -EBADMSG);
		else if (!(top->key = strdup(json_string_value(value))))
			fail(reader, -ENOMEM);
		json_decref(value);
	} else {
		if (json_object_set_new(top->value, top->key, value) < 0)
			fail(reader, -ENOMEM);
		free(top->key);
		top->key = NULL;
	}
}

static void put_scalar(struct reader *reader, json_t *value, bool is_text)
{
	put(reader, value, is_text);
	if (!reader->error)
		close_full(reader);
}

static void open_container(struct reader *reader, json_t *value, uint64_t items)
{
	if (reader->depth == DEPTH_MAX || items > reader->left || items > ITEMS_MAX) {
		json_decref(value);
		fail(reader, -EBADMSG);
		return;
	}
	put(reader, value, false);
	if (reader->error)
		return;
	reader->open[reader->depth++] = (struct open_container){.value = value, .left = items};
	close_full(reader);
}

static void on_uint8(void *context, uint8_t value)
{
	put_scalar(context, json_integer(value), false);
}
static void on_uint16(void *context, uint16_t value)
{
	put_scalar(context, json_integer(value), false);
}
static void on_uint32(void *context, uint32_t value)
{
	put_scalar(context, json_integer(value), false);
}
static void on_uint64(void *context, uint64_t value)
{
	if (value > INT64_MAX)
		fail(context, -EBADMSG);
	else
		put_scalar(context, json_integer((json_int_t)value), false);
}
static void on_negint8(void *context, uint8_t value)
{
	put_scalar(context, json_integer(-1 - (json_int_t)value), false);
}
static void on_negint16(void *context, uint16_t value)
{
	put_scalar(context, json_integer(-1 - (json_int_t)value), false);
}
static void on_negint32(void *context, uint32_t value)
{
	put_scalar(context, json_integer(-1 - (json_int_t)value), false);
}
static void on_negint64(void *context, uint64_t value)
{
	if (value >= INT64_MAX)
		fail(context, -EBADMSG);
	else
		put_scalar(context, json_integer(-1 - (json_int_t)value), false);
}
static void on_float(void *context, float value)
{
	if (!isfinite(value))
		fail(context, -EBADMSG);
	else
		put_scalar(context, json_real((double)value), false);
}
static void on_double(void *context, double value)
{
	if (!isfinite(value))
		fail(context, -EBADMSG);
	else
		put_scalar(context, json_real(value), false);
}
static void on_bool(void *context, bool value)
{
	put_scalar(context, json_boolean(value), false);
}
static void on_null(void *context)
{
	put_scalar(context, json_null(), false);
}

/* jansson refuses what is not UTF-8; a NUL inside would cut a key short. */
static void on_text(void *context, cbor_data data, size_t size)
{
	json_t *value = memchr(data, 0, size) ? NULL : json_stringn((const char *)data, size);

	if (!value)
		fail(context, -EBADMSG);
	else
		put_scalar(context, value, true);
}

static void on_bytes(void *context, cbor_data data, size_t size)
{
	char *text = base64url_encode(span_of(data, size));

	put_scalar(context, text ? json_string(text) : NULL, false);
	free(text);
}

static void on_array(void *context, size_t items)
{
	open_container(context, json_array(), items);
}
static void on_map(void *context, size_t pairs)
{
	open_container(
		context, json_object(), pairs > ITEMS_MAX ? UINT64_MAX : 2 * (uint64_t)pairs);
}
static void on_refused(void *context)
{
	fail(context, -EBADMSG);
}
static void on_tag(void *context, uint64_t tag)
{
	fail(context, -EBADMSG);
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
	.indef_array_start = on_refused,
	.array_start = on_array,
	.indef_map_start = on_refused,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_refused,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_refused,
};

static void clear(struct reader *reader)
{
	unsigned i;

	for (i = 0; i < DEPTH_MAX; i++)
		free(reader->open[i].key);
	json_decref(reader->root);
}

int cbor_to_json(struct span cbor, json_t **ret_value)
{
	CLEANUP(clear) struct reader reader = {0};
	size_t at = 0;

	do {
		struct cbor_decoder_result result;

		reader.left = cbor.size - at;
		if (!reader.left)
			return -EBADMSG;
		result = cbor_stream_decode(cbor.data + at, cbor.size - at, &callbacks, &reader);
		if (reader.error)
			return reader.error;
		if (result.status != CBOR_DECODER_FINISHED)
			return -EBADMSG;
		at += result.read;
	} while (reader.depth);
	if (at != cbor.size)
		return -EBADMSG;
	*ret_value = STEAL(reader.root);
	return 0;
}
