/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files lan*.c share; nobody else includes this. */

#include <sys/epoll.h>

#include "base/log.h"
#include "base/ratelimit.h"
#include "core/config.h"
#include "lan/block1.h"
#include "lan/echo.h"
#include "lan/lan-compat.h"
#include "lan/lan.h"
#include "lan/peer-table.h"
#include "lan/retransmission.h"

#define ENDPOINTS 4 /* IPv4 and IPv6, in clear and with DTLS */

/* What an unverified source may get for its bytes (RFC 9175 2.4, attack A8). */
#define UNVERIFIED_FACTOR 3
#define UNVERIFIED_MAX	  136

struct lan_interface {
	char name[16];
	unsigned index;	 /* 0 = not there */
	unsigned joined; /* the index for which the groups were joined */
};

/* One wildcard socket. libcoap owns the descriptor; we look ahead in its queue. */
struct lan_endpoint {
	coap_endpoint_t *endpoint;
	int family;
	int fd;
	void *event_data; /* what libcoap's epoll set holds for it */
	bool looks_ahead; /* SO_PEEK_OFF works */
	unsigned look;	  /* at so many datagrams next time */
	bool secure;	  /* DTLS */
	uint16_t port;
};

struct observer_list {
	struct lan_observer *first;
	size_t count;
};

struct exchange_list {
	struct lan_exchange *first, *last;
	size_t count;
};

/* How an answer is put together. Options of an answer come from here alone: block-wise and Observe
 * are off in libcoap, so it presets none. */
struct answer_parts {
	uint8_t code;
	bool observed; /* Observe with this sequence number */
	uint32_t observe;
	int format;	 /* -1 = none */
	int64_t max_age; /* -1 = none */
	int block1;	 /* value of the option, -1 = none */
	size_t size1;	 /* 0 = none */
	const char *location_id;
	enum lan_location location;
	struct span echo;
	struct span payload;
};

struct request_frame {
	struct request_key key;
	size_t size;	 /* bytes of the request */
	size_t spent;	 /* of what an unverified source may get: a probe went there */
	int no_response; /* RFC 7967: bits of the classes that are not wanted */
	int block1;
};

struct client_request;
struct lan_channel;
struct lan_secure;

/* Questions to everybody whose answers may still come. Each counts for ten seconds, and by the
 * timer alone one goes out every five; the others are for those that a person asks for. */
#define GROUP_ROUNDS 4

struct lan {
	sd_event *loop;
	struct lan_ops ops;
	void *userdata;
	struct limits *limits;

	coap_context_t *context;
	sd_event_source *io;
	bool touched; /* something was sent from outside libcoap: its timer is to be set again */
	struct lan_endpoint endpoints[ENDPOINTS];
	unsigned endpoint_count;
	struct inbox *inbox;
	uint16_t port, secure_port;
	struct lan_secure *secure; /* NULL: no DTLS */

	struct lan_interface interfaces[CONFIG_LIST_MAX];
	unsigned interface_count;
	uint64_t interfaces_usec; /* when their indexes were looked up */
	struct prefixes routed;

	struct echo *echo;
	int neighbour_fd; /* -1 = no MACs */
	struct peer_table neighbours;
	struct retransmissions *seen;
	struct ratelimit group_rate;
	struct block1 *blocks;
	sd_event_source *block_timer;
	bool block_timer_set;

	struct group_round {
		uint8_t token[PROBE_TOKEN_SIZE]; /* of a multicast probe */
		uint64_t until_usec;		 /* its answers count till then; 0: none was sent */
		size_t answers;
	} group_rounds[GROUP_ROUNDS];
	unsigned group_newest; /* of them */

	struct exchange_list held;	/* wait for their answer, oldest first */
	struct exchange_list late;	/* acknowledged, or of those that get no acknowledgement */
	struct exchange_list separated; /* answered by a CON of ours that is not acknowledged yet */
	struct observer_list observers;
	sd_event_source *held_timer;
	bool held_timer_set;
	sd_event_source *overdue_timer;
	bool overdue_timer_set;

	struct client_request *requests;
	struct client_request *finished; /* their sessions are released outside libcoap */
	sd_event_source *finished_defer;
	size_t request_count;
	struct lan_channel *channels; /* DTLS sessions of ours towards devices */
	size_t channel_count;	      /* those that are not dead */
	struct lan_watch *watches;
	size_t watch_count; /* that are not over */

	struct lan_stats stats;
};

/* lan.c */
const char *lan_interface_by_index(struct lan *lan, unsigned index);
bool lan_interface_is_ours(const struct lan *lan, const char *name);
void lan_turn_away(struct lan *lan, enum turned_away why, const struct device_address *address);
void lan_limit_reached(struct lan *lan, enum limit limit);
/* The address has shown that it is there. False when that could not be kept. */
bool lan_address_verified(struct lan *lan, const struct device_address *address);

/* The address of a datagram that came in over this interface of ours (NULL: unknown). */
void lan_address_of(const struct lan *lan, const struct sockaddr *from, const char *interface,
	struct device_address *ret_address);

/* lan-address.c */
void address_from_sockaddr(
	const struct sockaddr *from, const char *interface, struct device_address *ret_address);
/* -ENODEV when the interface of a link-local address is not there. */
int address_to_coap(const struct device_address *address, coap_address_t *ret);
/* What its requests are told apart by: the address, or nothing when its identity does that. */
const struct device_address *peer_place(const struct lan_peer *peer);
/* What tells this peer from others at its place: of a session its tier and identity, for two of
 * them may have one name; else 'ep', as it calls itself. Returns one of the two. */
#define PEER_NAME_SIZE (LAN_IDENTITY_MAX + 10)
const char *peer_name(const struct lan_peer *peer, const char *ep, char text[PEER_NAME_SIZE]);
/* The interface that the route to the address leaves by. 0 or negative errno. */
int address_route(const struct device_address *address, char ret_interface[16]);

/* True for an address that is link-local or shares a prefix with an address of the interface. */
bool address_is_on_link(const struct device_address *address, const char *interface);

/* lan-socket.c */
/* A port that nobody has, in either family. */
int lan_port_draw(uint16_t *ret_port);
int lan_socket_open(struct lan *lan, int family, uint16_t port, bool secure);
void lan_socket_join(struct lan *lan, struct lan_interface *interface);
/* Fills in receive_*. */
void lan_socket_room(const struct lan *lan, struct lan_stats *ret_stats);
/* Reads what waits, LAN_TURN_MAX datagrams and the run that they end in at most; how many. */
unsigned lan_socket_serve(struct lan *lan, struct lan_endpoint *endpoint);

/* lan-resources.c */
int lan_resources_add(struct lan *lan);

/* lan-multicast.c */
/* True for the very datagram that we sent to the group. */
bool lan_multicast_is_ours(const struct lan *lan, struct span bytes);
/* True when the response is an answer to the newest multicast probe; it is dealt with then. */
bool lan_multicast_answered(
	struct lan *lan, const coap_pdu_t *received, const struct device_address *address);

/* lan-message.c */
coap_pdu_t *message_build(uint8_t type, uint16_t mid, const struct request_key *key,
	const struct answer_parts *parts);
size_t message_size(const struct request_key *key, const struct answer_parts *parts);
/* What of the answer an unverified source may get; false: nothing. */
bool message_trim(const struct request_key *key, size_t budget, struct answer_parts *parts);
size_t message_budget(size_t request_size);

/* lan-exchange.c */
/* Answers a request at once, as ACK or NON; honours No-Response and what unverified sources may
 * get. Returns the bytes sent. */
size_t lan_reply(struct lan *lan, coap_session_t *session, const struct request_frame *frame,
	bool verified, struct answer_parts parts);
void lan_acknowledge(struct lan *lan, coap_session_t *session, uint16_t mid);
/* Pins the session. NULL on lack of memory. */
struct lan_exchange *lan_exchange_new(struct lan *lan, coap_session_t *session,
	const struct lan_peer *peer, const char *ep, const struct request_frame *frame);
/* Answers and frees it. */
void exchange_answer(struct lan_exchange *exchange, struct answer_parts parts);
const struct request_frame *exchange_frame(const struct lan_exchange *exchange);
struct lan *exchange_lan(const struct lan_exchange *exchange);
coap_session_t *exchange_session(const struct lan_exchange *exchange);
/* A CON answer of ours was acknowledged, reset or given up. */
void lan_exchange_settled(
	struct lan *lan, const struct device_address *address, uint16_t message_id);
/* The session ends: what is answered later is kept for a retransmission, and not sent. */
void lan_exchanges_orphan(struct lan *lan, const coap_session_t *session);
void lan_exchanges_drop(struct lan *lan);
struct answer_parts answer_parts_of(const struct lan_answer *answer);
bool message_send(struct lan *lan, coap_session_t *session, coap_pdu_t *pdu);

/* lan-neighbour.c */
int lan_neighbours_open(struct lan *lan);
void lan_neighbours_close(struct lan *lan);
/* The MAC of a verified peer. When another one stands behind the address than before, it has to
 * show anew that it is there: 'verified' goes. */
void lan_neighbour_note(struct lan *lan, struct lan_peer *peer);

/* lan-observe.c */
/* A notification was acknowledged, or (not 'taken') reset or given up. */
void lan_observer_settled(
	struct lan *lan, const struct device_address *address, uint16_t message_id, bool taken);
/* The session ends. */
void lan_observers_orphan(struct lan *lan, const coap_session_t *session);
void lan_observers_drop(struct lan *lan);

/* lan-client.c */
coap_response_t lan_client_answered(
	struct lan *lan, coap_session_t *session, const coap_pdu_t *received, bool *ret_mine);
/* 'sent': what was given up, or NULL. */
void lan_client_failed(struct lan *lan, const coap_session_t *session, const coap_pdu_t *sent,
	coap_nack_reason_t reason);
/* All that is asked over this session fails. */
void lan_client_ended(struct lan *lan, const coap_session_t *session, int result);
void lan_client_drop(struct lan *lan);
void lan_finished_schedule(struct lan *lan);
/* Something that only the one who was asked can know came back from there. */
void lan_question_answered(struct lan *lan, const struct device_address *to);
/* The blocks after this first one of an answer. The request is there until it is replied to. */
struct answer_view;
int lan_send_rest(struct lan *lan, const struct lan_outgoing *outgoing,
	const struct answer_view *first, lan_reply_fn reply, void *userdata,
	struct client_request **ret);
void lan_request_cancel(struct client_request *request); /* replies -ECANCELED */

/* lan-watch.c */
coap_response_t lan_watch_answered(
	struct lan *lan, const coap_session_t *session, const coap_pdu_t *received);
void lan_watch_failed(
	struct lan *lan, const coap_session_t *session, const coap_pdu_t *sent, int result);
void lan_watches_ended(struct lan *lan, const coap_session_t *session, int result);
void lan_watches_drop(struct lan *lan);
void lan_watches_release(struct lan *lan); /* those that are over */
/* RFC 7641 section 3.4 */
bool observation_is_newer(uint32_t last, uint64_t last_usec, uint32_t sequence, uint64_t now_usec);
