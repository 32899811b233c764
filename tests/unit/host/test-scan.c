/* SPDX-License-Identifier: Apache-2.0 */

/* Labels that were scanned: what is kept, who is taken in, when it ends, and how many there can be.
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

#include "base/clock.h"
#include "fakes.h"
#include "host/enrol.h"
#include "host/label-host.h"
#include "host/scan-host.h"

#define ONE	 "10.0.0.1"
#define DAY_USEC (UINT64_C(86400) * USEC_PER_SEC)

static struct lan_exchange x;

/* The QR text of the label number 'n' of a device. */
static const char *qr(const char *ep, uint8_t n)
{
	static char text[LABEL_QR_SIZE];
	const uint8_t secret[LABEL_SECRET_SIZE] = {n};

	assert_int_equal(label_write_qr(secret, ep, text), 0);
	return text;
}

static struct act scan_of(const char *ep, uint8_t n)
{
	struct act act = act_on(ACT_LABEL_SCAN, NULL);

	snprintf(act.code, sizeof(act.code), "%s", qr(ep, n));
	return act;
}

static struct act cancel_of(const char *ep)
{
	struct act act = act_on(ACT_LABEL_CANCEL, NULL);

	snprintf(act.ep, sizeof(act.ep), "%s", ep);
	return act;
}

static void enrol_as(const char *ep, const struct lan_peer *peer)
{
	struct lan_request request = {.exchange = &x,
		.accept = -1,
		.peer = peer,
		.method = LAN_POST,
		.resource = LAN_ENROL,
		.content_format = FORMAT_JSON,
		.payload = span_from_string("{}")};

	x = (struct lan_exchange){0};
	snprintf(request.ep, sizeof(request.ep), "%s", ep);
	enrol_on_request(&bed.host, &request);
	store_answer_all(0);
}

/* A DTLS session with the key of its label. */
static void enrol_secure(const char *ep)
{
	enrol_as(ep, &(const struct lan_peer){
			     .address = address_of(ONE), .trust = TRUST_PSK, .verified = true});
}

/* Its name is on a certificate, and that is another matter than the key on the label. */
static void a_certificate_is_no_proof_of_a_label(void **state)
{
	struct act act = scan_of("one", 1);
	struct lan_peer peer = {.address = address_of(ONE), .trust = TRUST_CERT, .verified = true};
	const struct device *device;

	strcpy(peer.name, "one");
	strcpy(peer.identity, "f1");
	strcpy(peer.authority, "maker");
	assert_int_equal(acted(&act).result, ACT_DONE);
	open_window();
	enrol_as("one", &peer);
	assert_int_equal(x.code, COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, "one");
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_int_equal(device->record->evidence, EVIDENCE_NONE);
	assert_true(scan_is_open(&bed.host, "one"));
	enrol_as("one", &peer);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void a_session_of_its_key_is_taken_in(void **state)
{
	struct act act = scan_of("one", 1);
	const struct device *device;

	act.has_place = true;
	strcpy(act.place, "roof");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_string_equal(disk_audit_newest()->result, "waits for its device");
	assert_non_null(disk_label("one")->window);
	assert_false(disk_label("one")->imported);
	enrol(&x, "One", ONE, "{}");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	enrol_secure("one");
	assert_int_equal(x.code, COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, "one");
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_int_equal(device->record->evidence, EVIDENCE_LABEL);
	assert_string_equal(device->record->place, "roof");
	assert_string_equal(device->record->decided_by, "anna");
	assert_int_equal(disk_audit_count("approve", "done"), 1);
	/* Its window is used up, its keys stay. */
	assert_null(disk_label("one")->window);
	assert_false(scan_is_open(&bed.host, "one"));
	act = scan_of("one", 1);
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	act = cancel_of("one");
	assert_int_equal(acted(&act).result, ACT_UNKNOWN);
}

static void a_window_is_over_after_a_day(void **state)
{
	struct act act = scan_of("one", 1);

	assert_int_equal(acted(&act).result, ACT_DONE);
	bed_advance(DAY_USEC - 60 * USEC_PER_SEC);
	assert_true(scan_is_open(&bed.host, "one"));
	bed_advance(120 * USEC_PER_SEC);
	assert_false(scan_is_open(&bed.host, "one"));
	enrol_secure("one");
	assert_int_equal(x.code, COAP_CODE(5, 3));
	store_answer_all(0);
	assert_null(disk_label("one"));
	assert_null(label_book_find(&bed.host.labels, "one"));
	assert_int_equal(disk_audit_count("label scan", "over: it did not come"), 1);
	assert_int_equal(bed_timer_left("label-windows"), UINT64_MAX);
}

static void what_was_over_while_the_gateway_was_away(void **state)
{
	struct act act = scan_of("one", 1);

	assert_int_equal(acted(&act).result, ACT_DONE);
	bed.wall_msec += 2 * LABEL_WINDOW_MSEC;
	scan_plan(&bed.host);
	store_answer_all(0);
	assert_null(disk_label("one"));
	/* Nor does a clock that is set back make a long one of it. */
	act = scan_of("two", 1);
	assert_int_equal(acted(&act).result, ACT_DONE);
	bed.wall_msec -= LABEL_WINDOW_MSEC;
	assert_false(scan_is_open(&bed.host, "two"));
	scan_plan(&bed.host);
	store_answer_all(0);
	assert_null(disk_label("two"));
}

static void only_so_many_wait(void **state)
{
	struct act act;

	bed.host.limits.value[LIMIT_LABEL_WINDOWS] = 2;
	act = scan_of("one", 1);
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = scan_of("two", 1);
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = scan_of("three", 1);
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(bed.host.limits.reached[LIMIT_LABEL_WINDOWS], 1);
	assert_null(disk_label("three"));
	/* One that waits may be scanned again. */
	act = scan_of("two", 1);
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = cancel_of("one");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(disk_label("one"));
	act = scan_of("three", 1);
	assert_int_equal(acted(&act).result, ACT_DONE);
	bed.host.limits.value[LIMIT_LABELS] = 2;
	act = scan_of("four", 1);
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(bed.host.limits.reached[LIMIT_LABELS], 1);
}

static void expected_names_have_places_of_their_own(void **state)
{
	struct act act = scan_of("one", 1);
	char ep[16], ip[32];
	unsigned i;

	bed.config.pending_max = 2;
	open_window();
	for (i = 0; i < bed.config.new_per_minute + 2; i++) {
		snprintf(ep, sizeof(ep), "n%u", i);
		snprintf(ip, sizeof(ip), "10.0.1.%u", i + 1);
		enrol(&x, ep, ip, "{}");
		store_answer_all(0);
	}
	assert_int_equal(x.code, COAP_CODE(4, 29));
	assert_int_equal(acted(&act).result, ACT_DONE);
	enrol(&x, "one", ONE, "{}");
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 1));
}

static void another_label_of_the_name(void **state)
{
	struct act act = scan_of("one", 1);
	struct act_outcome outcome;

	assert_int_equal(acted(&act).result, ACT_DONE);
	act = scan_of("one", 2);
	outcome = acted(&act);
	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	assert_int_equal(disk_audit_count("label scan", "refused: wrong code"), 1);
	/* It counts for the gateway: nobody tries labels without end. */
	bed.host.limits.value[LIMIT_CODE_TRIES_GATEWAY] = 2;
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_int_equal(acted(&act).result, ACT_TOO_MANY);
	act = scan_of("one", 1);
	assert_int_equal(acted(&act).result, ACT_TOO_MANY);
}

static void names_that_look_alike_are_one(void **state)
{
	struct act act = scan_of("ONE", 1);
	struct act_outcome outcome;

	pending_device("one", ONE, "{}");
	outcome = acted(&act);
	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	assert_non_null(strstr(outcome.text, "letters"));
	assert_null(disk_label("one"));
}

static void what_is_not_stored_is_not_open(void **state)
{
	struct act act = scan_of("one", 1), other = scan_of("two", 1);
	struct act_try try, second;

	try_act(&act, &try);
	try_act(&other, &second);
	assert_int_equal(second.outcome.result, ACT_TOO_MANY);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_false(scan_is_open(&bed.host, "one"));
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = cancel_of("one");
	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_true(scan_is_open(&bed.host, "one"));
}

static void a_decision_ends_it(void **state)
{
	struct act act = scan_of("one", 1);
	struct device *device = pending_device("one", ONE, "{}");

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(scan_is_open(&bed.host, "one"));
	act = act_on(ACT_REJECT, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	assert_false(scan_is_open(&bed.host, "one"));
	assert_null(disk_label("one"));
}

/* While its end is under way an administrator decides about the same label: that holds. */
static void its_end_brings_no_label_back(void **state)
{
	struct act act = scan_of("one", 1), drop = act_on(ACT_CODE_DROP, NULL);
	struct act_try try = {0};

	assert_int_equal(acted(&act).result, ACT_DONE);
	label_book_find(&bed.host.labels, "one")->imported = true;
	strcpy(drop.ep, "one");
	label_drop(&bed.host, &drop, try_keep, &try);
	scan_end(&bed.host, "one");
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_null(disk_label("one"));
	assert_null(label_book_find(&bed.host.labels, "one"));
}

static void its_end_takes_no_imported_label(void **state)
{
	struct act act = scan_of("one", 1), import = act_on(ACT_CODES_PUT, NULL);
	struct act_try try = {0}, cancelled = {0};
	struct label_list list = {0};
	struct kept_label *kept;

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(
		kept_label_new(&label_book_find(&bed.host.labels, "one")->label, &kept), 0);
	label_list_add(&list, kept);
	label_import(&bed.host, &import, &list, try_keep, &try);
	act = cancel_of("one");
	try_act(&act, &cancelled);
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_int_equal(cancelled.outcome.result, ACT_DONE);
	assert_true(disk_label("one")->imported);
	assert_null(disk_label("one")->window);
	assert_true(label_book_find(&bed.host.labels, "one")->imported);
}

static void who_is_blocked_stays_out(void **state)
{
	struct act act;
	struct device *device = pending_device("one", ONE, "{}");

	act = act_on(ACT_BLOCK, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	act = scan_of("one", 1);
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	assert_null(disk_label("one"));
}

static void what_is_no_label(void **state)
{
	struct act act = scan_of("one", 1);

	act.code[strlen(act.code) - 1] ^= 1;
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	strcpy(act.code, "BCDF-GHJK");
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	act = scan_of("one", 1);
	strcpy(act.ep, "a b");
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	strcpy(act.ep, "two");
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	act = scan_of("one", 1);
	strcpy(act.place, "\x1b[2J");
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	assert_int_equal(bed.host.labels.count, 0);
	/* Nor is it a short code of a device that has one. */
	act = scan_of("one", 1);
	act.kind = ACT_APPROVE;
	strcpy(act.device, pending_device("two", ONE, "{\"code\":\"BCDFGHJK\"}")->record->id);
	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	assert_int_equal(registry_by_ep(bed.host.registry, "two")->record->code_tries, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_session_of_its_key_is_taken_in),
		T(a_certificate_is_no_proof_of_a_label),
		T(a_window_is_over_after_a_day),
		T(what_was_over_while_the_gateway_was_away),
		T(only_so_many_wait),
		T(expected_names_have_places_of_their_own),
		T(another_label_of_the_name),
		T(names_that_look_alike_are_one),
		T(what_is_not_stored_is_not_open),
		T(a_decision_ends_it),
		T(its_end_brings_no_label_back),
		T(its_end_takes_no_imported_label),
		T(who_is_blocked_stays_out),
		T(what_is_no_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
