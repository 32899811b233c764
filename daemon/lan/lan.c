/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context: libcoap on the loop. libcoap keeps its sockets and one timer inside an epoll set;
 * that set is one source of ours. When it is readable we take its events ourselves: those of the
 * two endpoints go through the gate (lan-socket.c), the others straight to libcoap. Nothing in
 * libcoap ever waits, and coap_io_process() is never called from a handler.
 *
 * libcoap arms its timer at the end of its own turn. What is sent from elsewhere (an answer after a
 * commit, a request of ours) marks the context as touched, and the prepare callback of the source
 * arms the timer before the loop sleeps.
 *
 * libcoap's block-wise transfer (block1.c is ours), Observe, /.well-known/core and retransmission
 * cache are all unused: lan-resources.c has a handler for each method on each path, and each answer
 * is made by us.
 */

#include "lan/lan.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "lan/lan-arrival.h"
#include "lan/lan-channel.h"
#include "lan/lan-secure.h"

#define SESSION_TIMEOUT 60 /* seconds without a word */
/* A ClientHello counts before its cookie is checked, so a small cap shuts real devices out. */
#define HANDSHAKES_MAX	   4096
#define EVENTS_PER_TURN	   16
#define INTERFACES_MAX_AGE (5 * USEC_PER_SEC)
#define INTERFACES_MIN_AGE (USEC_PER_SEC / 2)

DEFINE_CLEANUP(struct lan *, lan_free, cleanup_lan)

static void interfaces_look_up(struct lan *lan, uint64_t now_usec)
{
	lan->interfaces_usec = now_usec;
	for (unsigned i = 0; i < lan->interface_count; i++) {
		struct lan_interface *interface = &lan->interfaces[i];
		interface->index = if_nametoindex(interface->name);
		if (interface->index != 0 && interface->joined != interface->index)
			lan_socket_join(lan, interface);
	}
}

/* An interface may go and come back under another index, so the table ages; strangers make it be
 * read again, but not for each of their datagrams. */
const char *lan_interface_by_index(struct lan *lan, unsigned index)
{
	uint64_t now = clock_boot_usec();
	bool fresh = now - lan->interfaces_usec < INTERFACES_MAX_AGE;

	for (int tries = 0; tries < 2; tries++) {
		for (unsigned i = 0; fresh && i < lan->interface_count; i++)
			if (index != 0 && lan->interfaces[i].index == index)
				return lan->interfaces[i].name;
		if (tries > 0 || (fresh && now - lan->interfaces_usec < INTERFACES_MIN_AGE))
			return NULL;
		interfaces_look_up(lan, now);
		fresh = true;
	}
	return NULL;
}

/* Behind a border router the IP alone says who it is. */
void lan_address_of(const struct lan *lan, const struct sockaddr *from, const char *interface,
	struct device_address *ret_address)
{
	address_from_sockaddr(from, interface, ret_address);
	if (prefixes_hold(&lan->routed, &ret_address->ip))
		ret_address->interface[0] = '\0';
}

bool lan_interface_is_ours(const struct lan *lan, const char *name)
{
	for (unsigned i = 0; i < lan->interface_count; i++)
		if (strcmp(lan->interfaces[i].name, name) == 0)
			return true;
	return false;
}

void lan_turn_away(struct lan *lan, enum turned_away why, const struct device_address *address)
{
	if (lan->ops.turned_away)
		lan->ops.turned_away(lan->userdata, why, address);
}

void lan_limit_reached(struct lan *lan, enum limit limit)
{
	lan->limits->reached[limit]++;
}

bool lan_address_verified(struct lan *lan, const struct device_address *address)
{
	int r = echo_verify(lan->echo, address);

	if (r > 0)
		lan_limit_reached(lan, LIMIT_VERIFIED_ADDRESSES);
	if (r >= 0 && lan->ops.reachable)
		lan->ops.reachable(lan->userdata, address);
	return r >= 0;
}

/* libcoap writes at debug level what we would like to know in a bad hour, and at warning level that
 * a queue was empty. All of it is debug to us. */
static void coap_log_line(coap_log_t level, const char *message)
{
	size_t size = strlen(message);

	(void)level;
	while (size > 0 && (message[size - 1] == '\n' || message[size - 1] == '\r'))
		size--;
	if (size == 0 || strstr(message, "Resource temporarily unavailable") ||
		strstr(message, "read failed"))
		return;
	log_debug("libcoap: %.*s", (int)size, message);
}

static coap_response_t response_arrived(coap_session_t *session, const coap_pdu_t *sent,
	const coap_pdu_t *received, const coap_mid_t mid)
{
	struct lan *lan = compat_app_data(coap_session_get_context(session));
	coap_bin_const_t token = coap_pdu_get_token(received);
	const coap_address_t *remote = coap_session_get_addr_remote(session);
	struct device_address address;
	bool mine;

	(void)sent;
	(void)mid;
	coap_response_t verdict = lan_client_answered(lan, session, received, &mine);
	if (mine)
		return verdict;
	lan_secure_heard(lan, session);
	const char *interface =
		lan_interface_by_index(lan, (unsigned)coap_session_get_ifindex(session));
	lan_address_of(lan, &remote->addr.sa, interface, &address);
	if (interface && echo_probe_answered(lan->echo, &address, span_of(token.s, token.length))) {
		lan_address_verified(lan, &address);
		return COAP_RESPONSE_OK;
	}
	if (interface && lan_multicast_answered(lan, received, &address))
		return COAP_RESPONSE_OK;
	/* RFC 7252 4.2: what was not asked for is reset when it wants an ACK, and ignored
	 * otherwise. */
	return coap_pdu_get_type(received) == COAP_MESSAGE_CON ? COAP_RESPONSE_FAIL
							       : COAP_RESPONSE_OK;
}

static void delivery_failed(coap_session_t *session, const coap_pdu_t *sent,
	const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct lan *lan = compat_app_data(coap_session_get_context(session));
	const coap_address_t *remote = coap_session_get_addr_remote(session);
	struct device_address address;

	if (coap_session_get_type(session) == COAP_SESSION_TYPE_CLIENT) {
		lan_client_failed(lan, session, sent, reason);
		return;
	}
	if (reason == COAP_NACK_RST)
		lan_secure_heard(lan, session);
	address_from_sockaddr(&remote->addr.sa, NULL, &address);
	lan_exchange_settled(lan, &address, (uint16_t)mid);
	lan_observer_settled(lan, &address, (uint16_t)mid, false);
}

static int session_event(coap_session_t *session, const coap_event_t event)
{
	struct lan *lan = compat_app_data(coap_session_get_context(session));

	if (coap_session_get_proto(session) == COAP_PROTO_DTLS) {
		if (coap_session_get_type(session) == COAP_SESSION_TYPE_CLIENT)
			lan_channel_event(session, event);
		else
			lan_secure_event(lan, session, event);
		return 0;
	}
	if (event == COAP_EVENT_SERVER_SESSION_NEW) {
		lan->stats.sessions++;
	} else if (event == COAP_EVENT_SERVER_SESSION_DEL && lan->stats.sessions > 0) {
		/* At the cap the oldest one goes before the new one comes. */
		if (lan->stats.sessions >= lan->limits->value[LIMIT_SESSIONS])
			lan_limit_reached(lan, LIMIT_SESSIONS);
		lan->stats.sessions--;
	}
	return 0;
}

static struct lan_endpoint *endpoint_of(struct lan *lan, const void *event_data)
{
	for (unsigned i = 0; event_data && i < lan->endpoint_count; i++)
		if (lan->endpoints[i].event_data == event_data)
			return &lan->endpoints[i];
	return NULL;
}

static int io_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct lan *lan = userdata;
	struct epoll_event event;
	unsigned served = 0;

	(void)revents;
	/* One event at a time: serving one may free the session that the next one points to. */
	for (int i = 0;
		i < EVENTS_PER_TURN && served < LAN_TURN_MAX && epoll_wait(fd, &event, 1, 0) == 1;
		i++) {
		struct lan_endpoint *endpoint = endpoint_of(lan, event.data.ptr);
		if (endpoint)
			served += lan_socket_serve(lan, endpoint);
		else
			coap_io_do_epoll(lan->context, &event, 1);
	}
	/* More waits than a turn takes: then the others go before the next one, also those that
	 * otherwise let us go first (what leaves for the platform). */
	sd_event_source_set_priority(source,
		served >= LAN_TURN_MAX ? SD_EVENT_PRIORITY_NORMAL + 10 : SD_EVENT_PRIORITY_NORMAL);
	return 0;
}

static int io_prepare(sd_event_source *source, void *userdata)
{
	struct lan *lan = userdata;
	coap_tick_t now;

	(void)source;
	if (!lan->touched)
		return 0;
	lan->touched = false;
	coap_ticks(&now);
	coap_io_prepare_epoll(lan->context, now);
	return 0;
}

static int context_new(struct lan *lan)
{
	coap_startup();
	coap_set_log_handler(coap_log_line);
	/* Above warnings it prints whole messages, and with them codes and readings. */
	coap_set_log_level(LAN_COAP_LOG_WARNING);
	lan->context = coap_new_context(NULL);
	if (!lan->context)
		return -ENOMEM;
	compat_set_app_data(lan->context, lan);
	coap_context_set_max_idle_sessions(
		lan->context, (unsigned)lan->limits->value[LIMIT_SESSIONS]);
	coap_context_set_session_timeout(lan->context, SESSION_TIMEOUT);
	coap_context_set_max_handshake_sessions(lan->context, HANDSHAKES_MAX);
	coap_context_set_block_mode(lan->context, 0);
	coap_register_response_handler(lan->context, response_arrived);
	coap_register_nack_handler(lan->context, delivery_failed);
	coap_register_event_handler(lan->context, session_event);
	return lan_resources_add(lan);
}

/* Both families on one port. A machine without one of them is served on the other. */
static int sockets_pair(struct lan *lan, uint16_t port, bool secure, uint16_t *ret_port)
{
	unsigned first = lan->endpoint_count;
	int r = port == 0 ? lan_port_draw(&port) : 0;

	if (r < 0)
		return r;
	int ipv4 = lan_socket_open(lan, AF_INET, port, secure), ipv6;
	if (ipv4 == -EADDRINUSE)
		return ipv4;
	ipv6 = lan_socket_open(lan, AF_INET6, port, secure);
	if (ipv6 < 0 && (ipv4 < 0 || ipv6 == -EADDRINUSE))
		return ipv6;
	*ret_port = lan->endpoints[first].port;
	return 0;
}

static int sockets_open(struct lan *lan, const struct lan_options *options)
{
	int r = sockets_pair(lan, options->port, false, &lan->port);

	if (r >= 0 && options->secure)
		r = lan_secure_start(lan, options);
	if (r >= 0 && options->secure)
		r = sockets_pair(lan, options->secure_port, true, &lan->secure_port);
	if (r < 0)
		return r;
	/* Nobody shall share the port later. */
	for (unsigned i = 0; i < lan->endpoint_count; i++) {
		int off = 0;
		setsockopt(lan->endpoints[i].fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
	}
	return 0;
}

static int loop_attach(struct lan *lan)
{
	int r = sd_event_add_io(lan->loop, &lan->io, coap_context_get_coap_fd(lan->context),
		EPOLLIN, io_ready, lan);

	if (r < 0)
		return r;
	sd_event_source_set_description(lan->io, "coap");
	return sd_event_source_set_prepare(lan->io, io_prepare);
}

static void interfaces_copy(struct lan *lan, const struct config_list *names)
{
	for (unsigned i = 0; i < names->count && i < CONFIG_LIST_MAX; i++) {
		struct lan_interface *interface = &lan->interfaces[lan->interface_count];
		/* The kernel has none of a longer name. */
		if (span_to_string(span_from_string(names->item[i]), interface->name,
			    sizeof(interface->name)) == 0)
			lan->interface_count++;
	}
}

int lan_new(sd_event *loop, const struct lan_options *options, const struct lan_ops *ops,
	void *userdata, struct lan **ret)
{
	struct lan *lan CLEANUP(cleanup_lan) = calloc(1, sizeof(*lan));

	if (!lan)
		return -ENOMEM;
	lan->loop = sd_event_ref(loop);
	lan->ops = *ops;
	lan->userdata = userdata;
	lan->limits = options->limits;
	interfaces_copy(lan, options->interfaces);
	if (options->routed)
		prefixes_read(options->routed, &lan->routed);
	lan->neighbour_fd = -EBADF;
	lan->inbox = inbox_new();
	if (!lan->inbox)
		return -ENOMEM;
	int r = echo_new(lan->limits->value[LIMIT_VERIFIED_ADDRESSES], &lan->echo);
	if (r >= 0)
		r = lan_neighbours_open(lan);
	if (r >= 0)
		r = retransmissions_new(lan->limits->value[LIMIT_DEVICES], &lan->seen);
	if (r >= 0)
		r = block1_new(lan->limits->value[LIMIT_BLOCK_TRANSFERS],
			lan->limits->value[LIMIT_BODY], &lan->blocks);
	if (r >= 0)
		r = context_new(lan);
	if (r >= 0)
		r = sockets_open(lan, options);
	if (r >= 0)
		r = loop_attach(lan);
	if (r < 0)
		return r;
	interfaces_look_up(lan, clock_boot_usec());
	*ret = STEAL(lan);
	return 0;
}

struct lan *lan_free(struct lan *lan)
{
	if (!lan)
		return NULL;
	/* Who waited for a reply may still answer somebody. */
	lan_client_drop(lan);
	lan_exchanges_drop(lan);
	lan_observers_drop(lan);
	lan_neighbours_close(lan);
	loop_source_free(lan->held_timer);
	loop_source_free(lan->overdue_timer);
	loop_source_free(lan->block_timer);
	loop_source_free(lan->finished_defer);
	loop_source_free(lan->io);
	lan_secure_end_all(lan);
	if (lan->context)
		coap_free_context(lan->context);
	lan_secure_free(lan);
	echo_free(lan->echo);
	retransmissions_free(lan->seen);
	block1_free(lan->blocks);
	inbox_free(lan->inbox);
	sd_event_unref(lan->loop);
	free(lan);
	return NULL;
}

uint16_t lan_port(const struct lan *lan)
{
	return lan->port;
}

uint16_t lan_secure_port(const struct lan *lan)
{
	return lan->secure_port;
}

void lan_remember(struct lan *lan, const struct device_address *address, const char *ep,
	const struct request_key *key, uint64_t since_usec)
{
	const struct request_id id = {.address = address, .ep = ep, .key = key};

	/* Without memory a late retransmission makes a second reading, which is allowed. */
	retransmissions_remember(lan->seen, &id, COAP_CODE(2, 4), since_usec);
}

void lan_remember_session(struct lan *lan, enum trust trust, const char *identity,
	const struct request_key *key, uint64_t since_usec)
{
	struct lan_peer peer = {.trust = trust};
	char name[PEER_NAME_SIZE];

	snprintf(peer.identity, sizeof(peer.identity), "%s", identity);
	lan_remember(lan, peer_place(&peer), peer_name(&peer, "", name), key, since_usec);
}

bool lan_wants_broadcast_address(void)
{
	return LAN_WANTS_BROADCAST_ADDRESS;
}

void lan_stats(const struct lan *lan, struct lan_stats *ret_stats)
{
	*ret_stats = lan->stats;
	ret_stats->held = lan->held.count + lan->late.count;
	ret_stats->secure_sessions = lan_secure_count(lan);
	ret_stats->secure_asked = lan->channel_count;
	ret_stats->verified = echo_verified_count(lan->echo);
	lan_socket_room(lan, ret_stats);
}
