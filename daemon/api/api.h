/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* clang-format off */
/*
 * What can be asked and done, for the page and the tool: one table of routes with method, path,
 * role and handler. No HTTP library type in here; a call is (method, path, query, caller, JSON
 * body) and its answer is (status, JSON), given exactly once, on the loop, at once or later.
 *
 *   GET    /api/v1/status               viewer      STATUS
 *   GET    /api/v1/status/limits        viewer      {"limits":[{"name","value","unit","reason","reached"}]}
 *   GET    /api/v1/doctor               viewer      {"version","findings":[{"check","state" (ok, notice, warning, error),"text","remedy"}]}
 *   GET    /api/v1/network              viewer      NETWORK
 *   POST   /api/v1/network/test         technician  does each platform answer? DONE with "test":TEST
 *   GET    /api/v1/events               viewer      text/event-stream, while the session lasts: "state" and "traffic" (what a page shows
 *                                                   may have changed; ask again), "left" (seconds until the session ends)
 *   GET    /api/v1/heard                viewer      {"minutes":15,"heard":[{"reason","count","remedy"}]}
 *   GET    /api/v1/alarms               viewer      {"alarms":[{"id","subject","sentence","remedy","raised","times","clears_itself"}]}
 *   POST   /api/v1/alarms/clear         technician  {"id","subject"}
 *   GET    /api/v1/devices              viewer      ?stage=&q=&offset=&limit= (at most 200, default 50): {"total","devices":[DEVICE...]}
 *   GET    /api/v1/devices/<id>         viewer      DEVICE
 *   GET    /api/v1/devices/<id>/readings viewer     {"series":[{"name","unit","points":[{"time","value"}]}]}: the last ones, oldest first
 *   POST   /api/v1/devices/<id>/<act>   technician  admit, approve, reject, suspend, resume, rename, identify, block, unblock
 *                                       admin       revoke, release, forget, unlock
 *                                                   {"code"?,"name"?,"place"?,"owner"?,"seconds"?}: DONE with "device":DEVICE
 *   POST   /api/v1/devices/<id>/export  local root  {"to" (public key, hex)}: of a suspended device: DONE with "parcel" (base64url)
 *   POST   /api/v1/import               local root  {"parcel"}: a device that another gateway exported for this one: DONE
 *   POST   /api/v1/window               technician  {"seconds"?}: DONE with "seconds"   DELETE: closes it
 *   GET    /api/v1/queue                viewer      QUEUE; ?limit= devices (at most 200, default 20), those with most first
 *   GET    /api/v1/dead                 viewer      ?before=&limit= (at most 200, default 50): {"letters":[{"row","id" (gh-id),"device" (id, or
 *                                                   null: it was forgotten),"name","trust","time","clock_synced","format","bytes","reason",
 *                                                   "put_aside"}],"next" (before, to go on; or null)}: what a platform will never take, newest first
 *   GET    /api/v1/devices/<id>/history viewer      ?before=&limit=: as the journal, of this device alone
 *   GET    /api/v1/journal              admin       ?before=&after=&limit=&who=&action=&object=: {"rows":[{"number","time","clock_synced","who","role","via","action","object","evidence","result"}],"next" (before, to go on; or null)}
 *   GET    /api/v1/journal/verify       admin       {"intact","rows","head","first_bad" (number or null)}
 *   GET    /api/v1/people               admin       {"people":[{"name","role","created"}]}
 *   PUT    /api/v1/people/<name>        admin       {"role","password"?}      DELETE: drops the person
 *   GET    /api/v1/tokens               admin       ?after=&limit=: {"total","tokens":[{"ep","platform","since","brought","device"}],
 *                                                   "operator_since" (null: no operator's token is kept)}, never a value
 *   PUT    /api/v1/tokens               admin       {"tokens":[{"ep","username","password","line"?}...],"import"?,"more"?}: all of
 *                                                   it or nothing. With "more" the rows wait for the next part: DONE with "import",
 *                                                   which the next part names; the last one: DONE with "tokens"
 *                                                   (400: "refused":[{"line","text"}], "refused_count")
 *   DELETE /api/v1/tokens               admin       ?ep=: deletes it; a device keeps the credential that it has
 *   PUT    /api/v1/operator-token       admin       {"token"}: an approval here is one at the platform with it; DONE
 *   DELETE /api/v1/operator-token       admin       DONE
 *   POST   /api/v1/key                  local root  {"source","key"?}: seals every secret anew; the key is for "host" and "tpm2+host"
 *   POST   /api/v1/backup               local root  {"key"}: <state>/backup.db, a copy of control.db sealed with that key
 *   GET    /api/v1/codes                technician  ?after=&limit=&open=1: {"total","open","codes":[{"ep","since","imported":bool,
 *                                                   "dtls":bool (its name is short enough),"window":null or {"seconds_left",
 *                                                   "opened_by","name","place","owner"},"device":id or null}]}, never a code or key
 *   PUT    /api/v1/codes                admin       {"codes":[{"ep","code","line"?}...],"import"?,"more"?}: as tokens
 *   DELETE /api/v1/codes                admin       ?ep=: deletes the keys of a label; a device keeps what it has
 *   POST   /api/v1/codes/scan           technician  {"code" (a label in any form),"ep"? (when the label does not say it),"name"?,"place"?,
 *                                                   "owner"?}: takes its device in, or waits 24 hours for it to prove the label
 *   DELETE /api/v1/codes/scan           technician  ?ep=: it is not waited for any more
 *   POST   /api/v1/setup-code           local root  DONE with "code","seconds"
 *   POST   /api/v1/setup                nobody      {"code","name","password"}: DONE with "name","role"
 *   POST   /api/v1/login                nobody      {"name","password"}: DONE with "name","role"; sessions are web's
 *   POST   /api/v1/password             viewer      {"password"}: the fresh password
 *   POST   /api/v1/password/new         viewer      {"password"}: another one for oneself; all one's sessions end
 *
 * STATUS = {"gateway":{"id","version","since"}, "clock":{"synced","now"}, "uplink":{"state","since","host","detail"},
 *           "queue":{"readings","bytes","limit_bytes","durability":"power"|"process"|"memory","seconds_left" (null while it is not
 *                    known),"oldest","in_flight","accepted",
 *                    "delivered","refused","dead","dropped"},
 *           "window":{"open","seconds_left","opened_by"}, "devices":{"<stage>":n,...,"total":n}, "discovery":{"state","detail"},
 *           "key":{"source","expected","next","public"}, "audit":{"rows","head"}, "alarms":n, "set_up":bool}
 * QUEUE = {"readings","bytes","limit_bytes","oldest","in_flight","accepted","delivered","refused","dead","dropped",
 *          "lost":{"<reason>":n,...},"bytes_per_hour","seconds_left" (both null while they are not known),
 *          "share_bytes" (what one device may have waiting at present),"devices":[{"id","name","stage","readings","bytes"}],"gaps":[{"device","first","last","count","reason"}]}
 * NETWORK = {"interfaces":[{"name","present","up","addresses":[...]}] (on which devices are listened to),"coap_port","secure_port",
 *           "page":{"addresses":[...],"port"},
 *           "platforms":[{"name","host","port","shared":bool (by the gateway's own session),"state" (idle, up, partly, connecting,
 *                    refused, down),"devices","connected","refused"}],"test":TEST or null (none since the start)}
 * TEST = {"time","good":n,"targets":[{"host","port","platforms":[...],"tls":bool,"state" (answers, connected, refused, unresolved,
 *           unreachable, late, untrusted, no-tls, no-anchors, failed),"text","remedy","milliseconds"}]}
 * DEVICE = {"id","ep","name","place","owner","model","serial","firmware","attributes":{},"display":bool,
 *           "state" (device word),"stage","trust","found_by","address","present":bool,"platform","platforms":[...] (to choose from, its own first),"platform_id",
 *           "first_seen","decided_at","decided_by","evidence","has_code":bool,"code_tries_left","code_locked":bool,
 *           "operation":{"state","number","expires"},"credential":{"state","since","expires","certificate"} (never a value),
 *           "link","last_heard" (seconds ago or null),"last_reading","readings","queued",
 *           "recent":null or {"name","unit","values":[number,...]} (of its first name, oldest first),
 *           "code_at" (where the code that is out is read: "display", "sending" to it, "missed" it, "here", or null),
 *           "code" (only: an operation's verification code that the gateway must show because the device has no
 *           display, or it cannot be read, to a technician with a fresh password),"actions":["approve",...]}
 * DONE   = {"result":"done","text"}
 *
 * Times are RFC 3339 text or null. Errors: {"error":"<word>","text":"<sentence>"} with status 400, 401 ("login",
 * "password"), 403, 404, 405, 409, 422 (and "tries_left"), 423, 429 (and "wait", seconds), 502, 503, 507.
 */
/* clang-format on */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/act.h"
#include "core/alarm.h"
#include "core/audit.h"
#include "core/config.h"
#include "core/device-ca.h"
#include "core/heard.h"
#include "core/label-book.h"
#include "core/letter.h"
#include "core/limits.h"
#include "core/link.h"
#include "core/metrics.h"
#include "core/owed.h"
#include "core/recent.h"
#include "core/registry.h"
#include "core/site-ca.h"
#include "core/token.h"
#include "core/window.h"

struct api;

/* Who asks. */
struct api_caller {
	enum role role;
	bool local_root;     /* control socket, uid 0 */
	bool fresh_password; /* typed within the present onboarding window, or 5 minutes */
	char name[65];	     /* person, or "uid 0" */
	char via[65];	     /* address, or "control socket" */
};

/* What the handlers read: core values of the running gateway. Pointers stay valid for the life of
 * the api. */
struct api_view {
	const struct registry *registry;
	const struct owed *owed;
	const struct alarms *alarms;
	struct limits *limits; /* counted here too */
	const struct window *window;
	struct heard *heard;
	const struct config *const *config; /* the present one; changes at reload */
	const struct api_facts *facts;
	const struct token_names *tokens;
	const struct recent *recent;
	const struct device_cas *cas;
	const struct site_ca *site_ca;
	const struct label_book *labels;
	struct metrics *metrics; /* its minutes move on when it is asked */
};
/* What the host looks up when somebody asks what is wrong. */
struct api_probe {
	uint64_t disk_free, disk_size; /* bytes, of the state directory; size 0 = not known */
	char missing_interfaces[129];  /* configured, but this machine has none of that name */
	char mute_addresses[129];      /* without a broadcast address, where libcoap wants one */
	bool has_group;		       /* gatehouse, for the control socket */
	/* bytes that may wait at each socket of devices: asked for, given (0 = not known) */
	uint64_t receive_wanted, receive_buffer;
	uint64_t receive_dropped; /* datagrams */
};
/* Facts that the host keeps up to date. */
struct api_facts {
	int64_t started; /* wall milliseconds */
	enum link_state uplink;
	int64_t uplink_since;
	char uplink_detail[129];
	bool discovery_available;
	char discovery_detail[65];
	int64_t operator_since; /* wall milliseconds; 0 = no token of an operator is kept */
	char key_source[33];
	char key_expected[33]; /* another word: the key is kept more weakly than it was */
	char key_public[65];   /* hex, for what other gateways seal for this one */
	bool key_is_next;      /* delivered as gatehouse.kek-next: a change of it did not end */
	uint64_t audit_rows;
	char audit_head[65];
	bool set_up; /* a first administrator exists */
};

/* 'next' is the 'before' with which it goes on; 0 = there are no more. */
typedef void (*api_journal_fn)(
	void *userdata, int result, const struct audit_row *rows, size_t count, uint64_t next);
/* 0: every row fits the chain; -EBADMSG: 'text' is the number of the first that does not. */
typedef void (*api_verify_fn)(void *userdata, int result, const char *text);
/* Readings that were given up, and the platform was not told of it yet. */
struct api_gap {
	const char *device; /* id; the device may be gone */
	uint64_t first, last, count;
	const char *reason;
};
typedef void (*api_gap_fn)(void *userdata, const struct api_gap *gap);
/* What is known of a device at its platform, beyond its record. */
struct api_platform {
	char operation[129]; /* the open operation's id there, "" = none, or nobody else approves */
	char link[512];	     /* where it can be approved there, "" = not known */
	char why[160];	     /* what went wrong last, a sentence's end; "" = nothing */
	char certificate[FINGERPRINT_SIZE]; /* with which it connects there, "" = none */
	bool approve_here;		    /* an approval can be given here */
	struct config_list choices; /* platforms to which it may go, its own first; or empty */
};

/* An interface on which devices are listened to. */
#define API_ADDRESSES_MAX 8
struct api_interface {
	char name[65];
	bool present, up;
	unsigned count;
	char address[API_ADDRESSES_MAX][64];
};
typedef void (*api_interface_fn)(void *userdata, const struct api_interface *interface);

/* A platform to which devices may go, and those that are to be connected there. */
struct api_way {
	const char *platform, *host; /* "" = not configured */
	uint16_t port;
	bool shared; /* by the gateway's own session */
	enum link_state link;
	unsigned devices, connected, connecting, refused;
};
typedef void (*api_way_fn)(void *userdata, const struct api_way *way);

/* Where something goes, and what came of knocking there. */
#define API_TARGETS_MAX 4
struct api_target {
	char host[256];
	uint16_t port;
	char platforms[80]; /* separated by spaces */
	bool tls, shared;
	int result;	 /* 0: it answers; else as uplink/http.h says */
	const char *why; /* static text, when it does not */
	uint64_t usec;	 /* how long that took */
};
struct api_test {
	int64_t time; /* wall milliseconds; 0 = there was none */
	unsigned count;
	struct api_target target[API_TARGETS_MAX];
};
/* 0; -EBUSY: too many wait for it; -EAGAIN: not now. */
typedef void (*api_test_fn)(void *userdata, int result, const struct api_test *test);

struct api_ops {
	/* Does it and answers once. The act is copied. */
	void (*act)(void *userdata, const struct act *act, act_done_fn done, void *done_userdata);
	void (*journal)(void *userdata, const struct audit_query *query, api_journal_fn done,
		void *done_userdata);
	void (*letters)(void *userdata, uint64_t before, unsigned max, letters_fn done,
		void *done_userdata);
	/* People, for the People screen and the tool: calls each(); returns. */
	void (*people)(void *userdata,
		void (*each)(void *each_userdata, const struct person *person),
		void *each_userdata);
	/* ACT_TOKENS_PUT. What is in the list is taken over. */
	void (*put_tokens)(void *userdata, const struct act *act, struct token_list *list,
		act_done_fn done, void *done_userdata);
	void (*verify)(void *userdata, api_verify_fn done, void *done_userdata);
	void (*gaps)(void *userdata, api_gap_fn each, void *each_userdata);
	void (*probe)(void *userdata, struct api_probe *ret_probe);
	void (*interfaces)(void *userdata, api_interface_fn each, void *each_userdata);
	void (*ways)(void *userdata, api_way_fn each, void *each_userdata);
	/* Knocks wherever something goes; answers once, at once or later. */
	void (*test)(void *userdata, api_test_fn done, void *done_userdata);
	const struct api_test *(*tested)(void *userdata);
	/* ACT_IMPORT; the parcel is copied. */
	void (*put_parcel)(void *userdata, const struct act *act, struct span parcel,
		act_done_fn done, void *done_userdata);
	/* ACT_CODES_PUT; the same. */
	void (*put_codes)(void *userdata, const struct act *act, struct label_list *list,
		act_done_fn done, void *done_userdata);
	/* ACT_OPERATOR_PUT; the token is copied. */
	void (*put_operator_token)(void *userdata, const struct act *act, struct span token,
		act_done_fn done, void *done_userdata);
	/* ACT_CA_PUT: a certificate in PEM, which is copied. */
	void (*put_ca)(void *userdata, const struct act *act, struct span pem, act_done_fn done,
		void *done_userdata);
	/* ACT_SITE_CA_...: 'identity' is a certificate and its key, for an import; it is copied. */
	void (*site_ca)(void *userdata, const struct act *act, struct span identity,
		act_done_fn done, void *done_userdata);
	void (*platform)(
		void *userdata, const struct device *device, struct api_platform *ret_platform);
};

int api_new(
	const struct api_view *view, const struct api_ops *ops, void *userdata, struct api **ret);
struct api *api_free(struct api *api); /* calls under way are answered with 503 first */

struct api_request {
	const char *method; /* "GET", "POST", "PUT", "DELETE" */
	const char *path;   /* "/api/v1/..." without query */
	const char *query;  /* after '?', or NULL */
	const struct api_caller *caller;
	json_t *body; /* object or NULL; borrowed */
};
/* 'body' is borrowed: incref to keep. */
typedef void (*api_done_fn)(void *userdata, int status, json_t *body);
void api_call(struct api *api, const struct api_request *request, api_done_fn done, void *userdata);

/* The table, for tests and documents. */
struct api_route {
	const char *method;
	const char *path;    /* "/api/v1/devices/{id}/approve" */
	enum role role;	     /* least role; ROLE_NONE = anybody */
	bool local_root;     /* control socket as uid 0 only */
	bool fresh_password; /* on the page */
	const char *text;
	const char *query; /* the parameters it takes, separated by spaces; NULL = none */
	const char *body;  /* likewise the keys of its JSON object */
};
/* NULL behind the last one. */
const struct api_route *api_route_at(size_t index);

/* Everything that is counted, in the text format of Prometheus: heap, the caller frees it. -ENOMEM.
 */
int api_metrics(struct api *api, char **ret_text, size_t *ret_size);

/*
 * News: something that a page shows may have changed. STATE is what somebody did or what became of
 * it (arrivals, stages, window, alarms, uplink); TRAFFIC is what goes on all the time (readings,
 * who was turned away). A running number grows with each piece of news.
 */
enum api_news { API_NEWS_STATE = 1, API_NEWS_TRAFFIC = 2 };
typedef void (*api_news_fn)(void *userdata, enum api_news news);
/* The one listener; it is told on the loop, in the middle of whatever happens, and only notes it.
 * NULL: nobody any more. */
void api_watch(struct api *api, api_news_fn news, void *userdata);
uint64_t api_revision(const struct api *api);
void api_touch(struct api *api); /* API_NEWS_STATE */
void api_touch_traffic(struct api *api);
