/* SPDX-License-Identifier: Apache-2.0 */

/* Devices at a typed address. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/multicast.h"
#include "host/typed.h"

#define LINKS "</>;ep=\"lamp\",</status>;rt=\"gatehouse.status\""

static struct act typed(const char *address, const char *ep)
{
	struct act act = act_on(ACT_ADD, NULL);

	snprintf(act.address, sizeof(act.address), "%s", address);
	snprintf(act.ep, sizeof(act.ep), "%s", ep);
	return act;
}

/* Typed, written down, and answered so. */
static struct act_try answered(
	const char *address, const char *ep, int result, uint8_t code, const char *links)
{
	struct act act = typed(address, ep);
	struct act_try try;

	try_act(&act, &try);
	assert_null(sent_to("/.well-known/core"));
	store_answer_all(0);
	assert_non_null(sent_to("/.well-known/core"));
	assert_int_equal(try.answers, 0);
	sent_answer(sent_to("/.well-known/core"), result, code, FORMAT_LINK, links);
	assert_int_equal(try.answers, 1);
	return try;
}

static void it_says_its_name(void **state)
{
	struct act_try try = answered("10.0.0.1:61616", "", 0, COAP_CODE(2, 5), LINKS);
	struct device *device = registry_by_ep(bed.host.registry, "lamp");

	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_string_equal(try.outcome.device, device->record->id);
	assert_int_equal(device->record->found_by, FOUND_ADDRESS);
	assert_int_equal(device->record->address.port, 61616);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	assert_true(device->present && device->record->is_server);
	assert_string_equal(disk_audit_newest()->object, "10.0.0.1:61616");
	/* it is asked what it is, and while a window is open a person may decide */
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, LINKS);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	open_window();
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	/* once more is once */
	try = answered("10.0.0.1:61616", "LAMP", 0, COAP_CODE(2, 5), LINKS);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_int_equal(registry_count(bed.host.registry), 1);
}

static void its_name_is_typed(void **state)
{
	struct act_try try = answered("10.0.0.1", "", 0, COAP_CODE(2, 5), "</s>;if=\"core.s\"");

	assert_int_equal(try.outcome.result, ACT_BAD_INPUT);
	assert_non_null(strstr(try.outcome.text, "Type one"));
	assert_int_equal(registry_count(bed.host.registry), 0);
	try = answered("10.0.0.1", "hall", 0, COAP_CODE(2, 5), "</s>;if=\"core.s\"");
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_non_null(registry_by_ep(bed.host.registry, "hall"));
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK,
		"</s>;if=\"core.s\"");
	try = answered("10.0.0.2", "hall", 0, COAP_CODE(2, 5), LINKS);
	assert_int_equal(try.outcome.result, ACT_BAD_INPUT);
	try = answered("10.0.0.2", "", 0, COAP_CODE(2, 5), "</>;ep=\"a b\"");
	assert_int_equal(try.outcome.result, ACT_BAD_INPUT);
	assert_int_equal(registry_count(bed.host.registry), 1);
}

static void nothing_that_is_a_device(void **state)
{
	static const struct {
		int result;
		uint8_t code;
		const char *links;
		enum act_result outcome;
	} rows[] = {
		{-ETIMEDOUT, 0, "", ACT_UNREACHABLE},
		{-ECONNREFUSED, 0, "", ACT_UNREACHABLE},
		{-ECANCELED, 0, "", ACT_UNREACHABLE},
		{0, COAP_CODE(4, 4), "", ACT_IMPOSSIBLE},
		{0, COAP_CODE(2, 5), "hello", ACT_IMPOSSIBLE},
		{0, COAP_CODE(2, 5), "</enrol>;rt=\"gatehouse.enrol\"", ACT_IMPOSSIBLE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
			answered("10.0.0.1", "x", rows[i].result, rows[i].code, rows[i].links)
				.outcome.result,
			rows[i].outcome);
	assert_int_equal(registry_count(bed.host.registry), 0);
}

static enum act_result refused(const char *address, const char *ep)
{
	struct act act = typed(address, ep);

	return acted(&act).result;
}

static void nothing_is_sent(void **state)
{
	struct act act = typed("10.0.0.1", "");
	struct act_try try;

	assert_int_equal(refused("lamp.local", ""), ACT_BAD_INPUT);
	assert_int_equal(refused("10.0.0.1", "a b"), ACT_BAD_INPUT);
	fake_locate_result = -ENETUNREACH;
	assert_int_equal(refused("8.8.8.8", ""), ACT_BAD_INPUT);
	fake_locate_result = 0;
	fake_send_result = -EBUSY;
	assert_int_equal(refused("10.0.0.1", ""), ACT_TOO_MANY);
	fake_send_result = -ENOMEM;
	assert_int_equal(refused("10.0.0.1", ""), ACT_NOT_STORED);
	fake_send_result = 0;
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_int_equal(fake_sent_count, 0);
}

static void a_name_of_another(void **state)
{
	struct act_try try;

	active_device("lamp", "10.0.0.9");
	try = answered("10.0.0.1", "", 0, COAP_CODE(2, 5), LINKS);
	assert_int_equal(try.outcome.result, ACT_IMPOSSIBLE);
	assert_non_null(strstr(try.outcome.text, "another address"));
	assert_int_equal(
		registry_by_ep(bed.host.registry, "lamp")->record->address.ip.s6_addr[15], 9);
}

static void it_is_not_listed_for_ever(void **state)
{
	multicast_start(&bed.host);
	answered("10.0.0.1", "", 0, COAP_CODE(2, 5), LINKS);
	bed_advance(1700 * USEC_PER_SEC);
	assert_non_null(registry_by_ep(bed.host.registry, "lamp"));
	bed_advance(1300 * USEC_PER_SEC);
	assert_null(registry_by_ep(bed.host.registry, "lamp"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_says_its_name),
		T(its_name_is_typed),
		T(nothing_that_is_a_device),
		T(nothing_is_sent),
		T(a_name_of_another),
		T(it_is_not_listed_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
