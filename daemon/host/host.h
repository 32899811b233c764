/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where parts meet. The host owns no policy of its own: core decides, adapters act, and this room
 * carries what one wants of another; each noun that others need has a header of its own (effect.h,
 * reading.h, platform-host.h, act.h...). struct host is open to the files of this room and to
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
#include "core/suspect.h"
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
#define GAP_BUCKETS	   1024

/* One publication on its way: what a tag stands for. */
enum flight_kind {
	FLIGHT_FREE,
	FLIGHT_READING,
	FLIGHT_GAP,
	FLIGHT_RESULT,
};
struct flight {
	enum flight_kind kind;
	uint32_t generation;
	uint32_t next_free;
	uint64_t next_in_pack; /* its tag, 0 = none */
	bool own;	       /* a reading that went by its device's own session */
	bool packed;	       /* with others in one message */
	uint64_t device_row;
	uint64_t row;
	uint64_t order;	    /* of leaving */
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
	/* For the password once more: strangers who guess at a name do not stop who is in. */
	struct login_guard fresh_guard[PERSONS_MAX];
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

/* platform-settings.c: what stands in files of their own: for 'spotflow', 'azure' and 'aws'; and
 * operator-token.c. */
struct platform_secrets {
	struct secret operator_token, shared_token;
	bool operator_in_file; /* as it was at this start */
	struct secret group_key;
	struct secret claim;   /* certificate and key (base/identity.h) */
	struct secret site_ca; /* site-ca-host.c: likewise; empty: there is none */
};

/* trim.c: giving up the oldest, one device at a time. */
struct trim {
	bool busy;
	bool failed; /* the delete is to be tried again */
	uint64_t device_row, last_row;
	int64_t before; /* wall milliseconds, 0 = whatever their age */
	struct store_old found;
	struct store_gap gap;
	uint64_t nobody_until_usec; /* there is no device that could make room */
	bool walking;		    /* through all devices, for their age */
	uint64_t walked;	    /* rows of devices up to here */
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

/* The clock that readings of this row and behind it came by, while nobody had set it. */
struct clock_epoch {
	uint64_t row;
	int64_t offset; /* wall less boot time, milliseconds */
	int64_t late;	/* what the wall clock lacked; since it is set */
	bool is_known;
};
#define CLOCK_EPOCHS 8 /* steps of an unset clock that are told apart */

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
	sd_event_source *status_timer, *status_round_timer;
	uint64_t status_round_row;   /* status-round.c: the last one that was published */
	uint64_t link_up_since_usec; /* boot time */
	bool cutting;		     /* the session is being cut: LOST will follow */
	sd_event_source *cut_timer;
	bool stopping;
	struct http *http;	     /* NULL: no platform is reached by it */
	struct link_test *link_test; /* link-test.c: the last one, or NULL */
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
	/* site-ca-host.c; its key is in 'secrets' */
	struct site_ca site_ca;
	bool site_ca_saving;
	sd_event_source *site_ca_timer;
	sd_event_source *clock_timer;
	struct clock_epoch clock_epochs[CLOCK_EPOCHS];
	unsigned clock_epoch_count;
	uint64_t unsynced_usec; /* boot time since when nobody sets the clock; 0 = it is set */
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
	bool put_back_closed;	       /* some were put back, and their devices may be closed */
	uint64_t flight_order;
	struct suspect suspect; /* of the gateway's session */
	sd_event_source *delete_timer;
	sd_event_source *pump_source; /* deferred: one pump for each turn of the loop */
	struct log_limiter refused_log;
	/* outbox-host.c */
	uint64_t outbox_full_usec; /* boot time when a reading found no room last */
	struct ratelimit pace;
	bool clock_synced;	  /* as of the last look, see clock-watch.c */
	uint64_t clock_look_usec; /* boot time of the next one */
	sd_event_source *pace_timer;
	struct trim trim;
	/* drop.c */
	struct row_drop *drops;
	sd_event_source *drop_timer;

	/* gap.c */
	struct gap_entry *gaps, *gaps_last;	   /* by id */
	struct gap_entry *gap_bucket[GAP_BUCKETS]; /* by device */
	unsigned gap_count, gaps_in_flight;
	sd_event_source *gap_timer; /* those that were refused are tried again */
	bool gap_retry;		    /* it runs */
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
	uint64_t hardware; /* counts who was behind the record: device_host_renew() */
	/* platform-host.c */
	sd_event_source *advance_timer;
	sd_event_source *clock_timer; /* platform-clock.c */
	struct backoff advance_backoff;
	uint64_t advance_wait_usec; /* the driver asked for it with its last answer; 0 = none */
	bool advancing;		    /* an answer of the driver is on its way to disk */
	bool advance_again;	    /* asked for meanwhile */
	bool advance_when_up;	    /* or when its session is up, whichever is first */
	char *certificate;	  /* its fingerprint, "" = it uses none; NULL = not looked at yet */
	const char *platform_why; /* what the driver said last about what went wrong, or NULL */
	/* platform-request.c */
	struct platform_request *request; /* goes out when what was said with it is on disk */
	struct platform_reply *reply;	  /* the answer, until the driver has it */
	struct http_exchange *exchange;
	struct platform_ask *ask;
	struct platform_dial_call *dial;
	struct withdrawing *withdrawing; /* withdraw.c: on its way to disk */
	uint32_t retry_after;		 /* seconds, as the platform asked with its last answer */
	/* probe.c */
	const struct device_driver *driver;   /* NULL = not known, or it comes by itself */
	struct device_links *links;	      /* what the driver found; there with it */
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
	/* server-proof.c */
	struct {
		bool busy;
		unsigned tries;
		struct device_address address; /* that is asked, or was last */
		sd_event_source *timer;
	} proof;
	/* sighted.c, multicast.c, rd.c */
	unsigned seen_by;	  /* a bit for each enum found_by that says it is there; FOUNDS:
				     mDNS, as _coaps._udp */
	uint16_t secure_port;	  /* that mDNS announced for DTLS, 0 = none */
	unsigned multicast_round; /* that it answered last */
	uint64_t typed_usec;	  /* boot time when it answered at an address that somebody typed */
	struct rd_entry *rd;	  /* NULL = never registered */
	/* binding-host.c */
	struct ratelimit moves;
	struct device_address follow_address; /* that is being asked */
	bool following;
	/* enrol.c */
	struct ratelimit conflicts; /* rows in the journal */
	/* brought.c */
	struct ratelimit brought;	   /* what is written of what it brings */
	uint8_t brought_mark[SHA256_SIZE]; /* of what was written last */
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
		bool asked;	 /* no answer yet */
		bool again;	 /* it has changed since */
		bool say;	 /* what was said of the device was put off */
		bool say_result; /* a result was */
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
	bool refused_alone;	     /* after that: one goes ahead, until one is taken */
	uint64_t refused_since_usec; /* boot time; of refused_alone */
	bool over_share;	     /* outbox-host.c: the alarm about it is active */
};
struct device_host *device_host(const struct device *device);
/* A record becomes a device of the registry, with the host's part of it. It is taken, also on
 * failure. */
int device_host_add(struct host *host, struct device_record *record, struct device **ret);
/* The destructor for registry_set_destructor(): the device is going; what waits for it is told. */
void device_host_detach(void *userdata, struct device *device);
/* Other hardware is behind its record: what was found out about the former one is forgotten, and
 * what that one still answers is nobody's. */
void device_host_renew(struct device_host *part);
/* This driver knows it, and found these links. They are as large as all the rest of it, so they are
 * there only for a device that is asked. -ENOMEM: it stays as it was. */
int device_host_found(struct device_host *part, const struct device_driver *driver,
	const struct device_links *links);
/* The same of what it said without proving who it is; how it was found stays. */
void device_host_forget_answers(struct device_host *part);
/* effect.c's share of that */
void device_inputs_give_up(struct device_host *part);
/* For replies that outlive the device: a pinned part stays allocated; host is NULL once the device
 * is gone. */
struct device_host *device_host_pin(struct device_host *part);
void device_host_unpin(struct device_host *part);

/* ---- claim-host.c ---- */
/* The record changed: it may have to be asked for a proof, or to be taken in for one. */
void claim_host_changed(struct host *host, struct device *device);
