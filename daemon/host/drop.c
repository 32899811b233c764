/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Dropping a device's readings, until the outbox has let go of them. What was dropped is not owed
 * any more at once; its rows are deleted by the store. When that fails for lack of space or memory
 * it is asked again, and when the gateway ends before, the next start finds rows of a device that
 * is gone or not admitted, and drops them then.
 *
 *	drop -> ordered --done--> gone
 *	           '---failed---> waits --10 s--> ordered
 *
 * Rows are known by their device, so as long as a drop is not done nothing new of it is taken.
 */

#include "host/host.h"
#include "host/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/gap.h"

#define DROP_AGAIN_USEC (10 * USEC_PER_SEC)

struct row_drop {
	struct row_drop *next;
	struct host *host;
	uint64_t device_row;
	bool ordered;	      /* the store will answer */
	struct store_gap gap; /* id 0 = none */
};

static struct row_drop *drop_of(const struct host *host, uint64_t device_row)
{
	struct row_drop *drop = host->drops;

	while (drop && drop->device_row != device_row)
		drop = drop->next;
	return drop;
}

static void drop_free(struct row_drop *drop)
{
	struct row_drop **at = &drop->host->drops;

	while (*at != drop)
		at = &(*at)->next;
	*at = drop->next;
	free(drop);
}

static int on_drop_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void on_dropped(void *userdata, int result, const char *head)
{
	struct row_drop *drop = userdata;
	struct host *host = drop->host;
	int r;

	/* Anything else that fails ends the process; the next start drops it. */
	if (result != -ENOSPC && result != -ENOMEM) {
		drop_free(drop);
		return;
	}
	drop->ordered = false;
	log_warning(
		"Dropped readings are still on file: %s. It is tried again.", strerror(-result));
	r = loop_timer_set(
		host->loop, &host->drop_timer, DROP_AGAIN_USEC, on_drop_timer, host, "outbox-drop");
	if (r < 0)
		log_error("The outbox's timer could not be set: %s.", strerror(-r));
}

static void order(struct row_drop *drop)
{
	/* Copied: the answer may free the drop at once. */
	const struct store_gap gap = drop->gap;

	drop->ordered = true;
	store_delete_device(
		drop->host->store, drop->device_row, gap.id ? &gap : NULL, on_dropped, drop);
}

/* Those that wait; an answer may come at once and free its drop. */
static void order_all(struct host *host)
{
	struct row_drop *drop, *next;

	for (drop = host->drops; drop; drop = next) {
		next = drop->next;
		if (!drop->ordered)
			order(drop);
	}
}

static int on_drop_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	order_all(userdata);
	return 0;
}

static struct row_drop *drop_new(struct host *host, uint64_t device_row)
{
	struct row_drop *drop = malloc(sizeof(*drop));

	if (!drop)
		return NULL;
	*drop = (struct row_drop){.next = host->drops, .host = host, .device_row = device_row};
	host->drops = drop;
	return drop;
}

void reading_drop_rows(struct host *host, uint64_t device_row, const struct store_gap *gap)
{
	struct row_drop *drop = drop_of(host, device_row);

	if (!drop) {
		drop = drop_new(host, device_row);
		if (!drop) {
			store_delete_device(host->store, device_row, gap, NULL, NULL);
			return;
		}
		if (gap)
			drop->gap = *gap;
	} else if (gap) {
		store_put_gap(host->store, gap);
	}
	if (!drop->ordered)
		order(drop);
}

bool reading_is_dropping(const struct host *host, uint64_t device_row)
{
	return drop_of(host, device_row) != NULL;
}

static bool is_wanted(const struct host *host, const struct device *device)
{
	enum admission_state admission;

	if (!device)
		return false;
	admission = device->record->life.admission;
	return host->config->keep_readings_of_revoked ||
	       (admission != ADMISSION_REVOKED && admission != ADMISSION_BLOCKED &&
		       admission != ADMISSION_REJECTED);
}

int reading_load(struct host *host, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row)
{
	const struct device *device = registry_by_row(host->registry, device_row);
	struct row_drop *drop;

	if (is_wanted(host, device))
		return owed_load(host->owed, device_row, count, bytes, first_row, last_row);
	log_at(LOG_NOTICE,
		(&(const struct log_fields){.device = device ? device->record->id : NULL,
			.message_id = MESSAGE_READINGS_DROPPED}),
		"%llu waiting readings of %s are dropped.", (unsigned long long)count,
		device ? device->record->id : "a forgotten device");
	drop = drop_new(host, device_row);
	if (!drop)
		return -ENOMEM;
	drop->gap = (struct store_gap){
		.count = count, .first_row = first_row, .last_row = last_row}; /* noted later */
	return 0;
}

/* What was on file when the gateway ended was not told yet: that goes with the rows. */
static void note_loaded(struct row_drop *drop)
{
	const struct device *device = registry_by_row(drop->host->registry, drop->device_row);
	const struct upstream_gap gap = {.first_row = drop->gap.first_row,
		.last_row = drop->gap.last_row,
		.count = drop->gap.count,
		.reason = "revoked"};
	const struct store_gap *noted = NULL;

	drop->host->metrics.lost[LOST_REVOKED] += gap.count;
	/* A drop that was half carried out has its gap already. What a forgotten device was called
	 * is not known any more. */
	if (gap_is_noted(drop->host, drop->device_row, gap.last_row))
		return;
	if (device)
		noted = gap_note(drop->host, device->record, &gap);
	else
		drop->host->metrics.untold += gap.count;
	if (noted)
		drop->gap = *noted;
}

void reading_drop_loaded(struct host *host)
{
	struct row_drop *drop;

	for (drop = host->drops; drop; drop = drop->next)
		note_loaded(drop);
	order_all(host);
}

void reading_drops_free(struct host *host)
{
	while (host->drops)
		drop_free(host->drops);
	host->drop_timer = loop_source_free(host->drop_timer);
}
