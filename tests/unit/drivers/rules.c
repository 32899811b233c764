/* SPDX-License-Identifier: Apache-2.0 */

#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/token.h"
#include "drivers/platform/iothub.h"

#define MQTT_TOKEN "\1\0\4usersecret"

/* An imported certificate: its format, its length, the certificate, its key. */
#define X509_SIZE   (sizeof(PUMP_CERTIFICATE) - 1)
#define X509_TOKEN  "\2" X509_LENGTH PUMP_CERTIFICATE PUMP_KEY
#define X509_LENGTH "\2\x36"
_Static_assert(X509_SIZE == 0x236, "the length in the token is the certificate's");

const struct rules_case rules_cases[] = {
	{.driver = "local", .can_refresh = true, .platform_id = "device-7"},
	{.driver = "mqtt",
		.token = {(const uint8_t *)MQTT_TOKEN, sizeof(MQTT_TOKEN) - 1},
		.platform_id = "device-7"},
	{.driver = "spotflow",
		.token = {(const uint8_t *)CLOUD_PT, sizeof(CLOUD_PT) - 1},
		.has_cloud = true,
		.can_refresh = true,
		.platform_id = CLOUD_DEVICE},
	{.driver = "azure",
		.token = {(const uint8_t *)DPS_OWN_KEY, sizeof(DPS_OWN_KEY) - 1},
		.can_refresh = true,
		.has_dps = true,
		.platform_id = DPS_DEVICE},
	{.driver = "azure",
		.token = {(const uint8_t *)DPS_GROUP_KEY, sizeof(DPS_GROUP_KEY) - 1},
		.can_refresh = true,
		.has_dps = true,
		.shared = true,
		.platform_id = DPS_DEVICE},
	{.driver = "azure",
		.token = {(const uint8_t *)X509_TOKEN, sizeof(X509_TOKEN) - 1},
		.has_dps = true,
		.has_x509 = true,
		.platform_id = DPS_DEVICE},
	{.driver = "azure",
		.token = {(const uint8_t *)JIT_CA, sizeof(JIT_CA) - 1},
		.can_refresh = true,
		.has_dps = true,
		.has_x509 = true,
		.shared = true,
		.platform_id = DPS_DEVICE},
	{.driver = "aws",
		.token = {(const uint8_t *)FLEET_CLAIM, sizeof(FLEET_CLAIM) - 1},
		.can_refresh = true,
		.has_fleet = true,
		.shared = true,
		.platform_id = "pump"},
	{.driver = "aws",
		.token = {(const uint8_t *)JIT_CA, sizeof(JIT_CA) - 1},
		.can_refresh = true,
		.has_jit = true,
		.shared = true,
		.platform_id = "pump"},
	{.driver = "aws",
		.token = {(const uint8_t *)JIT_CA, sizeof(JIT_CA) - 1},
		.can_refresh = true,
		.has_jit = true,
		.by_rule = true,
		.shared = true,
		.platform_id = "pump"},
};
const size_t rules_case_count = ELEMENTS(rules_cases);

static struct rules *current; /* for the services, which have no userdata */

static int64_t fake_now(void)
{
	return current->now;
}

static void fake_random(void *ret_bytes, size_t size)
{
	uint8_t *at = ret_bytes;

	/* The upper bits: the lower ones of such a row come again after a few turns. */
	while (size--) {
		current->random = current->random * 6364136223846793005u + 1442695040888963407u;
		*at++ = (uint8_t)(current->random >> 56);
	}
}

__attribute__((format(printf, 3, 4))) static void fake_log(
	int priority, const char *device_id, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	assert_null(strstr(text, "canary")); /* rule 8 */
	assert_null(strstr(text, "RT-"));
}

static bool fake_is_synced(void)
{
	return !current->clock_is_wrong;
}

static const struct driver_services services = {.now = fake_now,
	.clock_is_synced = fake_is_synced,
	.random = fake_random,
	.hmac_sha256 = crypto_hmac_sha256,
	.log = fake_log};

void rules_begin(struct rules *rules, const struct rules_case *kind)
{
	*rules = (struct rules){.kind = kind,
		.driver = platform_driver_by_name(kind->driver),
		.now = 1800000000000,
		.random = 1};
	assert_non_null(rules->driver);
	rules->cloud = (struct cloud){
		.now = &rules->now, .token_life = 30LL * 86400000, .sas_life = 3600000};
	rules->dps = (struct dps){.hub = "hub.example",
		.device = DPS_DEVICE,
		.wants_certificate = kind->has_x509,
		.authority = kind->shared ? JIT_CA : NULL};
	rules->azure = (struct azure_settings){.host = "dps.example",
		.port = 8883,
		.id_scope = "0ne0001",
		.sas_lifetime = 3600,
		.method = kind->has_x509 ? AZURE_CERTIFICATE : AZURE_KEY,
		.certificate_life = 30 * 86400};
	rules->fleet = (struct fleet){.now = &rules->now};
	rules->aws = (struct aws_settings){.host = "aws.example",
		.port = 8883,
		.template_name = "fleet",
		.thing_prefix = "",
		.method = kind->by_rule	  ? AWS_JITR
			  : kind->has_jit ? AWS_JITP
					  : AWS_CLAIM,
		.certificate_life = 30 * 86400,
		.gateway_id = "plant-7"};
	strcpy(rules->record.id, "device-7");
	strcpy(rules->record.ep, "pump");
	strcpy(rules->record.platform, kind->driver);
	rules->record.row = 7;
	current = rules;
}

static void forget(struct rules *rules)
{
	if (rules->request)
		platform_request_clear(rules->request);
	free(rules->request);
	free(rules->answer);
	rules->request = NULL;
	rules->answer = NULL;
	rules->asked = false;
	rules->waits = false;
}

void rules_end(struct rules *rules)
{
	forget(rules);
	lifecycle_clear(&rules->record.life);
}

struct span rules_token(const struct rules *rules)
{
	struct iothub_credential credential;

	if (!rules->kind->has_cloud)
		return secret_span(&rules->record.life.credential_current);
	if (iothub_credential_read(
		    secret_span(&rules->record.life.credential_current), &credential) < 0)
		return span_of(NULL, 0);
	return credential.token;
}

/* ---- the record ---- */

static enum machine_result submit(
	struct rules *rules, const struct life_input *input, bool crash_before, bool crash_after)
{
	struct life_outcome outcome;
	struct lifecycle next;

	assert_int_equal(lifecycle_step(&rules->record.life, input, &next, &outcome), 0);
	rules->actions = outcome.actions;
	if (outcome.result != MACHINE_MOVED)
		return outcome.result;
	if (crash_before) {
		lifecycle_clear(&next);
		rules_crash(rules);
		return MACHINE_IGNORED;
	}
	lifecycle_clear(&rules->record.life);
	rules->record.life = next;
	if (crash_after) {
		rules_crash(rules);
		return MACHINE_MOVED;
	}
	if (outcome.actions & (LIFE_ADVANCE | LIFE_REFRESH))
		rules->asked = true;
	rules->backs_off = outcome.actions & LIFE_BACK_OFF;
	return MACHINE_MOVED;
}

static enum machine_result event(
	struct rules *rules, enum life_event which, bool before, bool after)
{
	rules->in_a_row = 0;
	return submit(rules,
		&(const struct life_input){
			.event = which, .now = rules->now, .operation_number = ++rules->numbers},
		before, after);
}

enum machine_result rules_event(struct rules *rules, enum life_event which)
{
	return event(rules, which, false, false);
}

void rules_event_crashing(struct rules *rules, enum life_event which, bool saved)
{
	event(rules, which, !saved, saved);
}

void rules_crash(struct rules *rules)
{
	forget(rules);
	rules->record.life.link = LINK_DOWN;
	rules->in_a_row = 0;
	submit(rules,
		&(const struct life_input){.event = LIFE_RESTARTED,
			.now = rules->now,
			.operation_number = ++rules->numbers},
		false, false);
}

/* ---- the driver ---- */

static bool work_due(const struct lifecycle *life, enum platform_work *ret_work)
{
	switch (life->operation) {
	case OPERATION_OPENING:
		*ret_work = PLATFORM_PROVISION;
		return true;
	case OPERATION_AWAITING:
		*ret_work = life->operation_approved ? PLATFORM_APPROVE : PLATFORM_PROVISION;
		return true;
	case OPERATION_ISSUED:
		*ret_work = PLATFORM_BIND;
		return true;
	case OPERATION_NONE:
	case OPERATION_BOUND:
	case OPERATION_REJECTED:
	case OPERATION_EXPIRED:
	case OPERATION_FAILED:
	case OPERATION_STATES:
		break;
	}
	*ret_work = PLATFORM_REFRESH;
	return life->credential == CREDENTIAL_RENEWING || life->credential == CREDENTIAL_EXPIRED;
}

static enum life_event event_of(const struct platform_step *step)
{
	switch (step->verdict) {
	case PLATFORM_PROGRESS:
		return LIFE_DRIVER_PROGRESS;
	case PLATFORM_CODE:
		return LIFE_DRIVER_CODE;
	case PLATFORM_ISSUED:
		return LIFE_DRIVER_ISSUED;
	case PLATFORM_BOUND:
		return LIFE_DRIVER_BOUND;
	case PLATFORM_REJECTED:
		return LIFE_DRIVER_REJECTED;
	case PLATFORM_EXPIRED:
		return LIFE_DRIVER_EXPIRED;
	case PLATFORM_REFUSED:
		return LIFE_DRIVER_REFUSED;
	case PLATFORM_LEAK:
		return LIFE_DRIVER_LEAK;
	case PLATFORM_FAILED:
		return step->final ? LIFE_DRIVER_FAILED_FINAL : LIFE_DRIVER_FAILED_RETRY;
	case PLATFORM_DONE:
		break;
	}
	return LIFE_EVENTS;
}

static void take_step(struct rules *rules, struct platform_step *step)
{
	bool keeps = step->verdict == PLATFORM_PROGRESS || step->verdict == PLATFORM_CODE;
	bool credential = step->verdict == PLATFORM_ISSUED || step->verdict == PLATFORM_BOUND;
	bool asks = keeps && step->request.transport != PLATFORM_NO_REQUEST;
	enum life_event which = event_of(step);

	rules->backs_off = false;
	rules->trouble = step->trouble;
	rules->wait_usec = step->wait_usec;
	/* Rule 8: what is shown holds no secret. */
	if (step->why)
		assert_null(strstr(step->why, "canary"));
	/* Rule 5: no hot loop. */
	rules->in_a_row = asks || step->wait_usec ? 0 : rules->in_a_row + 1;
	assert_true(rules->in_a_row < 8);
	if (which != LIFE_EVENTS)
		submit(rules,
			&(const struct life_input){.event = which,
				.blob = credential ? secret_span(&step->credential)
						   : secret_span(&step->blob),
				.code = secret_span(&step->code),
				.expires = step->expires,
				.now = rules->now,
				.operation_number = ++rules->numbers,
				.answer_to = rules->record.life.operation_number,
				.platform_id = step->platform_id},
			false, false);
	rules->waits = (keeps && step->wait_usec) || rules->backs_off;
	if (rules->waits)
		rules->in_a_row = 0;
	if (asks) {
		/* A request goes out only with what it stands for on disk. */
		assert_true(span_equal(
			secret_span(&step->blob), secret_span(&rules->record.life.operation_blob)));
		rules->request = malloc(sizeof(*rules->request));
		assert_non_null(rules->request);
		*rules->request = step->request;
		step->request = (struct platform_request){.transport = PLATFORM_NO_REQUEST};
		rules->asked_number = rules->record.life.operation_number;
	}
}

static void call_driver(struct rules *rules, enum platform_work work)
{
	const struct cloud_settings cloud = {.host = "platform.example",
		.port = 8443,
		.workspace = "ws-1",
		.portal = "",
		.operator_token =
			rules->operator_token ? SPAN_LITERAL(CLOUD_OPERATOR) : span_of(NULL, 0)};
	const struct local_settings local = {.lease = 86400};
	const struct platform_device device = {.record = &rules->record,
		.not_let_in = rules->not_let_in,
		.provisioning_token = rules->kind->token,
		.static_credential = rules->kind->shared ? span_of(NULL, 0) : rules->kind->token,
		.settings = rules->kind->has_cloud ? (const void *)&cloud
			    : rules->kind->has_dps ? (const void *)&rules->azure
			    : rules->kind->has_fleet || rules->kind->has_jit
				    ? (const void *)&rules->aws
				    : &local};
	CLEANUP(platform_step_clear) struct platform_step step = {.verdict = PLATFORM_FAILED};
	struct platform_answer answer = {.present = false};
	struct cloud_answer *told = rules->answer;

	rules->answer = NULL;
	if (told && rules->asked_work == work &&
		rules->asked_number == rules->record.life.operation_number)
		answer = (struct platform_answer){.present = true,
			.result = told->result	 ? told->result
				  : told->status ? 0
						 : -110,
			.status = told->status,
			.retry_after = told->retry_after,
			.topic = told->topic,
			.body = span_from_string(told->body)};
	rules->asked = false;
	rules->calls++;
	assert_int_equal(rules->driver->advance(&services, &device, work, &answer, &step), 0);
	free(told);
	rules->asked_work = work;
	take_step(rules, &step);
}

static void send_request(struct rules *rules)
{
	struct cloud_answer *answer = calloc(1, sizeof(*answer));

	assert_non_null(answer);
	if (rules->kind->has_dps)
		dps_ask(&rules->dps, rules->request, answer);
	else if (rules->kind->has_fleet)
		fleet_ask(&rules->fleet, rules->request, answer);
	else if (rules->kind->has_jit)
		jit_ask(&rules->jit, rules->request, answer);
	else
		cloud_ask(&rules->cloud, rules->request, answer);
	platform_request_clear(rules->request);
	free(rules->request);
	rules->request = NULL;
	if (rules->lose_answer)
		*answer = (struct cloud_answer){.status = 0};
	rules->lose_answer = false;
	rules->answer = answer;
}

bool rules_step(struct rules *rules)
{
	enum platform_work work;

	if (!work_due(&rules->record.life, &work)) {
		forget(rules);
		return false;
	}
	if (rules->request && (rules->asked_work != work ||
				      rules->asked_number != rules->record.life.operation_number)) {
		/* What a person decided meanwhile has made it void. */
		forget(rules);
		rules->asked = true;
	}
	if (rules->request) {
		send_request(rules);
		return true;
	}
	if (!rules->answer && !rules->asked)
		return false;
	call_driver(rules, work);
	return true;
}

void rules_settle(struct rules *rules)
{
	unsigned steps = 0;

	while (rules_step(rules))
		assert_true(++steps < 64);
}

void rules_wake(struct rules *rules)
{
	if (rules->waits || !rules->request)
		rules->asked = true;
	rules->waits = false;
	rules->in_a_row = 0;
}

void rules_take_in(struct rules *rules)
{
	if (rules->kind->has_cloud) {
		assert_int_equal(rules_event(rules, LIFE_ADMIT), MACHINE_MOVED);
		rules_settle(rules);
		assert_int_equal(rules->record.life.operation, OPERATION_AWAITING);
		cloud_newest(&rules->cloud)->state = CLOUD_APPROVED;
		rules_wake(rules);
	} else {
		assert_int_equal(rules_event(rules, LIFE_APPROVE), MACHINE_MOVED);
	}
	rules_settle(rules);
	/* The first connection is refused, and the next one is made after a while. */
	for (int n = 0;
		rules->kind->has_jit && n < 4 && rules->record.life.operation != OPERATION_BOUND;
		n++) {
		rules_wake(rules);
		rules_settle(rules);
	}
	assert_int_equal(rules->record.life.operation, OPERATION_BOUND);
	assert_int_equal(rules->record.life.credential, CREDENTIAL_HELD);
}
