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
#include "host/act.h"
#include "host/ca-host.h"
#include "host/claim-host.h"
#include "host/clock-watch.h"
#include "host/command-host.h"
#include "host/display.h"
#include "host/effect.h"
#include "host/gap.h"
#include "host/host.h"
#include "host/journal.h"
#include "host/key-host.h"
#include "host/label-host.h"
#include "host/link-test.h"
#include "host/load.h"
#include "host/multicast.h"
#include "host/outbox-host.h"
#include "host/platform-host.h"
#include "host/profile-host.h"
#include "host/reading.h"
#include "host/scan-host.h"
#include "host/site-ca-host.h"
#include "host/telemetry.h"
#include "host/token-host.h"
#include "host/trim.h"
#include "host/upstream.h"
#include "host/wiring.h"
#include "host/withdraw.h"
#include "web/certificate.h"
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

/* ---- what the rooms ask of the gateway ---- */

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

/* After an unclean stop all of the outbox is looked at, which a day without a broker may have made
 * larger than the time that the service manager gives to a start. */
static void on_slow_start(void *userdata, uint64_t usec)
{
	sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%llu\nSTATUS=Reads what is on disk.",
		(unsigned long long)usec);
}

static int open_store(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	const struct store_options options = {
		.state_directory = host->config->state_directory,
		.credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
		.loose = host->config->outbox_durability != DURABILITY_POWER,
		.commit_delay_usec = host->config->outbox_commit_delay * USEC_PER_MSEC,
		.slow = on_slow_start,
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
	return store_start(
		gateway->host.store, gateway->host.loop, &host_store_ops, &gateway->host);
}

/* ---- people, api, page ---- */

static int start_page(struct gateway *gateway, const struct gateway_sockets *sockets)
{
	struct host *host = &gateway->host;
	const struct api_view view = {
		.registry = host->registry,
		.recent = host->recent,
		.owed = host->owed,
		.alarms = &host->alarms,
		.limits = &host->limits,
		.window = &host->window,
		.heard = &host->heard,
		.config = &host->config,
		.facts = &host->facts,
		.tokens = &host->tokens,
		.metrics = &host->metrics,
		.labels = &host->labels,
		.cas = &host->cas,
		.site_ca = &host->site_ca,
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
		r = api_new(&view, &host_api_ops, host, &host->api);
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
		.metrics = host->config->page_metrics,
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

DEFINE_CLEANUP(struct certificate *, certificate_free, cleanup_certificate)

static int start_lan(struct gateway *gateway, const struct remembered *remembered)
{
	struct host *host = &gateway->host;
	const struct certificate *certificate = web_certificate(gateway->web);
	CLEANUP(cleanup_certificate) struct certificate *own = NULL;
	char why[256] = "";
	struct lan_options options = {
		.interfaces = &host->config->lan_interfaces,
		.routed = &host->config->lan_routed,
		.port = host->config->lan_port,
		.secure = true,
		.secure_port = host->config->lan_secure_port,
		.limits = &host->limits,
	};
	int r;

	if (host->config->lan_certificate[0]) {
		r = certificate_load(host->config->lan_certificate, host->config->lan_key, &own,
			why, sizeof(why));
		if (r < 0) {
			log_error("The certificate for devices cannot be used: %s", why);
			return r;
		}
		certificate = own;
	}
	options.certificate = certificate->chain;
	options.key = certificate->key;
	r = lan_new(host->loop, &options, &host_lan_ops, host, &host->lan);
	if (r == -EKEYREJECTED && !own) {
		log_notice("The page's certificate is not of an elliptic curve, so no device "
			   "comes in with a certificate: set lan.certificate and lan.key.");
		options.certificate = options.key = NULL;
		r = lan_new(host->loop, &options, &host_lan_ops, host, &host->lan);
	}
	if (r == -EKEYREJECTED) {
		log_error("lan.certificate must be of an elliptic curve and fit lan.key.");
		return r;
	}
	if (r < 0) {
		log_error("CoAP cannot listen on UDP ports %u and %u: %s.", host->config->lan_port,
			host->config->lan_secure_port, strerror(-r));
		return r;
	}
	ca_trust(host);
	host_load_remember(host, remembered);
	log_info("CoAP listens on UDP port %u, with DTLS on %u.", lan_port(host->lan),
		lan_secure_port(host->lan));
	return multicast_start(host);
}

static int start_discovery(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	const struct discovery_options options = {
		.interfaces = &host->config->lan_interfaces,
		.routed = &host->config->lan_routed,
		.gateway_id = host->config->id,
		.port = lan_port(host->lan),
		.secure_port = lan_secure_port(host->lan),
		.limits = &host->limits,
	};

	if (!host->config->mdns) {
		snprintf(host->facts.discovery_detail, sizeof(host->facts.discovery_detail),
			"switched off (lan.mdns)");
		return 0;
	}
	return discovery_new(host->loop, &options, &host_discovery_ops, host, &host->discovery);
}

/* ---- uplink, and every device goes on where it was ---- */

static int start_uplink(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	struct device *device, *next;
	int r;

	r = uplink_new(
		host->loop, host->names, &host->limits, &host_uplink_ops, host, &host->uplink);
	if (r >= 0)
		r = http_new(host->loop, &host->limits, &host->http);
	if (r >= 0)
		r = platform_secrets_load(host);
	if (r < 0)
		return r;
	for (device = registry_first(host->registry); device; device = next) {
		next = registry_next(device);
		platform_host_set_timers(host, device);
		reading_set_open(host, device);
		telemetry_update(host, device);
		host_submit(host, device, &(const struct submission){.event = LIFE_RESTARTED});
		display_look(host, device);
	}
	scan_plan(host);
	claim_host_look(host);
	command_host_start(host);
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

static int start(struct gateway *gateway, const struct gateway_sockets *sockets)
{
	CLEANUP(remembered_free_all)
	struct remembered *remembered = NULL;
	int r;

	r = open_store(gateway);
	if (r >= 0)
		r = host_load(&gateway->host, &remembered);
	if (r >= 0)
		r = start_store(gateway);
	if (r >= 0)
		reading_drop_loaded(&gateway->host);
	if (r >= 0)
		gap_give_up_orphans(&gateway->host);
	if (r >= 0)
		ca_files_start(&gateway->host);
	if (r >= 0)
		r = start_page(gateway, sockets);
	if (r >= 0)
		r = profiles_start(&gateway->host);
	if (r >= 0)
		r = start_lan(gateway, remembered);
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
	if (facts.outbox_set_aside[0])
		host_alarm_raise(host, ALARM_OUTBOX_SET_ASIDE, facts.outbox_set_aside);
	outbox_start(host);
	key_start(host);
	site_ca_watch(host);
	clock_watch(host);
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
	host->pace_timer = loop_source_free(host->pace_timer);
	host->trim.timer = loop_source_free(host->trim.timer);
	host->window_timer = loop_source_free(host->window_timer);
	host->scan_timer = loop_source_free(host->scan_timer);
	host->multicast_timer = loop_source_free(host->multicast_timer);
	host->repeat_timer = loop_source_free(host->repeat_timer);
	host->registry = registry_free(host->registry);
	withdrawings_free_all(host);
	host->recent = recent_free(host->recent);
	/* Its exchanges belonged to devices. */
	host->link_test = link_test_free(host->link_test);
	host->http = http_free(host->http);
	platform_secrets_clear(host);
	host->owed = owed_free(host->owed);
	gaps_free_all(host);
	token_import_end(host);
	token_names_clear(&host->tokens);
	label_import_end(host);
	label_book_clear(&host->labels);
	device_cas_clear(&host->cas);
	site_ca_end(host);
	clock_watch_end(host);
	free(host->flights);
	free(host->profiles);
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

static void cleanup_profiles(struct profiles **profiles)
{
	free(*profiles);
}

int gateway_reload(struct gateway *gateway)
{
	struct host *host = &gateway->host;
	const struct config *old = host->config;
	struct config *next = old == &gateway->config ? &gateway->spare : &gateway->config;
	CLEANUP(device_cas_clear) struct device_cas authorities = {0};
	CLEANUP(cleanup_profiles) struct profiles *profiles = NULL;
	char keys[512];
	int r;

	r = config_load(gateway->config_path, on_config_message, NULL, next);
	if (r >= 0)
		r = ca_files_read(host, &authorities);
	if (r >= 0)
		r = profiles_read(host, &profiles);
	/* All is taken on, or nothing: from here on nothing can fail. */
	if (r < 0) {
		log_at(LOG_ERR, (&(const struct log_fields){.message_id = MESSAGE_RELOAD_REFUSED}),
			"The configuration was not reloaded: the old one stays in force.");
		return r;
	}
	ca_files_follow(host, &authorities);
	profiles_replace(host, STEAL(profiles));
	config_restart_needed(old, next, keys, sizeof(keys));
	if (keys[0])
		log_notice("These keys take effect at the next start: %s.", keys);
	config_keep_restart_keys(old, next);
	host->config = next;
	limits_configure(&host->limits, next);
	log_set_level(next->log_level);
	outbox_set_limits(host);
	reading_pump_soon(host);
	trim_start(host);
	upstream_reload(host, old);
	if (multicast_reload(host, old) < 0)
		log_error("The timer of the question to everybody could not be set.");
	log_at(LOG_NOTICE, (&(const struct log_fields){.message_id = MESSAGE_RELOADED}),
		"The configuration was reloaded.");
	return 0;
}

int gateway_failure(const struct gateway *gateway)
{
	return gateway->failure;
}
