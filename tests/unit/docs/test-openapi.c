/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The description of the local API (docs/api/openapi.json) against the table of routes: each route
 * with its method, role, parameters and body, nothing missing and nothing else; each word that an
 * answer may hold; no reference into the void. What follows from tables is compared with what the
 * tables give, and "test-openapi --write" (with GATEHOUSE_SOURCE) puts it into the file after a
 * table was changed; what an answer looks like is written by hand there, and test-api holds real
 * answers against it.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/cleanup.h"

#define DUMP (JSON_INDENT(2) | JSON_ENSURE_ASCII)

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

static const char prefix[] = "/api/v1";

static const char *document_path(void)
{
	static char full[512];
	const char *source = getenv("GATEHOUSE_SOURCE");

	assert_non_null(source);
	snprintf(full, sizeof(full), "%s/docs/api/openapi.json", source);
	return full;
}

static json_t *load(void)
{
	json_error_t error;
	json_t *document = json_load_file(document_path(), JSON_REJECT_DUPLICATES, &error);

	if (!document)
		fail_msg("%s:%d: %s", document_path(), error.line, error.text);
	return document;
}

static json_t *at(json_t *object, const char *path)
{
	char key[64];

	for (; object && *path; path += strspn(path, "|")) {
		size_t size = strcspn(path, "|");

		snprintf(key, sizeof(key), "%.*s", (int)size, path);
		object = json_object_get(object, key);
		path += size;
	}
	return object;
}

/* ---- what follows from the table of routes ---- */

static void method_key(const struct api_route *route, char ret_key[8])
{
	size_t i = 0;

	for (; route->method[i] && i < 7; i++)
		ret_key[i] = (char)tolower((unsigned char)route->method[i]);
	ret_key[i] = '\0';
}

static const char *role_word(enum role role)
{
	return role == ROLE_NONE ? "nobody" : role_to_string(role);
}

/* The entry of an array of parameters with this name and place. */
static json_t *find_parameter(json_t *list, const char *name, const char *place)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (!strcmp(json_string_value(json_object_get(one, "name")), name) &&
			!strcmp(json_string_value(json_object_get(one, "in")), place))
			return one;
	}
	return NULL;
}

static void add_parameter(json_t *list, json_t *old, const char *name, const char *place)
{
	json_t *known = find_parameter(old, name, place);

	if (known) {
		json_array_append(list, known);
		return;
	}
	known = json_pack(
		"{s:s,s:s,s:{s:s}}", "name", name, "in", place, "schema", "type", "string");
	if (!strcmp(place, "path"))
		json_object_set_new(known, "required", json_true());
	json_array_append_new(list, known);
}

static json_t *wanted_parameters(const struct api_route *route, json_t *old)
{
	const char *open = strchr(route->path, '{');
	json_t *list = json_array();
	char name[64];

	if (open) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(open + 1, "}"), open + 1);
		add_parameter(list, old, name, "path");
	}
	for (const char *word = route->query; word && *word; word += strspn(word, " ")) {
		size_t size = strcspn(word, " ");

		snprintf(name, sizeof(name), "%.*s", (int)size, word);
		add_parameter(list, old, name, "query");
		word += size;
	}
	return list;
}

static json_t *wanted_keys(const struct api_route *route, const json_t *old)
{
	json_t *keys = json_object();
	char name[64];

	for (const char *word = route->body; word && *word; word += strspn(word, " ")) {
		size_t size = strcspn(word, " ");
		json_t *known;

		snprintf(name, sizeof(name), "%.*s", (int)size, word);
		known = json_object_get(old, name);
		json_object_set_new(keys, name,
			known ? json_incref(known) : json_pack("{s:s}", "type", "string"));
		word += size;
	}
	return keys;
}

static void set_body(const struct api_route *route, json_t *operation)
{
	json_t *schema = at(operation, "requestBody|content|application/json|schema");

	if (!route->body || !route->body[0]) {
		json_object_del(operation, "requestBody");
		return;
	}
	if (!schema) {
		json_object_set_new(operation, "requestBody",
			json_pack("{s:b,s:{s:{s:{s:s,s:{},s:b}}}}", "required", false, "content",
				"application/json", "schema", "type", "object", "properties",
				"additionalProperties", false));
		schema = at(operation, "requestBody|content|application/json|schema");
	}
	json_object_set_new(
		schema, "properties", wanted_keys(route, json_object_get(schema, "properties")));
}

static void set_flag(json_t *operation, const char *key, bool value)
{
	if (value)
		json_object_set_new(operation, key, json_true());
	else
		json_object_del(operation, key);
}

static void set_id(const struct api_route *route, json_t *operation)
{
	char id[128], key[8];
	size_t used;

	method_key(route, key);
	used = (size_t)snprintf(id, sizeof(id), "%s", key);
	for (const char *from = route->path + strlen(prefix); *from; from++)
		if (*from != '{' && *from != '}' && used + 1 < sizeof(id))
			id[used++] = *from == '/' ? '-' : *from;
	id[used] = '\0';
	json_object_set_new(operation, "operationId", json_string(id));
}

/* 'old' (NULL = there is none yet) with what the table says of it. */
static json_t *wanted_operation(const struct api_route *route, const json_t *old)
{
	json_t *operation = old ? json_deep_copy(old) : json_object();
	json_t *parameters = wanted_parameters(route, json_object_get(operation, "parameters"));

	set_id(route, operation);
	json_object_set_new(operation, "summary", json_string(route->text));
	json_object_set_new(operation, "x-role", json_string(role_word(route->role)));
	set_flag(operation, "x-local-root", route->local_root);
	set_flag(operation, "x-fresh-password", route->fresh_password);
	if (json_array_size(parameters))
		json_object_set(operation, "parameters", parameters);
	else
		json_object_del(operation, "parameters");
	json_decref(parameters);
	set_body(route, operation);
	if (!json_object_get(operation, "responses"))
		json_object_set_new(operation, "responses",
			json_pack("{s:{s:s,s:{s:{s:{s:s}}}},s:{s:s}}", "200", "description",
				"It is done, and on disk.", "content", "application/json", "schema",
				"$ref", "#/components/schemas/Done", "default", "$ref",
				"#/components/responses/Error"));
	return operation;
}

/* In the order of the table. */
static json_t *wanted_paths(json_t *old)
{
	json_t *paths = json_object();
	const struct api_route *route;
	char key[8];

	for (size_t i = 0; (route = api_route_at(i)); i++) {
		json_t *methods = json_object_get(paths, route->path);

		if (!methods) {
			methods = json_object();
			json_object_set_new(paths, route->path, methods);
		}
		method_key(route, key);
		json_object_set_new(methods, key,
			wanted_operation(
				route, json_object_get(json_object_get(old, route->path), key)));
	}
	return paths;
}

/* ---- words ---- */

#define WORDS(name, end, function, type)                          \
	static const char *name(unsigned i)                       \
	{                                                         \
		return i < (end) ? function((enum type)i) : NULL; \
	}
WORDS(stage_at, STAGES, device_stage_to_string, device_stage)
WORDS(word_at, DEVICE_WORDS, device_word_to_string, device_word)
WORDS(trust_at, TRUSTS, trust_to_string, trust)
WORDS(found_at, FOUNDS, found_by_to_string, found_by)
WORDS(evidence_at, EVIDENCES, evidence_to_string, evidence)
WORDS(link_at, LINK_STATES, link_state_to_string, link_state)
WORDS(operation_at, OPERATION_STATES, operation_state_to_string, operation_state)
WORDS(credential_at, CREDENTIAL_STATES, credential_state_to_string, credential_state)
WORDS(away_at, AWAYS, turned_away_to_string, turned_away)

static const char *alarm_at(unsigned i)
{
	return i < ALARMS ? alarm_row((enum alarm_kind)i)->id : NULL;
}

static const char *role_at(unsigned i)
{
	return i + 1 < ROLES ? role_to_string((enum role)(i + 1)) : NULL;
}

static const struct {
	const char *schema;
	const char *(*word)(unsigned i);
} words[] = {{"Stage", stage_at}, {"DeviceState", word_at}, {"Trust", trust_at},
	{"FoundBy", found_at}, {"Evidence", evidence_at}, {"LinkState", link_at},
	{"OperationState", operation_at}, {"CredentialState", credential_at},
	{"TurnedAway", away_at}, {"AlarmId", alarm_at}, {"Role", role_at}};

static void set_words(json_t *document)
{
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		json_t *schema =
			json_object_get(at(document, "components|schemas"), words[i].schema);
		json_t *list = json_array();
		const char *word;

		assert_non_null(schema);
		for (unsigned j = 0; (word = words[i].word(j)); j++)
			json_array_append_new(list, json_string(word));
		json_object_set_new(schema, "enum", list);
	}
}

static json_t *wanted_document(json_t *document)
{
	json_t *wanted = json_deep_copy(document);

	json_object_set_new(wanted, "paths", wanted_paths(at(document, "paths")));
	set_words(wanted);
	return wanted;
}

/* ---- the tests ---- */

#define SAY_HOW "; \"test-openapi --write\" puts in what follows from the tables"

static void test_it_follows_the_tables(void **state)
{
	CLEANUP(cleanup_json) json_t *document = load();
	CLEANUP(cleanup_json) json_t *wanted = wanted_document(document);
	const char *path, *method;
	json_t *methods, *operation;

	json_object_foreach(at(wanted, "paths"), path, methods)
	{
		json_object_foreach(methods, method, operation)
		{
			json_t *old = json_object_get(
				json_object_get(at(document, "paths"), path), method);

			if (!json_equal(old, operation))
				fail_msg("%s %s is not described as it is" SAY_HOW, method, path);
		}
	}
	json_object_foreach(at(document, "paths"), path, methods)
	{
		json_object_foreach(methods, method, operation)
		{
			if (!json_object_get(json_object_get(at(wanted, "paths"), path), method))
				fail_msg("there is no %s %s" SAY_HOW, method, path);
		}
	}
	if (!json_equal(document, wanted))
		fail_msg("a list of words is not as the tables have it" SAY_HOW);
}

static void look_at_references(json_t *document, json_t *value) /* NOLINT(misc-no-recursion) */
{
	const char *key;
	json_t *inner;
	size_t i;

	json_array_foreach(value, i, inner) look_at_references(document, inner);
	json_object_foreach(value, key, inner)
	{
		char path[128];

		look_at_references(document, inner);
		if (strcmp(key, "$ref") != 0)
			continue;
		assert_int_equal(strncmp(json_string_value(inner), "#/", 2), 0);
		snprintf(path, sizeof(path), "%s", json_string_value(inner) + 2);
		for (char *slash = path; (slash = strchr(slash, '/'));)
			*slash = '|';
		if (!at(document, path))
			fail_msg("%s leads nowhere", json_string_value(inner));
	}
}

static void test_references_lead_somewhere(void **state)
{
	CLEANUP(cleanup_json) json_t *document = load();

	look_at_references(document, document);
}

/* Whatever else is in a schema is not enforced by anybody who reads it. */
static void look_at_objects(json_t *value, const char *where) /* NOLINT(misc-no-recursion) */
{
	const char *type = json_string_value(json_object_get(value, "type")), *key;
	json_t *inner;
	size_t i;

	if (type && !strcmp(type, "object") && !json_object_get(value, "additionalProperties"))
		fail_msg("an object in %s does not say what else may be in it", where);
	json_array_foreach(value, i, inner) look_at_objects(inner, where);
	json_object_foreach(value, key, inner) look_at_objects(inner, where);
}

static void test_objects_are_closed(void **state)
{
	CLEANUP(cleanup_json) json_t *document = load();
	const char *name;
	json_t *schema;

	assert_string_equal(json_string_value(at(document, "openapi")), "3.1.0");
	json_object_foreach(at(document, "components|schemas"), name, schema)
		look_at_objects(schema, name);
	json_object_foreach(at(document, "paths"), name, schema) look_at_objects(schema, name);
}

/* Whoever changes it with a program changes nothing else. */
static void test_its_text_is_canonical(void **state)
{
	CLEANUP(cleanup_json) json_t *document = load();
	char *wanted = json_dumps(document, DUMP), *text = calloc(1, 1 << 20);
	FILE *file = fopen(document_path(), "r");
	size_t size;

	assert_non_null(file);
	assert_non_null(text);
	size = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	assert_int_equal(size, strlen(wanted) + 1);
	assert_memory_equal(text, wanted, strlen(wanted));
	assert_int_equal(text[size - 1], '\n');
	free(wanted);
	free(text);
}

static int write_document(void)
{
	CLEANUP(cleanup_json) json_t *document = load();
	CLEANUP(cleanup_json) json_t *wanted = wanted_document(document);
	FILE *file = fopen(document_path(), "w");

	if (!file || json_dumpf(wanted, file, DUMP) < 0 || fputc('\n', file) == EOF)
		return 1;
	return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_follows_the_tables),
		cmocka_unit_test(test_references_lead_somewhere),
		cmocka_unit_test(test_objects_are_closed),
		cmocka_unit_test(test_its_text_is_canonical),
	};

	if (argc == 2 && !strcmp(argv[1], "--write"))
		return write_document();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
