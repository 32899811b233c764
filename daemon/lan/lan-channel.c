/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS sessions of our own, towards devices that serve over DTLS. A device is asked with the key
 * that it proves itself with at our own port: its identity is its name, and only who has the key
 * can answer. All that is asked of one device at one address goes over one session, because small
 * devices have room for one, and a handshake is dear to them.
 *
 *	shaking hands --> questions wait in libcoap until it is done; 15 s, then all of them fail
 *	open          --> questions go out, four at a time
 *	spent         --> a question got no answer: the device may have restarted and know nothing
 *	                  of the session any more. What is under way ends by itself, and what is
 *	                  asked next makes another one, from another port
 *	dead          --> the device ended it, or nobody is there: all questions fail at once
 *	idle          --> it is kept for five minutes, or until its place is needed
 *
 * There is no way from here to a datagram in clear: without a key nothing is sent.
 */

#include "lan/lan-channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/loop.h"
#include "lan/lan-secure.h"

#define HANDSHAKE_USEC (15 * USEC_PER_SEC)
#define IDLE_USEC      (300 * USEC_PER_SEC)
#define UNDER_WAY_MAX  4

struct lan_channel {
	struct lan_channel *next;
	struct lan *lan;
	coap_session_t *session; /* its application data is this channel */
	struct device_address to;
	char identity[LAN_IDENTITY_MAX + 1];
	unsigned users;
	uint64_t idle_since_usec;
	bool open;
	bool spent; /* nobody new comes to it */
	bool dead;
	sd_event_source *timer; /* its handshake is late, or it was idle for long */
};

static struct lan_channel *channel_of(const coap_session_t *session)
{
	return coap_session_get_app_data(session);
}

/* Outside libcoap alone. */
static void channel_free(struct lan_channel *channel)
{
	loop_source_free(channel->timer);
	coap_session_set_app_data(channel->session, NULL);
	/* Takes what libcoap would still repeat, and says to the device that it ends. */
	coap_session_disconnected(channel->session, COAP_NACK_NOT_DELIVERABLE);
	coap_session_release(channel->session);
	channel->lan->touched = true;
	free(channel);
}

void lan_channels_release(struct lan *lan)
{
	struct lan_channel **at = &lan->channels;

	while (*at) {
		struct lan_channel *channel = *at;

		if (channel->users == 0 && (channel->dead || channel->spent)) {
			*at = channel->next;
			if (!channel->dead)
				lan->channel_count--;
			channel_free(channel);
		} else {
			at = &channel->next;
		}
	}
}

/* No question is sent over it any more; those that were are told. Its place is free from here on;
 * it goes itself on the next turn of the loop. */
static void channel_end(struct lan_channel *channel, int result)
{
	if (channel->dead)
		return;
	channel->dead = true;
	channel->lan->channel_count--;
	loop_timer_stop(channel->timer);
	/* Who is told may ask again, over another session. */
	lan_client_ended(channel->lan, channel->session, result);
	lan_watches_ended(channel->lan, channel->session, result);
	lan_finished_schedule(channel->lan);
}

static int channel_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lan_channel *channel = userdata;

	(void)source, (void)usec;
	if (!channel->open || channel->users == 0)
		channel_end(channel, -ETIMEDOUT);
	return 0;
}

static int timer_set(struct lan_channel *channel, uint64_t delay_usec)
{
	return loop_timer_set(channel->lan->loop, &channel->timer, delay_usec, channel_due, channel,
		"coap-channel");
}

static void opened(struct lan_channel *channel)
{
	channel->open = true;
	loop_timer_stop(channel->timer);
	if (channel->users == 0 && timer_set(channel, IDLE_USEC) < 0)
		channel_end(channel, -ENOMEM);
}

static void ended_by_peer(struct lan_channel *channel)
{
	channel_end(channel, channel->open ? -ECONNRESET : -ECONNREFUSED);
}

void lan_channel_event(coap_session_t *session, coap_event_t event)
{
	struct lan_channel *channel = channel_of(session);

	if (!channel)
		return;
	if (event == COAP_EVENT_DTLS_CONNECTED)
		opened(channel);
	else if (event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR)
		ended_by_peer(channel);
}

void lan_channel_nack(const coap_session_t *session, coap_nack_reason_t reason)
{
	struct lan_channel *channel = channel_of(session);
	bool nobody = reason == COAP_NACK_ICMP_ISSUE && channel && !channel->open;

	if (channel &&
		(nobody || reason == COAP_NACK_NOT_DELIVERABLE || reason == COAP_NACK_TLS_FAILED))
		ended_by_peer(channel);
}

/* ---- one for a question ---- */

static struct lan_channel *channel_find(
	struct lan *lan, const struct device_address *to, const char *identity)
{
	for (struct lan_channel *at = lan->channels; at; at = at->next)
		if (!at->dead && !at->spent && at->to.port == to->port &&
			device_address_same_host(&at->to, to) &&
			strcmp(at->identity, identity) == 0)
			return at;
	return NULL;
}

/* A place, in exchange for the one that was idle for longest when there is no other. */
static bool make_room(struct lan *lan)
{
	struct lan_channel *oldest = NULL;

	if (lan->channel_count < lan->limits->value[LIMIT_SECURE_ASKED])
		return true;
	lan_limit_reached(lan, LIMIT_SECURE_ASKED);
	for (struct lan_channel *at = lan->channels; at; at = at->next)
		if (at->users == 0 && !at->dead &&
			(!oldest || at->idle_since_usec < oldest->idle_since_usec))
			oldest = at;
	if (!oldest)
		return false;
	channel_end(oldest, -ECANCELED);
	return true;
}

static int session_new(struct lan *lan, const coap_address_t *to, struct lan_channel *channel)
{
	uint8_t key[LAN_PSK_MAX];
	size_t size = 0;

	if (!lan->ops.psk || !lan->ops.psk(lan->userdata, channel->identity, key, &size))
		return -ENOKEY;
	coap_dtls_cpsk_t setup = {
		.version = COAP_DTLS_CPSK_SETUP_VERSION,
		.psk_info = {.identity = {strlen(channel->identity),
				     (const uint8_t *)channel->identity},
			.key = {size, key}},
	};
	channel->session =
		coap_new_client_session_psk2(lan->context, NULL, to, COAP_PROTO_DTLS, &setup);
	crypto_wipe(key, sizeof(key));
	if (!channel->session)
		return -ENETUNREACH;
	lan->touched = true;
	coap_session_set_app_data(channel->session, channel);
	coap_session_set_nstart(channel->session, UNDER_WAY_MAX);
	return 0;
}

static int channel_new(struct lan *lan, const struct device_address *to, const char *identity,
	struct lan_channel **ret)
{
	struct lan_channel *channel;
	coap_address_t address;
	int r = address_to_coap(to, &address);

	if (r >= 0 && (!lan->secure || strlen(identity) > LAN_IDENTITY_MAX))
		r = -ENOTSUP;
	if (r < 0)
		return r;
	if (!make_room(lan))
		return -EBUSY;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -ENOMEM;
	*channel = (struct lan_channel){.lan = lan, .to = *to};
	memcpy(channel->identity, identity, strlen(identity));
	r = session_new(lan, &address, channel);
	if (r < 0) {
		free(channel);
		return r;
	}
	r = timer_set(channel, HANDSHAKE_USEC);
	if (r < 0) {
		channel_free(channel);
		return r;
	}
	channel->next = lan->channels;
	lan->channels = channel;
	lan->channel_count++;
	*ret = channel;
	return 0;
}

int lan_channel_get(struct lan *lan, const struct device_address *to, const char *identity,
	struct lan_channel **ret)
{
	struct lan_channel *channel = channel_find(lan, to, identity);
	int r = channel ? 0 : channel_new(lan, to, identity, &channel);

	if (r < 0)
		return r;
	if (channel->users == 0 && channel->open)
		loop_timer_stop(channel->timer);
	channel->users++;
	*ret = channel;
	return 0;
}

void lan_channel_put(struct lan_channel *channel)
{
	if (--channel->users > 0)
		return;
	channel->idle_since_usec = clock_boot_usec();
	if (channel->dead || channel->spent)
		lan_finished_schedule(channel->lan);
	else if (channel->open && timer_set(channel, IDLE_USEC) < 0)
		channel_end(channel, -ENOMEM);
}

void lan_channel_spend(struct lan_channel *channel)
{
	channel->spent = true;
}

coap_session_t *lan_channel_session(const struct lan_channel *channel)
{
	return channel->session;
}

const char *lan_channel_identity(const struct lan_channel *channel)
{
	return channel->identity;
}

bool lan_channel_is_dead(const struct lan_channel *channel)
{
	return channel->dead;
}

/* ---- keys that changed, and the end ---- */

static bool key_is_good(const struct lan_channel *channel)
{
	const struct lan *lan = channel->lan;

	return lan_secure_key_is(lan, channel->identity, channel->session);
}

void lan_channels_recheck(struct lan *lan)
{
	for (struct lan_channel *at = lan->channels; at; at = at->next)
		if (!at->dead && !key_is_good(at))
			channel_end(at, -EKEYREVOKED);
}

void lan_channels_drop(struct lan *lan)
{
	for (struct lan_channel *at = lan->channels; at; at = at->next)
		channel_end(at, -ECANCELED);
	lan_channels_release(lan);
}
