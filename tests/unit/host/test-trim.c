/* SPDX-License-Identifier: Apache-2.0 */

/* The oldest readings are given up when they are too old, or for the sake of room; the platform is
 * told which. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "host/gap.h"
#include "host/journal.h"
#include "host/outbox-host.h"
#include "host/trim.h"
#include "hub-device.h"

static struct lan_exchange x;

static void report_many(const char *ep, const char *ip, unsigned count)
{
	bed.config.device_burst = 1000;
	for (unsigned i = 0; i < count; i++) {
		report(&x, ep, ip, "1");
		if (appended_waiting())
			appended_answer(0);
	}
}

static uint64_t owed_of(const struct device *device)
{
	return owed_device_count(bed.host.owed, device->record->row);
}

/* The store finds the first 'count' rows of a device that has only every second one. */
static void will_find(uint64_t first, uint64_t count, uint64_t bytes)
{
	fake_rows.old = (struct store_old){
		.count = count, .bytes = bytes, .first_row = first, .last_row = first + count - 1};
}

static void what_cannot_be_told_is_kept(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	const uint64_t devices = bed.host.limits.value[LIMIT_DEVICES];

	report_many("one", "10.0.0.1", 5);
	bed.config.outbox_max_age = 3600;
	will_find(1, 2, 2);
	bed.host.limits.value[LIMIT_GAP_RECORDS] = 0;
	bed.host.limits.value[LIMIT_DEVICES] = 0;
	trim_start(&bed.host);
	bed_advance(1);
	assert_int_equal(fake_rows.oldest_asked, 1);
	assert_int_equal(owed_of(device), 5);
	assert_int_equal(bed.host.metrics.lost[LOST_TOO_OLD], 0);
	assert_int_equal(bed.host.metrics.untold, 0);
	/* Room again: with the next look. */
	bed.host.limits.value[LIMIT_DEVICES] = devices;
	bed_advance(60 * USEC_PER_SEC + 1);
	assert_int_equal(fake_rows.trimmed_last, 2);
	assert_int_equal(owed_of(device), 3);
	assert_int_equal(fake_rows.gap_count, 1);
}

static void too_old(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct owed_stats stats;
	uint64_t bytes;

	report_many("one", "10.0.0.1", 5);
	bytes = owed_device_bytes(bed.host.owed, device->record->row);
	trim_start(&bed.host);
	bed_advance(100 * USEC_PER_SEC);
	assert_int_equal(fake_rows.oldest_asked, 0); /* no age is set */
	bed.config.outbox_max_age = 3600;
	will_find(1, 2, bytes / 5 * 2);
	fake_rows.old.next_time = 4711;
	trim_start(&bed.host);
	bed_advance(1);
	assert_int_equal(fake_rows.oldest_asked, 1);
	assert_true(fake_rows.oldest.before == bed.wall_msec - 3600000);
	assert_int_equal(fake_rows.oldest.bytes, 0);
	assert_int_equal(fake_rows.trimmed_last, 2);
	assert_int_equal(owed_of(device), 3);
	owed_stats(bed.host.owed, &stats);
	assert_int_equal(stats.oldest_time, 4711);
	assert_int_equal(bed.host.metrics.lost[LOST_TOO_OLD], 2);
	assert_int_equal(fake_rows.gap_count, 1);
	assert_int_equal(fake_rows.gap[0].count, 2);
	assert_string_equal(fake_rows.gap[0].reason, "too old");
	/* Looked at again after a minute; there is nothing now. */
	will_find(0, 0, 0);
	bed_advance(60 * USEC_PER_SEC + 1);
	assert_int_equal(fake_rows.oldest_asked, 2);
	assert_int_equal(owed_of(device), 3);
	/* The rest leaves, and the gap is told. */
	link_up();
	assert_non_null(published_newest("/gap"));
}

/* What the clock says means nothing, or the device sends: nobody is asked. */
static void not_for_age(void **state)
{
	active_device("one", "10.0.0.1");
	report_many("one", "10.0.0.1", 5);
	bed.config.outbox_max_age = 2;
	bed.synced = false;
	trim_start(&bed.host);
	bed_advance(10 * USEC_PER_SEC);
	assert_int_equal(fake_rows.oldest_asked, 0);
	bed.synced = true;
	link_up();
	bed_advance(10 * USEC_PER_SEC);
	assert_int_equal(fake_rows.oldest_asked, 0);
}

static void refuse_all(void)
{
	for (size_t i = 0; i < fake_publication_count; i++)
		if (strstr(fake_publications[i].topic, "/telemetry") &&
			!fake_publications[i].landed) {
			fake_publications[i].landed = true;
			uplink_refuse(i, 0x87);
		}
}

/* A platform that refuses for the moment will take it in a second. */
static void not_for_age_of_who_is_refused_once(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	link_up();
	report_many("one", "10.0.0.1", 2);
	bed_run_loop();
	refuse_all();
	assert_true(device_host(device)->refused_waits);
	bed.config.outbox_max_age = 3600;
	will_find(1, 1, 1);
	trim_start(&bed.host);
	bed_advance(1);
	assert_int_equal(fake_rows.oldest_asked, 0);
	assert_int_equal(owed_of(device), 2);
}

/* The session is up, and nothing of it leaves: it is suspended, or its platform takes nothing. */
static void for_age_of_who_may_not_leave(void **state)
{
	struct device *suspended = active_device("one", "10.0.0.1");
	struct device *refused = active_device("two", "10.0.0.2");
	struct act act = act_on(ACT_SUSPEND, suspended->record->id);
	uint64_t before;

	report_many("one", "10.0.0.1", 2);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	link_up();
	report_many("two", "10.0.0.2", 2);
	bed_run_loop();
	refuse_all();
	bed_advance(61 * USEC_PER_SEC);
	bed_run_loop();
	refuse_all();
	assert_true(device_host(refused)->refused_waits);
	assert_int_equal(owed_of(suspended), 2);
	assert_int_equal(owed_of(refused), 2);
	before = fake_publication_count;
	bed.config.outbox_max_age = 3600;
	will_find(1, 1, 1);
	trim_start(&bed.host);
	bed_advance(1);
	bed_run_loop();
	assert_int_equal(fake_rows.oldest_asked, 2);
	assert_int_equal(owed_of(suspended), 1);
	assert_int_equal(fake_rows.oldest.device_row, refused->record->row);
	/* Both are held as before; that they were asked about is no reason to send. */
	for (size_t i = before; i < fake_publication_count; i++)
		assert_null(strstr(fake_publications[i].topic, "/telemetry"));
}

static void for_room(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct owed_limits limits;
	uint64_t before;

	bed.config.outbox_max_bytes = 1000;
	limits = outbox_limits(&bed.host);
	owed_set_limits(bed.host.owed, &limits);
	report_many("one", "10.0.0.1", 60);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(fake_rows.oldest_asked, 0); /* refuse: the default */
	before = owed_of(device);
	bed.config.outbox_when_full = FULL_DROP_OLDEST;
	will_find(1, 3, 3 * (owed_device_bytes(bed.host.owed, device->record->row) / before));
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(5, 3)); /* for the moment */
	assert_int_equal(fake_rows.oldest.before, 0);
	assert_true(fake_rows.oldest.bytes > 0);
	assert_int_equal(owed_of(device), before - 3);
	assert_int_equal(bed.host.metrics.lost[LOST_FOR_ROOM], 3);
	assert_string_equal(fake_rows.gap[0].reason, "outbox full");
	report(&x, "one", "10.0.0.1", "1");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	/* No room on the disk: whoever has most. */
	will_find(4, 1, 1);
	report(&x, "one", "10.0.0.1", "1");
	appended_answer(-ENOSPC);
	assert_int_equal(bed.host.metrics.lost[LOST_FOR_ROOM], 4);
}

uint64_t __real_owed_greatest(const struct owed *owed,
	bool (*counts)(void *userdata, uint64_t device_row), void *userdata);
uint64_t __wrap_owed_greatest(const struct owed *owed,
	bool (*counts)(void *userdata, uint64_t device_row), void *userdata);
void __real_owed_stats(const struct owed *owed, struct owed_stats *ret_stats);
void __wrap_owed_stats(const struct owed *owed, struct owed_stats *ret_stats);
static unsigned walks; /* through all devices */

uint64_t __wrap_owed_greatest(const struct owed *owed,
	bool (*counts)(void *userdata, uint64_t device_row), void *userdata)
{
	walks++;
	return __real_owed_greatest(owed, counts, userdata);
}

void __wrap_owed_stats(const struct owed *owed, struct owed_stats *ret_stats)
{
	walks++;
	__real_owed_stats(owed, ret_stats);
}

/* The outbox is full, whatever is owed now. */
static void make_full(void)
{
	struct owed_limits limits;

	bed.config.outbox_when_full = FULL_DROP_OLDEST;
	bed.config.outbox_max_bytes = 1;
	limits = outbox_limits(&bed.host);
	owed_set_limits(bed.host.owed, &limits);
	walks = 0;
}

/* The one that owes most has a session of its own, which is up and slow: the others are in an
 * outage, and one of them makes room. */
static void of_whoever_cannot_send(void **state)
{
	struct device *slow = hub_device("slow", "10.0.0.3"), *most;

	active_device("one", "10.0.0.1");
	most = active_device("two", "10.0.0.2");
	report_many("slow", "10.0.0.3", 9);
	report_many("one", "10.0.0.1", 2);
	report_many("two", "10.0.0.2", 3);
	assert_int_equal(owed_of(slow), 9);
	fake_rows.oldest_by_hand = true;
	make_full();
	report(&x, "one", "10.0.0.1", "1");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(fake_rows.oldest_asked, 1);
	assert_int_equal(fake_rows.oldest.device_row, most->record->row);
}

/* Readings that are refused cost no walk through all devices each: not while room is being made,
 * and not when nobody is there who could make some. */
static void one_walk_for_many_that_are_refused(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	report_many("one", "10.0.0.1", 5);
	fake_rows.oldest_by_hand = true;
	make_full();
	report_many("one", "10.0.0.1", 50);
	assert_int_equal(fake_rows.oldest_asked, 1);
	assert_int_equal(walks, 1);
	fake_rows.oldest_done(fake_rows.oldest_userdata, 0, &(const struct store_old){0});
	link_up();
	walks = 0;
	report_many("one", "10.0.0.1", 50);
	assert_int_equal(walks, 1);
	/* It is looked again when some time has passed. */
	uplink_event(UPLINK_LOST);
	bed_advance(USEC_PER_SEC);
	report_many("one", "10.0.0.1", 50);
	assert_int_equal(walks, 2);
	assert_int_equal(fake_rows.oldest_asked, 2);
	assert_int_equal(fake_rows.oldest.device_row, device->record->row);
}

/* An alarm that stands still, and readings that find room: no walk for each of them either. */
static void no_walk_for_the_alarm(void **state)
{
	struct owed_limits limits;

	active_device("one", "10.0.0.1");
	report_many("one", "10.0.0.1", 5);
	make_full();
	report_many("one", "10.0.0.1", 1);
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	bed.config.outbox_max_bytes =
		owed_device_bytes(bed.host.owed, 1) * 21 / 20; /* more than nine tenths */
	limits = outbox_limits(&bed.host);
	limits.outbox_bytes = 1 << 20;
	owed_set_limits(bed.host.owed, &limits);
	bed_advance(61 * USEC_PER_SEC);
	walks = 0;
	report_many("one", "10.0.0.1", 10);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_true(host_alarm_is_active(&bed.host, ALARM_OUTBOX_FULL, ""));
	assert_int_equal(walks, 0);
}

/* The delete finds no room: it is tried again, and only then they are gone. */
static void tried_again(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	report_many("one", "10.0.0.1", 5);
	bed.config.outbox_max_age = 3600;
	will_find(1, 2, 2);
	fake_rows.drop_result = -ENOSPC;
	trim_start(&bed.host);
	bed_advance(1);
	assert_int_equal(owed_of(device), 5);
	bed_advance(9 * USEC_PER_SEC);
	trim_start(&bed.host); /* a reload changes nothing about it */
	fake_rows.drop_result = 0;
	will_find(0, 0, 0);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(owed_of(device), 3);
	assert_int_equal(fake_rows.gap_count, 1);
	assert_int_equal(fake_rows.oldest_asked, 1);
	/* And age is looked at as before. */
	bed_advance(61 * USEC_PER_SEC);
	assert_int_equal(fake_rows.oldest_asked, 2);
}

/* One after the other, and who is gone when the answer comes loses nothing twice. */
static void walked(void **state)
{
	struct device *one = active_device("one", "10.0.0.1");
	struct device *two = active_device("two", "10.0.0.2");
	struct act act = act_on(ACT_REVOKE, one->record->id);

	report_many("one", "10.0.0.1", 2);
	report_many("two", "10.0.0.2", 2);
	bed.config.outbox_max_age = 3600;
	fake_rows.oldest_by_hand = true;
	trim_start(&bed.host);
	bed_advance(1);
	assert_int_equal(fake_rows.oldest.device_row, one->record->row);
	acted(&act);
	store_answer_all(0);
	assert_int_equal(owed_of(one), 0);
	fake_rows.oldest_done(fake_rows.oldest_userdata, 0,
		&(const struct store_old){.count = 2, .bytes = 2, .first_row = 1, .last_row = 2});
	assert_int_equal(fake_rows.oldest.device_row, two->record->row);
	/* The store is closing: that is the end of it. */
	fake_rows.oldest_done(fake_rows.oldest_userdata, -ECANCELED, &(const struct store_old){0});
	assert_int_equal(owed_of(two), 2);
	assert_int_equal(fake_rows.oldest_asked, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_cannot_be_told_is_kept),
		T(too_old),
		T(not_for_age),
		T(not_for_age_of_who_is_refused_once),
		T(for_age_of_who_may_not_leave),
		T(for_room),
		T(of_whoever_cannot_send),
		T(one_walk_for_many_that_are_refused),
		T(no_walk_for_the_alarm),
		T(tried_again),
		T(walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
