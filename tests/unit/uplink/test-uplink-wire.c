/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink against a scripted broker: the bytes it sends, and answers that a good broker does not
 * give. */

#include "bed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct bed *bed;
	struct peer peer;
};

static int setup(void **state)
{
	static struct fixture fixture;

	unsetenv("http_proxy");
	unsetenv("https_proxy");
	fixture = (struct fixture){.bed = bed_new()};
	peer_start(&fixture.peer, fixture.bed);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	peer_stop(&fixture->peer);
	bed_free(fixture->bed);
	return 0;
}

static struct uplink_session_options options_for(const struct fixture *fixture)
{
	return (struct uplink_session_options){.host = "127.0.0.1",
		.port = fixture->peer.port,
		.client_id = "gateway",
		.keep_alive = 30};
}

static struct uplink_session *session_for(struct fixture *fixture)
{
	struct uplink_session_options options = options_for(fixture);

	return bed_session(fixture->bed, &options);
}

/* ---- what is sent ---- */

static void publication_carries_type_and_properties(void **state)
{
	struct fixture *fixture = *state;
	const struct uplink_property properties[] = {{"gh-id", "g.1.2"}, {"gh-trust", "plain"}};
	struct uplink_session *session = session_for(fixture);
	struct peer *peer = &fixture->peer;

	bed_connect(fixture->bed, session);
	assert_return_code(uplink_publish(session, &(struct uplink_publication){.topic = "a/b",
							   .payload = SPAN_LITERAL("body"),
							   .qos = 1,
							   .retain = true,
							   .content_type = "text/plain",
							   .properties = properties,
							   .property_count = 2,
							   .tag = 1}),
		0);
	bed_await(fixture->bed, session, UPLINK_DELIVERED, 0);
	assert_int_equal(peer->publish[0], 0x33); /* PUBLISH, QoS 1, retain */
	/* MQTT 5 section 2.2.2: 0x03 content type, 0x26 user property, lengths of two bytes. */
	assert_non_null(memmem(peer->publish, peer->publish_size, "\x03\x00\x0atext/plain", 13));
	assert_non_null(memmem(peer->publish, peer->publish_size,
		"\x26\x00\x05gh-id\x00\x05g.1.2\x26\x00\x08gh-trust\x00\x05plain", 33));
	assert_memory_equal(peer->publish + peer->publish_size - 4, "body", 4);
}

static void publication_of_3_1_1_has_no_properties(void **state)
{
	struct fixture *fixture = *state;
	const struct uplink_property property = {"gh-id", "g.1.2"};
	struct uplink_session_options options = options_for(fixture);
	struct uplink_session *session;

	options.version = 4;
	session = bed_session(fixture->bed, &options);
	bed_connect(fixture->bed, session);
	assert_int_equal(fixture->peer.versions[0], 4);
	assert_return_code(uplink_publish(session, &(struct uplink_publication){.topic = "a/b",
							   .payload = SPAN_LITERAL("body"),
							   .qos = 1,
							   .content_type = "text/plain",
							   .properties = &property,
							   .property_count = 1,
							   .tag = 1}),
		0);
	bed_await(fixture->bed, session, UPLINK_DELIVERED, 0);
	assert_int_equal(fixture->peer.publish_size, 2 + 2 + 3 + 2 + 4);
}

static void options_are_in_connect(void **state)
{
	struct fixture *fixture = *state;
	static const char *const filter[] = {"command/#", NULL};
	struct uplink_session_options options = options_for(fixture);
	const struct peer *peer = &fixture->peer;

	options.username = "user-name";
	options.password = SPAN_LITERAL("pass-word");
	options.will_topic = "will-topic";
	options.will_payload = "will-payload";
	options.will_retain = true;
	options.session_expiry = 0x01020304;
	bed_connect(fixture->bed, bed_session(fixture->bed, &options));
	/* Clean start: nothing is subscribed, so a session at the broker is of no use. */
	assert_int_equal(peer->connect[9], 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02);
	assert_int_equal(peer->connect[10] << 8 | peer->connect[11], 30);
	for (size_t i = 0; i < 4; i++)
		assert_true(bytes_contain(peer->connect, peer->connect_size,
			(const char *const[]){
				"user-name", "pass-word", "will-topic", "will-payload"}[i]));
	assert_null(memmem(peer->connect, peer->connect_size, "\x11\x01\x02\x03\x04", 5));
	options.subscriptions = filter;
	bed_connect(fixture->bed, bed_session(fixture->bed, &options));
	assert_int_equal(peer->connect[9], 0x80 | 0x40 | 0x20 | 0x08 | 0x04);
	assert_non_null(memmem(peer->connect, peer->connect_size, "\x11\x01\x02\x03\x04", 5));
	AWAIT(fixture->bed, peer->subscribes == 1);
}

static void disconnect_waits_for_what_was_handed_in(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);
	struct peer *peer = &fixture->peer;

	bed_connect(fixture->bed, session);
	peer->puback = PEER_SILENT;
	assert_return_code(bed_publish(session, "a", "b", false, 1), 0);
	uplink_disconnect(session);
	assert_int_equal(bed_publish(session, "a", "late", false, 2), -ENOTCONN);
	AWAIT(fixture->bed, peer->publishes == 1);
	assert_int_equal(peer->disconnects, 0);
	peer_send(peer,
		(uint8_t[]){0x40, 2, (uint8_t)(peer->last_packet_id >> 8),
			(uint8_t)peer->last_packet_id},
		4);
	bed_await(fixture->bed, session, UPLINK_LOST, 0);
	AWAIT(fixture->bed, peer->disconnects == 1);
	assert_true(bed_find(fixture->bed, session, UPLINK_DELIVERED, 0) <
		    bed_find(fixture->bed, session, UPLINK_LOST, 0));
	assert_non_null(bed_find_tag(fixture->bed, 1));
}

static void disconnect_does_not_wait_for_ever(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);

	bed_connect(fixture->bed, session);
	fixture->peer.puback = PEER_SILENT;
	assert_return_code(bed_publish(session, "a", "b", false, 1), 0);
	uplink_disconnect(session);
	bed_await(fixture->bed, session, UPLINK_LOST, 0);
	assert_null(bed_find_tag(fixture->bed, 1));
}

/* ---- what is answered ---- */

static void reason_of_puback_decides(void **state)
{
	struct fixture *fixture = *state;
	static const int reasons[] = {0x00, 0x10, 0x80, 0x90, 0x97, 0x99};
	struct uplink_session *session = session_for(fixture);

	bed_connect(fixture->bed, session);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const struct record *record;

		fixture->peer.puback = reasons[i];
		assert_return_code(bed_publish(session, "a", "b", false, i + 1), 0);
		AWAIT(fixture->bed, (record = bed_find_tag(fixture->bed, i + 1)) != NULL);
		assert_int_equal(
			record->kind, reasons[i] < 0x80 ? UPLINK_DELIVERED : UPLINK_REFUSED);
		if (reasons[i] >= 0x80)
			assert_int_equal(record->reason, reasons[i]);
	}
	assert_null(bed_find(fixture->bed, session, UPLINK_LOST, 0));
}

static void publication_without_tag_makes_no_event(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);

	bed_connect(fixture->bed, session);
	assert_return_code(bed_publish(session, "a", "b", false, 0), 0);
	assert_return_code(bed_publish(session, "a", "b", false, 1), 0);
	bed_await(fixture->bed, session, UPLINK_DELIVERED, 0);
	assert_int_equal(bed_find(fixture->bed, session, UPLINK_DELIVERED, 0)->tag, 1);
}

static void broken_publications_are_not_taken(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);
	char *long_topic = malloc(65537);
	struct uplink_publication publication = {.topic = "a", .qos = 1};
	struct uplink_property properties[UPLINK_PROPERTIES_MAX + 1];

	memset(long_topic, 'x', 65536);
	long_topic[65536] = '\0';
	bed_connect(fixture->bed, session);
	assert_return_code(uplink_publish(session, &publication), 0);
	publication.qos = 2;
	assert_int_equal(uplink_publish(session, &publication), -EINVAL);
	publication.qos = 1;
	publication.topic = "";
	assert_int_equal(uplink_publish(session, &publication), -EINVAL);
	publication.topic = long_topic;
	assert_int_equal(uplink_publish(session, &publication), -EINVAL);
	publication.topic = "a";
	for (size_t i = 0; i <= UPLINK_PROPERTIES_MAX; i++)
		properties[i] = (struct uplink_property){"name", "value"};
	publication.properties = properties;
	publication.property_count = UPLINK_PROPERTIES_MAX + 1;
	assert_int_equal(uplink_publish(session, &publication), -EINVAL);
	publication.property_count = UPLINK_PROPERTIES_MAX;
	assert_return_code(uplink_publish(session, &publication), 0);
	publication.property_count = 0;
	publication.topic = "a";
	publication.payload = span_of(long_topic, 268435455);
	assert_int_equal(uplink_publish(session, &publication), -EMSGSIZE);
	publication.payload = span_of(NULL, 0);
	publication.topic = "\xff\xfe";
	publication.tag = 9;
	assert_return_code(uplink_publish(session, &publication), 0);
	assert_int_equal(bed_await(fixture->bed, session, UPLINK_REFUSED, 0)->reason, 0x90);
	free(long_topic);
}

static void options_that_mqtt_cannot_carry_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session_options options = options_for(fixture);
	struct uplink_session *session = NULL;

	options.host = "";
	assert_int_equal(
		uplink_session_new(fixture->bed->uplink, &options, NULL, &session), -EINVAL);
	options = options_for(fixture);
	options.port = 0;
	assert_int_equal(
		uplink_session_new(fixture->bed->uplink, &options, NULL, &session), -EINVAL);
	options = options_for(fixture);
	options.keep_alive = 65536;
	assert_int_equal(
		uplink_session_new(fixture->bed->uplink, &options, NULL, &session), -EINVAL);
	assert_null(session);
}

/* ---- versions and refusals ---- */

static void falls_back(struct fixture *fixture, int code, bool short_connack)
{
	struct uplink_session *session = session_for(fixture);

	fixture->peer.connack5 = code;
	fixture->peer.short_connack = short_connack;
	bed_connect(fixture->bed, session);
	assert_int_equal(fixture->bed->count, 1);
	assert_int_equal(fixture->bed->record[0].version, 4);
	assert_int_equal(fixture->peer.connects, 2);
	assert_int_equal(fixture->peer.versions[0], 5);
	assert_int_equal(fixture->peer.versions[1], 4);
	assert_return_code(bed_publish(session, "a", "b", false, 1), 0);
	bed_await(fixture->bed, session, UPLINK_DELIVERED, 0);
}

static void version_refused_in_mqtt_5_falls_back(void **state)
{
	falls_back(*state, 0x84, false);
}

static void version_refused_in_mqtt_3_falls_back(void **state)
{
	falls_back(*state, 1, true);
}

static void only_the_version_asked_for_is_tried(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session_options options = options_for(fixture);
	struct uplink_session *session;

	fixture->peer.connack5 = 0x84;
	options.version = 5;
	session = bed_session(fixture->bed, &options);
	assert_return_code(uplink_connect(session), 0);
	bed_await(fixture->bed, session, UPLINK_UNREACHABLE, 0);
	assert_int_equal(fixture->peer.connects, 1);
}

static void connack_codes_are_told_apart(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		int version, code;
		enum uplink_event_kind kind;
	} rows[] = {
		{5, 0x86, UPLINK_NOT_AUTHORISED},
		{5, 0x87, UPLINK_NOT_AUTHORISED},
		{5, 0x8c, UPLINK_NOT_AUTHORISED},
		{5, 0x88, UPLINK_UNREACHABLE},
		{5, 0x9c, UPLINK_UNREACHABLE},
		{4, 4, UPLINK_NOT_AUTHORISED},
		{4, 5, UPLINK_NOT_AUTHORISED},
		{4, 3, UPLINK_UNREACHABLE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uplink_session_options options = options_for(fixture);
		struct uplink_session *session;

		options.version = rows[i].version;
		fixture->peer.connack5 = fixture->peer.connack4 = rows[i].code;
		session = bed_session(fixture->bed, &options);
		assert_return_code(uplink_connect(session), 0);
		bed_await(fixture->bed, session, rows[i].kind, 0);
		assert_int_equal(fixture->bed->count, 1);
		uplink_session_free(session);
		bed_forget(fixture->bed); /* the next session may have the same address */
	}
}

static void silent_peer_times_out(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);
	uint64_t start = clock_boot_usec(), lived = fixture->bed->lived_usec;

	fixture->peer.connack5 = PEER_SILENT;
	assert_return_code(uplink_connect(session), 0);
	bed_await(fixture->bed, session, UPLINK_UNREACHABLE, 0);
	assert_true(clock_boot_usec() - start >= 9 * USEC_PER_SEC);
	assert_true(fixture->bed->lived_usec - lived <= 13 * USEC_PER_SEC);
	assert_int_equal(fixture->peer.connects, 1);
	/* And the next attempt is a whole one. */
	fixture->peer.connack5 = 0;
	bed_connect(fixture->bed, session);
	assert_int_equal(fixture->bed->count, 2);
}

static void attempt_can_be_given_up(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);

	fixture->peer.connack5 = PEER_SILENT;
	assert_return_code(uplink_connect(session), 0);
	uplink_disconnect(session); /* while the name is looked up */
	assert_int_equal(fixture->bed->count, 0);
	bed_await(fixture->bed, session, UPLINK_UNREACHABLE, 0);
	assert_return_code(uplink_connect(session), 0);
	AWAIT(fixture->bed, fixture->peer.connects == 1);
	uplink_disconnect(session); /* while CONNACK is awaited */
	bed_await(fixture->bed, session, UPLINK_UNREACHABLE, 1);
	AWAIT(fixture->bed, fixture->peer.fd < 0); /* the connection is closed */
	fixture->peer.connack5 = 0;
	bed_connect(fixture->bed, session);
	assert_int_equal(fixture->bed->count, 3);
}

static void session_freed_while_connecting_is_silent(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);

	fixture->peer.connack5 = PEER_SILENT;
	assert_return_code(uplink_connect(session), 0);
	AWAIT(fixture->bed, fixture->peer.connects == 1);
	assert_null(uplink_session_free(session));
	AWAIT(fixture->bed, fixture->peer.fd < 0);
	session = session_for(fixture);
	assert_return_code(uplink_connect(session), 0);
	assert_null(uplink_session_free(session)); /* while the name is looked up */
	session = session_for(fixture);
	fixture->peer.connack5 = 0;
	bed_connect(fixture->bed, session);
	assert_int_equal(fixture->bed->count, 1);
}

/* ---- the end ---- */

static void freed_session_is_cut_and_silent(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);
	struct peer *peer = &fixture->peer;
	uint64_t start;

	bed_connect(fixture->bed, session);
	peer->puback = PEER_SILENT;
	for (unsigned i = 0; i < 1000; i++)
		assert_return_code(bed_publish(session, "a", "b", false, i + 1), 0);
	start = fixture->bed->lived_usec;
	assert_null(uplink_session_free(session));
	AWAIT(fixture->bed, peer->fd < 0);
	/* A clean disconnect would have waited 1.5 s for the answers. */
	assert_true(fixture->bed->lived_usec - start < 3 * USEC_PER_SEC / 2);
	assert_true(peer->publishes <= 256);
	assert_int_equal(fixture->bed->count, 1); /* CONNECTED */
}

/* LOST is the moment from which on nothing of it is on the wire: the socket is closed by then. */
static void cut_session_is_lost_when_its_socket_is_closed(void **state)
{
	struct fixture *fixture = *state;
	struct bed *bed = fixture->bed;
	struct uplink_session *session = session_for(fixture);
	struct peer *peer = &fixture->peer;
	unsigned publishes;

	assert_int_equal(uplink_session_cut(session), -ENOTCONN);
	bed_connect(bed, session);
	peer->puback = PEER_SILENT;
	for (unsigned i = 0; i < 5; i++)
		assert_return_code(bed_publish(session, "a", "x", false, i + 1), 0);
	AWAIT(bed, peer->publishes == 5);
	bed_forget(bed);
	assert_return_code(uplink_session_cut(session), 0);
	assert_int_equal(uplink_session_cut(session), -EALREADY);
	assert_int_equal(uplink_connect(session), -EALREADY);
	assert_int_equal(bed_publish(session, "a", "late", false, 999), -ENOTCONN);
	/* Not before the worker has let go of it. */
	assert_int_equal(bed_events_of(bed, session), 0);
	bed_await(bed, session, UPLINK_LOST, 0);
	AWAIT(bed, peer->fd < 0);
	publishes = peer->publishes;
	assert_int_equal(bed_events_of(bed, session), 1);
	/* It connects again; nothing of before comes with that. */
	peer->puback = 0;
	bed_connect(bed, session);
	assert_return_code(bed_publish(session, "a", "new", false, 1000), 0);
	assert_int_equal(bed_await(bed, session, UPLINK_DELIVERED, 0)->tag, 1000);
	assert_int_equal(peer->publishes, publishes + 1);
}

static void freed_while_it_is_cut(void **state)
{
	struct fixture *fixture = *state;
	struct bed *bed = fixture->bed;
	struct uplink_session *session = session_for(fixture);

	bed_connect(bed, session);
	bed_forget(bed);
	assert_return_code(uplink_session_cut(session), 0);
	assert_null(uplink_session_free(session));
	AWAIT(bed, fixture->peer.fd < 0);
	assert_int_equal(bed->count, 0);
}

static void taken_over_is_told_before_lost(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);

	bed_connect(fixture->bed, session);
	peer_send(&fixture->peer, (uint8_t[]){0xe0, 2, 0x8e, 0}, 4);
	bed_await(fixture->bed, session, UPLINK_LOST, 0);
	assert_int_equal(fixture->bed->count, 3);
	assert_int_equal(fixture->bed->record[1].kind, UPLINK_TAKEN_OVER);
	assert_int_equal(fixture->bed->record[2].kind, UPLINK_LOST);
	assert_int_equal(fixture->bed->record[2].reason, 0x8e);
}

static void other_disconnect_is_lost_with_its_reason(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);

	bed_connect(fixture->bed, session);
	peer_send(&fixture->peer, (uint8_t[]){0xe0, 2, 0x8b, 0}, 4); /* shutting down */
	assert_int_equal(bed_await(fixture->bed, session, UPLINK_LOST, 0)->reason, 0x8b);
	assert_int_equal(fixture->bed->count, 2);
}

static void broker_that_does_not_answer_pings_is_lost(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session_options options = options_for(fixture);
	struct uplink_session *session;

	options.keep_alive = 1;
	fixture->peer.pingresp = false;
	session = bed_session(fixture->bed, &options);
	bed_connect(fixture->bed, session);
	bed_await(fixture->bed, session, UPLINK_LOST, 0);
	assert_true(fixture->peer.pings > 0);
}

static void keep_alive_of_the_broker_holds_from_the_next_connection(void **state)
{
	struct fixture *fixture = *state;
	struct uplink_session *session = session_for(fixture);

	fixture->peer.server_keep_alive = 7;
	bed_connect(fixture->bed, session);
	peer_close(&fixture->peer);
	bed_await(fixture->bed, session, UPLINK_LOST, 0);
	bed_connect(fixture->bed, session);
	assert_int_equal(fixture->peer.connect[10] << 8 | fixture->peer.connect[11], 7);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(publication_carries_type_and_properties),
		TEST(publication_of_3_1_1_has_no_properties),
		TEST(options_are_in_connect),
		TEST(disconnect_waits_for_what_was_handed_in),
		TEST(disconnect_does_not_wait_for_ever),
		TEST(reason_of_puback_decides),
		TEST(publication_without_tag_makes_no_event),
		TEST(broken_publications_are_not_taken),
		TEST(options_that_mqtt_cannot_carry_are_refused),
		TEST(version_refused_in_mqtt_5_falls_back),
		TEST(version_refused_in_mqtt_3_falls_back),
		TEST(only_the_version_asked_for_is_tried),
		TEST(connack_codes_are_told_apart),
		TEST(silent_peer_times_out),
		TEST(attempt_can_be_given_up),
		TEST(session_freed_while_connecting_is_silent),
		TEST(freed_session_is_cut_and_silent),
		TEST(cut_session_is_lost_when_its_socket_is_closed),
		TEST(freed_while_it_is_cut),
		TEST(taken_over_is_told_before_lost),
		TEST(other_disconnect_is_lost_with_its_reason),
		TEST(broker_that_does_not_answer_pings_is_lost),
		TEST(keep_alive_of_the_broker_holds_from_the_next_connection),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests_name("uplink-wire", tests, NULL, NULL);
}
