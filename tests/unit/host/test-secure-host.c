/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Devices that prove their name with each datagram: a proof takes a name, wherever it comes from,
 * and from then on nothing less does.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fakes.h"
#include "host/enrol.h"
#include "host/reading.h"
#include "host/secure-host.h"
#include "host/sighted.h"

static struct lan_exchange x;

static unsigned heard(enum turned_away why)
{
	return (unsigned)heard_sum(&bed.host.heard, why, bed.boot_usec);
}

static void proven_request(struct lan_exchange *exchange, enum lan_resource resource,
	const char *ep, const char *ip, const char *body)
{
	struct lan_request request = {
		.resource = resource,
		.method = resource == LAN_DEVICE ? LAN_GET : LAN_POST,
		.peer = &exchange->peer,
		.content_format = resource == LAN_TELEMETRY ? FORMAT_TEXT : FORMAT_JSON,
		.accept = FORMAT_JSON,
		.payload = span_from_string(body),
		.confirmable = true,
		.exchange = exchange,
	};

	*exchange = (struct lan_exchange){
		.peer = {.address = address_of(ip), .verified = true, .trust = TRUST_PSK}};
	snprintf(exchange->peer.identity, sizeof(exchange->peer.identity), "%s", ep);
	snprintf(exchange->peer.name, sizeof(exchange->peer.name), "%s", ep);
	snprintf(request.ep, sizeof(request.ep), "%s", ep);
	if (resource == LAN_DEVICE)
		snprintf(request.device_id, sizeof(request.device_id), "%s", body);
	if (resource == LAN_ENROL)
		enrol_on_request(&bed.host, &request);
	else if (resource == LAN_TELEMETRY)
		reading_on_request(&bed.host, &request);
	else
		device_on_request(&bed.host, &request);
}

static struct device *approved(const char *ep)
{
	struct device *device;
	struct act act;

	open_window();
	proven_request(&x, LAN_ENROL, ep, "10.0.0.1", "{\"model\":\"M\"}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, ep);
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(lifecycle_may_report(&device->record->life));
	return device;
}

static void newcomer_has_the_tier_of_its_session(void **state)
{
	struct device *device = approved("one");

	assert_int_equal(disk_device(device->record->id)->trust, TRUST_PSK);
	assert_false(disk_device(device->record->id)->address_bound);
	proven_request(&x, LAN_TELEMETRY, "one", "10.0.0.1", "21.5");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
}

static void the_address_does_not_matter(void **state)
{
	const struct device_address elsewhere = address_of("10.0.0.99");
	struct device *device = approved("one");

	proven_request(&x, LAN_TELEMETRY, "one", "10.0.0.99", "21.5");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	proven_request(&x, LAN_DEVICE, "one", "10.0.0.98", device->record->id);
	assert_int_equal(x.code, COAP_CODE(2, 5));
	/* It is noted when the device asks for its state. */
	proven_request(&x, LAN_ENROL, "one", "10.0.0.99", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_true(
		device_address_same_host(&disk_device(device->record->id)->address, &elsewhere));
	assert_int_equal(disk_audit_count("proof", NULL), 0);
	/* and not again */
	proven_request(&x, LAN_ENROL, "one", "10.0.0.99", "{}");
	assert_int_equal(store_waiting(), 0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
}

static void nothing_less_passes_for_it(void **state)
{
	struct device *device = approved("one");
	unsigned i;

	for (i = 0; i < 10; i++) {
		report(&x, "one", "10.0.0.1", "21.5");
		assert_int_equal(x.code, COAP_CODE(4, 3));
		report(&x, "", "10.0.0.1", "21.5");
		assert_int_equal(x.code, COAP_CODE(4, 3));
		enrol(&x, "one", "10.0.0.1", "{}");
		assert_int_equal(x.code, COAP_CODE(4, 9));
		enrol(&x, "ONE", "10.0.0.2", "{}");
		assert_int_equal(x.code, COAP_CODE(4, 9));
	}
	store_answer_all(0);
	assert_int_equal(appended_waiting(), 0);
	assert_int_equal(heard(AWAY_PLAIN_REFUSED), 30);
	/* in the journal, and not 30 times */
	assert_true(disk_audit_count("downgrade", NULL) >= 1);
	assert_true(disk_audit_count("downgrade", NULL) <= 4);
	assert_int_equal(device->record->trust, TRUST_PSK);
}

static void a_proof_takes_the_name_of_who_has_none(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	/* readings alone do not raise it: the device is sent to /enrol */
	proven_request(&x, LAN_TELEMETRY, "one", "10.0.0.2", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	proven_request(&x, LAN_ENROL, "one", "10.0.0.2", "{}");
	assert_int_equal(x.answers, 0);
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_non_null(strstr(exchange_text(&x), "\"state\":\"approved\""));
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_PSK);
	assert_int_equal(disk_audit_count("proof", "psk"), 1);
	proven_request(&x, LAN_TELEMETRY, "one", "10.0.0.2", "1");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	report(&x, "one", "10.0.0.1", "2");
	assert_int_equal(x.code, COAP_CODE(4, 3));
}

static void a_proof_that_cannot_be_stored_changes_nothing(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	proven_request(&x, LAN_ENROL, "one", "10.0.0.2", "{}");
	store_answer_all(-ENOSPC);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	report(&x, "one", "10.0.0.1", "2");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
}

static void a_pending_name_is_taken_too(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"model\":\"other\"}");

	proven_request(&x, LAN_ENROL, "one", "10.0.0.2", "{\"model\":\"mine\"}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_string_equal(device->record->info.model, "mine");
}

/* The plain holder's request waits for the disk while the proof comes. */
static void who_was_first_in_the_queue_gets_nothing_back(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	const struct device_address elsewhere = address_of("10.0.0.2");
	struct lan_exchange y;

	proven_request(&x, LAN_ENROL, "one", "10.0.0.2", "{\"model\":\"mine\"}");
	enrol(&y, "one", "10.0.0.1", "{\"model\":\"other\"}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_true(y.code == COAP_CODE(4, 3) || y.code == COAP_CODE(4, 9) ||
		    y.code == COAP_CODE(5, 3));
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_string_equal(device->record->info.model, "mine");
	assert_true(device_address_same_host(&device->record->address, &elsewhere));
}

static void case_is_part_of_an_identity(void **state)
{
	struct device *device = approved("one");

	proven_request(&x, LAN_TELEMETRY, "ONE", "10.0.0.1", "21.5");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	proven_request(&x, LAN_ENROL, "ONE", "10.0.0.1", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 9));
	proven_request(&x, LAN_DEVICE, "ONE", "10.0.0.1", device->record->id);
	assert_int_equal(x.code, COAP_CODE(4, 4));
}

static void the_resource_of_another(void **state)
{
	struct device *one = approved("one");

	approved("two");
	proven_request(&x, LAN_DEVICE, "two", "10.0.0.1", one->record->id);
	assert_int_equal(x.code, COAP_CODE(4, 4));
}

static void observe_state(struct lan_exchange *exchange, const struct device *device, bool observe)
{
	struct lan_request request = {
		.resource = LAN_DEVICE,
		.method = LAN_GET,
		.observe = observe,
		.peer = &exchange->peer,
		.content_format = -1,
		.accept = FORMAT_JSON,
		.confirmable = true,
		.exchange = exchange,
	};

	*exchange = (struct lan_exchange){.peer = {.address = device->record->address,
						  .verified = true,
						  .trust = device->record->trust}};
	if (device->record->trust >= TRUST_PSK)
		memcpy(exchange->peer.identity, device->record->ep, strlen(device->record->ep) + 1);
	memcpy(request.ep, device->record->ep, sizeof(request.ep));
	memcpy(request.device_id, device->record->id, sizeof(request.device_id));
	device_on_request(&bed.host, &request);
}

static void its_state_can_be_observed(void **state)
{
	struct device *device = approved("one");
	struct act act;

	observe_state(&x, device, true);
	assert_int_equal(x.code, COAP_CODE(2, 5));
	assert_true(x.observed);
	observe_state(&x, device, true); /* again it is one observer */
	assert_int_equal(fake_observers, 1);
	act = act_on(ACT_REVOKE, device->record->id);
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_true(fake_notifications >= 1);
	assert_non_null(strstr(exchange_text(&fake_notified), "\"state\":\"revoked\""));
	observe_state(&x, device, false); /* asked without Observe it is the end */
	assert_int_equal(fake_observers, 0);
	observe_state(&x, device, true);
	observer_lost();
	assert_null(device_host(device)->state_observer);
}

/* Only a session can be told of a state. */
static void a_plain_state_cannot(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	observe_state(&x, device, true);
	assert_int_equal(x.code, COAP_CODE(2, 5));
	assert_false(x.observed);
	assert_int_equal(fake_observers, 0);
}

static void who_speaks_for_a_device(void **state)
{
	struct device_record record = {.address = address_of("10.0.0.1")};
	struct lan_peer peer = {.address = address_of("10.0.0.1")};

	assert_true(secure_is_still(&record, &peer));
	peer.address = address_of("10.0.0.2");
	assert_false(secure_is_still(&record, &peer));
	record.trust = TRUST_PSK;
	assert_false(secure_is_still(&record, &peer));
	peer.trust = TRUST_PSK;
	assert_true(secure_is_still(&record, &peer));
	record.trust = TRUST_PLAIN;
	record.address = peer.address;
	assert_false(secure_is_still(&record, &peer));
}

static void know_label(const char *ep)
{
	static const uint8_t secret[LABEL_SECRET_SIZE] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct label_list list = {0};
	struct kept_label *kept;
	enum label_verdict verdict;
	char text[LABEL_TEXT_SIZE];
	struct label label;

	assert_int_equal(label_write(secret, ep, text), 0);
	assert_int_equal(label_read(span_from_string(text), ep, &label, &verdict), 0);
	assert_int_equal(kept_label_new(&label, &kept), 0);
	label_clear(&label);
	label_list_add(&list, kept);
	assert_int_equal(label_book_reserve(&bed.host.labels, bed.host.labels.count + 1), 0);
	label_book_put(&bed.host.labels, &list);
}

static void keys_come_from_labels(void **state)
{
	/* the vector of the device contract */
	static const uint8_t psk[] = {0x34, 0x36, 0x44, 0xd1, 0xe5, 0xc7, 0x9a, 0x55, 0x55, 0xd6,
		0x46, 0x35, 0xe1, 0x1f, 0xc3, 0xfc};
	uint8_t key[LAN_PSK_MAX] = {0};
	size_t size = 77;

	assert_false(secure_host_psk(&bed.host, "sensor-1", key, &size));
	assert_int_equal(size, 77);
	know_label("sensor-1");
	assert_true(secure_host_psk(&bed.host, "sensor-1", key, &size));
	assert_int_equal(size, sizeof(psk));
	assert_memory_equal(key, psk, sizeof(psk));
	assert_false(secure_host_psk(&bed.host, "Sensor-1", key, &size));
	assert_false(secure_host_psk(&bed.host, "sensor-2", key, &size));
}

static void no_key_for_who_is_blocked_or_is_another(void **state)
{
	uint8_t key[LAN_PSK_MAX];
	struct device *device;
	struct act act;
	size_t size;

	know_label("sensor-1");
	know_label("OTHER");
	/* somebody has the name of a label in other letters: that label is not his */
	active_device("other", "10.0.0.5");
	assert_false(secure_host_psk(&bed.host, "OTHER", key, &size));
	device = pending_device("sensor-1", "10.0.0.1", "{}");
	assert_true(secure_host_psk(&bed.host, "sensor-1", key, &size));
	act = act_on(ACT_BLOCK, device->record->id);
	acted(&act);
	assert_int_equal(device->record->life.admission, ADMISSION_BLOCKED);
	assert_false(secure_host_psk(&bed.host, "sensor-1", key, &size));
}

/* What was only announced, or registered by nobody knows whom, is no reason to refuse a key. */
static void a_name_that_was_only_sighted_closes_no_label(void **state)
{
	const struct discovery_sighting sighting = {
		.ep = "SENSOR-1", .address = address_of("10.0.0.66"), .found_by = FOUND_RD};
	uint8_t key[LAN_PSK_MAX];
	struct device *device;
	size_t size;

	know_label("sensor-1");
	assert_int_equal(sighted_make(&bed.host, &sighting, &device), 0);
	assert_true(secure_host_psk(&bed.host, "sensor-1", key, &size));
	open_window();
	proven_request(&x, LAN_ENROL, "sensor-1", "10.0.0.1", "{}");
	store_answer_all(0);
	device = registry_by_ep(bed.host.registry, "sensor-1");
	assert_string_equal(device->record->ep, "sensor-1");
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_true(secure_host_psk(&bed.host, "sensor-1", key, &size));
}

static bool is_kept(const char *name)
{
	struct lan_peer peer = {.trust = TRUST_PSK};

	snprintf(peer.identity, sizeof(peer.identity), "%s", name);
	snprintf(peer.name, sizeof(peer.name), "%s", name);
	return secure_host_keeps(&bed.host, &peer);
}

static void kept_are_the_sessions_of_approved_devices(void **state)
{
	struct device *device = approved("one");
	struct act act;

	assert_true(is_kept("one"));
	assert_false(is_kept("ONE"));
	assert_false(is_kept("two"));
	act = act_on(ACT_REVOKE, device->record->id);
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_false(is_kept("one"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_come_from_labels, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			no_key_for_who_is_blocked_or_is_another, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			newcomer_has_the_tier_of_its_session, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			the_address_does_not_matter, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			nothing_less_passes_for_it, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			a_proof_takes_the_name_of_who_has_none, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			a_proof_that_cannot_be_stored_changes_nothing, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			a_pending_name_is_taken_too, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			who_was_first_in_the_queue_gets_nothing_back, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			case_is_part_of_an_identity, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(the_resource_of_another, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(its_state_can_be_observed, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(a_plain_state_cannot, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(who_speaks_for_a_device, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			kept_are_the_sessions_of_approved_devices, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			a_name_that_was_only_sighted_closes_no_label, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
