/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has a DTLS session. Who may get one is decided in lan-handshake.c.
 *
 * A session that somebody knocks at is suspect: the device rebooted and kept its port, or somebody
 * who can read what it gets plays the device. It is asked a question that only the device can
 * answer, over the session itself (a CoAP ping); if nothing that only the device can have sent
 * comes within 0.9 s, the session ends, and the ClientHello that the device repeats after a second
 * begins a new one. So a forged datagram ends no session, nor does one from the true address.
 *
 * An established session is held by a reference, so that libcoap, which at its cap lets go of
 * whoever was silent for longest, never does so with ours. We choose ourselves: strangers (a good
 * key, and nobody approved the device) have a cap of their own, and go before the others do. One
 * device has one session: a new one, once its handshake is complete, ends the old one.
 *
 * When keys or authorities change, a round begins in which each session is looked at once: some of
 * them in each turn of the loop, and whoever says something before that, before it is heard.
 */

#include "lan/lan-secure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/loop.h"
#include "lan/lan-channel.h"

#define ANSWER_WITHIN_USEC (900 * USEC_PER_MSEC)
#define ASK_PAUSE_USEC	   (5 * USEC_PER_SEC)
#define STRANGER_USEC	   (300 * USEC_PER_SEC)
/* Else a ping would wait behind answers that were not acknowledged. */
#define UNDER_WAY_MAX 20
/* Certificates that are verified anew before others on the loop get their turn. */
#define RECHECKS_A_TURN 16

const char *secure_port_text(const struct device_address *address, char text[8])
{
	snprintf(text, 8, "%" PRIu16, address->port);
	return text;
}

struct peer_entry *secure_entry_find(struct peer_table *table, const struct device_address *address)
{
	char port[8];

	return peer_table_find(table, address, secure_port_text(address, port));
}

static bool session_address(
	struct lan *lan, const coap_session_t *session, struct device_address *ret_address)
{
	const char *interface =
		lan_interface_by_index(lan, (unsigned)coap_session_get_ifindex(session));

	if (!interface)
		return false;
	lan_address_of(
		lan, &coap_session_get_addr_remote(session)->addr.sa, interface, ret_address);
	return true;
}

/* ---- the end of a session ---- */

void lan_secure_end(struct lan *lan, struct secure_peer *peer, bool connected)
{
	coap_session_t *session = peer->session;

	coap_session_set_app_data(session, NULL);
	peer_table_remove(&lan->secure->peers, &peer->entry);
	lan_exchanges_orphan(lan, session);
	lan_observers_orphan(lan, session);
	if (connected)
		coap_session_disconnected(session, COAP_NACK_NOT_DELIVERABLE);
	coap_session_release(session);
	lan->touched = true;
}

static struct secure_peer *peer_of(const coap_session_t *session)
{
	return coap_session_get_app_data(session);
}

static struct secure_peer *peer_newer(const struct secure_peer *peer)
{
	return (struct secure_peer *)peer->entry.newer;
}

static struct secure_peer *peer_first(const struct lan *lan)
{
	return (struct secure_peer *)lan->secure->peers.oldest;
}

static bool is_stranger(const struct lan *lan, const struct secure_peer *peer)
{
	return !lan->ops.keeps || !lan->ops.keeps(lan->userdata, &peer->who);
}

/* ---- suspects ---- */

static int suspects_due(sd_event_source *source, uint64_t usec, void *userdata);

static void suspects_timer_set(struct lan *lan, uint64_t delay_usec)
{
	struct lan_secure *secure = lan->secure;

	if (!secure->timer_set && loop_timer_set(lan->loop, &secure->timer, delay_usec,
					  suspects_due, lan, "coap-suspects") >= 0)
		secure->timer_set = true;
}

static int suspects_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lan *lan = userdata;
	uint64_t now = clock_boot_usec();
	uint64_t next = 0;

	(void)source;
	(void)usec;
	lan->secure->timer_set = false;
	for (struct secure_peer *peer = peer_first(lan), *newer; peer; peer = newer) {
		newer = peer_newer(peer);
		uint64_t age = now - peer->asked_usec;
		if (peer->suspect && age >= ANSWER_WITHIN_USEC) {
			log_info("The device %s begins a new session: the old one does not answer.",
				peer->who.name);
			lan_secure_end(lan, peer, true);
		} else if (peer->suspect && (next == 0 || ANSWER_WITHIN_USEC - age < next)) {
			next = ANSWER_WITHIN_USEC - age;
		}
	}
	if (next > 0)
		suspects_timer_set(lan, next);
	return 0;
}

void lan_secure_suspect(struct lan *lan, struct secure_peer *peer)
{
	uint64_t now = clock_boot_usec();

	if (peer->suspect || (peer->asked_usec > 0 && now - peer->asked_usec < ASK_PAUSE_USEC))
		return;
	coap_pdu_t *ping = coap_pdu_init(
		COAP_MESSAGE_CON, COAP_EMPTY_CODE, coap_new_message_id(peer->session), 0);
	if (!ping)
		return;
	peer->suspect = true;
	peer->asked_usec = now;
	lan->touched = true;
	coap_send(peer->session, ping);
	suspects_timer_set(lan, ANSWER_WITHIN_USEC);
}

void lan_secure_heard(struct lan *lan, coap_session_t *session)
{
	struct secure_peer *peer = peer_of(session);

	(void)lan;
	if (!peer)
		return;
	peer->suspect = false;
	peer->heard_usec = clock_boot_usec();
}

/* ---- handshakes that end ---- */

static struct secure_peer *peer_by_identity(
	const struct lan *lan, enum trust trust, const char *identity)
{
	struct secure_peer *peer = peer_first(lan);

	while (peer && (peer->who.trust != trust || strcmp(peer->who.identity, identity) != 0))
		peer = peer_newer(peer);
	return peer;
}

/* The one that was silent for longest, of the strangers or of all. */
static struct secure_peer *peer_most_silent(
	const struct lan *lan, bool strangers, unsigned *ret_count)
{
	struct secure_peer *found = NULL;

	*ret_count = 0;
	for (struct secure_peer *peer = peer_first(lan); peer; peer = peer_newer(peer)) {
		if (strangers && !is_stranger(lan, peer))
			continue;
		++*ret_count;
		if (!found || peer->heard_usec < found->heard_usec)
			found = peer;
	}
	return found;
}

static void peers_make_room(struct lan *lan, bool stranger)
{
	const struct limits *limits = lan->limits;
	unsigned strangers, count;
	struct secure_peer *silent = peer_most_silent(lan, true, &strangers);

	if (stranger && strangers >= limits->value[LIMIT_SECURE_STRANGERS]) {
		lan_limit_reached(lan, LIMIT_SECURE_STRANGERS);
		lan_secure_end(lan, silent, true);
	} else if (silent && clock_boot_usec() - silent->heard_usec > STRANGER_USEC) {
		lan_secure_end(lan, silent, true);
	}
	if (lan->secure->peers.count < lan->secure->peers.max)
		return;
	lan_limit_reached(lan, LIMIT_SECURE_SESSIONS);
	silent = peer_most_silent(lan, true, &count);
	lan_secure_end(lan, silent ? silent : peer_most_silent(lan, false, &count), true);
}

static bool identity_read(const coap_session_t *session, struct lan_peer *who)
{
	const coap_bin_const_t *name = coap_session_get_psk_identity(session);

	if (!name || name->length == 0 ||
		span_to_string(
			span_of(name->s, name->length), who->identity, sizeof(who->identity)) < 0 ||
		span_to_string(span_of(name->s, name->length), who->name, sizeof(who->name)) < 0)
		return false;
	who->trust = TRUST_PSK;
	return true;
}

/* By its certificate, or by the identity whose key it has: the one of now, which may be another
 * than the one that the handshake asked for. */
static bool peer_identify(struct lan *lan, coap_session_t *session, struct secure_peer *peer)
{
	struct lan_certificate certificate;

	if (!lan_dtls_has_certificate(session))
		return identity_read(session, &peer->who) &&
		       lan_secure_key_is(lan, peer->who.identity, session);
	if (!lan_dtls_certificate(lan->secure->dtls, session, &certificate))
		return false;
	peer->who.trust = TRUST_CERT;
	memcpy(peer->who.identity, certificate.fingerprint, sizeof(certificate.fingerprint));
	memcpy(peer->who.name, certificate.name, sizeof(certificate.name));
	memcpy(peer->who.authority, certificate.authority, sizeof(certificate.authority));
	peer->not_after = certificate.not_after;
	peer->undated = !clock_is_synced();
	return true;
}

static void connected(struct lan *lan, coap_session_t *session)
{
	struct secure_peer fresh = {.heard_usec = clock_boot_usec(),
		.overhead = lan_dtls_overhead(session),
		.checked = lan->secure->round};
	struct device_address address;
	struct peer_entry *entry;
	char port[8];

	if (!session_address(lan, session, &address))
		return;
	entry = secure_entry_find(&lan->secure->handshakes, &address);
	if (entry)
		peer_table_remove(&lan->secure->handshakes, entry);
	if (!peer_identify(lan, session, &fresh))
		return;
	struct secure_peer *old = peer_by_identity(lan, fresh.who.trust, fresh.who.identity);
	if (old)
		lan_secure_end(lan, old, true);
	peers_make_room(lan, is_stranger(lan, &fresh));
	/* Without memory nobody is known at the other end, and it times out. */
	if (peer_table_add(
		    &lan->secure->peers, &address, secure_port_text(&address, port), &entry) < 0)
		return;
	struct secure_peer *peer = (struct secure_peer *)entry;
	fresh.entry = peer->entry;
	fresh.session = coap_session_reference(session);
	*peer = fresh;
	coap_session_set_app_data(session, peer);
	coap_session_set_nstart(session, UNDER_WAY_MAX);
	lan_address_verified(lan, &address);
	peer->who.address = address;
	peer->who.interface_index = (unsigned)coap_session_get_ifindex(session);
	peer->who.verified = true;
	if (lan->ops.entered)
		lan->ops.entered(lan->userdata, &peer->who);
}

static void failed(struct lan *lan, coap_session_t *session)
{
	struct device_address address;
	struct peer_entry *entry;

	if (!session_address(lan, session, &address))
		return;
	entry = secure_entry_find(&lan->secure->handshakes, &address);
	if (!entry)
		return;
	peer_table_remove(&lan->secure->handshakes, entry);
	lan_turn_away(lan, lan_dtls_refused(lan->secure->dtls) ? AWAY_CERTIFICATE : AWAY_HANDSHAKE,
		&address);
}

void lan_secure_event(struct lan *lan, coap_session_t *session, coap_event_t event)
{
	struct secure_peer *peer = peer_of(session);

	if (event == COAP_EVENT_DTLS_CONNECTED && !peer)
		connected(lan, session);
	else if (event == COAP_EVENT_DTLS_CLOSED && peer)
		lan_secure_end(lan, peer, false);
	else if (event == COAP_EVENT_DTLS_CLOSED)
		failed(lan, session);
}

bool lan_secure_describe(const coap_session_t *session, struct lan_peer *peer)
{
	const struct secure_peer *found = peer_of(session);

	if (!found)
		return false;
	peer->trust = found->who.trust;
	memcpy(peer->identity, found->who.identity, sizeof(peer->identity));
	memcpy(peer->name, found->who.name, sizeof(peer->name));
	memcpy(peer->authority, found->who.authority, sizeof(peer->authority));
	peer->verified = true;
	return true;
}

bool lan_secure_is_over(const struct secure_peer *peer)
{
	return peer->not_after && clock_is_synced() &&
	       (peer->undated || clock_wall_msec() > peer->not_after);
}

/* ---- keys and certificates that are not good any more ---- */

bool lan_secure_key_is(const struct lan *lan, const char *identity, const coap_session_t *session)
{
	const coap_bin_const_t *used = coap_session_get_psk_key(session);
	uint8_t key[LAN_PSK_MAX];
	size_t size = 0;
	bool good = lan->ops.psk(lan->userdata, identity, key, &size) && used &&
		    used->length == size && crypto_equal(used->s, key, size);

	crypto_wipe(key, sizeof(key));
	return good;
}

static bool certificate_is_good(const struct lan *lan, const struct secure_peer *peer)
{
	struct lan_certificate certificate;

	return !lan_secure_is_over(peer) &&
	       lan_dtls_certificate(lan->secure->dtls, peer->session, &certificate) &&
	       lan->ops.certificate(lan->userdata, &certificate);
}

bool lan_secure_is_good(struct lan *lan, struct secure_peer *peer)
{
	bool certified = peer->who.trust == TRUST_CERT;

	if (peer->checked == lan->secure->round)
		return true;
	peer->checked = lan->secure->round;
	return certified ? certificate_is_good(lan, peer)
			 : lan_secure_key_is(lan, peer->who.identity, peer->session);
}

static int recheck_on(sd_event_source *source, void *userdata);

static void recheck_plan(struct lan *lan)
{
	sd_event_source **defer = &lan->secure->recheck_defer;

	/* Without memory each is looked at with its next datagram. */
	if (*defer)
		sd_event_source_set_enabled(*defer, SD_EVENT_ONESHOT);
	else if (sd_event_add_defer(lan->loop, defer, recheck_on, lan) >= 0)
		sd_event_source_set_description(*defer, "coap-recheck");
}

/* A key is compared in no time; a chain of signatures takes its while, so there are few in a turn.
 */
static void recheck_some(struct lan *lan)
{
	unsigned chains = 0;

	for (struct secure_peer *peer = peer_first(lan), *newer; peer; peer = newer) {
		newer = peer_newer(peer);
		if (peer->checked == lan->secure->round)
			continue;
		if (peer->who.trust == TRUST_CERT && chains++ == RECHECKS_A_TURN) {
			recheck_plan(lan);
			return;
		}
		if (!lan_secure_is_good(lan, peer))
			lan_secure_end(lan, peer, true);
	}
}

static int recheck_on(sd_event_source *source, void *userdata)
{
	(void)source;
	recheck_some(userdata);
	return 0;
}

void lan_recheck_keys(struct lan *lan)
{
	if (!lan->secure)
		return;
	lan->secure->round++;
	recheck_some(lan);
	lan_channels_recheck(lan);
}

int lan_trust(struct lan *lan, const char *const *authorities, size_t count)
{
	int r = lan->secure ? lan_dtls_trust(lan->secure->dtls, authorities, count) : 0;

	if (r >= 0)
		lan_recheck_keys(lan);
	return r;
}

/* ---- birth and death ---- */

int lan_secure_start(struct lan *lan, const struct lan_options *options)
{
	struct lan_secure *secure = calloc(1, sizeof(*secure));
	int r;

	if (!secure)
		return -ENOMEM;
	lan->secure = secure;
	r = peer_table_init(&secure->handshakes, lan->limits->value[LIMIT_HANDSHAKES],
		sizeof(struct handshake), NULL);
	if (r >= 0)
		r = peer_table_init(&secure->peers, lan->limits->value[LIMIT_SECURE_SESSIONS],
			sizeof(struct secure_peer), NULL);
	return r < 0 ? r : lan_dtls_new(lan, options, &secure->dtls);
}

void lan_secure_end_all(struct lan *lan)
{
	while (lan->secure && peer_first(lan))
		lan_secure_end(lan, peer_first(lan), true);
}

void lan_secure_free(struct lan *lan)
{
	struct lan_secure *secure = STEAL(lan->secure);

	if (!secure)
		return;
	loop_source_free(secure->timer);
	loop_source_free(secure->handshake_timer);
	loop_source_free(secure->recheck_defer);
	peer_table_done(&secure->handshakes);
	peer_table_done(&secure->peers);
	lan_dtls_free(secure->dtls);
	free(secure);
}

size_t lan_secure_count(const struct lan *lan)
{
	return lan->secure ? lan->secure->peers.count : 0;
}
