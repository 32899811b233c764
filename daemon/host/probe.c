/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Asking a device what it is: its link list says which driver fits, the driver says where its own
 * description is. One probe for each device at a time; what fails is tried again a few times while
 * the device is announced.
 *
 *	GET /.well-known/core -> driver match -> GET info -> the record -> enrol_consider()
 *
 * A reply may come after its device was forgotten: every request pins the device's runtime part. It
 * may come after its device was replaced: every request knows which hardware was asked.
 */

#include "host/device-host.h"
#include "host/effect.h"
#include "host/enrol.h"
#include "host/host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "core/binding.h"
#include "host/brought.h"
#include "host/claim-host.h"
#include "host/rd.h"
#include "host/server-proof.h"
#include "host/telemetry.h"
#include "lan/linkformat.h"

#define PROBE_ANSWER_MAX 4096
#define PROBE_TRIES	 5
#define PROBE_BACKOFF	 3 /* 2^3 times the interval of reads */
#define PROBE_RETRY_USEC (5 * USEC_PER_SEC)
#define ASK_TIMEOUT_USEC (20 * USEC_PER_SEC)

/* ---- sending what a driver asks for ---- */

static void on_reply(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	struct device_call *call = userdata;
	struct device_host *part = call->part;
	bool success = result >= 0 && code >> 5 == 2;
	/* What the former one answers is nothing of the one that is there now. */
	bool late = part->hardware != call->hardware;

	if (call->reply && !part->gone && !late)
		call->reply(part, result, code, format, payload);
	if (call->done)
		call->done(call->userdata, late		? -ECANCELED
					   : success	? 0
					   : result < 0 ? result
							: -EPROTO);
	device_host_unpin(part);
	free(call);
}

int device_host_ask(struct device_host *part, const struct device_request *request,
	const struct device_call *call)
{
	const struct device_record *record = part->device->record;

	if (server_is_silent(record))
		return -ENOKEY;
	return device_host_ask_at(part, &record->address,
		server_is_secure(record) ? record->ep : NULL, request, call);
}

int device_host_ask_at(struct device_host *part, const struct device_address *address,
	const char *identity, const struct device_request *request, const struct device_call *call)
{
	const struct lan_outgoing outgoing = {
		.to = *address,
		.identity = identity,
		.method = (enum lan_method)request->method,
		.path = request->path,
		.content_format = request->content_format,
		.accept = request->accept,
		.payload = span_of(request->payload, request->payload_size),
		.is_long = request->is_long,
		.answer_max = request->answer_max,
		.timeout_usec = ASK_TIMEOUT_USEC,
	};
	struct device_call *copy = malloc(sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	if (!part->host->lan) { /* it goes first when the gateway stops */
		free(copy);
		return -ENOTCONN;
	}
	*copy = *call;
	copy->part = device_host_pin(part);
	copy->hardware = part->hardware;
	r = lan_send(part->host->lan, &outgoing, on_reply, copy);
	if (r < 0) {
		device_host_unpin(part);
		free(copy);
	}
	return r;
}

/* ---- probe ---- */

static void probe_failed(struct device_host *part, const char *why)
{
	unsigned failures = part->probe_tries < PROBE_BACKOFF ? part->probe_tries : PROBE_BACKOFF;

	part->probing = false;
	log_device(
		LOG_INFO, part->device->record->id, "It could not be asked what it is: %s.", why);
	/* One that was approved is asked as long as it is approved, though more and more seldom. */
	if (lifecycle_may_report(&part->device->record->life)) {
		part->probe_tries++;
		device_host_plan_probe(part->host, part->device,
			part->host->config->poll_interval * USEC_PER_SEC << failures);
	} else if (part->device->present && ++part->probe_tries < PROBE_TRIES)
		device_host_plan_probe(
			part->host, part->device, PROBE_RETRY_USEC << part->probe_tries);
}

/* It was not asked. Too many others are asked at present: that is no failed try of its own. */
static void probe_unsent(struct device_host *part, int result)
{
	if (result != -EBUSY) {
		probe_failed(part, strerror(-result));
		return;
	}
	part->probing = false;
	device_host_plan_probe(part->host, part->device,
		PROBE_RETRY_USEC / 5 + random_uint64() % PROBE_RETRY_USEC);
}

/* mDNS is a hint: while this one was asked, somebody may have announced the name elsewhere. What an
 * address answered is true of that address only. */
static bool moved_meanwhile(struct device_host *part)
{
	if (device_address_same_host(&part->probed_address, &part->device->record->address))
		return false;
	part->probing = false;
	device_host_probe(part->host, part->device);
	return true;
}

struct probe_edit {
	struct device_info info;
	struct device_links links;
	struct device_address address;
	char ep[EP_MAX + 1]; /* whose it is */
	char mac[MAC_TEXT_SIZE];
	bool has_info;
};

static void probe_edit_clear(void *argument)
{
	struct probe_edit *edit = argument;

	device_info_clear(&edit->info);
}

static int first_format(const struct device_links *links)
{
	return links->source_count ? links->source[0].format : -1;
}

static int edit_probed(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct probe_edit *edit = argument;
	enum device_word word;
	enum device_stage stage;
	char *attributes = NULL;

	if (!device_address_same_host(&next->address, &edit->address) ||
		strcmp(next->ep, edit->ep) != 0) {
		*ret_why = "It is another device, or announced elsewhere, by now.";
		return -ESTALE;
	}
	/* What a person decided on does not change behind that person's back, also not while this
	 * edit waited for its turn. */
	lifecycle_describe(&next->life, &word, &stage);
	if (edit->has_info && word == DEVICE_PENDING) {
		if (edit->info.attributes && !(attributes = strdup(edit->info.attributes)))
			return -ENOMEM;
		device_info_clear(&next->info);
		next->info = edit->info;
		next->info.attributes = attributes;
	}
	snprintf(next->poll_path, sizeof(next->poll_path), "%s", edit->links.source[0].path);
	next->poll_format = first_format(&edit->links);
	/* Its answer came from there: the address is reachable and belongs to this name. Who has a
	 * session is bound to that. */
	if (!server_is_secure(next))
		binding_set(next, &next->address, edit->mac);
	return 0;
}

static void on_probed(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct host *host = userdata;

	if (!device)
		return;
	device_host(device)->probing = false;
	if (result != SUBMIT_DONE) {
		probe_failed(device_host(device), why ? why : "it could not be kept");
		return;
	}
	device_host(device)->probed = true;
	device->last_heard_usec = clock_boot_usec();
	enrol_consider(host, device);
	claim_ask_again(host, device);
	telemetry_update(host, device);
	device_host_catch_up(host, device);
	host_touch(host);
}

/* Takes over what 'info' holds. */
static void probe_done(struct device_host *part, struct device_info *info)
{
	struct probe_edit edit = {.links = *part->links, .address = part->probed_address};
	const struct device_record *record = part->device->record;
	enum device_word word;
	enum device_stage stage;

	memcpy(edit.ep, record->ep, sizeof(edit.ep));
	lan_mac(part->host->lan, &part->probed_address, edit.mac);
	if (binding_of(record, &part->probed_address, edit.mac) == BINDING_CONFLICT &&
		record->address_bound) {
		host_alarm_raise(part->host, ALARM_NAME_CONFLICT, record->id);
		probe_failed(part, "another device is at its address");
		return;
	}
	lifecycle_describe(&record->life, &word, &stage);
	if (info && word == DEVICE_PENDING) {
		edit.info = *info;
		*info = (struct device_info){0};
		edit.has_info = true;
	}
	if (server_is_secure(record))
		edit.mac[0] = '\0';
	if (!edit.has_info && server_is_known(record) && !strcmp(record->mac, edit.mac) &&
		!strcmp(record->poll_path, edit.links.source[0].path) &&
		record->poll_format == first_format(&edit.links)) {
		on_probed(part->host, SUBMIT_DONE, part->device, NULL);
		return;
	}
	host_submit(part->host, part->device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_probed,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.argument_clear = probe_edit_clear,
			.done = on_probed,
			.userdata = part->host,
		});
}

/* What it brings counts over a session alone. False with *ret_why when its answer is not taken for
 * it; -ENOMEM in *ret_result. */
static bool take_pt(struct device_host *part, int format, struct span payload,
	struct secret *ret_pt, const char **ret_why, int *ret_result)
{
	if (!server_is_secure(part->device->record) || !part->driver->decode_pt) {
		host_alarm_raise(part->host, ALARM_TOKEN_IN_CLEAR, part->device->record->id);
		*ret_why = "a provisioning token never travels unprotected";
		return false;
	}
	*ret_result = part->driver->decode_pt(format, payload, ret_pt, ret_why);
	if (*ret_result != -EBADMSG)
		return true;
	*ret_result = 0;
	return false;
}

static void on_info(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	struct device_info info = {0};
	enum info_verdict verdict = INFO_MALFORMED;
	const char *why = "no answer";
	CLEANUP(secret_clear) struct secret pt = {0};
	bool has_pt = false;
	int r;

	if (moved_meanwhile(part))
		return;
	if (result < 0 || code != COAP_CODE(2, 5)) {
		probe_failed(
			part, result < 0 ? strerror(-result) : "its description could not be read");
		return;
	}
	r = part->driver->decode_info(format, payload, &info, &has_pt, &verdict, &why);
	if (has_pt && !take_pt(part, format, payload, &pt, &why, &r))
		verdict = INFO_MALFORMED;
	if (has_pt)
		crypto_wipe((uint8_t *)(uintptr_t)payload.data, payload.size);
	if (r < 0 || verdict != INFO_TAKEN) {
		if (r >= 0)
			host_turned_away(
				part->host, AWAY_MALFORMED, &part->device->record->address);
		probe_failed(part, r < 0 ? strerror(-r) : why);
		return;
	}
	/* Whatever it says of itself, this is where a code would go. */
	info.display = part->links->display[0];
	probe_done(part, &info);
	device_info_clear(&info);
	if (pt.size)
		brought_submit(part->host, part->device, secret_span(&pt));
}

const struct device_driver *device_host_match(struct host *host, const char *ep,
	const struct link_list *list, struct device_links *ret_links)
{
	struct device_link links[LINKS_MAX];
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct link_entry *entry = &list->entry[i];

		links[i] = (struct device_link){entry->path, entry->rt, entry->interface,
			entry->content_format, entry->observable};
	}
	return device_driver_match(
		&(const struct device_question){
			.links = links, .count = list->count, .ep = ep, .profiles = host->profiles},
		ret_links);
}

/* Driver and links are known: its own description comes next, if it has one. */
static void probe_links(struct device_host *part)
{
	struct device_request request;
	struct device_info said = {0}; /* what a profile says of it */
	int r = part->driver->info(part->links, &request);

	if (r == -ENOTSUP) {
		memcpy(said.model, part->links->model, sizeof(said.model));
		said.display = part->links->display[0];
		probe_done(part, said.model[0] || said.display ? &said : NULL);
		return;
	}
	if (r >= 0)
		r = device_host_ask(part, &request, &(const struct device_call){.reply = on_info});
	if (r < 0)
		probe_unsent(part, r);
}

/* -ENOENT: no driver knows what this list says. */
static int links_read(struct device_host *part, struct span payload)
{
	const struct device_driver *driver = NULL;
	struct device_links found = {0};
	struct link_list *list = malloc(sizeof(*list));
	int r = list ? link_list_parse(payload, list) : -ENOMEM;

	if (r >= 0)
		driver = device_host_match(part->host, part->device->record->ep, list, &found);
	free(list);
	if (r < 0)
		return r;
	return driver ? device_host_found(part, driver, &found) : -ENOENT;
}

static void on_links(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	int r;

	if (moved_meanwhile(part))
		return;
	if (result < 0 || code != COAP_CODE(2, 5)) {
		rd_on_links(part, false);
		probe_failed(
			part, result < 0 ? strerror(-result) : "its link list could not be read");
		return;
	}
	r = links_read(part, payload);
	rd_on_links(part, r >= 0 || r == -ENOENT);
	if (r >= 0) {
		probe_links(part);
		return;
	}
	part->driver = NULL;
	if (r == -EBADMSG)
		host_turned_away(part->host, AWAY_MALFORMED, &part->device->record->address);
	probe_failed(part, r == -ENOENT	   ? "no driver knows this kind of device"
			   : r == -EBADMSG ? "its link list is not in link format"
					   : strerror(-r));
}

/* Who enrols by itself is not asked, and who is blocked is left alone. */
static bool may_be_asked(const struct device_host *part)
{
	const struct device_record *record = part->device->record;

	return !part->probing && !server_is_silent(record) && record->is_server &&
	       record->life.admission != ADMISSION_BLOCKED && !rd_is_unproved(part);
}

void device_host_probe_links(struct host *host, struct device *device,
	const struct device_driver *driver, const struct device_links *links)
{
	struct device_host *part = device_host(device);
	int r;

	if (!may_be_asked(part))
		return;
	part->probed = false;
	part->probed_address = device->record->address;
	r = device_host_found(part, driver, links);
	if (r < 0) {
		probe_failed(part, strerror(-r));
		return;
	}
	part->probing = true;
	probe_links(part);
}

void device_host_probe(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_request request = {.method = LAN_GET,
		.content_format = -1,
		.accept = -1,
		.answer_max = PROBE_ANSWER_MAX};
	int r;

	if (part->probed || !may_be_asked(part))
		return;
	part->probing = true;
	part->probed_address = device->record->address;
	snprintf(request.path, sizeof(request.path), "/.well-known/core");
	r = device_host_ask(part, &request, &(const struct device_call){.reply = on_links});
	if (r < 0) {
		rd_on_links(part, false);
		probe_unsent(part, r);
	}
}

bool device_host_is_ready(struct device_host *part)
{
	if (!part->device->record->is_server || server_is_silent(part->device->record))
		return false;
	if (part->driver && part->probed)
		return true;
	device_host_probe(part->host, part->device);
	return false;
}
