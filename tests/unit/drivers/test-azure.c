/* SPDX-License-Identifier: Apache-2.0 */

/* Keys and signatures against what real services accept, what the provisioning service answers, and
 * each way that a registration goes. What is the same for every platform is in test-rules. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "azure-rows.h"
#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/platform/azure-answer.h"
#include "drivers/platform/azure-key.h"
#include "drivers/platform/iothub.h"

#define KEY_TEXT \
	"18RQk/hOPJR9EbsJlk2j8WA6vWaj/yi+oaYg7zmxfQNdOyMSu+SJ8O7TSlZhDJCYmn4rzEiVKIzNiVAWjLxrGA=="

static const struct driver_services services = {.hmac_sha256 = crypto_hmac_sha256};

static struct lifecycle *life(struct rules *rules)
{
	return &rules->record.life;
}

/* ---- keys ---- */

static void a_groups_key_gives_the_devices(void **state)
{
	CLEANUP(secret_clear) struct secret key = {0};

	assert_int_equal(azure_key_derive(&services, SPAN_LITERAL(DPS_GROUP_KEY),
				 "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", &key),
		0);
	assert_true(span_equal(
		secret_span(&key), SPAN_LITERAL("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=")));
}

static void signatures(void **state)
{
	CLEANUP(secret_clear) struct secret sas = {0};

	assert_int_equal(azure_sas_make(&services, SPAN_LITERAL(KEY_TEXT),
				 "0ne00111111/registrations/my-symkey-device", 1663952627,
				 "registration", &sas),
		0);
	assert_true(span_equal(secret_span(&sas),
		SPAN_LITERAL("SharedAccessSignature "
			     "sr=0ne00111111%2Fregistrations%2Fmy-symkey-device"
			     "&sig=8VPprb8BiTkuVE0hBqHm%2FSVrzVpdD8VZcXugntdbhuU%3D"
			     "&se=1663952627&skn=registration")));
	assert_int_equal(azure_sas_make(&services, SPAN_LITERAL(KEY_TEXT),
				 "MyExampleHub.azure-devices.net/devices/my-symkey-device",
				 1663119026, NULL, &sas),
		0);
	assert_true(span_equal(secret_span(&sas),
		SPAN_LITERAL("SharedAccessSignature "
			     "sr=MyExampleHub.azure-devices.net%2Fdevices%2Fmy-symkey-device"
			     "&sig=f%2BwW8XOKeJOtiPc9Iwjc4OpExvPM7NlhM9qxN2a1aAM%3D"
			     "&se=1663119026")));
}

static void what_is_no_key(void **state)
{
	static const char *const bad[] = {
		"", "=", "====", "abc", "abc=d", "ab c", "ab-_", "a===", "QUJD\n", "QUJDR"};
	CLEANUP(secret_clear) struct secret ret = {0};
	char longest[177], resource[1025];

	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(
			azure_key_derive(&services, span_from_string(bad[i]), "x", &ret), -EBADMSG);
	memset(longest, 'A', 176);
	longest[176] = '\0';
	assert_int_equal(
		azure_key_derive(&services, span_from_string(longest), "x", &ret), -EBADMSG);
	assert_int_equal(azure_key_derive(&services, span_of(longest, 168), "x", &ret), 0);
	memset(resource, '/', 1024);
	resource[1024] = '\0';
	assert_int_equal(azure_sas_make(&services, SPAN_LITERAL(KEY_TEXT), resource, 1, NULL, &ret),
		-EMSGSIZE);
}

/* ---- answers ---- */

static void topics(void **state)
{
	static const char *const bad[] = {"", "$dps/registrations/res/",
		"$dps/registrations/res/20", "$dps/registrations/res/2x0/?$rid=1",
		"$dps/registrations/res/200?$rid=1", "$dps/registrations/res/000/?$rid=1",
		"$dps/registrations/res/2000/?$rid=1", "$aws/registrations/res/200/?$rid=1"};
	struct azure_status status;

	assert_int_equal(
		azure_status_read("$dps/registrations/res/202/?$rid=1&retry-after=3", &status), 0);
	assert_int_equal(status.code, 202);
	assert_int_equal(status.retry_after, 3);
	assert_int_equal(azure_status_read("$dps/registrations/res/200/?$rid=1", &status), 0);
	assert_int_equal(status.retry_after, 0);
	assert_int_equal(
		azure_status_read("$dps/registrations/res/429/?retry-after=999999", &status), 0);
	assert_int_equal(status.retry_after, 86400);
	assert_int_equal(
		azure_status_read("$dps/registrations/res/429/?retry-after=-1&x=%zz", &status), 0);
	assert_int_equal(status.retry_after, 0);
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(azure_status_read(bad[i], &status), -EBADMSG);
}

#define STATE(hub, device)                                                         \
	"{\"operationId\":\"4.a\",\"status\":\"assigned\",\"registrationState\":{" \
	"\"assignedHub\":" hub ",\"deviceId\":" device ",\"status\":\"assigned\"}}"

static void documents(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "{", "null", "{\"status\":1}",
		"{\"status\":\"else\"}", "{\"status\":\"assigned\"}",
		"{\"status\":\"assigning\",\"operationId\":\"a/b\"}",
		"{\"status\":\"assigning\",\"operationId\":\"a&b\"}",
		"{\"status\":\"assigning\",\"operationId\":\"\"}",
		"{\"status\":\"assigning\",\"operationId\":7}",
		"{\"status\":\"assigning\",\"status\":\"assigning\"}",
		"{\"status\":\"assigning\",\"registrationState\":[]}",
		STATE("\"hub.example\"", "\"a/b\""), STATE("\"hub.example\"", "\"a#\""),
		STATE("\"hub.example\"", "null"), STATE("\"hub.example/x\"", "\"a\""),
		STATE("\"hub.example:1\"", "\"a\""), STATE("\"-hub\"", "\"a\""),
		STATE("\"hub\\u0000\"", "\"a\""), STATE("null", "\"a\"")};
	struct azure_registration got;
	char text[400], longest[130];

	assert_int_equal(azure_registration_read(
				 SPAN_LITERAL(STATE("\"Hub.example\"", "\"Pump_1:x.y=z\"")), &got),
		0);
	assert_int_equal(got.word, AZURE_ASSIGNED);
	assert_string_equal(got.operation, "4.a");
	assert_string_equal(got.hub, "Hub.example");
	assert_string_equal(got.device, "Pump_1:x.y=z");
	assert_int_equal(azure_registration_read(
				 SPAN_LITERAL("{\"registrationState\":{\"status\":\"failed\","
					      "\"errorCode\":400209}}"),
				 &got),
		0);
	assert_int_equal(got.word, AZURE_FAILED);
	assert_int_equal(got.error, 400209);
	assert_int_equal(
		azure_registration_read(SPAN_LITERAL("{\"status\":\"unassigned\"}"), &got), 0);
	assert_int_equal(got.word, AZURE_ASSIGNING);
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(azure_registration_read(span_from_string(bad[i]), &got), -EBADMSG);
	memset(longest, 'x', 129);
	longest[129] = '\0';
	snprintf(text, sizeof(text), STATE("\"hub\"", "\"%s\""), longest);
	assert_int_equal(azure_registration_read(span_from_string(text), &got), -EBADMSG);
	snprintf(text, sizeof(text), STATE("\"hub\"", "\"%s\""), longest + 1);
	assert_int_equal(azure_registration_read(span_from_string(text), &got), 0);
}

/* ---- the way ---- */

static void admit(struct rules *rules)
{
	assert_int_equal(rules_event(rules, LIFE_ADMIT), MACHINE_MOVED);
	rules_settle(rules);
}

static void it_asks_until_it_is_assigned(void **state)
{
	struct rules rules;

	FOR_EACH_KEY(&rules, i)
	{
		struct iothub_credential credential;
		struct platform_session session;

		rules.dps.assigning = 3;
		rules.dps.retry_after = 7;
		admit(&rules);
		assert_int_equal(rules.dps.registers, 1);
		for (unsigned n = 1; n <= 3; n++) {
			assert_in_range(rules.wait_usec, 7000000, 8400000);
			assert_int_equal(life(&rules)->operation, OPERATION_OPENING);
			/* It is on disk: after a crash the same operation is asked for. */
			if (n == 2)
				rules_crash(&rules);
			else
				rules_wake(&rules);
			rules_settle(&rules);
			assert_int_equal(rules.dps.polls, n);
			assert_string_equal(rules.dps.asked, "4.op-1");
		}
		assert_int_equal(rules.dps.registers, 1);
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		assert_string_equal(life(&rules)->platform_id, DPS_DEVICE);
		assert_int_equal(life(&rules)->credential_expires, rules.now + 3600000);
		assert_int_equal(
			iothub_credential_read(
				secret_span(&life(&rules)->credential_current), &credential),
			0);
		assert_true(span_equal(credential.host, SPAN_LITERAL("hub.example")));
		assert_int_equal(rules.driver->session(&rules.record, "plant", &session), 0);
		assert_string_equal(session.client_id, DPS_DEVICE);
		assert_string_equal(session.made_username,
			"hub.example/" DPS_DEVICE "/?api-version=2021-04-12");
		assert_memory_equal(session.password.data,
			"SharedAccessSignature sr=hub.example%2Fdevices%2F" DPS_DEVICE "&sig=", 64);
		assert_int_equal(session.version, 4);
	}
}

static void how_it_ends_there(void **state)
{
	static const struct {
		int status;
		bool key_refused, disabled, failed;
		enum operation_state operation;
		enum platform_trouble trouble;
	} rows[] = {
		{.key_refused = true,
			.operation = OPERATION_FAILED,
			.trouble = PLATFORM_TOKEN_REFUSED},
		{.status = 401, .operation = OPERATION_FAILED, .trouble = PLATFORM_TOKEN_REFUSED},
		{.status = 404, .operation = OPERATION_FAILED, .trouble = PLATFORM_TOKEN_REFUSED},
		{.status = 400, .operation = OPERATION_FAILED},
		{.disabled = true, .operation = OPERATION_REJECTED},
		{.failed = true, .operation = OPERATION_FAILED},
	};
	struct rules rules;

	for (size_t row = 0; row < ELEMENTS(rows); row++)
		FOR_EACH_MEANS(&rules, i)
		{
			rules.dps.fail = rows[row].status;
			rules.dps.key_refused = rows[row].key_refused;
			rules.dps.disabled = rows[row].disabled;
			rules.dps.failed = rows[row].failed;
			admit(&rules);
			assert_int_equal(life(&rules)->operation, rows[row].operation);
			assert_int_equal(rules.trouble, rows[row].trouble);
			assert_int_equal(rules.dps.connects, 1);
			/* It waits for a person, who finds it mended. */
			rules_crash(&rules);
			rules_settle(&rules);
			assert_int_equal(rules.dps.connects, 1);
			rules.dps.fail = 0;
			rules.dps.key_refused = rules.dps.disabled = rules.dps.failed = false;
			admit(&rules);
			assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		}
}

static void faults_are_waited_out(void **state)
{
	static const int statuses[] = {409, 429, 500, 503};
	struct rules rules;

	FOR_EACH_MEANS(&rules, i)
	{
		uint64_t before = 0;

		rules.dps.fail = statuses[0];
		admit(&rules);
		for (size_t n = 1; n < ELEMENTS(statuses); n++) {
			assert_true(rules.wait_usec >= 10000000);
			assert_true(n == 1 || rules.wait_usec > before + 2000000);
			before = rules.wait_usec;
			rules.dps.fail = statuses[n];
			rules_wake(&rules);
			rules_settle(&rules);
		}
		/* As long as the service asks for, when that is longer. */
		rules.dps.retry_after = 300;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_in_range(rules.wait_usec, 300000000, 360000000);
		assert_int_equal(rules.dps.registers, 0);
		/* What cannot be understood is a fault too, and so is silence. */
		rules.dps.fail = 0;
		rules.dps.says = "{\"status\":\"else\"}";
		rules_wake(&rules);
		rules_settle(&rules);
		assert_true(rules.backs_off);
		rules.dps.says = NULL;
		rules.lose_answer = true;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_true(rules.backs_off);
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		/* Its answer was lost: asked once more it is the same registration. */
		assert_int_equal(rules.dps.registers, 2);
	}
}

static void a_forgotten_operation_is_begun_again_but_not_for_ever(void **state)
{
	struct rules rules;

	FOR_EACH_MEANS(&rules, i)
	{
		rules.dps.assigning = 100;
		rules.dps.forgets = true;
		admit(&rules);
		for (unsigned n = 0; n < 20; n++) {
			rules_wake(&rules);
			rules_settle(&rules);
		}
		assert_int_equal(rules.dps.registers, 3);
		assert_int_equal(life(&rules)->operation, OPERATION_FAILED);
		assert_false(rules.waits);
	}
}

static void a_new_signature_needs_nobody(void **state)
{
	struct rules rules;

	FOR_EACH_KEY(&rules, i)
	{
		struct iothub_credential credential;

		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules.now += 1800000;
		rules_event(&rules, LIFE_RENEW_DUE);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		assert_int_equal(life(&rules)->credential_expires, rules.now + 3600000);
		assert_int_equal(rules.dps.connects, 1);
		/* The old one is kept until the new one has connected. */
		assert_true(life(&rules)->credential_old.size > 0);
		assert_int_equal(
			iothub_credential_read(
				secret_span(&life(&rules)->credential_current), &credential),
			0);
		assert_true(span_equal(credential.device, SPAN_LITERAL(DPS_DEVICE)));
	}
}

/* The hub does not take it: the service is asked again, once. */
static void refused_by_the_hub_it_registers_anew(void **state)
{
	struct rules rules;

	FOR_EACH_MEANS(&rules, i)
	{
		struct platform_session session;

		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules.dps.hub = "other.example";
		rules.dps.assigning = 1;
		rules_event(&rules, LIFE_LINK_REFUSED);
		rules_settle(&rules);
		rules_crash(&rules); /* between the two questions */
		rules_settle(&rules);
		assert_int_equal(rules.dps.registers, 2);
		assert_string_equal(rules.dps.asked, "4.op-2");
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
		assert_int_equal(rules.driver->session(&rules.record, "plant", &session), 0);
		assert_string_equal(session.host, "other.example");
		rules_event(&rules, LIFE_LINK_REFUSED);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_REFUSED);
		assert_int_equal(rules.dps.registers, 2);
		/* Mended there; a person lets it try again. */
		admit(&rules);
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(rules.dps.registers, 3);
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		assert_int_equal(life(&rules)->credential, CREDENTIAL_HELD);
	}
}

/* Taken away there: it stops, is said, and waits for a person. */
static void revoked_there(void **state)
{
	struct rules rules;

	for (unsigned how = 0; how < 3; how++)
		FOR_EACH_MEANS(&rules, i)
		{
			rules_take_in(&rules);
			rules_event(&rules, LIFE_LINK_UP);
			rules.dps.disabled = how == 0;
			rules.dps.key_refused = how == 1;
			rules.dps.device = how == 2 ? "Another" : DPS_DEVICE;
			rules_event(&rules, LIFE_LINK_REFUSED);
			rules_settle(&rules);
			assert_int_equal(life(&rules)->credential, CREDENTIAL_NONE);
			assert_int_equal(life(&rules)->admission, ADMISSION_PENDING);
			assert_false(rules.actions & LIFE_DROP_READINGS);
			rules_crash(&rules);
			rules_settle(&rules);
			assert_int_equal(rules.dps.connects, 2);
		}
}

/* A gateway without a clock of its own starts with that of its last shutdown: what it signs then is
 * over before it is made, and a refusal of that is nobody's decision. */
static void a_wrong_clock_ends_nobodys_credential(void **state)
{
	struct rules rules;

	FOR_EACH_MEANS(&rules, i)
	{
		rules_take_in(&rules);
		rules_event(&rules, LIFE_LINK_UP);
		rules.clock_is_wrong = true;
		rules.dps.key_refused = true;
		rules_event(&rules, LIFE_LINK_REFUSED);
		rules_settle(&rules);
		assert_true(rules.backs_off);
		assert_int_not_equal(life(&rules)->credential, CREDENTIAL_NONE);
		assert_int_equal(life(&rules)->admission, ADMISSION_ADMITTED);
	}
}

/* Before 2020 no clock was set: nothing is signed with it. */
static void without_a_clock_nothing_is_signed(void **state)
{
	struct rules rules;

	FOR_EACH_MEANS(&rules, i)
	{
		int64_t now = rules.now;

		rules.now = 1000000;
		admit(&rules);
		assert_int_equal(rules.dps.connects, 0);
		assert_true(rules.backs_off);
		rules.now = now;
		rules_wake(&rules);
		rules_settle(&rules);
		assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
	}
}

static void what_the_service_may_know(void **state)
{
	struct rules rules;

	FOR_EACH_MEANS(&rules, i)
	{
		strcpy(rules.record.owner, "plant \"7\"");
		strcpy(rules.record.place, "hall");
		strcpy(rules.record.info.model, "P-1");
		admit(&rules);
		assert_non_null(strstr(rules.dps.body, "\"ep\":\"pump\""));
		assert_non_null(strstr(rules.dps.body, "\"owner\":\"plant \\\"7\\\"\""));
		assert_non_null(strstr(rules.dps.body, "\"place\":\"hall\""));
		assert_non_null(strstr(rules.dps.body, "\"model\":\"P-1\""));
	}
}

/* A name that the service could take for another one is not used. */
static void names_that_the_service_cannot_have(void **state)
{
	static const struct {
		const char *ep, *registration;
	} rows[] = {
		{"pump-7.a_b", "pump-7.a_b"},
		{"Pump", "gh:device-7"},
		{"urn:dev:mac:0024beff", "gh:device-7"},
		{"pump.", "gh:device-7"},
		{"pump/1", "gh:device-7"},
		{"gh:device-8", "gh:device-7"},
	};
	struct rules rules;

	for (size_t row = 0; row < ELEMENTS(rows); row++)
		FOR_EACH_KEY(&rules, i)
		{
			strcpy(rules.record.ep, rows[row].ep);
			rules_event(&rules, LIFE_ADMIT);
			assert_true(rules_step(&rules));
			assert_non_null(rules.request);
			assert_string_equal(rules.request->dial.client_id, rows[row].registration);
		}
}

static void what_is_said_of_an_operation(void **state)
{
	struct rules rules;

	FOR_EACH_MEANS(&rules, i)
	{
		const struct platform_device device = {.record = &rules.record};
		struct platform_operation operation;

		assert_int_equal(rules.driver->operation(&device, &operation), -ENODATA);
		rules.dps.assigning = 1;
		admit(&rules);
		assert_int_equal(rules.driver->operation(&device, &operation), 0);
		assert_string_equal(operation.id, "4.op-1");
		assert_false(operation.approve_here);
	}
}

/* What stands on disk may be of another time, or damaged. */
static void what_is_no_progress_is_a_beginning(void **state)
{
	const struct span blobs[] = {SPAN_LITERAL("\1Q\0\5"
						  "4.op-9"),
		SPAN_LITERAL("\2Q\0\5\xff"
			     "4"),
		SPAN_LITERAL("\2Q\0\5\0"), SPAN_LITERAL("\2"), SPAN_LITERAL("junk")};
	struct rules rules;

	for (size_t at = 0; at < ELEMENTS(blobs); at++)
		FOR_EACH_MEANS(&rules, i)
		{
			rules_event(&rules, LIFE_ADMIT);
			assert_int_equal(secret_set(&life(&rules)->operation_blob, blobs[at]), 0);
			rules_settle(&rules);
			assert_int_equal(rules.dps.registers, 1);
			assert_int_equal(life(&rules)->operation, OPERATION_BOUND);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_groups_key_gives_the_devices),
		cmocka_unit_test(signatures),
		cmocka_unit_test(what_is_no_key),
		cmocka_unit_test(topics),
		cmocka_unit_test(documents),
		cmocka_unit_test(it_asks_until_it_is_assigned),
		cmocka_unit_test(how_it_ends_there),
		cmocka_unit_test(faults_are_waited_out),
		cmocka_unit_test(a_forgotten_operation_is_begun_again_but_not_for_ever),
		cmocka_unit_test(a_new_signature_needs_nobody),
		cmocka_unit_test(refused_by_the_hub_it_registers_anew),
		cmocka_unit_test(a_wrong_clock_ends_nobodys_credential),
		cmocka_unit_test(revoked_there),
		cmocka_unit_test(without_a_clock_nothing_is_signed),
		cmocka_unit_test(what_the_service_may_know),
		cmocka_unit_test(names_that_the_service_cannot_have),
		cmocka_unit_test(what_is_said_of_an_operation),
		cmocka_unit_test(what_is_no_progress_is_a_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
