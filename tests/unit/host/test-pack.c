/* SPDX-License-Identifier: Apache-2.0 */

/* Several readings in one message: which ones, and that each still has a fate of its own. */

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
#include "host/flight-parts.h"
#include "host/reading.h"

static struct lan_exchange x;

static void layout(enum layout layout, uint32_t pack)
{
	bed.config.mqtt_layout = layout;
	bed.config.mqtt_pack = pack;
}

static void reported(const char *ep, const char *ip, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		report(&x, ep, ip, "1");
		appended_answer(0);
	}
}

static unsigned owed(void)
{
	struct owed_stats now;

	owed_stats(bed.host.owed, &now);
	return (unsigned)now.readings;
}

/* The newest message; its number among all. */
static size_t newest(void)
{
	assert_true(fake_publication_count > 0);
	return fake_publication_count - 1;
}

/* How often a word stands in a message. */
static unsigned times(size_t index, const char *word)
{
	const char *at = fake_publications[index].payload;
	unsigned count = 0;

	for (; (at = strstr(at, word)); at++)
		count++;
	return count;
}

static void of_one_device(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	char topic[128];

	active_device("two", "10.0.0.2");
	layout(LAYOUT_DEVICE, 3);
	reported("one", "10.0.0.1", 4);
	reported("two", "10.0.0.2", 2);
	link_up();
	bed_run_loop();
	/* one 1-3, two 1-2, one 4 */
	assert_int_equal(published("/telemetry", 0), 3);
	snprintf(topic, sizeof(topic), "gatehouse/plant/%s/telemetry", one->record->id);
	assert_int_equal(published(topic, 0), 2);
	assert_string_equal(fake_publications[newest()].topic, topic);
	assert_int_equal(times(newest(), "\"gh\""), 1);
	assert_int_equal(times(newest(), ".4\",\"device\""), 1);
	assert_int_equal(times(newest() - 1, "\"gh\""), 2);
	assert_int_equal(times(newest() - 2, "\"gh\""), 3);
	assert_int_equal(bed.host.flights_in_use, 6);
	uplink_deliver(newest() - 2);
	assert_int_equal(owed(), 3);
	assert_int_equal(bed.host.flights_in_use, 3);
	uplink_deliver(newest() - 2); /* nobody's any more */
	assert_int_equal(owed(), 3);
	uplink_deliver(newest() - 1);
	uplink_deliver(newest());
	assert_int_equal(owed(), 0);
	bed_advance(60 * USEC_PER_MSEC);
	assert_int_equal(fake_rows.delete_calls, 1);
}

static void of_all_devices(void **state)
{
	active_device("one", "10.0.0.1");
	active_device("two", "10.0.0.2");
	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 2);
	reported("two", "10.0.0.2", 3);
	link_up();
	bed_run_loop();
	assert_int_equal(published("gatehouse/plant/telemetry", 0), 1);
	assert_int_equal(times(newest(), "\"gh\""), 5);
	uplink_deliver(newest());
	assert_int_equal(owed(), 0);
	/* One that comes alone waits for nobody; it is an array all the same. */
	reported("one", "10.0.0.1", 1);
	bed_run_loop();
	assert_int_equal(published("gatehouse/plant/telemetry", 0), 2);
	assert_int_equal(times(newest(), "\"gh\""), 1);
	assert_int_equal(fake_publications[newest()].payload[0], '[');
}

static void lost_and_sent_again(void **state)
{
	active_device("one", "10.0.0.1");
	active_device("two", "10.0.0.2");
	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 2);
	reported("two", "10.0.0.2", 2);
	link_up();
	bed_run_loop();
	uplink_event(UPLINK_LOST);
	assert_int_equal(bed.host.flights_in_use, 0);
	assert_int_equal(owed(), 4);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	bed_run_loop();
	/* One by one: a broker may have hung up because they were too much together. */
	assert_int_equal(published("gatehouse/plant/telemetry", 0), 5);
	assert_int_equal(times(newest(), "\"gh\""), 1);
	for (size_t i = 1; i < fake_publication_count; i++)
		if (!strcmp(fake_publications[i].topic, "gatehouse/plant/telemetry"))
			uplink_deliver(i);
	assert_int_equal(owed(), 0);
	reported("one", "10.0.0.1", 2);
	bed_run_loop();
	assert_int_equal(times(newest(), "\"gh\""), 2);
}

/* Too much for the broker together: one by one, and only the one that is to blame is put aside. */
static void refused_together(void **state)
{
	size_t last;

	active_device("one", "10.0.0.1");
	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 3);
	link_up();
	bed_run_loop();
	uplink_refuse(newest(), 0x95);
	bed_run_loop();
	assert_int_equal(owed(), 3);
	assert_int_equal(fake_rows.buried_count, 0);
	assert_int_equal(published("gatehouse/plant/telemetry", 0), 4);
	assert_int_equal(times(newest() - 2, ".1\",\"device\""), 1);
	assert_int_equal(times(newest(), "\"gh\""), 1);
	last = newest();
	uplink_deliver(last - 2);
	uplink_refuse(last - 1, 0x95); /* and a gap is told */
	uplink_deliver(last);
	assert_int_equal(owed(), 0);
	assert_int_equal(fake_rows.buried_count, 1);
	/* After that they travel together again. */
	reported("one", "10.0.0.1", 2);
	bed_run_loop();
	assert_int_equal(times(newest(), "\"gh\""), 2);
}

/* A broker that takes two together, not three: the last pack does not overtake the ones before. */
static void too_large_together(void **state)
{
	char word[40];

	active_device("one", "10.0.0.1");
	layout(LAYOUT_DEVICE, 3);
	reported("one", "10.0.0.1", 8);
	fake_packet_max = 350;
	link_up();
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 7);
	for (unsigned i = 0; i < 7; i++) {
		snprintf(word, sizeof(word), ".%u\",\"device\"", i + 1);
		assert_int_equal(times(newest() - 6 + i, word), 1);
	}
	assert_int_equal(times(newest(), "\"gh\""), 2);
	for (unsigned i = 0; i < 7; i++)
		uplink_deliver(newest() - i);
	assert_int_equal(owed(), 0);
	assert_int_equal(fake_rows.buried_count, 0);
}

/* Held when the pack is filled, and the pack is too large: who is in it goes on all the same. */
static void too_large_together_after_a_refusal(void **state)
{
	struct device *two;

	active_device("one", "10.0.0.1");
	two = active_device("two", "10.0.0.2");
	layout(LAYOUT_GATEWAY, 16);
	link_up();
	reported("one", "10.0.0.1", 2);
	reported("two", "10.0.0.2", 3);
	fake_packet_max = 350;
	device_host(two)->refused_alone = true; /* its oldest goes ahead by itself */
	bed_run_loop();
	for (unsigned i = 0; i < 8; i++) {
		for (size_t at = 0; at < fake_publication_count; at++)
			if (fake_publications[at].tag && !fake_publications[at].landed) {
				fake_publications[at].landed = true;
				uplink_deliver(at);
			}
		bed_run_loop();
	}
	assert_int_equal(owed(), 0);
	assert_int_equal(fake_rows.buried_count, 0);
}

/* Others are in want of singles as well, and in front of it again: it comes on all the same. */
static void too_large_together_among_others(void **state)
{
	char ep[8], ip[16];

	bed.config.new_per_minute = 100;
	layout(LAYOUT_DEVICE, 3);
	for (unsigned i = 0; i < 9; i++) {
		snprintf(ep, sizeof(ep), "d%u", i);
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		active_device(ep, ip);
		reported(ep, ip, 9);
	}
	fake_packet_max = 350;
	link_up();
	bed_run_loop();
	for (unsigned i = 0; i < 9; i++) {
		snprintf(ep, sizeof(ep), "d%u", i);
		assert_true(owed_in_flight(bed.host.owed, i + 1) > 0);
	}
	/* Each message of several would have been too large: there are about as many as readings.
	 */
	assert_in_range(published("/telemetry", 0), 60, 81);
}

static void refused_for_the_moment(void **state)
{
	active_device("one", "10.0.0.1");
	active_device("two", "10.0.0.2");
	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 1);
	reported("two", "10.0.0.2", 1);
	link_up();
	bed_run_loop();
	uplink_refuse(newest(), 0x87);
	bed_run_loop();
	assert_int_equal(owed(), 2);
	assert_int_equal(published("gatehouse/plant/telemetry", 0), 1);
	bed_advance(2 * USEC_PER_SEC);
	bed_run_loop();
	assert_true(published("gatehouse/plant/telemetry", 0) > 1);
}

static void no_room_at_the_uplink(void **state)
{
	active_device("one", "10.0.0.1");
	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 3);
	fake_publish_result = -ENOBUFS;
	link_up();
	bed_run_loop();
	assert_int_equal(bed.host.flights_in_use, 0);
	assert_int_equal(owed(), 3);
	fake_publish_result = 0;
	bed_advance(2 * USEC_PER_SEC);
	bed_run_loop();
	assert_int_equal(times(newest(), "\"gh\""), 3);
}

static void mqtt_cannot_carry_it(void **state)
{
	active_device("one", "10.0.0.1");
	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 2);
	fake_publish_result = -EMSGSIZE;
	link_up();
	bed_run_loop();
	/* Together, then each alone. */
	assert_int_equal(fake_rows.buried_count, 2);
	assert_int_equal(owed(), 0);
	assert_int_equal(bed.host.flights_in_use, 2); /* the gaps */
}

/* A device of a pack gets a session of its own and loses it while the pack is on its way by the
 * gateway's: the pack lands, whole, and until then something of the device may still leave. */
static void an_own_session_that_is_lost_leaves_it(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");

	active_device("two", "10.0.0.2");
	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 1);
	reported("two", "10.0.0.2", 1);
	reported("one", "10.0.0.1", 1);
	reported("two", "10.0.0.2", 1);
	link_up();
	bed_run_loop();
	assert_int_equal(times(newest(), "\"gh\""), 4);
	reading_on_session_lost(&bed.host, one->record->row, true);
	assert_true(flights_of_device(&bed.host, one->record->row));
	assert_int_equal(bed.host.flights_in_use, 4);
	assert_int_equal(owed(), 4);
	uplink_deliver(newest());
	assert_int_equal(owed(), 0);
	assert_int_equal(bed.host.flights_in_use, 0);
}

static void the_link_that_carries_it_takes_it_along(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	size_t from;

	layout(LAYOUT_GATEWAY, 16);
	reported("one", "10.0.0.1", 2);
	link_up();
	bed_run_loop();
	reading_on_session_lost(&bed.host, one->record->row, false);
	reading_pump_soon(&bed.host);
	bed_run_loop();
	from = newest();
	assert_int_equal(bed.host.flights_in_use, 2); /* nothing is sent twice */
	uplink_event(UPLINK_LOST);
	assert_int_equal(bed.host.flights_in_use, 0);
	assert_int_equal(owed(), 2);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	bed_run_loop();
	assert_int_equal(published("gatehouse/plant/telemetry", from + 1), 2);
}

static void a_pack_has_a_size(void **state)
{
	active_device("one", "10.0.0.1");
	layout(LAYOUT_GATEWAY, 2);
	reported("one", "10.0.0.1", 5);
	link_up();
	bed_run_loop();
	assert_int_equal(published("gatehouse/plant/telemetry", 0), 3);
	assert_int_equal(times(newest(), "\"gh\""), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(of_one_device),
		T(of_all_devices),
		T(lost_and_sent_again),
		T(refused_together),
		T(too_large_together),
		T(too_large_together_after_a_refusal),
		T(too_large_together_among_others),
		T(refused_for_the_moment),
		T(no_room_at_the_uplink),
		T(mqtt_cannot_carry_it),
		T(an_own_session_that_is_lost_leaves_it),
		T(the_link_that_carries_it_takes_it_along),
		T(a_pack_has_a_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
