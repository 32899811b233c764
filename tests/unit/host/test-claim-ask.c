/* SPDX-License-Identifier: Apache-2.0 */

/* Devices that are servers prove their label when they are asked to. */

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
#include "host/device-host.h"

#define ONE "10.0.0.1"

static const char links[] = "</info>;rt=\"gatehouse.info\",</prove>;rt=\"gatehouse.claim\";ct=50";
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

static void know(void)
{
	const struct act act = {.kind = ACT_CODES_PUT, .role = ROLE_ADMIN, .who = "anna"};
	enum act_result result = ACT_IMPOSSIBLE;
	struct label_list list = {0};
	struct kept_label *kept;

	assert_int_equal(kept_label_new(&label, &kept), 0);
	label_list_add(&list, kept);
	label_import(&bed.host, &act, &list, ignore, &result);
	store_answer_all(0);
	assert_int_equal(result, ACT_DONE);
}

static struct device *appeared(void)
{
	struct discovery_sighting sighting = {
		.ep = "sensor-1", .address = address_of(ONE), .found_by = FOUND_MDNS};
	struct device *device;

	device_host_on_appeared(&bed.host, &sighting);
	device = registry_by_ep(bed.host.registry, "sensor-1");
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{}");
	store_answer_all(0);
	return device;
}

static struct device *waiting(void)
{
	open_window();
	return appeared();
}

/* The answer to the challenge that was sent last. */
static void answer(bool right)
{
	static const uint8_t nonce[LABEL_NONCE_MIN] = {7};
	struct fake_sent *sent = sent_to("/prove");
	uint8_t challenge[LABEL_CHALLENGE_SIZE], proof[LABEL_PROOF_SIZE];
	char body[160], *nonce_text, *proof_text;
	json_t *map;
	const char *text;
	size_t size = 0;

	assert_non_null(sent);
	assert_int_equal(sent->outgoing.method, LAN_POST);
	map = json_loadb((const char *)sent->payload, sent->outgoing.payload.size, 0, NULL);
	text = json_string_value(json_object_get(map, "challenge"));
	assert_non_null(text);
	assert_int_equal(
		base64url_decode(span_from_string(text), challenge, sizeof(challenge), &size), 0);
	assert_int_equal(size, LABEL_CHALLENGE_SIZE);
	json_decref(map);
	assert_int_equal(label_proof(&label, challenge, span_of(nonce, sizeof(nonce)), proof), 0);
	proof[0] ^= !right;
	nonce_text = base64url_encode(span_of(nonce, sizeof(nonce)));
	proof_text = base64url_encode(span_of(proof, sizeof(proof)));
	snprintf(body, sizeof(body), "{\"nonce\":\"%s\",\"proof\":\"%s\"}", nonce_text, proof_text);
	free(nonce_text);
	free(proof_text);
	sent_answer(sent, 0, COAP_CODE(2, 4), FORMAT_JSON, body);
	store_answer_all(0);
}

static unsigned away(enum turned_away why)
{
	return (unsigned)heard_sum(&bed.host.heard, why, bed.boot_usec);
}

static void a_known_label_is_proved(void **state)
{
	struct device *device;

	know();
	device = waiting();
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	answer(true);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_CLAIMED);
	assert_int_equal(disk_audit_count("proof", "claimed"), 1);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	/* Nothing more is asked. */
	claim_ask_again(&bed.host, device);
	assert_null(sent_to("/prove"));
}

static void a_proof_waits_for_its_label(void **state)
{
	struct device *device = waiting();

	answer(true);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	know();
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_null(sent_to("/prove"));
}

static void a_wrong_proof_is_counted_and_not_asked_for_again(void **state)
{
	struct device *device;

	know();
	device = waiting();
	answer(false);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	assert_int_equal(away(AWAY_WRONG_PROOF), 1);
	claim_ask(&bed.host, device);
	assert_null(sent_to("/prove"));
	assert_true(bed_timer_left("claim") == UINT64_MAX);
	/* With another label it is asked anew. */
	know();
	answer(true);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
}

/* A wrong answer that was kept until somebody scanned the label: the right label must get its
 * device in all the same. */
static void who_answered_wrongly_may_answer_again(void **state)
{
	struct device *device = waiting();
	struct act act = act_on(ACT_APPROVE, device->record->id);

	answer(false);
	assert_string_not_equal(device->record->kept_proof, "");
	assert_int_equal(
		label_write((const uint8_t[LABEL_SECRET_SIZE]){1, 2, 3}, "sensor-1", act.code), 0);
	assert_int_equal(acted(&act).result, ACT_WRONG_CODE);
	assert_string_equal(disk_device(device->record->id)->kept_proof, "");
	answer(true);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
}

static void who_was_only_seen_is_not_asked(void **state)
{
	know();
	appeared();
	assert_null(sent_to("/prove"));
	open_window();
	store_answer_all(0);
	answer(true);
}

static void what_does_not_arrive_is_tried_a_few_times(void **state)
{
	struct device *device;
	unsigned i;

	know();
	device = waiting();
	for (i = 0; i < 5; i++) {
		struct fake_sent *sent = sent_to("/prove");

		assert_non_null(sent);
		if (i % 2)
			sent_answer(sent, -ETIMEDOUT, 0, -1, "");
		else
			sent_answer(sent, 0, COAP_CODE(5, 3), -1, "");
		bed_advance(60 * USEC_PER_SEC);
	}
	assert_null(sent_to("/prove"));
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	/* A new probe, a new start. */
	claim_ask_again(&bed.host, device);
	answer(true);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
}

static void a_busy_lan_is_no_failed_try(void **state)
{
	struct device *device;
	unsigned i;

	know();
	device = waiting();
	answer(false);
	fake_send_result = -EBUSY;
	claim_ask_again(&bed.host, device);
	for (i = 0; i < 8; i++)
		bed_advance(10 * USEC_PER_SEC);
	fake_send_result = 0;
	bed_advance(10 * USEC_PER_SEC);
	answer(true);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
}

static void what_is_no_answer(void **state)
{
	struct device *device;

	know();
	device = waiting();
	sent_answer(sent_to("/prove"), 0, COAP_CODE(2, 4), FORMAT_JSON, "{\"nonce\":1}");
	assert_int_equal(away(AWAY_MALFORMED), 1);
	claim_ask_again(&bed.host, device);
	sent_answer(sent_to("/prove"), 0, COAP_CODE(2, 4), FORMAT_JSON, "{}");
	assert_int_equal(away(AWAY_MALFORMED), 2);
	claim_ask_again(&bed.host, device);
	sent_answer(sent_to("/prove"), 0, COAP_CODE(4, 4), -1, "");
	assert_int_equal(away(AWAY_MALFORMED), 3);
	assert_null(sent_to("/prove"));
	assert_int_equal(device->record->trust, TRUST_PLAIN);
}

static void another_mac_at_its_address_proves_nothing(void **state)
{
	struct device *device;

	know();
	neighbour(ONE, "02:00:00:00:00:01");
	device = waiting();
	assert_string_equal(device->record->mac, "02:00:00:00:00:01");
	neighbour(ONE, "02:00:00:00:00:02");
	answer(true);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	/* An answer that is too late is none. */
	neighbour(ONE, "02:00:00:00:00:01");
	claim_ask_again(&bed.host, device);
	bed_advance(CLAIM_USEC);
	answer(true);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
}

static void an_approved_one_is_asked_when_its_label_is_known(void **state)
{
	struct device *device = waiting();
	struct act act = act_on(ACT_APPROVE, device->record->id);

	sent_answer(sent_to("/prove"), 0, COAP_CODE(4, 4), -1, "");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(sent_to("/prove"));
	know();
	answer(true);
	assert_int_equal(device->record->trust, TRUST_CLAIMED);
}

static void who_is_blocked_is_left_alone(void **state)
{
	struct device *device = waiting();
	struct act act = act_on(ACT_BLOCK, device->record->id);

	sent_answer(sent_to("/prove"), 0, COAP_CODE(4, 4), -1, "");
	assert_int_equal(acted(&act).result, ACT_DONE);
	know();
	assert_null(sent_to("/prove"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_known_label_is_proved),
		T(a_proof_waits_for_its_label),
		T(a_wrong_proof_is_counted_and_not_asked_for_again),
		T(who_answered_wrongly_may_answer_again),
		T(who_was_only_seen_is_not_asked),
		T(what_does_not_arrive_is_tried_a_few_times),
		T(a_busy_lan_is_no_failed_try),
		T(what_is_no_answer),
		T(another_mac_at_its_address_proves_nothing),
		T(an_approved_one_is_asked_when_its_label_is_known),
		T(who_is_blocked_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
