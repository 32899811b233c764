/* SPDX-License-Identifier: Apache-2.0 */

/* The authority of the site on disk: sealed, replaced as a whole, loaded when there is one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/site-ca.h"
#include "fixture.h"
#include "loaded.h"

static void put(struct fixture *f, const char *identity)
{
	struct change *change = change_begin();

	assert_int_equal(change_put_secret(change, SITE_CA_SECRET, span_from_string(identity)), 0);
	assert_int_equal(fixture_save(f, change), 0);
}

/* Whether a file of the state directory holds the text. */
static bool is_in_clear(const struct fixture *f, const char *name, const char *text)
{
	char path[300], *bytes = malloc(1 << 20);
	FILE *file;
	size_t size;
	bool found;

	snprintf(path, sizeof(path), "%s/%s", f->state, name);
	file = fopen(path, "re");
	assert_non_null(bytes);
	size = file ? fread(bytes, 1, 1 << 20, file) : 0;
	found = size && memmem(bytes, size, text, strlen(text));
	if (file)
		fclose(file);
	free(bytes);
	return found;
}

static void test_put_and_load(void **state)
{
	struct loaded loaded = {0};
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	reload(&f, &loaded);
	assert_string_equal(loaded.site_ca, "");
	fixture_start(&f);
	put(&f, "canary-identity-1");
	put(&f, "canary-identity-2");
	reload(&f, &loaded);
	assert_string_equal(loaded.site_ca, "canary-identity-2");
	assert_false(is_in_clear(&f, "control.db", "canary-identity"));
	assert_false(is_in_clear(&f, "control.db-wal", "canary-identity"));
	loaded_done(&loaded);
	fixture_done(&f);
}

/* A name that is too long is none, and the change goes on without it. */
static void test_names(void **state)
{
	struct change *change = change_begin();

	assert_int_equal(
		change_put_secret(change, "a-name-of-more-than-32-characters", SPAN_LITERAL("x")),
		-EMSGSIZE);
	assert_null(change->first);
	assert_int_equal(
		change_put_secret(change, "a-name-of-more-than-32-character", SPAN_LITERAL("x")),
		0);
	assert_non_null(change->first);
	change_free(change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_load),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
