/* SPDX-License-Identifier: Apache-2.0 */

/* Static credentials, step by step. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/token.h"
#include "drivers/table.h"

static char logged[256];

__attribute__((format(printf, 3, 4))) static void fake_log(
	int priority, const char *device_id, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(logged, sizeof(logged), format, list);
	va_end(list);
}

static const struct driver_services services = {.random = random_bytes, .log = fake_log};
static const struct platform_answer none;
static const struct platform_driver *driver;
static struct secret one, two;

static int set_up(void **state)
{
	driver = platform_driver_by_name("mqtt");
	if (!driver)
		return -1;
	logged[0] = '\0';
	token_value_make(SPAN_LITERAL("user"), SPAN_LITERAL("secret"), &one);
	return token_value_make(SPAN_LITERAL("user"), SPAN_LITERAL("other"), &two);
}

static int tear_down(void **state)
{
	secret_clear(&one);
	secret_clear(&two);
	return 0;
}

static void advance(const struct device_record *record, struct span token, enum platform_work work,
	struct platform_step *step)
{
	const struct platform_device device = {.record = record, .static_credential = token};

	assert_int_equal(driver->advance(&services, &device, work, &none, step), 0);
	assert_int_equal(step->request.transport, PLATFORM_NO_REQUEST);
}

static void test_describe(void **state)
{
	const struct platform_description *description = driver->describe();

	assert_string_equal(description->name, TOKEN_KIND_MQTT);
	assert_true(description->supports & PLATFORM_APPROVES_HERE);
	assert_true(description->supports & PLATFORM_NEEDS_TOKEN);
	assert_false(description->supports & PLATFORM_SHARED_SESSION);
	assert_false(description->supports & PLATFORM_CAN_REFRESH);
	assert_false(description->supports & PLATFORM_DISPLAY_CODES);
	assert_non_null(driver->session);
	assert_true(
		platform_driver_by_name("local")->describe()->supports & PLATFORM_SHARED_SESSION);
}

/* Whatever is said twice, after a crash at any point, is the same. */
static void test_issued_at_once(void **state)
{
	struct device_record record = {.id = "pump-1",
		.ep = "pump",
		.life = {.operation = OPERATION_OPENING, .operation_approved = true}};
	static const enum platform_work works[] = {
		PLATFORM_PROVISION, PLATFORM_APPROVE, PLATFORM_PROVISION};

	for (size_t i = 0; i < 3; i++) {
		struct platform_step step = {0};

		advance(&record, secret_span(&one), works[i], &step);
		assert_int_equal(step.verdict, PLATFORM_ISSUED);
		assert_int_equal(step.expires, 0);
		assert_true(span_equal(secret_span(&step.credential), secret_span(&one)));
		platform_step_clear(&step);
	}
}

static void test_without_token(void **state)
{
	struct device_record record = {
		.id = "pump-1", .ep = "pump", .life = {.operation = OPERATION_OPENING}};
	struct platform_step step = {0};

	advance(&record, (struct span){0}, PLATFORM_PROVISION, &step);
	assert_int_equal(step.verdict, PLATFORM_FAILED);
	assert_true(step.final);
	assert_non_null(step.why);
	assert_non_null(strstr(logged, "import a token for pump first"));
	platform_step_clear(&step);

	advance(&record, SPAN_LITERAL("nonsense"), PLATFORM_PROVISION, &step);
	assert_int_equal(step.verdict, PLATFORM_FAILED);
	assert_true(step.final);
	assert_null(strstr(logged, "nonsense"));
	platform_step_clear(&step);
}

static void test_bound(void **state)
{
	struct device_record record = {.id = "pump-1", .ep = "pump"};
	struct platform_step step = {0};

	advance(&record, (struct span){0}, PLATFORM_BIND, &step);
	assert_int_equal(step.verdict, PLATFORM_BOUND);
	assert_string_equal(step.platform_id, "pump-1");
	platform_step_clear(&step);
}

static void test_refresh_is_another_token(void **state)
{
	struct device_record record = {.id = "pump-1",
		.ep = "pump",
		.life = {.credential = CREDENTIAL_RENEWING, .credential_current = one}};
	struct platform_step step = {0};

	advance(&record, secret_span(&one), PLATFORM_REFRESH, &step);
	assert_int_equal(step.verdict, PLATFORM_REFUSED);
	platform_step_clear(&step);
	advance(&record, (struct span){0}, PLATFORM_REFRESH, &step);
	assert_int_equal(step.verdict, PLATFORM_REFUSED);
	platform_step_clear(&step);
	advance(&record, secret_span(&two), PLATFORM_REFRESH, &step);
	assert_int_equal(step.verdict, PLATFORM_ISSUED);
	assert_true(span_equal(secret_span(&step.credential), secret_span(&two)));
	platform_step_clear(&step);
}

static void test_ends_here(void **state)
{
	static const enum platform_work works[] = {PLATFORM_CANCEL, PLATFORM_REVOKE};
	struct device_record record = {.id = "pump-1", .ep = "pump"};

	for (size_t i = 0; i < ELEMENTS(works); i++) {
		struct platform_step step = {0};

		advance(&record, (struct span){0}, works[i], &step);
		assert_int_equal(step.verdict, PLATFORM_DONE);
		platform_step_clear(&step);
	}
}

static void test_session(void **state)
{
	struct device_record record = {
		.id = "pump-1", .ep = "pump", .life = {.credential_current = one}};
	struct platform_session session;
	char id[DEVICE_ID_MAX + 1];

	assert_int_equal(driver->session(&record, "plant", &session), 0);
	assert_string_equal(session.client_id, "gatehouse-plant-pump-1");
	assert_true(span_equal(session.username, SPAN_LITERAL("user")));
	assert_true(span_equal(session.password, SPAN_LITERAL("secret")));
	/* The longest ids still make different clients. */
	memset(id, 'a', DEVICE_ID_MAX);
	id[DEVICE_ID_MAX] = '\0';
	memcpy(record.id, id, sizeof(id));
	assert_int_equal(driver->session(&record, "gateway-of-thirty-two-characters", &session), 0);
	assert_string_equal(
		session.client_id + strlen("gatehouse-gateway-of-thirty-two-characters-"), id);
	record.life.credential_current = (struct secret){0};
	assert_int_equal(driver->session(&record, "plant", &session), -EBADMSG);
}

static void test_session_by_certificate(void **state)
{
	static const char value[] = "\2\0\4certk e y";
	struct device_record record = {.id = "pump-1", .ep = "pump"};
	struct platform_step step = {0};
	struct platform_session session;

	advance(&record, span_of(value, sizeof(value) - 1), PLATFORM_PROVISION, &step);
	assert_int_equal(step.verdict, PLATFORM_ISSUED);
	record.life.credential_current = step.credential;
	assert_int_equal(driver->session(&record, "plant", &session), 0);
	assert_true(span_equal(session.identity, SPAN_LITERAL("certk e y")));
	assert_int_equal(session.username.size, 0);
	assert_int_equal(session.password.size, 0);
	platform_step_clear(&step);
}

static void test_topics(void **state)
{
	struct device_record record = {.id = "pump-1", .ep = "pump"};
	struct upstream_item item = {
		.kind = UPSTREAM_STATUS, .gateway_id = "plant", .record = &record};
	struct upstream_message message;
	struct inbound_message inbound;

	assert_int_equal(driver->encode(&services, &item, &message), 0);
	assert_string_equal(message.topic, "gatehouse/plant/pump-1/status");
	assert_true(message.retain);
	upstream_message_clear(&message);
	assert_int_equal(driver->decode(&services, "plant", "gatehouse/plant/pump-1/command/on",
				 (struct span){0}, false, &inbound),
		0);
	assert_int_equal(inbound.kind, INBOUND_COMMAND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_describe),
		TEST(test_issued_at_once),
		TEST(test_without_token),
		TEST(test_bound),
		TEST(test_refresh_is_another_token),
		TEST(test_ends_here),
		TEST(test_session),
		TEST(test_session_by_certificate),
		TEST(test_topics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
