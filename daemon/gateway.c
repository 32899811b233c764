/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Order of birth: what is on disk first (store, registry, what is owed), then what works without a
 * network (people, api, page), then the LAN, then the uplink. Death is the mirror image, except
 * that the store goes last of the parts that other parts still write to. The file's order is that
 * order.
 */

#include "gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/gap.h"
#include "host/host.h"
#include "host/multicast.h"
#include "host/rd.h"
#include "host/session.h"
#include "host/token-host.h"
#include "web/web.h"

#define STATUS_INTERVAL_USEC (10 * USEC_PER_SEC)

struct gateway {
	struct host host;
	struct config config, spare; /* host.config points at one of them */
	char *config_path;
	struct web *web;
	sd_event_source *status_timer;
	sd_event_source *stop_timer;
	int failure;
};

/* ---- what the rooms call ---- */

static void on_lan_request(void *userdata, const struct lan_request *request)
{
	static void (*const handlers[LAN_RESOURCES])(
		struct host * host, const struct lan_request *request) = {
		[LAN_ENROL] = enrol_on_request,
		[LAN_TELEMETRY] = reading_on_request,
		[LAN_TIME] = time_on_request,
		[LAN_DEVICE] = device_on_request,
		[LAN_DEVICE_COMMAND] = device_on_request,
		[LAN_RD] = rd_on_request,
		[LAN_RD_ENTRY] = rd_on_request,
		[LAN_RD_SIMPLE] = rd_on_request,
	};
	_Static_assert(LAN_RESOURCES == LAN_RD_SIMPLE + 1, "a resource lacks its handler");

	if (request->resource < LAN_RESOURCES && handlers[request->resource])
		handlers[request->resource](userdata, request);
	else
		lan_answer_text(request->exchange, COAP_CODE(4, 4), NULL, -1);
}

static void on_turned_away(void *userdata, enum turned_away why, const struct device_address *from)
{
	host_turned_away(userdata, why, from);
}

static void on_reachable(void *userdata, const struct device_address *address)
{
	rd_on_reachable(userdata, address);
}

static void on_sighted(void *userdata, const struct lan_sighting *sighting)
{
	multicast_on_sighted(userdata, sighting);
}

static void on_appended(void *userdata, struct reading **readings, size_t count, int result)
{
	reading_on_appended(userdata, readings, count, result);
}

static void on_fetched(void *userdata, const struct owed_fetch *fetch, struct reading **readings,
	size_t count, int result)
{
	reading_on_fetched(userdata, fetch, readings, count, result);
}

static void on_store_failed(void *userdata, const char *why)
{
	struct host *host = userdata;

	log_at(LOG_CRIT, (&(const struct log_fields){.message_id = MESSAGE_STORE_FAILED}),
		"The store failed (%s): nothing more is acknowledged, the daemon ends and starts "
		"again from disk.",
		why);
	host->quit(host->quit_userdata, -EIO, why);
}

static void on_appeared(void *userdata, const struct discovery_sighting *sighting)
{
	device_host_on_appeared(userdata, sighting);
}

static void on_vanished(void *userdata, const struct discovery_sighting *sighting)
{
	device_host_on_vanished(userdata, sighting);
}

static void on_discovery_state(void *userdata, bool available, const char *why)
{
	struct host *host = userdata;

	host->facts.discovery_available = available;
	snprintf(host->facts.discovery_detail, sizeof(host->facts.discovery_detail), "%s",
		why ? why : "");
	if (available) {
		host_alarm_clear(host, ALARM_DISCOVERY_LOST, "");
	} else {
		log_at(LOG_WARNING,
			(&(const struct log_fields){.message_id = MESSAGE_DISCOVERY_LOST}),
			"mDNS discovery is not available: %s. Devices can still enrol by "
			"themselves.",
			why ? why : "");
		host_alarm_raise(host, ALARM_DISCOVERY_LOST, "");
	}
	host_touch(host);
}

static void on_uplink_event(void *userdata, const struct uplink_event *event)
{
	struct host *host = userdata;

	if (event->session == host->session)
		upstream_on_event(host, event);
	else
		session_on_event(host, event);
}

static void on_act(void *userdata, const struct act *act, act_done_fn done, void *done_userdata)
{
	act_do(userdata, act, done, done_userdata);
}

static void on_put_tokens(void *userdata, const struct act *act, struct token_list *list,
	act_done_fn done, void *done_userdata)
{
	token_import(userdata, act, list, done, done_userdata);
}

static void on_journal(
	void *userdata, uint64_t before, unsigned max, api_journal_fn done, void *done_userdata)
{
	struct host *host = userdata;

	store_journal(host->store, before, max, done, done_userdata);
}

static void on_people(void *userdata,
	void (*each)(void *each_userdata, const struct person *person), void *each_userdata)
{
	struct host *host = userdata;
	unsigned i;

	for (i = 0; i < host->people.count; i++)
		each(each_userdata, &host->people.person[i]);
}

static void on_end_sessions(void *userdata, const char *person)
{
	struct gateway *gateway = userdata;

	if (gateway->web)
		web_end_sessions(gateway->web, person);
}

static void on_quit(void *userdata, int code, const char *why)
{
	struct gateway *gateway = userdata;

	gateway->failure = code;
	sd_event_exit(gateway->host.loop, 1);
}

/* ---- what is on disk ---- */

/* What the load needs besides the host: retransmission keys are kept until the LAN exists. */
struct remembered {
	struct remembered *next;
	uint64_t device_row;
	struct request_key key;
};
struct loading {
	struct host *host;
	struct remembered *first, **end;
};

static int load_device(void *userdata, struct device_record *record)
{
	struct host *host = ((struct loading *)userdata)->host;
	struct device *device;
	int r;

	r = registry_add(host->registry, record, &device);
	if (r < 0) {
		device_record_free(record);
		return r;
	}
	device->on_disk = true;
	return device_host_attach(host, device);
}

static int load_person(void *userdata, const struct person *person)
{
	return people_load(((struct loading *)userdata)->host, person);
}

static int load_alarm(void *userdata, const struct alarm *alarm)
{
	struct host *host = ((struct loading *)userdata)->host;
	struct alarm raised;

	alarms_raise(&host->alarms, alarm->kind, alarm->subject, alarm->raised, &raised);
	return 0;
}

static int load_setting(void *userdata, const char *name, const char *value)
{
	return 0; /* no setting of this version lives in the store */
}

static int load_token(void *userdata, const char *kind, const char *ep, int64_t since)
{
	return token_names_put(&((struct loading *)userdata)->host->tokens, kind, ep, since);
}

static int load_owed(void *userdata, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row)
{
	return reading_load(
		((struct loading *)userdata)->host, device_row, count, bytes, first_row, last_row);
}

static int load_request(void *userdata, uint64_t device_row, const struct request_key *key)
{
	struct loading *loading = userdata;
	struct remembered *request = malloc(sizeof(*request));

	if (!request)
		return -ENOMEM;
	*request = (struct remembered){.device_row = device_row, .key = *key};
	*loading->end = request;
	loading->end = &request->next;
	return 0;
}

static int load_gap(void *userdata, const struct store_gap *gap)
{
	return gap_load(((struct loading *)userdata)->host, gap);
}

static int load(struct gateway *gateway, struct loading *loading)
{
	struct host *host = &gateway->host;
	const struct store_loader loader = {
		.device = load_device,
		.person = load_person,
		.alarm = load_alarm,
		.setting = load_setting,
		.token = load_token,
		.owed = load_owed,
		.request = load_request,
		.gap = load_gap,
	};
	const struct owed_limits limits = {
		.outbox_bytes = host->config->outbox_max_bytes,
		.window_readings = host->limits.value[LIMIT_WINDOW_READINGS],
		.in_flight = host->config->mqtt_window,
	};
	struct store_facts facts;
	int r;

	store_get_facts(host->store, &facts);
	r = registry_new(&host->registry);
	if (r < 0)
		return r;
	registry_set_destructor(host->registry, device_host_detach, host);
	r = owed_new(&limits, facts.epoch, facts.next_row, &host->owed);
	if (r < 0)
		return r;
	r = store_load(host->store, &loader, loading);
	if (r < 0)
		return r;
	token_names_sort(&host->tokens);
	registry_set_next_row(host->registry, facts.next_device_row);
	host->next_operation = facts.next_operation;
	snprintf(host->facts.key_source, sizeof(host->facts.key_source), "%s",
		facts.key_source == KEY_CREDENTIAL ? "credential" : "key file");
	host->facts.audit_rows = facts.audit_rows;
	snprintf(host->facts.audit_head, sizeof(host->facts.audit_head), "%s", facts.audit_head);
	return 0;
}

static int open_store(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	const struct store_options options = {
		.state_directory = host->config->state_directory,
		.credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
	};
	enum store_opened opened = STORE_OPENED;
	char why[512] = "";
	int r;

	r = store_open(&options, &opened, &host->store, why, sizeof(why));
	if (r < 0) {
		log_error("The state directory cannot be used: %s", why);
		return r;
	}
	if (opened != STORE_OPENED) {
		log_error("%s", why);
		return -EINVAL;
	}
	return 0;
}

static int start_store(struct gateway *gateway)
{
	static const struct store_ops ops = {
		.appended = on_appended, .fetched = on_fetched, .failed = on_store_failed};

	return store_start(gateway->host.store, gateway->host.loop, &ops, &gateway->host);
}

/* ---- people, api, page ---- */

static int start_page(struct gateway *gateway, const struct gateway_sockets *sockets)
{
	struct host *host = &gateway->host;
	static const struct api_ops ops = {
		.act = on_act,
		.put_tokens = on_put_tokens,
		.journal = on_journal,
		.people = on_people,
	};
	const struct api_view view = {
		.registry = host->registry,
		.owed = host->owed,
		.alarms = &host->alarms,
		.limits = &host->limits,
		.window = &host->window,
		.heard = &host->heard,
		.config = &host->config,
		.facts = &host->facts,
		.tokens = &host->tokens,
	};
	char socket_path[300], why[256] = "";
	int r;

	r = job_thread_new(host->loop, "names", 64, &host->names);
	if (r >= 0)
		r = job_thread_new(host->loop, "passwords",
			(unsigned)host->limits.value[LIMIT_PASSWORD_QUEUE], &host->passwords);
	if (r >= 0)
		r = people_start(host);
	if (r >= 0)
		r = api_new(&view, &ops, host, &host->api);
	if (r < 0)
		return r;
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock",
		host->config->runtime_directory);
	const struct web_options options = {
		.addresses = &host->config->page_addresses,
		.port = host->config->page_port,
		.names = &host->config->page_names,
		.gateway_id = host->config->id,
		.state_directory = host->config->state_directory,
		.certificate = host->config->page_certificate,
		.key = host->config->page_key,
		.control_socket = socket_path,
		.inherited = sockets->page,
		.inherited_count = sockets->page_count,
		.limits = &host->limits,
	};
	r = web_new(host->loop, &options, host->api, &gateway->web, why, sizeof(why));
	if (r < 0) {
		log_error("The page cannot start: %s", why);
		return r;
	}
	host->end_sessions = on_end_sessions;
	host->end_sessions_userdata = gateway;
	log_info("The page listens on port %u; its certificate's SHA-256 fingerprint is %s.",
		web_port(gateway->web), web_fingerprint(gateway->web));
	return 0;
}

/* ---- LAN ---- */

/* The port that it came from is not on disk, and the one in the record may be another by now. A
 * device that is alone at its address may leave its name out. */
static void remember(struct host *host, const struct remembered *remembered)
{
	struct device *device = registry_by_row(host->registry, remembered->device_row);
	struct device_address address;

	if (!device)
		return;
	address = device->record->address;
	address.port = 0;
	lan_remember(host->lan, &address, device->record->ep, &remembered->key);
	lan_remember(host->lan, &address, "", &remembered->key);
}

static int start_lan(struct gateway *gateway, struct remembered *remembered)
{
	struct host *host = &gateway->host;
	static const struct lan_ops ops = {
		.request = on_lan_request,
		.turned_away = on_turned_away,
		.reachable = on_reachable,
		.sighted = on_sighted,
	};
	const struct lan_options options = {
		.interfaces = &host->config->lan_interfaces,
		.port = host->config->lan_port,
		.limits = &host->limits,
	};
	int r;

	r = lan_new(host->loop, &options, &ops, host, &host->lan);
	if (r < 0) {
		log_error("CoAP cannot listen on UDP port %u: %s.", host->config->lan_port,
			strerror(-r));
		return r;
	}
	for (; remembered; remembered = remembered->next)
		remember(host, remembered);
	log_info("CoAP listens on UDP port %u.", lan_port(host->lan));
	return multicast_start(host);
}

static int start_discovery(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	static const struct discovery_ops ops = {
		.appeared = on_appeared, .vanished = on_vanished, .state = on_discovery_state};
	const struct discovery_options options = {
		.interfaces = &host->config->lan_interfaces,
		.gateway_id = host->config->id,
		.port = lan_port(host->lan),
		.limits = &host->limits,
	};

	if (!host->config->mdns) {
		snprintf(host->facts.discovery_detail, sizeof(host->facts.discovery_detail),
			"switched off (lan.mdns)");
		return 0;
	}
	return discovery_new(host->loop, &options, &ops, host, &host->discovery);
}

/* ---- uplink, and every device goes on where it was ---- */

static int start_uplink(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	static const struct uplink_ops ops = {.event = on_uplink_event};
	struct device *device, *next;
	int r;

	r = uplink_new(host->loop, host->names, &host->limits, &ops, host, &host->uplink);
	if (r < 0)
		return r;
	for (device = registry_first(host->registry); device; device = next) {
		next = registry_next(device);
		platform_host_set_timers(host, device);
		reading_set_open(host, device);
		device_host_plan_poll(host, device);
		host_submit(host, device, &(const struct submission){.event = LIFE_RESTARTED});
	}
	return upstream_start(host);
}

/* ---- status ---- */

void gateway_status_text(const struct gateway *gateway, char *ret_text, size_t capacity)
{
	const struct host *host = &gateway->host;
	struct owed_stats stats;

	owed_stats(host->owed, &stats);
	snprintf(ret_text, capacity,
		"%zu devices active, %zu waiting; uplink %s; %llu readings queued; %u alarms",
		registry_count_stage(host->registry, STAGE_ACTIVE),
		registry_count_stage(host->registry, STAGE_WAITING_PERSON),
		link_state_to_string(host->link), (unsigned long long)stats.readings,
		host->alarms.count);
}

static int on_status_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct gateway *gateway = userdata;
	char text[256];

	gateway_status_text(gateway, text, sizeof(text));
	sd_notifyf(0, "STATUS=%s", text);
	return loop_timer_set(gateway->host.loop, &gateway->status_timer, STATUS_INTERVAL_USEC,
		on_status_timer, gateway, "status");
}

/* ---- birth and death ---- */

static void free_remembered(struct loading *loading)
{
	struct remembered *request;

	while ((request = loading->first)) {
		loading->first = request->next;
		free(request);
	}
}

static int start(struct gateway *gateway, const struct gateway_sockets *sockets)
{
	CLEANUP(free_remembered)
	struct loading loading = {.host = &gateway->host, .end = &loading.first};
	int r;

	r = open_store(gateway);
	if (r >= 0)
		r = load(gateway, &loading);
	if (r >= 0)
		r = start_store(gateway);
	if (r >= 0)
		reading_drop_loaded(&gateway->host);
	if (r >= 0)
		r = start_page(gateway, sockets);
	if (r >= 0)
		r = start_lan(gateway, loading.first);
	if (r >= 0)
		r = start_discovery(gateway);
	if (r >= 0)
		r = start_uplink(gateway);
	if (r >= 0)
		r = on_status_timer(NULL, 0, gateway);
	return r;
}

int gateway_new(sd_event *loop, const char *config_path, const struct config *config,
	const struct gateway_sockets *sockets, struct gateway **ret)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	struct host *host;
	struct store_facts facts;
	uint32_t i;
	int r = -ENOMEM;

	if (!gateway)
		return -ENOMEM;
	gateway->config = *config;
	host = &gateway->host;
	host->loop = sd_event_ref(loop);
	host->config = &gateway->config;
	host->quit = on_quit;
	host->quit_userdata = gateway;
	host->facts.started = clock_wall_msec();
	limits_init(&host->limits);
	limits_configure(&host->limits, host->config);
	host->flights = calloc(FLIGHTS_MAX, sizeof(*host->flights));
	gateway->config_path = config_path ? strdup(config_path) : NULL;
	if (host->flights && (!config_path || gateway->config_path)) {
		for (i = 0; i < FLIGHTS_MAX; i++)
			host->flights[i].next_free = i + 1;
		r = start(gateway, sockets);
	}
	if (r < 0) {
		log_error("The gateway cannot start: %s.", strerror(-r));
		gateway_free(gateway);
		return r;
	}
	store_get_facts(host->store, &facts);
	if (facts.outbox_set_aside)
		host_alarm_raise(host, ALARM_OUTBOX_SET_ASIDE, "");
	*ret = gateway;
	return 0;
}

struct gateway *gateway_free(struct gateway *gateway)
{
	struct host *host;

	if (!gateway)
		return NULL;
	host = &gateway->host;
	gateway->status_timer = loop_source_free(gateway->status_timer);
	host->discovery = discovery_free(host->discovery);
	host->lan = lan_free(host->lan);
	if (host->uplink) {
		upstream_stop(host);
		host->session = uplink_session_free(host->session);
		host->uplink = uplink_free(host->uplink);
	}
	gateway->web = web_free(gateway->web);
	host->passwords = job_thread_free(host->passwords);
	host->store = store_free(host->store);
	reading_drops_free(host);
	/* Last of the threads: it may wait for a name server, and nothing on disk waits with it. */
	host->names = job_thread_free(host->names);
	host->api = api_free(host->api);
	host->pump_source = loop_source_free(host->pump_source);
	host->delete_timer = loop_source_free(host->delete_timer);
	host->window_timer = loop_source_free(host->window_timer);
	host->multicast_timer = loop_source_free(host->multicast_timer);
	host->registry = registry_free(host->registry);
	host->owed = owed_free(host->owed);
	gaps_free_all(host);
	token_import_end(host);
	token_names_clear(&host->tokens);
	free(host->flights);
	sd_event_unref(host->loop);
	free(gateway->config_path);
	free(gateway);
	return NULL;
}

/* ---- reload ---- */

static void on_config_message(void *userdata, int level, const char *text)
{
	log_at(level, NULL, "%s", text);
}

int gateway_reload(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	const struct config *old = host->config;
	struct config *next = old == &gateway->config ? &gateway->spare : &gateway->config;
	char keys[512];
	int r;

	r = config_load(gateway->config_path, on_config_message, NULL, next);
	if (r < 0) {
		log_at(LOG_ERR, (&(const struct log_fields){.message_id = MESSAGE_RELOAD_REFUSED}),
			"The configuration was not reloaded: the old one stays in force.");
		return r;
	}
	config_restart_needed(old, next, keys, sizeof(keys));
	if (keys[0])
		log_notice("These keys take effect at the next start: %s.", keys);
	config_keep_restart_keys(old, next);
	host->config = next;
	limits_configure(&host->limits, next);
	log_set_level(next->log_level);
	owed_set_limits(
		host->owed, &(const struct owed_limits){
				    .outbox_bytes = next->outbox_max_bytes,
				    .window_readings = host->limits.value[LIMIT_WINDOW_READINGS],
				    .in_flight = next->mqtt_window,
			    });
	upstream_reload(host, old);
	log_at(LOG_NOTICE, (&(const struct log_fields){.message_id = MESSAGE_RELOADED}),
		"The configuration was reloaded.");
	return 0;
}

int gateway_failure(const struct gateway *gateway)
{
	return gateway->failure;
}
