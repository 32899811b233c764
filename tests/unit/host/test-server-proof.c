/* SPDX-License-Identifier: Apache-2.0 */

/* Devices that serve over DTLS: asked only by who has their key, and never in clear after that. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/claim-host.h"
#include "host/device-host.h"
#include "host/enrol.h"
#include "host/host.h"
#include "host/typed.h"

#define EP    "vault"
#define ONE   "10.0.0.1"
#define TWO   "10.0.0.2"
#define CORE  "/.well-known/core"
#define LINKS "</s>;if=\"core.s\";ct=0,</info>;rt=\"gatehouse.info\",</do>;rt=\"gatehouse.command\""

static const char *qr(const char *ep, uint8_t n)
{
	static char text[LABEL_QR_SIZE];
	const uint8_t secret[LABEL_SECRET_SIZE] = {n};

	assert_int_equal(label_write_qr(secret, ep, text), 0);
	return text;
}

static void ignore(void *userdata, const struct act_outcome *outcome)
{
	*(enum act_result *)userdata = outcome->result;
}

/* The label number 'n' of a device is imported. */
static void know(const char *ep, uint8_t n)
{
	const struct act act = {.kind = ACT_CODES_PUT, .role = ROLE_ADMIN, .who = "anna"};
	enum act_result result = ACT_IMPOSSIBLE;
	enum label_verdict verdict = LABEL_FOREIGN;
	struct label_list list = {0};
	struct kept_label *kept;
	struct label label;

	assert_int_equal(label_read(span_from_string(qr(ep, n)), ep, &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_TAKEN);
	assert_int_equal(kept_label_new(&label, &kept), 0);
	label_list_add(&list, kept);
	label_import(&bed.host, &act, &list, ignore, &result);
	store_answer_all(0);
	assert_int_equal(result, ACT_DONE);
}

static struct device *announced(const char *ip, uint16_t port, bool secure)
{
	struct discovery_sighting sighting = {
		.ep = EP, .address = address_of(ip), .found_by = FOUND_MDNS, .secure = secure};

	sighting.address.port = port;
	device_host_on_appeared(&bed.host, &sighting);
	return registry_by_ep(bed.host.registry, EP);
}

/* The question over DTLS that waits at this address. */
static struct fake_sent *asked(const char *ip, uint16_t port)
{
	struct fake_sent *sent = sent_to(CORE);
	const struct device_address address = address_of(ip);

	assert_non_null(sent);
	assert_string_equal(sent->identity, EP);
	assert_int_equal(sent->outgoing.to.port, port);
	assert_true(device_address_same_host(&sent->outgoing.to, &address));
	return sent;
}

static void answer(struct fake_sent *sent)
{
	sent_answer(sent, 0, COAP_CODE(2, 5), FORMAT_LINK, LINKS);
}

/* It proves its name, and says what it is. */
static void prove(const char *ip, uint16_t port)
{
	answer(asked(ip, port));
	store_answer_all(0);
	answer(asked(ip, port));
	assert_string_equal(sent_to("/info")->identity, EP);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{\"model\":\"V\"}");
	store_answer_all(0);
}

static void nothing_in_clear_since(size_t from)
{
	for (; from < fake_sent_count; from++)
		assert_string_equal(fake_sent[from].identity, EP);
}

static void without_a_key_it_is_listed_alone(void **state)
{
	struct device *device = announced(ONE, 5684, true);

	open_window();
	assert_true(device->present);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	bed_advance(600 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, 0);
	/* the label of another name is none of its */
	know("vaults", 1);
	assert_int_equal(fake_sent_count, 0);
	know("VAULT", 1);
	assert_int_equal(fake_sent_count, 0);
}

static void it_is_asked_when_its_label_is_known(void **state)
{
	struct device *device = announced(ONE, 5684, true);

	open_window();
	know(EP, 1);
	assert_int_equal(fake_sent_count, 1);
	prove(ONE, 5684);
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_string_equal(device->record->info.model, "V");
	assert_string_equal(device->record->mac, "");
	assert_false(device->record->address_bound);
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_PSK);
	nothing_in_clear_since(0);
	/* and once is enough */
	size_t count = fake_sent_count;
	announced(ONE, 5684, true);
	know("other", 1);
	assert_int_equal(fake_sent_count, count);
}

static void its_label_was_known_before(void **state)
{
	struct device *device;

	open_window();
	know(EP, 1);
	device = announced(ONE, 5684, true);
	prove(ONE, 5684);
	assert_int_equal(device->record->trust, TRUST_PSK);
	nothing_in_clear_since(0);
}

static void its_label_is_scanned(void **state)
{
	struct device *device = announced(ONE, 5684, true);
	struct act act = act_on(ACT_LABEL_SCAN, NULL);

	snprintf(act.code, sizeof(act.code), "%s", qr(EP, 1));
	assert_int_equal(acted(&act).result, ACT_DONE);
	prove(ONE, 5684);
	store_answer_all(0);
	/* the scan was the decision */
	assert_true(lifecycle_may_report(&device->record->life));
	assert_int_equal(device->record->evidence, EVIDENCE_LABEL);
	nothing_in_clear_since(0);
}

static struct device *approved(void)
{
	struct device *device;
	struct act act;

	open_window();
	know(EP, 1);
	device = announced(ONE, 5684, true);
	prove(ONE, 5684);
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	return device;
}

static void it_is_read_and_told_over_dtls(void **state)
{
	struct device *device = approved();

	bed_advance(bed.config.poll_interval * USEC_PER_SEC + USEC_PER_SEC);
	assert_non_null(sent_to("/s"));
	nothing_in_clear_since(0);
	/* who is silent is asked there again, and nowhere else */
	sent_answer(sent_to("/s"), -ETIMEDOUT, 0, -1, "");
	bed_advance(10 * bed.config.poll_interval * USEC_PER_SEC);
	nothing_in_clear_since(0);
	assert_int_equal(device->record->trust, TRUST_PSK);
	/* its label is withdrawn: then it is not asked at all, for lan has no key */
	fake_send_result = -ENOKEY;
	size_t count = fake_sent_count;
	sent_answer(sent_to("/s"), -EKEYREVOKED, 0, -1, "");
	bed_advance(10 * bed.config.poll_interval * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, count);
}

static void an_announcement_moves_nobody(void **state)
{
	struct device *device = approved();
	const struct device_address there = device->record->address;
	size_t count = fake_sent_count;

	/* in clear at its own address: a sign of life */
	announced(ONE, 5683, false);
	assert_memory_equal(&device->record->address, &there, sizeof(there));
	/* in clear elsewhere: nothing */
	announced(TWO, 5683, false);
	assert_memory_equal(&device->record->address, &there, sizeof(there));
	assert_int_equal(fake_sent_count, count);
	/* over DTLS elsewhere: it is asked there, and stays until that is answered */
	announced(TWO, 7777, true);
	assert_memory_equal(&device->record->address, &there, sizeof(there));
	sent_answer(asked(TWO, 7777), -ETIMEDOUT, 0, -1, "");
	assert_memory_equal(&device->record->address, &there, sizeof(there));
	/* it moved indeed */
	announced(TWO, 7778, true);
	answer(asked(TWO, 7778));
	store_answer_all(0);
	assert_int_equal(device->record->address.port, 7778);
	assert_int_equal(disk_device(device->record->id)->address.port, 7778);
	nothing_in_clear_since(0);
}

/* A tier goes up: who was asked in clear is asked over DTLS, and what it still answers in clear is
 * nobody's. */
static void it_goes_up(void **state)
{
	struct device *device;
	struct fake_sent *late;
	struct act act;

	open_window();
	device = announced(ONE, 5683, false);
	sent_answer(sent_to(CORE), 0, COAP_CODE(2, 5), FORMAT_LINK, LINKS);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{}");
	store_answer_all(0);
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	bed_advance(bed.config.poll_interval * USEC_PER_SEC + USEC_PER_SEC);
	late = sent_to("/s");
	assert_string_equal(late->identity, "");
	announced(ONE, 5684, true);
	assert_ptr_equal(sent_to(CORE), NULL);
	know(EP, 1);
	answer(asked(ONE, 5684));
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_int_equal(device->record->address.port, 5684);
	assert_int_equal(disk_audit_count("proof", "psk"), 1);
	size_t from = fake_sent_count;
	sent_answer(late, 0, COAP_CODE(2, 5), FORMAT_TEXT, "666");
	assert_int_equal(appended_waiting(), 0);
	announced(ONE, 5683, false);
	bed_advance(10 * bed.config.poll_interval * USEC_PER_SEC);
	nothing_in_clear_since(from);
}

/* Somebody says that a device in clear has a DTLS port: it is asked there some times, and read as
 * before. */
static void who_has_no_such_port_is_read_as_before(void **state)
{
	struct device *device;
	struct act act;

	open_window();
	know(EP, 1);
	device = announced(ONE, 5683, false);
	sent_answer(sent_to(CORE), 0, COAP_CODE(2, 5), FORMAT_LINK, LINKS);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{}");
	store_answer_all(0);
	act = act_on(ACT_APPROVE, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	announced(ONE, 5684, true);
	for (int i = 0; i < 5; i++) {
		sent_answer(asked(ONE, 5684), -ETIMEDOUT, 0, -1, "");
		bed_advance(200 * USEC_PER_SEC);
	}
	assert_null(sent_to(CORE));
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_HANDSHAKE, bed.boot_usec), 1);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	assert_string_equal(sent_to("/s")->identity, "");
}

/* The disk did not take it: it is asked once more, without being announced anew. */
static void a_proof_that_could_not_be_kept(void **state)
{
	struct device *device;

	open_window();
	know(EP, 1);
	device = announced(ONE, 5683, false);
	sent_answer(sent_to(CORE), 0, COAP_CODE(2, 5), FORMAT_LINK, LINKS);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{}");
	store_answer_all(0);
	announced(ONE, 5684, true);
	answer(asked(ONE, 5684));
	store_answer_all(-EIO);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
	assert_null(sent_to(CORE));
	bed_advance(20 * USEC_PER_SEC);
	answer(asked(ONE, 5684));
	store_answer_all(0);
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_int_equal(disk_device(device->record->id)->trust, TRUST_PSK);
	assert_int_equal(bed_timer_left("server-proof"), UINT64_MAX);
}

/* That is no handshake that failed. */
static void proofs_that_could_not_be_kept(void **state)
{
	struct device *device;

	open_window();
	know(EP, 1);
	device = announced(ONE, 5683, false);
	sent_answer(sent_to(CORE), 0, COAP_CODE(2, 5), FORMAT_LINK, LINKS);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{}");
	store_answer_all(0);
	announced(ONE, 5684, true);
	for (int i = 0; i < 5; i++) {
		answer(asked(ONE, 5684));
		store_answer_all(-EIO);
		bed_advance(200 * USEC_PER_SEC);
	}
	assert_null(sent_to(CORE));
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_HANDSHAKE, bed.boot_usec), 0);
	assert_int_equal(heard_sum(&bed.host.heard, AWAY_STORE_FULL, bed.boot_usec), 1);
	assert_int_equal(device->record->trust, TRUST_PLAIN);
}

static void nobody_is_asked_who_is_blocked(void **state)
{
	struct device *device = approved();
	struct act act = act_on(ACT_REVOKE, device->record->id);
	size_t count;

	acted(&act);
	act.kind = ACT_BLOCK;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.admission, ADMISSION_BLOCKED);
	count = fake_sent_count;
	announced(ONE, 5685, true);
	bed_advance(600 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, count);
}

static struct act typed(const char *address, const char *ep)
{
	struct act act = act_on(ACT_ADD, NULL);

	snprintf(act.address, sizeof(act.address), "%s", address);
	snprintf(act.ep, sizeof(act.ep), "%s", ep);
	return act;
}

static void its_address_is_typed(void **state)
{
	struct act act = typed("coaps://" ONE ":7000", "");
	struct act_try try;
	struct device *device;

	assert_int_equal(acted(&act).result, ACT_BAD_INPUT);
	act = typed("coaps://" ONE ":7000", EP);
	fake_send_result = -ENOKEY;
	assert_int_equal(acted(&act).result, ACT_IMPOSSIBLE);
	fake_send_result = 0;
	know(EP, 1);
	try_act(&act, &try);
	store_answer_all(0);
	answer(asked(ONE, 7000));
	assert_int_equal(try.outcome.result, ACT_DONE);
	device = registry_by_ep(bed.host.registry, EP);
	assert_int_equal(device->record->found_by, FOUND_ADDRESS);
	open_window();
	prove(ONE, 7000);
	assert_int_equal(device->record->trust, TRUST_PSK);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	nothing_in_clear_since(0);
}

#define BED_TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(without_a_key_it_is_listed_alone),
		BED_TEST(it_is_asked_when_its_label_is_known),
		BED_TEST(its_label_was_known_before),
		BED_TEST(its_label_is_scanned),
		BED_TEST(it_is_read_and_told_over_dtls),
		BED_TEST(an_announcement_moves_nobody),
		BED_TEST(it_goes_up),
		BED_TEST(who_has_no_such_port_is_read_as_before),
		BED_TEST(a_proof_that_could_not_be_kept),
		BED_TEST(proofs_that_could_not_be_kept),
		BED_TEST(nobody_is_asked_who_is_blocked),
		BED_TEST(its_address_is_typed),
	};

	return cmocka_run_group_tests_name("server-proof", tests, NULL, NULL);
}
