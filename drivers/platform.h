/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The platform contract for drivers: a platform is one file with one const struct, and one row in
 * table.c. The hooks are called on the loop, never block, and keep no state: everything that must
 * survive is in 'blob', which the host seals and saves before it calls again or lets a request go
 * out. So "kill it between any two steps" is one generic test for all drivers.
 *
 * README.md walks all five platforms through this interface.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/command.h"
#include "core/config.h"
#include "core/device.h"
#include "core/reading.h"
#include "drivers/services.h"

/* ---- describe ---- */

enum platform_support {
	PLATFORM_DISPLAY_CODES = 1 << 0, /* operations have a verification code */
	PLATFORM_CAN_REFRESH = 1 << 1,
	PLATFORM_APPROVES_HERE = 1
				 << 3, /* the technician at the gateway is the authority (local) */
	PLATFORM_SHARED_SESSION = 1 << 4, /* devices share the gateway's MQTT session, all but those
					     for which session() knows one */
	PLATFORM_NEEDS_PT = 1 << 5,
	PLATFORM_WITHDRAWS = 1 << 7, /* CANCEL and REVOKE are requests: they get a record in which
					only that is left which goes, and say PROGRESS with a blob
					and a request, or DONE. The blob is kept on disk; later
					calls have a record that holds it alone, as operation_blob
					*/
	PLATFORM_PACKS = 1 << 8,     /* encodes UPSTREAM_PACK: several readings in one message */
	PLATFORM_ELSEWHERE = 1 << 9, /* its devices' sessions go to hosts of their own: nothing
					about them goes by the gateway's session */
	PLATFORM_ONE_SESSION = 1 << 10, /* it ends a device's session without a word when another
					   one comes under the same identity */
	PLATFORM_NEEDS_TOKEN =
		1 << 6, /* an imported token (core/token.h) is fetched for PROVISION and REFRESH */
};

struct platform_description {
	const char *name;	      /* "local" */
	uint32_t supports;	      /* set of platform_support */
	unsigned requests_per_second; /* documented rate limit of the platform for the whole
					 gateway, 0 = none */
};

/* ---- advance ---- */

/* A resumable piece of work towards the platform. */
enum platform_work {
	PLATFORM_PROVISION, /* open an operation, wait for approval, get the credential */
	PLATFORM_BIND,	    /* turn the credential into a session and the true device id */
	PLATFORM_REFRESH,
	PLATFORM_APPROVE, /* approve an open operation from here (local; operator token) */
	PLATFORM_CANCEL,
	PLATFORM_REVOKE,
};

enum platform_verdict {
	PLATFORM_PROGRESS, /* blob (may be empty), and either a request or a wait */
	PLATFORM_CODE, /* blob, code, expires: open at the platform, waiting for approval; then wait
			  or request as PROGRESS */
	PLATFORM_ISSUED,   /* credential, expires */
	PLATFORM_BOUND,	   /* session, platform_id */
	PLATFORM_DONE,	   /* APPROVE, CANCEL, REVOKE are through */
	PLATFORM_REJECTED, /* a person refused */
	PLATFORM_EXPIRED,  /* nobody approved in time */
	PLATFORM_REFUSED,  /* the PT or RT is no longer taken */
	PLATFORM_LEAK,	   /* closed by somebody else, or a second open operation (rule 2) */
	PLATFORM_FAILED,   /* why; retry or final */
};

/* What is wrong at the platform although the device may go on for now. */
enum platform_trouble {
	PLATFORM_NO_TROUBLE,
	PLATFORM_TOKEN_REFUSED, /* the provisioning token is not taken any more */
	PLATFORM_NEXT_WAITS,	/* what it is to connect with next is not let in yet */
	PLATFORM_ENDS_SOON,	/* what it connects with ends soon, and nobody here can renew it */
	PLATFORM_DISABLED, /* the platform serves none of our devices: a matter of its operator */
};

/* A request that the host carries out for the driver. */
enum platform_transport { PLATFORM_NO_REQUEST, PLATFORM_HTTP, PLATFORM_MQTT };
#define PLATFORM_HEADER_MAX 2200 /* a token of 2048 bytes and its scheme */
struct platform_header {
	const char *name;
	char value[PLATFORM_HEADER_MAX];
};
/* MQTT: a session of the request's own, for platforms that provision by it. It is opened with what
 * stands here (TLS, 3.1.1, clean), takes its subscriptions, publishes, and is closed with the
 * answer: a step that polls has it opened anew. */
#define PLATFORM_FILTERS_MAX 2
struct platform_dial {
	char host[256]; /* "" = no session of its own: the gateway's carries the request */
	uint16_t port;
	char client_id[160];
	char username[512];
	struct secret password; /* empty: none */
	struct secret identity; /* certificate and key (base/identity.h); empty: none */
	char filter[PLATFORM_FILTERS_MAX][256]; /* the answer comes by one of them; '#' stands at
						   the end alone, "" = not used */
	bool knocks; /* nothing is asked: that the session is up is the answer, without a topic */
};
struct platform_request {
	enum platform_transport transport;
	char method[8]; /* HTTP */
	char url[512];	/* HTTP */
	struct platform_header header[4];
	size_t header_count;
	char topic[256];	   /* MQTT: publish here ... */
	struct platform_dial dial; /* ... over this session; the answer's topic or body holds
				      answer_mark. Without one: */
	char answer_topic[256]; /* ... the answer comes on this, to which the gateway's session is
				   subscribed ... */
	char answer_mark[320];	/* ... and holds this text */
	struct secret body;
};

/* What the answer to the driver's own request was. */
struct platform_answer {
	bool present;	      /* false: first call of this work, after a restart, or after a wait */
	int result;	      /* 0, or negative errno of the transport; -EACCES: a session of the
				 request's own was refused, -ECONNABORTED: the
				 connection was ended without a word before it began, -EMSGSIZE: the answer is
				 too long */
	int status;	      /* HTTP status */
	uint32_t retry_after; /* seconds, 0 = not said */
	struct span body;     /* at most 64 KiB; hostile */
	const char *topic;    /* MQTT, over a session of the request's own; else "" */
};

/* What a driver may know of the device; everything is borrowed for the call. */
struct platform_device {
	const struct device_record
		*record; /* identity, info, lifecycle (operation blob and credential are in it) */
	struct span provisioning_token; /* empty when the platform needs none */
	struct span static_credential;	/* NEEDS_TOKEN: the value of the token that was imported for
					   this endpoint name (token_value_read()), empty when there
					   is none. For a platform of static credentials it *is* the
					   registration token */
	const void *settings;		/* the host's parsed settings of this platform instance */
	bool not_let_in; /* its session was ended before it began, again and again: the platform is
			    there, and does not want it */
};

struct platform_step {
	enum platform_verdict verdict;
	struct secret blob; /* PROGRESS, CODE: what the next call must find */
	struct platform_request request;
	uint64_t wait_usec;	  /* call again after this time (without a request) */
	bool or_when_up;	  /* or sooner, when the session of the device is up */
	struct secret code;	  /* CODE */
	struct secret credential; /* ISSUED; BOUND: as binding completed it, empty = as it was */
	int64_t expires;	  /* CODE: of the operation; ISSUED, BOUND: of the credential; wall
				     milliseconds, 0 = never */
	char platform_id[129];	  /* BOUND */
	bool final;		  /* FAILED */
	enum platform_trouble trouble; /* what a person should mend, whatever the verdict */
	const char *why; /* FAILED, REJECTED, REFUSED: a sentence without any secret, static text */
};
void platform_request_clear(struct platform_request *request); /* wipes */
void platform_step_clear(struct platform_step *step);	       /* wipes */

/* ---- session ---- */

/* How a device's own MQTT session is opened, where devices do not share the gateway's. The spans
 * point into the record. There is no Will: whether a device is there is said by its status. */
struct platform_session {
	char host[256];		 /* "" = that of the platform's configuration, else the broker of
				    the gateway, with its port and TLS */
	char client_id[160];	 /* the same for ever, and of no other device */
	char made_username[512]; /* a user name that stands nowhere in the record; "" = 'username'
				  */
	struct span username, password;
	struct span identity; /* certificate and key (base/identity.h), empty = none; needs TLS */
	int version;	      /* as in uplink_session_options */
	uint32_t keep_alive;  /* seconds, 0 = that of the configuration */
};

/* An open operation, in the words of its platform. */
struct platform_operation {
	char id[129];
	char link[512];	   /* where it can be approved there, "" = not known */
	bool approve_here; /* APPROVE can be asked for: an operator token is configured */
};

/* ---- encode, decode ---- */

enum upstream_kind {
	UPSTREAM_READING,
	UPSTREAM_PACK, /* several readings (PLATFORM_PACKS) */
	UPSTREAM_STATUS,
	UPSTREAM_GAP,
	UPSTREAM_CLEAR,
	UPSTREAM_GATEWAY,
	UPSTREAM_RESULT, /* what became of a command */
	UPSTREAM_ASK /* what does the platform want of the device? INBOUND_CONFIGURATION answers */
};

struct upstream_gap {
	uint64_t first_row, last_row, count;
	const char *reason;
};
/* One reading of a pack, and whose it is. */
struct upstream_part {
	const struct device_record *record;
	const struct reading *reading;
};

struct upstream_item {
	enum upstream_kind kind;
	const char *gateway_id;
	uint64_t epoch;
	/* All but UPSTREAM_GATEWAY. PACK: whose readings they all are, or NULL: the gateway's */
	const struct device_record *record;
	const struct reading *reading;	  /* UPSTREAM_READING */
	const struct upstream_part *part; /* PACK */
	size_t parts;
	const struct upstream_gap *gap;
	const struct command *command; /* RESULT: ended, or refused (row 0) */
	int64_t seen;		/* STATUS: wall milliseconds of the last reading, 0 = never */
	const char *text;	/* GATEWAY: "online" or "offline" */
	const char *audit_head; /* GATEWAY */
	bool envelope;		/* 3.1.1, or envelope = json: the gh-* values go into the payload */
};

#define UPSTREAM_PROPERTIES_MAX 8
struct upstream_property {
	const char *name;
	char value[96];
};
#define UPSTREAM_TOPIC_MAX 1024 /* some platforms put the properties into it */
struct upstream_message {
	char topic[UPSTREAM_TOPIC_MAX];
	struct span payload; /* the reading's own body, or 'made' */
	char *made;	     /* heap, or NULL */
	const char *content_type;
	uint8_t correlation[COMMAND_CORRELATION_MAX]; /* RESULT */
	size_t correlation_size;
	struct upstream_property property[UPSTREAM_PROPERTIES_MAX];
	size_t property_count;
	bool retain;
	int qos;
	/* RESULT: a message of its own says what became of it: TAKEN, PUT_OFF or NOT_TAKEN with
	 * answer_to. Before that comes it is not known there. */
	bool answered;
	bool refuse_at_once; /* uplink_publication; not the driver's */
};
void upstream_message_clear(struct upstream_message *message);

enum inbound_kind {
	INBOUND_COMMAND,
	INBOUND_REFUSED, /* a command that is none: 'why' is said by answer_to */
	/* The answer to UPSTREAM_ASK. 'name' and 'args' are a command that configures the device
	 * and takes the place of one that still waits, 'answer_to' differs from that one's behind
	 * the last slash alone; with 'why' it cannot be one. Without answer_to there is nothing
	 * new. */
	INBOUND_CONFIGURATION,
	INBOUND_CHANGED,   /* ask again */
	INBOUND_TAKEN,	   /* what was said of the device is written down there; with answer_to:
			      that result */
	INBOUND_PUT_OFF,   /* not now: ask, and say it, after retry_after seconds or more */
	INBOUND_NOT_TAKEN, /* what was said is not taken: 'why' */
	INBOUND_IGNORED
};
struct inbound_message {
	enum inbound_kind kind;
	char device_id[DEVICE_ID_MAX + 1]; /* the registry's, or "": it is named as there */
	char platform_id[129];		   /* the device's id at the platform, or "" */
	char name[65];
	struct span args;
	/* Where its result goes, in words of the driver that come back as command->response_topic;
	 * they begin with '$'. "" = where the message says, or the usual place. */
	char answer_to[COMMAND_TOPIC_MAX + 1];
	bool is_call;	 /* somebody waits for the result, and not for long */
	const char *why; /* IGNORED, REFUSED, CONFIGURATION, NOT_TAKEN: static sentence */
	uint32_t retry_after;
	char made[COMMAND_ARGS_MAX + 1]; /* what 'args' may point to: not to be copied */
};

#define PLATFORM_LISTENS_MAX 5
struct platform_driver {
	const struct platform_description *(*describe)(void);
	/* One resumable step. 0: *ret_step is filled (clear it). Negative errno: a fault of the
	 * driver or lack of memory; the host treats it as FAILED, retry. */
	int (*advance)(const struct driver_services *services, const struct platform_device *device,
		enum platform_work work, const struct platform_answer *answer,
		struct platform_step *ret_step);
	/* Session options from the credential in use. -EBADMSG for a credential that is none of
	 * this platform, or (PLATFORM_SHARED_SESSION) is used in the gateway's session. */
	int (*session)(const struct device_record *record, const char *gateway_id,
		struct platform_session *ret_session);
	/* What a person at the platform knows the open operation by; NULL where there is nobody to
	 * approve it but here. -ENODATA while it is not open there. */
	int (*operation)(
		const struct platform_device *device, struct platform_operation *ret_operation);
	/* Item to message. -ENOTSUP when this platform has no place for the item (the host then
	 * counts it as done). */
	int (*encode)(const struct driver_services *services, const struct upstream_item *item,
		struct upstream_message *ret_message);
	/* What is to be subscribed to for commands (filters, QoS 1): by the gateway's session for
	 * all of its devices (record NULL), or by the session of a device; 'at' counts from 0 to
	 * below PLATFORM_LISTENS_MAX. -ENOTSUP where there is no further one: a session that has no
	 * commands has none at 0. NULL = no commands at all. */
	int (*listen)(const struct device_record *record, const char *gateway_id, unsigned at,
		char *ret_filter, size_t capacity);
	/* Of a device's own session the host takes only what names this device, or none. */
	int (*decode)(const struct driver_services *services, const char *gateway_id,
		const char *topic, struct span payload, bool retained,
		struct inbound_message *ret_message);
};

/* Settings of 'local' as the host parsed them. */
struct local_settings {
	uint32_t lease; /* seconds */
	bool accounts;	/* a broker account for each token */
	const char *gateway_id;
};

/* Settings of a platform that is reached by HTTP and gives each device a session of its own. Texts
 * are never NULL. */
struct cloud_settings {
	const char *host; /* of its API */
	uint16_t port;
	const char *workspace; /* for what an operator does there; "" = not known */
	const char *portal;    /* an operation's id behind it is the page where it is approved; "" =
				  none */
	struct span operator_token;
};

/* Settings of 'azure'. Texts are never NULL. */
struct azure_settings {
	const char *host; /* of the provisioning service */
	uint16_t port;
	const char *id_scope;
	uint32_t sas_lifetime;	   /* seconds */
	enum azure_method method;  /* for devices of which nothing was imported */
	uint32_t certificate_life; /* seconds, of one that the site's authority issues */
};

/* Settings of 'aws'. Texts are never NULL. */
struct aws_settings {
	const char *host; /* the account's device data endpoint; "" = not configured */
	uint16_t port;
	const char *template_name; /* the fleet provisioning template; "" = not configured */
	const char *thing_prefix;  /* what the names of things begin with */
	enum aws_method method;
	uint32_t certificate_life; /* seconds, of one that the site's authority issues */
	bool shadow;		   /* of a device that has such a one is used */
	const char *gateway_id;
};
