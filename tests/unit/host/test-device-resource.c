/* SPDX-License-Identifier: Apache-2.0 */

/* GET /d/<id> and GET /time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/device-host.h"
#include "host/enrol.h"

static struct lan_exchange x;

static void get(enum lan_resource resource, enum lan_method method, const char *id, const char *ip,
	int accept)
{
	struct lan_request request = {.resource = resource,
		.method = method,
		.peer = &x.peer,
		.content_format = -1,
		.accept = accept,
		.exchange = &x};

	x = (struct lan_exchange){.peer = {.address = address_of(ip)}};
	snprintf(request.device_id, sizeof(request.device_id), "%s", id);
	if (resource == LAN_TIME)
		time_on_request(&bed.host, &request);
	else
		device_on_request(&bed.host, &request);
	assert_int_equal(x.answers, 1);
}

static void only_for_its_bound_address(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	const char *id = device->record->id;

	get(LAN_DEVICE, LAN_GET, id, "10.0.0.1", FORMAT_JSON);
	assert_int_equal(x.code, COAP_CODE(2, 5));
	assert_int_equal(x.max_age, 0);
	assert_int_equal(x.format, FORMAT_JSON);
	assert_non_null(strstr(exchange_text(&x), "\"state\":\"pending\""));
	get(LAN_DEVICE, LAN_GET, id, "10.0.0.2", FORMAT_JSON);
	assert_int_equal(x.code, COAP_CODE(4, 4));
	assert_int_equal(x.size, 0);
	get(LAN_DEVICE, LAN_GET, "nobody", "10.0.0.1", FORMAT_JSON);
	assert_int_equal(x.code, COAP_CODE(4, 4));
	/* Others cannot tell a wrong method from a wrong id. */
	get(LAN_DEVICE, LAN_PUT, id, "10.0.0.2", -1);
	assert_int_equal(x.code, COAP_CODE(4, 4));
	get(LAN_DEVICE, LAN_PUT, id, "10.0.0.1", -1);
	assert_int_equal(x.code, COAP_CODE(4, 5));
}

static void not_at_a_lower_tier(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	device->record->trust = TRUST_PSK;
	get(LAN_DEVICE, LAN_GET, device->record->id, "10.0.0.1", FORMAT_JSON);
	assert_int_equal(x.code, COAP_CODE(4, 4));
}

static void not_for_an_address_that_is_only_announced(void **state)
{
	struct device *device;

	device_host_on_appeared(&bed.host,
		&(const struct discovery_sighting){.ep = "one", .address = address_of("10.0.0.1")});
	device = registry_by_ep(bed.host.registry, "one");
	get(LAN_DEVICE, LAN_GET, device->record->id, "10.0.0.1", FORMAT_JSON);
	assert_int_equal(x.code, COAP_CODE(4, 4));
}

static void the_longest_answer_fits(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	acted(&act);
	memset(device->record->owner, '"', LABEL_MAX);
	memset(device->record->place, '\\', LABEL_MAX);
	get(LAN_DEVICE, LAN_GET, device->record->id, "10.0.0.1", FORMAT_JSON);
	assert_int_equal(x.code, COAP_CODE(2, 5));
	get(LAN_DEVICE, LAN_GET, device->record->id, "10.0.0.1", FORMAT_CBOR);
	assert_int_equal(x.code, COAP_CODE(2, 5));
	assert_int_equal(x.format, FORMAT_CBOR);
}

static void the_time(void **state)
{
	static const uint8_t cbor[] = {0x1b, 0, 0, 0, 0, 0x65, 0x53, 0xf1, 0x00};

	get(LAN_TIME, LAN_GET, "", "10.0.0.1", -1);
	assert_int_equal(x.code, COAP_CODE(2, 5));
	assert_int_equal(x.format, FORMAT_TEXT);
	assert_int_equal(x.max_age, 0);
	assert_string_equal(exchange_text(&x), "1700000000");
	get(LAN_TIME, LAN_GET, "", "10.0.0.1", FORMAT_CBOR);
	assert_int_equal(x.size, sizeof(cbor));
	assert_memory_equal(x.payload, cbor, sizeof(cbor));
	get(LAN_TIME, LAN_POST, "", "10.0.0.1", -1);
	assert_int_equal(x.code, COAP_CODE(4, 5));
	bed.synced = false;
	get(LAN_TIME, LAN_GET, "", "10.0.0.1", -1);
	assert_int_equal(x.code, COAP_CODE(5, 3));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_for_its_bound_address),
		T(not_at_a_lower_tier),
		T(not_for_an_address_that_is_only_announced),
		T(the_longest_answer_fits),
		T(the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
