/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/device/sources.h"

static const struct device_link LINKS[] = {
	{"/temperature", "ucum.Cel", "core.s", 0, false},
	{"/humidity", "", "", 50, true},
	{"/switch", "core.a", "core.a", 0, false},
	{"/shown", "gatehouse.display", "core.s", 0, true},
	{"/.well-known/other", "", "core.s", 0, false},
};

static struct device_links found_in(size_t count)
{
	struct device_links found = {.status_format = FORMAT_CBOR};

	sources_from_links(
		&(const struct device_question){.links = LINKS, .count = count, .ep = "one"},
		&found);
	return found;
}

static void test_which_links_are_read(void **state)
{
	struct device_links found = found_in(ELEMENTS(LINKS));

	assert_int_equal(found.source_count, 2);
	assert_string_equal(found.source[0].path, "/temperature");
	assert_string_equal(found.source[0].name, "temperature");
	assert_int_equal(found.source[0].format, 0);
	assert_false(found.source[0].observe);
	assert_string_equal(found.source[1].path, "/humidity");
	assert_true(found.source[1].observe);
	/* One that enrols itself has none. */
	found = (struct device_links){0};
	sources_from_links(&(const struct device_question){.ep = "one"}, &found);
	assert_int_equal(found.source_count, 0);
}

static void test_words(void **state)
{
	assert_true(link_has_word("core.s", "core.s"));
	assert_true(link_has_word("a core.s b", "core.s"));
	assert_false(link_has_word("core.sx", "core.s"));
	assert_false(link_has_word("xcore.s", "core.s"));
	assert_false(link_has_word("", "core.s"));
}

static void test_no_more_than_there_are_places(void **state)
{
	const struct profile_read read = {.path = "/a", .format = 0};
	struct device_links found = {0};
	unsigned i;

	for (i = 0; i < SOURCES_MAX; i++)
		assert_true(source_add(&found, &read, false));
	assert_false(source_add(&found, &read, false));
	assert_int_equal(found.source_count, SOURCES_MAX);
}

static void test_plan(void **state)
{
	struct device_links found = found_in(2);
	struct device_request request;

	assert_int_equal(source_plan(&found, 1, &request), 0);
	assert_string_equal(request.path, "/humidity");
	assert_int_equal(request.method, 1);
	assert_int_equal(request.accept, 50);
	assert_int_equal(source_plan(&found, 2, &request), -ENOTSUP);
}

/* Each member alone makes a difference; bytes between members make none. */
static void test_same_links(void **state)
{
	struct device_links one, other;

	memset(&one, 0xff, sizeof(one));
	one = found_in(2);
	other = found_in(2);
	assert_true(device_links_equal(&one, &other));
	strcpy(other.display, "/x");
	assert_false(device_links_equal(&one, &other));
	other = one;
	strcpy(other.model, "x");
	assert_false(device_links_equal(&one, &other));
	other = one;
	other.command_format++;
	assert_false(device_links_equal(&one, &other));
	other = one;
	other.claim_format++;
	assert_false(device_links_equal(&one, &other));
	other = one;
	other.source_count--;
	assert_false(device_links_equal(&one, &other));
	other = one;
	other.source[1].observe = !other.source[1].observe;
	assert_false(device_links_equal(&one, &other));
	other = one;
	other.source[1].interval++;
	assert_false(telemetry_source_equal(&one.source[1], &other.source[1]));
	other = one;
	strcpy(other.source[0].unit, "K");
	assert_false(telemetry_source_equal(&one.source[0], &other.source[0]));
	assert_true(telemetry_source_equal(&one.source[1], &other.source[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_links_are_read),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_no_more_than_there_are_places),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_same_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
