/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How full the outbox may become is decided by core/owed.h; here is what follows from its verdicts.
 * A device that has its share is told to keep its readings like any other, but the alarm names it:
 * the others are taken still. Alarms stay until there clearly is room, since readings leave and
 * come all the time.
 */

#include "host/outbox-host.h"
#include "host/journal.h"
#include "host/reading.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/message-ids.h"
#include "host/trim.h"

#define OTHER_FLIGHTS 64 /* places that readings leave: for gaps and the results of commands */
/* The alarm stays at least so long after the last reading that found no room. */
#define FULL_FOR_USEC (60 * USEC_PER_SEC)

/* Each session may have one reading at least (session-carrier.c), so it brings a place along: those
 * that are silent together must not fill the window, as far as there are flights. */
static size_t in_flight(const struct host *host)
{
	size_t most = (size_t)host->config->mqtt_window + host->sessions_up;

	return most < FLIGHTS_MAX - OTHER_FLIGHTS ? most : FLIGHTS_MAX - OTHER_FLIGHTS;
}

struct owed_limits outbox_limits(const struct host *host)
{
	return (struct owed_limits){
		.outbox_bytes = host->config->outbox_max_bytes,
		.device_bytes = host->config->outbox_device_bytes,
		.device_share = (unsigned)host->limits.value[LIMIT_OUTBOX_SHARE],
		.window_readings = host->limits.value[LIMIT_WINDOW_READINGS],
		.in_flight = in_flight(host),
	};
}

void outbox_set_limits(struct host *host)
{
	const struct owed_limits limits = outbox_limits(host);

	owed_set_limits(host->owed, &limits);
}

static void log_full(const struct host *host, bool by_disk)
{
	const struct log_fields fields = {.message_id = MESSAGE_STORE_FULL};

	if (by_disk)
		log_at(LOG_ERR, (&fields), "The disk of %s is full: readings are put off.",
			host->config->state_directory);
	else
		log_at(LOG_ERR, (&fields), "The outbox holds its %llu MiB: readings are put off.",
			(unsigned long long)(host->config->outbox_max_bytes >> 20));
}

void outbox_refused(struct host *host, struct device *device, enum owed_verdict verdict)
{
	switch (verdict) {
	case OWED_ROOM:
		return;
	case OWED_SHARE:
		host->limits.reached[LIMIT_OUTBOX_SHARE]++;
		device_host(device)->over_share = true;
		host_alarm_raise(host, ALARM_OUTBOX_SHARE, device->record->id);
		break;
	case OWED_FULL:
		if (device)
			host->limits.reached[LIMIT_OUTBOX_BYTES]++;
		host->outbox_full_usec = clock_boot_usec();
		if (!host_alarm_is_active(host, ALARM_OUTBOX_FULL, ""))
			log_full(host, !device);
		host_alarm_raise(host, ALARM_OUTBOX_FULL, "");
		break;
	}
	trim_make_room(host, device, verdict);
}

void outbox_has_room(struct host *host)
{
	if (host_alarm_is_active(host, ALARM_OUTBOX_FULL, "") &&
		clock_boot_usec() - host->outbox_full_usec >= FULL_FOR_USEC &&
		owed_bytes(host->owed) <= host->config->outbox_max_bytes / 10 * 9)
		host_alarm_clear(host, ALARM_OUTBOX_FULL, "");
}

void outbox_device_eased(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	if (!part->over_share ||
		owed_device_bytes(host->owed, device->record->row) > owed_share(host->owed) / 2)
		return;
	part->over_share = false;
	host_alarm_clear(host, ALARM_OUTBOX_SHARE, device->record->id);
}

/* The alarm stands for as long as it is so. */
static void tell_durability(struct host *host)
{
	for (enum durability one = DURABILITY_PROCESS; one <= DURABILITY_MEMORY; one++)
		if (one == host->config->outbox_durability)
			host_alarm_raise(host, ALARM_NOT_DURABLE, durability_to_string(one));
		else
			host_alarm_clear(host, ALARM_NOT_DURABLE, durability_to_string(one));
}

void outbox_start(struct host *host)
{
	tell_durability(host);
	trim_start(host);
	for (struct device *device = registry_first(host->registry); device;
		device = registry_next(device)) {
		device_host(device)->over_share =
			host_alarm_is_active(host, ALARM_OUTBOX_SHARE, device->record->id);
		outbox_device_eased(host, device);
	}
}

static int on_pace_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	reading_pump_soon(userdata);
	return 0;
}

void outbox_unpaced(struct host *host)
{
	host->pace.tokens++;
}

bool outbox_paced(struct host *host)
{
	double pace = host->config->outbox_pace;
	uint64_t wait;
	int r;

	/* What was saved up in a second of silence may leave at once, and not more. */
	if (pace <= 0 ||
		ratelimit_take(&host->pace, pace, pace > 1 ? pace : 1, clock_boot_usec(), &wait))
		return true;
	r = loop_timer_set(host->loop, &host->pace_timer, wait, on_pace_timer, host, "outbox-pace");
	if (r < 0)
		log_error("The outbox's timer could not be set: %s.", strerror(-r));
	return false;
}
