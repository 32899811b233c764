/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ten thousand statuses at once would hold up the loop for a twentieth of a second, and all
 * readings until the broker has taken the statuses. So a connect begins a round: a slice of the
 * devices, by their rows, in each turn of the loop, with readings in between. What becomes of a
 * device meanwhile is published as always; the round says it once more, as it is then.
 */

#include "host/status-round.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/registry.h"
#include "host/upstream.h"

/* The newest audit head is upstream every day, also when the link never breaks. */
#define DAY_USEC (24 * 3600 * USEC_PER_SEC)

static int on_day(sd_event_source *source, uint64_t usec, void *userdata);
static int on_slice(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(struct host *host, sd_event_source **timer, uint64_t usec,
	sd_event_time_handler_t handler, const char *name)
{
	int r = loop_timer_set(host->loop, timer, usec, handler, host, name);

	if (r < 0)
		log_error("The timer of the %s could not be set: %s.", name, strerror(-r));
}

static int on_day(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	upstream_publish_gateway(host, "online");
	set_timer(host, &host->status_timer, DAY_USEC, on_day, "gateway-status");
	return 0;
}

/* From the row after the last one on: a device may be forgotten between two turns. */
static void publish_slice(struct host *host)
{
	struct device *device = registry_first(host->registry);
	unsigned count = 0;

	while (device && device->record->row <= host->status_round_row)
		device = registry_next(device);
	for (; device && count < STATUS_ROUND_SLICE; device = registry_next(device), count++) {
		upstream_publish_status(host, device);
		host->status_round_row = device->record->row;
	}
	if (device)
		set_timer(host, &host->status_round_timer, 0, on_slice, "status-round");
}

static int on_slice(sd_event_source *source, uint64_t usec, void *userdata)
{
	publish_slice(userdata);
	return 0;
}

void status_round_begin(struct host *host)
{
	upstream_publish_gateway(host, "online");
	set_timer(host, &host->status_timer, DAY_USEC, on_day, "gateway-status");
	host->status_round_row = 0;
	publish_slice(host);
}

void status_round_stop(struct host *host)
{
	loop_timer_stop(host->status_round_timer);
}

void status_round_free(struct host *host)
{
	host->status_timer = loop_source_free(host->status_timer);
	host->status_round_timer = loop_source_free(host->status_round_timer);
}
