/* SPDX-License-Identifier: Apache-2.0 */
/* Forms: good ones, broken ones, and every truncation of one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/form.h"

static int parse(const char *text, struct form **ret)
{
	return form_parse(span_from_string(text), ret);
}

static void test_fields(void **state)
{
	struct form *form = NULL;

	assert_int_equal(
		parse("name=Pump+2&place=Hall%20B%2C+n%C3%B6rdlich&empty=&flag", &form), 0);
	assert_int_equal(form_count(form), 4);
	assert_string_equal(form_value(form, "name"), "Pump 2");
	assert_string_equal(form_value(form, "place"), "Hall B, n\xc3\xb6rdlich");
	assert_string_equal(form_value(form, "empty"), "");
	assert_string_equal(form_value(form, "flag"), "");
	assert_null(form_value(form, "nam"));
	assert_null(form_value(NULL, "name"));
	form_free(form);
}

static void test_separators(void **state)
{
	struct form *form = NULL;

	assert_int_equal(parse("&&a=1&&b=x=y&", &form), 0);
	assert_int_equal(form_count(form), 2);
	assert_string_equal(form_value(form, "a"), "1");
	assert_string_equal(form_value(form, "b"), "x=y");
	form_free(form);
	assert_int_equal(parse("", &form), 0);
	assert_int_equal(form_count(form), 0);
	form_free(form);
	assert_int_equal(parse("a%3D=%26", &form), 0);
	assert_string_equal(form_value(form, "a="), "&");
	assert_null(form_free(form));
	assert_null(form_free(NULL));
}

/* One field alone may have several lines, and nothing else that is no text. */
static void test_lines(void **state)
{
	struct form *form = NULL;

	assert_int_equal(parse("lines=a%2Cb%0D%0Ac%0A%0Ad&x=1", &form), 0);
	assert_string_equal(form_value(form, "lines"), "a,b\r\nc\n\nd");
	form_free(form);
	assert_int_equal(parse("%6Cines=a%0Ab", &form), 0);
	form_free(form);
	assert_int_equal(parse("lines=a%0Db", &form), -EINVAL);
	assert_int_equal(parse("lines=a%0A%00b", &form), -EINVAL);
	assert_int_equal(parse("lines=a%0A%1b[0m", &form), -EINVAL);
	assert_int_equal(parse("lines%0A=a", &form), -EINVAL);
	assert_int_equal(parse("line=a%0Ab", &form), -EINVAL);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"a=%",
		"a=%4",
		"a=%zz",
		"a=%4g",
		"a=1&b=%",
		"%=1",
		"a=%00",
		"a%00b=1",
		"a=%0A",
		"a=%1b[0m",
		"a=%ff",
		"a=%C3",
		"a=%C3%28",
		"a=%ED%A0%80",
		"a=%E2%80%AE",
		"a=1&a=2",
		"a=1&%61=2",
		"=&=",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct form *form = (struct form *)0x1;

		if (parse(texts[i], &form) != -EINVAL)
			fail_msg("%s", texts[i]);
		assert_ptr_equal(form, (struct form *)0x1);
	}
}

static void test_nul_and_many(void **state)
{
	char text[FORM_FIELDS_MAX * 8 + 16] = "";
	struct form *form = NULL;

	assert_int_equal(form_parse(span_of("a=b\0c", 5), &form), -EINVAL);
	for (int i = 0; i < FORM_FIELDS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "f%d=1&", i);
	assert_int_equal(parse(text, &form), 0);
	assert_int_equal(form_count(form), FORM_FIELDS_MAX);
	form_free(form);
	strcat(text, "one-more");
	assert_int_equal(parse(text, &form), -E2BIG);
}

/* What is not named is gone, and wiped; the others stand in their order. */
static void test_keep(void **state)
{
	static const char *const names[] = {"c", "a", NULL};
	const char *name, *value, *secret;
	struct form *form = NULL;

	assert_int_equal(parse("a=1&secret=canary&b=2&c=x%0Ay", &form), -EINVAL);
	assert_int_equal(parse("a=1&secret=canary&b=2&c=x+y", &form), 0);
	secret = form_value(form, "secret");
	form_keep(form, names);
	assert_int_equal(secret[0], 0);
	assert_int_equal(form_count(form), 2);
	assert_null(form_value(form, "secret"));
	assert_true(form_field(form, 0, &name, &value));
	assert_string_equal(name, "a");
	assert_true(form_field(form, 1, &name, &value));
	assert_string_equal(name, "c");
	assert_string_equal(value, "x y");
	assert_false(form_field(form, 2, &name, &value));
	form_free(form);
	form_keep(NULL, names);
	assert_false(form_field(NULL, 0, &name, &value));
}

/* At the end of an allocation, where a byte too far is seen. */
static void test_truncations(void **state)
{
	static const char whole[] = "name=P%20%C3%BC+x&code=BCDF-GHJK&password=a%25b";
	unsigned good = 0;

	for (size_t size = 0; size < sizeof(whole); size++) {
		uint8_t *text = malloc(size ? size : 1);
		struct form *form = NULL;

		memcpy(text, whole, size);
		if (form_parse(span_of(text, size), &form) == 0) {
			good++;
			form_free(form);
		}
		free(text);
	}
	assert_true(good > 20 && good < sizeof(whole) - 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_separators),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nul_and_many),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_truncations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
