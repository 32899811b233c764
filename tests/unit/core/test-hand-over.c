/* SPDX-License-Identifier: Apache-2.0 */

/* A device as a text for another gateway: all of it comes out as it went in, and what is not of
 * this form, or holds what no device may hold, is refused as a whole. */

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

#include "base/cleanup.h"
#include "core/hand-over.h"

static struct device_record *make_record(void)
{
	struct device_record *record = calloc(1, sizeof(*record));

	assert_non_null(record);
	snprintf(record->id, sizeof(record->id), "boiler-x7k2");
	snprintf(record->ep, sizeof(record->ep), "boiler");
	snprintf(record->platform, sizeof(record->platform), "mqtt");
	snprintf(record->name, sizeof(record->name), "B\xc3\xb6iler 1");
	snprintf(record->place, sizeof(record->place), "Cellar");
	snprintf(record->owner, sizeof(record->owner), "Anna");
	snprintf(record->info.model, sizeof(record->info.model), "M 1");
	snprintf(record->info.serial, sizeof(record->info.serial), "S-1");
	snprintf(record->info.firmware, sizeof(record->info.firmware), "1.2");
	snprintf(record->info.code, sizeof(record->info.code), "BCDFGHJK");
	record->info.display = true;
	record->info.attributes = strdup("{\"a\":\"b\"}");
	record->trust = TRUST_CLAIMED;
	record->found_by = FOUND_RD;
	record->address.ip.s6_addr[15] = 7;
	record->address.port = 5683;
	snprintf(record->address.interface, sizeof(record->address.interface), "eth1");
	record->address_bound = true;
	snprintf(record->mac, sizeof(record->mac), "02:00:00:00:00:07");
	record->is_server = true;
	snprintf(record->poll_path, sizeof(record->poll_path), "sensors/temp");
	record->poll_format = 110;
	record->evidence = EVIDENCE_LABEL;
	snprintf(record->decided_by, sizeof(record->decided_by), "anna");
	record->first_seen = 1000;
	record->decided_at = 2000;
	record->life.admission = ADMISSION_SUSPENDED;
	record->life.operation = OPERATION_BOUND;
	record->life.credential = CREDENTIAL_HELD;
	record->life.credential_since = 3000;
	record->life.credential_expires = 4000;
	snprintf(record->life.platform_id, sizeof(record->life.platform_id), "p:7");
	assert_int_equal(
		secret_set(&record->life.credential_current, SPAN_LITERAL("\x00user\x00secret")),
		0);
	return record;
}

static void fill(struct hand_over *out)
{
	*out = (struct hand_over){.from = "hall-a", .record = make_record(), .has_label = true};
	assert_int_equal(secret_set(&out->token, SPAN_LITERAL("\1\0\4usersecret")), 0);
	snprintf(out->label.ep, sizeof(out->label.ep), "boiler");
	out->label.has_psk = true;
	memset(out->label.psk, 1, sizeof(out->label.psk));
	memset(out->label.claim_key, 2, sizeof(out->label.claim_key));
	memset(out->label.digest, 3, sizeof(out->label.digest));
}

static void same_record(const struct device_record *a, const struct device_record *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->ep, b->ep);
	assert_string_equal(a->platform, b->platform);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->place, b->place);
	assert_string_equal(a->owner, b->owner);
	assert_string_equal(a->info.model, b->info.model);
	assert_string_equal(a->info.serial, b->info.serial);
	assert_string_equal(a->info.firmware, b->info.firmware);
	assert_string_equal(a->info.code, b->info.code);
	assert_int_equal(a->info.display, b->info.display);
	assert_string_equal(a->info.attributes, b->info.attributes);
	assert_int_equal(a->trust, b->trust);
	assert_int_equal(a->found_by, b->found_by);
	assert_memory_equal(&a->address.ip, &b->address.ip, sizeof(a->address.ip));
	assert_int_equal(a->address.port, b->address.port);
	assert_string_equal(a->address.interface, b->address.interface);
	assert_int_equal(a->address_bound, b->address_bound);
	assert_string_equal(a->mac, b->mac);
	assert_int_equal(a->is_server, b->is_server);
	assert_string_equal(a->poll_path, b->poll_path);
	assert_int_equal(a->poll_format, b->poll_format);
	assert_int_equal(a->evidence, b->evidence);
	assert_string_equal(a->decided_by, b->decided_by);
	assert_int_equal(a->first_seen, b->first_seen);
	assert_int_equal(a->decided_at, b->decided_at);
	assert_int_equal(a->life.credential_since, b->life.credential_since);
	assert_int_equal(a->life.credential_expires, b->life.credential_expires);
	assert_string_equal(a->life.platform_id, b->life.platform_id);
	assert_true(span_equal(secret_span(&a->life.credential_current),
		secret_span(&b->life.credential_current)));
}

static void there_and_back(void **state)
{
	CLEANUP(hand_over_clear) struct hand_over out;
	CLEANUP(hand_over_clear) struct hand_over in;
	CLEANUP(cleanup_free) char *text = NULL;
	const char *why = NULL;

	fill(&out);
	assert_int_equal(hand_over_write(&out, &text), 0);
	assert_int_equal(hand_over_read(span_from_string(text), &in, &why), 0);
	assert_string_equal(in.from, "hall-a");
	same_record(in.record, out.record);
	assert_null(hand_over_hindrance(&in.record->life));
	assert_int_equal(in.record->row, 0);
	assert_int_equal(in.record->life.operation_number, 0);
	assert_true(span_equal(secret_span(&in.token), secret_span(&out.token)));
	assert_true(in.has_label && in.label.has_psk);
	assert_string_equal(in.label.ep, "boiler");
	assert_memory_equal(in.label.psk, out.label.psk, sizeof(in.label.psk));
	assert_memory_equal(in.label.claim_key, out.label.claim_key, sizeof(in.label.claim_key));
	assert_memory_equal(in.label.digest, out.label.digest, sizeof(in.label.digest));
}

static void what_it_has_not(void **state)
{
	CLEANUP(hand_over_clear) struct hand_over out;
	CLEANUP(hand_over_clear) struct hand_over in;
	CLEANUP(hand_over_clear) struct hand_over without = {0};
	CLEANUP(cleanup_free) char *text = NULL;
	CLEANUP(cleanup_free) char *short_text = NULL;
	const char *why = NULL;

	fill(&out);
	free(out.record->info.attributes);
	out.record->info.attributes = NULL;
	out.label.has_psk = false;
	secret_clear(&out.token);
	assert_int_equal(hand_over_write(&out, &text), 0);
	assert_int_equal(hand_over_read(span_from_string(text), &in, &why), 0);
	assert_null(in.record->info.attributes);
	assert_int_equal(in.token.size, 0);
	assert_true(in.has_label && !in.label.has_psk);
	out.has_label = false;
	assert_int_equal(hand_over_write(&out, &short_text), 0);
	assert_int_equal(hand_over_read(span_from_string(short_text), &without, &why), 0);
	assert_false(without.has_label);
}

static void no_more_than_fits(void **state)
{
	CLEANUP(hand_over_clear) struct hand_over out;
	CLEANUP(cleanup_free) uint8_t *large = calloc(1, HAND_OVER_MAX);
	char *text;

	fill(&out);
	assert_int_equal(secret_set(&out.token, span_of(large, HAND_OVER_MAX)), 0);
	assert_int_equal(hand_over_write(&out, &text), -EMSGSIZE);
}

/* One key of the text is another value, or is not there. */
static int with(const char *key, const char *value)
{
	struct hand_over out, in;
	char *text, *changed;
	const char *why = NULL;
	json_t *object;
	int r;

	fill(&out);
	assert_int_equal(hand_over_write(&out, &text), 0);
	object = json_loads(text, 0, NULL);
	if (value)
		json_object_set_new(object, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(object, key);
	changed = json_dumps(object, JSON_COMPACT);
	r = hand_over_read(span_from_string(changed), &in, &why);
	if (r < 0)
		assert_non_null(why);
	hand_over_clear(&in);
	hand_over_clear(&out);
	json_decref(object);
	free(changed);
	free(text);
	return r;
}

static void other_forms(void **state)
{
	static const char *const MISSING[] = {"v", "from", "id", "ep", "platform", "name", "model",
		"code", "mac", "interface", "poll_path", "platform_id", "ip", "port", "poll_format",
		"trust", "found_by", "evidence", "first_seen", "decided_at", "credential_since",
		"credential_expires", "credential", "label_digest", "attributes"};
	static const char *const WRONG[][2] = {{"v", "2"}, {"from", "\"Hall A\""}, {"from", "\"\""},
		{"from", "\"an-id-that-is-longer-than-any-that-a-gateway-has\""}, {"id", "\"\""},
		{"id", "\"Boiler\""}, {"id", "\"../x\""}, {"ep", "\"\""}, {"ep", "\"a b\""},
		{"ep", "\"192.0.2.1\""}, {"platform", "\"a-platform-with-a-long-name\""},
		{"name", "\"a\\u0007\""}, {"name", "7"}, {"mac", "\"02:00:00:00:00:07:08\""},
		{"poll_path", "\"a\\nb\""}, {"ip", "\"here\""}, {"port", "65536"}, {"port", "-1"},
		{"port", "\"1\""}, {"poll_format", "-2"}, {"poll_format", "65536"},
		{"trust", "\"blind\""}, {"found_by", "\"luck\""}, {"evidence", "\"none at all\""},
		{"credential", "\"\""}, {"credential", "\"*\""}, {"credential", "7"},
		{"token", "\"*\""}, {"token", "\"AQAEdXNlcg\""},
		{"token", "\"AQAEdXNl_3NlY3JldA\""}, {"platform", "\"spotflow\""},
		{"platform_id", "\"a/b\""}, {"platform_id", "\"+\""}, {"platform_id", "\"#\""},
		{"attributes", "{\"a\":\"\\u001b[31m\"}"}, {"attributes", "{\"a\\n\":\"b\"}"},
		{"attributes", "{\"\":\"b\"}"}, {"psk", "\"AAAA\""}, {"claim_key", "\"AAAA\""},
		{"label_digest", "\"AAAA\""}, {"attributes", "7"}, {"attributes", "{\"a\":1}"}};

	assert_int_equal(with("more", "7"), 0);
	assert_int_equal(with("port", "0"), 0);
	assert_int_equal(with("poll_format", "-1"), 0);
	for (size_t i = 0; i < ELEMENTS(MISSING); i++)
		if (with(MISSING[i], NULL) != -EINVAL)
			fail_msg("without %s", MISSING[i]);
	for (size_t i = 0; i < ELEMENTS(WRONG); i++)
		if (with(WRONG[i][0], WRONG[i][1]) != -EINVAL)
			fail_msg("%s: %s", WRONG[i][0], WRONG[i][1]);
}

static void attributes_are_bounded(void **state)
{
	char text[8192] = "{", *at = text + 1;

	for (int i = 0; i <= ATTRIBUTES_MAX; i++)
		at += sprintf(at, "%s\"k%d\":\"v\"", i ? "," : "", i);
	strcpy(at, "}");
	assert_int_equal(with("attributes", text), -EINVAL);
	sprintf(text, "{\"k\":\"%0*d\"}", ATTRIBUTE_VALUE_MAX + 1, 0);
	assert_int_equal(with("attributes", text), -EINVAL);
	sprintf(text, "{\"%0*d\":\"v\"}", INFO_TEXT_MAX + 1, 0);
	assert_int_equal(with("attributes", text), -EINVAL);
	assert_int_equal(with("attributes", "{}"), 0);
}

static void no_text_at_all(void **state)
{
	static const char *const TEXTS[] = {"", "{", "[]", "7", "{\"v\":1}"};
	struct hand_over in;
	const char *why = NULL;

	for (size_t i = 0; i < ELEMENTS(TEXTS); i++) {
		assert_int_equal(hand_over_read(span_from_string(TEXTS[i]), &in, &why), -EINVAL);
		assert_non_null(why);
		hand_over_clear(&in);
	}
}

static void what_hinders(void **state)
{
	struct lifecycle life = {.admission = ADMISSION_SUSPENDED,
		.operation = OPERATION_BOUND,
		.credential = CREDENTIAL_HELD};

	assert_null(hand_over_hindrance(&life));
	life.credential = CREDENTIAL_RENEWING;
	assert_non_null(hand_over_hindrance(&life));
	life.credential = CREDENTIAL_HELD;
	life.operation = OPERATION_AWAITING;
	assert_non_null(hand_over_hindrance(&life));
	life.operation = OPERATION_BOUND;
	life.admission = ADMISSION_ADMITTED;
	assert_non_null(hand_over_hindrance(&life));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_it_has_not),
		cmocka_unit_test(no_more_than_fits),
		cmocka_unit_test(other_forms),
		cmocka_unit_test(attributes_are_bounded),
		cmocka_unit_test(no_text_at_all),
		cmocka_unit_test(what_hinders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
