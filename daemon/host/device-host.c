/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs device drivers for devices that are servers: discovery gives a sighting, a probe (probe.c)
 * says what it is, and a person decides on what was found. Once approved it is read (telemetry.c),
 * its status resource is told of changes, and it blinks when asked.
 *
 *	appeared   (new) record in memory only, probe; pending while a window is open
 *	vanished   an undecided record that was never saved goes away; all others stay, marked as
 *	           not present
 *
 * What a device was to be told before it was probed it is told after that; what did not reach it is
 * told again a few times, as it is by then.
 */

#include "host/device-host.h"
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
#include "host/binding-host.h"
#include "host/command-host.h"
#include "host/display.h"
#include "host/server-proof.h"
#include "host/sighted.h"
#include "host/telemetry.h"

#define REPEAT_USEC (61 * USEC_PER_SEC)
#define TELL_TRIES  8

/* ---- sightings ---- */

/* mDNS is a hint: what was answered for, decided on or saved stays where it is. */
static bool may_move(const struct device *device)
{
	return !device->record->address_bound && device->record->trust < TRUST_PSK &&
	       !device->on_disk && !device->saving &&
	       device->record->life.admission == ADMISSION_SIGHTED;
}

static enum found_by way_of(const struct discovery_sighting *sighting)
{
	return sighting->secure && sighting->found_by == FOUND_MDNS ? FOUNDS : sighting->found_by;
}

/* It is where it was; who had been given up is asked again. */
static void asked_again(struct host *host, struct device *device)
{
	device_host(device)->probe_tries = 0;
	device_host_probe(host, device);
	enrol_consider(host, device);
	telemetry_seen_again(device);
}

/* Its DTLS port, alone or beside a plain one. Elsewhere than the device it is nothing before
 * somebody proves the name there. */
static void appeared_secure(
	struct host *host, struct device *device, const struct discovery_sighting *sighting)
{
	struct device_host *part = device_host(device);

	if (device_address_same_host(&device->record->address, &sighting->address)) {
		part->secure_port = sighting->address.port;
		if (device->record->secure_only && device->record->trust < TRUST_PSK &&
			!device->saving)
			device->record->address = sighting->address;
		sighted_here(host, device, way_of(sighting));
		if (server_is_secure(device->record))
			asked_again(host, device);
	}
	server_proof_seen(host, device, &sighting->address);
}

/* A service in clear of a device that is asked over DTLS alone: a sign of life, if it is its own.
 */
static void appeared_beside(
	struct host *host, struct device *device, const struct discovery_sighting *sighting)
{
	if (device_address_same_host(&device->record->address, &sighting->address))
		sighted_here(host, device, sighting->found_by);
	else
		host_turned_away(host, AWAY_NAME_CONFLICT, &sighting->address);
}

static void appeared_again(
	struct host *host, struct device *device, const struct discovery_sighting *sighting)
{
	struct device_record *record = device->record;

	if (!may_move(device) && !device_address_same_host(&record->address, &sighting->address)) {
		/* Seldom an impostor: it has another interface or address family as well. One that
		 * is shows itself at /enrol or /t, and there the alarm is raised. */
		if (record->address_bound && record->is_server)
			binding_follow(host, device, &sighting->address);
		else
			host_turned_away(host, AWAY_NAME_CONFLICT, &sighting->address);
		return;
	}
	sighted_here(host, device, sighting->found_by);
	/* The port may change; what was only announced is moved as a whole. */
	if (!device->saving) {
		record->address = sighting->address;
		record->secure_only = false;
	}
	asked_again(host, device);
}

static int on_repeat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	host->repeat_planned = false;
	if (host->discovery)
		discovery_repeat(host->discovery);
	return 0;
}

/* mDNS tells each service once; one that came too early in its minute comes again. */
static void plan_repeat(struct host *host)
{
	if (!host->repeat_planned)
		host->repeat_planned = loop_timer_set(host->loop, &host->repeat_timer, REPEAT_USEC,
					       on_repeat, host, "mdns-repeat") >= 0;
}

void device_host_on_appeared(struct host *host, const struct discovery_sighting *sighting)
{
	struct device *device =
		sighted_make_room(host, registry_by_ep(host->registry, sighting->ep), sighting->ep);
	enum turned_away why;
	int r;

	/* A service without a valid endpoint name cannot be told from another: it is only counted.
	 */
	if (!sighting->ep[0]) {
		host_turned_away(host, AWAY_MALFORMED, &sighting->address);
		return;
	}
	if (device && sighting->secure) {
		appeared_secure(host, device, sighting);
		return;
	}
	if (device && server_is_secure(device->record)) {
		appeared_beside(host, device, sighting);
		return;
	}
	if (device) {
		appeared_again(host, device, sighting);
		return;
	}
	if (sighting->found_by != FOUND_ADDRESS &&
		!enrol_sighting_allowed(host, sighting->ep, sighting->address.interface, &why)) {
		host_turned_away(host, why, &sighting->address);
		if (why == AWAY_OVER_LIMIT && sighting->found_by == FOUND_MDNS)
			plan_repeat(host);
		return;
	}
	r = sighted_make(host, sighting, &device);
	if (r < 0) {
		log_warning("A sighted device could not be listed: %s.", strerror(-r));
		return;
	}
	sighted_here(host, device, way_of(sighting));
	if (sighting->secure) {
		device_host(device)->secure_port = sighting->address.port;
		device->record->secure_only = true;
	}
	log_device(LOG_INFO, device->record->id, "Device %s was found by %s.", device->record->ep,
		found_by_to_string(sighting->found_by));
	device_host_probe(host, device);
	server_proof_look(host, device);
}

void device_host_on_vanished(struct host *host, const struct discovery_sighting *sighting)
{
	struct device *device = registry_by_ep(host->registry, sighting->ep);

	if (!device || !device_address_same_host(&device->record->address, &sighting->address))
		return;
	if (sighting->secure)
		device_host(device)->secure_port = 0;
	sighted_gone(host, device, way_of(sighting));
}

/* ---- telling, showing, blinking ---- */

static void tell(struct device_host *part);
static void on_told(
	struct device_host *part, int result, uint8_t code, int format, struct span payload);

static int on_tell_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	if (part->missed_tell)
		tell(part);
	return 0;
}

/* What it is told is how things are then. */
static void tell(struct device_host *part)
{
	struct device_request request;
	struct enrol_answer answer;

	part->missed_tell = part->telling || !device_host_is_ready(part);
	if (part->missed_tell)
		return;
	enrol_fill_answer(part->host, part->device, &answer);
	if (part->driver->notify(part->links, &answer, &request) >= 0)
		part->telling = device_host_ask(part, &request,
					&(const struct device_call){.reply = on_told}) >= 0;
}

static void on_told(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	bool unreached = result < 0 || code >> 5 == 5;

	part->telling = false;
	if (code >> 5 != 2)
		log_device(LOG_INFO, part->device->record->id, "It could not be told: %s.",
			result < 0 ? strerror(-result) : "it answered with an error");
	if (!unreached)
		backoff_reset(&part->tell_backoff);
	if (part->missed_tell) {
		tell(part);
	} else if (unreached && part->tell_backoff.tries < TELL_TRIES) {
		part->missed_tell = loop_timer_set(part->host->loop, &part->tell_timer,
					    backoff_next(&part->tell_backoff), on_tell_timer, part,
					    "tell") >= 0;
	}
}

void device_host_tell(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	enrol_notify(host, device);
	backoff_reset(&part->tell_backoff);
	tell(part);
}

void device_host_identify(struct host *host, struct device *device, uint32_t seconds,
	void (*done)(void *userdata, int result), void *userdata)
{
	struct device_host *part = device_host(device);
	struct device_request request;
	int r = device->record->is_server ? -EAGAIN : -ENOTSUP;

	if (device_host_is_ready(part))
		r = part->driver->identify(part->links, seconds, &request);
	if (r >= 0)
		r = device_host_ask(part, &request,
			&(const struct device_call){.done = done, .userdata = userdata});
	if (r < 0)
		done(userdata, r);
}

void device_host_catch_up(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	display_look(host, device);
	if (part->missed_tell)
		tell(part);
	command_offer(host, device);
}

static int on_probe_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	part->probe_planned = false;
	device_host_probe(part->host, part->device);
	return 0;
}

void device_host_plan_probe(struct host *host, struct device *device, uint64_t delay_usec)
{
	struct device_host *part = device_host(device);
	int r = loop_timer_set(
		host->loop, &part->probe_timer, delay_usec, on_probe_timer, part, "probe");

	part->probe_planned = r >= 0;
	if (r < 0)
		log_device(LOG_ERR, device->record->id, "It will not be asked what it is: %s.",
			strerror(-r));
}
