/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The clocks of a device: its operation's end, half of its credential's life, the credential's end.
 * One timer on boot time serves them all, set for the nearest one whenever the record changes: a
 * timer takes 0.4 kB, and ten thousand devices may each have a credential that ends. It looks at
 * the wall clock again when it fires, and at least once an hour: a gateway without a clock of its
 * own may start in 1970. What could not be saved when its time came is tried again a minute later.
 */

#include "host/effect.h"
#include "host/host.h"
#include "host/platform-host.h"
#include "host/reading.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define CLOCK_LOOK_USEC	 (3600 * USEC_PER_SEC)
#define CLOCK_AGAIN_USEC (60 * USEC_PER_SEC) /* after it could not be saved */

static int64_t expiry_at(const struct lifecycle *life)
{
	return operation_is_open(life->operation) ? life->operation_expires : 0;
}

static int64_t lapse_at(const struct lifecycle *life)
{
	return credential_is_usable(life->credential) ? life->credential_expires : 0;
}

/* Half of the life, and up to a twentieth of it earlier, so that a thousand devices do not refresh
 * at once; the same for one credential whenever it is asked. */
static int64_t renew_at(const struct device_record *record)
{
	const struct lifecycle *life = &record->life;
	int64_t lifetime = life->credential_expires - life->credential_since;
	uint64_t spread;

	if (life->credential != CREDENTIAL_HELD || !life->credential_expires)
		return 0;
	if (lifetime <= 0)
		return 1; /* the clock jumped while it was issued */
	spread = (record->row * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
	return life->credential_since + lifetime / 2 -
	       (int64_t)(spread % (uint64_t)(lifetime / 20 + 1));
}

enum device_clock { CLOCK_EXPIRY, CLOCK_RENEW, CLOCK_LAPSE };

static int64_t clock_at(const struct device_record *record, enum device_clock which)
{
	switch (which) {
	case CLOCK_EXPIRY:
		return expiry_at(&record->life);
	case CLOCK_RENEW:
		return renew_at(record);
	case CLOCK_LAPSE:
		return lapse_at(&record->life);
	}
	return 0;
}

#define CLOCKS (CLOCK_LAPSE + 1)

static const enum life_event events[CLOCKS] = {
	[CLOCK_EXPIRY] = LIFE_OPERATION_LAPSED,
	[CLOCK_RENEW] = LIFE_RENEW_DUE,
	[CLOCK_LAPSE] = LIFE_CREDENTIAL_LAPSED,
};

static bool is_due(const struct device_record *record, enum device_clock which, int64_t now)
{
	int64_t at = clock_at(record, which);

	return at && at <= now;
}

/* Until the next of them; 'due_usec' for one whose time is over. UINT64_MAX: there is none. */
static uint64_t next_delay(const struct device_record *record, uint64_t due_usec)
{
	int64_t now = clock_wall_msec();
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < CLOCKS; i++) {
		int64_t at = clock_at(record, (enum device_clock)i);
		uint64_t delay = CLOCK_LOOK_USEC;

		if (!at)
			continue;
		if (at <= now)
			delay = due_usec;
		else if ((uint64_t)(at - now) < CLOCK_LOOK_USEC / USEC_PER_MSEC)
			delay = (uint64_t)(at - now) * USEC_PER_MSEC;
		if (delay < next)
			next = delay;
	}
	return next;
}

static int on_clock(sd_event_source *source, uint64_t usec, void *userdata);

static void arm(struct device_host *part, uint64_t due_usec)
{
	uint64_t delay = next_delay(part->device->record, due_usec);
	int r;

	if (delay == UINT64_MAX) {
		loop_timer_stop(part->clock_timer);
		return;
	}
	r = loop_timer_set(
		part->host->loop, &part->clock_timer, delay, on_clock, part, "device-clock");
	if (r < 0)
		log_device(LOG_ERR, part->device->record->id,
			"The timer of its clocks could not be set: %s.", strerror(-r));
}

/* The event changed nothing: with its time over it would be due at once for ever. */
static void on_clock_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	if (device && result != SUBMIT_DONE)
		arm(device_host(device), CLOCK_AGAIN_USEC);
}

static int on_clock(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;
	struct host *host = part->host;
	struct device *device = part->device;
	int64_t now = clock_wall_msec();
	bool due[CLOCKS], any = false;
	unsigned i;

	for (i = 0; i < CLOCKS; i++)
		any |= due[i] = is_due(device->record, (enum device_clock)i, now);
	if (!any) {
		/* Not yet. What the clock said before may have held its readings. */
		reading_set_open(host, device);
		arm(part, 0);
		return 0;
	}
	device_host_pin(part);
	for (i = 0; i < CLOCKS && !part->gone; i++)
		if (due[i])
			host_submit(host, device,
				&(const struct submission){
					.event = events[i],
					.answer_to = i == CLOCK_EXPIRY
							     ? device->record->life.operation_number
							     : 0,
					.done = on_clock_submitted,
				});
	device_host_unpin(part);
	return 0;
}

void platform_host_set_timers(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	if (!platform_host_has_work(device))
		loop_timer_stop(part->advance_timer);
	arm(part, 0);
}
