/* SPDX-License-Identifier: Apache-2.0 */

/* The gateway's own session: when it is tried, what is said on it, and how it ends. */

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
#include "host/journal.h"
#include "host/status-round.h"
#include "host/upstream.h"

static void a_broker_that_is_down_is_tried_with_back_off(void **state)
{
	uint64_t longest = 0;
	unsigned i;

	assert_int_equal(fake_connects, 1);
	for (i = 0; i < 20; i++) {
		uint64_t left;

		uplink_event(UPLINK_UNREACHABLE);
		assert_int_equal(bed.host.link, LINK_DOWN);
		left = bed_timer_left("uplink-retry");
		assert_in_range(left, USEC_PER_SEC / 2, 60 * USEC_PER_SEC);
		longest = left > longest ? left : longest;
		assert_int_equal(fake_connects, i + 1);
		bed_advance(left + 1);
		assert_int_equal(fake_connects, i + 2);
	}
	assert_true(longest > 5 * USEC_PER_SEC);
	assert_int_equal(fake_sessions, 1);
	/* A broker that takes it and drops it at once is no reason to begin anew. */
	link_up();
	bed_advance(59 * USEC_PER_SEC);
	uplink_event(UPLINK_LOST);
	assert_true(bed.host.link_backoff.tries > 20);
	bed_advance(61 * USEC_PER_SEC);
	link_up();
	bed_advance(61 * USEC_PER_SEC);
	uplink_event(UPLINK_LOST);
	assert_int_equal(bed.host.link_backoff.tries, 1);
	assert_true(bed_timer_left("uplink-retry") <= USEC_PER_SEC);
}

static void a_refused_credential_is_not_tried_hot(void **state)
{
	uplink_event(UPLINK_NOT_AUTHORISED);
	assert_int_equal(bed.host.link, LINK_REFUSED);
	assert_true(host_alarm_is_active(&bed.host, ALARM_UPLINK_REFUSED, "broker.example"));
	bed_advance(299 * USEC_PER_SEC);
	assert_int_equal(fake_connects, 1);
	/* Then the password is read anew: a session of its own. */
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(fake_connects, 2);
	assert_int_equal(fake_sessions, 2);
	link_up();
	assert_false(host_alarm_is_active(&bed.host, ALARM_UPLINK_REFUSED, "broker.example"));
}

static void a_reload_tries_a_refused_one_at_once(void **state)
{
	upstream_reload(&bed.host, &bed.config);
	assert_int_equal(fake_connects, 1);
	uplink_event(UPLINK_NOT_AUTHORISED);
	upstream_reload(&bed.host, &bed.config);
	assert_int_equal(fake_connects, 2);
	assert_int_equal(fake_sessions_alive, 1);
}

static void down_for_long_is_an_alarm(void **state)
{
	bed_advance(899 * USEC_PER_SEC);
	assert_false(host_alarm_is_active(&bed.host, ALARM_UPLINK_DOWN, "broker.example"));
	bed_advance(2 * USEC_PER_SEC);
	assert_true(host_alarm_is_active(&bed.host, ALARM_UPLINK_DOWN, "broker.example"));
	link_up();
	assert_false(host_alarm_is_active(&bed.host, ALARM_UPLINK_DOWN, "broker.example"));
}

static void statuses_are_published_at_each_connect(void **state)
{
	struct device *active = active_device("active", "10.0.0.1");
	struct device *revoked = active_device("revoked", "10.0.0.2");
	struct act act = act_on(ACT_REVOKE, revoked->record->id);
	char topic[128];
	size_t from;

	pending_device("pending", "10.0.0.3", "{}");
	acted(&act);
	link_up();
	assert_string_equal(fake_publications[0].topic, "gatehouse/plant/status");
	assert_non_null(strstr(fake_publications[0].payload, "online"));
	/* Who was never let in is not known upstream. */
	assert_int_equal(published("/status", 0), 3);
	snprintf(topic, sizeof(topic), "%s/status", active->record->id);
	assert_int_equal(published(topic, 0), 1);
	assert_true(published_newest(topic)->retain);
	assert_non_null(strstr(published_newest(topic)->payload, "\"state\":\"approved\""));
	snprintf(topic, sizeof(topic), "%s/status", revoked->record->id);
	assert_non_null(strstr(published_newest(topic)->payload, "\"state\":\"revoked\""));
	from = fake_publication_count;
	uplink_event(UPLINK_LOST);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	assert_int_equal(published("/status", from), 3);
}

/* Connects, without a further turn of the loop. */
static void connect_only(void)
{
	for (int i = 0; i < 300 && bed.host.link != LINK_CONNECTING; i++)
		bed_advance(USEC_PER_SEC);
	uplink_event(UPLINK_CONNECTED);
}

/* Many devices are a slice in each turn, and whoever is forgotten meanwhile takes nobody along. */
static void statuses_of_many_come_in_slices(void **state)
{
	enum { MANY = 2 * STATUS_ROUND_SLICE + 7 };
	char ep[16], ip[32], id[DEVICE_ID_MAX + 1];
	struct act act;
	size_t from;

	for (unsigned i = 0; i < MANY; i++) {
		if (i % 5 == 0)
			bed_advance(60 * USEC_PER_SEC);
		snprintf(ep, sizeof(ep), "many-%u", i);
		snprintf(ip, sizeof(ip), "10.0.%u.%u", 1 + i / 200, 1 + i % 200);
		active_device(ep, ip);
	}
	connect_only();
	assert_int_equal(published("/status", 0), 1 + STATUS_ROUND_SLICE);
	/* The one that the next slice would begin behind, and the one that it would begin with. */
	for (unsigned i = STATUS_ROUND_SLICE - 1; i <= STATUS_ROUND_SLICE; i++) {
		snprintf(ep, sizeof(ep), "many-%u", i);
		snprintf(id, sizeof(id), "%s", registry_by_ep(bed.host.registry, ep)->record->id);
		act = act_on(ACT_REVOKE, id);
		assert_int_equal(acted(&act).result, ACT_DONE);
		act = act_on(ACT_FORGET, id);
		assert_int_equal(acted(&act).result, ACT_DONE);
	}
	from = fake_publication_count;
	bed_advance(USEC_PER_SEC);
	assert_int_equal(published("/status", from), MANY - STATUS_ROUND_SLICE - 1);
	/* What a lost connection interrupted begins anew, and not before. */
	uplink_event(UPLINK_LOST);
	connect_only();
	uplink_event(UPLINK_LOST);
	from = fake_publication_count;
	for (int i = 0; i < 300 && bed.host.link != LINK_CONNECTING; i++)
		bed_advance(USEC_PER_SEC);
	assert_int_equal(published("/status", from), 0);
	connect_only();
	bed_advance(USEC_PER_SEC);
	/* And once more what is to be cleared of those two. */
	assert_int_equal(published("/status", from), 1 + MANY - 2 + 2);
}

static void nothing_is_said_of_who_was_never_let_in(void **state)
{
	struct device *device;
	struct act act;

	link_up();
	device = pending_device("one", "10.0.0.1", "{}");
	act = act_on(ACT_REJECT, device->record->id);
	acted(&act);
	act.kind = ACT_BLOCK;
	acted(&act);
	assert_int_equal(published("/status", 0), 1); /* the gateway's own */
}

static void what_is_retained_of_a_forgotten_device_is_cleared(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	size_t from;

	link_up();
	acted(&act);
	/* Even after another operation, which has forgotten the platform's id. */
	act.kind = ACT_ADMIT;
	acted(&act);
	act.kind = ACT_REJECT;
	acted(&act);
	act.kind = ACT_FORGET;
	from = fake_publication_count;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(published("/status", from), 1);
	assert_true(published_newest("/status")->retain);
	assert_string_equal(published_newest("/status")->payload, "");
}

static void the_link_of_a_device_follows(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	assert_int_equal(device->record->life.link, LINK_CONNECTING);
	link_up();
	assert_int_equal(device->record->life.link, LINK_UP);
	uplink_event(UPLINK_LOST);
	assert_int_equal(device->record->life.link, LINK_DOWN);
	/* When to connect again is decided here, for all of them: the driver is not asked. */
	assert_int_equal(bed_timer_left("platform-advance"), UINT64_MAX);
	bed_advance(2 * USEC_PER_SEC);
	link_up();
	assert_int_equal(device->record->life.link, LINK_UP);
	assert_int_equal(store_waiting(), 0);
}

static void a_session_taken_over_is_an_alarm(void **state)
{
	link_up();
	uplink_event(UPLINK_TAKEN_OVER);
	uplink_event(UPLINK_LOST);
	assert_true(host_alarm_is_active(&bed.host, ALARM_UPLINK_TAKEN_OVER, "gatehouse-plant"));
	assert_int_equal(bed.host.link, LINK_DOWN);
	assert_true(bed_timer_left("uplink-retry") < 60 * USEC_PER_SEC);
}

static void a_cut_session_sends_nothing_more(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	size_t from;

	link_up();
	from = fake_publication_count;
	upstream_cut(&bed.host);
	assert_false(upstream_is_up(&bed.host));
	upstream_publish_status(&bed.host, device);
	upstream_publish_gateway(&bed.host, "online");
	upstream_cut(&bed.host);
	assert_int_equal(fake_publication_count, from);
	assert_int_equal(fake_cuts, 1);
	uplink_event(UPLINK_LOST);
	assert_int_equal(bed.host.link, LINK_DOWN);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(fake_connects, 2);
	link_up();
	/* One that is not there yet is just ended. */
	uplink_event(UPLINK_LOST);
	upstream_cut(&bed.host);
	assert_int_equal(fake_sessions_alive, 0);
}

static void the_audit_head_is_upstream_every_day(void **state)
{
	size_t from;

	link_up();
	from = fake_publication_count;
	snprintf(bed.host.facts.audit_head, sizeof(bed.host.facts.audit_head), "%s", "abcd1234");
	bed_advance(86399 * USEC_PER_SEC);
	assert_int_equal(published("plant/status", from), 0);
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(published("plant/status", from), 1);
	assert_non_null(strstr(published_newest("plant/status")->payload, "abcd1234"));
	assert_non_null(strstr(published_newest("plant/status")->payload, "online"));
	bed_advance(86400 * USEC_PER_SEC);
	assert_int_equal(published("plant/status", from), 2);
}

static void no_broker_is_configured(void **state)
{
	struct host *host = &bed.host;

	host->session = uplink_session_free(host->session);
	bed.config.mqtt_host[0] = '\0';
	assert_int_equal(upstream_start(host), 0);
	assert_int_equal(host->link, LINK_DOWN);
	assert_int_equal(fake_connects, 1);
}

static void a_password_file_that_cannot_be_read(void **state)
{
	struct host *host = &bed.host;

	uplink_event(UPLINK_NOT_AUTHORISED);
	snprintf(bed.config.mqtt_password_file, sizeof(bed.config.mqtt_password_file),
		"/nowhere/password");
	upstream_reload(host, &bed.config);
	assert_int_equal(fake_connects, 1);
	assert_null(host->session);
	assert_int_equal(host->link, LINK_DOWN);
	bed.config.mqtt_password_file[0] = '\0';
	bed_advance(2 * USEC_PER_SEC);
	assert_int_equal(fake_connects, 2);
}

static void offline_is_said_at_the_end(void **state)
{
	link_up();
	upstream_stop(&bed.host);
	assert_non_null(strstr(published_newest("plant/status")->payload, "offline"));
	uplink_event(UPLINK_LOST);
	assert_int_equal(bed_timer_left("uplink-retry"), UINT64_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_broker_that_is_down_is_tried_with_back_off),
		T(a_refused_credential_is_not_tried_hot),
		T(a_reload_tries_a_refused_one_at_once),
		T(down_for_long_is_an_alarm),
		T(statuses_are_published_at_each_connect),
		T(statuses_of_many_come_in_slices),
		T(nothing_is_said_of_who_was_never_let_in),
		T(what_is_retained_of_a_forgotten_device_is_cleared),
		T(the_link_of_a_device_follows),
		T(a_session_taken_over_is_an_alarm),
		T(a_cut_session_sends_nothing_more),
		T(the_audit_head_is_upstream_every_day),
		T(no_broker_is_configured),
		T(a_password_file_that_cannot_be_read),
		T(offline_is_said_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
