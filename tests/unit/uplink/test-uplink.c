/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink against a real mosquitto: what arrives, what does not, and how an end is told. */

#include "bed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	struct broker broker;
	struct bed *bed;
};

static int setup(void **state)
{
	static struct fixture fixture;

	unsetenv("http_proxy");
	unsetenv("https_proxy");
	fixture = (struct fixture){0};
	broker_init(&fixture.broker);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->bed)
		bed_free(fixture->bed);
	broker_clear(&fixture->broker);
	return 0;
}

static void start(struct fixture *fixture, const char *extra)
{
	broker_require();
	broker_start(&fixture->broker, extra);
	fixture->bed = bed_new();
}

static struct uplink_session_options options_for(const struct fixture *fixture, const char *id)
{
	return (struct uplink_session_options){.host = "127.0.0.1",
		.port = fixture->broker.port,
		.client_id = id,
		.keep_alive = 30};
}

static struct uplink_session *session_for(struct fixture *fixture, const char *id)
{
	struct uplink_session_options options = options_for(fixture, id);

	return bed_session(fixture->bed, &options);
}

/* A second session that hears all. Connected; its subscription is in force when a message of its
 * own topic has come back. */
static struct uplink_session *listener_for(struct fixture *fixture)
{
	static const char *const all[] = {"#", NULL};
	struct uplink_session_options options = options_for(fixture, "listener");
	struct uplink_session *session;

	options.owner = 4711;
	options.subscriptions = all;
	session = bed_session(fixture->bed, &options);
	bed_connect(fixture->bed, session);
	bed_publish(session, "listener/ready", "", false, 0);
	bed_await(fixture->bed, session, UPLINK_MESSAGE, 0);
	bed_forget(fixture->bed);
	return session;
}

/* ---- delivery ---- */

static void publication_is_delivered_and_arrives(void **state)
{
	struct fixture *fixture = *state;
	const struct uplink_property properties[] = {{"gh-id", "g.1.2"}, {"gh-trust", "plain"}};
	struct uplink_session *listener, *session;
	const struct record *record;

	start(fixture, "allow_anonymous true");
	listener = listener_for(fixture);
	session = session_for(fixture, "sender");
	bed_connect(fixture->bed, session);
	assert_int_equal(bed_find(fixture->bed, session, UPLINK_CONNECTED, 0)->version, 5);
	assert_return_code(
		uplink_publish(session, &(struct uplink_publication){.topic = "a/b",
						.payload = SPAN_LITERAL("[{\"n\":\"t\",\"v\":1}]"),
						.qos = 1,
						.content_type = "application/senml+json",
						.properties = properties,
						.property_count = 2,
						.correlation = SPAN_LITERAL("corr"),
						.tag = 7}),
		0);
	record = bed_await(fixture->bed, session, UPLINK_DELIVERED, 0);
	assert_int_equal(record->tag, 7);
	assert_true(record->reason < 0x80);
	record = bed_await(fixture->bed, listener, UPLINK_MESSAGE, 0);
	assert_string_equal(record->topic, "a/b");
	assert_string_equal(record->payload, "[{\"n\":\"t\",\"v\":1}]");
	assert_false(record->retained);
	/* Kept before it was acknowledged, and what belongs to it came along. */
	assert_int_equal(record->kept, atomic_load(&fixture->bed->asked_to_keep));
	assert_int_equal(record->owner, 4711);
	assert_string_equal(record->correlation, "corr");
	assert_string_equal(record->response_topic, "");
	assert_int_equal(record->lifetime, 0);
	assert_false(record->unusable);
}

static void many_publications_keep_their_order(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *listener, *session;
	char text[16];

	start(fixture, "allow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0");
	listener = listener_for(fixture);
	session = session_for(fixture, "sender");
	bed_connect(fixture->bed, session);
	bed_forget(fixture->bed);
	for (unsigned i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_return_code(bed_publish(session, "n", text, false, i), 0);
	}
	bed_await(fixture->bed, session, UPLINK_DELIVERED, 99);
	bed_await(fixture->bed, listener, UPLINK_MESSAGE, 99);
	for (unsigned i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_string_equal(
			bed_find(fixture->bed, listener, UPLINK_MESSAGE, i - 1)->payload, text);
		assert_non_null(bed_find_tag(fixture->bed, i));
	}
}

static void retained_message_is_there_for_who_comes_later(void **state)
{
	struct fixture *fixture = *state;
	static const char *const filter[] = {"status/#", NULL};
	struct uplink_session_options options;
	struct uplink_session *session, *later;
	const struct record *record;

	start(fixture, "allow_anonymous true");
	session = session_for(fixture, "sender");
	bed_connect(fixture->bed, session);
	assert_return_code(bed_publish(session, "status/x", "online", true, 1), 0);
	bed_await(fixture->bed, session, UPLINK_DELIVERED, 0);
	options = options_for(fixture, "later");
	options.subscriptions = filter;
	later = bed_session(fixture->bed, &options);
	bed_connect(fixture->bed, later);
	record = bed_await(fixture->bed, later, UPLINK_MESSAGE, 0);
	assert_string_equal(record->payload, "online");
	assert_true(record->retained);
}

/* What comes by it is answers: told when its subscriptions are in force, and never kept. Both
 * versions of the protocol; a topic of the broker's own passes as any other. */
static void transient_sessions_say_when_they_listen(void **state)
{
	static const char *const filters[] = {"$dps/res/#", "answers/rejected", NULL};
	static const int versions[] = {4, 5};
	struct fixture *fixture = *state;

	start(fixture, "allow_anonymous true");
	for (size_t i = 0; i < 2; i++) {
		struct uplink_session_options options = options_for(fixture, "asker");
		struct uplink_session *session;
		const struct record *record;

		options.subscriptions = filters;
		options.version = versions[i];
		options.transient = true;
		session = bed_session(fixture->bed, &options);
		bed_connect(fixture->bed, session);
		bed_await(fixture->bed, session, UPLINK_SUBSCRIBED, 0);
		assert_return_code(
			bed_publish(session, "$dps/res/200/?$rid=1", "one", false, 0), 0);
		record = bed_await(fixture->bed, session, UPLINK_MESSAGE, 0);
		assert_string_equal(record->topic, "$dps/res/200/?$rid=1");
		assert_string_equal(record->payload, "one");
		assert_int_equal(record->kept, 0);
		assert_return_code(bed_publish(session, "answers/rejected", "two", false, 0), 0);
		bed_await(fixture->bed, session, UPLINK_MESSAGE, 1);
		assert_null(bed_find(fixture->bed, session, UPLINK_SUBSCRIBED, 1));
		assert_int_equal(atomic_load(&fixture->bed->asked_to_keep), 0);
		uplink_session_free(session);
		bed_forget(fixture->bed); /* the next session may have the same address */
	}
}

static void larger_than_the_broker_takes_is_refused_here(void **state)
{
	struct fixture *fixture = *state;
	char large[3000];
	struct uplink_session *session;

	start(fixture, "allow_anonymous true\nmax_packet_size 1000");
	session = session_for(fixture, "sender");
	bed_connect(fixture->bed, session);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_return_code(bed_publish(session, "a", large, false, 1), 0);
	assert_return_code(bed_publish(session, "a", "small", false, 2), 0);
	assert_int_equal(bed_await(fixture->bed, session, UPLINK_REFUSED, 0)->reason, 0x95);
	assert_int_equal(bed_find(fixture->bed, session, UPLINK_REFUSED, 0)->tag, 1);
	assert_int_equal(bed_await(fixture->bed, session, UPLINK_DELIVERED, 0)->tag, 2);
	assert_null(bed_find(fixture->bed, session, UPLINK_LOST, 0));
	assert_int_equal(uplink_publish(session, &(struct uplink_publication){.topic = "a",
							 .payload = span_from_string(large),
							 .qos = 1,
							 .refuse_at_once = true}),
		-EMSGSIZE);
	assert_return_code(
		uplink_publish(session,
			&(struct uplink_publication){
				.topic = "a", .qos = 1, .tag = 3, .refuse_at_once = true}),
		0);
	assert_int_equal(bed_await(fixture->bed, session, UPLINK_DELIVERED, 1)->tag, 3);
}

static void inbound_over_the_limit_is_dropped_and_counted(void **state)
{
	struct fixture *fixture = *state;
	char large[202];
	struct uplink_session *listener, *session;

	broker_require();
	broker_start(&fixture->broker, "allow_anonymous true");
	fixture->bed = bed_new();
	fixture->bed->limits.value[LIMIT_INBOUND_MESSAGE] = 200;
	listener = listener_for(fixture);
	session = session_for(fixture, "sender");
	bed_connect(fixture->bed, session);
	memset(large, 'x', sizeof(large));
	large[201] = '\0';
	assert_return_code(bed_publish(session, "a", large, false, 1), 0);
	large[200] = '\0';
	assert_return_code(bed_publish(session, "b", large, false, 2), 0);
	assert_string_equal(bed_await(fixture->bed, listener, UPLINK_MESSAGE, 0)->topic, "b");
	assert_int_equal(bed_find(fixture->bed, listener, UPLINK_MESSAGE, 0)->payload_size, 200);
	AWAIT(fixture->bed, fixture->bed->limits.reached[LIMIT_INBOUND_MESSAGE] == 1);
}

/* Messages that the loop is too busy to look at. Paho has done with all but the last. */
static void flood(struct fixture *fixture, unsigned count)
{
	uint64_t until = clock_boot_usec() + AWAIT_SEC * USEC_PER_SEC;
	struct bed *bed = fixture->bed;
	struct uplink_session *session = session_for(fixture, "sender");

	bed_connect(bed, session);
	bed_forget(bed);
	atomic_store(&bed->asked_to_keep, 0);
	for (unsigned i = 0; i < count; i++)
		assert_return_code(bed_publish(session, "a", "b", false, 0), 0);
	while (atomic_load(&bed->asked_to_keep) < count) {
		assert_true(clock_boot_usec() < until);
		usleep(10000);
	}
}

/* The broker was told that they arrived. */
static void what_is_kept_on_file_is_never_too_much(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *listener;
	struct bed *bed;

	start(fixture, "allow_anonymous true");
	bed = fixture->bed;
	listener = listener_for(fixture);
	flood(fixture, 300);
	bed_await(bed, listener, UPLINK_MESSAGE, 299);
	assert_int_equal(bed->limits.reached[LIMIT_INBOUND_MESSAGE], 0);
	assert_int_equal(bed_find(bed, listener, UPLINK_MESSAGE, 299)->kept, 300);
}

static void what_nobody_keeps_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *listener;
	struct bed *bed;

	start(fixture, "allow_anonymous true");
	bed = fixture->bed;
	listener = listener_for(fixture);
	bed->keeps_after = 300;
	flood(fixture, 301);
	AWAIT(bed, bed->limits.reached[LIMIT_INBOUND_MESSAGE] == 44);
	/* The last is kept: it waits beside those 256. */
	assert_int_equal(bed_await(bed, listener, UPLINK_MESSAGE, 256)->kept, 301);
	assert_null(bed_find(bed, listener, UPLINK_MESSAGE, 257));
	/* They were looked at: there is room again. */
	bed->keeps_after = 1000;
	assert_return_code(bed_publish(listener, "a", "again", false, 0), 0);
	assert_string_equal(bed_await(bed, listener, UPLINK_MESSAGE, 257)->payload, "again");
}

/* ---- no connection ---- */

static void port_without_listener_is_unreachable(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session;

	fixture->bed = bed_new(); /* no broker: the port is free */
	session = session_for(fixture, "sender");
	for (unsigned i = 0; i < 3; i++) {
		assert_return_code(uplink_connect(session), 0);
		assert_int_equal(uplink_connect(session), -EALREADY);
		assert_int_equal(bed_publish(session, "a", "b", false, 1), -ENOTCONN);
		bed_await(fixture->bed, session, UPLINK_UNREACHABLE, i);
		assert_int_equal(fixture->bed->count, i + 1);
	}
	assert_non_null(strstr(fixture->bed->record[0].text, "127.0.0.1"));
}

static void name_that_does_not_resolve_is_unreachable(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session_options options = options_for(fixture, "sender");
	struct uplink_session *session;
	const struct record *record;

	fixture->bed = bed_new();
	options.host = "gatehouse-test.invalid"; /* RFC 6761: never resolves */
	session = bed_session(fixture->bed, &options);
	assert_return_code(uplink_connect(session), 0);
	record = bed_await(fixture->bed, session, UPLINK_UNREACHABLE, 0);
	assert_non_null(strstr(record->text, "gatehouse-test.invalid"));
	assert_non_null(strstr(record->text, "resolve"));
}

static void credential_is_checked(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session_options options;
	struct uplink_session *right, *wrong, *none;
	char file[128], extra[256];

	broker_require();
	snprintf(file, sizeof(file), "%s/passwords", fixture->broker.directory);
	run_program((const char *const[]){
		"mosquitto_passwd", "-b", "-c", file, "gateway", "right one", NULL});
	snprintf(extra, sizeof(extra), "allow_anonymous false\npassword_file %s", file);
	start(fixture, extra);
	none = session_for(fixture, "none");
	options = options_for(fixture, "wrong");
	options.username = "gateway";
	options.password = SPAN_LITERAL("wrong one");
	wrong = bed_session(fixture->bed, &options);
	options.client_id = "right";
	options.password = SPAN_LITERAL("right one");
	right = bed_session(fixture->bed, &options);
	assert_return_code(uplink_connect(none), 0);
	assert_return_code(uplink_connect(wrong), 0);
	assert_return_code(uplink_connect(right), 0);
	bed_await(fixture->bed, none, UPLINK_NOT_AUTHORISED, 0);
	bed_await(fixture->bed, wrong, UPLINK_NOT_AUTHORISED, 0);
	bed_await(fixture->bed, right, UPLINK_CONNECTED, 0);
	assert_int_equal(fixture->bed->count, 3);
}

/* ---- the end of a session ---- */

static void broker_restart_is_lost_then_connects_again(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session;

	start(fixture, "allow_anonymous true");
	session = session_for(fixture, "sender");
	bed_connect(fixture->bed, session);
	broker_kill(&fixture->broker);
	bed_await(fixture->bed, session, UPLINK_LOST, 0);
	assert_int_equal(bed_publish(session, "a", "b", false, 1), -ENOTCONN);
	broker_start(&fixture->broker, "allow_anonymous true");
	bed_connect(fixture->bed, session);
	assert_return_code(bed_publish(session, "a", "b", false, 2), 0);
	assert_int_equal(bed_await(fixture->bed, session, UPLINK_DELIVERED, 0)->tag, 2);
}

/* mosquitto 2.0.11 closes without a word; TAKEN_OVER is in test-uplink-wire.c. */
static void second_of_the_same_name_ends_the_first(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *first, *second;

	start(fixture, "allow_anonymous true");
	first = session_for(fixture, "same");
	second = session_for(fixture, "same");
	bed_connect(fixture->bed, first);
	bed_connect(fixture->bed, second);
	bed_await(fixture->bed, first, UPLINK_LOST, 0);
	assert_return_code(bed_publish(second, "a", "b", false, 1), 0);
	bed_await(fixture->bed, second, UPLINK_DELIVERED, 0);
	assert_null(bed_find(fixture->bed, second, UPLINK_LOST, 0));
}

static void session_freed_after_disconnect_sends_what_it_has(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *listener, *session;
	size_t before;

	start(fixture, "allow_anonymous true");
	listener = listener_for(fixture);
	session = session_for(fixture, "sender");
	bed_connect(fixture->bed, session);
	for (unsigned i = 0; i < 20; i++)
		assert_return_code(bed_publish(session, "last", "words", false, i + 1), 0);
	before = bed_events_of(fixture->bed, session);
	uplink_disconnect(session);
	assert_null(uplink_session_free(session));
	bed_await(fixture->bed, listener, UPLINK_MESSAGE, 19);
	assert_int_equal(bed_events_of(fixture->bed, session), before);
}

static void session_may_be_freed_inside_its_event(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session;

	start(fixture, "allow_anonymous true");
	for (unsigned i = 0; i < 4; i++) {
		session = session_for(fixture, "sender");
		if (i < 2) { /* inside CONNECTED or UNREACHABLE */
			fixture->bed->free_on_event = session;
			assert_return_code(uplink_connect(session), 0);
		} else { /* inside LOST */
			bed_connect(fixture->bed, session);
			fixture->bed->free_on_event = session;
			uplink_disconnect(session);
		}
		AWAIT(fixture->bed, fixture->bed->free_on_event == NULL);
		if (i == 0)
			broker_kill(&fixture->broker);
		if (i == 1)
			broker_start(&fixture->broker, "allow_anonymous true");
	}
	assert_int_equal(fixture->bed->record[0].kind, UPLINK_CONNECTED);
	assert_int_equal(fixture->bed->record[1].kind, UPLINK_UNREACHABLE);
}

static void last_words_are_sent_before_the_uplink_goes(void **state)
{
	struct fixture *fixture = *state;
	struct bed *other;
	struct uplink_session *listener, *session;
	struct uplink_session_options options;

	start(fixture, "allow_anonymous true");
	listener = listener_for(fixture);
	other = bed_new();
	options = options_for(fixture, "gateway");
	options.will_topic = "gateway/status";
	options.will_payload = "crashed";
	session = bed_session(other, &options);
	bed_connect(other, session);
	for (unsigned i = 0; i < 50; i++)
		assert_return_code(bed_publish(session, "data", "x", false, 0), 0);
	assert_return_code(bed_publish(session, "gateway/status", "offline", true, 0), 0);
	bed_free(other);
	bed_await(fixture->bed, listener, UPLINK_MESSAGE, 50);
	assert_string_equal(
		bed_find(fixture->bed, listener, UPLINK_MESSAGE, 50)->payload, "offline");
	/* The session was closed cleanly, so the Will has no say: what comes next is ours. */
	bed_publish(listener, "marker", "", false, 0);
	assert_string_equal(bed_await(fixture->bed, listener, UPLINK_MESSAGE, 51)->topic, "marker");
}

/* The process with the Will is a child: only so its connection can break without a goodbye. */
static void run_child(const struct fixture *fixture, int ready)
{
	struct uplink_session_options options = options_for(fixture, "victim");
	struct bed *bed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bed = bed_new();
	options.will_topic = "victim/status";
	options.will_payload = "offline";
	options.will_retain = true;
	bed_connect(bed, bed_session(bed, &options));
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		bed_run_once(bed);
}

static void will_is_sent_when_the_process_is_killed(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *listener;
	int ready[2];
	char byte;
	pid_t pid;

	broker_require();
	broker_start(&fixture->broker, "allow_anonymous true");
	assert_return_code(pipe(ready), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0)
		run_child(fixture, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	fixture->bed = bed_new();
	listener = listener_for(fixture);
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(
		bed_await(fixture->bed, listener, UPLINK_MESSAGE, 0)->payload, "offline");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(publication_is_delivered_and_arrives),
		TEST(many_publications_keep_their_order),
		TEST(retained_message_is_there_for_who_comes_later),
		TEST(transient_sessions_say_when_they_listen),
		TEST(larger_than_the_broker_takes_is_refused_here),
		TEST(inbound_over_the_limit_is_dropped_and_counted),
		TEST(what_is_kept_on_file_is_never_too_much),
		TEST(what_nobody_keeps_is_bounded),
		TEST(port_without_listener_is_unreachable),
		TEST(name_that_does_not_resolve_is_unreachable),
		TEST(credential_is_checked),
		TEST(broker_restart_is_lost_then_connects_again),
		TEST(second_of_the_same_name_ends_the_first),
		TEST(session_freed_after_disconnect_sends_what_it_has),
		TEST(session_may_be_freed_inside_its_event),
		TEST(last_words_are_sent_before_the_uplink_goes),
		TEST(will_is_sent_when_the_process_is_killed),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests_name("uplink", tests, NULL, NULL);
}
