/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device's entry in the resource directory: how long it holds, and what of it is on file.
 *
 *	none --registers--> LIVE --lifetime passed--> OVER --updates--> LIVE
 *	                    LIVE, OVER --removes itself, on file--> REMOVED
 *
 * On file are its lifetime (0: it has no entry) and the port that it said, so that after our
 * restart an update counts what the registration gave, and one that removed itself is not known.
 * That a lifetime passed is not: who is late registers no worse than before, and nobody is here
 * after our start until it was heard. A device that says something else each time is filed some
 * times a minute, and last what it said last.
 *
 * Who is not on file itself has nothing there: its record holds it until that is written.
 */

#include "host/rd-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/effect.h"
#include "host/sighted.h"

#define FILED_A_MINUTE	6
#define FILED_AT_ONCE	4
#define REFILE_USEC	(60 * USEC_PER_SEC)
#define RETRY_LATER_AGE 60 /* seconds; with 5.03 */

struct rd_entry *rd_entry_of(struct device *device)
{
	struct device_host *part = device_host(device);
	const struct device_record *record = device->record;

	if (part->rd)
		return part->rd;
	part->rd = calloc(1, sizeof(*part->rd));
	if (part->rd) {
		part->rd->words = (struct rd_words){record->rd_lifetime, record->rd_port_said,
			record->address, record->secure_only};
		part->rd->filed = part->rd->words;
	}
	return part->rd;
}

bool rd_entry_is_known(const struct device *device)
{
	const struct rd_entry *entry = device_host(device)->rd;

	if (entry && entry->removing)
		return false;
	switch (entry ? entry->state : RD_UNKNOWN) {
	case RD_UNKNOWN:
		return device->record->rd_lifetime > 0;
	case RD_LIVE:
	case RD_OVER:
		return true;
	case RD_REMOVED:
		break;
	}
	return false;
}

void rd_entry_set_unproved(struct host *host, struct rd_entry *entry, bool unproved)
{
	host->rd_unproved += (unsigned)unproved - (unsigned)entry->unproved;
	entry->unproved = unproved;
}

void rd_entry_drop_offer(struct rd_entry *entry)
{
	free(entry->offer);
	entry->offer = NULL;
}

void rd_detach(struct device_host *part)
{
	struct rd_entry *entry = part->rd;

	if (!entry)
		return;
	part->rd = NULL;
	rd_entry_set_unproved(part->host, entry, false);
	if (entry->simple && part->host->lan)
		lan_silence(entry->simple);
	loop_source_free(entry->expiry_timer);
	loop_source_free(entry->file_timer);
	loop_source_free(entry->simple_timer);
	rd_entry_drop_offer(entry);
	free(entry);
}

bool rd_is_unproved(const struct device_host *part)
{
	return part->rd && part->rd->unproved && !part->device->record->address_bound;
}

/* ---- how long it holds ---- */

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	part->rd->state = RD_OVER;
	log_device(LOG_INFO, part->device->record->id, "Registration of %s was not renewed.",
		part->device->record->ep);
	sighted_gone(part->host, part->device, FOUND_RD);
	return 0;
}

int rd_entry_begin(struct device_host *part)
{
	struct rd_entry *entry = part->rd;
	int r = loop_timer_set(part->host->loop, &entry->expiry_timer,
		entry->words.lifetime * USEC_PER_SEC, on_expiry, part, "rd-expiry");

	if (r < 0)
		return r;
	entry->state = RD_LIVE;
	entry->removing = false;
	return 0;
}

/* ---- on file ---- */

static bool words_equal(const struct rd_words *a, const struct rd_words *b)
{
	return a->lifetime == b->lifetime && a->port_said == b->port_said &&
	       (!a->port_said || (a->base.port == b->base.port && a->secure == b->secure));
}

static int edit_words(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct rd_words *words = argument;

	next->rd_lifetime = words->lifetime;
	next->rd_port_said = words->port_said;
	/* Who proved its name is moved by a proof alone. */
	if (words->port_said && next->is_server && next->trust < TRUST_PSK &&
		device_address_same_host(&next->address, &words->base)) {
		next->address.port = words->base.port;
		next->secure_only = words->secure;
	}
	return 0;
}

static int on_file_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	rd_entry_file(userdata);
	return 0;
}

static void on_filed(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct device_host *part = device ? device_host(device) : NULL;

	if (result == SUBMIT_DONE || !part || !part->rd)
		return;
	part->rd->refiling = true;
	loop_timer_set(part->host->loop, &part->rd->file_timer, REFILE_USEC, on_file_timer, part,
		"rd-file");
}

void rd_entry_file(struct device_host *part)
{
	struct device *device = part->device;
	struct rd_entry *entry = part->rd;
	uint64_t wait;

	if (!device->on_disk && !device->saving) {
		device->record->rd_lifetime = entry->words.lifetime;
		device->record->rd_port_said = entry->words.port_said;
		entry->filed = entry->words;
		return;
	}
	if (!entry->refiling && words_equal(&entry->words, &entry->filed))
		return;
	if (!ratelimit_take(&entry->filings, FILED_A_MINUTE / 60.0, FILED_AT_ONCE,
		    clock_boot_usec(), &wait)) {
		loop_timer_set(
			part->host->loop, &entry->file_timer, wait, on_file_timer, part, "rd-file");
		return;
	}
	loop_timer_stop(entry->file_timer);
	entry->refiling = false;
	entry->filed = entry->words;
	host_submit(part->host, device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_words,
			.argument = &entry->words,
			.argument_size = sizeof(entry->words),
			.done = on_filed,
		});
}

/* ---- it goes ---- */

struct removal {
	struct host *host;
	struct lan_exchange *exchange;
};

static void answer(struct lan_exchange *exchange, uint8_t code)
{
	lan_answer_text(exchange, code, NULL, code == COAP_CODE(5, 3) ? RETRY_LATER_AGE : -1);
}

/* The device may go with it. */
static void removed(struct device_host *part)
{
	struct rd_entry *entry = part->rd;

	entry->state = RD_REMOVED;
	entry->removing = false;
	entry->words = entry->filed = (struct rd_words){0};
	loop_timer_stop(entry->expiry_timer);
	loop_timer_stop(entry->file_timer);
	rd_entry_set_unproved(part->host, entry, false);
	rd_entry_drop_offer(entry);
	sighted_gone(part->host, part->device, FOUND_RD);
}

static void on_removed(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct removal *removal = userdata;
	struct rd_entry *entry = device ? device_host(device)->rd : NULL;
	/* Nobody has it any more when its device was forgotten meanwhile. */
	bool done = result == SUBMIT_DONE || result == SUBMIT_GONE;

	/* When the gateway stops the LAN goes first, and its exchanges with it. */
	if (removal->host->lan)
		answer(removal->exchange, done ? COAP_CODE(2, 2) : COAP_CODE(5, 3));
	/* Unless it registered anew by now. */
	if (done && entry && entry->removing)
		removed(device_host(device));
	else if (entry)
		entry->removing = false;
	free(removal);
}

void rd_entry_remove(struct device_host *part, struct lan_exchange *exchange)
{
	static const struct rd_words none;
	struct device *device = part->device;
	struct removal *removal;

	if (!device->on_disk && !device->saving) {
		device->record->rd_lifetime = 0;
		answer(exchange, COAP_CODE(2, 2));
		removed(part);
		return;
	}
	removal = malloc(sizeof(*removal));
	if (!removal) {
		answer(exchange, COAP_CODE(5, 3));
		return;
	}
	*removal = (struct removal){part->host, exchange};
	part->rd->removing = true;
	part->rd->filed = none;
	loop_timer_stop(part->rd->file_timer);
	host_submit(part->host, device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_words,
			.argument = &none,
			.argument_size = sizeof(none),
			.done = on_removed,
			.userdata = removal,
		});
}
