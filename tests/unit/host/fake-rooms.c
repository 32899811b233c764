/* SPDX-License-Identifier: Apache-2.0 */

/* lan, uplink, jobs and api: what was asked is kept, what comes back is the test's. */

#include "fakes.h"
#include "host/platform-dial.h"
#include "host/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/command-host.h"

/* ---- lan ---- */

struct fake_sent fake_sent[64];
size_t fake_sent_count;
int fake_send_result;

void lan_answer(struct lan_exchange *exchange, const struct lan_answer *answer)
{
	assert_non_null(bed.host.lan);
	assert_true(answer->payload.size < sizeof(exchange->payload));
	exchange->answers++;
	exchange->code = answer->code;
	exchange->format = answer->format;
	exchange->max_age = answer->max_age;
	exchange->size = answer->payload.size;
	if (answer->payload.size)
		memcpy(exchange->payload, answer->payload.data, answer->payload.size);
	if (answer->location_id)
		snprintf(exchange->location, sizeof(exchange->location), "%s", answer->location_id);
	exchange->place = answer->location;
	memset(&exchange->peer, 0xa5, sizeof(exchange->peer)); /* it is gone */
}

void lan_answer_text(struct lan_exchange *exchange, uint8_t code, const char *text, int64_t max_age)
{
	lan_answer(exchange, &(const struct lan_answer){.code = code,
				     .format = -1,
				     .payload = span_from_string(text),
				     .max_age = max_age});
}

void lan_exchange_expire(struct lan_exchange *exchange)
{
	exchange->expires = true;
}

bool lan_exchange_is_expired(const struct lan_exchange *exchange)
{
	return exchange->expired;
}

void lan_silence(struct lan_exchange *exchange)
{
	assert_non_null(bed.host.lan);
	exchange->answers++;
	exchange->silent = true;
}

struct fake_observed fake_observed[64];
size_t fake_observed_count;
int fake_observe_result;

int lan_watch(struct lan *lan, const struct lan_outgoing *outgoing, lan_notice_fn notify,
	void *userdata, struct lan_watch **ret)
{
	struct fake_observed *observed;

	assert_non_null(lan);
	if (fake_observe_result < 0)
		return fake_observe_result;
	assert_true(fake_observed_count < ELEMENTS(fake_observed));
	observed = &fake_observed[fake_observed_count++];
	*observed = (struct fake_observed){.to = outgoing->to,
		.accept = outgoing->accept,
		.notify = notify,
		.userdata = userdata,
		.alive = true};
	snprintf(observed->path, sizeof(observed->path), "%s", outgoing->path);
	snprintf(observed->identity, sizeof(observed->identity), "%s",
		outgoing->identity ? outgoing->identity : "");
	*ret = (struct lan_watch *)observed;
	return 0;
}

void lan_unwatch(struct lan_watch *observation)
{
	struct fake_observed *observed = (struct fake_observed *)observation;

	assert_true(observed->alive);
	observed->alive = false;
	observed->left = true;
}

void lan_watch_again(struct lan_watch *observation)
{
	struct fake_observed *observed = (struct fake_observed *)observation;

	assert_true(observed->alive);
	observed->again++;
}

struct fake_observed *observed_at(const char *path)
{
	for (size_t i = fake_observed_count; i > 0; i--)
		if (fake_observed[i - 1].alive && !strcmp(fake_observed[i - 1].path, path))
			return &fake_observed[i - 1];
	return NULL;
}

void observed_notify(struct fake_observed *observed, const struct lan_notice *notice)
{
	assert_non_null(observed);
	assert_true(observed->alive);
	observed->alive = notice->goes_on;
	observed->notify(observed->userdata, notice);
}

unsigned fake_multicast_probes, fake_repeats;

void discovery_repeat(struct discovery *discovery)
{
	assert_non_null(discovery);
	fake_repeats++;
}

/* ---- neighbours ---- */

static struct {
	struct in6_addr ip;
	char mac[MAC_TEXT_SIZE];
} neighbours[16];
static size_t neighbour_count;

void neighbour(const char *ip, const char *mac)
{
	const struct device_address address = address_of(ip);
	size_t i = 0;

	while (i < neighbour_count && memcmp(&neighbours[i].ip, &address.ip, sizeof(address.ip)))
		i++;
	assert_true(i < 16);
	neighbours[i].ip = address.ip;
	snprintf(neighbours[i].mac, MAC_TEXT_SIZE, "%s", mac);
	neighbour_count += i == neighbour_count;
}

struct lan_stats fake_lan_stats;

bool lan_wants_broadcast_address(void)
{
	return true;
}

void lan_stats(const struct lan *lan, struct lan_stats *ret_stats)
{
	*ret_stats = fake_lan_stats;
}

void lan_mac(struct lan *lan, const struct device_address *address, char ret_mac[MAC_TEXT_SIZE])
{
	assert_non_null(lan);
	ret_mac[0] = '\0';
	for (size_t i = 0; i < neighbour_count; i++)
		if (!memcmp(&neighbours[i].ip, &address->ip, sizeof(address->ip)))
			memcpy(ret_mac, neighbours[i].mac, MAC_TEXT_SIZE);
}

int fake_locate_result;

int lan_locate(const struct lan *lan, struct device_address *address)
{
	assert_non_null(lan);
	if (fake_locate_result >= 0)
		snprintf(address->interface, sizeof(address->interface), "%s",
			address_of("10.0.0.1").interface);
	return fake_locate_result;
}

/* ---- observers ---- */

struct lan_observer {
	struct lan_observer *next;
	void *userdata;
	struct lan_peer peer;
};
static struct lan_observer *observers;
unsigned fake_observers, fake_notifications, fake_rechecks;
struct lan_exchange fake_notified;

struct lan_observer *lan_observe(
	struct lan_exchange *exchange, const struct lan_answer *answer, void *userdata)
{
	struct lan_observer *observer = calloc(1, sizeof(*observer));

	assert_non_null(observer);
	observer->userdata = userdata;
	observer->peer = exchange->peer;
	observer->next = observers;
	observers = observer;
	fake_observers++;
	exchange->observed = true;
	lan_answer(exchange, answer);
	return observer;
}

void lan_notify(struct lan_observer *observer, const struct lan_answer *answer)
{
	fake_notified = (struct lan_exchange){0};
	lan_answer(&fake_notified, answer);
	fake_notifications++;
}

const struct lan_peer *lan_observer_peer(const struct lan_observer *observer)
{
	return &observer->peer;
}

bool lan_observer_is(const struct lan_observer *observer, const struct lan_exchange *exchange)
{
	return observer &&
	       device_address_same_host(&observer->peer.address, &exchange->peer.address);
}

struct lan_observer *lan_observer_free(struct lan_observer *observer)
{
	struct lan_observer **at = &observers;

	if (!observer)
		return NULL;
	while (*at != observer)
		at = &(*at)->next;
	*at = observer->next;
	fake_observers--;
	free(observer);
	return NULL;
}

void observer_lost(void)
{
	void *userdata = observers->userdata;

	lan_observer_free(observers);
	*(struct lan_observer **)userdata = NULL;
}

struct fake_trust fake_trust;

int lan_trust(struct lan *lan, const char *const *authorities, size_t count)
{
	assert_non_null(lan);
	for (size_t i = 0; i < count; i++)
		assert_non_null(authorities[i]);
	fake_trust.calls++;
	fake_trust.count = count;
	return fake_trust.result;
}

void lan_recheck_keys(struct lan *lan)
{
	assert_non_null(lan);
	fake_rechecks++;
}

unsigned lan_probe_multicast(struct lan *lan)
{
	assert_non_null(lan);
	return ++fake_multicast_probes;
}

const char *exchange_text(const struct lan_exchange *exchange)
{
	static char text[sizeof(exchange->payload) + 1];

	memcpy(text, exchange->payload, exchange->size);
	text[exchange->size] = '\0';
	return text;
}

int lan_send(
	struct lan *lan, const struct lan_outgoing *outgoing, lan_reply_fn reply, void *userdata)
{
	struct fake_sent *sent;

	assert_non_null(lan);
	if (fake_send_result < 0)
		return fake_send_result;
	assert_true(fake_sent_count < 64);
	sent = &fake_sent[fake_sent_count++];
	*sent = (struct fake_sent){.outgoing = *outgoing, .reply = reply, .userdata = userdata};
	snprintf(sent->path, sizeof(sent->path), "%s", outgoing->path);
	snprintf(sent->identity, sizeof(sent->identity), "%s",
		outgoing->identity ? outgoing->identity : "");
	if (outgoing->payload.size)
		memcpy(sent->payload, outgoing->payload.data, outgoing->payload.size);
	sent->outgoing.path = sent->path;
	sent->outgoing.payload.data = sent->payload;
	return 0;
}

struct fake_sent *sent_to(const char *path)
{
	size_t i;

	for (i = fake_sent_count; i-- > 0;)
		if (!fake_sent[i].answered && !strcmp(fake_sent[i].path, path))
			return &fake_sent[i];
	return NULL;
}

void sent_answer(struct fake_sent *sent, int result, uint8_t code, int format, const char *payload)
{
	char copy[16384]; /* a body may be wiped */

	assert_non_null(sent);
	assert_false(sent->answered);
	sent->answered = true;
	snprintf(copy, sizeof(copy), "%s", payload ? payload : "");
	sent->reply(sent->userdata, result, code, format, span_from_string(copy));
}

/* ---- uplink ---- */

struct uplink_session {
	bool connected;
	void *userdata;
	char client_id[96], username[160], password[64], filter[256];
	struct fake_dial dial;
};
static struct uplink_session *sessions[64]; /* all that are there */
struct fake_publication fake_publications[4096];
size_t fake_publication_count;
unsigned fake_connects, fake_sessions, fake_sessions_alive;
int fake_publish_result;
size_t fake_packet_max;
unsigned fake_cuts;

static void session_add(struct uplink_session *session)
{
	assert_true(fake_sessions_alive < 64);
	sessions[fake_sessions_alive] = session;
	fake_sessions++;
	fake_sessions_alive++;
}

/* A request's own: TLS, 3.1.1, clean. */
static void dial_new(struct uplink_session *session, const struct uplink_session_options *options)
{
	struct fake_dial *dial = &session->dial;

	assert_true(options->tls);
	assert_int_equal(options->version, 4);
	assert_int_equal(options->session_expiry, 0);
	assert_null(options->will_topic);
	snprintf(session->client_id, sizeof(session->client_id), "%s", options->client_id);
	snprintf(dial->host, sizeof(dial->host), "%s", options->host);
	snprintf(dial->username, sizeof(dial->username), "%s", options->username);
	snprintf(dial->password, sizeof(dial->password), "%.*s", (int)options->password.size,
		(const char *)options->password.data);
	snprintf(dial->identity, sizeof(dial->identity), "%.*s", (int)options->identity.size,
		(const char *)options->identity.data);
	snprintf(dial->ca_file, sizeof(dial->ca_file), "%s", options->ca_file);
	dial->port = options->port;
	for (size_t i = 0; options->subscriptions && options->subscriptions[i]; i++) {
		assert_true(i < 2);
		snprintf(dial->filter[i], sizeof(dial->filter[i]), "%s", options->subscriptions[i]);
	}
	session_add(session);
}

static struct uplink_session *dial_session(const char *client_id)
{
	for (size_t i = 0; i < fake_sessions_alive; i++)
		if (!strcmp(sessions[i]->client_id, client_id))
			return sessions[i];
	return NULL;
}

const struct fake_dial *dial_of(const char *client_id)
{
	struct uplink_session *session = dial_session(client_id);

	return session ? &session->dial : NULL;
}

/* Of the next events: the other side ended it without a word. */
bool fake_hung_up;

void dial_event(const char *client_id, enum uplink_event_kind kind)
{
	struct uplink_event event = {.kind = kind,
		.session = dial_session(client_id),
		.version = 4,
		.text = "because",
		.hung_up = fake_hung_up && kind == UPLINK_UNREACHABLE};

	assert_non_null(event.session);
	event.session->connected = kind == UPLINK_CONNECTED || kind == UPLINK_SUBSCRIBED;
	assert_true(platform_dial_on_event(&bed.host, &event));
}

void dial_message(const char *client_id, const struct uplink_inbound *inbound)
{
	const struct uplink_event event = {.kind = UPLINK_MESSAGE,
		.session = dial_session(client_id),
		.text = "",
		.inbound = inbound};

	assert_non_null(event.session);
	assert_true(platform_dial_on_event(&bed.host, &event));
}

int uplink_session_new(struct uplink *uplink, const struct uplink_session_options *options,
	void *userdata, struct uplink_session **ret)
{
	*ret = calloc(1, sizeof(**ret));
	assert_non_null(*ret);
	if (options->transient || options->keeps) {
		dial_new(*ret, options);
		(*ret)->userdata = userdata;
		return 0;
	}
	assert_string_equal(options->host, bed.config.mqtt_host);
	if (userdata == &bed.host) {
		assert_string_equal(options->will_topic, "gatehouse/plant/status");
		assert_non_null(strstr(options->will_payload, "offline"));
		assert_true(options->will_retain);
	} else {
		assert_null(options->will_topic);
	}
	(*ret)->userdata = userdata;
	snprintf((*ret)->client_id, sizeof((*ret)->client_id), "%s", options->client_id);
	snprintf((*ret)->username, sizeof((*ret)->username), "%s", options->username);
	snprintf((*ret)->password, sizeof((*ret)->password), "%.*s", (int)options->password.size,
		(const char *)options->password.data);
	if (options->subscriptions)
		snprintf((*ret)->filter, sizeof((*ret)->filter), "%s", options->subscriptions[0]);
	assert_int_equal(options->session_expiry, options->subscriptions ? 86400 : 0);
	session_add(*ret);
	return 0;
}

struct uplink_session *uplink_session_free(struct uplink_session *session)
{
	size_t i = 0;

	if (!session)
		return NULL;
	while (sessions[i] != session)
		i++;
	sessions[i] = sessions[--fake_sessions_alive];
	free(session);
	return NULL;
}

void *uplink_session_userdata(const struct uplink_session *session)
{
	return session->userdata;
}

static struct uplink_session *session_of(const char *device_id)
{
	char client_id[96];
	size_t i;

	snprintf(client_id, sizeof(client_id), "gatehouse-plant-%s", device_id);
	for (i = 0; i < fake_sessions_alive; i++)
		if (!strcmp(sessions[i]->client_id, client_id))
			return sessions[i];
	return NULL;
}

const char *session_filter(const char *device_id)
{
	const struct uplink_session *session = device_id ? session_of(device_id) : bed.host.session;

	assert_non_null(session);
	return session->filter;
}

bool session_is_there(const char *device_id)
{
	return session_of(device_id) != NULL;
}

const char *session_account(const char *device_id)
{
	static char text[256];
	const struct uplink_session *session = session_of(device_id);

	assert_non_null(session);
	snprintf(text, sizeof(text), "%s:%s", session->username, session->password);
	return text;
}

void session_event(const char *device_id, enum uplink_event_kind kind)
{
	struct uplink_session *session = session_of(device_id);
	const struct uplink_event event = {.kind = kind,
		.session = session,
		.version = 5,
		.text = "because",
		.hung_up = fake_hung_up && kind == UPLINK_UNREACHABLE};

	assert_non_null(session);
	session->connected =
		kind == UPLINK_CONNECTED || (kind == UPLINK_TAKEN_OVER && session->connected);
	session_on_event(&bed.host, &event);
}

int uplink_connect(struct uplink_session *session)
{
	assert_non_null(session);
	fake_connects++;
	return 0;
}

int uplink_session_cut(struct uplink_session *session)
{
	assert_non_null(session);
	if (!session->connected)
		return -ENOTCONN;
	session->connected = false;
	fake_cuts++;
	return 0;
}

void uplink_disconnect(struct uplink_session *session)
{
	assert_non_null(session);
}

static void keep_property(const struct uplink_publication *publication, const char *name,
	char *ret_value, size_t capacity)
{
	for (size_t i = 0; i < publication->property_count; i++)
		if (!strcmp(publication->properties[i].name, name))
			snprintf(ret_value, capacity, "%s", publication->properties[i].value);
}

int uplink_publish(struct uplink_session *session, const struct uplink_publication *publication)
{
	struct fake_publication *kept;

	assert_non_null(session);
	if (!session->connected)
		return -ENOTCONN;
	if (fake_publish_result < 0 && strstr(publication->topic, "/telemetry"))
		return fake_publish_result;
	if (publication->refuse_at_once && fake_packet_max &&
		publication->payload.size > fake_packet_max)
		return -EMSGSIZE;
	assert_true(fake_publication_count < 4096);
	kept = &fake_publications[fake_publication_count++];
	*kept = (struct fake_publication){
		.retain = publication->retain, .tag = publication->tag, .session = session};
	snprintf(kept->topic, sizeof(kept->topic), "%s", publication->topic);
	snprintf(kept->payload, sizeof(kept->payload), "%.*s", (int)publication->payload.size,
		(const char *)publication->payload.data);
	assert_true(publication->correlation.size < sizeof(kept->correlation));
	if (publication->correlation.size)
		memcpy(kept->correlation, publication->correlation.data,
			publication->correlation.size);
	keep_property(publication, "gh-id", kept->id, sizeof(kept->id));
	keep_property(publication, "gh-time", kept->time, sizeof(kept->time));
	keep_property(publication, "gh-clock", kept->clock, sizeof(kept->clock));
	return 0;
}

void uplink_event(enum uplink_event_kind kind)
{
	struct uplink_event event = {
		.kind = kind, .session = bed.host.session, .version = 5, .text = "because"};

	if (bed.host.session)
		bed.host.session->connected = kind == UPLINK_CONNECTED;
	upstream_on_event(&bed.host, &event);
}

static void land(size_t index, enum uplink_event_kind kind, int reason)
{
	const struct uplink_event event = {.kind = kind,
		.session = fake_publications[index].session,
		.tag = fake_publications[index].tag,
		.reason = reason};

	assert_true(index < fake_publication_count);
	if (event.session == bed.host.session)
		upstream_on_event(&bed.host, &event);
	else
		session_on_event(&bed.host, &event);
}

void uplink_deliver(size_t index)
{
	land(index, UPLINK_DELIVERED, 0);
}

void uplink_refuse(size_t index, int reason)
{
	land(index, UPLINK_REFUSED, reason);
}

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a >= b && !strcmp(text + a - b, end);
}

size_t published(const char *topic_end, size_t from)
{
	size_t i, count = 0;

	for (i = from; i < fake_publication_count; i++)
		count += ends_with(fake_publications[i].topic, topic_end);
	return count;
}

const struct fake_publication *published_newest(const char *topic_end)
{
	size_t i;

	for (i = fake_publication_count; i-- > 0;)
		if (ends_with(fake_publications[i].topic, topic_end))
			return &fake_publications[i];
	return NULL;
}

/* ---- jobs, api ---- */

struct fake_job {
	job_work_fn work;
	job_done_fn done;
	void *userdata;
};
static struct fake_job jobs[4];
static size_t job_count;

int job_submit(struct job_thread *thread, job_work_fn work, job_done_fn done, void *userdata)
{
	if (job_count == 4)
		return -EBUSY;
	jobs[job_count++] = (struct fake_job){work, done, userdata};
	return 0;
}

size_t jobs_waiting(void)
{
	return job_count;
}

void job_run(void)
{
	struct fake_job job;

	assert_true(job_count > 0);
	job = jobs[0];
	memmove(jobs, jobs + 1, --job_count * sizeof(jobs[0]));
	job.done(job.userdata, job.work(job.userdata));
}

void api_touch_traffic(struct api *api)
{
}

void api_touch(struct api *api)
{
}

void jobs_end(void)
{
	while (job_count) {
		struct fake_job job = jobs[0];

		memmove(jobs, jobs + 1, --job_count * sizeof(jobs[0]));
		job.done(job.userdata, -ECANCELED);
	}
}

void lan_end(void)
{
	size_t i;

	for (i = 0; i < fake_observed_count; i++)
		if (fake_observed[i].alive)
			observed_notify(&fake_observed[i],
				&(const struct lan_notice){.result = -ECANCELED, .format = -1});

	for (i = 0; i < fake_sent_count; i++)
		if (!fake_sent[i].answered)
			sent_answer(&fake_sent[i], -ECANCELED, 0, -1, NULL);
}

void rooms_reset(void)
{
	fake_sent_count = fake_publication_count = fake_observed_count = 0;
	fake_observe_result = 0;
	fake_notifications = 0;
	neighbour_count = 0;
	fake_connects = fake_sessions = fake_cuts = 0;
	fake_send_result = fake_publish_result = 0;
	fake_packet_max = 0;
}
