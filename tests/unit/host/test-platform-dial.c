/* SPDX-License-Identifier: Apache-2.0 */

/* Requests with a session of their own: a line with limits, one question, one answer, and whatever
 * a broker may do instead of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fake-driver.h"
#include "host/platform-dial.h"
#include "host/upstream.h"

struct seen {
	struct platform_dial_call *call;
	unsigned answers;
	int result;
	char topic[128], body[64], why[64];
};

static int setup(void **state)
{
	int r = bed_setup(state);

	plain_local();
	bed.host.uplink = (struct uplink *)&bed; /* there is one */
	return r;
}

static void on_done(void *userdata, const struct platform_dialled *answer)
{
	struct seen *seen = userdata;

	seen->call = NULL;
	seen->answers++;
	seen->result = answer->result;
	snprintf(seen->topic, sizeof(seen->topic), "%s", answer->topic);
	snprintf(seen->body, sizeof(seen->body), "%.*s", (int)answer->body.size,
		(const char *)answer->body.data);
	snprintf(seen->why, sizeof(seen->why), "%s", answer->why);
}

static struct platform_request request_of(const char *client_id)
{
	struct platform_request request = {.transport = PLATFORM_MQTT,
		.topic = "$dps/put/?$rid=7",
		.answer_mark = "$rid=7",
		.dial = {.host = "dps.example",
			.port = 1234,
			.username = "scope/reg",
			.filter = {"$dps/res/#", "$dps/rejected"}}};

	snprintf(request.dial.client_id, sizeof(request.dial.client_id), "%s", client_id);
	return request;
}

static int send_as(const char *client_id, unsigned rate, struct seen *seen)
{
	struct platform_request request = request_of(client_id);
	int r;

	*seen = (struct seen){0};
	assert_return_code(secret_set(&request.body, SPAN_LITERAL("question")), 0);
	assert_return_code(secret_set(&request.dial.password, SPAN_LITERAL("SAS-canary")), 0);
	assert_return_code(secret_set(&request.dial.identity, SPAN_LITERAL("PEM-canary")), 0);
	r = platform_dial_send(&bed.host,
		&(const struct platform_dialling){.request = &request,
			.ca_file = "/ca.pem",
			.lane = "local",
			.lane_rate = rate},
		on_done, seen, &seen->call);
	platform_request_clear(&request);
	return r;
}

static void tell(const char *client_id, const char *topic, const char *body, bool retained)
{
	dial_message(client_id,
		&(const struct uplink_inbound){
			.topic = topic, .payload = span_from_string(body), .retained = retained});
}

/* Connected, subscribed, asked. */
static void asked(const char *client_id)
{
	bed_advance(1);
	dial_event(client_id, UPLINK_CONNECTED);
	dial_event(client_id, UPLINK_SUBSCRIBED);
}

static void one_question_one_answer(void **state)
{
	size_t before = fake_publication_count;
	const struct fake_dial *dial;
	struct seen seen;

	assert_return_code(send_as("reg-1", 0, &seen), 0);
	assert_null(dial_of("reg-1")); /* not before it returned */
	bed_advance(1);
	dial = dial_of("reg-1");
	assert_non_null(dial);
	assert_string_equal(dial->host, "dps.example");
	assert_int_equal(dial->port, 1234);
	assert_string_equal(dial->username, "scope/reg");
	assert_string_equal(dial->password, "SAS-canary");
	assert_string_equal(dial->identity, "PEM-canary");
	assert_string_equal(dial->ca_file, "/ca.pem");
	assert_string_equal(dial->filter[0], "$dps/res/#");
	assert_string_equal(dial->filter[1], "$dps/rejected");
	/* Nothing is asked before the broker has taken the subscriptions. */
	dial_event("reg-1", UPLINK_CONNECTED);
	assert_int_equal(fake_publication_count, before);
	dial_event("reg-1", UPLINK_SUBSCRIBED);
	assert_int_equal(fake_publication_count, before + 1);
	assert_string_equal(fake_publications[before].topic, "$dps/put/?$rid=7");
	assert_string_equal(fake_publications[before].payload, "question");
	tell("reg-1", "$dps/res/202/?$rid=7&retry-after=3", "hello", false);
	assert_int_equal(seen.answers, 1);
	assert_int_equal(seen.result, 0);
	assert_string_equal(seen.topic, "$dps/res/202/?$rid=7&retry-after=3");
	assert_string_equal(seen.body, "hello");
	assert_null(dial_of("reg-1")); /* closed with it */
	bed_advance(60 * USEC_PER_SEC);
	assert_int_equal(seen.answers, 1);
}

static void what_is_no_answer_is_dropped(void **state)
{
	struct seen seen;

	assert_return_code(send_as("reg-1", 0, &seen), 0);
	asked("reg-1");
	tell("reg-1", "$dps/res/200/?$rid=8", "of somebody else", false);
	tell("reg-1", "$dps/res/200/?$rid=7", "retained", true);
	tell("reg-1", "$dps/other/?$rid=7", "by no filter", false);
	tell("reg-1", "gatehouse/plant/one/command/blink", "$rid=7", false);
	assert_int_equal(seen.answers, 0);
	assert_int_equal(fake_settled, 0);
	/* The second filter, and the mark in the body. */
	tell("reg-1", "$dps/rejected", "{\"$rid=7\"}", false);
	assert_int_equal(seen.answers, 1);
	assert_string_equal(seen.topic, "$dps/rejected");
}

/* Nothing is asked: that it is up is the answer, and then it is closed. */
static void a_knock(void **state)
{
	size_t before = fake_publication_count;
	struct platform_request request = request_of("reg-1");
	struct seen seen = {0};
	const struct platform_dialling dialling = {
		.request = &request, .ca_file = "/ca.pem", .lane = "local"};

	request.dial.knocks = true;
	memset(request.dial.filter, 0, sizeof(request.dial.filter));
	assert_return_code(platform_dial_send(&bed.host, &dialling, on_done, &seen, &seen.call), 0);
	bed_advance(1);
	dial_event("reg-1", UPLINK_CONNECTED);
	assert_int_equal(seen.answers, 1);
	assert_int_equal(seen.result, 0);
	assert_null(dial_of("reg-1"));
	assert_int_equal(fake_publication_count, before);
	/* Ended without a word it is told from a line that is down. */
	fake_hung_up = true;
	seen = (struct seen){0};
	assert_return_code(platform_dial_send(&bed.host, &dialling, on_done, &seen, &seen.call), 0);
	bed_advance(USEC_PER_SEC);
	dial_event("reg-1", UPLINK_UNREACHABLE);
	fake_hung_up = false;
	assert_int_equal(seen.answers, 1);
	assert_int_equal(seen.result, -ECONNABORTED);
}

static void each_way_to_fail_is_told(void **state)
{
	static const struct {
		enum uplink_event_kind kind;
		int result;
	} rows[] = {
		{UPLINK_UNREACHABLE, -EHOSTUNREACH},
		{UPLINK_NOT_AUTHORISED, -EACCES},
		{UPLINK_LOST, -ECONNRESET},
	};
	struct seen seen;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_return_code(send_as("reg-1", 0, &seen), 0);
		asked("reg-1");
		if (rows[i].kind == UPLINK_LOST)
			dial_event("reg-1", UPLINK_TAKEN_OVER);
		assert_int_equal(seen.answers, 0);
		dial_event("reg-1", rows[i].kind);
		assert_int_equal(seen.answers, 1);
		assert_int_equal(seen.result, rows[i].result);
		assert_string_equal(seen.why, "because");
		assert_null(dial_of("reg-1"));
	}
	/* Neither subscribed nor answered. */
	assert_return_code(send_as("reg-1", 0, &seen), 0);
	bed_advance(1);
	dial_event("reg-1", UPLINK_CONNECTED);
	bed_advance(9 * USEC_PER_SEC);
	assert_int_equal(seen.answers, 0);
	bed_advance(USEC_PER_SEC);
	assert_int_equal(seen.result, -ETIMEDOUT);
	assert_null(dial_of("reg-1"));
	/* Lost between its connection and the question. */
	assert_return_code(send_as("reg-1", 0, &seen), 0);
	bed_advance(1);
	dial_event("reg-1", UPLINK_CONNECTED);
	dial_event("reg-1", UPLINK_LOST);
	assert_int_equal(seen.answers, 1);
}

static void an_answer_has_an_end(void **state)
{
	char topic[PLATFORM_ANSWER_TOPIC_MAX + 2], *body = malloc(65538);
	struct seen seen;

	assert_non_null(body);
	memset(body, 'x', 65537);
	body[65537] = '\0';
	assert_return_code(send_as("reg-1", 0, &seen), 0);
	asked("reg-1");
	tell("reg-1", "$dps/res/200/?$rid=7", body, false);
	assert_int_equal(seen.result, -EMSGSIZE);
	assert_int_equal(bed.host.limits.reached[LIMIT_REQUEST_ANSWER], 1);
	free(body);
	memset(topic, 'x', sizeof(topic));
	memcpy(topic, "$dps/res/?$rid=7&", 17);
	topic[sizeof(topic) - 1] = '\0';
	assert_return_code(send_as("reg-1", 0, &seen), 0);
	asked("reg-1");
	tell("reg-1", topic, "short", false);
	assert_int_equal(seen.result, -EMSGSIZE);
	topic[sizeof(topic) - 2] = '\0';
	assert_return_code(send_as("reg-1", 0, &seen), 0);
	asked("reg-1");
	tell("reg-1", topic, "short", false);
	assert_int_equal(seen.result, 0);
}

static unsigned there(unsigned count)
{
	unsigned found = 0;
	char id[16];

	for (unsigned i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "reg-%u", i);
		found += dial_of(id) != NULL;
	}
	return found;
}

static void they_wait_in_line(void **state)
{
	struct seen seen[40];
	char id[16];

	bed.host.limits.value[LIMIT_DIALS] = 16;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "reg-%u", i);
		assert_return_code(send_as(id, 0, &seen[i]), 0);
	}
	bed_advance(1);
	assert_int_equal(there(40), 16);
	assert_true(bed.host.limits.reached[LIMIT_DIALS] > 0);
	assert_non_null(dial_of("reg-15"));
	bed_advance(5 * USEC_PER_SEC);
	assert_int_equal(there(40), 16);
	/* One that ends makes room for the next, in order. */
	dial_event("reg-3", UPLINK_UNREACHABLE);
	bed_advance(1);
	assert_non_null(dial_of("reg-16"));
	/* One in line and one under way are cancelled: nobody hears of them. */
	seen[20].call = platform_dial_cancel(seen[20].call);
	seen[0].call = platform_dial_cancel(seen[0].call);
	bed_advance(1);
	assert_non_null(dial_of("reg-17"));
	assert_null(platform_dial_cancel(NULL));
	for (unsigned i = 0; i < 40; i++)
		platform_dial_cancel(seen[i].call);
	assert_int_equal(there(40), 0);
	assert_int_equal(seen[0].answers + seen[20].answers, 0);
	assert_int_equal(bed.host.dials.running_count + bed.host.dials.waiting_count, 0);
}

static void the_rate_is_the_platforms(void **state)
{
	struct seen seen[8];
	char id[16];

	for (unsigned i = 0; i < 8; i++) {
		snprintf(id, sizeof(id), "reg-%u", i);
		assert_return_code(send_as(id, 2, &seen[i]), 0);
	}
	/* Evenly, not all of a second at once. */
	bed_advance(1);
	assert_int_equal(there(8), 1);
	bed_advance(USEC_PER_SEC / 2);
	assert_int_equal(there(8), 2);
	/* Two are under way: what hangs is not joined by more, however long. */
	bed_advance(5 * USEC_PER_SEC);
	assert_int_equal(there(8), 2);
	assert_null(dial_of("reg-2"));
	/* Both end at once: one is begun now, one half a second later. */
	platform_dial_cancel(seen[0].call);
	platform_dial_cancel(seen[1].call);
	bed_advance(1);
	assert_int_equal(there(8), 1);
	assert_non_null(dial_of("reg-2"));
	bed_advance(USEC_PER_SEC / 2);
	assert_int_equal(there(8), 2);
	for (unsigned i = 2; i < 8; i++)
		platform_dial_cancel(seen[i].call);
}

static void the_line_has_an_end(void **state)
{
	struct seen seen[3];

	bed.host.limits.value[LIMIT_REQUESTS_WAITING] = 2;
	assert_return_code(send_as("reg-0", 0, &seen[0]), 0);
	assert_return_code(send_as("reg-1", 0, &seen[1]), 0);
	assert_int_equal(send_as("reg-2", 0, &seen[2]), -EBUSY);
	assert_int_equal(bed.host.limits.reached[LIMIT_REQUESTS_WAITING], 1);
	platform_dial_cancel(seen[0].call);
	platform_dial_cancel(seen[1].call);
}

/* As a driver meets it: on disk before it is asked, and the answer is its next call's. */
static void the_driver_is_told(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);

	driver.in_use = driver.dials = true;
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_MQTT;
	try_act(&act, &(struct act_try){0});
	store_answer(0);
	bed_advance(1);
	assert_null(dial_of("reg-1")); /* the blob is on its way to disk */
	store_answer_all(0);
	asked("reg-1");
	driver.verdict = PLATFORM_CODE;
	driver.transport = PLATFORM_NO_REQUEST;
	driver.wait_usec = 5 * USEC_PER_SEC;
	tell("reg-1", "$dps/res/200/?$rid=7", "assigned", false);
	store_answer_all(0);
	assert_int_equal(driver.answers, 1);
	assert_int_equal(driver.answer_result, 0);
	assert_string_equal(driver.topic, "$dps/res/200/?$rid=7");
	assert_string_equal(driver.body, "assigned");
	/* A refusal too. */
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_MQTT;
	driver.wait_usec = 0;
	bed_advance(5 * USEC_PER_SEC);
	store_answer_all(0);
	bed_advance(1);
	driver.verdict = PLATFORM_REFUSED;
	dial_event("reg-1", UPLINK_NOT_AUTHORISED);
	store_answer_all(0);
	assert_int_equal(driver.answers, 2);
	assert_int_equal(driver.answer_result, -EACCES);
}

/* The gateway stops in the middle of it. */
static void it_stops_with_the_gateway(void **state)
{
	struct device *device = pending_device("one", "10.0.0.1", "{}");
	struct act act = act_on(ACT_ADMIT, device->record->id);
	struct seen seen;

	driver.in_use = driver.dials = true;
	driver.verdict = PLATFORM_PROGRESS;
	driver.transport = PLATFORM_MQTT;
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	bed_advance(1);
	assert_non_null(dial_of("reg-1"));
	assert_return_code(send_as("reg-2", 0, &seen), 0);
	upstream_stop(&bed.host);
	assert_null(dial_of("reg-1"));
	bed_advance(60 * USEC_PER_SEC);
	assert_null(dial_of("reg-2"));
	assert_int_equal(driver.answers + seen.answers, 0);
	platform_dial_cancel(seen.call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_question_one_answer, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_answer_is_dropped, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(a_knock, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(each_way_to_fail_is_told, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(an_answer_has_an_end, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(they_wait_in_line, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(the_rate_is_the_platforms, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(the_line_has_an_end, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(the_driver_is_told, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(it_stops_with_the_gateway, setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
