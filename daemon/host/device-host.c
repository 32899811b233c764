/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs device drivers for devices that are servers: discovery gives a sighting, a probe reads its
 * link list and then its own description, and a person decides on what was found. Once approved its
 * telemetry link is read on a timer, its status resource is told of changes, and it blinks when
 * asked.
 *
 *   appeared -> (new) record in memory only -> GET path -> driver match -> GET info ->
 * enrol_consider(): pending while a window is open vanished -> an undecided record that was never
 * saved goes away; all others stay, marked as not present
 *
 * A reply may come after its device was forgotten: every request pins the device's runtime part.
 */

#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "lan/linkformat.h"

#define PROBE_ANSWER_MAX 4096
#define PROBE_TRIES	 5
#define PROBE_RETRY_USEC (5 * USEC_PER_SEC)
#define ASK_TIMEOUT_USEC (20 * USEC_PER_SEC)

DEFINE_CLEANUP(struct device_record *, device_record_free, cleanup_record)

/* ---- sending what a driver asks for ---- */

struct device_call {
	struct device_host *part;
	void (*reply)(struct device_host *part, int result, uint8_t code, int format,
		struct span payload);
	void (*done)(void *userdata, int result);
	void *userdata;
};

static void on_reply(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	struct device_call *call = userdata;
	struct device_host *part = call->part;
	bool success = result >= 0 && code >> 5 == 2;

	if (call->reply && !part->gone)
		call->reply(part, result, code, format, payload);
	if (call->done)
		call->done(call->userdata, success ? 0 : result < 0 ? result : -EPROTO);
	device_host_unpin(part);
	free(call);
}

static int ask(struct device_host *part, const struct device_request *request,
	const struct device_call *call)
{
	const struct lan_outgoing outgoing = {
		.to = part->device->record->address,
		.method = (enum lan_method)request->method,
		.path = request->path,
		.content_format = request->content_format,
		.accept = request->accept,
		.payload = span_of(request->payload, request->payload_size),
		.answer_max = request->answer_max,
		.timeout_usec = ASK_TIMEOUT_USEC,
	};
	struct device_call *copy = malloc(sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	*copy = *call;
	copy->part = device_host_pin(part);
	r = lan_send(part->host->lan, &outgoing, on_reply, copy);
	if (r < 0) {
		device_host_unpin(part);
		free(copy);
	}
	return r;
}

/* ---- probe ---- */

static int on_poll_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void probe_failed(struct device_host *part, const char *why)
{
	part->probing = false;
	log_device(
		LOG_INFO, part->device->record->id, "It could not be asked what it is: %s.", why);
	if (lifecycle_may_report(&part->device->record->life))
		device_host_plan_poll(part->host, part->device);
	else if (part->device->present && ++part->probe_tries < PROBE_TRIES)
		loop_timer_set(part->host->loop, &part->poll_timer,
			PROBE_RETRY_USEC << part->probe_tries, on_poll_timer, part, "poll");
}

struct probe_edit {
	struct device_info info;
	struct device_links links;
	bool has_info;
};

static int edit_probed(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct probe_edit *edit = argument;
	char *attributes = NULL;

	if (edit->has_info) {
		if (edit->info.attributes && !(attributes = strdup(edit->info.attributes)))
			return -ENOMEM;
		device_info_clear(&next->info);
		next->info = edit->info;
		next->info.attributes = attributes;
	}
	snprintf(next->poll_path, sizeof(next->poll_path), "%s", edit->links.poll);
	next->poll_format = edit->links.poll_format;
	/* Its answer came from there: the address is reachable and belongs to this name. */
	next->address_bound = true;
	return 0;
}

static void on_probed(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct host *host = userdata;

	if (result != SUBMIT_DONE || !device)
		return;
	device_host(device)->probed = true;
	device->last_heard_usec = clock_boot_usec();
	enrol_consider(host, device);
	device_host_plan_poll(host, device);
	host_touch(host);
}

static void probe_done(struct device_host *part, const struct device_info *info)
{
	struct probe_edit edit = {.links = part->links};
	const struct device_record *record = part->device->record;
	enum device_word word;
	enum device_stage stage;

	part->probing = false;
	lifecycle_describe(&record->life, &word, &stage);
	/* What a person decided on does not change behind that person's back. */
	if (info && word == DEVICE_PENDING) {
		edit.info = *info;
		edit.has_info = true;
	}
	if (!edit.has_info && record->address_bound &&
		!strcmp(record->poll_path, edit.links.poll) &&
		record->poll_format == edit.links.poll_format) {
		on_probed(part->host, SUBMIT_DONE, part->device, NULL);
		return;
	}
	host_submit(part->host, part->device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_probed,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.done = on_probed,
			.userdata = part->host,
		});
}

static void on_info(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	struct device_info info = {0};
	enum info_verdict verdict = INFO_MALFORMED;
	const char *why = "no answer";
	bool clear_pt = false;

	if (result < 0 || code != COAP_CODE(2, 5)) {
		probe_failed(
			part, result < 0 ? strerror(-result) : "its description could not be read");
		return;
	}
	if (part->driver->decode_info(format, payload, &info, &clear_pt, &verdict, &why) < 0 ||
		verdict != INFO_TAKEN) {
		host_turned_away(part->host, AWAY_MALFORMED, &part->device->record->address);
		probe_failed(part, why);
		return;
	}
	if (clear_pt)
		host_alarm_raise(part->host, ALARM_TOKEN_IN_CLEAR, part->device->record->id);
	probe_done(part, &info);
	device_info_clear(&info);
}

static bool match_links(struct device_host *part, const struct link_list *list)
{
	struct device_link links[LINKS_MAX];
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct link_entry *entry = &list->entry[i];

		links[i] = (struct device_link){entry->path, entry->rt, entry->interface,
			entry->content_format, entry->observable};
	}
	part->driver = device_driver_match(links, list->count, &part->links);
	return part->driver != NULL;
}

static void on_links(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	struct device_request request;
	struct link_list *list;
	int r;

	if (result < 0 || code != COAP_CODE(2, 5)) {
		probe_failed(
			part, result < 0 ? strerror(-result) : "its link list could not be read");
		return;
	}
	list = malloc(sizeof(*list));
	r = list ? link_list_parse(payload, list) : -ENOMEM;
	if (r < 0 || !match_links(part, list)) {
		free(list);
		if (r == -EBADMSG)
			host_turned_away(
				part->host, AWAY_MALFORMED, &part->device->record->address);
		probe_failed(part, r < 0 ? "its link list is not in link format"
					 : "no driver knows this kind of device");
		return;
	}
	free(list);
	r = part->driver->info(&part->links, &request);
	if (r == -ENOTSUP) {
		probe_done(part, NULL);
		return;
	}
	if (r >= 0)
		r = ask(part, &request, &(const struct device_call){.reply = on_info});
	if (r < 0)
		probe_failed(part, strerror(-r));
}

void device_host_probe(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_request request = {.method = LAN_GET,
		.content_format = -1,
		.accept = -1,
		.answer_max = PROBE_ANSWER_MAX};
	int r;

	if (part->probing || part->probed)
		return;
	part->probing = true;
	snprintf(request.path, sizeof(request.path), "/.well-known/core");
	r = ask(part, &request, &(const struct device_call){.reply = on_links});
	if (r < 0)
		probe_failed(part, strerror(-r));
}

/* ---- sightings ---- */

static int make_sighted(
	struct host *host, const struct discovery_sighting *sighting, struct device **ret)
{
	CLEANUP(cleanup_record) struct device_record *record = calloc(1, sizeof(*record));
	struct device *device;
	int r;

	if (!record)
		return -ENOMEM;
	registry_make_id(host->registry, sighting->ep, record->id);
	snprintf(record->ep, sizeof(record->ep), "%s", sighting->ep);
	snprintf(record->platform, sizeof(record->platform), "%s", host->config->platform);
	record->found_by = FOUND_MDNS;
	record->address = sighting->address;
	record->is_server = true;
	record->poll_format = -1;
	record->first_seen = clock_wall_msec();
	r = registry_add(host->registry, record, &device);
	if (r < 0)
		return r;
	record = NULL;
	r = device_host_attach(host, device);
	if (r < 0) {
		registry_remove(host->registry, device);
		return r;
	}
	*ret = device;
	return 0;
}

static void appeared_again(
	struct host *host, struct device *device, const struct discovery_sighting *sighting)
{
	struct device_record *record = device->record;

	if (record->address_bound &&
		!device_address_same_host(&record->address, &sighting->address)) {
		/* mDNS is a hint: who is bound keeps the name. */
		if (device->on_disk)
			host_alarm_raise(host, ALARM_NAME_CONFLICT, record->id);
		host_turned_away(host, AWAY_NAME_CONFLICT, &sighting->address);
		return;
	}
	device->present = true;
	/* The port may change; a record that is not on disk may be moved as a whole. */
	if (!device->saving)
		record->address = sighting->address;
	device_host(device)->probe_tries = 0;
	if (record->is_server)
		device_host_probe(host, device);
	enrol_consider(host, device);
	host_touch(host);
}

void device_host_on_appeared(struct host *host, const struct discovery_sighting *sighting)
{
	struct device *device = registry_by_ep(host->registry, sighting->ep);
	enum turned_away why;
	int r;

	if (device) {
		appeared_again(host, device, sighting);
		return;
	}
	if (!enrol_new_name_allowed(host, sighting->address.interface, &why)) {
		host_turned_away(host, why, &sighting->address);
		return;
	}
	r = make_sighted(host, sighting, &device);
	if (r < 0) {
		log_warning("A sighted device could not be listed: %s.", strerror(-r));
		return;
	}
	device->present = true;
	device->last_heard_usec = clock_boot_usec();
	log_device(
		LOG_INFO, device->record->id, "Device %s was found by mDNS.", device->record->ep);
	host_touch(host);
	device_host_probe(host, device);
}

void device_host_on_vanished(struct host *host, const struct discovery_sighting *sighting)
{
	struct device *device = registry_by_ep(host->registry, sighting->ep);

	if (!device || !device_address_same_host(&device->record->address, &sighting->address))
		return;
	device->present = false;
	log_device(LOG_INFO, device->record->id, "Device %s is not announced any more.",
		device->record->ep);
	if (!device->on_disk && !device->saving &&
		device->record->life.admission == ADMISSION_SIGHTED)
		registry_remove(host->registry, device);
	host_touch(host);
}

/* ---- telling, showing, blinking ---- */

/* After a restart an approved device-server has not been probed yet: it is, before it is asked for
 * anything. */
static bool ready(struct device_host *part)
{
	if (part->driver)
		return true;
	if (part->device->record->is_server)
		device_host_probe(part->host, part->device);
	return false;
}

static void log_unreached(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	if (result < 0 || code >> 5 != 2)
		log_device(LOG_INFO, part->device->record->id, "It could not be told: %s.",
			result < 0 ? strerror(-result) : "it answered with an error");
}

void device_host_tell(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_request request;
	struct enrol_answer answer;

	if (!ready(part))
		return;
	enrol_fill_answer(host, device, &answer);
	if (part->driver->notify(&part->links, &answer, &request) >= 0)
		ask(part, &request, &(const struct device_call){.reply = log_unreached});
}

void device_host_show_code(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_request request;

	if (ready(part) &&
		part->driver->show_code(&part->links,
			secret_span(&device->record->life.operation_code), &request) >= 0)
		ask(part, &request, &(const struct device_call){.reply = log_unreached});
	crypto_wipe(&request, sizeof(request));
}

void device_host_clear_code(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_request request;

	if (ready(part) && part->driver->clear_code(&part->links, &request) >= 0)
		ask(part, &request, &(const struct device_call){.reply = log_unreached});
}

void device_host_identify(struct host *host, struct device *device, uint32_t seconds,
	void (*done)(void *userdata, int result), void *userdata)
{
	struct device_host *part = device_host(device);
	struct device_request request;
	int r = -ENOTSUP;

	if (ready(part))
		r = part->driver->identify(&part->links, seconds, &request);
	if (r >= 0)
		r = ask(part, &request,
			&(const struct device_call){.done = done, .userdata = userdata});
	if (r < 0)
		done(userdata, r);
}

/* ---- polling ---- */

static void on_polled(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	part->polling = false;
	if (result >= 0 && code == COAP_CODE(2, 5))
		reading_on_polled(part->host, part->device,
			format >= 0 ? format : part->device->record->poll_format, payload);
	else
		log_device(LOG_INFO, part->device->record->id,
			"Its reading could not be fetched: %s.",
			result < 0 ? strerror(-result) : "it answered with an error");
	device_host_plan_poll(part->host, part->device);
}

static int on_poll_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;
	struct device_request request;
	int r;

	if (!part->probed) {
		device_host_probe(part->host, part->device);
		return 0;
	}
	if (part->polling || part->driver->plan_read(&part->links, &request) < 0)
		return 0;
	part->polling = true;
	r = ask(part, &request, &(const struct device_call){.reply = on_polled});
	if (r < 0) {
		part->polling = false;
		device_host_plan_poll(part->host, part->device);
	}
	return 0;
}

void device_host_plan_poll(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	uint64_t interval = host->config->poll_interval * USEC_PER_SEC;
	const struct device_record *record = device->record;

	if (!record->is_server || !record->poll_path[0])
		return;
	if (!lifecycle_may_report(&record->life)) {
		if (part->probed)
			loop_timer_stop(part->poll_timer);
		return;
	}
	if (part->polling)
		return;
	/* Up to a tenth earlier: a hundred devices are not asked in one moment. */
	interval -= random_uint64() % (interval / 10 + 1);
	loop_timer_set(host->loop, &part->poll_timer, interval, on_poll_timer, part, "poll");
}
