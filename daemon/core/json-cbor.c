/* SPDX-License-Identifier: Apache-2.0 */

/* Bounded by the depth that is asked first; what does not fit is found while it is written. */

#include "core/json-cbor.h"

#include <cbor.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/cbor-json.h"

struct writer {
	uint8_t *at;
	size_t left;
	bool full;
};

static unsigned deepest(unsigned depth, unsigned of_member)
{
	return of_member + 1 > depth ? of_member + 1 : depth;
}

unsigned json_depth(const json_t *value, unsigned max)
{
	unsigned depth = json_is_array(value) || json_is_object(value);
	const char *key;
	json_t *member;
	size_t i;

	if (!depth || !max)
		return depth;
	json_array_foreach(value, i, member)
	{
		depth = deepest(depth, json_depth(member, max - 1));
	}
	/* jansson's macro wants a map that may be changed; it changes nothing. */
	json_object_foreach((json_t *)value, key, member)
	{
		depth = deepest(depth, json_depth(member, max - 1));
	}
	return depth;
}

/* libcbor answers 0 when it had no room. */
static void wrote(struct writer *writer, size_t size)
{
	if (!size)
		writer->full = true;
	writer->at += size;
	writer->left -= size;
}

static void write_text(struct writer *writer, const char *text, size_t size)
{
	wrote(writer, cbor_encode_string_start(size, writer->at, writer->left));
	if (writer->full || writer->left < size) {
		writer->full = true;
		return;
	}
	memcpy(writer->at, text, size);
	writer->at += size;
	writer->left -= size;
}

static void write_integer(struct writer *writer, json_int_t number)
{
	if (number >= 0)
		wrote(writer, cbor_encode_uint((uint64_t)number, writer->at, writer->left));
	else
		wrote(writer,
			cbor_encode_negint((uint64_t)(-1 - number), writer->at, writer->left));
}

static void write_real(struct writer *writer, double number)
{
	float narrow = (float)number;

	if ((double)narrow == number)
		wrote(writer, cbor_encode_single(narrow, writer->at, writer->left));
	else
		wrote(writer, cbor_encode_double(number, writer->at, writer->left));
}

static void write_value(struct writer *writer, const json_t *value);

static void write_array(struct writer *writer, const json_t *array)
{
	json_t *member;
	size_t i;

	wrote(writer, cbor_encode_array_start(json_array_size(array), writer->at, writer->left));
	json_array_foreach(array, i, member)
	{
		if (!writer->full)
			write_value(writer, member);
	}
}

static void write_map(struct writer *writer, const json_t *map)
{
	const char *key;
	json_t *member;

	wrote(writer, cbor_encode_map_start(json_object_size(map), writer->at, writer->left));
	json_object_foreach((json_t *)map, key, member)
	{
		if (!writer->full)
			write_text(writer, key, strlen(key));
		if (!writer->full)
			write_value(writer, member);
	}
}

static void write_value(struct writer *writer, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		write_map(writer, value);
		break;
	case JSON_ARRAY:
		write_array(writer, value);
		break;
	case JSON_STRING:
		write_text(writer, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		write_integer(writer, json_integer_value(value));
		break;
	case JSON_REAL:
		write_real(writer, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		wrote(writer, cbor_encode_bool(json_is_true(value), writer->at, writer->left));
		break;
	case JSON_NULL:
		wrote(writer, cbor_encode_null(writer->at, writer->left));
		break;
	}
}

int json_to_cbor(const json_t *value, uint8_t *ret_cbor, size_t capacity, size_t *ret_size)
{
	struct writer writer = {.at = ret_cbor, .left = capacity};

	if (json_depth(value, CBOR_JSON_DEPTH_MAX) > CBOR_JSON_DEPTH_MAX)
		return -EINVAL;
	write_value(&writer, value);
	if (writer.full)
		return -EMSGSIZE;
	*ret_size = capacity - writer.left;
	return 0;
}
