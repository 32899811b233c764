/* SPDX-License-Identifier: Apache-2.0 */
/* The table of drivers: every row is complete and is found under its own name. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#include "core/config.h"
#include "drivers/table.h"

static void platforms_are_found_by_name(void **state)
{
	const struct platform_driver *local = platform_driver_by_name("local");

	assert_non_null(local);
	assert_string_equal(local->describe()->name, "local");
	assert_non_null(local->advance);
	assert_non_null(local->encode);
	assert_non_null(local->decode);
	assert_null(platform_driver_by_name("nowhere"));
	assert_null(platform_driver_by_name(""));
	assert_null(platform_driver_by_name("Local"));
}

/* What the configuration takes is what there is. */
static void platforms_may_be_configured(void **state)
{
	const struct config_form *form = NULL;
	const struct config_key *keys;
	size_t count, i;

	keys = config_keys(&count);
	for (i = 0; i < count; i++)
		if (!strcmp(keys[i].section, "platform") && !strcmp(keys[i].key, "default"))
			form = keys[i].form;
	assert_non_null(form);
	for (i = 0; platform_driver_at(i); i++) {
		const char *name = platform_driver_at(i)->describe()->name;

		assert_true(form->fits(name));
		assert_non_null(strstr(form->allowed, name));
	}
	assert_false(form->fits("nowhere"));
}

static void devices_are_found_by_name(void **state)
{
	const struct device_driver *native = device_driver_by_name("native");

	assert_non_null(native);
	assert_string_equal(native->name, "native");
	assert_null(device_driver_by_name("nowhere"));
	assert_null(device_driver_by_name(""));
}

static void device_is_matched_by_its_links(void **state)
{
	const struct device_link native = {
		.path = "/i", .rt = "gatehouse.info", .interface = "", .content_format = -1};
	const struct device_link foreign = {
		.path = "/i", .rt = "", .interface = "", .content_format = -1};
	struct device_links found;

	assert_ptr_equal(
		device_driver_match(&(const struct device_question){&native, 1, "e", NULL}, &found),
		device_driver_by_name("native"));
	assert_string_equal(found.info, "/i");
	/* What no other driver takes is a standard device. */
	assert_ptr_equal(device_driver_match(
				 &(const struct device_question){&foreign, 1, "e", NULL}, &found),
		device_driver_by_name("plain"));
	/* One that enrols itself has no links. */
	assert_ptr_equal(device_driver_match(&(const struct device_question){.ep = "e"}, &found),
		device_driver_by_name("native"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(platforms_are_found_by_name),
		cmocka_unit_test(platforms_may_be_configured),
		cmocka_unit_test(devices_are_found_by_name),
		cmocka_unit_test(device_is_matched_by_its_links),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
