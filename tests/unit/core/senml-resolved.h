/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Do two SenML packs in JSON say the same? Both are resolved as a consumer does it (RFC 8428
 * section 4.6), by other code than that which ships. */

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/span.h"

struct resolved {
	json_t *pack;
	json_t *base; /* the base fields in force */
};

/* A field of a record, its base field added or in its place. NULL: it has neither. New. */
static inline json_t *resolved_field(const json_t *record, const json_t *base, const char *key)
{
	char base_key[4] = {'b', key[0], key[1]};
	json_t *own = json_object_get(record, key), *from = json_object_get(base, base_key);

	if (!from || (strcmp(key, "v") == 0 && !own))
		return own ? json_incref(own) : NULL;
	if (!own)
		return json_incref(from);
	if (strcmp(key, "n") == 0)
		return json_sprintf("%s%s", json_string_value(from), json_string_value(own));
	if (strcmp(key, "u") == 0)
		return json_incref(own);
	if (json_is_integer(own) && json_is_integer(from))
		return json_integer(json_integer_value(own) + json_integer_value(from));
	return json_real(json_number_value(own) + json_number_value(from));
}

static inline bool resolved_same(json_t *one, json_t *other)
{
	if (json_is_number(one) && json_is_number(other))
		return json_number_value(one) == json_number_value(other);
	return one == other || json_equal(one, other);
}

static inline void resolved_bases(json_t *base, json_t *record)
{
	static const char *const keys[] = {"bn", "bt", "bu", "bv", "bs"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(record, keys[i]))
			json_object_set(base, keys[i], json_object_get(record, keys[i]));
}

static inline bool resolved_equal(struct span one, struct span other)
{
	static const char *const keys[] = {"n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"};
	struct resolved side[2];
	bool same;

	for (int i = 0; i < 2; i++) {
		struct span text = i ? other : one;

		side[i].pack = json_loadb(
			(const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
		side[i].base = json_object();
	}
	same = side[0].pack && side[1].pack &&
	       json_array_size(side[0].pack) == json_array_size(side[1].pack);
	for (size_t at = 0; same && at < json_array_size(side[0].pack); at++) {
		for (int i = 0; i < 2; i++)
			resolved_bases(side[i].base, json_array_get(side[i].pack, at));
		for (size_t k = 0; same && k < sizeof(keys) / sizeof(keys[0]); k++) {
			json_t *field[2];

			for (int i = 0; i < 2; i++)
				field[i] = resolved_field(
					json_array_get(side[i].pack, at), side[i].base, keys[k]);
			same = resolved_same(field[0], field[1]);
			json_decref(field[0]);
			json_decref(field[1]);
		}
	}
	for (int i = 0; i < 2; i++) {
		json_decref(side[i].pack);
		json_decref(side[i].base);
	}
	return same;
}
