/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where parts meet. The host owns no policy of its own: core decides, adapters act, and this room
 * carries what one wants of another. struct host is open to the files of this room and to
 * gateway.c, which builds it and tears it down; nobody else sees it.
 *
 * The one road by which a device changes is host_submit() (effect.c): core/lifecycle makes the next
 * record, the store saves it, and only then the record is installed and its effects are carried
 * out. While a record is on its way to disk further inputs for that device wait in a short queue.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "api/api.h"
#include "base/job.h"
#include "base/log.h"
#include "base/loop.h"
#include "core/act.h"
#include "core/alarm.h"
#include "core/claim.h"
#include "core/config.h"
#include "core/heard.h"
#include "core/label-book.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "core/owed.h"
#include "core/recent.h"
#include "core/registry.h"
#include "core/token.h"
#include "core/window.h"
#include "drivers/table.h"
#include "host/import.h"
#include "lan/discovery.h"
#include "lan/lan.h"
#include "store/store.h"
#include "uplink/http.h"
#include "uplink/uplink.h"

#define PERSONS_MAX	   64
#define UNKNOWN_GUARDS_MAX 64
#define FLIGHTS_MAX	   4096

/* One publication on its way: what a tag stands for. */
enum flight_kind {
	FLIGHT_FREE,
	FLIGHT_READING,
	FLIGHT_GAP,
	FLIGHT_RESULT,
	FLIGHT_VOID, /* owed again, while the pack that it was part of is still on its way */
};
struct flight {
	enum flight_kind kind;
	uint32_t generation;
	uint32_t next_free;
	uint64_t next_in_pack; /* its tag, 0 = none */
	bool wide;	       /* of a pack that goes by the gateway's session, whose it ever is */
	bool packed;	       /* with others in one message */
	uint64_t device_row;
	uint64_t row;
	uint64_t sent_usec; /* boot time */
};

/* Sessions of devices that want to connect, one after the other. */
struct device_session; /* session.c */
struct session_queue {
	struct device_session *first, *last;
	sd_event_source *timer;
	uint64_t last_usec; /* boot time of the newest try */
};

/* Tokens and labels on their way in parts; nothing of them is kept before the last part is there.
 */
struct token_import {
	struct token_list list;
	struct import_turn turn;
};
struct label_import {
	struct label_list list;
	struct import_turn turn;
};

/* Tries to log in from one address in its present minute. */
#define LOGIN_SOURCES_MAX 64
struct login_source {
	char via[65];
	uint64_t first_usec; /* 0: never used */
	unsigned tries;
};

struct people {
	struct person person[PERSONS_MAX];
	struct login_guard guard[PERSONS_MAX];
	unsigned count;
	uint64_t next_row;
	char setup_code[SHORT_CODE_SIZE + 1]; /* "" = none */
	unsigned setup_tries;
	uint64_t setup_until_usec;
	char unknown_hash[128]; /* verified against when a name is unknown: same time for both */
	/* The brake on guessing for names that nobody has, by a hash of the name: without it the
	 * missing delay would tell that a name is unknown. */
	struct login_guard unknown_guard[UNKNOWN_GUARDS_MAX];
	uint64_t unknown_seed;
	bool changing; /* one change of people at a time: each is checked against all */
	uint64_t global_first_usec; /* login tries of the present minute, whole gateway */
	unsigned global_tries;
	struct login_source source[LOGIN_SOURCES_MAX]; /* the addresses that tried last */
};

/* platform-settings.c: what stands in files of their own: for 'spotflow', 'azure' and 'aws'. */
struct platform_secrets {
	struct secret operator_token, shared_token;
	struct secret group_key;
	struct secret claim; /* certificate and key (base/identity.h) */
};

/* trim.c: giving up the oldest, one device at a time. */
struct trim {
	bool busy;
	bool failed; /* the delete is to be tried again */
	uint64_t device_row, last_row;
	int64_t before; /* wall milliseconds, 0 = whatever their age */
	struct store_old found;
	struct store_gap gap;
	bool walking;	 /* through all devices, for their age */
	uint64_t walked; /* rows of devices up to here */
	sd_event_source *timer;
};

/* platform-dial.c: requests with a session of their own, in line and under way. */
#define DIAL_LANES_MAX 8
struct platform_dial_call;
struct platform_dials {
	struct platform_dial_call *waiting, *running; /* oldest first */
	unsigned waiting_count, running_count;
	struct ratelimit rate;
	struct dial_lane {
		const char *name; /* of the platform, as its driver says it */
		struct ratelimit rate;
	} lane[DIAL_LANES_MAX];
	sd_event_source *timer;
};

struct host {
	sd_event *loop;
	const struct config *config; /* the present one; gateway.c swaps it at reload */
	struct registry *registry;
	struct recent *recent; /* or NULL */
	struct owed *owed;
	struct store *store;
	struct lan *lan;
	struct discovery *discovery;
	struct uplink *uplink;
	struct api *api;
	struct job_thread *names;
	struct job_thread *passwords;
	struct limits limits;
	struct heard heard;
	struct alarms alarms;
	struct window window;
	struct api_facts facts;
	struct metrics metrics;
	struct people people;
	uint64_t next_operation, next_command, next_withdrawal;
	void (*end_sessions)(void *userdata, const char *person); /* web's, set by gateway.c */
	void *end_sessions_userdata;
	void (*quit)(void *userdata, int code, const char *why);
	void *quit_userdata;

	/* upstream.c */
	struct uplink_session *session;
	enum link_state link;
	struct backoff link_backoff;
	sd_event_source *link_timer;
	sd_event_source *link_alarm_timer;
	sd_event_source *status_timer;
	uint64_t link_up_since_usec; /* boot time */
	bool cutting;		     /* the session is being cut: LOST will follow */
	sd_event_source *cut_timer;
	bool stopping;
	struct http *http; /* NULL: no platform is reached by it */
	struct platform_secrets secrets;
	struct platform_ask *asks;	  /* platform-ask.c: no answer yet */
	struct platform_dials dials;	  /* platform-dial.c */
	struct withdrawing *withdrawings; /* withdraw.c: not confirmed yet */
	/* session.c: devices with a session of their own */
	struct session_queue session_queue;
	unsigned sessions_up;
	/* key-host.c */
	bool has_credentials, key_changing;
	/* token-host.c */
	struct token_names tokens;
	struct token_import import;
	/* label-host.c */
	struct label_book labels;
	struct label_import label_import;
	struct device_cas cas; /* authorities of devices' certificates */
	uint64_t next_ca_row;
	struct ca_saving *ca_savings; /* ca-host.c: on their way to disk */
	/* scan-host.c, scan-window.c */
	bool scan_saving;
	sd_event_source *scan_timer;
	char upstream_client_id[48];
	char will_topic[256], will_payload[160];
	int mqtt_version;

	/* flight.c */
	struct flight *flights; /* FLIGHTS_MAX */
	uint32_t flight_free;	/* head of the free list, FLIGHTS_MAX = none */
	unsigned flights_in_use;
	char replacing_ep[EP_MAX + 1]; /* is on its way to another record; nobody else gets it */
	unsigned pack_singles;	       /* so many readings go out one by one: see pack.c */
	sd_event_source *delete_timer;
	sd_event_source *pump_source; /* deferred: one pump for each turn of the loop */
	struct log_limiter refused_log;
	/* outbox-host.c */
	uint64_t outbox_full_usec; /* boot time when a reading found no room last */
	struct ratelimit pace;
	bool clock_synced;	  /* as of the last look, see reading.c */
	uint64_t clock_look_usec; /* boot time of the next one */
	sd_event_source *pace_timer;
	struct trim trim;
	/* drop.c */
	struct row_drop *drops;
	sd_event_source *drop_timer;

	/* gap.c */
	struct gap_entry *gaps; /* by id */
	unsigned gap_count, gaps_in_flight;
	uint64_t next_gap;

	/* enrol.c, window-host.c */
	/* One for each interface of the configuration, the last one for the routed prefixes. */
	struct ratelimit new_names[CONFIG_LIST_MAX + 1];
	sd_event_source *window_timer;
	uint64_t wrong_codes_since_usec;
	unsigned wrong_codes;

	/* profile-host.c */
	struct profiles *profiles; /* NULL = none */
	/* device-host.c */
	sd_event_source *repeat_timer; /* what found no place is told again */
	bool repeat_planned;
	/* multicast.c, rd.c */
	sd_event_source *multicast_timer;
	unsigned multicast_round;
	unsigned rd_unproved; /* registrations whose address did not answer yet */
};

/* ---- effect.c: the one road by which a device changes ---- */

enum submit_result {
	SUBMIT_DONE,	   /* saved (if it had to be) and carried out */
	SUBMIT_IGNORED,	   /* the event has no meaning in this state */
	SUBMIT_REFUSED,	   /* impossible in this state: why says so */
	SUBMIT_NOT_STORED, /* no space: nothing changed */
	SUBMIT_BUSY,	   /* too many inputs wait for this device */
	SUBMIT_GONE,	   /* the device was forgotten, or the host ends */
};
typedef void (*submit_done_fn)(
	void *userdata, enum submit_result result, struct device *device, const char *why);

/* Changes the next record beyond what the event does. Called when the input's turn has come; -errno
 * gives the input up (SUBMIT_REFUSED). */
typedef int (*record_edit_fn)(
	struct device_record *next, const void *argument, const char **ret_why);
/* Frees what the copy of an argument owns. */
typedef void (*argument_clear_fn)(void *argument);

struct submission {
	enum life_event event; /* LIFE_EVENTS = none, only an edit */
	struct span blob, code;
	int64_t expires;
	const char *platform_id;
	uint64_t answer_to; /* as in struct life_input: the operation that this is about */
	bool forget;	    /* deletes the device, its readings and what is retained of it */
	bool keep_token;    /* ... but not its imported token: its name goes on elsewhere */
	record_edit_fn edit;
	const void *argument; /* copied: argument_size bytes */
	size_t argument_size;
	argument_clear_fn argument_clear; /* called once, whatever becomes of it; NULL = none */
	const struct audit_row *audit;	  /* copied; written in the same transaction. NULL = none */
	submit_done_fn done;		  /* may be NULL */
	void *userdata;
};
/*
 * Everything is copied; done is called exactly once, possibly before this returns. What an effect
 * submits has its turn when all effects of the step that it belongs to are carried out. The device
 * that done gets is NULL with SUBMIT_GONE and after it was forgotten. Only who can be told is
 * turned away as busy: without done a submission always waits.
 */
void host_submit(struct host *host, struct device *device, const struct submission *submission);

/* ---- a device's runtime part ---- */

struct waiting_input; /* effect.c */

struct drain_waiter {
	struct drain_waiter *next;
	void (*done)(void *userdata);
	void *userdata;
};

struct device_host {
	struct host *host;
	struct device *device;
	struct waiting_input *inputs, **inputs_end;
	unsigned input_count;
	struct waiting_input *saving; /* on its way to disk, or its device is being forgotten */
	bool running;		      /* a step is being carried out */
	unsigned references;	      /* replies that will still come, and the device itself */
	bool gone;
	/* platform-host.c */
	sd_event_source *advance_timer, *expiry_timer, *renew_timer, *lapse_timer;
	struct backoff advance_backoff;
	uint64_t advance_wait_usec; /* the driver asked for it with its last answer; 0 = none */
	bool advancing;		    /* an answer of the driver is on its way to disk */
	bool advance_again;	    /* asked for meanwhile */
	const char *platform_why;   /* what the driver said last about what went wrong, or NULL */
	/* platform-request.c */
	struct platform_request *request; /* goes out when what was said with it is on disk */
	struct platform_reply *reply;	  /* the answer, until the driver has it */
	struct http_exchange *exchange;
	struct platform_ask *ask;
	struct platform_dial_call *dial;
	struct withdrawing *withdrawing; /* withdraw.c: on its way to disk */
	uint32_t retry_after;		 /* seconds, as the platform asked with its last answer */
	/* probe.c */
	const struct device_driver *driver;
	struct device_links links;
	struct device_address probed_address; /* whom the probe under way asks */
	bool probed, probing;
	unsigned probe_tries;
	/* device-host.c */
	sd_event_source *probe_timer;
	bool probe_planned;
	/* telemetry.c */
	struct telemetry *telemetry; /* NULL = it is not read */
	uint64_t telemetry_generation;
	bool telling, missed_tell; /* its state: on its way; to be told once more */
	struct backoff tell_backoff;
	sd_event_source *tell_timer;
	/* display.c */
	struct {
		bool busy;
		uint64_t asked; /* the operation that the request under way is about */
		struct backoff backoff;
		sd_event_source *timer;
	} display;
	/* sighted.c, multicast.c, rd.c */
	unsigned seen_by;	  /* a bit for each enum found_by that says it is there; FOUNDS:
				     mDNS, as _coaps._udp */
	uint16_t secure_port;	  /* that mDNS announced for DTLS, 0 = none */
	bool secure_only;	  /* the port of its address is that one */
	unsigned multicast_round; /* that it answered last */
	uint64_t typed_usec;	  /* boot time when it answered at an address that somebody typed */
	struct rd_entry *rd;	  /* NULL = never registered */
	/* binding-host.c */
	struct ratelimit moves;
	struct device_address follow_address; /* that is being asked */
	bool following;
	/* enrol.c */
	struct ratelimit conflicts; /* rows in the journal */
	/* claim-host.c */
	struct claim_challenge challenge, rival;
	struct ratelimit proofs; /* that are kept */
	bool taking_in;		 /* scan-window.c, ca-door.c */
	/* claim-ask.c */
	bool claim_asked;
	unsigned claim_tries;
	sd_event_source *claim_timer;
	struct device_session *session; /* session.c; NULL = none */
	/* twin.c */
	struct {
		bool asked; /* no answer yet */
		bool again; /* it has changed since */
		bool say;   /* what was said of the device was put off */
		struct backoff backoff;
		sd_event_source *timer;
	} twin;
	/* command-host.c, command-device.c */
	sd_event_source *command_timer, *command_retry;
	struct lan_observer *observer;	     /* of its commands; NULL = none */
	struct lan_observer *state_observer; /* of /d/<id> */
	int state_format;
	int observe_format;
	uint64_t observed_row; /* the command that the observer was told of, 0 = none */
	uint64_t command_row;  /* on its way to the device as a POST, 0 = none */
	struct backoff command_backoff;
	/* drain.c */
	bool draining, drop_after_drain;
	bool drain_cut; /* the drain ended, or will, with the session cut */
	struct drain_waiter *drain_waiters;
	sd_event_source *drain_timer;
	/* flight.c */
	struct backoff refused_backoff;
	sd_event_source *refused_timer;
	bool refused_waits;
	bool over_share; /* outbox-host.c: the alarm about it is active */
};
struct device_host *device_host(const struct device *device);
/* A record becomes a device of the registry, with the host's part of it. It is taken, also on
 * failure. */
int device_host_add(struct host *host, struct device_record *record, struct device **ret);
/* The destructor for registry_set_destructor(): the device is going; what waits for it is told. */
void device_host_detach(void *userdata, struct device *device);
/* effect.c's share of that */
void device_inputs_give_up(struct device_host *part);
/* For replies that outlive the device: a pinned part stays allocated; host is NULL once the device
 * is gone. */
struct device_host *device_host_pin(struct device_host *part);
void device_host_unpin(struct device_host *part);

/* ---- reading.c ---- */
void reading_on_request(struct host *host, const struct lan_request *request);
void reading_on_appended(struct host *host, struct reading **readings, size_t count, int result);
void reading_on_fetched(struct host *host, const struct owed_fetch *fetch,
	struct reading **readings, size_t count, int result);
/* A body that a device-server gave us; no exchange to answer. */
struct polled {
	int format;
	const char *name, *unit; /* of a value that comes without; "" = not known */
	struct span body;
};
void reading_on_polled(struct host *host, struct device *device, const struct polled *polled);

/* ---- flight.c ---- */
void reading_pump_soon(struct host *host);
void reading_pump_later(struct host *host); /* after a failure: in a second */
void reading_on_delivered(struct host *host, uint64_t tag);
void reading_on_refused(struct host *host, uint64_t tag, int reason);
/* Nothing that is in flight will come back; it goes out again, in order. */
void reading_on_link_lost(struct host *host);
/* The same for the session of one device alone. */
void reading_on_session_lost(struct host *host, uint64_t device_row);
/* Deletes what was delivered and not deleted yet. */
void reading_delete_delivered(struct host *host);
bool flight_take(struct host *host, enum flight_kind kind, uint64_t device_row, uint64_t row,
	uint64_t *ret_tag);
/* What was taken was not handed over. */
void flight_give_up(struct host *host, uint64_t tag);
/* All flights of one message. */
void flight_give_up_pack(struct host *host, uint64_t tag);
void flights_free_all(struct host *host);
/* True while the uplink holds a reading of this device, also one that is owed again. */
bool flights_of_device(const struct host *host, uint64_t device_row);

/* ---- drain.c ---- */
/* Lets a device publish, or holds it, after its life changed. */
void reading_set_open(struct host *host, struct device *device);
/* Stops publishing for this device at once; when nothing of it is in flight any more (bounded: 3 s,
 * then the session is cut) its readings are dropped if 'drop', and done is called (may be NULL). */
void reading_drain(struct host *host, struct device *device, bool drop,
	void (*done)(void *userdata), void *userdata);
/* After something of this device landed. */
void reading_look_whether_drained(struct host *host, uint64_t device_row);
/* After the link was lost: nothing is in flight. */
void reading_all_drained(struct host *host);

/* ---- drop.c ---- */
/* Deletes what is on file of this device now; tried again until it is gone. 'gap' (copied, NULL =
 * none) goes with it, as in store_delete_device(). */
void reading_drop_rows(struct host *host, uint64_t device_row, const struct store_gap *gap);
/* True until it is gone: a new reading would go with the old ones. */
bool reading_is_dropping(const struct host *host, uint64_t device_row);
/* As store_loader.owed: what nobody wants any more is not owed but dropped, as soon as the store
 * has started. */
int reading_load(struct host *host, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row);
void reading_drop_loaded(struct host *host);
/* After the store is gone. */
void reading_drops_free(struct host *host);

/* ---- enrol.c ---- */
void enrol_on_request(struct host *host, const struct lan_request *request);
/* A record for this name in memory, with the tier of this peer. -ENOMEM, -ENOSPC. */
int enrol_make_device(
	struct host *host, const char *ep, const struct lan_peer *peer, struct device **ret);
/* ---- enrol-place.c ---- */
/* Of a name that enrols: it will be pending. A pending one that nobody decided on and that is
 * silent may have to go for it. */
bool enrol_new_name_allowed(
	struct host *host, const char *ep, const char *interface, enum turned_away *ret_why);
/* Of a name that is only announced: these have places of their own (LIMIT_SIGHTINGS). */
bool enrol_sighting_allowed(
	struct host *host, const char *ep, const char *interface, enum turned_away *ret_why);
/* One that was announced becomes pending: is there a place? */
bool enrol_has_place(struct host *host, const char *ep);

/* ---- device-resource.c ---- */
void device_on_request(struct host *host, const struct lan_request *request);
/* The device that /d/<id>... belongs to and that asks; NULL after 4.04. */
struct device *device_of_request(struct host *host, const struct lan_request *request);
void time_on_request(struct host *host, const struct lan_request *request);
void enrol_fill_answer(struct host *host, struct device *device, struct enrol_answer *ret_answer);
/* Its state changed: who observes it is told. */
void enrol_notify(struct host *host, struct device *device);
/* The answer map; at /enrol with Location-Path and 'retry' in Max-Age. */
void enrol_send_answer(struct host *host, struct device *device, struct lan_exchange *exchange,
	uint8_t code, int format, bool at_enrol);
/* 4.09 with what it takes to prove that the name is one's own. */
void enrol_send_conflict(
	struct lan_exchange *exchange, const struct claim_challenge *challenge, int format);

/* ---- window-host.c ---- */
/* New names may come in; or this one alone, whose label was scanned. */
bool enrol_window_is_open(const struct host *host, const char *ep);
/* A device that may ask, asks: while a window is open a sighted one becomes pending. */
void enrol_consider(struct host *host, struct device *device);
void enrol_window_opened(struct host *host);
void enrol_window_timer(struct host *host);

/* ---- probe.c ---- */
void device_host_probe(struct host *host, struct device *device);
/* The same from links that it gave by itself: they are not asked for. */
void device_host_probe_links(struct host *host, struct device *device,
	const struct device_driver *driver, const struct device_links *links);
/* The driver for a device with these links, and what it found; NULL when there is none. */
struct link_list;
const struct device_driver *device_host_match(struct host *host, const char *ep,
	const struct link_list *list, struct device_links *ret_links);
/* True when the device can be asked for something now; otherwise it is probed first if it can be.
 */
bool device_host_is_ready(struct device_host *part);
/* Sends a driver's request. Exactly one of reply and done is used after 0: reply only while the
 * device is there. */
struct device_call {
	struct device_host *part; /* filled by device_host_ask() */
	void (*reply)(struct device_host *part, int result, uint8_t code, int format,
		struct span payload);
	void (*done)(void *userdata, int result);
	void *userdata;
};
/* The same at another address than the device's own. */
int device_host_ask_at(struct device_host *part, const struct device_address *address,
	const struct device_request *request, const struct device_call *call);
int device_host_ask(struct device_host *part, const struct device_request *request,
	const struct device_call *call);

/* ---- device-host.c ---- */
void device_host_on_appeared(struct host *host, const struct discovery_sighting *sighting);
void device_host_on_vanished(struct host *host, const struct discovery_sighting *sighting);
void device_host_tell(struct host *host, struct device *device);
/* done(result): 0 it blinks, -ENOTSUP it cannot, other negative errno: not reached. */
void device_host_identify(struct host *host, struct device *device, uint32_t seconds,
	void (*done)(void *userdata, int result), void *userdata);
/* A failed probe is repeated after a while. */
void device_host_plan_probe(struct host *host, struct device *device, uint64_t delay_usec);
/* What it missed while it was not probed. */
void device_host_catch_up(struct host *host, struct device *device);

/* ---- platform-host.c ---- */
void platform_host_advance(struct host *host, struct device *device);
/* The same step again after a while, if one is under way. */
void platform_host_back_off(struct host *host, struct device *device);
/* Tells a platform that keeps no book of its own about it (PLATFORM_WITHDRAWS: withdraw.h does)
 * that an operation or a credential is not wanted any more. 'before' is the record that still holds
 * it. Nothing here waits for the answer. */
void platform_host_withdraw(
	struct host *host, const struct device_record *before, enum platform_work work);
/* What its platform says of a device: the open operation in its words, who approves, what went
 * wrong last. */
void platform_host_describe(
	struct host *host, const struct device *device, struct api_platform *ret_platform);
/* One call of the driver, which needs no token for it. *ret_step is always filled. */
void platform_host_call(struct host *host, const struct device_record *record,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step);
/* True while an operation is open or a refresh is under way. */
bool platform_host_has_work(const struct device *device);
/* platform-clock.c */
void platform_host_set_timers(struct host *host, struct device *device);
const struct platform_driver *platform_host_driver(struct host *host, const struct device *device);
const struct driver_services *platform_host_services(void);

/* ---- platform-request.c ---- */
/* Keeps the request of a step (it is taken over) until platform_request_send(). */
int platform_request_keep(struct device_host *part, struct platform_request *request);
/* Sends what was kept: true when an answer will come, to platform_host_answered(). */
bool platform_request_send(struct device_host *part, enum platform_work work);
/* The answer to this work of the present operation; 'present' is false when there is none. */
void platform_request_answer(
	struct device_host *part, enum platform_work work, struct platform_answer *ret_answer);
/* Forgets what was kept, is under way, or was answered. */
void platform_request_drop(struct device_host *part);
void platform_host_answered(struct device_host *part);

/* ---- platform-settings.c ---- */
/* Where a platform is reached and whom it is believed; all texts are of the configuration. */
struct platform_place {
	const char *ca_file, *proxy;
	const char *session_host; /* of sessions that name none of their own; NULL: mqtt.host */
	uint16_t session_port;
};
/* What the driver of this platform gets as settings; valid while 'room' and the configuration are.
 */
union platform_settings_room {
	struct local_settings local;
	struct cloud_settings cloud;
	struct azure_settings azure;
	struct aws_settings aws;
};
const void *platform_settings_of(
	const struct host *host, const char *platform, union platform_settings_room *room);
void platform_place_of(
	const struct host *host, const char *platform, struct platform_place *ret_place);
/* Where answers to platforms' requests by MQTT come: the gateway's session subscribes to it. NULL =
 * there are none. */
const char *platform_answers(const struct host *host);
/* The token that all devices of this platform share, empty when none is configured. */
struct span platform_shared_token(const struct host *host, const char *platform);
/* True when an operator's token is configured: an approval here is made there. */
bool platform_approves_from_here(const struct host *host, const char *platform);
/* Reads the secret files; -errno after a sentence in the log. At start. */
/* What the platform decided about a device, as a row for the journal; false for what decides
 * nothing, and where the technician at this gateway is the platform. */
bool platform_word(const struct device_record *record, const struct platform_step *step,
	struct audit_row *ret_row);

int platform_secrets_load(struct host *host);
void platform_secrets_clear(struct host *host);

/* ---- upstream.c ---- */
/* Commands that come while the gateway is away wait at the broker for so long. */
#define UPSTREAM_SESSION_EXPIRY 86400 /* seconds */
/* What a session subscribes to: for commands, and (the gateway's) for answers. */
struct upstream_filters {
	char text[PLATFORM_LISTENS_MAX][256];
	const char *list[PLATFORM_LISTENS_MAX + 2]; /* ends with NULL */
	unsigned count;
};
/* Fills it with what is to be heard for commands; 'record' NULL: by the gateway's own session. */
void upstream_filters_for(struct host *host, const struct platform_driver *driver,
	const struct device_record *record, struct upstream_filters *filters);
/* Hands one message to the gateway's session. -ENOTCONN when there is none. */
int upstream_publish(struct host *host, const struct upstream_message *message, uint64_t tag);
/* The same to any session. */
int upstream_publish_to(
	struct uplink_session *session, const struct upstream_message *message, uint64_t tag);
int upstream_start(struct host *host);
void upstream_on_event(struct host *host, const struct uplink_event *event);
bool upstream_is_up(const struct host *host);
/* The device's credential may be used: by the gateway's session, or by one of its own. */
void upstream_join(struct host *host, struct device *device);
void upstream_publish_status(struct host *host, struct device *device);
void upstream_clear_retained(struct host *host, const struct device_record *record);
void upstream_publish_gateway(struct host *host, const char *state);
/* Ends the session so that nothing more of what was handed in is sent; it comes back by itself. It
 * counts as up no more at once, as lost when its connection is gone, at the latest after 2 s. */
void upstream_cut(struct host *host);
void upstream_stop(struct host *host);
void upstream_reload(struct host *host, const struct config *old);

/* ---- act.c, act-device.c, act-code.c, people.c ---- */
/* An act on a device or the gateway, on its way. */
struct act_call {
	struct host *host;
	struct act act;
	act_done_fn done;
	void *userdata;
};
/* Answers and frees the call. */
void act_call_done(
	struct act_call *call, enum act_result result, uint32_t number, const char *text);
/* What an act changes in the record beyond its event. */
struct act_edit {
	char name[LABEL_MAX + 1], place[LABEL_MAX + 1], owner[LABEL_MAX + 1];
	bool has_name, has_place, has_owner;
	char platform[17]; /* to which it goes, "" = stays where it is */
	char decided_by[LABEL_MAX + 1];
	enum evidence evidence;
	bool decides, unlock, wrong_code, right_code;
	bool releases; /* another proof may take its name */
	/* It proved this label (its mark) from this address; "" = none, or that is on disk. */
	char claimed[LABEL_MARK_SIZE];
	struct device_address claimed_from;
	uint64_t code_here; /* the operation whose code is shown here from now on; 0 = none */
	bool code_over;	    /* the code that was shown is void: its operation ends */
	int64_t now;
};
void act_edit_init(const struct act *act, struct act_edit *ret_edit);
/* One submission with the act's audit row. */
void act_submit(struct act_call *call, struct device *device, enum life_event event,
	const struct act_edit *edit, submit_done_fn done);
/* act-device.c: an act on one device. */
void act_on_device(struct act_call *call);
/* replace.c: another one, that waits, takes its place. */
void replace_act(struct act_call *call, struct device *device);
/* act-code.c: true with the evidence of an approval; otherwise the call is answered. */
bool act_check_code(struct act_call *call, struct device *device, enum evidence *ret_evidence);
/* The typed text is the code that the device shows or sent. */
bool act_code_fits(const struct device_record *record, const char *typed);
/* False when codes are void or paused; the call is answered then. 'device' may be NULL. */
bool act_code_may_try(struct act_call *call, struct device *device);
/* A wrong code for this device: counted on disk, and the call is answered. */
void act_code_wrong(struct act_call *call, struct device *device);
/* The same for the gateway as a whole alone. */
void act_code_count_wrong(struct host *host);
/* The display cannot be read: the code is shown here, for this operation. */
void act_show_code(struct act_call *call, struct device *device);
/* act-identify.c */
void act_identify(struct act_call *call, struct device *device);
/* act-device.c: the answer to an act that was submitted; as submit_done_fn. */
void act_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why);
/* act-platform.c: true when an approval of this device can be given here; of any device of a
 * platform. */
bool act_approves_here(struct host *host, const struct device *device);
bool act_approves_at(struct host *host, const char *platform);
/* The platform that the person said for it is possible, and the act is the one that
 * takes a device in there; otherwise the call is answered. */
bool act_choose_platform(struct act_call *call, struct device *device);
/* Where the device goes with this act. */
const char *act_platform_name(const struct act *act, const struct device *device);
int act_edit_platform(
	struct device_record *next, const struct act_edit *edit, const char **ret_why);
/* True while nothing ties it to a platform. */
bool platform_may_change(const struct device_record *record);
/* What a person may choose from, its own first; empty where there is no choice. */
void platform_choices(const struct host *host, const struct device_record *record,
	struct config_list *ret_choices);
void act_do(struct host *host, const struct act *act, act_done_fn done, void *userdata);
void people_act(struct host *host, const struct act *act, act_done_fn done, void *userdata);
int people_load(struct host *host, const struct person *person);
int people_start(struct host *host);

/* ---- claim-host.c ---- */
/* The record changed: it may have to be asked for a proof, or to be taken in for one. */
void claim_host_changed(struct host *host, struct device *device);

/* ---- alarms and audit: journal.c ---- */
void host_alarm_raise(struct host *host, enum alarm_kind kind, const char *subject);
void host_alarm_clear(struct host *host, enum alarm_kind kind, const char *subject);
bool host_alarm_is_active(const struct host *host, enum alarm_kind kind, const char *subject);
/* All alarms about a device that is forgotten. */
void host_alarms_forget(struct host *host, const char *subject);
void host_audit(struct host *host, const struct audit_row *row, store_done_fn done, void *userdata);
void audit_of_act(const struct act *act, const char *object, const char *evidence,
	const char *result, struct audit_row *ret_row);
void host_turned_away(struct host *host, enum turned_away why, const struct device_address *from);
void host_saved(struct host *host, int result, const char *head);
void host_touch(struct host *host); /* see enum api_news */
void host_touch_traffic(struct host *host);
