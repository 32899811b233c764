/* SPDX-License-Identifier: Apache-2.0 */

/* Proofs of plain devices: right, wrong, before and after the label is known, and whose name it is.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "fakes.h"
#include "host/claim-host.h"
#include "host/enrol.h"
#include "host/journal.h"
#include "host/scan-host.h"

#define ONE "10.0.0.1"
#define TWO "10.0.0.2"

static struct lan_exchange x;
static struct label label; /* of sensor-1, what its maker gave it */

static int set_up(void **state)
{
	static const uint8_t secret[LABEL_SECRET_SIZE] = {1, 2, 3};
	enum label_verdict verdict = LABEL_FOREIGN;
	char text[LABEL_TEXT_SIZE];

	if (bed_setup(state) < 0 || label_write(secret, "sensor-1", text) < 0 ||
		label_read(span_from_string(text), "sensor-1", &label, &verdict) < 0)
		return -1;
	return verdict == LABEL_TAKEN ? 0 : -1;
}

static void ignore(void *userdata, const struct act_outcome *outcome)
{
	*(enum act_result *)userdata = outcome->result;
}

/* The label is imported. */
static void know(const struct label *known)
{
	const struct act act = {.kind = ACT_CODES_PUT, .role = ROLE_ADMIN, .who = "anna"};
	enum act_result result = ACT_IMPOSSIBLE;
	struct label_list list = {0};
	struct kept_label *kept;

	assert_int_equal(kept_label_new(known, &kept), 0);
	label_list_add(&list, kept);
	label_import(&bed.host, &act, &list, ignore, &result);
	store_answer_all(0);
	assert_int_equal(result, ACT_DONE);
}

/* What came back; false when no challenge is in it. */
static bool challenge_of(struct lan_exchange *exchange, uint8_t ret[LABEL_CHALLENGE_SIZE])
{
	json_t *map = json_loads(exchange_text(exchange), 0, NULL);
	const char *text = json_string_value(json_object_get(map, "challenge"));
	size_t size = 0;
	bool there = text && base64url_decode(
				     span_from_string(text), ret, LABEL_CHALLENGE_SIZE, &size) == 0;

	assert_int_equal(size, there ? LABEL_CHALLENGE_SIZE : 0);
	json_decref(map);
	return there;
}

static void ask(const char *ip)
{
	enrol(&x, "sensor-1", ip, "{}");
	store_answer_all(0);
}

static void enrol_proof(const char *ip, const uint8_t challenge[LABEL_CHALLENGE_SIZE], bool right)
{
	static const uint8_t nonce[LABEL_NONCE_MIN] = {7};
	uint8_t proof[LABEL_PROOF_SIZE];
	char *nonce_text, *proof_text, body[160];

	assert_int_equal(label_proof(&label, challenge, span_of(nonce, sizeof(nonce)), proof), 0);
	proof[0] ^= !right;
	nonce_text = base64url_encode(span_of(nonce, sizeof(nonce)));
	proof_text = base64url_encode(span_of(proof, sizeof(proof)));
	snprintf(body, sizeof(body), "{\"nonce\":\"%s\",\"proof\":\"%s\"}", nonce_text, proof_text);
	free(nonce_text);
	free(proof_text);
	enrol(&x, "sensor-1", ip, body);
}

static void prove_with(const char *ip, const uint8_t challenge[LABEL_CHALLENGE_SIZE], bool right)
{
	enrol_proof(ip, challenge, right);
	store_answer_all(0);
}

/* Asks, and answers with a proof. */
static void prove(const char *ip, bool right)
{
	uint8_t challenge[LABEL_CHALLENGE_SIZE];

	ask(ip);
	assert_true(challenge_of(&x, challenge));
	prove_with(ip, challenge, right);
}

static unsigned wrong(void)
{
	return (unsigned)heard_sum(&bed.host.heard, AWAY_WRONG_PROOF, bed.boot_usec);
}

static void a_right_proof(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{\"model\":\"M\"}");

	know(&label);
	prove(ONE, true);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_non_null(strstr(exchange_text(&x), "\"state\":\"pending\""));
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_CLAIMED);
	assert_int_equal(disk_audit_count("proof", "claimed"), 1);
	/* It proves, it does not approve; and what it said of itself stays. */
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_string_equal(device->record->info.model, "M");
	/* Again: nothing is new. */
	prove(ONE, true);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(disk_audit_count("proof", "claimed"), 1);
	assert_int_equal(wrong(), 0);
}

static void a_wrong_proof_is_answered_the_same(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{}");
	uint8_t next[LABEL_CHALLENGE_SIZE];

	know(&label);
	prove(ONE, false);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_true(challenge_of(&x, next));
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	assert_int_equal(wrong(), 1);
	prove(ONE, true);
	assert_true(challenge_of(&x, next));
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	/* Nor does a wrong one take anything away. */
	prove(ONE, false);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_int_equal(wrong(), 2);
}

static void a_challenge_is_for_one_minute_and_one_use(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{}");
	uint8_t challenge[LABEL_CHALLENGE_SIZE];

	know(&label);
	ask(ONE);
	assert_true(challenge_of(&x, challenge));
	bed_advance(CLAIM_USEC);
	prove_with(ONE, challenge, true);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	ask(ONE);
	assert_true(challenge_of(&x, challenge));
	prove_with(ONE, challenge, false);
	/* What is out now is another one. */
	prove_with(ONE, challenge, true);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	assert_int_equal(wrong(), 2);
}

static void a_proof_waits_for_its_label(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);
	uint8_t challenge[LABEL_CHALLENGE_SIZE];

	prove(ONE, true);
	assert_int_equal(acted(&act).result, ACT_DONE);
	/* Who is approved is asked only when there is something to compare it with. */
	ask(ONE);
	assert_false(challenge_of(&x, challenge));
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	know(&label);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_CLAIMED);
	assert_int_equal(disk_audit_count("proof", "claimed"), 1);
	know(&label);
	assert_int_equal(disk_audit_count("proof", "claimed"), 1);
	/* Its readings say so. */
	report(&x, "sensor-1", ONE, "1");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
}

/* The gateway ends and starts: what is on disk is there. */
static struct device *restarted(const char *ep)
{
	struct device *device = registry_by_ep(bed.host.registry, ep);
	struct device_record *record;

	assert_non_null(device);
	assert_int_equal(device_record_copy(disk_device(device->record->id), &record), 0);
	registry_remove(bed.host.registry, device);
	assert_int_equal(device_host_add(&bed.host, record, &device), 0);
	device->on_disk = true;
	return device;
}

static void a_kept_proof_outlives_a_restart(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{\"model\":\"M\"}");

	prove(ONE, true);
	device = restarted("sensor-1");
	assert_string_equal(device->record->info.model, "M");
	/* It never comes again; its label is imported. */
	know(&label);
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_CLAIMED);
	assert_int_equal(disk_audit_count("proof", "claimed"), 1);
}

/* The label is scanned, which approves it in the same act. */
static struct act_outcome scanned(const struct device *device)
{
	static const uint8_t secret[LABEL_SECRET_SIZE] = {1, 2, 3};
	struct act act = act_on(ACT_APPROVE, device->record->id);

	assert_int_equal(label_write(secret, "sensor-1", act.code), 0);
	return acted(&act);
}

static void scanned_after_a_restart(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{}");

	prove(ONE, true);
	device = restarted("sensor-1");
	assert_int_equal(scanned(device).result, ACT_DONE);
	assert_true(lifecycle_may_report(&device->record->life));
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_int_equal(device->record->evidence, EVIDENCE_LABEL);
	assert_false(scan_is_open(&bed.host, "sensor-1"));
}

/* The label was known and proved before the restart. */
static void proved_and_scanned_after_a_restart(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{}");

	know(&label);
	prove(ONE, true);
	device = restarted("sensor-1");
	assert_int_equal(scanned(device).result, ACT_DONE);
	assert_true(lifecycle_may_report(&device->record->life));
	assert_int_equal(device->record->evidence, EVIDENCE_LABEL);
	assert_false(scan_is_open(&bed.host, "sensor-1"));
}

/* Proofs without end do not become writes without end. */
static void kept_proofs_are_not_written_without_end(void **state)
{
	unsigned writes = 0;

	pending_device("sensor-1", ONE, "{}");
	for (int i = 0; i < 60; i++) {
		uint8_t challenge[LABEL_CHALLENGE_SIZE];

		bed_advance(USEC_PER_SEC);
		ask(ONE);
		assert_true(challenge_of(&x, challenge));
		enrol_proof(ONE, challenge, true);
		writes += store_waiting() > 0;
		store_answer_all(0);
		assert_int_equal(x.code, COAP_CODE(2, 4));
	}
	assert_in_range(writes, 1, 6);
	know(&label);
	assert_int_equal(
		registry_by_ep(bed.host.registry, "sensor-1")->record->trust, TRUST_CLAIMED);
}

/* Whoever proves more takes the name, and what another one had proved for it is void. */
static void a_certificate_voids_a_kept_proof(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{}");
	struct lan_request request = {.exchange = &x,
		.accept = -1,
		.peer = &x.peer,
		.method = LAN_POST,
		.resource = LAN_ENROL,
		.content_format = FORMAT_JSON,
		.payload = span_from_string("{}")};

	prove(ONE, true);
	x = (struct lan_exchange){.peer = {.address = address_of(TWO),
					  .trust = TRUST_CERT,
					  .verified = true,
					  .name = "sensor-1",
					  .identity = "f1",
					  .authority = "maker"}};
	strcpy(request.ep, "sensor-1");
	enrol_on_request(&bed.host, &request);
	store_answer_all(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(device->record->trust, TRUST_CERT);
	scanned(device);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_int_equal(device->record->evidence, EVIDENCE_NONE);
}

static void a_kept_proof_that_was_wrong(void **state)
{
	struct device *device = pending_device("sensor-1", ONE, "{}");

	prove(ONE, false);
	assert_int_equal(wrong(), 0);
	know(&label);
	assert_int_equal(wrong(), 1);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	assert_int_equal(disk_audit_count("proof", "claimed"), 0);
}

static void a_proof_beats_who_holds_the_name_without_one(void **state)
{
	struct device *device = active_device("sensor-1", ONE);
	struct device_address one = address_of(ONE);
	uint8_t challenge[LABEL_CHALLENGE_SIZE];

	/* Without a label nobody can prove anything. */
	ask(TWO);
	assert_int_equal(x.code, COAP_CODE(4, 9));
	assert_false(challenge_of(&x, challenge));
	know(&label);
	prove(TWO, false);
	assert_int_equal(x.code, COAP_CODE(4, 9));
	assert_true(device_address_same_host(&device->record->address, &one));
	/* Another one's challenge is no use, and is not taken from him. */
	ask(TWO);
	assert_true(challenge_of(&x, challenge));
	prove_with("10.0.0.3", challenge, true);
	assert_int_equal(x.code, COAP_CODE(4, 9));
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	prove_with(TWO, challenge, true);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_CLAIMED);
	assert_int_equal(disk_audit_count("proof", "claimed"), 1);
	report(&x, "sensor-1", TWO, "1");
	appended_answer(0);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	report(&x, "sensor-1", ONE, "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
}

/* The same label twice: a copy, or a device that moved. */
static void who_proved_its_name_keeps_it_while_it_is_heard(void **state)
{
	struct device *device = active_device("sensor-1", ONE);
	struct device_address one = address_of(ONE), two = address_of(TWO);
	uint8_t challenge[LABEL_CHALLENGE_SIZE];

	know(&label);
	ask(TWO);
	assert_true(challenge_of(&x, challenge));
	prove(ONE, true);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	/* What was asked before is no use any more, and nothing new is asked. */
	prove_with(TWO, challenge, true);
	assert_int_equal(x.code, COAP_CODE(4, 9));
	assert_false(challenge_of(&x, challenge));
	ask(TWO);
	assert_int_equal(x.code, COAP_CODE(4, 9));
	assert_false(challenge_of(&x, challenge));
	assert_true(device_address_same_host(&device->record->address, &one));
	assert_true(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, device->record->id));
	/* Its trying does not make the holder heard. */
	bed_advance(CLAIM_SILENT_USEC);
	prove(TWO, true);
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_true(device_address_same_host(&device->record->address, &two));
	assert_int_equal(disk_audit_count("proof", "claimed"), 2);
}

static void sizes_that_no_proof_has(void **state)
{
	static const char *const bodies[] = {"{\"nonce\":\"ICEiIyQlJic\"}", "{\"proof\":\"AA\"}",
		"{\"nonce\":1,\"proof\":2}",
		"{\"nonce\":\"AA\",\"proof\":\"sr9xNQfnMQABQPeshT_wlg\"}",
		"{\"nonce\":\"ICEiIyQlJic\",\"proof\":\"sr9x\"}"};

	open_window();
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		enrol(&x, "sensor-1", ONE, bodies[i]);
		assert_int_equal(x.code, COAP_CODE(4, 0));
	}
	assert_null(registry_by_ep(bed.host.registry, "sensor-1"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_right_proof),
		T(a_wrong_proof_is_answered_the_same),
		T(a_challenge_is_for_one_minute_and_one_use),
		T(a_proof_waits_for_its_label),
		T(a_kept_proof_outlives_a_restart),
		T(scanned_after_a_restart),
		T(proved_and_scanned_after_a_restart),
		T(kept_proofs_are_not_written_without_end),
		T(a_certificate_voids_a_kept_proof),
		T(a_kept_proof_that_was_wrong),
		T(a_proof_beats_who_holds_the_name_without_one),
		T(who_proved_its_name_keeps_it_while_it_is_heard),
		T(sizes_that_no_proof_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
