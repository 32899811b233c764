/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The clocks of a device: its operation's end, half of its credential's life, the credential's end.
 * They are timers on boot time, set anew whenever the record changes. They look at the wall clock
 * again when they fire, and at least once an hour: a gateway without a clock of its own may start
 * in 1970. What could not be saved when its time came is tried again a minute later.
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

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata);
static int on_renew(sd_event_source *source, uint64_t usec, void *userdata);
static int on_lapse(sd_event_source *source, uint64_t usec, void *userdata);

static sd_event_source **timer_of(struct device_host *part, enum device_clock which)
{
	switch (which) {
	case CLOCK_EXPIRY:
		return &part->expiry_timer;
	case CLOCK_RENEW:
		return &part->renew_timer;
	case CLOCK_LAPSE:
		break;
	}
	return &part->lapse_timer;
}

static const struct {
	enum life_event event;
	sd_event_time_handler_t handler;
	const char *name;
} clocks[] = {
	[CLOCK_EXPIRY] = {LIFE_OPERATION_LAPSED, on_expiry, "operation-expiry"},
	[CLOCK_RENEW] = {LIFE_RENEW_DUE, on_renew, "credential-renew"},
	[CLOCK_LAPSE] = {LIFE_CREDENTIAL_LAPSED, on_lapse, "credential-lapse"},
};

static void arm(struct device_host *part, enum device_clock which, uint64_t delay_usec)
{
	int r = loop_timer_set(part->host->loop, timer_of(part, which), delay_usec,
		clocks[which].handler, part, clocks[which].name);

	if (r < 0)
		log_device(LOG_ERR, part->device->record->id,
			"The timer '%s' could not be set: %s.", clocks[which].name, strerror(-r));
}

static void arm_for(struct device_host *part, enum device_clock which)
{
	int64_t at = clock_at(part->device->record, which), now = clock_wall_msec();
	uint64_t delay = CLOCK_LOOK_USEC;

	if (!at) {
		loop_timer_stop(*timer_of(part, which));
		return;
	}
	if (at <= now)
		delay = 0;
	else if ((uint64_t)(at - now) < CLOCK_LOOK_USEC / USEC_PER_MSEC)
		delay = (uint64_t)(at - now) * USEC_PER_MSEC;
	arm(part, which, delay);
}

/* The event changed nothing: with its time over it would be due at once for ever. */
static void on_clock_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	unsigned i;

	if (!device || result == SUBMIT_DONE)
		return;
	for (i = 0; i < ELEMENTS(clocks); i++) {
		int64_t at = clock_at(device->record, (enum device_clock)i);

		if (at && at <= clock_wall_msec())
			arm(device_host(device), (enum device_clock)i, CLOCK_AGAIN_USEC);
	}
}

static int on_clock(struct device_host *part, enum device_clock which)
{
	struct device *device = part->device;
	int64_t at = clock_at(device->record, which);

	if (!at || at > clock_wall_msec()) {
		/* Not yet. What the clock said before may have held its readings. */
		reading_set_open(part->host, device);
		arm_for(part, which);
		return 0;
	}
	host_submit(part->host, device,
		&(const struct submission){
			.event = clocks[which].event,
			.answer_to =
				which == CLOCK_EXPIRY ? device->record->life.operation_number : 0,
			.done = on_clock_submitted,
		});
	return 0;
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
	return on_clock(userdata, CLOCK_EXPIRY);
}

static int on_renew(sd_event_source *source, uint64_t usec, void *userdata)
{
	return on_clock(userdata, CLOCK_RENEW);
}

static int on_lapse(sd_event_source *source, uint64_t usec, void *userdata)
{
	return on_clock(userdata, CLOCK_LAPSE);
}

void platform_host_set_timers(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	if (!platform_host_has_work(device))
		loop_timer_stop(part->advance_timer);
	arm_for(part, CLOCK_EXPIRY);
	arm_for(part, CLOCK_RENEW);
	arm_for(part, CLOCK_LAPSE);
}
