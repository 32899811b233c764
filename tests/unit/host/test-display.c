/* SPDX-License-Identifier: Apache-2.0 */

/* The code on a device's own display: shown, shown again, cleared, owed; and shown here instead. */

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
#include "host/device-host.h"
#include "host/display.h"
#include "host/effect.h"

#define LINKS "</display>;rt=\"gatehouse.display\",</status>;rt=\"gatehouse.status\""

static struct device *pending(const char *links)
{
	struct discovery_sighting sighting = {
		.ep = "panel", .address = address_of("10.0.0.1"), .found_by = FOUND_MDNS};

	open_window();
	device_host_on_appeared(&bed.host, &sighting);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	store_answer_all(0);
	return registry_by_ep(bed.host.registry, "panel");
}

static struct device *admitted(void)
{
	struct device *device = pending(LINKS);
	struct act act = act_on(ACT_ADMIT, device->record->id);

	assert_true(device->record->info.display);
	assert_false(device->record->display_holds);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(device->record->display_holds);
	return device;
}

static enum act_result do_act(struct device *device, enum act_kind kind)
{
	struct act act = act_on(kind, device->record->id);

	return acted(&act).result;
}

static enum act_result approve(struct device *device, const char *code)
{
	struct act act = act_on(ACT_APPROVE, device->record->id);

	snprintf(act.code, sizeof(act.code), "%s", code);
	return acted(&act).result;
}

static void code_of(const struct device *device, char ret_code[CODE_MAX + 1])
{
	memset(ret_code, 0, CODE_MAX + 1);
	span_to_string(secret_span(&device->record->life.operation_code), ret_code, CODE_MAX + 1);
}

static void answer(int result, uint8_t code)
{
	sent_answer(sent_to("/display"), result, code, -1, NULL);
	store_answer_all(0);
}

static void assert_sent(enum lan_method method)
{
	assert_non_null(sent_to("/display"));
	assert_int_equal(sent_to("/display")->outgoing.method, method);
}

static void shown_and_cleared(void **state)
{
	struct device *device = admitted();
	char code[CODE_MAX + 1];

	code_of(device, code);
	assert_sent(LAN_PUT);
	assert_memory_equal(sent_to("/display")->payload, code, strlen(code));
	assert_int_equal(device->code_reached, 0);
	answer(0, COAP_CODE(2, 4));
	assert_int_equal(device->code_reached, device->record->life.operation_number);
	assert_null(sent_to("/display"));
	assert_int_equal(approve(device, code), ACT_DONE);
	assert_int_equal(device->record->evidence, EVIDENCE_DISPLAY_CODE);
	assert_sent(LAN_DELETE);
	assert_true(device->record->display_holds);
	answer(0, COAP_CODE(2, 2));
	assert_false(device->record->display_holds);
	bed_advance(600 * USEC_PER_SEC);
	assert_null(sent_to("/display"));
}

static void shown_again_until_it_was_reached(void **state)
{
	struct device *device = admitted();
	unsigned tries;

	for (tries = 0; tries < 4; tries++) {
		assert_sent(LAN_PUT);
		answer(tries % 2 ? -ETIMEDOUT : 0, COAP_CODE(5, 3));
		assert_true(device->code_missed);
		assert_null(sent_to("/display"));
		bed_advance(40 * USEC_PER_SEC);
	}
	answer(0, COAP_CODE(2, 4));
	assert_false(device->code_missed);
}

/* It does not want it: it is not asked again, and a person is told. */
static void a_display_that_refuses(void **state)
{
	struct device *device = admitted();

	answer(0, COAP_CODE(4, 5));
	assert_true(device->code_missed);
	bed_advance(60 * USEC_PER_SEC);
	assert_null(sent_to("/display"));
	assert_int_equal(do_act(device, ACT_REJECT), ACT_DONE);
	assert_sent(LAN_DELETE);
	answer(0, COAP_CODE(4, 5));
	assert_false(device->record->display_holds);
}

/* Cleared on cancel, on the code's end, and when it is over while it is still being shown. */
static void cleared_whatever_ended_it(void **state)
{
	struct device *device = admitted();

	assert_int_equal(do_act(device, ACT_REJECT), ACT_DONE);
	assert_sent(LAN_PUT); /* one at a time */
	answer(0, COAP_CODE(2, 4));
	assert_sent(LAN_DELETE);
	answer(-ETIMEDOUT, 0);
	assert_true(device->record->display_holds);
	bed_advance(300 * USEC_PER_SEC);
	answer(0, COAP_CODE(2, 2));
	assert_int_equal(do_act(device, ACT_ADMIT), ACT_DONE);
	answer(0, COAP_CODE(2, 4));
	host_submit(
		&bed.host, device, &(const struct submission){.event = LIFE_DRIVER_FAILED_FINAL});
	store_answer_all(0);
	assert_sent(LAN_DELETE);
}

/* The next code comes while the one before is being cleared: it is not lost. */
static void another_code_meanwhile(void **state)
{
	struct device *device = admitted();

	answer(0, COAP_CODE(2, 4));
	do_act(device, ACT_REJECT);
	assert_sent(LAN_DELETE);
	assert_int_equal(do_act(device, ACT_ADMIT), ACT_DONE);
	answer(0, COAP_CODE(2, 2));
	assert_true(device->record->display_holds);
	assert_sent(LAN_PUT);
	answer(0, COAP_CODE(2, 4));
	assert_int_equal(device->code_reached, device->record->life.operation_number);
}

/* What is known after a restart is the record; its links were not asked for yet. */
static void restarted(struct device *device)
{
	struct device_host *part = device_host(device);

	part->probed = part->display.busy = false;
	part->driver = NULL;
	device->code_reached = 0;
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_RESTARTED});
	display_look(&bed.host, device);
	store_answer_all(0);
	assert_null(sent_to("/display"));
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, LINKS);
	store_answer_all(0);
}

static void a_restart_shows_it_again(void **state)
{
	struct device *device = admitted();

	answer(0, COAP_CODE(2, 4));
	restarted(device);
	assert_sent(LAN_PUT);
	answer(0, COAP_CODE(2, 4));
	assert_int_equal(device->code_reached, device->record->life.operation_number);
}

static void a_restart_clears_what_is_stale(void **state)
{
	struct device *device = admitted();

	answer(0, COAP_CODE(2, 4));
	do_act(device, ACT_REJECT);
	answer(-ETIMEDOUT, 0);
	restarted(device);
	assert_sent(LAN_DELETE);
	answer(0, COAP_CODE(2, 2));
	assert_false(device->record->display_holds);
}

/* That it is cleared is noted, or it is cleared again. */
static void not_stored(void **state)
{
	struct device *device = admitted();

	answer(0, COAP_CODE(2, 4));
	do_act(device, ACT_REJECT);
	sent_answer(sent_to("/display"), 0, COAP_CODE(2, 2), -1, NULL);
	store_answer_all(-ENOSPC);
	assert_true(device->record->display_holds);
	bed_advance(300 * USEC_PER_SEC);
	assert_sent(LAN_DELETE);
}

static void shown_here_instead(void **state)
{
	struct device *device = admitted();
	char code[CODE_MAX + 1];

	answer(-ETIMEDOUT, 0);
	assert_false(device_code_is_here(device->record));
	assert_int_equal(do_act(device, ACT_SHOW_CODE), ACT_DONE);
	assert_true(device_code_is_here(device->record));
	assert_int_equal(do_act(device, ACT_SHOW_CODE), ACT_DONE);
	code_of(device, code);
	assert_int_equal(approve(device, code), ACT_DONE);
	assert_int_equal(device->record->evidence, EVIDENCE_SHOWN_BY_GATEWAY);
	assert_false(device_code_is_here(device->record));
	assert_int_equal(do_act(device, ACT_SHOW_CODE), ACT_IMPOSSIBLE);
}

/* It was asked for one code: the next one is on the display again, and there alone. */
static void shown_here_for_one_operation(void **state)
{
	struct device *device = admitted();

	assert_int_equal(do_act(device, ACT_SHOW_CODE), ACT_DONE);
	do_act(device, ACT_REJECT);
	assert_int_equal(do_act(device, ACT_ADMIT), ACT_DONE);
	assert_int_equal(device->record->life.operation, OPERATION_AWAITING);
	assert_false(device_code_is_here(device->record));
}

static void without_a_display(void **state)
{
	struct device *device = pending("</status>;rt=\"gatehouse.status\"");

	assert_false(device->record->info.display);
	assert_int_equal(do_act(device, ACT_ADMIT), ACT_DONE);
	assert_false(device->record->display_holds);
	bed_advance(10 * USEC_PER_SEC);
	assert_null(sent_to("/display"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(shown_and_cleared),
		T(shown_again_until_it_was_reached),
		T(a_display_that_refuses),
		T(cleared_whatever_ended_it),
		T(another_code_meanwhile),
		T(a_restart_shows_it_again),
		T(a_restart_clears_what_is_stale),
		T(not_stored),
		T(shown_here_instead),
		T(shown_here_for_one_operation),
		T(without_a_display),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
