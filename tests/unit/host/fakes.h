/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stand-ins for the rooms around host/, put in at link time, and a bed with a host in it. Each one
 * keeps what it was asked; the test answers when it wants. Timers are ours too: nothing happens by
 * itself, and no test waits for a clock.
 */

#include "base/cleanup.h"
#include "host/gap.h"
#include "host/host.h"
#include "host/label-host.h"
#include "host/session.h"
#include "host/token-host.h"

/* ---- the bed ---- */

struct bed {
	struct host host;
	struct config config;
	uint64_t boot_usec;
	int64_t wall_msec;
	bool synced;
	int quit_code;
};
extern struct bed bed;

int bed_setup(void **state);
int bed_teardown(void **state);

/* Boot and wall clock go on together; the timers that are due fire in their order. */
void bed_advance(uint64_t usec);
/* Delay in microseconds until the timer of this description fires, or UINT64_MAX when it is off.
 * The soonest one, when several devices have it. */
uint64_t bed_timer_left(const char *description);
/* Runs what the loop has deferred, and answers fetches, until there is nothing more. */
void bed_run_loop(void);

extern struct lan_stats fake_lan_stats;

/* ---- store ---- */

size_t store_waiting(void);
/* Answers the oldest change: with 0 it is on the disk below. */
void store_answer(int result);
void store_answer_all(int result);
/* The change that waits at this place, oldest first. */
const struct change *store_change_at(size_t index);
/* What is on disk: the newest record of a device, or NULL. */
const struct device_record *disk_device(const char *id);
size_t disk_audit_count(const char *action, const char *result); /* NULL = any */
const struct audit_row *disk_audit_newest(void);
extern unsigned
	disk_erasures; /* changes that take a secret from the disk, since the program began */
size_t disk_alarm_count(enum alarm_kind kind, bool cleared);

/* "user:password" of the token on disk for a name, "" when there is none. */
const char *disk_token(const char *ep);
/* NULL when no label of this name is on disk. */
const struct kept_label *disk_label(const char *ep);

/* store_rekey() waits for its answer. */
struct fake_rekey {
	bool waits, has_key;
	enum key_source source;
	uint8_t key[32];
	struct audit_row audit;
	store_done_fn done;
	void *userdata;
};
extern struct fake_rekey fake_rekey;
/* store_open_parcel() waits likewise. */
struct fake_parcel {
	bool waits;
	struct secret sealed;
	store_token_fn done;
	void *userdata;
};
extern struct fake_parcel fake_parcel;
extern struct fake_rekey fake_backup; /* store_backup() likewise */
/* What is on disk of withdrawals. */
size_t disk_withdrawals(void);
const struct withdrawal *disk_withdrawal(size_t at);
/* What is on disk of a command, or NULL. */
const struct command *disk_command(uint64_t row);
extern uint64_t fake_settled;		 /* the arrival that was settled last */
extern struct store_arrival fake_replay; /* what the file of arrivals holds */

size_t appended_waiting(void);
/* Answers all readings that were handed in and not answered. */
void appended_answer(int result);

struct fake_rows {
	struct row_range deleted[256];
	size_t deleted_count;
	size_t delete_calls;
	uint64_t dropped[16]; /* device rows */
	size_t dropped_count;
	int drop_result; /* of store_delete_device(), which answers at once */
	uint64_t buried[16];
	char buried_why[16][96];
	size_t buried_count;
	struct owed_fetch fetch[16];
	size_t fetch_count;
	size_t fetch_served;
	struct store_gap gap[2001]; /* on disk */
	size_t gap_count;
	/* What store_oldest() was asked, how often, and what it answers: at once, or by hand. */
	struct store_oldest oldest;
	unsigned oldest_asked;
	struct store_old old;
	int old_result;
	bool oldest_by_hand;
	store_oldest_fn oldest_done;
	void *oldest_userdata;
	uint64_t trimmed_last; /* of store_delete_oldest() */
	bool fetch_by_hand;    /* otherwise bed_run_loop() answers them */
};
extern struct fake_rows fake_rows;
bool row_was_deleted(uint64_t row);

/* ---- lan ---- */

struct lan_exchange {
	bool expires, expired; /* set by who asks and by the test */
	unsigned answers;
	uint8_t code;
	int format;
	int64_t max_age;
	char location[DEVICE_ID_MAX + 1];
	enum lan_location place;
	bool silent; /* lan_silence() */
	uint8_t payload[2048];
	size_t size;
	struct lan_peer peer;
	bool observed; /* lan_observe() */
};

/* "ip mac": what stands behind an address from now on; mac "" = nothing. */
void neighbour(const char *ip, const char *mac);

/* Observers that are there, what the newest one was told last, and how often any was. */
extern unsigned fake_observers, fake_notifications, fake_rechecks;
extern struct lan_exchange fake_notified;
/* What lan_trust() was told last, and what it answers. */
extern bool fake_hung_up;
extern char disk_site_ca[4096]; /* the authority of the site; "" = none */
struct fake_trust {
	unsigned calls;
	size_t count;
	int result;
};
extern struct fake_trust fake_trust;
/* Authorities that are on disk. */
extern struct device_cas disk_cas;
/* The newest one is gone: reset, or not to be reached. */
void observer_lost(void);
/* Text of a payload, for strstr(). */
const char *exchange_text(const struct lan_exchange *exchange);

struct fake_sent {
	struct lan_outgoing outgoing;
	char identity[LAN_IDENTITY_MAX + 1]; /* "" = in clear */
	char path[160];
	uint8_t payload[1024];
	lan_reply_fn reply;
	void *userdata;
	bool answered;
};
extern struct fake_sent fake_sent[64];
extern size_t fake_sent_count;
extern int fake_locate_result; /* what lan_locate() answers */
extern int fake_send_result;   /* what lan_send() answers */
struct fake_observed {
	struct device_address to;
	char identity[LAN_IDENTITY_MAX + 1];
	char path[160];
	int accept;
	lan_notice_fn notify;
	void *userdata;
	bool alive; /* notices may come */
	bool left;  /* lan_unwatch() */
	unsigned again;
};
extern struct fake_observed fake_observed[64];
extern size_t fake_observed_count;
extern int fake_observe_result;
/* The newest observation of this path that is alive, or NULL. */
struct fake_observed *observed_at(const char *path);
void observed_notify(struct fake_observed *observed, const struct lan_notice *notice);
extern unsigned fake_multicast_probes, fake_repeats;
/* The newest request of ours that waits and goes to this path, or NULL. */
struct fake_sent *sent_to(const char *path);
void sent_answer(struct fake_sent *sent, int result, uint8_t code, int format, const char *payload);

/* ---- uplink ---- */

struct fake_publication {
	char topic[256];
	char payload[1024];
	char id[80];		  /* gh-id */
	char time[24], clock[12]; /* gh-time, gh-clock */
	bool retain;
	char correlation[130];
	uint64_t tag;
	bool landed;
	struct uplink_session *session; /* the gateway's, or a device's own */
};
extern struct fake_publication fake_publications[4096];
extern size_t fake_publication_count;
extern unsigned fake_connects, fake_sessions, fake_sessions_alive;
extern size_t fake_packet_max;	/* a payload of what is to be refused at once; 0 = any */
extern int fake_publish_result; /* what uplink_publish() answers to a reading */
extern unsigned fake_cuts;	/* answered when the test says LOST */
void uplink_event(enum uplink_event_kind kind);
/* Of the session that a device has for itself: "user:password" that it was opened with. */
const char *session_filter(const char *device_id); /* NULL: the gateway's own. "" = none */
bool session_is_there(const char *device_id);
const char *session_account(const char *device_id);
void session_event(const char *device_id, enum uplink_event_kind kind);
void uplink_deliver(size_t index);
void uplink_refuse(size_t index, int reason);
/* Published on topics that end so, since 'from'. */
size_t published(const char *topic_end, size_t from);
const struct fake_publication *published_newest(const char *topic_end);

/* Sessions that requests have for themselves, by their client id; NULL when there is none. */
struct fake_dial {
	char host[96], username[160], password[160], identity[160], ca_file[96], filter[2][128];
	uint16_t port;
};
const struct fake_dial *dial_of(const char *client_id);
void dial_event(const char *client_id, enum uplink_event_kind kind);
void dial_message(const char *client_id, const struct uplink_inbound *inbound);

/* ---- http ---- */

struct http_exchange {
	char method[8], url[160];
	http_done_fn done;
	void *userdata;
	bool over; /* answered or cancelled */
	bool cancelled;
};
extern struct http_exchange fake_http[64];
extern size_t fake_http_count;
extern int fake_http_result; /* what http_send() answers */
void http_reset(void);
size_t http_waiting(void);
/* Answers the oldest request that waits. */
void http_answer(int result, int status, uint32_t retry_after, const char *body);

/* ---- jobs ---- */

size_t jobs_waiting(void);
void job_run(void); /* the oldest one */

/* ---- for the bed itself ---- */

bool store_serve_fetch(void);
void store_end(void);
void store_reset(void);
void jobs_end(void);
void lan_end(void);
void rooms_reset(void);

/* ---- steps that many tests need ---- */

struct device_address address_of(const char *ip);
struct act_try {
	unsigned answers;
	struct act_outcome outcome;
};
/* As "anna", a technician. */
struct act act_on(enum act_kind kind, const char *device);
/* The answer to an act, kept in a struct act_try. */
void try_keep(void *userdata, const struct act_outcome *outcome);
void try_act(const struct act *act, struct act_try *try);
/* The same with everything answered well by the store. */
struct act_outcome acted(const struct act *act);

void open_window(void);
/* POST /enrol with a JSON body; the exchange stays as it is until the store has answered. */
void enrol(struct lan_exchange *exchange, const char *ep, const char *ip, const char *body);
/* Enrolled, on disk, waiting for a person. */
struct device *pending_device(const char *ep, const char *ip, const char *body);
/* Approved without a code: it may report. */
struct device *active_device(const char *ep, const char *ip);
/* POST /t with one number. */
void report(struct lan_exchange *exchange, const char *ep, const char *ip, const char *number);
void link_up(void);
