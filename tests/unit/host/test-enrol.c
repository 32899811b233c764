/* SPDX-License-Identifier: Apache-2.0 */

/* POST /enrol, row by row as the device contract has it. */

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
#include "host/effect.h"
#include "host/enrol.h"
#include "host/journal.h"

static struct lan_exchange x;

static unsigned heard(enum turned_away why)
{
	return (unsigned)heard_sum(&bed.host.heard, why, bed.boot_usec);
}

static void unknown_name_without_window(void **state)
{
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(x.max_age, 60);
	assert_int_equal(x.answers, 1);
	assert_int_equal(heard(AWAY_WINDOW_CLOSED), 1);
	assert_null(registry_by_ep(bed.host.registry, "one"));
	assert_int_equal(store_waiting(), 0);
}

static void new_name_is_answered_after_it_is_on_disk(void **state)
{
	struct device *device;

	open_window();
	enrol(&x, "one", "10.0.0.1",
		"{\"model\":\"M\",\"code\":\"bcdf-ghjk\",\"attributes\":{\"a\":\"b\"}}");
	assert_int_equal(x.answers, 0);
	assert_int_equal(store_waiting(), 1);
	store_answer(0);
	assert_int_equal(x.answers, 1);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, "one");
	assert_string_equal(x.location, device->record->id);
	assert_non_null(strstr(exchange_text(&x), "\"state\":\"pending\""));
	assert_non_null(strstr(exchange_text(&x), "\"retry\":5"));
	assert_int_equal(x.max_age, 5);
	assert_int_equal(disk_device(device->record->id)->life.admission, ADMISSION_PENDING);
	assert_true(disk_device(device->record->id)->address_bound);
	assert_string_equal(disk_device(device->record->id)->info.model, "M");
	assert_string_equal(disk_device(device->record->id)->info.code, "BCDFGHJK");
	assert_string_equal(disk_device(device->record->id)->info.attributes, "{\"a\":\"b\"}");
	assert_int_equal(disk_audit_count("enrol", "pending"), 1);
	/* It comes by itself: nobody asks it anything. */
	assert_int_equal(fake_sent_count, 0);
}

static void new_name_that_cannot_be_stored_leaves_nothing(void **state)
{
	open_window();
	enrol(&x, "one", "10.0.0.1", "{}");
	store_answer_all(-ENOSPC);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(x.answers, 1);
	assert_null(registry_by_ep(bed.host.registry, "one"));
	enrol(&x, "one", "10.0.0.1", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
}

static void asking_again_changes_nothing(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"model\":\"M\"}");
	unsigned i;

	for (i = 0; i < 5; i++) {
		enrol(&x, "ONE", "10.0.0.1", "{\"model\":\"other\"}");
		assert_int_equal(x.answers, 1);
		assert_int_equal(x.code, COAP_CODE(2, 4));
		assert_string_equal(x.location, device->record->id);
	}
	assert_int_equal(store_waiting(), 0);
	assert_int_equal(registry_count(bed.host.registry), 1);
	assert_string_equal(device->record->info.model, "M");
}

static void asking_while_the_first_is_saved(void **state)
{
	struct lan_exchange y;

	open_window();
	enrol(&x, "one", "10.0.0.1", "{\"attributes\":{\"a\":\"b\"}}");
	enrol(&y, "one", "10.0.0.1", "{\"attributes\":{\"a\":\"b\"}}");
	assert_int_equal(store_waiting(), 1);
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	assert_int_equal(y.code, COAP_CODE(2, 4));
	assert_int_equal(y.answers, 1);
	assert_int_equal(registry_count(bed.host.registry), 1);
}

static void asking_while_the_first_fails(void **state)
{
	struct lan_exchange y;

	open_window();
	enrol(&x, "one", "10.0.0.1", "{\"attributes\":{\"a\":\"b\"}}");
	enrol(&y, "one", "10.0.0.1", "{\"attributes\":{\"a\":\"b\"}}");
	store_answer_all(-ENOSPC);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(y.code, COAP_CODE(5, 3));
	assert_int_equal(x.answers + y.answers, 2);
	assert_int_equal(registry_count(bed.host.registry), 0);
}

/* What an edit brought along must outlive the datagram that it came in. */
static void an_edit_that_had_to_wait_is_whole(void **state)
{
	struct device *device;

	bed_advance(USEC_PER_SEC);
	device_host_on_appeared(&bed.host,
		&(const struct discovery_sighting){.ep = "one", .address = address_of("10.0.0.1")});
	device = registry_by_ep(bed.host.registry, "one");
	open_window();
	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_ASKED});
	enrol(&x, "one", "10.0.0.1", "{\"model\":\"M\",\"attributes\":{\"key\":\"value\"}}");
	store_answer(-ENOSPC); /* of the first; the second one has its turn now */
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_string_equal(device->record->info.attributes, "{\"key\":\"value\"}");
	assert_false(device->record->is_server);
}

static void retry_by_state(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_WINDOW_CLOSE, NULL);

	acted(&act);
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.max_age, 60);
	act = act_on(ACT_REJECT, device->record->id);
	acted(&act);
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.max_age, 3600);
	assert_non_null(strstr(exchange_text(&x), "\"state\":\"rejected\""));
	act.kind = ACT_APPROVE;
	assert_int_equal(acted(&act).result, ACT_DONE);
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.max_age, 300);
	assert_non_null(strstr(exchange_text(&x), "\"state\":\"approved\""));
	act.kind = ACT_REVOKE;
	acted(&act);
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.max_age, 300);
	assert_non_null(strstr(exchange_text(&x), "\"state\":\"revoked\""));
}

/* A first contact without a body does not leave the person without what to compare. */
static void what_was_not_said_is_filled_in(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	enrol(&x, "one", "10.0.0.1", "{\"model\":\"TH-1\",\"code\":\"BCDF-GHJK\"}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_string_equal(disk_device(device->record->id)->info.model, "TH-1");
	assert_string_equal(disk_device(device->record->id)->info.code, "BCDFGHJK");
	/* What is there stays as the person saw it. */
	enrol(&x, "one", "10.0.0.1", "{\"model\":\"TH-2\",\"code\":\"ZZZZ-ZZZZ\"}");
	store_answer_all(0);
	assert_string_equal(disk_device(device->record->id)->info.model, "TH-1");
	assert_string_equal(disk_device(device->record->id)->info.code, "BCDFGHJK");
}

static void a_code_on_its_display_is_replaced(void **state)
{
	struct device *device =
		pending_device("one", "10.0.0.1", "{\"display\":true,\"code\":\"BCDF-GHJK\"}");
	struct act act = act_on(ACT_APPROVE, device->record->id);
	unsigned i;

	strcpy(act.code, "ZZZZ-ZZZZ");
	for (i = 0; i < 5; i++)
		acted(&act);
	assert_true(device->record->code_locked);
	/* The same one is void still. */
	enrol(&x, "one", "10.0.0.1", "{\"display\":true,\"code\":\"bcdfghjk\"}");
	store_answer_all(0);
	assert_true(device->record->code_locked);
	enrol(&x, "one", "10.0.0.1", "{\"display\":true,\"code\":\"DDDD-FFFF\"}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_false(disk_device(device->record->id)->code_locked);
	assert_int_equal(disk_device(device->record->id)->code_tries, 0);
	assert_false(host_alarm_is_active(&bed.host, ALARM_CODE_LOCKED, device->record->id));
	assert_int_equal(disk_audit_count("enrol", "another code"), 1);
	strcpy(act.code, "BCDF-GHJK");
	assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	strcpy(act.code, "DDDD-FFFF");
	assert_int_equal(acted(&act).result, ACT_DONE);
}

/* Who draws a code for each request does not fill the journal; the newest one counts in the end. */
static void codes_without_end_fill_no_journal(void **state)
{
	struct device *device =
		pending_device("one", "10.0.0.1", "{\"display\":true,\"code\":\"BCDF-GHJK\"}");
	char body[64];
	unsigned i;

	for (i = 0; i < 60; i++) {
		snprintf(body, sizeof(body), "{\"display\":true,\"code\":\"BCDF-GHJ%c\"}",
			"BCDF"[i % 4]);
		enrol(&x, "one", "10.0.0.1", body);
		store_answer_all(0);
		assert_int_equal(x.code, COAP_CODE(2, 4));
	}
	assert_int_equal(disk_audit_count("enrol", "another code"), 3);
	bed_advance(61 * USEC_PER_SEC);
	enrol(&x, "one", "10.0.0.1", "{\"display\":true,\"code\":\"ZZZZ-ZZZZ\"}");
	store_answer_all(0);
	assert_string_equal(disk_device(device->record->id)->info.code, "ZZZZZZZZ");
}

static void one_device_never_makes_two_operations(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{\"display\":true}");
	struct act act = act_on(ACT_ADMIT, device->record->id);
	uint64_t number;
	unsigned i;

	acted(&act);
	number = device->record->life.operation_number;
	for (i = 0; i < 3; i++) {
		enrol(&x, "one", "10.0.0.1", "{\"display\":true}");
		store_answer_all(0);
	}
	assert_int_equal(device->record->life.operation_number, number);
	assert_int_equal(x.max_age, 5);
}

static void another_address_is_refused_and_said(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	unsigned i;

	enrol(&x, "one", "10.0.0.9", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(4, 9));
	assert_true(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, device->record->id));
	assert_int_equal(disk_audit_count("enrol", "refused: name conflict"), 1);
	assert_int_equal(heard(AWAY_NAME_CONFLICT), 1);
	assert_true(lifecycle_may_report(&device->record->life));
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.code, COAP_CODE(2, 4));
	/* A journal that anybody can fill is none. */
	for (i = 0; i < 100; i++)
		enrol(&x, "one", "10.0.0.9", "{}");
	store_answer_all(0);
	assert_in_range(disk_audit_count("enrol", "refused: name conflict"), 2, 3);
	assert_int_equal(disk_alarm_count(ALARM_NAME_CONFLICT, false), 1);
}

static void another_address_while_the_name_is_being_saved(void **state)
{
	struct lan_exchange y;

	open_window();
	enrol(&x, "one", "10.0.0.1", "{}");
	enrol(&y, "one", "10.0.0.9", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	assert_int_equal(y.code, COAP_CODE(4, 9));
	assert_int_equal(y.answers, 1);
}

static void a_sighted_name_belongs_to_the_first_who_enrols(void **state)
{
	struct lan_exchange y;

	device_host_on_appeared(&bed.host,
		&(const struct discovery_sighting){.ep = "one", .address = address_of("10.0.0.1")});
	open_window();
	enrol(&x, "one", "10.0.0.2", "{}");
	/* This one comes while the first is on its way to disk: it must not get its answer. */
	enrol(&y, "one", "10.0.0.3", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(y.code, COAP_CODE(4, 9));
	assert_int_equal(y.location[0], '\0');
}

static void names_a_minute_are_limited(void **state)
{
	unsigned i, taken = 0;
	char ep[16], ip[16];

	open_window();
	for (i = 0; i < 15; i++) {
		snprintf(ep, sizeof(ep), "n%u", i);
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		enrol(&x, ep, ip, "{}");
		store_answer_all(0);
		taken += x.code == COAP_CODE(2, 1);
	}
	assert_int_equal(taken, bed.config.new_per_minute);
	assert_int_equal(x.code, COAP_CODE(4, 29));
	assert_int_equal(x.max_age, 60);
	assert_int_equal(heard(AWAY_OVER_LIMIT), 15 - bed.config.new_per_minute);
	/* Known names are not concerned. */
	enrol(&x, "n0", "10.0.1.1", "{}");
	assert_int_equal(x.code, COAP_CODE(2, 4));
	bed_advance(7 * USEC_PER_SEC);
	enrol(&x, "n14", "10.0.1.15", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
}

static void pending_names_are_limited(void **state)
{
	bed.config.pending_max = 2;
	pending_device("one", "10.0.0.1", "{}");
	pending_device("two", "10.0.0.2", "{}");
	enrol(&x, "three", "10.0.0.3", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 29));
	assert_int_equal(bed.host.limits.reached[LIMIT_PENDING], 1);
}

static void records_have_an_end(void **state)
{
	unsigned i;

	for (i = 0; i < limit_row(LIMIT_DEVICES)->value; i++) {
		struct device_record *record = calloc(1, sizeof(*record));
		struct device *device;

		assert_non_null(record);
		snprintf(record->id, sizeof(record->id), "r-%u", i);
		snprintf(record->ep, sizeof(record->ep), "r-%u", i);
		record->life.admission = ADMISSION_BLOCKED;
		assert_int_equal(device_host_add(&bed.host, record, &device), 0);
	}
	open_window();
	enrol(&x, "one-more", "10.0.0.3", "{}");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_int_equal(bed.host.limits.reached[LIMIT_DEVICES], 1);
}

static void sight(const char *ep, const char *ip)
{
	struct discovery_sighting sighting = {.address = address_of(ip), .found_by = FOUND_MDNS};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_appeared(&bed.host, &sighting);
}

/* Its label was imported: made-up names take none of what it needs. */
static void who_is_expected_is_not_crowded_out(void **state)
{
	struct label label = {.ep = "Known-1"};
	struct label_list list = {0};
	struct kept_label *kept;
	unsigned i;
	char ep[16];

	assert_int_equal(kept_label_new(&label, &kept), 0);
	label_list_add(&list, kept);
	assert_int_equal(label_book_reserve(&bed.host.labels, 1), 0);
	label_book_put(&bed.host.labels, &list);
	bed.config.pending_max = 1;
	open_window();
	for (i = 0; i < 40; i++) {
		snprintf(ep, sizeof(ep), "made-up-%u", i);
		enrol(&x, ep, "10.0.0.2", "{}");
		store_answer_all(0);
	}
	assert_int_equal(x.code, COAP_CODE(4, 29));
	assert_true(bed.host.limits.reached[LIMIT_NEW_NAMES_PER_MINUTE] > 0);
	assert_true(bed.host.limits.reached[LIMIT_PENDING] > 0);
	enrol(&x, "known-1", "10.0.0.1", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	sight("known-1x", "10.0.0.3");
	assert_null(registry_by_ep(bed.host.registry, "known-1x"));
}

static void announcements_take_no_place_of_those_who_ask(void **state)
{
	bed.config.pending_max = 1;
	bed.host.limits.value[LIMIT_SIGHTINGS] = 2;
	open_window();
	sight("a", "10.0.0.7");
	sight("b", "10.0.0.8");
	sight("c", "10.0.0.9");
	assert_null(registry_by_ep(bed.host.registry, "c"));
	assert_int_equal(bed.host.limits.reached[LIMIT_SIGHTINGS], 1);
	assert_int_equal(heard(AWAY_OVER_LIMIT), 1);
	enrol(&x, "one", "10.0.0.1", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	/* One that is not announced any more makes room for another announcement. */
	registry_by_ep(bed.host.registry, "a")->present = false;
	bed_advance(61 * USEC_PER_SEC);
	sight("c", "10.0.0.9");
	assert_null(registry_by_ep(bed.host.registry, "a"));
	assert_non_null(registry_by_ep(bed.host.registry, "c"));
}

static void who_answers_a_probe_needs_a_place_too(void **state)
{
	struct device *device;

	bed.config.pending_max = 1;
	pending_device("one", "10.0.0.1", "{}");
	sight("served", "10.0.0.7");
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK,
		"</t>;if=\"core.s\";ct=110,</info>;rt=\"gatehouse.info\"");
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{}");
	store_answer_all(0);
	device = registry_by_ep(bed.host.registry, "served");
	assert_true(device_host(device)->probed);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	assert_int_equal(bed.host.limits.reached[LIMIT_PENDING], 1);
}

static void ignore_outcome(void *userdata, const struct act_outcome *outcome)
{
	assert_int_equal(outcome->result, ACT_DONE);
}

static void who_waits_in_silence_makes_room(void **state)
{
	bed.config.pending_max = 1;
	pending_device("gone", "10.0.0.7", "{}");
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 29));
	bed_advance(61 * USEC_PER_SEC);
	enrol(&x, "one", "10.0.0.1", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	assert_null(registry_by_ep(bed.host.registry, "gone"));
	assert_int_equal(disk_audit_count("forget", "evicted"), 1);
	assert_int_equal(registry_count(bed.host.registry), 1);
	enrol(&x, "two", "10.0.0.2", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 29));
}

/* A name for which a token was imported is expected: it holds no place of those whom nobody knows,
 * and makes room for none of them. */
static void an_imported_token_has_a_place_of_its_own(void **state)
{
	const struct act import = {.kind = ACT_TOKENS_PUT, .role = ROLE_ADMIN, .who = "anna"};
	struct token_list list = {0};
	struct token *token;

	strcpy(bed.config.platform, "mqtt");
	bed.config.pending_max = 1;
	assert_int_equal(token_new(span_from_string("meant"), span_from_string("user"),
				 span_from_string("secret"), &token),
		0);
	token_list_add(&list, token);
	token_import(&bed.host, &import, &list, ignore_outcome, NULL);
	store_answer_all(0);
	pending_device("one", "10.0.0.1", "{}");
	pending_device("meant", "10.0.0.7", "{}");
	bed_advance(61 * USEC_PER_SEC);
	enrol(&x, "one", "10.0.0.1", "{}");
	enrol(&x, "two", "10.0.0.2", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(4, 29));
	assert_non_null(registry_by_ep(bed.host.registry, "meant"));
	assert_non_null(disk_token("meant"));
}

static void who_was_decided_on_stays(void **state)
{
	struct device *device = pending_device("kept", "10.0.0.7", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	acted(&act);
	act.kind = ACT_RELEASE;
	acted(&act);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	bed.config.pending_max = 1;
	bed_advance(61 * USEC_PER_SEC);
	enrol(&x, "one", "10.0.0.1", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(4, 29));
	assert_ptr_equal(registry_by_ep(bed.host.registry, "kept"), device);
}

static void wrong_interface(void **state)
{
	enum turned_away why = AWAY_MALFORMED;

	assert_false(enrol_new_name_allowed(&bed.host, "one", "wan0", &why));
	assert_int_equal(why, AWAY_WRONG_INTERFACE);
	assert_true(enrol_new_name_allowed(&bed.host, "one", "lan0", &why));
}

static void plain_can_be_refused(void **state)
{
	open_window();
	bed.config.plain = PLAIN_REFUSE;
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_int_equal(heard(AWAY_PLAIN_REFUSED), 1);
	assert_int_equal(registry_count(bed.host.registry), 0);
}

static void a_tier_only_goes_up(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");

	device->record->trust = TRUST_PSK;
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 9));
}

static void malformed(void **state)
{
	static const struct {
		const char *ep, *body;
		uint8_t code;
	} rows[] = {
		{"", "{}", COAP_CODE(4, 0)},
		{"one", "{", COAP_CODE(4, 0)},
		{"one", "[]", COAP_CODE(4, 0)},
		{"one", "{\"model\":1}", COAP_CODE(4, 0)},
		{"one", "{\"code\":\"AAAA-AAAA\"}", COAP_CODE(4, 0)},
		{"one", "{\"v\":2}", COAP_CODE(4, 0)},
	};
	unsigned i;

	open_window();
	for (i = 0; i < ELEMENTS(rows); i++) {
		enrol(&x, rows[i].ep, "10.0.0.1", rows[i].body);
		assert_int_equal(x.code, rows[i].code);
		assert_int_equal(x.answers, 1);
		assert_true(x.size > 0);
		assert_int_equal(heard(AWAY_MALFORMED), i + 1);
	}
	assert_int_equal(registry_count(bed.host.registry), 0);
}

static void other_methods_and_formats(void **state)
{
	const struct lan_peer peer = {.address = address_of("10.0.0.1")};
	struct lan_request request = {.resource = LAN_ENROL,
		.accept = -1,
		.method = LAN_GET,
		.ep = "one",
		.peer = &peer,
		.content_format = FORMAT_JSON,
		.exchange = &x};

	x = (struct lan_exchange){.peer = peer};
	enrol_on_request(&bed.host, &request);
	assert_int_equal(x.code, COAP_CODE(4, 5));
	request.method = LAN_POST;
	request.content_format = FORMAT_OPAQUE;
	request.payload = SPAN_LITERAL("x");
	enrol_on_request(&bed.host, &request);
	assert_int_equal(x.code, COAP_CODE(4, 15));
	/* RFC 7252 section 5.10.4. */
	request.content_format = FORMAT_JSON;
	request.payload = SPAN_LITERAL("{}");
	request.accept = FORMAT_SENML_JSON;
	enrol_on_request(&bed.host, &request);
	assert_int_equal(x.code, COAP_CODE(4, 6));
	request.accept = -1;
	/* No body is the empty map, answered in CBOR. */
	open_window();
	request.content_format = FORMAT_NONE;
	request.payload = (struct span){0};
	enrol_on_request(&bed.host, &request);
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	assert_int_equal(x.format, FORMAT_CBOR);
}

static void a_token_in_clear_is_refused_and_said(void **state)
{
	struct device *device = pending_device("known", "10.0.0.9", "{}");
	char ep[32];
	unsigned i;

	enrol(&x, "one", "10.0.0.1", "{\"pt\":\"secret\"}");
	assert_int_equal(x.code, COAP_CODE(4, 0));
	assert_null(strstr(exchange_text(&x), "secret"));
	assert_true(host_alarm_is_active(&bed.host, ALARM_TOKEN_IN_CLEAR, "one"));
	/* Names that others make up do not fill the list of alarms. */
	for (i = 0; i < 100; i++) {
		snprintf(ep, sizeof(ep), "made-up-%u", i);
		enrol(&x, ep, "10.0.0.1", "{\"pt\":\"secret\"}");
	}
	assert_true(bed.host.alarms.count < 20);
	enrol(&x, "known", "10.0.0.9", "{\"pt\":\"secret\"}");
	assert_true(host_alarm_is_active(&bed.host, ALARM_TOKEN_IN_CLEAR, device->record->id));
}

static void blocked(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_BLOCK, device->record->id);

	acted(&act);
	enrol(&x, "one", "10.0.0.1", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	assert_int_equal(heard(AWAY_BLOCKED), 1);
	act.kind = ACT_UNBLOCK;
	acted(&act);
	enrol(&x, "one", "10.0.0.1", "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void the_code_only_for_a_display_and_an_open_operation(void **state)
{
	struct device *with = pending_device("with", "10.0.0.1", "{\"display\":true}");
	struct device *without = pending_device("without", "10.0.0.2", "{}");
	struct act act = act_on(ACT_ADMIT, with->record->id);
	char code[CODE_MAX + 1] = "";

	enrol(&x, "with", "10.0.0.1", "{}");
	assert_null(strstr(exchange_text(&x), "\"code\""));
	acted(&act);
	assert_int_equal(
		span_to_string(secret_span(&with->record->life.operation_code), code, sizeof(code)),
		0);
	enrol(&x, "with", "10.0.0.1", "{}");
	assert_non_null(strstr(exchange_text(&x), code));
	assert_non_null(strstr(exchange_text(&x), "\"expires\":600"));
	act = act_on(ACT_ADMIT, without->record->id);
	acted(&act);
	assert_true(without->record->life.operation_code.size > 0);
	enrol(&x, "without", "10.0.0.2", "{}");
	assert_null(strstr(exchange_text(&x), "\"code\""));
	act = act_on(ACT_APPROVE, with->record->id);
	snprintf(act.code, sizeof(act.code), "%s", code);
	assert_int_equal(acted(&act).result, ACT_DONE);
	enrol(&x, "with", "10.0.0.1", "{}");
	assert_non_null(strstr(exchange_text(&x), "approved"));
	assert_null(strstr(exchange_text(&x), "\"code\""));
}

static void the_gateway_stops_before_it_is_saved(void **state)
{
	open_window();
	enrol(&x, "one", "10.0.0.1", "{}");
	/* bed_teardown() takes the LAN away first, and with it the exchange. */
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unknown_name_without_window),
		T(new_name_is_answered_after_it_is_on_disk),
		T(new_name_that_cannot_be_stored_leaves_nothing),
		T(asking_again_changes_nothing),
		T(asking_while_the_first_is_saved),
		T(asking_while_the_first_fails),
		T(an_edit_that_had_to_wait_is_whole),
		T(retry_by_state),
		T(what_was_not_said_is_filled_in),
		T(a_code_on_its_display_is_replaced),
		T(codes_without_end_fill_no_journal),
		T(one_device_never_makes_two_operations),
		T(another_address_is_refused_and_said),
		T(another_address_while_the_name_is_being_saved),
		T(a_sighted_name_belongs_to_the_first_who_enrols),
		T(names_a_minute_are_limited),
		T(pending_names_are_limited),
		T(records_have_an_end),
		T(who_is_expected_is_not_crowded_out),
		T(announcements_take_no_place_of_those_who_ask),
		T(who_answers_a_probe_needs_a_place_too),
		T(who_waits_in_silence_makes_room),
		T(an_imported_token_has_a_place_of_its_own),
		T(who_was_decided_on_stays),
		T(wrong_interface),
		T(plain_can_be_refused),
		T(a_tier_only_goes_up),
		T(malformed),
		T(other_methods_and_formats),
		T(a_token_in_clear_is_refused_and_said),
		T(blocked),
		T(the_code_only_for_a_display_and_an_open_operation),
		T(the_gateway_stops_before_it_is_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
