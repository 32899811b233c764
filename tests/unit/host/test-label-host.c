/* SPDX-License-Identifier: Apache-2.0 */

/* Labels that are imported: all or nothing, in parts, keys alone; and who finds a key. */

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
#include "host/act.h"

/* Of the device contract. */
#define CODE "GH1-000G40R40M30E209185GR38E1WJB"
static const uint8_t PSK[LABEL_KEY_SIZE] = {0x34, 0x36, 0x44, 0xd1, 0xe5, 0xc7, 0x9a, 0x55, 0x55,
	0xd6, 0x46, 0x35, 0xe1, 0x1f, 0xc3, 0xfc};

static struct kept_label *kept_of(const char *ep, unsigned line)
{
	uint8_t secret[LABEL_SECRET_SIZE];
	char text[LABEL_TEXT_SIZE];
	enum label_verdict verdict;
	struct kept_label *kept;
	struct label label;

	memset(secret, (int)line, sizeof(secret));
	assert_int_equal(label_write(secret, ep, text), 0);
	if (!strcmp(ep, "sensor-1"))
		snprintf(text, sizeof(text), "%s", CODE);
	assert_int_equal(label_read(span_from_string(text), ep, &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_TAKEN);
	assert_int_equal(kept_label_new(&label, &kept), 0);
	kept->line = line;
	return kept;
}

static struct act_outcome put_with(
	const char *who, uint32_t import, bool more, const char *eps, int result)
{
	struct act act = {
		.kind = ACT_CODES_PUT, .role = ROLE_ADMIN, .number = import, .more = more};
	struct act_try try = {0};
	struct label_list list = {0};
	char copy[1024], *rest = copy, *ep;
	unsigned line = 0;

	snprintf(act.who, sizeof(act.who), "%s", who);
	snprintf(copy, sizeof(copy), "%s", eps);
	while (eps[0] && (ep = strsep(&rest, " ")))
		label_list_add(&list, kept_of(ep, ++line));
	label_import(&bed.host, &act, &list, try_keep, &try);
	assert_int_equal(list.count, 0);
	store_answer_all(result);
	assert_int_equal(try.answers, 1);
	return try.outcome;
}

static struct act_outcome put(const char *who, uint32_t import, bool more, const char *eps)
{
	return put_with(who, import, more, eps, 0);
}

static struct act_outcome drop(const char *ep)
{
	struct act act = {.kind = ACT_CODE_DROP, .role = ROLE_ADMIN, .who = "anna"};
	struct act_try try = {0};

	snprintf(act.ep, sizeof(act.ep), "%s", ep);
	act_do(&bed.host, &act, try_keep, &try);
	store_answer_all(0);
	assert_int_equal(try.answers, 1);
	return try.outcome;
}

static int psk_of(const char *ep)
{
	uint8_t psk[LABEL_KEY_SIZE] = {0};
	int r = label_host_psk(&bed.host, span_from_string(ep), psk);

	if (r == 0 && !strcmp(ep, "sensor-1"))
		assert_memory_equal(psk, PSK, sizeof(psk));
	return r;
}

static void an_import_is_one_change(void **state)
{
	struct act_outcome outcome = put("anna", 0, false, "sensor-1 b");

	assert_int_equal(outcome.result, ACT_DONE);
	assert_int_equal(outcome.number, 2);
	assert_string_equal(outcome.text, "2 codes were saved as keys: 2 new, 0 replaced.");
	assert_true(disk_label("sensor-1")->imported);
	assert_memory_equal(disk_label("sensor-1")->label.psk, PSK, sizeof(PSK));
	assert_int_equal(disk_label("b")->since, bed.wall_msec);
	assert_string_equal(disk_audit_newest()->action, "codes import");
	assert_string_equal(disk_audit_newest()->object, "2 names");
	assert_int_equal(fake_rechecks, 1); /* of the sessions that use them */
	outcome = put("anna", 0, false, "b");
	assert_string_equal(outcome.text, "1 code was saved as keys: 0 new, 1 replaced.");
	assert_string_equal(disk_audit_newest()->object, "b");
	assert_int_equal(bed.host.labels.count, 2);
}

static void who_finds_a_key(void **state)
{
	static const char long_name[] = "a-name-that-is-too-long-for-a-dtls-identity";
	char longer[200];

	assert_int_equal(psk_of("sensor-1"), -ENOENT);
	put("anna", 0, false, "sensor-1");
	assert_int_equal(psk_of("sensor-1"), 0);
	assert_int_equal(psk_of("SENSOR-1"), -ENOENT);
	assert_int_equal(psk_of(""), -ENOENT);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(psk_of(longer), -ENOENT);
	put("anna", 0, false, long_name);
	assert_non_null(label_book_find(&bed.host.labels, long_name));
	assert_int_equal(psk_of(long_name), -ENOENT);
}

static void parts_wait_for_the_last(void **state)
{
	uint32_t number = put("anna", 0, true, "a").number;

	assert_true(number > 0);
	assert_null(disk_label("a"));
	assert_int_equal(put("bert", 0, false, "x").result, ACT_TOO_MANY);
	assert_int_equal(put("anna", number + 1, false, "x").result, ACT_IMPOSSIBLE);
	assert_int_equal(put("anna", number, false, "b").number, 2);
	assert_non_null(disk_label("a"));
	assert_int_equal(put("anna", number, false, "c").result, ACT_IMPOSSIBLE);
	/* Tokens have a turn of their own. */
	assert_string_equal(bed.host.import.turn.who, "");
	number = put("anna", 0, true, "d").number;
	bed_advance(61 * USEC_PER_SEC);
	assert_int_equal(bed.host.label_import.list.count, 0);
	assert_int_equal(put("anna", number, false, "e").result, ACT_IMPOSSIBLE);
	assert_null(disk_label("d"));
}

static void what_is_refused_changes_nothing(void **state)
{
	struct act_outcome outcome = put("anna", 0, false, "a b A");

	assert_int_equal(outcome.result, ACT_BAD_INPUT);
	assert_string_equal(outcome.text, "Line 3: A stands there twice. Nothing was imported.");
	assert_int_equal(put("anna", 0, false, "").result, ACT_BAD_INPUT);
	assert_int_equal(put_with("anna", 0, false, "a", -ENOSPC).result, ACT_NOT_STORED);
	assert_int_equal(bed.host.labels.count, 0);
	assert_int_equal(psk_of("a"), -ENOENT);
	assert_null(disk_label("a"));
}

static void there_is_a_limit(void **state)
{
	bed.host.limits.value[LIMIT_LABELS] = 2;
	assert_int_equal(put("anna", 0, false, "a b").result, ACT_DONE);
	assert_int_equal(put("anna", 0, false, "a b").result, ACT_DONE);
	assert_int_equal(put("anna", 0, false, "c").result, ACT_IMPOSSIBLE);
	assert_int_equal(put("anna", 0, false, "a b c").result, ACT_IMPOSSIBLE);
	assert_int_equal(bed.host.limits.reached[LIMIT_LABELS], 2);
	assert_null(disk_label("c"));
}

static void a_label_is_dropped(void **state)
{
	put("anna", 0, false, "a b");
	assert_int_equal(drop("nobody").result, ACT_UNKNOWN);
	assert_int_equal(drop("A").result, ACT_DONE);
	assert_null(disk_label("a"));
	assert_int_equal(psk_of("a"), -ENOENT);
	assert_int_equal(psk_of("b"), 0);
	assert_string_equal(disk_audit_newest()->action, "code drop");
	assert_string_equal(disk_audit_newest()->object, "a");
}

static void they_come_back_at_the_start(void **state)
{
	for (unsigned i = 0; i < 200; i++) {
		char ep[16];

		snprintf(ep, sizeof(ep), "ep-%03u", i);
		assert_int_equal(label_load(&bed.host, kept_of(ep, i)), 0);
	}
	assert_int_equal(bed.host.labels.count, 200);
	assert_int_equal(psk_of("ep-000"), 0);
	assert_int_equal(psk_of("ep-199"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_import_is_one_change),
		TEST(who_finds_a_key),
		TEST(parts_wait_for_the_last),
		TEST(what_is_refused_changes_nothing),
		TEST(there_is_a_limit),
		TEST(a_label_is_dropped),
		TEST(they_come_back_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
