/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the onboarding window does to devices that were only seen: while it is open, one that is
 * announced and was asked what it is becomes pending, so that a person can decide. The window ends
 * by itself; the timer is there to say so.
 */

#include "host/effect.h"
#include "host/enrol.h"
#include "host/host.h"
#include "host/journal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/brought.h"
#include "host/multicast.h"
#include "host/scan-host.h"

bool enrol_window_is_open(const struct host *host, const char *ep)
{
	return window_is_open(&host->window, clock_boot_usec()) || scan_is_open(host, ep);
}

void enrol_consider(struct host *host, struct device *device)
{
	const struct device_record *record = device->record;

	if (record->life.admission != ADMISSION_SIGHTED || !device->present ||
		!device_host(device)->probed)
		return;
	if (!enrol_window_is_open(host, record->ep))
		return;
	if (!device->on_disk && !device->saving && !enrol_has_place(host, record->ep))
		return;
	host_submit(host, device, &(const struct submission){.event = LIFE_ASKED});
	brought_consider(host, device);
}

void enrol_window_opened(struct host *host)
{
	struct device *device, *next;

	for (device = registry_first(host->registry); device; device = next) {
		next = registry_next(device);
		enrol_consider(host, device);
	}
	enrol_window_timer(host);
	/* Who was switched on a minute ago is not left to wait for the next round. */
	multicast_probe(host);
}

static int on_window_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	if (!window_is_open(&host->window, clock_boot_usec())) {
		window_close(&host->window);
		log_notice("The onboarding window closed.");
		host_touch(host);
	} else {
		enrol_window_timer(host);
	}
	return 0;
}

void enrol_window_timer(struct host *host)
{
	uint64_t left = window_seconds_left(&host->window, clock_boot_usec());

	int r = 0;

	if (left)
		r = loop_timer_set(host->loop, &host->window_timer, (left + 1) * USEC_PER_SEC,
			on_window_end, host, "window-end");
	else
		loop_timer_stop(host->window_timer);
	if (r < 0)
		log_error("The window's timer could not be set: %s.", strerror(-r));
}
