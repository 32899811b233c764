/* SPDX-License-Identifier: Apache-2.0 */

/* Devices with a session of their own: when it is tried, what goes by it, how it ends. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/journal.h"
#include "host/outbox-host.h"
#include "host/platform-host.h"
#include "host/reading.h"
#include "host/session-parts.h"
#include "host/upstream.h"
#include "hub-device.h"

static void ignore_outcome(void *userdata, const struct act_outcome *outcome)
{
	assert_int_equal(outcome->result, ACT_DONE);
}

static void import_token(const char *ep, const char *username, const char *password)
{
	const struct act act = {.kind = ACT_TOKENS_PUT, .role = ROLE_ADMIN, .who = "anna"};
	struct token_list list = {0};
	struct token *token;

	assert_int_equal(token_new(span_from_string(ep), span_from_string(username),
				 span_from_string(password), &token),
		0);
	token_list_add(&list, token);
	token_import(&bed.host, &act, &list, ignore_outcome, NULL);
	store_answer_all(0);
}

static struct device *taken_in(const char *ep, const char *ip)
{
	struct device *device;
	struct act act;

	strcpy(bed.config.platform, "mqtt");
	import_token(ep, "user", "secret");
	device = pending_device(ep, ip, "{}");
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	assert_int_equal(device->record->life.operation, OPERATION_BOUND);
	assert_int_equal(device->record->life.link, LINK_CONNECTING);
	return device;
}

static struct device *connected(const char *ep, const char *ip)
{
	struct device *device = taken_in(ep, ip);

	bed_advance(USEC_PER_SEC);
	session_event(device->record->id, UPLINK_CONNECTED);
	store_answer_all(0);
	assert_int_equal(device->record->life.link, LINK_UP);
	return device;
}

static void send_reading(const char *ep, const char *ip, const char *number)
{
	struct lan_exchange exchange = {0};

	report(&exchange, ep, ip, number);
	appended_answer(0);
	assert_int_equal(exchange.code, COAP_CODE(2, 4));
	bed_run_loop();
}

static void a_session_under_the_devices_own_user(void **state)
{
	struct device *device = taken_in("pump", "10.0.0.7");

	assert_false(session_is_there(device->record->id));
	bed_advance(1);
	assert_true(session_is_there(device->record->id));
	assert_string_equal(session_account(device->record->id), "user:secret");
	session_event(device->record->id, UPLINK_CONNECTED);
	assert_int_equal(published("/status", 0), 1);
	assert_ptr_not_equal(published_newest("/status")->session, bed.host.session);
	/* The gateway's own session is down all the time. */
	assert_false(upstream_is_up(&bed.host));
	send_reading("pump", "10.0.0.7", "1");
	assert_int_equal(published("/telemetry", 0), 1);
	assert_ptr_equal(
		published_newest("/telemetry")->session, published_newest("/status")->session);
	uplink_deliver(fake_publication_count - 1);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 0);
}

static void shared_and_own_go_side_by_side(void **state)
{
	struct device *shared = active_device("meter", "10.0.0.8"), *own;

	own = connected("pump", "10.0.0.7");
	send_reading("meter", "10.0.0.8", "1");
	assert_int_equal(published("/telemetry", 0), 0);
	send_reading("pump", "10.0.0.7", "2");
	assert_int_equal(published("/telemetry", 0), 1);
	link_up();
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 2);
	assert_ptr_equal(published_newest("/telemetry")->session, bed.host.session);

	/* The gateway's session breaks: what is in flight on the other one stays in flight. */
	uplink_event(UPLINK_LOST);
	assert_false(flights_of_device(&bed.host, shared->record->row));
	assert_true(flights_of_device(&bed.host, own->record->row));
	assert_int_equal(own->record->life.link, LINK_UP);
	assert_int_equal(shared->record->life.link, LINK_DOWN);
	session_event(own->record->id, UPLINK_LOST);
	assert_false(flights_of_device(&bed.host, own->record->row));
	assert_int_equal(own->record->life.link, LINK_DOWN);
}

#define METERS 40

static void shared_broker_hangs_up(void)
{
	bed.host.mqtt_version = 4;
	uplink_event(UPLINK_LOST);
	bed_advance(60 * USEC_PER_SEC);
	link_up();
	bed.host.mqtt_version = 4;
	bed_run_loop();
}

static void meter(unsigned i, void (*with)(const char *ep, const char *ip))
{
	char ep[16], ip[24];

	snprintf(ep, sizeof(ep), "meter-%u", i);
	snprintf(ip, sizeof(ip), "10.0.1.%u", 1 + i);
	with(ep, ip);
}

static void make_active(const char *ep, const char *ip)
{
	active_device(ep, ip);
}

static void send_one(const char *ep, const char *ip)
{
	send_reading(ep, ip, "1");
}

/* METERS devices on the gateway's session, each with a reading that its broker may have hung up
 * about, and one with a session of its own. */
static struct device *all_suspected(void)
{
	struct device *own;

	bed.config.new_per_minute = 2 * METERS;
	for (unsigned i = 0; i < METERS; i++)
		meter(i, make_active);
	own = connected("pump", "10.0.0.7");
	link_up();
	for (unsigned i = 0; i < METERS; i++)
		meter(i, send_one);
	shared_broker_hangs_up();
	shared_broker_hangs_up();
	assert_int_equal(bed.host.suspect.alone, METERS);
	return own;
}

/* The gateway's session sends one at a time until it is known whom its broker hangs up about: that
 * is nothing to a device with a session of its own. */
static void a_suspect_on_the_shared_session_holds_no_other(void **state)
{
	struct device *own = all_suspected();
	size_t from = fake_publication_count;

	send_reading("pump", "10.0.0.7", "1");
	send_reading("pump", "10.0.0.7", "2");
	assert_int_equal(published("/telemetry", from), 2);
	assert_non_null(strstr(fake_publications[from].topic, own->record->id));
	/* And then it rests: nobody's turn comes again before an answer. */
	bed_run_loop();
	assert_int_equal(published("/telemetry", from), 2);
}

bool __real_owed_set_aside(struct owed *owed, uint64_t device_row, uint64_t row);
bool __wrap_owed_set_aside(struct owed *owed, uint64_t device_row, uint64_t row);
static unsigned passed_over;

bool __wrap_owed_set_aside(struct owed *owed, uint64_t device_row, uint64_t row)
{
	passed_over++;
	return __real_owed_set_aside(owed, device_row, row);
}

/* Those that wait meanwhile are looked at once each, however much comes and goes. */
static void whoever_waits_for_a_suspect_is_passed_over_once(void **state)
{
	unsigned delivered = 0;
	size_t at, from;

	passed_over = 0;
	all_suspected();
	assert_int_equal(passed_over, METERS - 1);
	from = fake_publication_count;
	for (unsigned i = 0; i < METERS; i++) {
		send_reading("pump", "10.0.0.7", "1");
		uplink_deliver(fake_publication_count - 1);
		meter(i, send_one);
	}
	/* And the one that is on its way, with what it has to say besides. */
	assert_int_equal(passed_over, METERS);
	assert_int_equal(published("/telemetry", from), METERS);
	/* One for each answer; in the end nobody is suspected, and nobody was forgotten. */
	for (at = 0; at < fake_publication_count; at++)
		if (fake_publications[at].tag) {
			unsigned flying = bed.host.flights_in_use;

			uplink_deliver(at);
			delivered += bed.host.flights_in_use < flying;
			bed_run_loop();
		}
	assert_int_equal(bed.host.suspect.alone, 0);
	assert_int_equal(bed.host.flights_in_use, 0);
	for (uint64_t row = 1; row <= METERS + 1; row++)
		assert_int_equal(owed_device_count(bed.host.owed, row), 0);
	assert_in_range(passed_over, METERS, 4 * METERS);
	assert_true(delivered >= METERS);
}

static void lost_is_tried_again_and_sent_again(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t before;
	unsigned i;

	send_reading("pump", "10.0.0.7", "1");
	send_reading("pump", "10.0.0.7", "2");
	assert_int_equal(published("/telemetry", 0), 2);
	for (i = 0; i < 12; i++) {
		uint64_t left;

		session_event(device->record->id, i ? UPLINK_UNREACHABLE : UPLINK_LOST);
		assert_int_equal(device->record->life.link, LINK_DOWN);
		left = bed_timer_left("session-retry");
		assert_in_range(left, USEC_PER_SEC, 300 * USEC_PER_SEC);
		bed_advance(left + USEC_PER_SEC);
		assert_int_equal(device->record->life.link, LINK_CONNECTING);
	}
	before = fake_publication_count;
	session_event(device->record->id, UPLINK_CONNECTED);
	bed_run_loop();
	assert_int_equal(published("/telemetry", before), 2);
	assert_string_equal(
		fake_publications[fake_publication_count - 1].id, fake_publications[before - 1].id);
}

/* Nothing renews a static credential: one try, an alarm, and then nothing until it is replaced. */
static void refused_waits_for_another_token(void **state)
{
	struct device *device = taken_in("pump", "10.0.0.7");
	char id[DEVICE_ID_MAX + 1];
	unsigned connects;

	memcpy(id, device->record->id, sizeof(id));
	bed_advance(1);
	session_event(id, UPLINK_NOT_AUTHORISED);
	store_answer_all(0);
	assert_int_equal(device->record->life.credential, CREDENTIAL_REFUSED);
	assert_int_equal(device->record->life.link, LINK_REFUSED);
	assert_true(host_alarm_is_active(&bed.host, ALARM_CREDENTIAL_REFUSED, id));
	bed_advance(1);
	assert_false(session_is_there(id));
	connects = fake_connects;
	bed_advance(3600 * USEC_PER_SEC);
	/* The gateway's own, which waits for its answer, does not count. */
	assert_int_equal(fake_connects, connects);

	send_reading("pump", "10.0.0.7", "1");
	import_token("pump", "user", "right");
	store_answer_all(0);
	bed_advance(USEC_PER_SEC);
	assert_string_equal(session_account(id), "user:right");
	session_event(id, UPLINK_CONNECTED);
	store_answer_all(0);
	bed_run_loop();
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_false(host_alarm_is_active(&bed.host, ALARM_CREDENTIAL_REFUSED, id));
	assert_int_equal(published("/telemetry", 0), 1);
}

static void another_token_is_taken_at_once(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	unsigned connects = fake_connects;

	import_token("pump", "user", "secret");
	store_answer_all(0);
	bed_advance(USEC_PER_SEC);
	assert_int_equal(fake_connects, connects);
	import_token("pump", "user", "other");
	store_answer_all(0);
	bed_advance(USEC_PER_SEC);
	assert_int_equal(fake_connects, connects + 1);
	assert_string_equal(session_account(device->record->id), "user:other");
	session_event(device->record->id, UPLINK_CONNECTED);
	store_answer_all(0);
	assert_int_equal(device->record->life.link, LINK_UP);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_int_equal(device->record->life.credential_old.size, 0);
}

static void taken_over_is_an_alarm_and_backs_off(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	char id[DEVICE_ID_MAX + 1];
	unsigned i;

	memcpy(id, device->record->id, sizeof(id));
	for (i = 0; i < 8; i++) {
		session_event(id, UPLINK_TAKEN_OVER);
		session_event(id, UPLINK_LOST);
		store_answer_all(0);
		assert_true(host_alarm_is_active(&bed.host, ALARM_LEAK, id));
		assert_int_equal(device->record->life.link, LINK_DOWN);
		bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
		session_event(id, UPLINK_CONNECTED);
		store_answer_all(0);
	}
	/* It connected each time, but never for long: it is not tried at full speed. */
	session_event(id, UPLINK_LOST);
	assert_true(device_host(device)->session != NULL);
	bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
	session_event(id, UPLINK_CONNECTED);
	bed_advance(61 * USEC_PER_SEC);
	session_event(id, UPLINK_LOST);
	assert_in_range(bed_timer_left("session-retry"), USEC_PER_SEC, 2 * USEC_PER_SEC);
}

/* Accepted, and closed by the hub a second later. */
static void closed_soon(const char *id)
{
	bed_advance(USEC_PER_SEC);
	session_event(id, UPLINK_LOST);
	store_answer_all(0);
}

static void comes_back(const char *id)
{
	bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
	session_event(id, UPLINK_CONNECTED);
	store_answer_all(0);
}

static bool is_leak(const char *id)
{
	return host_alarm_is_active(&bed.host, ALARM_LEAK, id);
}

/* A hub that says no word of it. */
static void taken_over_without_a_word(void **state)
{
	struct device *device = hub_device("pump", "10.0.0.7");
	char id[DEVICE_ID_MAX + 1];
	unsigned connects;

	memcpy(id, device->record->id, sizeof(id));
	closed_soon(id);
	comes_back(id);
	closed_soon(id);
	assert_false(is_leak(id));
	comes_back(id);
	closed_soon(id);
	assert_true(is_leak(id));
	assert_int_equal(disk_audit_count("leak", "somebody else connected under its identity"), 1);
	assert_string_equal(
		device_host(device)->platform_why, "somebody else connected under its identity");
	/* No war: nobody is asked anew, and each try comes later than the one before. */
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	connects = fake_connects;
	for (unsigned i = 0; i < 9; i++) {
		comes_back(id);
		closed_soon(id);
	}
	assert_int_equal(fake_connects, connects + 9);
	/* Drawn between the first delay and a ceiling that has grown to its cap. */
	assert_int_equal(device_host(device)->session->backoff.tries, 12);
	assert_in_range(bed_timer_left("session-retry"), 1 * USEC_PER_SEC, 300 * USEC_PER_SEC);
	assert_int_equal(disk_audit_count("leak", NULL), 1);
}

/* A network that is ill, a hub that was away, a message that it did not like, another platform. */
static void what_is_no_sign_of_another(void **state)
{
	struct device *device = hub_device("pump", "10.0.0.7");
	char id[DEVICE_ID_MAX + 1];
	char other[DEVICE_ID_MAX + 1];
	unsigned i;

	memcpy(id, device->record->id, sizeof(id));
	send_reading("pump", "10.0.0.7", "1");
	for (i = 0; i < 6; i++) {
		assert_true(flights_of_device(&bed.host, device->record->row));
		closed_soon(id);
		comes_back(id);
		bed_run_loop();
	}
	uplink_deliver(fake_publication_count - 1);
	for (i = 0; i < 6; i++) {
		closed_soon(id);
		bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
		if (i % 2)
			session_event(id, UPLINK_UNREACHABLE);
		comes_back(id);
	}
	for (i = 0; i < 6; i++) {
		bed_advance(61 * USEC_PER_SEC);
		session_event(id, UPLINK_LOST);
		comes_back(id);
	}
	memcpy(other, connected("fan", "10.0.0.9")->record->id, sizeof(other));
	for (i = 0; i < 6; i++) {
		closed_soon(other);
		comes_back(other);
	}
	assert_false(is_leak(id) || is_leak(other));
	assert_int_equal(disk_audit_count("leak", NULL), 0);
}

/* That is how a platform that goes by certificates refuses one; a line that is down is not that. */
static void ended_without_a_word_is_an_alarm(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	char id[DEVICE_ID_MAX + 1];

	memcpy(id, device->record->id, sizeof(id));
	session_event(id, UPLINK_LOST);
	for (unsigned i = 0; i < 9; i++) {
		bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
		fake_hung_up = i % 3 != 2;
		session_event(id, UPLINK_UNREACHABLE);
		assert_false(host_alarm_is_active(&bed.host, ALARM_NOT_LET_IN, id));
	}
	fake_hung_up = true;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(host_alarm_is_active(&bed.host, ALARM_NOT_LET_IN, id), i >= 3);
		assert_int_equal(session_is_not_let_in(device), i >= 3);
		bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
		/* It shows a certificate. */
		device_host(device)->session->has_identity = true;
		session_event(id, UPLINK_UNREACHABLE);
	}
	fake_hung_up = false;
	bed_advance(bed_timer_left("session-retry") + USEC_PER_SEC);
	session_event(id, UPLINK_CONNECTED);
	store_answer_all(0);
	assert_false(host_alarm_is_active(&bed.host, ALARM_NOT_LET_IN, id));
	assert_false(session_is_not_let_in(device));
	assert_int_equal(device->record->life.link, LINK_UP);
}

/* A list asks for it in each of its rows. */
static void its_certificate_is_read_once_for_each_record(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	struct device_host *part = device_host(device);
	struct api_platform seen;

	assert_null(part->certificate);
	platform_host_describe(&bed.host, device, &seen);
	assert_string_equal(seen.certificate, ""); /* a user name and a password */
	assert_string_equal(part->certificate, "");
	free(part->certificate);
	part->certificate = calloc(1, sizeof(seen.certificate));
	assert_non_null(part->certificate);
	strcpy(part->certificate, "what was read");
	platform_host_describe(&bed.host, device, &seen);
	assert_string_equal(seen.certificate, "what was read");
	session_event(device->record->id, UPLINK_LOST);
	store_answer_all(0);
	platform_host_describe(&bed.host, device, &seen);
	assert_string_equal(seen.certificate, "");
}

static void many_connect_one_after_the_other(void **state)
{
	char ep[16], ip[16];
	unsigned i, before = fake_connects;

	bed.host.limits.value[LIMIT_LINK_CONNECTS] = 5;
	bed.config.new_per_minute = 100;
	for (i = 0; i < 10; i++) {
		snprintf(ep, sizeof(ep), "pump-%u", i);
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		taken_in(ep, ip);
	}
	bed_advance(1);
	assert_int_equal(fake_connects, before + 1);
	bed_advance(USEC_PER_SEC);
	assert_int_equal(fake_connects, before + 6);
	bed_advance(USEC_PER_SEC);
	assert_int_equal(fake_connects, before + 10);
	assert_true(bed.host.limits.reached[LIMIT_LINK_CONNECTS] > 0);
}

/* A broker that was away comes back: never more than ten in a second, and each gets its turn. */
static void a_fleet_does_not_come_back_at_once(void **state)
{
	enum { COUNT = 50 };
	static char id[COUNT][DEVICE_ID_MAX + 1];
	char ep[16], ip[16];
	unsigned i, before, most = 0, seconds = 0;

	bed.host.limits.value[LIMIT_LINK_CONNECTS] = COUNT;
	bed.config.new_per_minute = bed.config.pending_max = 2 * COUNT;
	for (i = 0; i < COUNT; i++) {
		snprintf(ep, sizeof(ep), "pump-%u", i);
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		memcpy(id[i], taken_in(ep, ip)->record->id, sizeof(id[i]));
	}
	bed_advance(3 * USEC_PER_SEC);
	for (i = 0; i < COUNT; i++) {
		session_event(id[i], UPLINK_CONNECTED);
		store_answer_all(0);
	}
	bed.host.limits.value[LIMIT_LINK_CONNECTS] = limit_row(LIMIT_LINK_CONNECTS)->value;
	for (i = 0; i < COUNT; i++)
		session_event(id[i], UPLINK_LOST);
	store_answer_all(0);
	for (before = fake_connects; fake_connects < before + COUNT && seconds < 20; seconds++) {
		unsigned now = fake_connects;

		bed_advance(USEC_PER_SEC);
		most = fake_connects - now > most ? fake_connects - now : most;
	}
	assert_int_equal(fake_connects, before + COUNT);
	assert_in_range(most, 9, 11); /* a second's beginning and its end */
	assert_in_range(seconds, 4, 6);
}

static void one_session_does_not_take_the_window(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t i, sent;
	char number[16];

	bed.host.limits.value[LIMIT_LINK_WINDOW] = 4;
	for (i = 0; i < 10; i++) {
		snprintf(number, sizeof(number), "%zu", i);
		bed_advance(USEC_PER_SEC);
		send_reading("pump", "10.0.0.7", number);
	}
	assert_int_equal(published("/telemetry", 0), 4);
	for (sent = 4; sent < 10;) {
		for (i = 0; i < fake_publication_count; i++)
			if (fake_publications[i].tag && !fake_publications[i].landed) {
				uplink_deliver(i);
				fake_publications[i].landed = true;
			}
		bed_run_loop();
		assert_true(published("/telemetry", 0) > sent);
		sent = published("/telemetry", 0);
	}
	assert_int_equal(sent, 10);
	assert_true(bed.host.limits.reached[LIMIT_LINK_WINDOW] > 0);
	assert_int_equal(device->record->life.link, LINK_UP);
}

/* Its window is full of readings, and more wait for room in it. The number of publications before.
 */
static size_t window_is_full(struct device *device)
{
	size_t from = fake_publication_count;

	bed.host.limits.value[LIMIT_LINK_WINDOW] = 4;
	for (unsigned i = 0; i < 10; i++) {
		bed_advance(USEC_PER_SEC);
		send_reading("pump", "10.0.0.7", "1");
	}
	assert_int_equal(published("/telemetry", from), 4);
	assert_true(device_host(device)->session->held);
	return from;
}

/* Each of its publications that has no answer yet. */
static void land_all(size_t from, int reason)
{
	size_t until = fake_publication_count;

	for (size_t at = from; at < until; at++)
		if (fake_publications[at].tag && !fake_publications[at].landed) {
			fake_publications[at].landed = true;
			if (reason)
				uplink_refuse(at, reason);
			else
				uplink_deliver(at);
		}
	bed_run_loop();
}

static void all_leave(struct device *device, size_t from)
{
	for (unsigned i = 0; i < 10; i++)
		land_all(from, 0);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 0);
}

/* No right to its topic, or a quota; nobody connects anew for that to be over. */
static void a_full_window_that_is_refused_is_tried_again(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t from = window_is_full(device), before;

	for (unsigned i = 0; i < 5; i++) {
		land_all(from, i % 2 ? 0x97 : 0x87);
		before = published("/telemetry", from);
		assert_in_range(bed_timer_left("refused-retry"), USEC_PER_SEC, 60 * USEC_PER_SEC);
		bed_advance(bed_timer_left("refused-retry") + 1);
		bed_run_loop();
		/* The first by itself. */
		assert_int_equal(published("/telemetry", from), before + 1);
	}
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 10);
	all_leave(device, from);
	assert_int_equal(device->record->life.link, LINK_UP);
}

/* The wait after a refusal is not cut short by what was taken beside it. */
static void a_window_that_is_refused_in_part_waits(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t from = window_is_full(device), first = from;

	while (!fake_publications[first].tag)
		first++;
	fake_publications[first].landed = true;
	uplink_refuse(first, 0x97);
	land_all(from, 0);
	assert_int_equal(published("/telemetry", from), 4);
	bed_advance(bed_timer_left("refused-retry") + 1);
	bed_run_loop();
	assert_int_equal(published("/telemetry", from), 5);
	land_all(from, 0);
	assert_int_equal(published("/telemetry", from), 9);
	all_leave(device, from);
}

/* None of them will ever be taken: what is behind them has its turn. */
static void a_full_window_of_poison_goes_on(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t from = window_is_full(device);

	land_all(from, 0x99);
	assert_int_equal(fake_rows.buried_count, 4);
	assert_int_equal(published("/telemetry", from), 8);
	all_leave(device, from);
}

#define SILENT 10

static void silent_one(const char *ep, const char *ip)
{
	struct device *device = connected(ep, ip);

	for (unsigned i = 0; i < 12; i++) {
		bed_advance(100 * USEC_PER_MSEC);
		send_reading(ep, ip, "1");
	}
	assert_true(owed_in_flight(bed.host.owed, device->record->row) > 0);
}

static void ten_wait_for_a_pack(struct device *device)
{
	bed.config.mqtt_layout = LAYOUT_DEVICE;
	bed.config.mqtt_pack = 16;
	bed.host.limits.value[LIMIT_LINK_WINDOW] = 4;
	device_host(device)->session->held = true;
	reading_set_open(&bed.host, device);
	for (unsigned i = 0; i < 10; i++) {
		bed_advance(USEC_PER_SEC);
		send_reading("pump", "10.0.0.7", "1");
	}
}

/* Its window is full in the middle of a pack, which then cannot be handed over: all of it waits on
 * file, nothing is lost, and it goes on when there is room. */
static void a_pack_that_cannot_go_when_the_window_is_full(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t from = fake_publication_count;

	ten_wait_for_a_pack(device);
	fake_publish_result = -ENOMEM;
	session_let_go_on(&bed.host, device);
	bed_run_loop();
	assert_int_equal(published("/telemetry", from), 0);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 10);
	fake_publish_result = 0;
	bed_advance(2 * USEC_PER_SEC);
	all_leave(device, from);
}

/* The same, and it is too large for the broker: each goes by itself. */
static void a_pack_too_large_when_the_window_is_full(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t from = fake_publication_count;

	ten_wait_for_a_pack(device);
	fake_packet_max = 350;
	session_let_go_on(&bed.host, device);
	bed_run_loop();
	assert_true(published("/telemetry", from) > 0);
	all_leave(device, from);
}

/* Their path is gone, and nobody says so before their keep-alive does: the others go on. */
static void silent_sessions_leave_room_for_the_others(void **state)
{
	struct owed_limits limits;
	struct device *own;
	size_t from;

	bed.config.new_per_minute = 2 * SILENT;
	bed.config.mqtt_window = 40;
	bed.host.limits.value[LIMIT_LINK_WINDOW] = 8;
	limits = outbox_limits(&bed.host);
	owed_set_limits(bed.host.owed, &limits);
	active_device("shared", "10.0.0.8");
	link_up();
	own = connected("pump", "10.0.0.7");
	for (unsigned i = 0; i < SILENT; i++)
		meter(i, silent_one);
	from = fake_publication_count;
	for (unsigned i = 0; i < 6; i++) {
		send_reading("pump", "10.0.0.7", "1");
		send_reading("shared", "10.0.0.8", "1");
	}
	assert_true(published("/telemetry", from) > 6); /* all of 'shared' */
	all_leave(own, from);
	assert_int_equal(published("/telemetry", from), 12);
}

/* There are more of them than the window has places. */
static void more_silent_sessions_than_the_window_has_places(void **state)
{
	struct owed_limits limits;
	size_t from;

	bed.config.new_per_minute = 2 * SILENT;
	bed.config.mqtt_window = SILENT - 2;
	limits = outbox_limits(&bed.host);
	owed_set_limits(bed.host.owed, &limits);
	active_device("shared", "10.0.0.8");
	link_up();
	for (unsigned i = 0; i < SILENT; i++)
		meter(i, silent_one);
	from = fake_publication_count;
	for (unsigned i = 0; i < 4; i++)
		send_reading("shared", "10.0.0.8", "1");
	assert_int_equal(published("/telemetry", from), 4);
	assert_true(owed_flying(bed.host.owed) > bed.config.mqtt_window);
}

static void revoked_says_so_and_closes(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	struct uplink_session *own = published_newest("/status")->session;
	struct act_try try = {0};

	act.role = ROLE_ADMIN;
	send_reading("pump", "10.0.0.7", "1");
	try_act(&act, &try);
	store_answer_all(0);
	/* Its last reading is still with the broker. */
	assert_int_equal(try.answers, 0);
	bed_advance(1);
	assert_true(session_is_there(device->record->id));
	for (size_t i = 0; i < fake_publication_count; i++)
		if (fake_publications[i].tag)
			uplink_deliver(i);
	assert_int_equal(try.answers, 1);
	assert_non_null(strstr(published_newest("/status")->payload, "revoked"));
	assert_ptr_equal(published_newest("/status")->session, own);
	bed_advance(1);
	assert_false(session_is_there(device->record->id));
	bed_advance(3600 * USEC_PER_SEC);
	assert_false(session_is_there(device->record->id));
}

/* The broker never answers: after a while the session is cut, and with it the device is done. */
/* Asked to stop, with a reading on its way; the broker does not take it, and it is cut. */
static struct device *cut_after_three_seconds(struct act *act, struct act_try *try)
{
	struct device *device = connected("pump", "10.0.0.7");

	*act = act_on(ACT_SUSPEND, device->record->id);
	link_up();
	send_reading("pump", "10.0.0.7", "1");
	try_act(act, try);
	store_answer_all(0);
	assert_int_equal(try->answers, 0);
	assert_int_equal(fake_cuts, 0);
	bed_advance(3100 * USEC_PER_MSEC);
	assert_int_equal(fake_cuts, 1);
	/* Until its connection is gone the broker may still receive what was written. */
	assert_int_equal(try->answers, 0);
	return device;
}

static void a_drain_that_takes_too_long_cuts(void **state)
{
	struct act_try try;
	struct act act;
	struct device *device = cut_after_three_seconds(&act, &try);

	session_event(device->record->id, UPLINK_LOST);
	assert_int_equal(try.answers, 1);
	assert_non_null(strstr(try.outcome.text, "Suspended here. The broker did not answer;"));
	bed_advance(USEC_PER_MSEC);
	assert_false(session_is_there(device->record->id));
	assert_true(upstream_is_up(&bed.host));
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 1);
	act = act_on(ACT_RESUME, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	bed_advance(USEC_PER_SEC);
	session_event(device->record->id, UPLINK_CONNECTED);
	bed_run_loop();
	assert_int_equal(published("/telemetry", 0), 2);
}

static void a_cut_of_a_session_is_waited_for_two_seconds(void **state)
{
	struct act_try try;
	struct act act;
	struct device *device = cut_after_three_seconds(&act, &try);

	bed_advance(1800 * USEC_PER_MSEC);
	assert_int_equal(try.answers, 0);
	bed_advance(200 * USEC_PER_MSEC);
	assert_int_equal(try.answers, 1);
	assert_non_null(strstr(try.outcome.text, "Suspended here. The broker did not answer;"));
	assert_false(session_is_there(device->record->id));
	assert_true(upstream_is_up(&bed.host));
}

/* Two that are forgotten while their last readings are with the broker, and then the gateway stops:
 * each session's end lets its device go. */
static void forgotten_as_the_gateway_stops(void **state)
{
	static const char *const eps[] = {"pump-a", "pump-b"}, *const ips[] = {
								       "10.0.0.7", "10.0.0.8"};
	struct act_try revoked[2], forgotten[2];
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct device *device = connected(eps[i], ips[i]);
		struct act act = act_on(ACT_REVOKE, device->record->id);

		act.role = ROLE_ADMIN;
		send_reading(eps[i], ips[i], "1");
		try_act(&act, &revoked[i]);
		store_answer_all(0);
		act.kind = ACT_FORGET;
		try_act(&act, &forgotten[i]);
		store_answer_all(0);
		assert_int_equal(forgotten[i].answers, 0);
	}
	upstream_stop(&bed.host);
	for (i = 0; i < 2; i++) {
		assert_int_equal(forgotten[i].answers, 1);
		assert_int_equal(forgotten[i].outcome.result, ACT_DONE);
	}
	assert_int_equal(registry_count(bed.host.registry), 0);
}

static void a_device_goes_with_its_session(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	char id[DEVICE_ID_MAX + 1];
	struct act act = act_on(ACT_REVOKE, device->record->id);

	memcpy(id, device->record->id, sizeof(id));
	act.role = ROLE_ADMIN;
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = act_on(ACT_FORGET, id);
	act.role = ROLE_ADMIN;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(registry_by_id(bed.host.registry, id));
	assert_false(session_is_there(id));
	bed_advance(USEC_PER_SEC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

/* Nothing is sent twice because of a new credential. */
static void a_renewed_session_waits_for_what_is_in_flight(void **state)
{
	struct device *device = connected("pump", "10.0.0.7");
	size_t at = fake_publication_count;

	send_reading("pump", "10.0.0.7", "1");
	assert_int_equal(published("/telemetry", at), 1);
	import_token("pump", "other", "new");
	store_answer_all(0);
	bed_advance(USEC_PER_SEC);
	assert_string_equal(session_account(device->record->id), "user:secret");
	/* What comes meanwhile waits for the new one. */
	send_reading("pump", "10.0.0.7", "2");
	assert_int_equal(published("/telemetry", at), 1);
	while (strcmp(
		fake_publications[at].topic + strlen(fake_publications[at].topic) - 9, "telemetry"))
		at++;
	uplink_deliver(at);
	bed_run_loop();
	bed_advance(USEC_PER_SEC);
	assert_string_equal(session_account(device->record->id), "other:new");
	session_event(device->record->id, UPLINK_CONNECTED);
	store_answer_all(0);
	bed_run_loop();
	assert_int_equal(published("/telemetry", at), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_under_the_devices_own_user),
		TEST(a_renewed_session_waits_for_what_is_in_flight),
		TEST(shared_and_own_go_side_by_side),
		TEST(a_suspect_on_the_shared_session_holds_no_other),
		TEST(whoever_waits_for_a_suspect_is_passed_over_once),
		TEST(lost_is_tried_again_and_sent_again),
		TEST(refused_waits_for_another_token),
		TEST(another_token_is_taken_at_once),
		TEST(taken_over_is_an_alarm_and_backs_off),
		TEST(taken_over_without_a_word),
		TEST(what_is_no_sign_of_another),
		TEST(ended_without_a_word_is_an_alarm),
		TEST(its_certificate_is_read_once_for_each_record),
		TEST(many_connect_one_after_the_other),
		TEST(a_fleet_does_not_come_back_at_once),
		TEST(one_session_does_not_take_the_window),
		TEST(a_pack_that_cannot_go_when_the_window_is_full),
		TEST(a_pack_too_large_when_the_window_is_full),
		TEST(silent_sessions_leave_room_for_the_others),
		TEST(more_silent_sessions_than_the_window_has_places),
		TEST(a_full_window_that_is_refused_is_tried_again),
		TEST(a_window_that_is_refused_in_part_waits),
		TEST(a_full_window_of_poison_goes_on),
		TEST(revoked_says_so_and_closes),
		TEST(a_drain_that_takes_too_long_cuts),
		TEST(a_cut_of_a_session_is_waited_for_two_seconds),
		TEST(forgotten_as_the_gateway_stops),
		TEST(a_device_goes_with_its_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
