/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who in the host hears what a room says: one table of callbacks for each room. The rooms do not
 * know the host and do not know each other; 'userdata' of every one of them is the struct host.
 */

#include "host/wiring.h"
#include "host/act.h"
#include "host/device-host.h"
#include "host/enrol.h"
#include "host/hand-over-host.h"
#include "host/journal.h"
#include "host/link-test.h"
#include "host/network-host.h"
#include "host/platform-host.h"
#include "host/reading.h"
#include "host/upstream.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/message-ids.h"
#include "host/ca-host.h"
#include "host/command-host.h"
#include "host/doctor.h"
#include "host/gap.h"
#include "host/host.h"
#include "host/label-host.h"
#include "host/multicast.h"
#include "host/operator-token.h"
#include "host/platform-ask.h"
#include "host/platform-dial.h"
#include "host/rd.h"
#include "host/secure-host.h"
#include "host/session.h"
#include "host/site-ca-host.h"
#include "host/token-host.h"

/* ---- lan ---- */

static void on_lan_request(void *userdata, const struct lan_request *request)
{
	static void (*const handlers[LAN_RESOURCES])(
		struct host * host, const struct lan_request *request) = {
		[LAN_ENROL] = enrol_on_request,
		[LAN_TELEMETRY] = reading_on_request,
		[LAN_TIME] = time_on_request,
		[LAN_DEVICE] = device_on_request,
		[LAN_DEVICE_COMMAND] = command_on_request,
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

static void on_unobserved(void *userdata, void *observer_userdata)
{
	*(struct lan_observer **)observer_userdata = NULL;
}

static bool on_psk(
	void *userdata, const char *identity, uint8_t ret_key[LAN_PSK_MAX], size_t *ret_size)
{
	return secure_host_psk(userdata, identity, ret_key, ret_size);
}

static bool on_keeps(void *userdata, const struct lan_peer *peer)
{
	return secure_host_keeps(userdata, peer);
}

static bool on_certificate(void *userdata, const struct lan_certificate *certificate)
{
	return ca_admits(userdata, certificate);
}

static void on_entered(void *userdata, const struct lan_peer *peer)
{
	ca_entered(userdata, peer);
}

const struct lan_ops host_lan_ops = {
	.unobserved = on_unobserved,
	.request = on_lan_request,
	.turned_away = on_turned_away,
	.reachable = on_reachable,
	.sighted = on_sighted,
	.psk = on_psk,
	.certificate = on_certificate,
	.entered = on_entered,
	.keeps = on_keeps,
};

/* ---- store ---- */

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

const struct store_ops host_store_ops = {
	.appended = on_appended,
	.fetched = on_fetched,
	.failed = on_store_failed,
};

/* ---- discovery ---- */

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

const struct discovery_ops host_discovery_ops = {
	.appeared = on_appeared,
	.vanished = on_vanished,
	.state = on_discovery_state,
};

/* ---- uplink ---- */

static void on_uplink_event(void *userdata, const struct uplink_event *event)
{
	struct host *host = userdata;

	if (event->session && platform_dial_on_event(host, event))
		return;
	/* The broker's own answers come by the gateway's session. */
	if (event->kind == UPLINK_MESSAGE && !event->inbound->owner &&
		event->inbound->topic[0] == '$')
		platform_ask_on_message(host, event->inbound);
	else if (event->kind == UPLINK_MESSAGE)
		command_on_message(host, event->inbound);
	else if (event->session == host->session)
		upstream_on_event(host, event);
	else
		session_on_event(host, event);
}

const struct uplink_ops host_uplink_ops = {.event = on_uplink_event, .keep = command_keep};

/* ---- api ---- */

static void on_act(void *userdata, const struct act *act, act_done_fn done, void *done_userdata)
{
	act_do(userdata, act, done, done_userdata);
}

static void on_put_tokens(void *userdata, const struct act *act, struct token_list *list,
	act_done_fn done, void *done_userdata)
{
	token_import(userdata, act, list, done, done_userdata);
}

static void on_put_parcel(void *userdata, const struct act *act, struct span parcel,
	act_done_fn done, void *done_userdata)
{
	hand_over_import(userdata, act, parcel, done, done_userdata);
}

static void on_put_ca(void *userdata, const struct act *act, struct span pem, act_done_fn done,
	void *done_userdata)
{
	ca_put(userdata, act, pem, done, done_userdata);
}

static void on_put_operator_token(void *userdata, const struct act *act, struct span token,
	act_done_fn done, void *done_userdata)
{
	operator_put(userdata, act, token, done, done_userdata);
}

static void on_site_ca(void *userdata, const struct act *act, struct span identity,
	act_done_fn done, void *done_userdata)
{
	site_ca_do(userdata, act, identity, done, done_userdata);
}

static void on_put_codes(void *userdata, const struct act *act, struct label_list *list,
	act_done_fn done, void *done_userdata)
{
	label_import(userdata, act, list, done, done_userdata);
}

static void on_journal(
	void *userdata, const struct audit_query *query, api_journal_fn done, void *done_userdata)
{
	struct host *host = userdata;

	store_journal(host->store, query, done, done_userdata);
}

static void on_letters(
	void *userdata, uint64_t before, unsigned max, letters_fn done, void *done_userdata)
{
	struct host *host = userdata;

	store_letters(host->store, before, max, done, done_userdata);
}

static void on_people(void *userdata,
	void (*each)(void *each_userdata, const struct person *person), void *each_userdata)
{
	struct host *host = userdata;
	unsigned i;

	for (i = 0; i < host->people.count; i++)
		each(each_userdata, &host->people.person[i]);
}

static void on_platform(
	void *userdata, const struct device *device, struct api_platform *ret_platform)
{
	platform_host_describe(userdata, device, ret_platform);
}

static void on_probe(void *userdata, struct api_probe *ret_probe)
{
	doctor_probe(userdata, ret_probe);
}

static void on_interfaces(void *userdata, api_interface_fn each, void *each_userdata)
{
	network_interfaces(userdata, each, each_userdata);
}

static void on_ways(void *userdata, api_way_fn each, void *each_userdata)
{
	network_ways(userdata, each, each_userdata);
}

static void on_test(void *userdata, api_test_fn done, void *done_userdata)
{
	link_test_run(userdata, done, done_userdata);
}

static const struct api_test *on_tested(void *userdata)
{
	return link_test_last(userdata);
}

static void on_verify(void *userdata, api_verify_fn done, void *done_userdata)
{
	struct host *host = userdata;

	store_verify_audit(host->store, done, done_userdata);
}

static void on_gaps(void *userdata, api_gap_fn each, void *each_userdata)
{
	gap_each(userdata, each, each_userdata);
}

const struct api_ops host_api_ops = {
	.verify = on_verify,
	.gaps = on_gaps,
	.probe = on_probe,
	.interfaces = on_interfaces,
	.ways = on_ways,
	.test = on_test,
	.tested = on_tested,
	.platform = on_platform,
	.act = on_act,
	.put_tokens = on_put_tokens,
	.put_operator_token = on_put_operator_token,
	.put_codes = on_put_codes,
	.put_ca = on_put_ca,
	.site_ca = on_site_ca,
	.put_parcel = on_put_parcel,
	.journal = on_journal,
	.letters = on_letters,
	.people = on_people,
};
