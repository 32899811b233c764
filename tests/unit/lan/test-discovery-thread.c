/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that talks to avahi-daemon, with a bus that takes the connection and never says a
 * word: nobody but that thread waits. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "lan/discovery.h"

struct fixture {
	sd_event *loop;
	struct limits limits;
	struct config_list interfaces;
	struct discovery *discovery;
	int bus; /* its listening socket, -1 = there is none */
	unsigned states, appeared, ticks;
	bool available;
	char why[128];
	sd_event_source *ticker;
};

static void appeared(void *userdata, const struct discovery_sighting *sighting)
{
	((struct fixture *)userdata)->appeared++;
}

static void state_changed(void *userdata, bool available, const char *why)
{
	struct fixture *fixture = userdata;

	fixture->states++;
	fixture->available = available;
	snprintf(fixture->why, sizeof(fixture->why), "%s", why);
}

static int tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct fixture *fixture = userdata;

	fixture->ticks++;
	return loop_timer_set(
		fixture->loop, &fixture->ticker, 10 * USEC_PER_MSEC, tick, fixture, "tick");
}

/* libdbus reads the address of the bus once, so it is one for all tests; never the machine's. */
static struct sockaddr_un bus_name = {.sun_family = AF_UNIX};
static char directory[] = "/tmp/gh-bus-XXXXXX";

static int group_setup(void **state)
{
	char address[160];

	assert_non_null(mkdtemp(directory));
	snprintf(bus_name.sun_path, sizeof(bus_name.sun_path), "%s/bus", directory);
	snprintf(address, sizeof(address), "unix:path=%s", bus_name.sun_path);
	return setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
}

static int group_teardown(void **state)
{
	return rmdir(directory);
}

static void bus_open(struct fixture *fixture)
{
	fixture->bus = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(fixture->bus, (const struct sockaddr *)&bus_name, sizeof(bus_name)), 0);
	assert_int_equal(listen(fixture->bus, 4), 0);
}

static void bus_close(struct fixture *fixture)
{
	if (fixture->bus < 0)
		return;
	close(fixture->bus);
	unlink(bus_name.sun_path);
}

static void start(struct fixture *fixture, bool listens)
{
	static const struct discovery_ops ops = {
		.appeared = appeared, .vanished = appeared, .state = state_changed};

	*fixture = (struct fixture){.interfaces = {.item = {"lo"}, .count = 1}, .bus = -1};
	if (listens)
		bus_open(fixture);
	limits_init(&fixture->limits);
	assert_int_equal(sd_event_new(&fixture->loop), 0);
	assert_int_equal(discovery_new(fixture->loop,
				 &(const struct discovery_options){
					 .interfaces = &fixture->interfaces,
					 .gateway_id = "test",
					 .port = 5683,
					 .limits = &fixture->limits,
				 },
				 &ops, fixture, &fixture->discovery),
		0);
	assert_int_equal(tick(NULL, 0, fixture), 0);
}

static void end(struct fixture *fixture)
{
	loop_source_free(fixture->ticker);
	sd_event_unref(fixture->loop);
	bus_close(fixture);
}

static void run(struct fixture *fixture, unsigned msec, unsigned until_states)
{
	uint64_t end_usec = clock_boot_usec() + msec * USEC_PER_MSEC;

	while (clock_boot_usec() < end_usec && (!until_states || fixture->states < until_states))
		sd_event_run(fixture->loop, 20 * USEC_PER_MSEC);
}

static void without_a_bus_it_says_so_and_goes_on(void **state)
{
	struct fixture fixture;

	start(&fixture, false);
	run(&fixture, 60000, 1);
	assert_int_equal(fixture.states, 1);
	assert_false(fixture.available);
	assert_true(strlen(fixture.why) > 0);
	/* it tries again, and does not tell the same again */
	discovery_repeat(fixture.discovery);
	run(&fixture, 2500, 0);
	assert_int_equal(fixture.states, 1);
	assert_int_equal(fixture.appeared, 0);
	assert_null(discovery_free(fixture.discovery));
	end(&fixture);
}

static void ends_before_it_began(void **state)
{
	struct fixture fixture;

	start(&fixture, false);
	discovery_repeat(fixture.discovery);
	discovery_repeat(fixture.discovery);
	assert_null(discovery_free(fixture.discovery));
	end(&fixture);
	assert_null(discovery_free(NULL));
}

static void a_hanging_bus_holds_nobody(void **state)
{
	struct fixture fixture;
	uint64_t began;
	int peer;

	start(&fixture, true);
	peer = accept4(fixture.bus, NULL, NULL, SOCK_CLOEXEC); /* the thread is there and waits */
	assert_true(peer >= 0);
	/* the loop turns meanwhile, and says that discovery hangs */
	run(&fixture, 90000, 1);
	assert_int_equal(fixture.states, 1);
	assert_false(fixture.available);
	assert_string_equal(fixture.why, "avahi-daemon does not answer");
	assert_true(fixture.ticks > 100);
	began = clock_boot_usec();
	assert_null(discovery_free(fixture.discovery));
	/* It would be for ever. */
	assert_true(clock_boot_usec() - began < 30 * USEC_PER_SEC);
	/* What was left behind ends when its bus is gone. */
	close(peer);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_bus_it_says_so_and_goes_on),
		cmocka_unit_test(ends_before_it_began),
		cmocka_unit_test(a_hanging_bus_holds_nobody),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
