/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was not DELIVERED when a session ended is never sent by itself: not what Paho had on the
 * wire, not what it had queued, not what waited for room in the window. Only what is handed in
 * again comes.
 */

#include "bed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uplink/send-window.h"
#include "uplink/tick.h"

static int setup(void **state)
{
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	*state = bed_new();
	return 0;
}

static int teardown(void **state)
{
	bed_free(*state);
	return 0;
}

static struct uplink_session *session_at(struct bed *bed, uint16_t port, const char *id,
	const char *const *subscriptions, uint32_t expiry)
{
	return bed_session(bed, &(struct uplink_session_options){.host = "127.0.0.1",
					.port = port,
					.client_id = id,
					.keep_alive = 30,
					.session_expiry = expiry,
					.subscriptions = subscriptions});
}

static void await_listener(struct bed *bed, struct uplink_session *listener)
{
	bed_connect(bed, listener);
	bed_publish(listener, "listener/ready", "", false, 0);
	bed_await(bed, listener, UPLINK_MESSAGE, 0);
	bed_forget(bed);
}

/* 'expiry' and a subscription: a session that lives on at the broker, so Paho may not start clean.
 */
static void frozen_broker(struct bed *bed, const char *const *subscriptions, uint32_t expiry)
{
	static const char *const all[] = {"data/#", "listener/#", NULL};
	struct broker broker;
	struct uplink_session *sender, *listener;

	broker_require();
	broker_init(&broker);
	broker_start(&broker, "allow_anonymous true");
	sender = session_at(bed, broker.port, "sender", subscriptions, expiry);
	bed_connect(bed, sender);
	assert_return_code(bed_publish(sender, "data/x", "before", false, 1), 0);
	bed_await(bed, sender, UPLINK_DELIVERED, 0);
	broker_signal(&broker, SIGSTOP);
	for (unsigned i = 0; i < 60; i++) /* three times mosquitto's Receive Maximum */
		assert_return_code(bed_publish(sender, "data/x", "frozen", false, 100 + i), 0);
	broker_kill(&broker);
	bed_await(bed, sender, UPLINK_LOST, 0);
	broker_start(&broker, "allow_anonymous true");
	listener = session_at(bed, broker.port, "listener", all, 0);
	await_listener(bed, listener);
	bed_connect(bed, sender);
	assert_return_code(bed_publish(sender, "data/x", "again", false, 2), 0);
	assert_int_equal(bed_await(bed, sender, UPLINK_DELIVERED, 0)->tag, 2);
	bed_await(bed, listener, UPLINK_MESSAGE, 0);
	/* Whatever Paho had kept would have come before this. */
	assert_return_code(bed_publish(sender, "data/x", "last", false, 3), 0);
	bed_await(bed, listener, UPLINK_MESSAGE, 1);
	assert_string_equal(bed_find(bed, listener, UPLINK_MESSAGE, 0)->payload, "again");
	assert_string_equal(bed_find(bed, listener, UPLINK_MESSAGE, 1)->payload, "last");
	for (unsigned i = 0; i < 60; i++)
		assert_null(bed_find_tag(bed, 100 + i));
	uplink_session_free(sender);
	uplink_session_free(listener);
	broker_clear(&broker);
}

static void frozen_broker_gets_nothing_later(void **state)
{
	frozen_broker(*state, NULL, 0);
}

static void nor_does_one_that_keeps_the_session(void **state)
{
	static const char *const commands[] = {"command/#", NULL};

	frozen_broker(*state, commands, 3600);
}

/* The same on the wire, where nothing can hide: the peer never acknowledges, then closes. */
static void unacknowledged_is_not_repeated_on_the_wire(void **state)
{
	struct bed *bed = *state;
	struct uplink_session *session;
	struct peer peer;

	peer_start(&peer, bed);
	session = session_at(bed, peer.port, "sender", NULL, 0);
	bed_connect(bed, session);
	peer.puback = PEER_SILENT;
	for (unsigned i = 0; i < 10; i++)
		assert_return_code(bed_publish(session, "a", "old", false, i + 1), 0);
	AWAIT(bed, peer.publishes == 10);
	peer_close(&peer);
	bed_await(bed, session, UPLINK_LOST, 0);
	peer.publishes = 0;
	peer.puback = 0;
	bed_connect(bed, session);
	assert_return_code(bed_publish(session, "a", "new", false, 11), 0);
	bed_await(bed, session, UPLINK_DELIVERED, 0);
	assert_int_equal(peer.publishes, 1);
	assert_true(bytes_contain(peer.publish, peer.publish_size, "new"));
	for (unsigned i = 0; i < 10; i++)
		assert_null(bed_find_tag(bed, i + 1));
	peer_stop(&peer);
}

/* A peer that reads nothing fills the socket; what is behind it must not block us, and is bounded.
 */
static void outstanding_publications_have_a_limit(void **state)
{
	struct bed *bed = *state;
	struct uplink_session *session;
	struct peer peer;
	unsigned taken = 0;
	int r;

	peer_start(&peer, bed);
	session = session_at(bed, peer.port, "sender", NULL, 0);
	bed_connect(bed, session);
	peer.puback = PEER_SILENT;
	while ((r = bed_publish(session, "a", "x", false, 0)) == 0)
		taken++;
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(taken, 32768);
	AWAIT(bed, peer.publishes >= SEND_WINDOW_LEAST);
	peer_close(&peer);
	bed_await(bed, session, UPLINK_LOST, 0);
	assert_true(peer.publishes <= SEND_WINDOW_LEAST);
	peer.puback = 0;
	bed_connect(bed, session);
	assert_return_code(bed_publish(session, "a", "x", false, 1), 0);
	bed_await(bed, session, UPLINK_DELIVERED, 0);
	peer_stop(&peer);
}

/* Ten times the window, answered by mosquitto with its Receive Maximum of 20: no second is slept.
 */
static void full_window_does_not_stall(void **state)
{
	struct bed *bed = *state;
	struct uplink_session *session;
	struct broker broker;
	uint64_t start;

	broker_require();
	broker_init(&broker);
	broker_start(&broker, "allow_anonymous true");
	session = session_at(bed, broker.port, "sender", NULL, 0);
	bed_connect(bed, session);
	start = clock_boot_usec();
	for (unsigned i = 0; i < 2000; i++)
		assert_return_code(bed_publish(session, "a", "x", false, i == 1999 ? 1 : 0), 0);
	bed_await(bed, session, UPLINK_DELIVERED, 0);
	/* Stalled it would be 100 s; the bound is far from both. */
	assert_true(clock_boot_usec() - start < 50 * USEC_PER_SEC);
	uplink_session_free(session);
	broker_clear(&broker);
}

#define MANY (TICK_SESSIONS + 4)
#define EACH 5 /* of each */

/* So many that they send together: what each hands in at once comes back, each once, whoever else
 * ends meanwhile. */
static void many_that_go_together(void **state)
{
	struct uplink_session *session[MANY], *listener;
	static const char *const all[] = {"data/#", "listener/#", NULL};
	struct bed *bed = *state;
	struct broker broker;
	unsigned i, n;

	broker_require();
	broker_init(&broker);
	broker_start(&broker, "allow_anonymous true");
	listener = session_at(bed, broker.port, "listener", all, 0);
	await_listener(bed, listener);
	for (i = 0; i < MANY; i++) {
		char id[16];

		snprintf(id, sizeof(id), "many-%u", i);
		session[i] = bed_session(bed, &(struct uplink_session_options){.host = "127.0.0.1",
						      .port = broker.port,
						      .client_id = id,
						      .keep_alive = 60,
						      .together = true});
		bed_connect(bed, session[i]);
	}
	bed_forget(bed);
	for (i = 0; i < MANY; i++)
		for (n = 0; n < EACH; n++)
			assert_return_code(
				bed_publish(session[i], "data/x", "many", false, 1 + i * EACH + n),
				0);
	/* Whether these come yet is a matter of time: a disconnect waits 1.5 s for the answers. */
	for (i = MANY / 2; i < MANY; i++)
		uplink_disconnect(session[i]);
	for (i = 0; i < MANY / 2; i++)
		bed_await(bed, session[i], UPLINK_DELIVERED, EACH - 1);
	for (i = MANY / 2; i < MANY; i++)
		bed_await(bed, session[i], UPLINK_LOST, 0);
	bed_await(bed, listener, UPLINK_MESSAGE, MANY / 2 * EACH - 1);
	for (i = 0; i < MANY; i++) {
		assert_null(bed_find(bed, session[i], UPLINK_DELIVERED, EACH));
		uplink_session_free(session[i]);
	}
	uplink_session_free(listener);
	broker_clear(&broker);
}

/* What waits for a tick goes with its session like all that waits: it comes never. */
static void what_waits_for_a_tick_is_cut(void **state)
{
	struct uplink_session *session[MANY];
	struct bed *bed = *state;
	struct broker broker;
	uint64_t began;
	bool was_sent;
	unsigned i;

	broker_require();
	broker_init(&broker);
	broker_start(&broker, "allow_anonymous true");
	for (i = 0; i < MANY; i++) {
		char id[16];

		snprintf(id, sizeof(id), "cut-%u", i);
		session[i] = bed_session(bed, &(struct uplink_session_options){.host = "127.0.0.1",
						      .port = broker.port,
						      .client_id = id,
						      .keep_alive = 60,
						      .together = true});
		bed_connect(bed, session[i]);
	}
	assert_return_code(bed_publish(session[0], "data/x", "cut", false, 1), 0);
	assert_return_code(bed_publish(session[1], "data/x", "stays", false, 2), 0);
	assert_int_equal(uplink_session_cut(session[0]), 0);
	bed_await(bed, session[0], UPLINK_LOST, 0);
	/* Whoever stands still for a tick between the two has sent it. */
	was_sent = bed_find_tag(bed, 1) != NULL;
	assert_int_equal(bed_await(bed, session[1], UPLINK_DELIVERED, 0)->tag, 2);
	assert_int_equal(bed_find_tag(bed, 1) != NULL, was_sent);
	/* It can be there again, and its place in the tick is nobody's. */
	bed_connect(bed, session[0]);
	for (i = 0; i < 5; i++) {
		began = clock_boot_usec();
		assert_return_code(bed_publish(session[0], "data/x", "again", false, 3 + i), 0);
		assert_int_equal(bed_await(bed, session[0], UPLINK_DELIVERED, i)->tag, 3 + i);
		/* Alone as it is it waits for others that may come. */
		assert_true(clock_boot_usec() - began >= TICK_USEC);
	}
	for (i = 0; i < MANY; i++)
		uplink_session_free(session[i]);
	broker_clear(&broker);
}

/* The loop stands still inside uplink_free(), so the peer is as frozen as can be. */
static void uplink_goes_in_bounded_time(void **state)
{
	struct bed *bed = bed_new();
	struct uplink_session *session;
	struct peer peer;
	uint64_t start;

	peer_start(&peer, bed);
	session = session_at(bed, peer.port, "sender", NULL, 0);
	bed_connect(bed, session);
	peer.puback = PEER_SILENT;
	for (unsigned i = 0; i < 300; i++)
		assert_return_code(bed_publish(session, "a", "x", false, i + 1), 0);
	AWAIT(bed, peer.publishes > 0);
	start = clock_boot_usec();
	bed->uplink = uplink_free(bed->uplink);
	/* It would be for ever. */
	assert_true(clock_boot_usec() - start < 30 * USEC_PER_SEC);
	peer_stop(&peer);
	bed_free(bed);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frozen_broker_gets_nothing_later),
		TEST(nor_does_one_that_keeps_the_session),
		TEST(unacknowledged_is_not_repeated_on_the_wire),
		TEST(outstanding_publications_have_a_limit),
		TEST(full_window_does_not_stall),
		TEST(many_that_go_together),
		TEST(what_waits_for_a_tick_is_cut),
		TEST(uplink_goes_in_bounded_time),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests_name("uplink-frozen", tests, NULL, NULL);
}
