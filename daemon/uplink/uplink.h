/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * MQTT upstream: Paho on a worker thread of ours, the only one that calls MQTTAsync_*. The loop
 * never waits for it: commands go by mailbox, events come back by mailbox. Names are resolved on
 * the job thread first; only then Paho connects *by name* (SNI and host verification use it).
 * Paho's own persistence, buffering and automatic reconnect are off; when to try again is the
 * caller's decision (core/link, back-off). Publishing from several sessions is collected by the
 * worker's wake-ups.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/job.h"
#include "base/span.h"
#include "core/limits.h"

struct uplink;
struct uplink_session;

struct uplink_session_options {
	const char *host; /* by this name */
	uint16_t port;
	bool tls;	     /* chain and host name are always verified */
	const char *ca_file; /* "" = the system's */
	const char *client_id;
	const char *username; /* "" = none */
	struct span password; /* copied, wiped */
	struct span identity; /* certificate and key of ours (base/identity.h), with tls only; empty
				 = none. Copied, wiped; the library gets it as a sealed file in
				 memory that is gone when the attempt is over */
	uint32_t keep_alive;  /* seconds */
	uint32_t session_expiry; /* seconds, MQTT 5 */
	const char *will_topic;	 /* NULL = none */
	const char *will_payload;
	bool will_retain;
	const char *const
		*subscriptions; /* NULL-terminated, QoS 1, after each connect; NULL = none */
	int version;		/* 0 = MQTT 5, then 3.1.1; 5 or 4 (3.1.1) = only this one */
	bool transient;		/* what comes by it is answers: ops->keep is not asked */
	bool together;		/* one of many: its publications may wait for those of others */
	bool keeps;		/* what the broker keeps for this client id stays as it is */
	bool asks_why;	/* a broker that hangs up on our certificate is asked why, by another
			   TLS handshake with it (uplink-why.c) */
	uint64_t owner; /* the caller's word for whose it is: comes with each of its messages */
};

#define UPLINK_PROPERTIES_MAX 16 /* of a publication */
struct uplink_property {
	const char *name, *value;
};

struct uplink_publication {
	const char *topic;
	struct span payload;
	int qos;
	bool retain;
	const char *content_type; /* NULL = none */
	const struct uplink_property *properties;
	size_t property_count;
	struct span correlation; /* MQTT 5 correlation data; empty = none */
	uint64_t tag;		 /* comes back in UPLINK_DELIVERED; 0 = nobody wants to know */
	/* What the broker takes no message of the size of is -EMSGSIZE, and no UPLINK_REFUSED
	 * later: nothing that is behind it has left then. */
	bool refuse_at_once;
};

/* A message of the broker, all of it hostile. The MQTT 5 properties are empty under 3.1.1. */
#define UPLINK_RESPONSE_TOPIC_MAX 255
#define UPLINK_CORRELATION_MAX	  128
struct uplink_inbound {
	const char *topic;
	struct span payload;
	bool retained;
	struct span response_topic, correlation;
	bool unusable;	   /* one of these two is longer than we keep: both are empty */
	uint32_t lifetime; /* seconds (message expiry interval), 0 = not said */
	uint64_t kept;	   /* what ops->keep answered */
	uint64_t owner;	   /* of the session that it came by, also after that was freed */
};

enum uplink_event_kind {
	UPLINK_CONNECTED,      /* version: 5 or 4 (3.1.1 fallback) */
	UPLINK_SUBSCRIBED,     /* transient: the broker has taken all subscriptions */
	UPLINK_UNREACHABLE,    /* name, TCP, TLS or time-out: text says which */
	UPLINK_NOT_AUTHORISED, /* the broker refused the credential or our certificate (in TLS 1.3
				  with asks_why alone: else that is UNREACHABLE) */
	UPLINK_LOST,	   /* an established session ended; nothing that was not DELIVERED counts as
			      delivered, and nothing of it will be sent later */
	UPLINK_TAKEN_OVER, /* 0x8E (MQTT 5 only); LOST follows at once */
	UPLINK_DELIVERED,  /* PUBACK with reason below 0x80; at QoS 0: written to the socket */
	UPLINK_REFUSED,	   /* PUBACK with reason >= 0x80 (reason), for this tag only; also without
			      asking the broker: 0x95 over its Maximum Packet Size, 0x90 topic not
			      UTF-8, 0x97 the library takes no more */
	UPLINK_MESSAGE,	   /* 'inbound'; any length up to LIMIT_INBOUND_MESSAGE. Larger ones are
			      dropped and counted there. Also after LOST, and after its session was
			      freed (session is NULL then): it was acknowledged, so it counts */
};

struct uplink_event {
	enum uplink_event_kind kind;
	struct uplink_session *session;
	uint64_t tag;
	int reason;
	int version;
	const char *text; /* for people, one clean line; valid during the call */
	bool hung_up;	  /* UNREACHABLE: the other side was there, and ended it without a word */
	const struct uplink_inbound *inbound; /* UPLINK_MESSAGE */
};

struct uplink_ops {
	/*
	 * On a thread of the library, before the message is acknowledged to the broker: keeps it
	 * for the case that this process ends before it is dealt with. The answer comes back as
	 * inbound->kept; 0: it was not kept. May take as long as a write to the disk. NULL = none.
	 */
	uint64_t (*keep)(void *userdata, const struct uplink_inbound *inbound);
	void (*event)(void *userdata, const struct uplink_event *event);
};

int uplink_new(sd_event *loop, struct job_thread *names, struct limits *limits,
	const struct uplink_ops *ops, void *userdata, struct uplink **ret);
/* Disconnects and frees all sessions that are left, and joins the worker. Waits for what was handed
 * in at most 1.5 s for all sessions together, and up to 1 s more until the library's threads stop
 * (the gateway's offline status should have been published before). No events. Not from inside an
 * event. NULL. */
struct uplink *uplink_free(struct uplink *uplink);

/* Copies all options. No connection yet. -EINVAL for an option that MQTT cannot carry. */
int uplink_session_new(struct uplink *uplink, const struct uplink_session_options *options,
	void *userdata, struct uplink_session **ret);
void *uplink_session_userdata(const struct uplink_session *session);
/* Ends the session; no further event of it is delivered after this returns, also from inside an
 * event. Cuts it: what waits is not sent any more, only what the library was already writing may
 * still arrive. After uplink_disconnect() the clean disconnect goes on in the background instead
 * (at most 1.5 s; uplink_free() waits for it). NULL. */
struct uplink_session *uplink_session_free(struct uplink_session *session);

/* One attempt of at most 10 s; answered by exactly one of CONNECTED, UNREACHABLE, NOT_AUTHORISED,
 * never before this returns. MQTT 5 first, 3.1.1 when the broker refuses the protocol version.
 * -EALREADY or -EISCONN when one is under way or there, -EBUSY when too many look-ups wait,
 * -ENOMEM: then no event follows. */
int uplink_connect(struct uplink_session *session);
/* Clean disconnect (the Will is not sent) after what was handed in before, for at most 1.5 s;
 * answered by LOST. During an attempt: gives it up, answered by UNREACHABLE. No-op without a
 * session. */
void uplink_disconnect(struct uplink_session *session);
/* Cuts an established session: what waits is not sent any more, and no DELIVERED or REFUSED
 * follows. Answered by LOST when the library has destroyed its handle and the socket is closed;
 * until then uplink_connect() gives -EALREADY. What the library had written may have reached the
 * broker, or may still reach it from the kernel's buffers. -ENOTCONN without a session, -EALREADY
 * while it is being cut: then no further event follows. */
int uplink_session_cut(struct uplink_session *session);
/* Copies everything (the one copy on the way). Under 3.1.1 content type and properties are left
 * out. -ENOTCONN when the loop has not seen CONNECTED; -EINVAL (empty or too long strings, QoS
 * above 1), -EMSGSIZE; -ENOBUFS when 32768 publications of this session are unanswered; -ENOMEM. */
int uplink_publish(struct uplink_session *session, const struct uplink_publication *publication);
