/* SPDX-License-Identifier: Apache-2.0 */

/* Knocking wherever something goes: each target once, one test at a time, everybody is told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fakes.h"
#include "host/link-test.h"
#include "host/network-host.h"
#include "hub-device.h"

struct told {
	unsigned answers;
	int result;
	struct api_test test;
};

static void keep(void *userdata, int result, const struct api_test *test)
{
	struct told *told = userdata;

	told->answers++;
	told->result = result;
	if (test)
		told->test = *test;
}

/* The fake room has no HTTP client: any address stands for it. */
static void with_http(void)
{
	bed.host.http = (struct http *)(uintptr_t)&bed;
}

static int setup(void **state)
{
	int r = bed_setup(state);

	http_reset();
	with_http();
	return r;
}

static int teardown(void **state)
{
	bed.host.link_test = link_test_free(bed.host.link_test);
	bed.host.http = NULL;
	return bed_teardown(state);
}

static void choose(const char *first, const char *second, const char *third)
{
	struct config *config = &bed.config;

	snprintf(config->platform, sizeof(config->platform), "%s", first);
	config->platforms.count = 2;
	snprintf(config->platforms.item[0], sizeof(config->platforms.item[0]), "%s", second);
	snprintf(config->platforms.item[1], sizeof(config->platforms.item[1]), "%s", third);
	strcpy(config->spotflow_host, "api.example");
	config->spotflow_port = 443;
	strcpy(config->aws_host, "2001:db8::7");
	config->aws_port = 8883;
	config->mqtt_port = 1883;
	config->mqtt_tls = false;
}

static void each_target_once(void **state)
{
	struct told told = {0};

	choose("local", "mqtt", "spotflow");
	assert_null(link_test_last(&bed.host));
	link_test_run(&bed.host, keep, &told);
	assert_int_equal(told.answers, 0);
	assert_int_equal(http_waiting(), 2);
	assert_string_equal(fake_http[0].url, "http://broker.example:1883/");
	assert_string_equal(fake_http[1].url, "https://api.example:443/");
	http_answer(0, 0, 0, "");
	assert_int_equal(told.answers, 0);
	bed_advance(3000);
	http_answer(-ETIMEDOUT, 0, 0, "");
	assert_int_equal(told.answers, 1);
	assert_int_equal(told.result, 0);
	assert_int_equal(told.test.count, 2);
	assert_string_equal(told.test.target[0].platforms, "local mqtt");
	assert_true(told.test.target[0].shared && !told.test.target[0].tls);
	assert_int_equal(told.test.target[0].result, 0);
	assert_string_equal(told.test.target[1].platforms, "spotflow");
	assert_true(!told.test.target[1].shared && told.test.target[1].tls);
	assert_int_equal(told.test.target[1].result, -ETIMEDOUT);
	assert_string_equal(told.test.target[1].why, "the test says so");
	assert_int_equal(told.test.target[1].usec, 3000);
	assert_int_equal(link_test_last(&bed.host)->time, bed.wall_msec);
}

/* Also where no platform goes by the broker, and with an address that needs brackets. */
static void broker_and_addresses(void **state)
{
	struct told told = {0};

	choose("aws", "aws", "aws");
	link_test_run(&bed.host, keep, &told);
	assert_int_equal(http_waiting(), 2);
	assert_string_equal(fake_http[0].url, "https://[2001:db8::7]:8883/");
	assert_string_equal(fake_http[1].url, "http://broker.example:1883/");
	http_answer(0, 0, 0, "");
	http_answer(0, 0, 0, "");
	assert_string_equal(told.test.target[1].platforms, "");
	assert_true(told.test.target[1].shared);
}

static void nothing_is_configured(void **state)
{
	struct told told = {0};

	choose("local", "mqtt", "local");
	bed.config.mqtt_host[0] = '\0';
	link_test_run(&bed.host, keep, &told);
	assert_int_equal(told.answers, 1);
	assert_int_equal(told.test.count, 0);
	assert_int_equal(http_waiting(), 0);
}

/* Whoever asks meanwhile gets the same, and so does who asks right after it; later it is another.
 */
static void one_at_a_time(void **state)
{
	struct told told[9] = {0}, late = {0};

	choose("local", "mqtt", "local");
	for (size_t i = 0; i < ELEMENTS(told); i++)
		link_test_run(&bed.host, keep, &told[i]);
	assert_int_equal(http_waiting(), 1);
	assert_int_equal(told[8].answers, 1);
	assert_int_equal(told[8].result, -EBUSY);
	http_answer(-ECONNREFUSED, 0, 0, "");
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(told[i].answers, 1);
		assert_int_equal(told[i].test.target[0].result, -ECONNREFUSED);
	}
	bed_advance(4 * USEC_PER_SEC);
	link_test_run(&bed.host, keep, &late);
	assert_int_equal(late.answers, 1);
	assert_int_equal(http_waiting(), 0);
	bed_advance(2 * USEC_PER_SEC);
	link_test_run(&bed.host, keep, &late);
	assert_int_equal(http_waiting(), 1);
	assert_int_equal(link_test_last(&bed.host)->target[0].result, -ECONNREFUSED);
	http_answer(0, 0, 0, "");
	assert_int_equal(late.answers, 2);
	assert_int_equal(link_test_last(&bed.host)->target[0].result, 0);
}

static void what_cannot_be_sent(void **state)
{
	struct told told = {0};

	choose("local", "mqtt", "spotflow");
	fake_http_result = -EBUSY;
	link_test_run(&bed.host, keep, &told);
	fake_http_result = 0;
	assert_int_equal(told.answers, 1);
	assert_int_equal(told.test.target[0].result, -EBUSY);
	assert_non_null(strstr(told.test.target[1].why, "too much"));
}

static void the_gateway_stops(void **state)
{
	struct told told = {0}, other = {0};

	choose("local", "mqtt", "local");
	link_test_run(&bed.host, keep, &told);
	bed.host.stopping = true;
	link_test_run(&bed.host, keep, &other);
	assert_int_equal(other.result, -EAGAIN);
	bed.host.link_test = link_test_free(bed.host.link_test);
	assert_int_equal(told.answers, 1);
	assert_int_equal(told.result, -ECANCELED);
	assert_int_equal(http_waiting(), 0);
	bed.host.stopping = false;
	bed.host.http = NULL;
	link_test_run(&bed.host, keep, &other);
	assert_int_equal(other.result, -EAGAIN);
}

/* ---- what the machine and the devices say ---- */

static unsigned interfaces_seen;
static struct api_interface seen[4];

static void see_interface(void *userdata, const struct api_interface *interface)
{
	seen[interfaces_seen++] = *interface;
}

static void interfaces_and_addresses(void **state)
{
	bed.config.lan_interfaces.count = 2;
	strcpy(bed.config.lan_interfaces.item[0], "lo");
	strcpy(bed.config.lan_interfaces.item[1], "no-such-one");
	interfaces_seen = 0;
	network_interfaces(&bed.host, see_interface, NULL);
	assert_int_equal(interfaces_seen, 2);
	assert_true(seen[0].present && seen[0].up && seen[0].count > 0);
	assert_string_equal(seen[0].address[0], "127.0.0.1");
	assert_string_equal(seen[1].name, "no-such-one");
	assert_true(!seen[1].present && !seen[1].up && seen[1].count == 0);
}

static void see_way(void *userdata, const struct api_way *way)
{
	struct api_way *ways = userdata;

	while (ways->platform)
		ways++;
	*ways = *way;
}

static void ways_and_their_devices(void **state)
{
	struct api_way ways[4] = {{0}};
	struct device *own;

	choose("local", "azure", "local");
	strcpy(bed.config.azure_host, "dps.example");
	bed.config.azure_port = 8883;
	assert_non_null(active_device("shared", "10.0.0.8"));
	pending_device("waits", "10.0.0.9", NULL);
	own = hub_device("own", "10.0.0.7");
	bed.host.facts.uplink = LINK_DOWN;
	network_ways(&bed.host, see_way, ways);
	assert_string_equal(ways[0].platform, "local");
	assert_string_equal(ways[0].host, "broker.example");
	assert_int_equal(ways[0].port, 1883);
	assert_true(ways[0].shared);
	assert_int_equal(ways[0].devices, 1);
	assert_int_equal(ways[0].connected, 0);
	assert_string_equal(ways[1].platform, "azure");
	assert_string_equal(ways[1].host, "dps.example");
	assert_false(ways[1].shared);
	assert_int_equal(ways[1].devices, 1);
	assert_int_equal(ways[1].connected, 1);
	assert_null(ways[2].platform);
	own->record->life.link = LINK_REFUSED;
	memset(ways, 0, sizeof(ways));
	network_ways(&bed.host, see_way, ways);
	assert_int_equal(ways[1].refused, 1);
	assert_int_equal(ways[1].connected, 0);
	own->record->life.link = LINK_UP;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_target_once),
		TEST(broker_and_addresses),
		TEST(nothing_is_configured),
		TEST(one_at_a_time),
		TEST(what_cannot_be_sent),
		TEST(the_gateway_stops),
		TEST(interfaces_and_addresses),
		TEST(ways_and_their_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
