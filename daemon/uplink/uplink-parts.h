/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of this room share. Nobody outside includes it.
 *
 * Three parties: the loop (uplink.c, uplink-event.c, uplink-name.c), the worker (uplink-worker.c,
 * uplink-connect.c) and Paho's two threads (uplink-callback.c). Each field below says who touches
 * it; what is set before a structure is handed over and never again needs no word.
 *
 * A *connection* is one try and what comes of it: one Paho handle, never used twice, so nothing
 * that Paho still holds can be sent on a later connection. Its life:
 *
 *   loop: new -> OPEN -> [SUBSCRIBE] -> PUBLISH ... -> [DISCONNECT] -> DROP
 *   back: OPENED or FAILED; MESSAGE, DROPPED, publications; [TAKEN_OVER] LOST or CLOSED; RETIRED
 *
 * DROP is sent exactly once and is the last command; RETIRED answers it after the handle is gone
 * and is the last note that can arrive, because mail keeps its order and Paho calls back only under
 * the lock that MQTTAsync_destroy() takes. On RETIRED the loop frees. All notes but publications
 * and inbound messages are members of the connection, so nothing here can fail for lack of memory.
 */

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/memory-file.h"
#include "base/tray.h"
#include "uplink/send-window.h"
#include "uplink/uplink.h"

#define UPLINK_CONNECT_USEC	  (10 * UINT64_C(1000000)) /* name, TCP, TLS and CONNACK together */
#define UPLINK_DRAIN_USEC	  UINT64_C(1500000) /* a clean disconnect waits so long for PUBACKs */
#define UPLINK_OUTSTANDING_MAX	  32768 /* publications of a session that wait or are unanswered */
#define UPLINK_INBOUND_WAITING	  256	/* inbound messages that nobody kept, not seen yet */
#define UPLINK_SYSTEM_ANCHORS	  "/etc/ssl/certs" /* by their subjects' hashes */
#define UPLINK_TEXT_MAX		  256
#define MQTT_STRING_MAX		  65535
#define MQTT_REMAINING_MAX	  268435455
#define IDENTITY_REFUSED	  0x100 /* a code of NOTE_FAILED beside those of CONNACK */
#define REASON_PACKET_TOO_LARGE	  0x95
#define REASON_SESSION_TAKEN_OVER 0x8e

enum note_kind {
	/* to the worker */
	NOTE_OPEN,
	NOTE_SUBSCRIBE,
	NOTE_PUBLISH,
	NOTE_DISCONNECT, /* wait (bounded) for what was handed in, then close; answered by CLOSED */
	NOTE_DROP,	 /* close now; answered by RETIRED */
	NOTE_CREDIT,	 /* from a callback: the window has room again */
	NOTE_STOP,	 /* disconnect all, end the thread */
	/* to the loop */
	NOTE_OPENED,
	NOTE_FAILED, /* code: of CONNACK, or negative */
	NOTE_TAKEN_OVER,
	NOTE_LOST, /* code: of the broker's DISCONNECT, or 0 */
	NOTE_CLOSED,
	NOTE_RETIRED,
	NOTE_SUBSCRIBED,   /* the broker took all subscriptions */
	NOTE_UNSUBSCRIBED, /* the broker refused a subscription */
	NOTE_MESSAGE,
	NOTE_DROPPED,	/* inbound messages over a limit; see connection.dropped */
	NOTE_DELIVERED, /* publications come back as one of these three */
	NOTE_REFUSED,
	NOTE_GONE,
};

struct note {
	struct mail mail; /* first: a note is its mail */
	enum note_kind kind;
	int code;
	struct connection *connection; /* NULL in STOP */
};

/* Travels to the worker as PUBLISH, is the context of Paho's callbacks, and comes back. */
struct publication {
	struct note note; /* first */
	uint64_t tag;
	uint64_t handed_usec; /* to Paho; boot time */
	int qos;
	bool retain;
	char *block; /* holds all of the following; goes as soon as Paho has its copy */
	size_t block_size;
	const char *topic, *content_type;
	struct uplink_property *properties;
	size_t property_count;
	struct span payload, correlation;
};

struct inbound {
	struct note note;	       /* first */
	struct uplink_inbound message; /* everything inside bytes */
	size_t size;		       /* of bytes */
	char bytes[];
};

enum session_state {
	SESSION_IDLE,
	SESSION_NAMING,
	SESSION_OPENING,
	SESSION_UP,
	SESSION_CLOSING,
	SESSION_CUTTING, /* its connection is abandoned; IDLE when all of it is RETIRED */
};

struct connection {
	struct uplink *uplink;
	struct uplink_session *session; /* worker and callbacks: only its options */
	int version;			/* 5 or 4 */
	int keep_alive;
	bool together;
	uint64_t inbound_max;

	/* loop */
	struct connection *previous, *next;
	unsigned outstanding;	    /* publications that have not come back */
	unsigned server_keep_alive; /* from CONNACK, 0 = none; written before OPENED is pushed */
	uint64_t packet_max;	    /* likewise; 0 = no limit */

	/* worker */
	MQTTAsync handle; /* NULL before OPEN and after it was destroyed */
	struct connection *worker_previous, *worker_next; /* while handle is there */
	struct publication *first, *last;		  /* waiting for room in the window */
	bool due;					  /* at the next tick (tick.h) */
	bool draining;
	bool retiring; /* RETIRED as soon as a credit note under way has arrived */
	uint64_t drain_until;

	/* Paho's threads, under Paho's lock */
	bool up;
	bool down;
	struct send_window send_window;
	size_t subscriptions; /* taken */
	char tls_error[UPLINK_TEXT_MAX];
	bool identity_refused; /* the broker's TLS took our certificate, or its lack, for an error
				*/
	/* The worker makes it before Paho may call back and closes it after Paho cannot; between
	 * these the callback that ends the attempt does. */
	struct memory_file identity;

	/* any */
	atomic_uint unacked; /* publications that Paho holds */
	atomic_uint window;  /* at most so many; the size of send_window */
	atomic_bool cut;     /* DROP is on its way: hand nothing more to Paho */
	atomic_bool starved; /* the worker wants a credit note */
	atomic_bool credit_pushed;
	atomic_uint waiting; /* MESSAGE notes that nobody kept, not taken by the loop */
	atomic_uint dropped; /* 0 -> 1 pushes drop_count, the loop sets it back */

	/* written once, before the note that speaks of it is pushed */
	char why[UPLINK_TEXT_MAX];
	bool hung_up;
	bool silent; /* with a certificate of ours, and nobody said what is wrong */
	char why_lost[UPLINK_TEXT_MAX];

	struct note open, subscribe, disconnect, drop, credit;
	struct note opened, subscribed, taken_over, lost, closed, retired, unsubscribed, drop_count;
};

struct lookup;
struct why;

struct uplink_session {
	struct uplink *uplink;
	void *userdata;
	struct uplink_session *previous, *next;
	enum session_state state;
	bool ended; /* by uplink_session_free(): no more events; freed with its last connection */
	struct connection *connection;	 /* the present one; others of the session are retiring */
	unsigned connections;		 /* that exist */
	struct lookup *lookup;		 /* under way, maybe for an attempt that has timed out */
	struct why *why;		 /* OPENING: the attempt failed, and is asked about */
	struct sockaddr_storage address; /* of the host, as it was looked up last; without port */
	socklen_t address_size;		 /* 0 = never */
	sd_event_source *timer;
	unsigned server_keep_alive; /* what the broker asked for last time, 0 = nothing */
	/* Never changes while the session exists, so every thread may read it. */
	struct uplink_session_options options;
	size_t subscription_count;
	char *password; /* behind options.password; wiped */
	char *identity; /* behind options.identity; wiped */
};

struct uplink {
	sd_event *loop;
	struct job_thread *names;
	struct job_thread *whys; /* uplink-why.c; NULL = nobody has asked yet */
	struct limits *limits;
	struct uplink_ops ops;
	void *userdata;
	struct uplink_session *sessions;
	struct connection *connections;
	sd_event_source *source;
	struct mailbox *commands;  /* to the worker */
	struct mail_tray outgoing; /* publications of this turn, before they go to the worker */
	struct mailbox *events;	   /* to the loop */
	struct note stop;
	pthread_t thread;
	bool running;
};

static inline void note_push(struct mailbox *box, struct note *note, enum note_kind kind)
{
	note->kind = kind;
	mailbox_push(box, &note->mail);
}

/* On the loop: to the worker, behind the publications that were handed in before it. */
static inline void note_order(struct uplink *uplink, struct note *note, enum note_kind kind)
{
	mail_tray_post(&uplink->outgoing);
	note_push(uplink->commands, note, kind);
}

/* uplink.c, on the loop */
void session_emit(struct uplink_session *session, const struct uplink_event *event);
int connection_start(struct uplink_session *session, int version);
/* Takes the connection from its session; it is freed when the worker is done with it. */
void connection_abandon(struct connection *connection);
struct connection *connection_free(struct connection *connection);
/* Frees an ended session without connections; no-op for others. */
void session_collect(struct uplink_session *session);
struct publication *publication_free(struct publication *publication);
void publication_drop_block(char *block, size_t size); /* wiped */

/* uplink-event.c, on the loop */
void uplink_deliver(struct uplink *uplink);
/* Ends the attempt with an event that names its cause. The session may be gone afterwards. */
void session_fail(struct uplink_session *session, enum uplink_event_kind kind, const char *text);
void note_discard(struct note *note);
/* Wiped. */
void inbound_free(struct inbound *inbound);

/* uplink-name.c, on the loop */
int session_look_up(struct uplink_session *session);
void session_forget_lookup(struct uplink_session *session);

/* uplink-why.c, on the loop. True: the attempt is answered when that is known. */
bool session_ask_why(struct uplink_session *session);
void session_forget_why(struct uplink_session *session);

/* uplink-worker.c */
void *uplink_worker(void *uplink);

/* uplink-window.c, on the worker */
/* False: the connection is closed, and it is on its way back. The caller sends what waits. */
bool window_add(struct connection *connection, struct publication *publication);
void window_fill(struct connection *connection);
/* What waits and what Paho held goes back as GONE. After the handle was destroyed. */
void window_clear(struct connection *connection);

/* uplink-connect.c, on the worker. Returns 0 or a MQTTASYNC_* code; the handle is there on 0. */
int connection_open(struct connection *connection);

/* uplink-callback.c, on Paho's threads */
int on_message(void *context, char *topic, int topic_size, MQTTAsync_message *message);
void on_connection_lost(void *context, char *cause);
void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason);
void on_open_success(void *context, MQTTAsync_successData *data);
void on_open_success5(void *context, MQTTAsync_successData5 *data);
void on_open_failure(void *context, MQTTAsync_failureData *data);
void on_open_failure5(void *context, MQTTAsync_failureData5 *data);
int on_tls_error(const char *text, size_t size, void *context);
/* An alert that says "not with this certificate", or, where none was shown, "not without". */
bool tls_error_is_refusal(unsigned long error, bool showed);
void on_publish_success(void *context, MQTTAsync_successData *data);
void on_publish_success5(void *context, MQTTAsync_successData5 *data);
void on_publish_failure(void *context, MQTTAsync_failureData *data);
void on_publish_failure5(void *context, MQTTAsync_failureData5 *data);
void on_subscribe_success(void *context, MQTTAsync_successData *data);
void on_subscribe_success5(void *context, MQTTAsync_successData5 *data);
void on_subscribe_failure(void *context, MQTTAsync_failureData *data);
void on_subscribe_failure5(void *context, MQTTAsync_failureData5 *data);
