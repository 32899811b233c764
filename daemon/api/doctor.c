/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is wrong with this gateway, as far as the gateway itself can know: one finding for each
 * check, with a sentence, and what to do where there is something to do. Who was turned away, and
 * limits that were reached, are findings too: they are the first question on site.
 *
 *	ok	as it should be		notice	worth knowing, nothing is broken
 *	warning	will hurt		error	hurts now
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define KIB	  UINT64_C(1024)
#define MIB	  (KIB * 1024)
#define TEXT_SIZE 256

struct examination {
	const struct api *api;
	const struct api_view *view;
	struct api_probe probe;
	json_t *findings;
	unsigned own_ways; /* platforms whose devices connect by themselves */
};

__attribute__((format(printf, 5, 6))) static void find(struct examination *examination,
	const char *check, const char *state, const char *remedy, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	json_array_append_new(
		examination->findings, json_pack("{s:s,s:s,s:o,s:s}", "check", check, "state",
					       state, "text", api_text(text), "remedy", remedy));
}

static void look_at_clock(struct examination *examination)
{
	if (clock_is_synced())
		find(examination, "clock", "ok", "", "The clock is set.");
	else
		find(examination, "clock", "warning",
			"Check its time service (timedatectl); the times of readings are marked "
			"until then.",
			"The clock is not set.");
}

static void look_at_disk(struct examination *examination)
{
	const struct api_probe *probe = &examination->probe;
	const char *directory = (*examination->view->config)->state_directory;
	bool low = probe->disk_free < probe->disk_size / 10;

	if (!probe->disk_size)
		find(examination, "disk", "warning", "Check that its file system is mounted.",
			"How much room there is for %.100s cannot be told.", directory);
	else if (probe->disk_free < 64 * MIB)
		find(examination, "disk", "error",
			"Free space there: decisions and readings cannot be kept without it.",
			"Only %" PRIu64 " MiB are free for %.100s.", probe->disk_free / MIB,
			directory);
	else
		find(examination, "disk", low ? "warning" : "ok",
			low ? "Free space there before it is full." : "",
			"%" PRIu64 " of %" PRIu64 " MiB are free for %.100s.",
			probe->disk_free / MIB, probe->disk_size / MIB, directory);
}

/* A reading takes about twice its bytes in the file. */
static bool disk_ends_before(const struct examination *examination, uint64_t room)
{
	const struct api_probe *probe = &examination->probe;

	return probe->disk_size && probe->disk_free / 2 < room;
}

static void look_at_outbox(struct examination *examination)
{
	uint64_t max = (*examination->view->config)->outbox_max_bytes, seconds;
	struct owed_stats stats;
	uint64_t room;

	owed_stats(examination->view->owed, &stats);
	room = max > stats.bytes ? max - stats.bytes : 0;
	if (room < max / 20)
		find(examination, "outbox", "error",
			"Bring the uplink back, or raise outbox.max_bytes where the disk has room.",
			"The outbox is full: %" PRIu64 " readings wait.", stats.readings);
	else if (disk_ends_before(examination, room))
		find(examination, "outbox", "warning",
			"Free space there, or lower outbox.max_bytes, so that what the gateway "
			"says about the length of an outage is true.",
			"The disk is full before the outbox is: %" PRIu64
			" MiB are free, and readings with %" PRIu64
			" MiB more, which take about twice that, may wait.",
			examination->probe.disk_free / MIB, room / MIB);
	else if (room < max / 2 && pace_seconds_left(&examination->view->metrics->taken, room,
					   clock_boot_usec(), &seconds))
		find(examination, "outbox", "warning", "Bring the uplink back before that.",
			"The outbox is more than half full; at the present rate it is full in "
			"%" PRIu64 " minutes.",
			seconds / 60);
	else
		find(examination, "outbox", room < max / 2 ? "warning" : "ok",
			room < max / 2 ? "Check why the uplink does not take them." : "",
			"%" PRIu64 " readings wait, %" PRIu64 " of %" PRIu64 " MiB are used.",
			stats.readings, stats.bytes / MIB, max / MIB);
}

/* A platform whose devices connect by themselves. */
static void look_at_way(void *userdata, const struct api_way *way)
{
	struct examination *examination = userdata;
	const char *state = api_way_state(way);

	if (way->shared)
		return;
	examination->own_ways++;
	if (!way->host[0])
		find(examination, "platforms", "error",
			"Configure where it is (its host), then restart.",
			"Devices may go to %s, and where that is, is not configured.",
			way->platform);
	else if (!way->devices)
		find(examination, "platforms", "ok", "", "No device is to be connected to %s yet.",
			way->platform);
	else if (!strcmp(state, "up") || !strcmp(state, "connecting"))
		find(examination, "platforms", "ok", "", "%u of %u devices are connected to %s.",
			way->connected, way->devices, way->platform);
	else
		find(examination, "platforms", way->connected ? "warning" : "error",
			way->refused ? "See on their screens what the platform says: gatehousectl "
				       "devices"
				     : "Check the network: the link test of the screen Uplink "
				       "knocks there.",
			"%u of %u devices are connected to %s, %u were refused.", way->connected,
			way->devices, way->platform, way->refused);
}

static void look_at_ways(struct examination *examination)
{
	const struct api *api = examination->api;

	api->ops->ways(api->userdata, look_at_way, examination);
}

static void look_at_uplink(struct examination *examination)
{
	const struct api_facts *facts = examination->view->facts;
	const struct config *config = *examination->view->config;

	if (!config->mqtt_host[0]) {
		if (!examination->own_ways)
			find(examination, "uplink", "warning",
				"Set mqtt.host in the configuration, then restart.",
				"No broker is configured: readings are kept and go nowhere.");
	} else if (facts->uplink == LINK_UP)
		find(examination, "uplink", "ok", "", "Connected to %.100s.", config->mqtt_host);
	else if (facts->uplink == LINK_REFUSED)
		find(examination, "uplink", "error",
			"Check the password file and the certificate, then reload; another "
			"mqtt.username needs a restart.",
			"%.100s refuses the connection: %.100s", config->mqtt_host,
			facts->uplink_detail);
	else
		find(examination, "uplink", "error",
			"Check the network, the name and the port of the broker. Readings are kept "
			"meanwhile.",
			"Not connected to %.100s%s%.100s", config->mqtt_host,
			facts->uplink_detail[0] ? ": " : ".", facts->uplink_detail);
}

static void look_at_discovery(struct examination *examination)
{
	const struct api_facts *facts = examination->view->facts;

	if (!(*examination->view->config)->mdns)
		find(examination, "avahi", "notice",
			"Switch it on (lan.mdns) if devices shall be found.",
			"mDNS is switched off (lan.mdns): devices must come by themselves.");
	else if (facts->discovery_available)
		find(examination, "avahi", "ok", "", "Devices can be found by mDNS.");
	else
		find(examination, "avahi", "warning",
			"Start avahi-daemon; devices that are approved go on sending meanwhile.",
			"Devices cannot be found by mDNS: %.100s", facts->discovery_detail);
}

static void look_at_interfaces(struct examination *examination)
{
	const struct api_probe *probe = &examination->probe;
	const struct config_list *list = &(*examination->view->config)->lan_interfaces;

	if (probe->missing_interfaces[0])
		find(examination, "interfaces", "error",
			"Correct lan.interfaces, or connect the interface, then restart.",
			"This machine has no interface %s.", probe->missing_interfaces);
	else if (probe->mute_addresses[0])
		find(examination, "interfaces", "error",
			"Give its address one: ip address change ADDRESS/LENGTH brd + dev "
			"INTERFACE",
			"No broadcast address beside %s: devices get no answers there.",
			probe->mute_addresses);
	else if (list->count == 1 && !strcmp(list->item[0], "lo"))
		find(examination, "interfaces", "warning",
			"Name the interface of the devices in lan.interfaces, then restart.",
			"Devices are listened to on loopback only.");
	else
		find(examination, "interfaces", "ok", "",
			"Devices are listened to on %u interface%s.", list->count,
			list->count == 1 ? "" : "s");
}

/* Stock kernels give less than is asked for: the package's sysctl.d file lets them. */
static void look_at_bursts(struct examination *examination)
{
	const struct api_probe *probe = &examination->probe;
	bool small = probe->receive_buffer < probe->receive_wanted;

	if (!probe->receive_buffer)
		return;
	if (small)
		find(examination, "bursts", "notice",
			"Raise net.core.rmem_max (the package has a file for /usr/lib/sysctl.d), "
			"then restart.",
			"%" PRIu64 " KiB of datagrams may wait for the gateway, %" PRIu64
			" KiB were asked for; the kernel dropped %" PRIu64
			", empty and broken ones among them.",
			probe->receive_buffer / KIB, probe->receive_wanted / KIB,
			probe->receive_dropped);
	else
		find(examination, "bursts", "ok", "",
			"%" PRIu64 " KiB of datagrams may wait for the gateway; the kernel dropped "
			"%" PRIu64 ", empty and broken ones among them.",
			probe->receive_buffer / KIB, probe->receive_dropped);
}

static void look_at_permissions(struct examination *examination)
{
	if (examination->probe.has_group)
		find(examination, "permissions", "ok", "",
			"Members of the group gatehouse may use the control socket.");
	else
		find(examination, "permissions", "notice",
			"Create the group (systemd-sysusers) if others than root shall use it.",
			"There is no group gatehouse: only root may use the control socket.");
	if (!examination->view->facts->set_up)
		find(examination, "people", "warning", "Run: gatehousectl setup",
			"Nobody can log in to the page yet.");
}

static void look_at_alarms(struct examination *examination)
{
	const struct alarms *alarms = examination->view->alarms;
	char sentence[TEXT_SIZE];

	for (unsigned i = 0; i < alarms->count; i++)
		find(examination, "alarms", "warning", alarm_row(alarms->active[i].kind)->remedy,
			"%s", alarm_sentence(&alarms->active[i], sentence));
	if (!alarms->count)
		find(examination, "alarms", "ok", "", "There are no alarms.");
}

static void look_at_heard(struct examination *examination)
{
	uint64_t now = clock_boot_usec(), all = 0;

	for (unsigned i = 0; i < AWAYS; i++) {
		enum turned_away why = (enum turned_away)i;
		uint64_t count = heard_sum(examination->view->heard, why, now);

		all += count;
		if (count)
			find(examination, "heard", "notice", turned_away_remedy(why),
				"Turned away %" PRIu64 " time%s in the last 15 minutes: %s.", count,
				count == 1 ? "" : "s", turned_away_to_string(why));
	}
	if (!all)
		find(examination, "heard", "ok", "",
			"Nobody was turned away in the last 15 minutes.");
}

static void look_at_limits(struct examination *examination)
{
	const struct limits *limits = examination->view->limits;
	bool any = false;

	for (unsigned i = 0; i < LIMITS; i++) {
		const struct limit_row *row = limit_row((enum limit)i);

		if (!limits->reached[i])
			continue;
		any = true;
		find(examination, "limits", "notice",
			"See who causes it: gatehousectl heard, gatehousectl status --limits",
			"The limit %s (%" PRIu64 " %s) was reached %" PRIu64
			" times since the start.",
			row->name, limits->value[i], row->unit, limits->reached[i]);
	}
	if (!any)
		find(examination, "limits", "ok", "", "No limit was reached since the start.");
}

void api_get_doctor(const struct api_context *context)
{
	static void (*const looks[])(struct examination * examination) = {look_at_clock,
		look_at_disk, look_at_outbox, look_at_ways, look_at_uplink, look_at_discovery,
		look_at_interfaces, look_at_bursts, look_at_permissions, look_at_alarms,
		look_at_heard, look_at_limits};
	struct examination examination = {
		.api = context->api, .view = &context->api->view, .findings = json_array()};

	context->api->ops->probe(context->api->userdata, &examination.probe);
	for (size_t i = 0; i < ELEMENTS(looks); i++)
		looks[i](&examination);
	api_answer(context, 200,
		json_pack("{s:s,s:o}", "version", GATEHOUSE_VERSION, "findings",
			examination.findings));
}
