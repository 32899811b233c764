/* SPDX-License-Identifier: Apache-2.0 */

/*
 * As much of JSON Schema as the document uses: type (one or several), properties, required,
 * additionalProperties (false or a schema), items, enum, minimum, $ref. A keyword that is not known
 * here fails the test, so that none is believed to be looked at.
 */

#include "described.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

static json_t *at(json_t *object, const char *path, char separator)
{
	const char between[] = {separator, '\0'};
	char key[64];

	while (object && *path) {
		size_t size = strcspn(path, between);

		snprintf(key, sizeof(key), "%.*s", (int)size, path);
		object = json_object_get(object, key);
		path += size;
		path += *path == separator;
	}
	return object;
}

static bool type_fits(const char *type, const json_t *value)
{
	if (!strcmp(type, "string"))
		return json_is_string(value);
	if (!strcmp(type, "integer"))
		return json_is_integer(value);
	if (!strcmp(type, "number"))
		return json_is_number(value);
	if (!strcmp(type, "boolean"))
		return json_is_boolean(value);
	if (!strcmp(type, "null"))
		return json_is_null(value);
	if (!strcmp(type, "array"))
		return json_is_array(value);
	if (!strcmp(type, "object"))
		return json_is_object(value);
	fail_msg("%s is no type", type);
	return false;
}

static bool types_fit(const json_t *type, const json_t *value)
{
	json_t *one;
	size_t i;

	if (json_is_string(type))
		return type_fits(json_string_value(type), value);
	json_array_foreach(type, i, one)
	{
		if (type_fits(json_string_value(one), value))
			return true;
	}
	return json_array_size(type) == 0;
}

static bool is_one_of(const json_t *list, const json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (json_equal(one, value))
			return true;
	}
	return false;
}

static void check(json_t *document, json_t *schema, json_t *value, const char *where);

static void check_object(json_t *document, json_t *schema, json_t *value, const char *where)
{
	json_t *known = json_object_get(schema, "properties"), *inner, *required;
	json_t *rest = json_object_get(schema, "additionalProperties");
	const char *key;
	char inside[256];
	size_t i;

	json_object_foreach(value, key, inner)
	{
		json_t *property = json_object_get(known, key);

		snprintf(inside, sizeof(inside), "%.180s.%.60s", where, key);
		if (!property && json_is_false(rest))
			fail_msg("%s is not described", inside);
		check(document, property ? property : rest, inner, inside);
	}
	json_array_foreach(json_object_get(schema, "required"), i, required)
	{
		if (json_is_object(value) && !json_object_get(value, json_string_value(required)))
			fail_msg("%s.%s is missing", where, json_string_value(required));
	}
}

static void check_keywords(const json_t *schema, const char *where)
{
	static const char *const known[] = {"type", "properties", "required",
		"additionalProperties", "items", "enum", "minimum", "description", "format",
		"maxLength", "writeOnly"};
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)schema, key, value)
	{
		size_t i = 0;

		while (i < ELEMENTS(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == ELEMENTS(known))
			fail_msg("%s: the keyword %s is not looked at", where, key);
	}
}

static void check(json_t *document, json_t *schema, json_t *value,
	const char *where) /* NOLINT(misc-no-recursion) */
{
	const char *reference = json_string_value(json_object_get(schema, "$ref"));
	const json_t *minimum, *words;
	json_t *inner;
	char inside[256];
	size_t i;

	if (reference)
		schema = at(document, reference + 2, '/');
	assert_non_null(schema);
	check_keywords(schema, where);
	minimum = json_object_get(schema, "minimum");
	words = json_object_get(schema, "enum");
	if (!types_fit(json_object_get(schema, "type"), value))
		fail_msg("%s is of another type", where);
	if (words && !is_one_of(words, value))
		fail_msg("%s is a word that is not described", where);
	if (minimum && json_is_integer(value) &&
		json_integer_value(value) < json_integer_value(minimum))
		fail_msg("%s is too small", where);
	check_object(document, schema, value, where);
	json_array_foreach(value, i, inner)
	{
		snprintf(inside, sizeof(inside), "%.200s[%zu]", where, i);
		check(document, json_object_get(schema, "items"), inner, inside);
	}
}

static json_t *load(void)
{
	const char *source = getenv("GATEHOUSE_SOURCE");
	char path[512];
	json_t *document;

	assert_non_null(source);
	snprintf(path, sizeof(path), "%s/docs/api/openapi.json", source);
	document = json_load_file(path, 0, NULL);
	assert_non_null(document);
	return document;
}

void described_check(const char *method, const char *path, int status, json_t *body)
{
	CLEANUP(cleanup_json) json_t *document = load();
	char argument[65], key[8] = "", where[160];
	bool known;
	const struct api_entry *entry =
		api_entry_find(method, path, argument, sizeof(argument), &known);
	json_t *operation, *answers, *schema;

	snprintf(where, sizeof(where), "%s %.100s", method, path);
	for (size_t i = 0; method[i] && i + 1 < sizeof(key); i++)
		key[i] = (char)tolower((unsigned char)method[i]);
	operation = entry ? json_object_get(json_object_get(json_object_get(document, "paths"),
						    entry->route.path),
				    key)
			  : NULL;
	answers = json_object_get(operation, "responses");
	schema = at(json_object_get(answers, "200"), "content|application/json|schema", '|');
	if (status >= 300)
		schema = at(document, "components|responses|Error|content|application/json|schema",
			'|');
	check(document, schema, body, where);
}
