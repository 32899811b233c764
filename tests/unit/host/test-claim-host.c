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

static void prove_with(const char *ip, const uint8_t challenge[LABEL_CHALLENGE_SIZE], bool right)
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
		T(a_kept_proof_that_was_wrong),
		T(a_proof_beats_who_holds_the_name_without_one),
		T(who_proved_its_name_keeps_it_while_it_is_heard),
		T(sizes_that_no_proof_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
