/* SPDX-License-Identifier: Apache-2.0 */
/* Avahi's wishes on sd-event, and what a resolved service says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <avahi-common/timeval.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lan/avahi-poll.h"
#include "lan/sighting.h"

static const struct prefixes no_prefixes;

struct fixture {
	sd_event *loop;
	struct avahi_poll *poll;
	const AvahiPoll *api;
	int pipe[2];
	unsigned calls;
	AvahiWatchEvent events;
	int fd;
	bool frees;
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.fd = -1};
	assert_int_equal(sd_event_new(&fixture.loop), 0);
	assert_int_equal(avahi_poll_new(fixture.loop, &fixture.poll), 0);
	fixture.api = avahi_poll_get(fixture.poll);
	assert_int_equal(pipe2(fixture.pipe, O_CLOEXEC | O_NONBLOCK), 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	avahi_poll_free(fixture->poll);
	close(fixture->pipe[0]);
	close(fixture->pipe[1]);
	sd_event_unref(fixture->loop);
	return 0;
}

static void watch_called(AvahiWatch *watch, int fd, AvahiWatchEvent events, void *userdata)
{
	struct fixture *fixture = userdata;

	fixture->calls++;
	fixture->events = events;
	fixture->fd = fd;
	assert_int_equal(fixture->api->watch_get_events(watch), events);
	if (fixture->frees)
		fixture->api->watch_free(watch);
}

static void timeout_called(AvahiTimeout *timeout, void *userdata)
{
	struct fixture *fixture = userdata;

	fixture->calls++;
	if (fixture->frees)
		fixture->api->timeout_free(timeout);
}

static void run(struct fixture *fixture, unsigned msec)
{
	uint64_t end = clock_boot_usec() + msec * USEC_PER_MSEC;

	do
		sd_event_run(fixture->loop, 1000);
	while (clock_boot_usec() < end);
}

/* Runs until it was called so often, and then some time in which it is not called again. */
static void run_until_calls(struct fixture *fixture, unsigned calls)
{
	uint64_t end = clock_boot_usec() + 60 * USEC_PER_SEC;

	while (fixture->calls < calls && clock_boot_usec() < end)
		sd_event_run(fixture->loop, 10000);
	run(fixture, 20);
	assert_int_equal(fixture->calls, calls);
}

static void watch_tells_readiness(void **state)
{
	struct fixture *fixture = *state;
	AvahiWatch *watch = fixture->api->watch_new(
		fixture->api, fixture->pipe[0], AVAHI_WATCH_IN, watch_called, fixture);

	assert_non_null(watch);
	sd_event_run(fixture->loop, 0);
	assert_int_equal(fixture->calls, 0);
	assert_int_equal(write(fixture->pipe[1], "x", 1), 1);
	sd_event_run(fixture->loop, 100000);
	assert_int_equal(fixture->calls, 1);
	assert_int_equal(fixture->events, AVAHI_WATCH_IN);
	assert_int_equal(fixture->fd, fixture->pipe[0]);
	fixture->api->watch_update(watch, 0);
	sd_event_run(fixture->loop, 0);
	assert_int_equal(fixture->calls, 1);
	fixture->api->watch_free(watch);
}

static void one_descriptor_takes_two_watches(void **state)
{
	struct fixture *fixture = *state;
	AvahiWatch *first = fixture->api->watch_new(
		fixture->api, fixture->pipe[1], AVAHI_WATCH_OUT, watch_called, fixture);
	AvahiWatch *second = fixture->api->watch_new(
		fixture->api, fixture->pipe[1], AVAHI_WATCH_OUT, watch_called, fixture);

	assert_non_null(first);
	assert_non_null(second);
	sd_event_run(fixture->loop, 100000);
	sd_event_run(fixture->loop, 100000);
	assert_true(fixture->calls >= 2);
	fixture->api->watch_free(first);
	/* the descriptor itself was not closed with it */
	assert_true(fcntl(fixture->pipe[1], F_GETFD) >= 0);
	fixture->calls = 0;
	sd_event_run(fixture->loop, 100000);
	assert_int_equal(fixture->calls, 1);
	fixture->api->watch_free(second);
}

static void watch_may_free_itself(void **state)
{
	struct fixture *fixture = *state;

	fixture->frees = true;
	fixture->api->watch_new(
		fixture->api, fixture->pipe[1], AVAHI_WATCH_OUT, watch_called, fixture);
	run_until_calls(fixture, 1);
}

static void bad_descriptor_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_null(
		fixture->api->watch_new(fixture->api, 9999, AVAHI_WATCH_IN, watch_called, fixture));
}

static void timeout_fires_once_after_its_delay(void **state)
{
	struct fixture *fixture = *state;
	struct timeval deadline;
	uint64_t begin = clock_boot_usec();

	avahi_elapse_time(&deadline, 60, 0);
	AvahiTimeout *timeout =
		fixture->api->timeout_new(fixture->api, &deadline, timeout_called, fixture);
	while (fixture->calls == 0 && clock_boot_usec() - begin < 60 * USEC_PER_SEC)
		sd_event_run(fixture->loop, 10000);
	assert_true(clock_boot_usec() - begin >= 58 * USEC_PER_MSEC);
	run(fixture, 100);
	assert_int_equal(fixture->calls, 1);
	fixture->api->timeout_free(timeout);
}

static void past_deadline_is_now_and_null_is_never(void **state)
{
	struct fixture *fixture = *state;
	struct timeval past = {0, 0}, soon;
	AvahiTimeout *timeout =
		fixture->api->timeout_new(fixture->api, &past, timeout_called, fixture);

	run_until_calls(fixture, 1);
	avahi_elapse_time(&soon, 20, 0);
	fixture->api->timeout_update(timeout, &soon);
	fixture->api->timeout_update(timeout, NULL);
	run(fixture, 60);
	assert_int_equal(fixture->calls, 1);
	fixture->api->timeout_update(timeout, &past);
	run_until_calls(fixture, 2);
	fixture->api->timeout_free(timeout);
	/* one that never had a deadline */
	timeout = fixture->api->timeout_new(fixture->api, NULL, timeout_called, fixture);
	fixture->api->timeout_update(timeout, NULL);
	run(fixture, 20);
	assert_int_equal(fixture->calls, 2);
	fixture->api->timeout_free(timeout);
}

static void timeout_may_free_itself(void **state)
{
	struct fixture *fixture = *state;
	struct timeval past = {0, 0};

	fixture->frees = true;
	fixture->api->timeout_new(fixture->api, &past, timeout_called, fixture);
	run_until_calls(fixture, 1);
}

static void leftovers_go_with_the_adapter(void **state)
{
	struct fixture *fixture = *state;
	struct timeval later;

	avahi_elapse_time(&later, 10000, 0);
	for (int i = 0; i < 3; i++) {
		fixture->api->watch_new(
			fixture->api, fixture->pipe[0], AVAHI_WATCH_IN, watch_called, fixture);
		fixture->api->timeout_new(fixture->api, &later, timeout_called, fixture);
	}
	/* teardown frees the adapter; the sanitizers watch */
}

static const AvahiAddress loopback = {.proto = AVAHI_PROTO_INET, .data.ipv4.address = 0x0100007f};

static void sighting_of_a_service(void **state)
{
	/* this builds the list backwards */
	AvahiStringList *txt = avahi_string_list_new(
		"v=1", "ep=second", "EP=sensor-7", "rt=gatehouse.info", "path=/links", "x", NULL);
	struct discovery_sighting sighting;

	(void)state;
	assert_int_equal(
		sighting_read("My Sensor", "lo", &no_prefixes, &loopback, 5683, txt, &sighting), 0);
	assert_string_equal(sighting.ep, "sensor-7");
	assert_string_equal(sighting.service, "My Sensor");
	assert_string_equal(sighting.info_rt, "gatehouse.info");
	assert_string_equal(sighting.path, "/links");
	assert_int_equal(sighting.address.port, 5683);
	assert_string_equal(sighting.address.interface, "lo");
	assert_true(IN6_IS_ADDR_V4MAPPED(&sighting.address.ip));
	assert_int_equal(sighting.address.ip.s6_addr[12], 127);
	avahi_string_list_free(txt);
}

static void sighting_without_txt(void **state)
{
	struct discovery_sighting sighting;

	(void)state;
	assert_int_equal(
		sighting_read("sensor-8", "lo", &no_prefixes, &loopback, 1, NULL, &sighting), 0);
	assert_string_equal(sighting.ep, "sensor-8");
	assert_string_equal(sighting.path, "/.well-known/core");
	assert_string_equal(sighting.info_rt, "");
	/* a name with a space is no endpoint name */
	assert_int_equal(
		sighting_read("sensor 8", "lo", &no_prefixes, &loopback, 1, NULL, &sighting), 0);
	assert_string_equal(sighting.ep, "");
}

static void bad_hints_are_passed_over(void **state)
{
	AvahiStringList *txt =
		avahi_string_list_new("ep=two words", "rt=\x01", "path=//evil.example/x", NULL);
	struct discovery_sighting sighting;

	(void)state;
	assert_int_equal(
		sighting_read("sensor\n9", "lo", &no_prefixes, &loopback, 1, txt, &sighting), 0);
	assert_string_equal(sighting.ep, "");
	assert_string_equal(sighting.info_rt, "");
	assert_string_equal(sighting.path, "/.well-known/core");
	assert_null(strchr(sighting.service, '\n'));
	avahi_string_list_free(txt);
}

static void foreign_services_are_left_out(void **state)
{
	const AvahiAddress far = {.proto = AVAHI_PROTO_INET, .data.ipv4.address = 0x08080808};
	const AvahiAddress group = {.proto = AVAHI_PROTO_INET6, .data.ipv6.address = {0xff, 2}};
	const AvahiAddress link_local = {
		.proto = AVAHI_PROTO_INET6, .data.ipv6.address = {0xfe, 0x80, [15] = 1}};
	AvahiStringList *txt = avahi_string_list_new("rt=gatehouse", NULL);
	struct discovery_sighting sighting;

	(void)state;
	assert_int_equal(
		sighting_read("a", "lo", &no_prefixes, &far, 5683, NULL, &sighting), -EHOSTUNREACH);
	assert_int_equal(sighting_read("a", "lo", &no_prefixes, &group, 5683, NULL, &sighting),
		-EHOSTUNREACH);
	assert_int_equal(sighting_read("a", "lo", &no_prefixes, &loopback, 0, NULL, &sighting),
		-EHOSTUNREACH);
	assert_int_equal(sighting_read("a", "lo", &no_prefixes, &loopback, 1, txt, &sighting),
		-EHOSTUNREACH);
	assert_int_equal(
		sighting_read("a", "lo", &no_prefixes, &link_local, 5683, NULL, &sighting), 0);
	avahi_string_list_free(txt);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(watch_tells_readiness),
		TEST(one_descriptor_takes_two_watches),
		TEST(watch_may_free_itself),
		TEST(bad_descriptor_is_refused),
		TEST(timeout_fires_once_after_its_delay),
		TEST(past_deadline_is_now_and_null_is_never),
		TEST(timeout_may_free_itself),
		TEST(leftovers_go_with_the_adapter),
		cmocka_unit_test(sighting_of_a_service),
		cmocka_unit_test(sighting_without_txt),
		cmocka_unit_test(bad_hints_are_passed_over),
		cmocka_unit_test(foreign_services_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
