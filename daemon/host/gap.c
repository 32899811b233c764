/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reading that was acknowledged is delivered, or the platform is told that it will not be. The
 * record of that is as durable as the reading was:
 *
 *	given up --one transaction--> row in the outbox, entry here
 *	a session is up                   -> PUBLISH QoS 1
 *	PUBACK, or refused for good       -> row and entry are deleted
 *	lost                              -> waits for the next connect
 *	refused for the moment            -> waits for that, or for RETRY_USEC
 *
 * Where the devices of a platform have sessions of their own elsewhere, nobody can speak for one
 * that is gone. What cannot be told is logged and counted (metrics.untold).
 *
 * A status that is to be cleared after its device was forgotten takes the same way, as an entry of
 * no readings. The list is bounded: a gap that follows on one of the same device grows that one;
 * from LIMIT_GAP_RECORDS on any two of a device become one, so that each device that the gateway
 * can have still finds room for what it loses.
 */

#include "host/gap.h"
#include "host/platform-host.h"
#include "host/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "host/session.h"

#define IN_FLIGHT_MAX 32 /* readings need the uplink's window too */
#define RETRY_USEC    (300 * USEC_PER_SEC)

struct gap_entry {
	struct gap_entry *next, *before;
	struct gap_entry *next_alike; /* in the same bucket, youngest first */
	struct store_gap gap;
	bool in_flight;
	bool refused; /* for the moment */
	bool said;    /* so in the log */
};

/* ---- the list ---- */

/* Where the entries of a device are, among those of few others. */
static struct gap_entry **bucket_of(struct host *host, uint64_t device_row)
{
	return &host->gap_bucket[device_row % GAP_BUCKETS];
}

static struct gap_entry *entry_add(struct host *host, const struct store_gap *gap)
{
	struct gap_entry *entry = calloc(1, sizeof(*entry)), **bucket;

	if (!entry)
		return NULL;
	bucket = bucket_of(host, gap->device_row);
	entry->gap = *gap;
	entry->before = host->gaps_last;
	entry->next_alike = *bucket;
	*bucket = entry;
	if (host->gaps_last)
		host->gaps_last->next = entry;
	else
		host->gaps = entry;
	host->gaps_last = entry;
	host->gap_count++;
	if (gap->id >= host->next_gap)
		host->next_gap = gap->id + 1;
	return entry;
}

static void entry_remove(struct host *host, struct gap_entry *entry)
{
	struct gap_entry **alike = bucket_of(host, entry->gap.device_row);

	while (*alike != entry)
		alike = &(*alike)->next_alike;
	*alike = entry->next_alike;
	if (entry->before)
		entry->before->next = entry->next;
	else
		host->gaps = entry->next;
	if (entry->next)
		entry->next->before = entry->before;
	else
		host->gaps_last = entry->before;
	host->gap_count--;
	if (entry->in_flight)
		host->gaps_in_flight--;
	free(entry);
}

static struct gap_entry *entry_find(struct host *host, uint64_t id)
{
	struct gap_entry *entry = host->gaps;

	while (entry && entry->gap.id != id)
		entry = entry->next;
	return entry;
}

/* Told, or never to be told: also the row goes. */
static void entry_finish(struct host *host, struct gap_entry *entry)
{
	store_gap_published(host->store, entry->gap.id);
	entry_remove(host, entry);
}

int gap_load(struct host *host, const struct store_gap *gap)
{
	return entry_add(host, gap) ? 0 : -ENOMEM;
}

void gaps_free_all(struct host *host)
{
	host->gap_timer = loop_source_free(host->gap_timer);
	while (host->gaps)
		entry_remove(host, host->gaps);
}

static bool is_clear(const struct store_gap *gap)
{
	return gap->count == 0;
}

static void count_untold(struct host *host, const char *id, uint64_t count, const char *reason)
{
	host->metrics.untold += count;
	log_device(LOG_WARNING, id,
		"Its platform cannot be told that %llu of its readings are missing (%s).",
		(unsigned long long)count, reason);
}

/* Nobody will ever be told. */
static void give_up(struct host *host, struct gap_entry *entry)
{
	if (!is_clear(&entry->gap))
		count_untold(host, entry->gap.device_id, entry->gap.count, entry->gap.reason);
	entry_finish(host, entry);
}

/* Its device is gone, and with it the only session by which its platform could be told. */
static bool is_orphan(const struct host *host, const struct store_gap *gap)
{
	const struct platform_driver *driver = platform_driver_by_name(gap->platform);

	return (!driver || driver->describe()->supports & PLATFORM_ELSEWHERE) &&
	       !registry_by_row(host->registry, gap->device_row);
}

void gap_give_up_orphans(struct host *host)
{
	struct gap_entry *entry, *next;

	for (entry = host->gaps; entry; entry = next) {
		next = entry->next;
		if (!entry->in_flight && is_orphan(host, &entry->gap))
			give_up(host, entry);
	}
}

/* ---- in ---- */

/* One that the new gap can be put into. What is in flight stays as it was sent. In an outage each
 * reading may ask. */
static struct gap_entry *entry_to_grow(
	struct host *host, uint64_t device_row, const struct upstream_gap *gap)
{
	bool full = host->gap_count >= host->limits.value[LIMIT_GAP_RECORDS];
	struct gap_entry *entry;

	if (full)
		host->limits.reached[LIMIT_GAP_RECORDS]++;
	for (entry = *bucket_of(host, device_row); entry; entry = entry->next_alike) {
		if (entry->in_flight || is_clear(&entry->gap) ||
			entry->gap.device_row != device_row)
			continue;
		if (full || (entry->gap.last_row + 1 == gap->first_row &&
				    !strncmp(entry->gap.reason, gap->reason,
					    sizeof(entry->gap.reason) - 1)))
			return entry;
	}
	return NULL;
}

static void grow(struct store_gap *gap, const struct upstream_gap *by)
{
	if (by->first_row < gap->first_row)
		gap->first_row = by->first_row;
	if (by->last_row > gap->last_row)
		gap->last_row = by->last_row;
	gap->count += by->count;
}

static struct gap_entry *entry_new(
	struct host *host, const struct device_record *record, const struct upstream_gap *what)
{
	struct store_gap gap = {
		.id = host->next_gap ? host->next_gap : 1,
		.device_row = record->row,
		.first_row = what->first_row,
		.last_row = what->last_row,
		.count = what->count,
	};

	snprintf(gap.device_id, sizeof(gap.device_id), "%s", record->id);
	snprintf(gap.platform, sizeof(gap.platform), "%s", record->platform);
	snprintf(gap.reason, sizeof(gap.reason), "%s", what->reason);
	if (host->gap_count >=
		host->limits.value[LIMIT_GAP_RECORDS] + host->limits.value[LIMIT_DEVICES])
		return NULL;
	return entry_add(host, &gap);
}

const struct store_gap *gap_note_if_room(
	struct host *host, const struct device_record *record, const struct upstream_gap *gap)
{
	struct gap_entry *entry = entry_to_grow(host, record->row, gap);

	if (entry)
		grow(&entry->gap, gap);
	else
		entry = entry_new(host, record, gap);
	return entry ? &entry->gap : NULL;
}

const struct store_gap *gap_note(
	struct host *host, const struct device_record *record, const struct upstream_gap *gap)
{
	const struct store_gap *noted = gap_note_if_room(host, record, gap);

	if (!noted)
		count_untold(host, record->id, gap->count, gap->reason);
	return noted;
}

bool gap_is_noted(const struct host *host, uint64_t device_row, uint64_t last_row)
{
	const struct gap_entry *entry = host->gap_bucket[device_row % GAP_BUCKETS];

	while (entry && (entry->gap.device_row != device_row || entry->gap.last_row < last_row))
		entry = entry->next_alike;
	return entry != NULL;
}

void gap_note_clear(struct host *host, const struct device_record *record)
{
	struct gap_entry *entry =
		entry_new(host, record, &(const struct upstream_gap){.reason = "clear"});

	if (!entry) {
		log_device(LOG_WARNING, record->id,
			"Its status stays at the broker: there is no room to note that it has to "
			"go.");
		return;
	}
	store_put_gap(host->store, &entry->gap);
	gap_publish(host);
}

void gap_each(struct host *host, api_gap_fn each, void *userdata)
{
	for (const struct gap_entry *entry = host->gaps; entry; entry = entry->next) {
		const struct store_gap *gap = &entry->gap;

		if (!is_clear(gap))
			each(userdata, &(const struct api_gap){.device = gap->device_id,
					       .first = gap->first_row,
					       .last = gap->last_row,
					       .count = gap->count,
					       .reason = gap->reason});
	}
}

/* ---- out ---- */

static void cleanup_message(struct upstream_message *message)
{
	upstream_message_clear(message);
}

static int encode(struct host *host, const struct device *device, const struct store_gap *gap,
	struct upstream_message *message)
{
	const struct platform_driver *driver = platform_driver_by_name(gap->platform);
	const struct upstream_gap readings = {
		.first_row = gap->first_row,
		.last_row = gap->last_row,
		.count = gap->count,
		.reason = gap->reason,
	};
	/* The device may be gone: then its id is all that there is. */
	struct device_record record = {.row = gap->device_row};
	const struct upstream_item item = {
		.kind = is_clear(gap) ? UPSTREAM_CLEAR : UPSTREAM_GAP,
		.gateway_id = host->config->id,
		.epoch = owed_epoch(host->owed),
		.record = device ? device->record : &record,
		.gap = &readings,
	};

	snprintf(record.id, sizeof(record.id), "%s", gap->device_id);
	return driver ? driver->encode(platform_host_services(), &item, message) : -ENOTSUP;
}

/* The device came again and has a status upstream: that one is not ours to clear. */
static bool is_overtaken(struct host *host, const struct store_gap *gap)
{
	const struct device *device;

	if (!is_clear(gap))
		return false;
	device = registry_by_id(host->registry, gap->device_id);
	return device && device->record->row != gap->device_row &&
	       device->record->life.platform_id[0];
}

/* Negative: the uplink takes nothing more at present. */
static int publish_one(struct host *host, struct gap_entry *entry)
{
	const struct device *device = registry_by_row(host->registry, entry->gap.device_row);
	CLEANUP(cleanup_message) struct upstream_message message = {0};
	uint64_t session_row, tag;
	int r;

	if (!session_carries(host, device))
		return 0;
	r = is_overtaken(host, &entry->gap) ? -ENOTSUP
					    : encode(host, device, &entry->gap, &message);
	if (r == -ENOTSUP || r == -EMSGSIZE) {
		give_up(host, entry);
		return 0;
	}
	if (r < 0)
		return r;
	/* Row 0 is nobody's: it is lost with the gateway's session. */
	session_row = device && device_host(device)->session ? entry->gap.device_row : 0;
	if (!flight_take(host, FLIGHT_GAP, session_row, entry->gap.id, &tag))
		return -EBUSY;
	r = session_publish(host, device, &message, tag);
	if (r < 0) {
		flight_give_up(host, tag);
		return r;
	}
	entry->in_flight = true;
	host->gaps_in_flight++;
	return 0;
}

void gap_publish(struct host *host)
{
	struct gap_entry *entry, *next;
	int r = 0;

	/* In an outage much is given up, and each time this is called. */
	if (!session_any_is_up(host))
		return;
	for (entry = host->gaps; entry && r >= 0 && host->gaps_in_flight < IN_FLIGHT_MAX;
		entry = next) {
		next = entry->next;
		if (!entry->in_flight && !entry->refused)
			r = publish_one(host, entry);
	}
	/* Without an answer to come, nobody else would try again. */
	if (r < 0)
		reading_pump_later(host);
}

void gap_on_connected(struct host *host, const struct device *own)
{
	struct gap_entry *entry;

	for (entry = host->gaps; entry; entry = entry->next)
		if (!own || entry->gap.device_row == own->record->row)
			entry->refused = false;
	gap_publish(host);
}

void gap_on_delivered(struct host *host, uint64_t id)
{
	struct gap_entry *entry = entry_find(host, id);

	if (entry)
		entry_finish(host, entry);
	gap_publish(host);
}

static void land(struct host *host, struct gap_entry *entry)
{
	entry->in_flight = false;
	host->gaps_in_flight--;
}

static int on_gap_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	host->gap_retry = false;
	gap_on_connected(host, NULL);
	return 0;
}

static void refused_for_now(struct host *host, struct gap_entry *entry)
{
	land(host, entry);
	entry->refused = true;
	if (!entry->said)
		log_device(LOG_WARNING, entry->gap.device_id,
			"The broker does not take the record of what is missing of it; it is tried "
			"again.");
	entry->said = true;
	/* Nobody may connect anew for weeks. The first that is refused says when: others that are
	 * later must not put it off. */
	if (host->gap_retry)
		return;
	host->gap_retry = loop_timer_set(host->loop, &host->gap_timer, RETRY_USEC, on_gap_timer,
				  host, "gap-retry") >= 0;
	if (!host->gap_retry)
		log_warning("Records of what is missing wait for the next connect.");
}

void gap_on_refused(struct host *host, uint64_t id, bool for_good)
{
	struct gap_entry *entry = entry_find(host, id);

	if (!entry)
		return;
	if (for_good)
		give_up(host, entry);
	else
		refused_for_now(host, entry);
	gap_publish(host);
}

void gap_on_lost(struct host *host, uint64_t id)
{
	struct gap_entry *entry = entry_find(host, id);

	if (entry)
		land(host, entry);
}
