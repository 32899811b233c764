/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether somebody sets the gateway's clock. A gateway without a clock of its own starts without
 * one, and its time service needs a while: only what lasts is worth an alarm. Until then readings
 * and journal rows carry the mark that their time may be wrong.
 */

#include "host/clock-watch.h"
#include "host/journal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_USEC     (60 * USEC_PER_SEC)
#define UNSYNCED_USEC (1800 * USEC_PER_SEC)

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	clock_watch(userdata);
	return 0;
}

void clock_watch(struct host *host)
{
	uint64_t now = clock_boot_usec();
	int r;

	if (clock_is_synced()) {
		host->unsynced_usec = 0;
		host_alarm_clear(host, ALARM_CLOCK_UNSYNCED, "");
	} else if (!host->unsynced_usec) {
		host->unsynced_usec = now;
	} else if (now - host->unsynced_usec >= UNSYNCED_USEC &&
		   !host_alarm_is_active(host, ALARM_CLOCK_UNSYNCED, "")) {
		host_alarm_raise(host, ALARM_CLOCK_UNSYNCED, "");
	}
	r = loop_timer_set(host->loop, &host->clock_timer, LOOK_USEC, on_look, host, "clock-watch");
	if (r < 0)
		log_error("The clock is not watched: %s.", strerror(-r));
}

void clock_watch_end(struct host *host)
{
	host->clock_timer = loop_source_free(host->clock_timer);
}
