/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CoAP on the loop: libcoap behind one table of paths. This room knows addresses, options, message
 * ids and tokens; it does not know what a device is. It hands each admissible request to the host
 * as an exchange; the host answers it now or later (a 2.04 waits for the commit). An answer goes
 * out as a piggybacked ACK with the request's message id; after 1 s without an answer an empty ACK
 * is sent and the answer becomes a separate CON.
 *
 * With DTLS (PSK, or certificates under registered authorities) the same requests come over
 * sessions: a session has an identity and an endpoint name, wherever its device speaks from. At
 * psk the identity is the name; at cert it is the certificate's fingerprint, and the name is what
 * the certificate says.
 *
 * What is done here and nowhere else: every method on every path has a handler of ours; unverified
 * sources get at most 3 times their bytes and 136 bytes; Echo (RFC 9175); retransmissions (table of
 * the last 16 (message id, token) for each peer identity, rebuilt at start from what the host
 * remembers); wrong interfaces; token lengths; body limits; bodies in blocks (Block1, RFC 7959);
 * sessions capped; No-Response (RFC 7967) and NON.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/chain.h"
#include "base/span.h"
#include "core/device.h"
#include "core/heard.h"
#include "core/limits.h"
#include "core/prefix.h"
#include "core/reading.h"
#include "lan/rd-parameters.h"

struct lan;
struct lan_exchange;

enum lan_resource {
	LAN_ENROL,	    /* /enrol */
	LAN_TELEMETRY,	    /* /t */
	LAN_TIME,	    /* /time: answered by the host too */
	LAN_DEVICE,	    /* /d/<id> */
	LAN_DEVICE_COMMAND, /* /d/<id>/c */
	LAN_RD,		    /* /rd: register (RFC 9176 section 5) */
	LAN_RD_ENTRY,	    /* /rd/<id>: update, remove (section 5.3) */
	LAN_RD_SIMPLE,	    /* /.well-known/rd (section 5.1) */
	LAN_RESOURCES
};

enum lan_method {
	LAN_GET = 1,
	LAN_POST = 2,
	LAN_PUT = 3,
	LAN_DELETE = 4,
	LAN_FETCH = 5,
	LAN_PATCH = 6,
	LAN_IPATCH = 7
};

/* CoAP codes as one byte, class << 5 | detail. */
#define COAP_CODE(class, detail) ((uint8_t)((class) << 5 | (detail)))

/* Bytes of a key, and of the identity that a session has shown. */
#define LAN_PSK_MAX 64
/* Datagrams in one turn of the loop, before others on it get theirs; a run of them that has begun
 * is served to its end. */
#define LAN_TURN_MAX	 128
#define LAN_IDENTITY_MAX 64

struct lan_peer {
	struct device_address address;
	unsigned interface_index;
	enum trust trust; /* of the transport */
	/* authenticated identity of the session: at psk the endpoint name, at cert the
	 * certificate's fingerprint; "" at plain */
	char identity[LAN_IDENTITY_MAX + 1];
	char name[EP_MAX + 1];		  /* that the session speaks for, "" at plain */
	char authority[FINGERPRINT_SIZE]; /* that its certificate is under, "" = none */
	bool verified;		 /* return routability was shown (Echo or reachability probe) */
	char mac[MAC_TEXT_SIZE]; /* of a verified neighbour, "" = none */
};

/* Where the first segment of a Location-Path leads. */
enum lan_location { LAN_LOCATION_DEVICE, LAN_LOCATION_RD };

/* A view; spans are valid during the callback only. */
struct lan_request {
	enum lan_resource resource;
	enum lan_method method;
	const struct lan_peer *peer;	   /* until the exchange is answered */
	char ep[EP_MAX + 1];		   /* ?ep=, checked by ep_check; "" = absent */
	char device_id[DEVICE_ID_MAX + 1]; /* of /d/<id>... */
	char value_name[65];		   /* ?n= */
	int content_format;		   /* -1 = none */
	int accept;			   /* -1 = none */
	struct rd_parameters rd;	   /* of LAN_RD... */
	struct span payload;
	struct request_key key;
	bool confirmable;
	bool no_response_success; /* RFC 7967: 2.xx is not wanted */
	bool observe;		  /* RFC 7641: it wants to be told of changes: lan_observe() */
	struct lan_exchange
		*exchange; /* to be answered exactly once: lan_answer() or lan_silence() */
};

struct lan_answer {
	uint8_t code;		 /* COAP_CODE(2, 4) */
	int format;		 /* -1 = none */
	struct span payload;	 /* copied */
	int64_t max_age;	 /* seconds; -1 = none */
	const char *location_id; /* Location-Path d/<id> or rd/<id>, or NULL */
	enum lan_location location;
};

/* What the answer to a multicast probe says (RFC 7252 section 8). The name comes from an ep=
 * attribute of its links (RFC 9176 section 9.3); who has none is turned away as malformed. */
struct lan_sighting {
	struct device_address address;
	char ep[EP_MAX + 1];
};

/* A certificate that leads to a registered authority. */
struct lan_certificate {
	char name[EP_MAX +
		  1]; /* its subject's common name or serial number, or of its fingerprint */
	char fingerprint[FINGERPRINT_SIZE], authority[FINGERPRINT_SIZE];
	int64_t not_after; /* wall milliseconds */
};

struct lan_ops {
	/* A request that passed this room's own checks, with its body whole. Resources enrol,
	 * telemetry and device at plain come only from verified sources (others got 4.01 + Echo
	 * here); those of the resource directory come from anybody, and an unverified source is
	 * probed meanwhile. */
	void (*request)(void *userdata, const struct lan_request *request);
	/* Turned away in this room. */
	void (*turned_away)(
		void *userdata, enum turned_away why, const struct device_address *from);
	/* An address that had not done so has shown that it is there. May be NULL. */
	void (*reachable)(void *userdata, const struct device_address *address);
	/* Somebody answered a multicast probe. May be NULL. */
	void (*sighted)(void *userdata, const struct lan_sighting *sighting);
	/* An observer is gone, with the userdata of lan_observe(). May be NULL. */
	void (*unobserved)(void *userdata, void *observer_userdata);
	/* The key of this DTLS identity, at most LAN_PSK_MAX bytes; false: there is none. Asked in
	 * the middle of a handshake. May be NULL. */
	bool (*psk)(void *userdata, const char *identity, uint8_t ret_key[LAN_PSK_MAX],
		size_t *ret_size);
	/* May the device with this certificate shake hands? Asked in the middle of it, and again by
	 * lan_recheck_keys(). NULL: none may. */
	bool (*certificate)(void *userdata, const struct lan_certificate *certificate);
	/* Its handshake is complete: it has a session. May be NULL. */
	void (*entered)(void *userdata, const struct lan_peer *peer);
	/* True when the session of this peer is one to keep: of an approved device. */
	bool (*keeps)(void *userdata, const struct lan_peer *peer);
};

struct lan_options {
	const struct config_list *interfaces; /* names */
	const struct config_list *routed;     /* prefixes, NULL = none: see core/prefix.h */
	uint16_t port;			      /* 0 = any */
	bool secure;			      /* DTLS too, on 'secure_port' (0 = any) */
	uint16_t secure_port;
	/* What the gateway shows who asks for a certificate, in PEM: an EC key and a chain. NULL:
	 * it has none, and devices come with PSK alone. */
	const char *certificate, *key;
	struct limits *limits; /* values read, 'reached' counted */
};

int lan_new(sd_event *loop, const struct lan_options *options, const struct lan_ops *ops,
	void *userdata, struct lan **ret);
struct lan *lan_free(struct lan *lan); /* unanswered exchanges become silence */
/* The UDP ports in use, host order; that of DTLS is 0 without it. */
uint16_t lan_port(const struct lan *lan);
uint16_t lan_secure_port(const struct lan *lan);
/* Keys have changed: asks ops.psk for the key of each session and ops.certificate for its
 * certificate, and ends those that are not good any more. */
void lan_recheck_keys(struct lan *lan);
/* The authorities of devices' certificates, each in PEM as authority_read() gave it; they take the
 * place of the former ones, and sessions under one that is not among them end. Negative errno, and
 * nothing changed. */
int lan_trust(struct lan *lan, const char *const *authorities, size_t count);

/* Each consumes the exchange; any time, any order, on the loop. */
void lan_answer(struct lan_exchange *exchange, const struct lan_answer *answer);
/* Short form: a code and a diagnostic text (may be NULL). */
void lan_answer_text(
	struct lan_exchange *exchange, uint8_t code, const char *text, int64_t max_age);
void lan_silence(struct lan_exchange *exchange);
/* It is answered with 5.03 and Max-Age when nobody did so within 10 s. It is still to be consumed:
 * its answer goes nowhere then. */
void lan_exchange_expire(struct lan_exchange *exchange);
/* Was it? What was asked for was promised to nobody then, and is asked for again. */
bool lan_exchange_is_expired(const struct lan_exchange *exchange);
/*
 * Answers as lan_answer() does, and remembers who asked as an observer (RFC 7641 section 4): each
 * lan_notify() sends the present answer to the same question again, as a CON with the next sequence
 * number. One is under way at a time; what comes meanwhile takes the place of what waits. NULL when
 * there are LIMIT_OBSERVERS of them, or no memory: then it was answered as if it had not asked for
 * that. An observer that resets or does not acknowledge is told to ops.unobserved and freed.
 */
struct lan_observer;
struct lan_observer *lan_observe(
	struct lan_exchange *exchange, const struct lan_answer *answer, void *userdata);
void lan_notify(struct lan_observer *observer, const struct lan_answer *answer);
/* True when this exchange comes from the same endpoint with the same token: it asks for an end. */
bool lan_observer_is(const struct lan_observer *observer, const struct lan_exchange *exchange);
const struct lan_peer *lan_observer_peer(const struct lan_observer *observer);
/* Nothing more is sent, and nobody is told. NULL. */
struct lan_observer *lan_observer_free(struct lan_observer *observer);

/* The MAC behind an address, "" when there is none (see neighbour.h). At most a second old. */
void lan_mac(struct lan *lan, const struct device_address *address, char ret_mac[MAC_TEXT_SIZE]);

const struct lan_peer *lan_exchange_peer(const struct lan_exchange *exchange);

/* At start: a request that was answered before the restart and came at 'since_usec' of boot time;
 * its retransmission gets 2.04 and no second reading. */
void lan_remember(struct lan *lan, const struct device_address *address, const char *ep,
	const struct request_key *key, uint64_t since_usec);
/* The same of one that came over a session with this tier and identity. */
void lan_remember_session(struct lan *lan, enum trust trust, const char *identity,
	const struct request_key *key, uint64_t since_usec);

/* Our own requests to a device. The path is one of ours or of its link list ("/info"); never leaves
 * the address. With an identity it goes over DTLS, with the key that ops.psk has for it, or not at
 * all: who answers has the key. */
struct lan_outgoing {
	struct device_address to;
	const char *identity; /* NULL: in clear */
	enum lan_method method;
	const char *path;   /* "/a/b?x=y" */
	int content_format; /* of the payload, -1 = none */
	int accept;	    /* -1 = none */
	struct span payload;
	bool is_long;	   /* up to REQUEST_LONG_MAX bytes instead of what small stacks expect */
	size_t answer_max; /* bytes, also of one in blocks; more is -EMSGSIZE */
	uint64_t timeout_usec; /* 0 = CoAP's own (about 93 s) */
};
/* Where this address is from here: its interface ("" in a routed prefix) becomes that of the way to
 * it. -ENETUNREACH when that is none of ours, or nobody there can be a neighbour. */
int lan_locate(const struct lan *lan, struct device_address *address);
/* result 0: an answer arrived (any code). Otherwise -ETIMEDOUT (also of a handshake: the other end
 * has another key, perhaps), -ECONNREFUSED (reset; nobody there shakes hands), -ECONNRESET (it
 * ended the session), -EKEYREVOKED, -EMSGSIZE, -EBADMSG (blocks that do not fit together),
 * -ECANCELED (shutdown). */
typedef void (*lan_reply_fn)(
	void *userdata, int result, uint8_t code, int format, struct span payload);
/* 0, -EBUSY at LIMIT_PROBES or LIMIT_SECURE_ASKED, -ENETUNREACH for an address outside our
 * interfaces, -ENOKEY when nobody knows the identity's key, or another negative errno; then 'reply'
 * is not called. */
int lan_send(
	struct lan *lan, const struct lan_outgoing *outgoing, lan_reply_fn reply, void *userdata);

/*
 * Observes a resource (RFC 7641), a GET of 'outgoing'; its time-out and payload do not count. Every
 * representation comes as a notice, also those in blocks; it is asked for anew when Max-Age is
 * over. -EBUSY at LIMIT_OBSERVATIONS, else as lan_send().
 */
struct lan_watch;
struct lan_notice {
	int result; /* negative: it is not there; the rest is empty */
	uint8_t code;
	int format;
	struct span payload;
	bool partial; /* the first block of more, and it does not notify: read it by GET */
	bool goes_on; /* otherwise the observation is over, and its handle with it */
};
typedef void (*lan_notice_fn)(void *userdata, const struct lan_notice *notice);
int lan_watch(struct lan *lan, const struct lan_outgoing *outgoing, lan_notice_fn notify,
	void *userdata, struct lan_watch **ret);
/* Tells the device; no notice comes any more, and the handle is gone. */
void lan_unwatch(struct lan_watch *observation);
/* The device was seen anew: it may have forgotten us. */
void lan_watch_again(struct lan_watch *observation);

/* Asks everybody on our interfaces for their links: one datagram for each group and interface. The
 * answers come within some seconds, as ops.sighted; those to an earlier question count no more. The
 * number of datagrams that went out. */
unsigned lan_probe_multicast(struct lan *lan);

/* Must an interface have a broadcast address (IPv4) for its devices to be answered? Some versions
 * of libcoap want that. */
bool lan_wants_broadcast_address(void);

struct lan_stats {
	uint64_t requests, answers, retransmissions, separate, silenced, malformed;
	uint64_t sessions, held, verified;
	uint64_t secure_sessions;
	uint64_t secure_asked; /* sessions of ours towards devices */
	uint64_t datagrams;    /* that libcoap was given to read */
	/* How many bytes may wait for us at one socket: what was asked for, and what the kernel
	 * gave the smallest (0 = not known). */
	uint64_t receive_wanted, receive_buffer;
	uint64_t receive_dropped; /* by the kernel: no room, empty, or broken */
};
void lan_stats(const struct lan *lan, struct lan_stats *ret_stats);
