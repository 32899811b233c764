/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device with a certificate at the door: what the word of its authority is worth, who keeps a
 * name, and what a person has to do with it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "host/ca-host.h"
#include "host/enrol.h"
#include "host/journal.h"
#include "host/reading.h"
#include "host/secure-host.h"

static struct lan_exchange x;

static unsigned heard(enum turned_away why)
{
	return (unsigned)heard_sum(&bed.host.heard, why, bed.boot_usec);
}

static void register_ca(const char *fingerprint, enum ca_policy policy)
{
	struct device_ca *ca = calloc(1, sizeof(*ca));

	assert_non_null(ca);
	ca->row = device_cas_next_row(&bed.host.cas);
	snprintf(ca->fingerprint, sizeof(ca->fingerprint), "%s", fingerprint);
	snprintf(ca->name, sizeof(ca->name), "Maker %s", fingerprint);
	ca->policy = policy;
	assert_int_equal(device_cas_reserve(&bed.host.cas), 0);
	device_cas_put(&bed.host.cas, ca);
}

static int setup(void **state)
{
	int r = bed_setup(state);

	bed.synced = true;
	register_ca("auto", CA_AUTO);
	register_ca("person", CA_PERSON);
	return r;
}

static int teardown(void **state)
{
	device_cas_clear(&bed.host.cas);
	return bed_teardown(state);
}

static struct lan_peer peer_of(const char *name, const char *fingerprint, const char *authority)
{
	struct lan_peer peer = {
		.address = address_of("10.0.0.1"), .verified = true, .trust = TRUST_CERT};

	snprintf(peer.name, sizeof(peer.name), "%s", name);
	snprintf(peer.identity, sizeof(peer.identity), "%s", fingerprint);
	snprintf(peer.authority, sizeof(peer.authority), "%s", authority);
	return peer;
}

static void enters(const char *name, const char *fingerprint, const char *authority)
{
	struct lan_peer peer = peer_of(name, fingerprint, authority);

	ca_entered(&bed.host, &peer);
}

static void asks(const char *name, const char *fingerprint, const char *authority)
{
	struct lan_request request = {.resource = LAN_ENROL,
		.method = LAN_POST,
		.peer = &x.peer,
		.content_format = FORMAT_JSON,
		.accept = FORMAT_JSON,
		.payload = span_from_string("{\"model\":\"M\"}"),
		.confirmable = true,
		.exchange = &x};

	x = (struct lan_exchange){.peer = peer_of(name, fingerprint, authority)};
	snprintf(request.ep, sizeof(request.ep), "%s", name);
	enrol_on_request(&bed.host, &request);
}

static int reports(const char *name, const char *fingerprint)
{
	struct lan_request request = {.resource = LAN_TELEMETRY,
		.method = LAN_POST,
		.peer = &x.peer,
		.content_format = FORMAT_TEXT,
		.accept = -1,
		.payload = span_from_string("21.5"),
		.confirmable = true,
		.exchange = &x};

	x = (struct lan_exchange){.peer = peer_of(name, fingerprint, "auto")};
	snprintf(request.ep, sizeof(request.ep), "%s", name);
	reading_on_request(&bed.host, &request);
	if (appended_waiting())
		appended_answer(0);
	return x.code;
}

static struct device *device_of(const char *name)
{
	return registry_by_ep(bed.host.registry, name);
}

static bool is_in(const char *name)
{
	return device_of(name) && lifecycle_may_report(&device_of(name)->record->life);
}

static void the_first_connection_is_enough(void **state)
{
	const struct device_record *record;

	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_true(is_in("pump"));
	record = disk_device(device_of("pump")->record->id);
	assert_int_equal(record->trust, TRUST_CERT);
	assert_string_equal(record->fingerprint, "f1");
	assert_int_equal(record->evidence, EVIDENCE_POLICY);
	assert_string_equal(record->decided_by, "Maker auto");
	assert_int_equal(disk_audit_count("enrol", NULL), 1);
	assert_int_equal(disk_audit_count("approve", "done"), 1);
	assert_int_equal(reports("pump", "f1"), COAP_CODE(2, 4));
	/* It is recognised, and nothing is written for that. */
	enters("pump", "f1", "auto");
	assert_int_equal(store_waiting(), 0);
	assert_int_equal(registry_count(bed.host.registry), 1);
}

static void a_person_decides_by_default(void **state)
{
	enters("pump", "f1", "person");
	assert_int_equal(store_waiting(), 0);
	assert_null(device_of("pump"));
	asks("pump", "f1", "person");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	open_window();
	asks("pump", "f1", "person");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	assert_false(is_in("pump"));
	assert_string_equal(disk_device(device_of("pump")->record->id)->fingerprint, "f1");
	/* One that is not registered any more lets nobody in either. */
	enters("valve", "f2", "gone");
	assert_null(device_of("valve"));
}

/* It asks before its connection is on disk: one record, one decision. */
static void asking_at_once(void **state)
{
	enters("pump", "f1", "auto");
	asks("pump", "f1", "auto");
	store_answer_all(0);
	assert_true(is_in("pump"));
	assert_int_equal(disk_audit_count("approve", "done"), 1);
	asks("pump", "f1", "auto");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_non_null(strstr(exchange_text(&x), "approved"));
}

static void without_a_clock(void **state)
{
	bed.synced = false;
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_non_null(device_of("pump"));
	assert_false(is_in("pump"));
	asks("pump", "f1", "auto");
	store_answer_all(0);
	assert_non_null(strstr(exchange_text(&x), "pending"));
	bed.synced = true;
	asks("pump", "f1", "auto");
	store_answer_all(0);
	assert_true(is_in("pump"));
}

static void what_cannot_be_saved_is_not_there(void **state)
{
	enters("pump", "f1", "auto");
	store_answer_all(-ENOSPC);
	assert_null(device_of("pump"));
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_true(is_in("pump"));
}

static void a_certificate_beats_who_proves_nothing(void **state)
{
	struct device *device = pending_device("pump", "10.0.0.9", "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_CERT);
	assert_int_equal(disk_audit_count("proof", "cert"), 1);
	assert_int_equal(reports("pump", "f1"), COAP_CODE(2, 4));
	report(&x, "pump", "10.0.0.9", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
}

static void another_certificate_is_another_device(void **state)
{
	struct device *device;
	struct act act;

	enters("pump", "f1", "auto");
	store_answer_all(0);
	device = device_of("pump");
	enters("pump", "f2", "auto");
	enters("PUMP", "f3", "auto");
	store_answer_all(0);
	assert_int_equal(heard(AWAY_NAME_CONFLICT), 2);
	assert_true(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, device->record->id));
	assert_int_equal(reports("pump", "f2"), COAP_CODE(4, 3));
	asks("pump", "f2", "auto");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(4, 9));
	assert_string_equal(device->record->fingerprint, "f1");
	assert_int_equal(reports("pump", "f1"), COAP_CODE(2, 4));
	/* until a person gives the name free */
	act = act_on(ACT_RELEASE, device->record->id);
	act.role = ROLE_ADMIN;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_string_equal(device->record->fingerprint, "");
	asks("pump", "f2", "person");
	store_answer_all(0);
	assert_string_equal(disk_device(device->record->id)->fingerprint, "f2");
	assert_int_equal(reports("pump", "f1"), COAP_CODE(4, 3));
}

/* The key of a label was proved: a certificate is not that. */
static void a_key_keeps_its_name(void **state)
{
	struct lan_peer peer = peer_of("pump", "pump", "");
	struct device *device = pending_device("pump", "10.0.0.9", "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	peer.trust = TRUST_PSK;
	peer.authority[0] = '\0';
	assert_true(secure_may_be(device->record, &peer));
	device->record->trust = TRUST_PSK;
	assert_true(secure_may_be(device->record, &peer));
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_int_equal(heard(AWAY_NAME_CONFLICT), 1);
	/* and a key is no certificate */
	device->record->trust = TRUST_CERT;
	assert_false(secure_may_be(device->record, &peer));
}

/* Comes with the key of its label, and waits. */
static struct device *proved_by_label(const char *name, enum trust trust)
{
	struct lan_request request = {.resource = LAN_ENROL,
		.accept = -1,
		.method = LAN_POST,
		.peer = &x.peer,
		.content_format = FORMAT_JSON,
		.payload = span_from_string("{}"),
		.exchange = &x};
	struct device *device;

	open_window();
	x = (struct lan_exchange){
		.peer = {.address = address_of("10.0.0.9"), .verified = true, .trust = TRUST_PSK}};
	snprintf(x.peer.name, sizeof(x.peer.name), "%s", name);
	snprintf(x.peer.identity, sizeof(x.peer.identity), "%s", name);
	snprintf(request.ep, sizeof(request.ep), "%s", name);
	enrol_on_request(&bed.host, &request);
	store_answer_all(0);
	device = device_of(name);
	assert_int_equal(device->record->trust, TRUST_PSK);
	device->record->trust = trust;
	return device;
}

/* Nobody decided on it yet: its name is its own all the same, at either tier that a label proves.
 */
static void a_label_keeps_its_name_while_it_waits(void **state)
{
	struct device *device = proved_by_label("pump", TRUST_PSK);

	for (int i = 0; i < 2; i++) {
		enters("pump", "f1", "auto");
		store_answer_all(0);
		asks("pump", "f1", "auto");
		store_answer_all(0);
		assert_int_equal(x.code, COAP_CODE(4, 9));
		assert_string_equal(device->record->fingerprint, "");
		assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
		assert_int_equal(heard(AWAY_NAME_CONFLICT), 2 * (i + 1));
		assert_int_equal(device->record->trust, i ? TRUST_CLAIMED : TRUST_PSK);
		device->record->trust = TRUST_CLAIMED;
	}
}

/* A person gave the name free: then another proof may take it, until somebody decides again. */
static void a_released_name_is_free(void **state)
{
	struct device *device = proved_by_label("pump", TRUST_PSK);
	struct act act = act_on(ACT_APPROVE, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	act = act_on(ACT_RELEASE, device->record->id);
	act.role = ROLE_ADMIN;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	/* It was approved again as it was. */
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_PSK);
	act = act_on(ACT_RELEASE, device->record->id);
	act.role = ROLE_ADMIN;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	/* Who had proved it comes again: the name is its own again. */
	proved_by_label("pump", TRUST_PSK);
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_PSK);
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = act_on(ACT_RELEASE, device->record->id);
	act.role = ROLE_ADMIN;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	asks("pump", "f1", "person");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(device->record->trust, TRUST_CERT);
	assert_string_equal(disk_device(device->record->id)->fingerprint, "f1");
}

/* The policy is for newcomers: whom a person released waits for a person. */
static void released_is_for_a_person(void **state)
{
	struct device *device;
	struct act act;

	enters("pump", "f1", "auto");
	store_answer_all(0);
	device = device_of("pump");
	assert_true(is_in("pump"));
	act = act_on(ACT_RELEASE, device->record->id);
	act.role = ROLE_ADMIN;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	asks("pump", "f1", "auto");
	store_answer_all(0);
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_false(is_in("pump"));
}

static void what_a_person_decided_stands(void **state)
{
	struct device *device;
	struct act act;

	bed.synced = false;
	enters("pump", "f1", "auto");
	store_answer_all(0);
	device = device_of("pump");
	act = act_on(ACT_REJECT, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	bed.synced = true;
	enters("pump", "f1", "auto");
	asks("pump", "f1", "auto");
	store_answer_all(0);
	assert_false(is_in("pump"));
	/* decided while the authority's word was on its way */
	act = act_on(ACT_UNBLOCK, device->record->id);
	enters("valve", "f2", "auto");
	store_answer(0);
	act = act_on(ACT_REJECT, device_of("valve")->record->id);
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_non_null(device_of("valve"));
}

static void blocked_is_out(void **state)
{
	struct lan_certificate certificate = {.name = "pump", .fingerprint = "f1"};
	struct lan_certificate other = {.name = "pump", .fingerprint = "f2"};
	unsigned before;
	struct act act;

	assert_true(ca_admits(&bed.host, &certificate));
	enters("pump", "f1", "auto");
	store_answer_all(0);
	assert_true(ca_admits(&bed.host, &certificate));
	before = fake_rechecks;
	act = act_on(ACT_REVOKE, device_of("pump")->record->id);
	act.role = ROLE_ADMIN;
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_true(ca_admits(&bed.host, &certificate)); /* it may hear that it is revoked */
	act = act_on(ACT_BLOCK, device_of("pump")->record->id);
	try_act(&act, &(struct act_try){0});
	store_answer_all(0);
	assert_int_equal(device_of("pump")->record->life.admission, ADMISSION_BLOCKED);
	assert_false(ca_admits(&bed.host, &certificate));
	assert_true(ca_admits(&bed.host, &other));
	assert_true(fake_rechecks > before);
}

static void kept_are_approved_ones(void **state)
{
	struct lan_peer peer = peer_of("pump", "f1", "auto"), twin = peer_of("pump", "f2", "auto");

	assert_false(secure_host_keeps(&bed.host, &peer));
	ca_entered(&bed.host, &peer);
	store_answer_all(0);
	assert_true(secure_host_keeps(&bed.host, &peer));
	assert_false(secure_host_keeps(&bed.host, &twin));
}

/* Many at once are no flood: each has an authority's word. */
static void many_at_once(void **state)
{
	char name[32], fingerprint[32];

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "pump-%d", i);
		snprintf(fingerprint, sizeof(fingerprint), "f%d", i);
		enters(name, fingerprint, "auto");
		store_answer_all(0);
		assert_true(is_in(name));
	}
	assert_int_equal(bed.host.limits.reached[LIMIT_NEW_NAMES_PER_MINUTE], 0);
	assert_int_equal(bed.host.limits.reached[LIMIT_PENDING], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(the_first_connection_is_enough),
		T(a_person_decides_by_default),
		T(asking_at_once),
		T(without_a_clock),
		T(what_cannot_be_saved_is_not_there),
		T(a_certificate_beats_who_proves_nothing),
		T(another_certificate_is_another_device),
		T(a_key_keeps_its_name),
		T(a_label_keeps_its_name_while_it_waits),
		T(a_released_name_is_free),
		T(released_is_for_a_person),
		T(what_a_person_decided_stands),
		T(blocked_is_out),
		T(kept_are_approved_ones),
		T(many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
