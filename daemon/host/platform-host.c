/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs platform drivers. A driver's advance() is one resumable step without state; this file
 * decides when it is called, with what answer, and what becomes of its verdict: every verdict is a
 * submission, so it is on disk before the next step is taken or a request goes out. One verdict is
 * on its way at a time; what asks for a step meanwhile is remembered. A verdict that could not be
 * saved is asked for again after a while. A driver that answers with neither request, wait nor
 * anything new to keep waits for a person. Which work is due is read from the record alone, which
 * is why a restart needs nothing but LIFE_RESTARTED:
 *
 *   operation opening, awaiting -> PROVISION (or APPROVE, when a person has approved here)
 *   operation issued            -> BIND
 *   credential renewing         -> REFRESH
 *
 * The clocks of a device (its operation's end, half of its credential's life, the credential's end)
 * are timers on boot time, set anew whenever the record changes. They look at the wall clock again
 * when they fire, and at least once an hour: a gateway without a clock of its own may start in
 * 1970.
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

#define CLOCK_LOOK_USEC	 (3600 * USEC_PER_SEC)
#define CLOCK_AGAIN_USEC (60 * USEC_PER_SEC) /* after it could not be saved */

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

static void on_reported(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct host *host = userdata;
	struct device_host *part = device ? device_host(device) : NULL;
	bool again;

	if (!part)
		return;
	again = part->advance_again;
	part->advancing = false;
	part->advance_again = false;
	switch (result) {
	case SUBMIT_REFUSED:
	case SUBMIT_NOT_STORED:
	case SUBMIT_BUSY:
		/* Nothing changed, so the same step is due again. */
		part->advance_wait_usec = 0;
		platform_host_back_off(host, device);
		break;
	case SUBMIT_DONE:
	case SUBMIT_IGNORED:
	case SUBMIT_GONE:
		if (again)
			platform_host_advance(host, device);
		break;
	}
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
		.answer_to = part->device->record->life.operation_number,
		.done = on_reported,
		.userdata = part->host,
	};

	part->advancing = true;
	host_submit(part->host, part->device, &submission);
}

static bool waits_for_person(const struct device_host *part, const struct platform_step *step)
{
	const struct lifecycle *life = &part->device->record->life;

	return step->verdict == PLATFORM_PROGRESS &&
	       step->request.transport == PLATFORM_NO_REQUEST && !step->wait_usec &&
	       span_equal(secret_span(&step->blob), secret_span(&life->operation_blob));
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
	if (waits_for_person(part, step))
		return;
	/* The wait begins when the answer is on disk: platform_host_advance(). */
	part->advance_wait_usec = waits ? step->wait_usec : 0;
	if (event != LIFE_EVENTS)
		report(part, event, step);
}

/* One call of the driver. *ret_step is always filled. */
static void call_driver(struct host *host, const struct device_record *record,
	enum platform_work work, struct platform_step *ret_step)
{
	const struct platform_driver *driver = platform_driver_by_name(record->platform);
	const struct local_settings local = {.lease = host->config->local_lease};
	const struct platform_device seen = {.record = record, .settings = &local};
	const struct platform_answer no_answer = {.present = false};
	int r;

	*ret_step = (struct platform_step){.verdict = PLATFORM_FAILED};
	if (!driver) {
		ret_step->final = true;
		ret_step->why = "its platform is not one of this gateway's";
		return;
	}
	r = driver->advance(platform_host_services(), &seen, work, &no_answer, ret_step);
	if (r < 0) {
		platform_step_clear(ret_step);
		*ret_step = (struct platform_step){.verdict = PLATFORM_FAILED, .why = strerror(-r)};
	}
}

static void work_on(struct device_host *part, enum platform_work work)
{
	CLEANUP(step_cleanup) struct platform_step step;

	call_driver(part->host, part->device->record, work, &step);
	take_verdict(part, &step);
}

void platform_host_withdraw(
	struct host *host, const struct device_record *before, enum platform_work work)
{
	CLEANUP(step_cleanup) struct platform_step step;

	call_driver(host, before, work, &step);
	if (step.verdict != PLATFORM_DONE)
		log_device(LOG_WARNING, before->id,
			"The platform could not be told that it is over: %s.",
			step.why ? step.why : "no reason given");
}

static bool is_refreshing(const struct lifecycle *life)
{
	return life->credential == CREDENTIAL_RENEWING || life->credential == CREDENTIAL_EXPIRED;
}

/* Which step is due; false when none is. */
static bool work_due(const struct lifecycle *life, enum platform_work *ret_work)
{
	switch (life->operation) {
	case OPERATION_OPENING:
		*ret_work = PLATFORM_PROVISION;
		return true;
	case OPERATION_AWAITING:
		*ret_work = life->operation_approved ? PLATFORM_APPROVE : PLATFORM_PROVISION;
		return true;
	case OPERATION_ISSUED:
		*ret_work = PLATFORM_BIND;
		return true;
	case OPERATION_NONE:
	case OPERATION_BOUND:
	case OPERATION_REJECTED:
	case OPERATION_EXPIRED:
	case OPERATION_FAILED:
	case OPERATION_STATES:
		break;
	}
	*ret_work = PLATFORM_REFRESH;
	return is_refreshing(life);
}

void platform_host_back_off(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	enum platform_work work;

	if (work_due(&device->record->life, &work))
		again_after(part, backoff_next(&part->advance_backoff));
}

void platform_host_advance(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	uint64_t wait = part->advance_wait_usec;
	enum platform_work work;

	part->advance_wait_usec = 0;
	if (!work_due(&device->record->life, &work))
		return;
	if (wait) {
		again_after(part, wait);
		return;
	}
	if (part->advancing) {
		part->advance_again = true;
		return;
	}
	loop_timer_stop(part->advance_timer);
	work_on(part, work);
}

static int on_advance_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	platform_host_advance(part->host, part->device);
	return 0;
}

/* ---- clocks ---- */

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
	enum platform_work work;

	if (!work_due(&device->record->life, &work))
		loop_timer_stop(part->advance_timer);
	arm_for(part, CLOCK_EXPIRY);
	arm_for(part, CLOCK_RENEW);
	arm_for(part, CLOCK_LAPSE);
}
