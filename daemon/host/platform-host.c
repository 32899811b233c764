/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs platform drivers. A driver's advance() is one resumable step without state; this file
 * decides when it is called, with what answer, and what becomes of its verdict: every verdict is a
 * submission, so it is on disk before the next step is taken or a request goes out. Which work is
 * due is read from the record alone, which is why a restart needs nothing but LIFE_RESTARTED:
 *
 *   operation opening, awaiting -> PROVISION (or APPROVE, when a person has approved here)
 *   operation issued            -> BIND
 *   credential renewing         -> REFRESH
 *
 * The clocks of a device (its operation's end, half of its credential's life, the credential's end)
 * are timers on boot time, set anew whenever the record changes.
 */

#include "host/host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

static void step_cleanup(struct platform_step *step)
{
	platform_step_clear(step);
}

/* ---- services ---- */

static int no_sign(const char *key_handle, struct span data, uint8_t *ret_signature,
	size_t capacity, size_t *ret_size)
{
	return -ENOTSUP;
}

static void driver_log(int priority, const char *device_id, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_device(priority, device_id, "%s", text);
}

const struct driver_services *platform_host_services(void)
{
	static const struct driver_services services = {
		.now = clock_wall_msec,
		.random = random_bytes,
		.hmac_sha256 = crypto_hmac_sha256,
		.sign = no_sign,
		.log = driver_log,
	};

	return &services;
}

const struct platform_driver *platform_host_driver(struct host *host, const struct device *device)
{
	return platform_driver_by_name(device->record->platform);
}

/* ---- verdict to submission ---- */

static const enum life_event event_of_verdict[] = {
	[PLATFORM_PROGRESS] = LIFE_DRIVER_PROGRESS,
	[PLATFORM_CODE] = LIFE_DRIVER_CODE,
	[PLATFORM_ISSUED] = LIFE_DRIVER_ISSUED,
	[PLATFORM_BOUND] = LIFE_DRIVER_BOUND,
	[PLATFORM_DONE] = LIFE_EVENTS,
	[PLATFORM_REJECTED] = LIFE_DRIVER_REJECTED,
	[PLATFORM_EXPIRED] = LIFE_DRIVER_EXPIRED,
	[PLATFORM_REFUSED] = LIFE_DRIVER_REFUSED,
	[PLATFORM_LEAK] = LIFE_DRIVER_LEAK,
	[PLATFORM_FAILED] = LIFE_EVENTS,
};

static int on_advance_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void again_after(struct device_host *part, uint64_t delay_usec)
{
	int r = loop_timer_set(part->host->loop, &part->advance_timer, delay_usec, on_advance_timer,
		part, "platform-advance");

	if (r < 0)
		log_device(LOG_ERR, part->device->record->id,
			"The next step towards the platform could not be planned: %s.",
			strerror(-r));
}

static void report(
	struct device_host *part, enum life_event event, const struct platform_step *step)
{
	const struct submission submission = {
		.event = event,
		.blob = step->verdict == PLATFORM_ISSUED ? secret_span(&step->credential)
							 : secret_span(&step->blob),
		.code = secret_span(&step->code),
		.expires = step->expires,
		.platform_id = step->verdict == PLATFORM_BOUND ? step->platform_id : NULL,
	};

	host_submit(part->host, part->device, &submission);
}

static void take_verdict(struct device_host *part, struct platform_step *step)
{
	enum life_event event = event_of_verdict[step->verdict];
	const char *id = part->device->record->id;
	bool waits = step->verdict == PLATFORM_PROGRESS || step->verdict == PLATFORM_CODE;

	if (step->verdict == PLATFORM_FAILED) {
		event = step->final ? LIFE_DRIVER_FAILED_FINAL : LIFE_DRIVER_FAILED_RETRY;
		log_device(LOG_WARNING, id, "The platform step failed%s: %s.",
			step->final ? " for good" : ", it is tried again",
			step->why ? step->why : "no reason given");
	} else {
		backoff_reset(&part->advance_backoff);
	}
	if (waits && step->request.transport != PLATFORM_NO_REQUEST) {
		/* No driver in the table asks for a request over this gateway's transports; one
		 * that does is a fault of the build. */
		log_device(LOG_ERR, id,
			"The driver asked for a request that this gateway cannot carry out.");
		event = LIFE_DRIVER_FAILED_FINAL;
		waits = false;
	}
	if (waits && step->wait_usec)
		again_after(part, step->wait_usec);
	if (event != LIFE_EVENTS)
		report(part, event, step);
}

void platform_host_work(struct host *host, struct device *device, enum platform_work work)
{
	struct device_host *part = device_host(device);
	const struct platform_driver *driver = platform_host_driver(host, device);
	const struct local_settings local = {.lease = host->config->local_lease};
	const struct platform_device seen = {.record = device->record, .settings = &local};
	const struct platform_answer no_answer = {.present = false};
	CLEANUP(step_cleanup) struct platform_step step = {.verdict = PLATFORM_FAILED};
	int r;

	if (!driver) {
		step.final = true;
		step.why = "its platform is not one of this gateway's";
		take_verdict(part, &step);
		return;
	}
	r = driver->advance(platform_host_services(), &seen, work, &no_answer, &step);
	if (r < 0) {
		platform_step_clear(&step);
		step = (struct platform_step){.verdict = PLATFORM_FAILED, .why = strerror(-r)};
	}
	take_verdict(part, &step);
}

static bool is_refreshing(const struct lifecycle *life)
{
	return life->credential == CREDENTIAL_RENEWING || life->credential == CREDENTIAL_EXPIRED;
}

void platform_host_back_off(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	if (operation_is_open(device->record->life.operation) ||
		is_refreshing(&device->record->life))
		again_after(part, backoff_next(&part->advance_backoff));
}

void platform_host_advance(struct host *host, struct device *device)
{
	const struct lifecycle *life = &device->record->life;

	switch (life->operation) {
	case OPERATION_OPENING:
		platform_host_work(host, device, PLATFORM_PROVISION);
		break;
	case OPERATION_AWAITING:
		platform_host_work(host, device,
			life->operation_approved ? PLATFORM_APPROVE : PLATFORM_PROVISION);
		break;
	case OPERATION_ISSUED:
		platform_host_work(host, device, PLATFORM_BIND);
		break;
	case OPERATION_NONE:
	case OPERATION_BOUND:
	case OPERATION_REJECTED:
	case OPERATION_EXPIRED:
	case OPERATION_FAILED:
	case OPERATION_STATES:
		if (is_refreshing(life))
			platform_host_work(host, device, PLATFORM_REFRESH);
		break;
	}
}

static int on_advance_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	platform_host_advance(part->host, part->device);
	return 0;
}

/* ---- clocks ---- */

static void submit_event(struct device_host *part, enum life_event event)
{
	const struct submission submission = {.event = event};

	host_submit(part->host, part->device, &submission);
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
	submit_event(userdata, LIFE_OPERATION_LAPSED);
	return 0;
}

static int on_renew(sd_event_source *source, uint64_t usec, void *userdata)
{
	submit_event(userdata, LIFE_RENEW_DUE);
	return 0;
}

static int on_lapse(sd_event_source *source, uint64_t usec, void *userdata)
{
	submit_event(userdata, LIFE_CREDENTIAL_LAPSED);
	return 0;
}

static void arm(struct device_host *part, sd_event_source **timer, int64_t at, int64_t now,
	sd_event_time_handler_t handler, const char *what)
{
	uint64_t delay = at > now ? (uint64_t)(at - now) * USEC_PER_MSEC : 0;
	int r = loop_timer_set(part->host->loop, timer, delay, handler, part, what);

	if (r < 0)
		log_device(LOG_ERR, part->device->record->id,
			"The timer '%s' could not be set: %s.", what, strerror(-r));
}

/* Half of the life, and up to a twentieth of it earlier, so that a thousand devices do not refresh
 * at once. */
static int64_t renew_at(const struct lifecycle *life)
{
	int64_t lifetime = life->credential_expires - life->credential_since;

	return life->credential_since + lifetime / 2 -
	       (int64_t)(random_uint64() % (uint64_t)(lifetime / 20 + 1));
}

void platform_host_set_timers(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	const struct lifecycle *life = &device->record->life;
	int64_t now = clock_wall_msec();

	loop_timer_stop(part->expiry_timer);
	loop_timer_stop(part->renew_timer);
	loop_timer_stop(part->lapse_timer);
	if (!operation_is_open(life->operation) && !is_refreshing(life))
		loop_timer_stop(part->advance_timer);
	if (operation_is_open(life->operation) && life->operation_expires)
		arm(part, &part->expiry_timer, life->operation_expires, now, on_expiry,
			"operation-expiry");
	if (!credential_is_usable(life->credential) || !life->credential_expires)
		return;
	arm(part, &part->lapse_timer, life->credential_expires, now, on_lapse, "credential-lapse");
	if (life->credential == CREDENTIAL_HELD)
		arm(part, &part->renew_timer, renew_at(life), now, on_renew, "credential-renew");
}
