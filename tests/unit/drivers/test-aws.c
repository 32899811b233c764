/* SPDX-License-Identifier: Apache-2.0 */

/* What AWS IoT answers, and each way that provisioning by claim goes. What is the same for every
 * platform is in test-rules. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/identity-fixture.h"
#include "base/cleanup.h"
#include "base/identity.h"
#include "drivers/platform/aws-answer.h"
#include "drivers/platform/aws-row.h"
#include "rules.h"

#define HOUR_MSEC 3600000
#define LIFE_MSEC (INT64_C(30) * 86400000)
#define ID	  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct lifecycle *life(struct rules *rules)
{
	return &rules->record.life;
}

static void begin(struct rules *rules)
{
	size_t i = 0;

	while (!rules_cases[i].has_fleet)
		i++;
	rules_begin(rules, &rules_cases[i]);
}

static void admit(struct rules *rules)
{
	assert_int_equal(rules_event(rules, LIFE_ADMIT), MACHINE_MOVED);
	rules_settle(rules);
}

static void wake(struct rules *rules)
{
	rules_wake(rules);
	rules_settle(rules);
}

/* ---- answers ---- */

#define ANSWER(id, pem, token)                                                    \
	"{\"certificateId\":" id ",\"certificatePem\":" pem ",\"certificateOwner" \
	"shipToken\":" token "}"

static void certificates(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "{", "null",
		ANSWER("1", "\"p\"", "\"t\""), ANSWER("\"\"", "\"p\"", "\"t\""),
		ANSWER("\"a/b\"", "\"p\"", "\"t\""), ANSWER("\"" ID "0\"", "\"p\"", "\"t\""),
		ANSWER("\"a\"", "\"\"", "\"t\""), ANSWER("\"a\"", "null", "\"t\""),
		ANSWER("\"a\"", "\"p\\u0000q\"", "\"t\""), ANSWER("\"a\"", "\"p\"", "\"\""),
		ANSWER("\"a\"", "\"p\"", "\"a\\nb\""),
		"{\"certificateId\":\"a\",\"certificateId\":\"a\",\"certificatePem\":\"p\","
		"\"certificateOwnershipToken\":\"t\"}"};
	CLEANUP(aws_certificate_clear) struct aws_certificate got = {0};
	char text[AWS_TOKEN_MAX + 200], token[AWS_TOKEN_MAX + 2];

	assert_int_equal(aws_certificate_read(
				 SPAN_LITERAL(ANSWER("\"" ID "\"", "\"p\\nq\"", "\"t\"")), &got),
		0);
	assert_string_equal(got.id, ID);
	assert_string_equal(got.pem, "p\nq");
	assert_string_equal(got.token, "t");
	aws_certificate_clear(&got);
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(aws_certificate_read(span_from_string(bad[i]), &got), -EBADMSG);
	memset(token, 'x', AWS_TOKEN_MAX + 1);
	token[AWS_TOKEN_MAX + 1] = '\0';
	snprintf(text, sizeof(text), ANSWER("\"a\"", "\"p\"", "\"%s\""), token);
	assert_int_equal(aws_certificate_read(span_from_string(text), &got), -EBADMSG);
	snprintf(text, sizeof(text), ANSWER("\"a\"", "\"p\"", "\"%s\""), token + 1);
	assert_int_equal(aws_certificate_read(span_from_string(text), &got), 0);
}

static void things(void **state)
{
	static const char *const bad[] = {"", "[]", "{", "{\"thingName\":1}",
		"{\"thingName\":\"\"}", "{\"thingName\":\"a/b\"}", "{\"thingName\":\"a+\"}",
		"{\"thingName\":\"a b\"}", "{\"thingName\":\"a\\u0000\"}"};
	char name[AWS_THING_MAX + 1], longest[AWS_THING_MAX + 2], text[200];

	assert_int_equal(aws_thing_read(SPAN_LITERAL("{\"thingName\":\"Pump_1:x-y\"}"), name), 0);
	assert_string_equal(name, "Pump_1:x-y");
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(aws_thing_read(span_from_string(bad[i]), name), -EBADMSG);
	assert_int_equal(aws_thing_read(SPAN_LITERAL("{}"), name), -ENOENT);
	assert_int_equal(aws_thing_read(SPAN_LITERAL("{\"thingName\":null}"), name), -ENOENT);
	memset(longest, 'x', AWS_THING_MAX + 1);
	longest[AWS_THING_MAX + 1] = '\0';
	snprintf(text, sizeof(text), "{\"thingName\":\"%s\"}", longest);
	assert_int_equal(aws_thing_read(span_from_string(text), name), -EBADMSG);
	snprintf(text, sizeof(text), "{\"thingName\":\"%s\"}", longest + 1);
	assert_int_equal(aws_thing_read(span_from_string(text), name), 0);
}

static void refusals(void **state)
{
	static const char *const nothing[] = {"", "[]", "{", "{}", "{\"statusCode\":\"400\"}",
		"{\"statusCode\":99}", "{\"statusCode\":600}", "{\"errorCode\":7}",
		"{\"errorCode\":\"\\u001b[1m\"}"};
	struct aws_refusal refusal;
	char text[200];

	aws_refusal_read(
		SPAN_LITERAL("{\"statusCode\":400,\"errorCode\":\"InvalidPayload\"}"), &refusal);
	assert_int_equal(refusal.status, 400);
	assert_string_equal(refusal.code, "InvalidPayload");
	for (size_t i = 0; i < ELEMENTS(nothing); i++) {
		aws_refusal_read(span_from_string(nothing[i]), &refusal);
		assert_int_equal(refusal.status, 0);
		assert_string_equal(refusal.code, "");
	}
	snprintf(text, sizeof(text), "{\"errorCode\":\"%0100d\"}", 0);
	aws_refusal_read(span_from_string(text), &refusal);
	assert_int_equal(strlen(refusal.code), AWS_CODE_MAX);
}

static void what_is_no_credential(void **state)
{
	const struct aws_credential good = {.expires = INT64_C(1900000000123),
		.thing = SPAN_LITERAL("pump"),
		.id = SPAN_LITERAL(ID)};
	const struct aws_credential other = {.thing = SPAN_LITERAL("a/b"), .id = SPAN_LITERAL(ID)};
	CLEANUP(secret_clear) struct secret row = {0}, wrong = {0}, longer = {0};
	struct aws_credential got;

	assert_int_equal(
		aws_credential_make(&good, SPAN_LITERAL("no end"), SPAN_LITERAL("key\n"), &row), 0);
	assert_int_equal(aws_credential_read(secret_span(&row), &got), 0);
	assert_true(got.expires == good.expires);
	assert_true(span_equal(got.thing, good.thing));
	assert_true(span_equal(got.id, good.id));
	assert_true(span_equal(got.identity, SPAN_LITERAL("no end\nkey\n")));
	for (size_t size = 0; size < row.size; size++)
		assert_int_equal(aws_credential_read(span_of(row.data, size), &got), -EBADMSG);
	longer = (struct secret){calloc(1, row.size + 1), row.size + 1};
	assert_non_null(longer.data);
	memcpy(longer.data, row.data, row.size);
	assert_int_equal(aws_credential_read(secret_span(&longer), &got), -EBADMSG);
	row.data[0] = 9;
	assert_int_equal(aws_credential_read(secret_span(&row), &got), -EBADMSG);
	assert_int_equal(
		aws_credential_make(&other, SPAN_LITERAL("c\n"), SPAN_LITERAL("k"), &wrong), 0);
	assert_int_equal(aws_credential_read(secret_span(&wrong), &got), -EBADMSG);
	assert_int_equal(
		aws_credential_make(&good, span_of(NULL, 0), SPAN_LITERAL("k"), &row), -EINVAL);
}

/* ---- the way ---- */

static void check_in_use(struct rules *rules)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct platform_session session;
	const char *key;

	assert_int_equal(life(rules)->credential, CREDENTIAL_HELD);
	assert_string_equal(life(rules)->platform_id, "pump");
	assert_int_equal(rules->driver->session(&rules->record, "plant", &session), 0);
	assert_string_equal(session.client_id, "pump");
	assert_string_equal(session.host, "");
	assert_string_equal(session.made_username, "");
	assert_int_equal(session.password.size, 0);
	assert_int_equal(session.version, 4);
	text = span_dup(session.identity);
	assert_non_null(text);
	key = strstr(text, "-----BEGIN PRIVATE KEY");
	assert_non_null(key);
	assert_null(identity_check(span_of(text, (size_t)(key - text)), span_from_string(key)));
}

static void the_whole_way(void **state)
{
	struct platform_operation operation;
	struct platform_device seen;
	struct rules rules;

	begin(&rules);
	seen = (struct platform_device){.record = &rules.record};
	strcpy(rules.record.place, "plant room");
	strcpy(rules.record.owner, "M\xc3\xbcller");
	strcpy(rules.record.info.serial, "S/7");
	assert_int_equal(rules_event(&rules, LIFE_ADMIT), MACHINE_MOVED);
	while (rules.fleet.creates == 0)
		assert_true(rules_step(&rules));
	assert_int_equal(rules.driver->operation(&seen, &operation), -ENODATA);
	rules_step(&rules);
	/* The certificate is on disk before its thing is asked for. */
	assert_int_equal(rules.fleet.registers, 0);
	assert_int_equal(rules.driver->operation(&seen, &operation), 0);
	assert_string_equal(
		operation.id, "0000000000000000000000000000000000000000000000000000000000000001");
	rules_crash(&rules);
	rules_settle(&rules);
	assert_int_equal(rules.fleet.creates, 1);
	assert_int_equal(rules.fleet.registers, 1);
	assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
	assert_true(life(&rules)->credential_expires / 1000 == (rules.now + LIFE_MSEC) / 1000);
	check_in_use(&rules);
	assert_non_null(strstr(rules.fleet.body, "\"SerialNumber\":\"pump\""));
	assert_non_null(strstr(rules.fleet.body, "\"Place\":\"plant_room\""));
	assert_non_null(strstr(rules.fleet.body, "\"Owner\":\"M__ller\""));
	assert_non_null(strstr(rules.fleet.body, "\"DeviceSerial\":\"S/7\""));
	assert_non_null(strstr(rules.fleet.body, "\"Model\":\"-\""));
	rules_end(&rules);
}

static void lost_answers_make_no_second_thing(void **state)
{
	struct rules rules;

	for (unsigned which = 0; which < 2; which++) {
		begin(&rules);
		rules_event(&rules, LIFE_ADMIT);
		while (which == 1 && rules.fleet.creates == 0)
			assert_true(rules_step(&rules));
		if (which == 1)
			assert_true(rules_step(&rules));
		rules.lose_answer = true;
		rules_settle(&rules);
		assert_true(rules.backs_off);
		wake(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		assert_int_equal(rules.fleet.creates, which == 0 ? 2 : 1);
		assert_int_equal(rules.fleet.registers, which == 0 ? 1 : 2);
		assert_int_equal(rules.fleet.things, 1);
		check_in_use(&rules);
		rules_end(&rules);
	}
}

static void how_it_ends_there(void **state)
{
	static const struct {
		bool claim_refused, hook_refuses, no_thing, for_things;
		int fail;
		enum operation_state operation;
		enum platform_trouble trouble;
	} rows[] = {
		{.claim_refused = true,
			.operation = OPERATION_FAILED,
			.trouble = PLATFORM_TOKEN_REFUSED},
		{.fail = 403, .operation = OPERATION_FAILED, .trouble = PLATFORM_TOKEN_REFUSED},
		{.fail = 401, .operation = OPERATION_FAILED, .trouble = PLATFORM_TOKEN_REFUSED},
		{.fail = 400, .operation = OPERATION_FAILED},
		{.fail = 400, .for_things = true, .operation = OPERATION_FAILED},
		{.fail = 404, .for_things = true, .operation = OPERATION_FAILED},
		{.fail = 409, .for_things = true, .operation = OPERATION_FAILED},
		{.no_thing = true, .operation = OPERATION_FAILED},
		{.hook_refuses = true, .operation = OPERATION_REJECTED},
	};
	struct rules rules;

	for (size_t row = 0; row < ELEMENTS(rows); row++) {
		unsigned connects;

		begin(&rules);
		rules.fleet.claim_refused = rows[row].claim_refused;
		rules.fleet.hook_refuses = rows[row].hook_refuses;
		rules.fleet.no_thing = rows[row].no_thing;
		rules.fleet.fail = rows[row].fail;
		rules.fleet.throttles_things = rows[row].for_things;
		admit(&rules);
		assert_int_equal(life(&rules)->operation, rows[row].operation);
		assert_int_equal(rules.trouble, rows[row].trouble);
		/* It waits for a person, who finds it mended. */
		connects = rules.fleet.connects;
		rules_crash(&rules);
		rules_settle(&rules);
		assert_int_equal(rules.fleet.connects, connects);
		rules.fleet = (struct fleet){.now = &rules.now};
		admit(&rules);
		check_in_use(&rules);
		assert_int_equal(rules.fleet.things, 1);
		rules_end(&rules);
	}
}

static void what_is_not_configured(void **state)
{
	struct rules rules;
	const struct aws_settings without[] = {
		{.host = "", .port = 8883, .template_name = "fleet", .thing_prefix = ""},
		{.host = "aws.example", .port = 8883, .template_name = "", .thing_prefix = ""},
	};

	for (size_t i = 0; i < ELEMENTS(without); i++) {
		begin(&rules);
		rules.aws = without[i];
		admit(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
		assert_int_equal(rules.fleet.connects, 0);
		rules_end(&rules);
	}
	begin(&rules);
	struct rules_case no_claim = *rules.kind;

	no_claim.token = span_of(NULL, 0);
	rules.kind = &no_claim;
	admit(&rules);
	assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
	assert_int_equal(rules.fleet.connects, 0);
	rules_end(&rules);
}

static void faults_are_waited_out(void **state)
{
	static const int statuses[] = {429, 500, 503, 429, 429};
	struct rules rules;

	for (unsigned things_alone = 0; things_alone < 2; things_alone++) {
		uint64_t before = 0;

		begin(&rules);
		rules.fleet.throttles_things = things_alone;
		rules.fleet.fail = statuses[0];
		admit(&rules);
		for (size_t n = 1; n < ELEMENTS(statuses); n++) {
			assert_true(rules.wait_usec >= 5000000 && rules.wait_usec <= 72000000);
			assert_true(rules.wait_usec > before + 2000000 || before > 48000000);
			before = rules.wait_usec;
			rules.fleet.fail = statuses[n];
			wake(&rules);
		}
		assert_int_equal(rules.fleet.creates, things_alone);
		/* What cannot be understood is a fault too, and so are silence and a cut. */
		rules.fleet.fail = 0;
		rules.fleet.says = "{\"certificateId\":\"x\"}";
		wake(&rules);
		assert_true(things_alone || rules.backs_off);
		rules.fleet.says = "nothing";
		wake(&rules);
		assert_int_equal(life(&rules)->operation,
			things_alone ? OPERATION_FAILED : OPERATION_OPENING);
		if (!things_alone) {
			rules.fleet.says = NULL;
			rules.fleet.cut = true;
			wake(&rules);
			assert_true(rules.backs_off);
			rules.fleet.cut = false;
			rules.fleet.foreign_key = true;
			wake(&rules);
			assert_true(rules.backs_off);
			rules.fleet.foreign_key = false;
			wake(&rules);
			check_in_use(&rules);
		}
		rules_end(&rules);
	}
}

/* It was off for longer than the platform keeps a certificate that has no thing. */
static void a_certificate_without_a_thing_lapses(void **state)
{
	struct rules rules;

	begin(&rules);
	rules.fleet.throttles_things = true;
	rules.fleet.fail = 503;
	admit(&rules);
	assert_int_equal(rules.fleet.creates, 1);
	rules.now += HOUR_MSEC;
	rules.fleet.fail = 0;
	rules_crash(&rules);
	rules_settle(&rules);
	check_in_use(&rules);
	assert_int_equal(rules.fleet.creates, 2);
	assert_int_equal(rules.fleet.registers, 1);
	rules_end(&rules);
	/* The platform forgets it sooner: anew, but not for ever. */
	begin(&rules);
	rules.fleet.forgets = true;
	admit(&rules);
	for (unsigned n = 0; n < 20; n++)
		wake(&rules);
	assert_int_equal(rules.fleet.creates, 3);
	assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
	assert_false(rules.waits);
	rules_end(&rules);
}

/* ---- what is in use ---- */

static void another_certificate_before_its_end(void **state)
{
	CLEANUP(secret_clear) struct secret first = {0};
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	assert_int_equal(secret_set(&first, secret_span(&life(&rules)->credential_current)), 0);
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	check_in_use(&rules);
	assert_int_equal(rules.fleet.creates, 2);
	assert_int_equal(rules.fleet.things, 1);
	assert_false(
		span_equal(secret_span(&first), secret_span(&life(&rules)->credential_current)));
	/* The old one is kept until the new one has connected. */
	assert_true(span_equal(secret_span(&first), secret_span(&life(&rules)->credential_old)));
	rules_end(&rules);
}

/* A session that ends without a word may be that of a deactivated certificate: the claim gets no
 * other one while that does not connect. */
static void nothing_is_renewed_that_does_not_connect(void **state)
{
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules_event(&rules, LIFE_LINK_LOST);
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(rules.fleet.creates, 1);
		assert_true(rules.waits);
		assert_in_range(rules.wait_usec, 300000000, 360000000);
		wake(&rules);
	}
	rules_event(&rules, LIFE_LINK_RETRY);
	rules_event(&rules, LIFE_LINK_UP);
	wake(&rules);
	check_in_use(&rules);
	assert_int_equal(rules.fleet.creates, 2);
	rules_end(&rules);
}

/* And when it has ended meanwhile, only a person lets the device in again; not so when it was the
 * line alone. */
static void unwanted_until_its_end(void **state)
{
	struct rules rules;

	for (unsigned unwanted = 0; unwanted < 2; unwanted++) {
		begin(&rules);
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules_event(&rules, LIFE_LINK_LOST);
		rules.not_let_in = unwanted;
		rules.now += LIFE_MSEC / 2;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		wake(&rules);
		/* After a restart nobody has tried it yet: it stands in the blob. */
		rules.not_let_in = false;
		rules_crash(&rules);
		rules_settle(&rules);
		assert_int_equal(rules.fleet.creates, 1);
		rules.now += LIFE_MSEC;
		rules_event(&rules, LIFE_CREDENTIAL_LAPSED);
		for (unsigned n = 0; n < 4; n++)
			wake(&rules);
		assert_int_equal(rules.fleet.creates, unwanted ? 1 : 2);
		assert_int_equal(life(&rules)->operation_blocked, unwanted);
		rules_crash(&rules);
		rules_settle(&rules);
		assert_int_equal(rules.fleet.creates, unwanted ? 1 : 2);
		if (unwanted)
			admit(&rules);
		check_in_use(&rules);
		assert_int_equal(rules.fleet.creates, 2);
		rules_end(&rules);
	}
}

/* It was let in again before its end: then it is renewed as ever. */
static void wanted_again_before_its_end(void **state)
{
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules_event(&rules, LIFE_LINK_LOST);
	rules.not_let_in = true;
	rules.now += LIFE_MSEC / 2;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	wake(&rules);
	rules.not_let_in = false;
	rules_event(&rules, LIFE_LINK_RETRY);
	rules_event(&rules, LIFE_LINK_UP);
	wake(&rules);
	check_in_use(&rules);
	assert_int_equal(rules.fleet.creates, 2);
	assert_false(life(&rules)->operation_blocked);
	rules_end(&rules);
}

/* A platform whose certificates all end on one day has none that would be of use: it is asked
 * seldom, and not ever more often as that day comes nearer. */
static void nothing_that_ends_no_later(void **state)
{
	struct rules rules;
	int64_t ends;

	begin(&rules);
	ends = rules.now + 10 * LIFE_MSEC;
	rules.fleet.ends = ends;
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules.now += 5 * LIFE_MSEC;
	rules_event(&rules, LIFE_RENEW_DUE);
	rules_settle(&rules);
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
		assert_int_equal(life(&rules)->credential_expires, ends);
		assert_int_equal(rules.fleet.creates, 2 + n);
		assert_int_equal(rules.fleet.registers, 1);
		assert_in_range(
			rules.wait_usec, 30 * 86400000000ULL, 36 * (uint64_t)86400000000ULL);
		rules.now += LIFE_MSEC;
		wake(&rules);
	}
	rules.now = ends - 7200000;
	wake(&rules);
	assert_in_range(rules.wait_usec, 7200000000, 8640000000);
	rules.now = ends - 60000;
	wake(&rules);
	assert_in_range(rules.wait_usec, 3600000000, 4320000000);
	/* Another authority there. */
	rules.fleet.ends = 0;
	wake(&rules);
	check_in_use(&rules);
	rules_end(&rules);
}

/* A renewal that is refused ends nothing that is good: it is said, and tried again much later. */
static void a_renewal_that_is_refused_harms_nobody(void **state)
{
	struct rules rules;

	for (unsigned how = 0; how < 5; how++) {
		begin(&rules);
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules.now += LIFE_MSEC / 2;
		rules.fleet.claim_refused = how == 0;
		rules.fleet.hook_refuses = how == 1;
		rules.fleet.thing = how == 2 ? "another" : NULL;
		rules.fleet.no_thing = how == 3;
		rules.aws.host = how == 4 ? "" : "aws.example";
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		for (unsigned n = 0; n < 3; n++) {
			assert_int_equal(life(&rules)->credential, CREDENTIAL_RENEWING);
			assert_int_equal(life(&rules)->link, LINK_UP);
			assert_int_equal(rules.trouble,
				how == 0 ? PLATFORM_TOKEN_REFUSED : PLATFORM_NO_TROUBLE);
			assert_true(rules.waits);
			assert_in_range(rules.wait_usec, 3600000000, 4320000000);
			wake(&rules);
		}
		rules.fleet = (struct fleet){.now = &rules.now, .things = 1, .name = "pump"};
		rules.aws.host = "aws.example";
		wake(&rules);
		check_in_use(&rules);
		assert_int_equal(rules.fleet.things, 1);
		rules_end(&rules);
	}
}

/* Who deactivated it there meant that: the claim does not undo it. */
static void refused_by_the_platform(void **state)
{
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	rules_event(&rules, LIFE_LINK_UP);
	rules_event(&rules, LIFE_LINK_REFUSED);
	rules_settle(&rules);
	assert_int_equal(life(&rules)->credential, CREDENTIAL_REFUSED);
	assert_int_equal(rules.fleet.creates, 1);
	rules_crash(&rules);
	rules_settle(&rules);
	assert_int_equal(rules.fleet.creates, 1);
	admit(&rules);
	check_in_use(&rules);
	assert_int_equal(rules.fleet.creates, 2);
	assert_int_equal(rules.fleet.things, 1);
	rules_end(&rules);
}

/* ---- names, topics ---- */

static void names_of_things(void **state)
{
	static const struct {
		const char *ep, *prefix, *thing;
	} rows[] = {
		{"Pump_1-x", "", "Pump_1-x"},
		{"pump", "hall-3_", "hall-3_pump"},
		{"pump.1", "", "gh:device-7"},
		{"urn:pump", "hall-", "hall-gh:device-7"},
	};
	struct rules rules;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		begin(&rules);
		strcpy(rules.record.ep, rows[i].ep);
		rules.aws.thing_prefix = rows[i].prefix;
		rules_take_in(&rules);
		assert_string_equal(life(&rules)->platform_id, rows[i].thing);
		rules_end(&rules);
	}
	/* The template's answer is the truth. */
	begin(&rules);
	rules.fleet.thing = "Named:there";
	rules_take_in(&rules);
	assert_string_equal(life(&rules)->platform_id, "Named:there");
	rules_end(&rules);
}

static void what_goes_up(void **state)
{
	static const char body[] = "[{\"n\":\"t\",\"v\":1}]";
	CLEANUP(cleanup_free)
	struct reading *reading = calloc(1, sizeof(*reading) + sizeof(body));
	const struct upstream_gap gap = {1, 2, 2, "full"};
	struct command command = {.name = "blink"};
	struct upstream_item item = {
		.kind = UPSTREAM_READING, .gateway_id = "plant", .reading = reading, .gap = &gap};
	struct upstream_message message;
	struct rules rules;

	assert_non_null(reading);
	memcpy(reading->body, body, sizeof(body));
	reading->size = sizeof(body) - 1;
	reading->format = FORMAT_SENML_JSON;
	reading->row = 5;
	begin(&rules);
	rules_take_in(&rules);
	item.record = &rules.record;
	item.command = &command;
	item.envelope = true;
	assert_int_equal(rules.driver->encode(NULL, &item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/plant/pump/telemetry");
	assert_int_equal(message.qos, 1);
	assert_non_null(memmem(message.payload.data, message.payload.size, body, sizeof(body) - 1));
	upstream_message_clear(&message);
	item.kind = UPSTREAM_GAP;
	assert_int_equal(rules.driver->encode(NULL, &item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/plant/pump/gap");
	upstream_message_clear(&message);
	item.kind = UPSTREAM_RESULT;
	assert_int_equal(rules.driver->encode(NULL, &item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/plant/pump/result/blink");
	upstream_message_clear(&message);
	/* Where the asker wants it. */
	strcpy(command.response_topic, "answers/7");
	assert_int_equal(rules.driver->encode(NULL, &item, &message), 0);
	assert_string_equal(message.topic, "answers/7");
	upstream_message_clear(&message);
	item.kind = UPSTREAM_STATUS;
	assert_int_equal(rules.driver->encode(NULL, &item, &message), -ENOTSUP);
	item.kind = UPSTREAM_CLEAR;
	assert_int_equal(rules.driver->encode(NULL, &item, &message), -ENOTSUP);
	item.kind = UPSTREAM_GATEWAY;
	assert_int_equal(rules.driver->encode(NULL, &item, &message), -ENOTSUP);
	rules_end(&rules);
}

static void what_comes_down(void **state)
{
	static const char *const ignored[] = {"", "gatehouse/plant",
		"gatehouse/other/pump/command/x", "gatehouse/plant/pump/telemetry",
		"gatehouse/plant//command/x", "gatehouse/plant/a/b/command/x",
		"gatehouse/plant/pump/command/", "gatehouse/plant/pump/command/a/b",
		"gatehouse/plant/pump/command/a b", "$aws/things/pump/shadow/update/delta"};
	struct inbound_message message;
	char filter[64], topic[300];
	struct rules rules;

	begin(&rules);
	rules_take_in(&rules);
	assert_int_equal(
		rules.driver->listen(&rules.record, "plant", 0, filter, sizeof(filter)), 0);
	assert_string_equal(filter, "gatehouse/plant/pump/command/+");
	assert_int_equal(rules.driver->listen(NULL, "plant", 0, filter, sizeof(filter)), -ENOTSUP);
	assert_int_equal(rules.driver->listen(&rules.record, "plant", 0, filter, 8), -EMSGSIZE);
	assert_int_equal(
		rules.driver->listen(&rules.record, "plant", 1, filter, sizeof(filter)), -ENOTSUP);
	assert_int_equal(rules.driver->decode(NULL, "plant", "gatehouse/plant/gh:x_1/command/blink",
				 SPAN_LITERAL("{}"), false, &message),
		0);
	assert_int_equal(message.kind, INBOUND_COMMAND);
	assert_string_equal(message.platform_id, "gh:x_1");
	assert_string_equal(message.device_id, "");
	assert_string_equal(message.name, "blink");
	assert_true(span_equal(message.args, SPAN_LITERAL("{}")));
	for (size_t i = 0; i < ELEMENTS(ignored); i++) {
		assert_int_equal(rules.driver->decode(NULL, "plant", ignored[i], SPAN_LITERAL("{}"),
					 false, &message),
			0);
		assert_int_equal(message.kind, INBOUND_IGNORED);
	}
	rules.driver->decode(NULL, "plant", "gatehouse/plant/pump/command/blink",
		SPAN_LITERAL("{}"), true, &message);
	assert_int_equal(message.kind, INBOUND_IGNORED);
	snprintf(topic, sizeof(topic), "gatehouse/plant/pump/command/%065d", 0);
	rules.driver->decode(NULL, "plant", topic, SPAN_LITERAL("{}"), false, &message);
	assert_int_equal(message.kind, INBOUND_IGNORED);
	snprintf(topic, sizeof(topic), "gatehouse/plant/%0129d/command/blink", 0);
	rules.driver->decode(NULL, "plant", topic, SPAN_LITERAL("{}"), false, &message);
	assert_int_equal(message.kind, INBOUND_IGNORED);
	rules_end(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(things),
		cmocka_unit_test(refusals),
		cmocka_unit_test(what_is_no_credential),
		cmocka_unit_test(the_whole_way),
		cmocka_unit_test(lost_answers_make_no_second_thing),
		cmocka_unit_test(how_it_ends_there),
		cmocka_unit_test(what_is_not_configured),
		cmocka_unit_test(faults_are_waited_out),
		cmocka_unit_test(a_certificate_without_a_thing_lapses),
		cmocka_unit_test(another_certificate_before_its_end),
		cmocka_unit_test(nothing_is_renewed_that_does_not_connect),
		cmocka_unit_test(unwanted_until_its_end),
		cmocka_unit_test(wanted_again_before_its_end),
		cmocka_unit_test(nothing_that_ends_no_later),
		cmocka_unit_test(a_renewal_that_is_refused_harms_nobody),
		cmocka_unit_test(refused_by_the_platform),
		cmocka_unit_test(names_of_things),
		cmocka_unit_test(what_goes_up),
		cmocka_unit_test(what_comes_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
