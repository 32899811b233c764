/* SPDX-License-Identifier: Apache-2.0 */

/* An operator's token: sealed with its row in the journal, used after that, and what a file does.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fakes.h"
#include "host/act.h"
#include "host/operator-token.h"
#include "host/platform-host.h"

static struct act act_of(enum act_kind kind)
{
	return (struct act){.kind = kind, .role = ROLE_ADMIN, .who = "anna", .via = "192.0.2.4"};
}

static struct act_outcome put(const char *token, int stored)
{
	const struct act act = act_of(ACT_OPERATOR_PUT);
	struct act_try try = {0};

	operator_put(&bed.host, &act, span_from_string(token), try_keep, &try);
	store_answer_all(stored);
	assert_int_equal(try.answers, 1);
	return try.outcome;
}

static struct act_outcome drop(void)
{
	const struct act act = act_of(ACT_OPERATOR_DROP);
	struct act_try try = {0};

	act_do(&bed.host, &act, try_keep, &try);
	store_answer_all(0);
	assert_int_equal(try.answers, 1);
	return try.outcome;
}

static bool is_used(const char *token)
{
	return span_equal(secret_span(&bed.host.secrets.operator_token), span_from_string(token));
}

static bool approves(void)
{
	return platform_approves_from_here(&bed.host, "spotflow");
}

static int begin(void **state)
{
	int r = bed_setup(state);

	snprintf(bed.config.spotflow_workspace, sizeof(bed.config.spotflow_workspace), "plant");
	return r;
}

static int end(void **state)
{
	platform_secrets_clear(&bed.host);
	return bed_teardown(state);
}

static void it_is_used_when_it_is_on_disk(void **state)
{
	struct act_outcome outcome;

	assert_false(approves());
	assert_int_equal(put("first", -ENOSPC).result, ACT_NOT_STORED);
	assert_false(approves());
	outcome = put("first", 0);
	assert_int_equal(outcome.result, ACT_DONE);
	assert_string_equal(outcome.text, "The operator's token is sealed, and used from now on.");
	assert_string_equal(disk_token("spotflow"), "first");
	assert_true(is_used("first") && approves());
	assert_int_equal(bed.host.facts.operator_since, bed.wall_msec);
	assert_string_equal(disk_audit_newest()->action, "operator token");
	assert_string_equal(disk_audit_newest()->who, "anna");
	assert_string_equal(disk_audit_newest()->result, "sealed");
	/* No device has it. */
	assert_int_equal(bed.host.tokens.count, 0);
	assert_int_equal(put("second", 0).result, ACT_DONE);
	assert_true(is_used("second"));
	assert_string_equal(disk_audit_newest()->result, "replaced");
}

static void it_is_deleted(void **state)
{
	assert_int_equal(drop().result, ACT_UNKNOWN);
	put("first", 0);
	assert_int_equal(drop().result, ACT_DONE);
	assert_string_equal(disk_token("spotflow"), "");
	assert_false(approves());
	assert_int_equal(bed.host.facts.operator_since, 0);
	assert_string_equal(disk_audit_newest()->action, "operator token drop");
}

static void what_is_none_is_not_taken(void **state)
{
	static char long_one[OPERATOR_TOKEN_MAX + 2];

	assert_string_equal(put("", 0).text, "The operator's token is empty.");
	assert_int_equal(put("two words", 0).result, ACT_BAD_INPUT);
	memset(long_one, 'x', OPERATOR_TOKEN_MAX + 1);
	assert_int_equal(put(long_one, 0).result, ACT_BAD_INPUT);
	assert_int_equal(bed.host.limits.reached[LIMIT_TOKEN_BYTES], 1);
	assert_false(approves());
	assert_int_equal(disk_audit_count("operator token", NULL), 0);
}

static void without_a_workspace_it_waits(void **state)
{
	bed.config.spotflow_workspace[0] = '\0';
	assert_string_equal(put("first", 0).text,
		"The operator's token is sealed. It is not used before spotflow.workspace is "
		"configured.");
	assert_false(approves());
}

static void it_comes_from_disk(void **state)
{
	assert_int_equal(operator_load(&bed.host, "spotflow", 7, SPAN_LITERAL("kept")), 0);
	assert_true(is_used("kept") && approves());
	assert_int_equal(bed.host.facts.operator_since, 7);
	platform_secrets_clear(&bed.host);
	bed.host.facts.operator_since = 0;
	assert_int_equal(operator_load(&bed.host, "other", 7, SPAN_LITERAL("x")), 0);
	assert_false(approves());
	assert_int_equal(bed.host.facts.operator_since, 0);
}

static void write_file(const char *text)
{
	FILE *file = fopen(bed.config.spotflow_operator_token_file, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* Sealed at the start, once; then the file may go. While it is there, it has the last word. */
static void a_file_is_sealed(void **state)
{
	char *path = bed.config.spotflow_operator_token_file;

	snprintf(path, sizeof(bed.config.spotflow_operator_token_file),
		"/tmp/test-operator-token-%d", (int)getpid());
	assert_int_equal(operator_from_file(&bed.host), 0); /* not there: no reason not to start */
	assert_false(bed.host.secrets.operator_in_file);
	write_file("two words\n");
	assert_int_equal(operator_from_file(&bed.host), -EINVAL);
	write_file("first\nnothing of this\n");
	assert_int_equal(operator_from_file(&bed.host), 0);
	assert_true(is_used("first"));
	store_answer_all(0);
	assert_string_equal(disk_token("spotflow"), "first");
	assert_true(is_used("first"));
	assert_int_equal(bed.host.facts.operator_since, bed.wall_msec);
	assert_string_equal(disk_audit_newest()->who, "gateway");
	assert_string_equal(disk_audit_newest()->action, "operator token");
	assert_int_equal(operator_from_file(&bed.host), 0);
	assert_int_equal(put("other", 0).result, ACT_IMPOSSIBLE);
	assert_int_equal(drop().result, ACT_IMPOSSIBLE);
	assert_int_equal(disk_audit_count("operator token", NULL), 1);
	write_file("second\n");
	assert_int_equal(operator_from_file(&bed.host), 0);
	store_answer_all(0);
	assert_string_equal(disk_token("spotflow"), "second");
	/* As after a restart without the file. */
	unlink(path);
	bed.host.secrets.operator_in_file = false;
	assert_int_equal(operator_from_file(&bed.host), 0);
	assert_true(is_used("second") && approves());
	assert_int_equal(put("third", 0).result, ACT_DONE);
}

/* Not sealed, but there: the approvals of this run are made, and the next start seals it. */
static void a_file_and_a_full_disk(void **state)
{
	char *path = bed.config.spotflow_operator_token_file;

	snprintf(path, sizeof(bed.config.spotflow_operator_token_file),
		"/tmp/test-operator-token-%d", (int)getpid());
	write_file("first\n");
	assert_int_equal(operator_from_file(&bed.host), 0);
	store_answer_all(-ENOSPC);
	unlink(path);
	assert_string_equal(disk_token("spotflow"), "");
	assert_true(approves());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_used_when_it_is_on_disk),
		TEST(it_is_deleted),
		TEST(what_is_none_is_not_taken),
		TEST(without_a_workspace_it_waits),
		TEST(it_comes_from_disk),
		TEST(a_file_is_sealed),
		TEST(a_file_and_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
