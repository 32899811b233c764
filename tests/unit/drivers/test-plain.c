/* SPDX-License-Identifier: Apache-2.0 */

/* Standard devices: their links, and the profiles that fit them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/device/sources.h"
#include "drivers/table.h"

static const struct device_link links[] = {
	{"/.well-known/core", "", "", 40, true},
	{"/temp", "acme.temp sensor", "core.s", 0, true},
	{"/hum", "acme.hum", "core.s", 110, false},
	{"/log", "acme.log", "", 0, true},
	{"/switch", "acme.switch", "core.a", -1, false},
	{"/st", "gatehouse.strange", "", -1, true},
};

static const struct device_driver *plain;

static int set_up(void **state)
{
	plain = device_driver_by_name("plain");
	return plain ? 0 : -1;
}

static struct device_question ask(const struct profiles *profiles)
{
	return (struct device_question){links, ELEMENTS(links), "sensor-7", profiles};
}

static void by_its_links_alone(void **state)
{
	struct device_question question = ask(NULL);
	struct device_links found;

	assert_true(plain->match(&question, &found));
	assert_int_equal(found.source_count, 3);
	assert_string_equal(found.source[0].path, "/temp");
	assert_string_equal(found.source[0].name, "temp");
	assert_int_equal(found.source[0].format, 0);
	assert_true(found.source[0].observe);
	assert_false(found.source[1].observe);
	assert_int_equal(found.source[1].format, 110);
	assert_string_equal(found.source[2].path, "/log");
	assert_string_equal(found.model, "");
}

static void who_is_none(void **state)
{
	struct device_question none = {.ep = "x"}, empty = {links, 0, "x", NULL};
	struct device_links found;

	assert_false(plain->match(&none, &found));
	assert_false(plain->match(&empty, &found));
	assert_ptr_equal(device_driver_match(&none, &found), device_driver_by_name("native"));
	assert_null(device_driver_match(&empty, &found));
}

static const struct profile base = {
	.model = "Acme T1",
	.read = {{.path = "/temp", .format = -1, .name = "t", .unit = "Cel"},
		{.path = "/hidden?x=1", .format = 60, .observe = READ_OBSERVE_YES, .interval = 9},
		{.path = "/log", .format = -1, .observe = READ_OBSERVE_NO}},
	.read_count = 3,
};

static struct config_list list_of(const char *one, const char *other)
{
	struct config_list list = {.count = other ? 2 : 1};

	snprintf(list.item[0], sizeof(list.item[0]), "%s", one);
	snprintf(list.item[1], sizeof(list.item[1]), "%s", other ? other : "");
	return list;
}

static bool fits(struct config_list rt, struct config_list interface, struct config_list path,
	struct config_list ep)
{
	CLEANUP(cleanup_free) struct profiles *profiles = calloc(1, sizeof(*profiles));
	struct device_question question = ask(profiles);
	struct device_links found;

	profiles->count = 1;
	profiles->item[0] = base;
	profiles->item[0].rt = rt;
	profiles->item[0].interface = interface;
	profiles->item[0].path = path;
	profiles->item[0].ep = ep;
	assert_true(plain->match(&question, &found));
	return found.model[0] != '\0';
}

static void what_fits(void **state)
{
	const struct config_list any = {0};

	assert_true(fits(list_of("acme.*", NULL), any, any, any));
	assert_true(fits(list_of("sensor", NULL), any, any, any)); /* a word of several */
	assert_true(fits(list_of("x", "acme.hum"), any, any, any));
	assert_false(fits(list_of("acme", NULL), any, any, any));
	assert_true(fits(any, list_of("core.a", NULL), any, any));
	assert_false(fits(any, list_of("core.b", NULL), any, any));
	assert_true(fits(any, any, list_of("/sw*", NULL), any));
	assert_false(fits(any, any, list_of("/sw", NULL), any));
	assert_true(fits(any, any, any, list_of("sensor-*", NULL)));
	assert_false(fits(any, any, any, list_of("lamp-*", NULL)));
	/* all that is given has to fit */
	assert_true(fits(list_of("acme.*", NULL), any, any, list_of("*7", NULL)));
	assert_false(fits(list_of("acme.*", NULL), any, any, list_of("*8", NULL)));
}

static void what_a_profile_says(void **state)
{
	CLEANUP(cleanup_free) struct profiles *profiles = calloc(1, sizeof(*profiles));
	struct device_question question = ask(profiles);
	struct device_request request;
	struct device_links found;

	profiles->count = 2;
	profiles->item[0] = base;
	profiles->item[0].ep = list_of("other", NULL);
	profiles->item[1] = base;
	profiles->item[1].ep = list_of("sensor-7", NULL);
	assert_true(plain->match(&question, &found));
	assert_string_equal(found.model, "Acme T1");
	assert_int_equal(found.source_count, 3);
	/* what it leaves open, the link says */
	assert_true(found.source[0].observe);
	assert_int_equal(found.source[0].format, 0);
	assert_string_equal(found.source[0].name, "t");
	assert_string_equal(found.source[0].unit, "Cel");
	assert_true(found.source[1].observe);
	assert_int_equal(found.source[1].interval, 9);
	assert_string_equal(found.source[1].name, "hidden");
	assert_false(found.source[2].observe);
	assert_int_equal(plain->plan_read(&found, 1, &request), 0);
	assert_string_equal(request.path, "/hidden?x=1");
	assert_int_equal(request.accept, 60);
	assert_int_equal(request.method, 1);
	assert_int_equal(request.answer_max, READING_BODY_MAX);
	assert_int_equal(plain->plan_read(&found, 3, &request), -ENOTSUP);
}

static void no_more_than_there_is_place(void **state)
{
	struct device_link many[20];
	struct device_question question = {many, ELEMENTS(many), "x", NULL};
	struct device_links found;

	for (size_t i = 0; i < ELEMENTS(many); i++)
		many[i] = (struct device_link){"/a b", "", "core.s", -1, false};
	assert_true(plain->match(&question, &found));
	assert_int_equal(found.source_count, SOURCES_MAX);
	assert_string_equal(found.source[0].name, ""); /* SenML cannot carry it */
}

static void it_cannot_be_told_anything(void **state)
{
	const struct enrol_answer answer = {.state = DEVICE_APPROVED};
	struct device_links found = {.info = "/i", .display = "/d", .status = "/s"};
	struct device_request request;
	struct device_info info;
	enum info_verdict verdict;
	const char *why;
	uint8_t body[16];
	size_t size;
	bool has_pt;

	assert_int_equal(plain->info(&found, &request), -ENOTSUP);
	assert_int_equal(plain->show_code(&found, span_from_string("x"), &request), -ENOTSUP);
	assert_int_equal(plain->clear_code(&found, &request), -ENOTSUP);
	assert_int_equal(plain->identify(&found, 5, &request), -ENOTSUP);
	assert_int_equal(plain->notify(&found, &answer, &request), -ENOTSUP);
	assert_int_equal(
		plain->encode_answer(FORMAT_CBOR, &answer, body, sizeof(body), &size), -ENOTSUP);
	assert_int_equal(plain->decode_info(FORMAT_JSON, span_from_string("{}"), &info, &has_pt,
				 &verdict, &why),
		0);
	assert_int_equal(verdict, INFO_FORMAT_UNKNOWN);
}

static void words(void **state)
{
	assert_true(link_has_word("a core.s b", "core.s"));
	assert_true(link_has_word("core.s", "core.s"));
	assert_false(link_has_word("core.st xcore.s", "core.s"));
	assert_false(link_has_word("", "core.s"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_its_links_alone),
		cmocka_unit_test(who_is_none),
		cmocka_unit_test(what_fits),
		cmocka_unit_test(what_a_profile_says),
		cmocka_unit_test(no_more_than_there_is_place),
		cmocka_unit_test(it_cannot_be_told_anything),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
