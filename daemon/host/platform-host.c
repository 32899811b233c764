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
 */

#include "host/platform-host.h"
#include "host/effect.h"
#include "host/host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "host/session.h"
#include "host/token-host.h"

static void step_cleanup(struct platform_step *step)
{
	platform_step_clear(step);
}

/* ---- services ---- */

__attribute__((format(printf, 3, 4))) static void driver_log(
	int priority, const char *device_id, const char *format, ...)
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
		.clock_is_synced = clock_is_synced,
		.random = random_bytes,
		.hmac_sha256 = crypto_hmac_sha256,
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
		log_operation(LOG_ERR, part->device->record,
			"The next step towards the platform could not be planned: %s.",
			strerror(-r));
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
	return credential_is_refreshing(life->credential);
}

/* What the driver asked for with its last answer, now that this is on disk. */
static void go_on(struct device_host *part, enum platform_work work, uint64_t wait)
{
	if (!part->request) {
		if (wait)
			again_after(part, wait);
		return;
	}
	part->advancing = platform_request_send(part, work);
	if (!part->advancing)
		platform_host_back_off(part->host, part->device);
}

static void on_reported(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct host *host = userdata;
	struct device_host *part = device ? device_host(device) : NULL;
	enum platform_work work;
	uint64_t wait;
	bool again;

	if (!part)
		return;
	wait = part->advance_wait_usec;
	again = part->advance_again;
	part->advancing = false;
	part->advance_again = false;
	part->advance_wait_usec = 0;
	switch (result) {
	case SUBMIT_REFUSED:
	case SUBMIT_NOT_STORED:
	case SUBMIT_BUSY:
		/* Nothing changed, so the same step is due again. */
		platform_host_back_off(host, device);
		break;
	case SUBMIT_DONE:
	case SUBMIT_IGNORED:
	case SUBMIT_GONE:
		/* Who asked meanwhile does not wait for what the driver waits for. */
		if (again)
			platform_host_advance(host, device);
		else if (work_due(&device->record->life, &work))
			go_on(part, work, wait);
		break;
	}
}

static void report(
	struct device_host *part, enum life_event event, const struct platform_step *step)
{
	struct audit_row audit;
	bool says = platform_word(part->device->record, step, &audit);
	const struct submission submission = {
		.event = event,
		.audit = says ? &audit : NULL,
		.blob = step->verdict == PLATFORM_ISSUED || step->verdict == PLATFORM_BOUND
				? secret_span(&step->credential)
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

/* No driver in the table asks for a request over a transport that this gateway has not; one that
 * does is a fault of the build. */
static bool keep_request(struct device_host *part, struct platform_request *request)
{
	bool there = request->transport == PLATFORM_HTTP ? part->host->http != NULL
		     : request->dial.host[0]		 ? part->host->uplink != NULL
							 : platform_answers(part->host) != NULL;

	if (there && platform_request_keep(part, request) >= 0)
		return true;
	log_operation(LOG_ERR, part->device->record,
		"The driver asked for a request that this gateway cannot carry out.");
	return false;
}

static void tell_trouble(const struct device_host *part, const struct platform_step *step)
{
	const struct device_record *record = part->device->record;

	if (step->trouble == PLATFORM_TOKEN_REFUSED)
		host_alarm_raise(part->host, ALARM_PT_REFUSED, record->id);
	if (step->trouble == PLATFORM_NEXT_WAITS)
		host_alarm_raise(part->host, ALARM_CERTIFICATE_WAITS, record->id);
	if (step->trouble == PLATFORM_ENDS_SOON)
		host_alarm_raise(part->host, ALARM_ENDS_SOON, record->id);
	if (step->trouble == PLATFORM_DISABLED)
		host_alarm_raise(part->host, ALARM_PLATFORM_DISABLED, record->platform);
	/* Only what went well says that it is over. */
	if (step->verdict != PLATFORM_ISSUED && step->verdict != PLATFORM_BOUND &&
		step->verdict != PLATFORM_CODE)
		return;
	if (step->trouble != PLATFORM_TOKEN_REFUSED && step->verdict != PLATFORM_BOUND)
		host_alarm_clear(part->host, ALARM_PT_REFUSED, record->id);
	if (step->verdict == PLATFORM_ISSUED)
		host_alarm_clear(part->host, ALARM_ENDS_SOON, record->id);
	if (step->trouble != PLATFORM_DISABLED)
		host_alarm_clear(part->host, ALARM_PLATFORM_DISABLED, record->platform);
}

static void take_verdict(struct device_host *part, struct platform_step *step)
{
	enum life_event event = event_of_verdict[step->verdict];
	bool waits = step->verdict == PLATFORM_PROGRESS || step->verdict == PLATFORM_CODE;

	part->platform_why = step->why;
	tell_trouble(part, step);
	if (step->verdict == PLATFORM_FAILED) {
		event = step->final ? LIFE_DRIVER_FAILED_FINAL : LIFE_DRIVER_FAILED_RETRY;
		log_operation(LOG_WARNING, part->device->record, "The platform step failed%s: %s.",
			step->final ? " for good" : ", it is tried again",
			step->why ? step->why : "no reason given");
	} else {
		backoff_reset(&part->advance_backoff);
	}
	if (waits_for_person(part, step))
		return;
	if (waits && step->request.transport != PLATFORM_NO_REQUEST &&
		!keep_request(part, &step->request)) {
		event = LIFE_DRIVER_FAILED_FINAL;
		waits = false;
	}
	/* The wait begins when the answer is on disk. */
	part->advance_wait_usec = waits ? step->wait_usec : 0;
	part->advance_when_up = waits && step->or_when_up;
	if (event != LIFE_EVENTS)
		report(part, event, step);
}

/* One call of the driver. *ret_step is always filled. */
static void call_driver(struct host *host, const struct device_record *record,
	enum platform_work work, struct span token, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	const struct platform_driver *driver = platform_driver_by_name(record->platform);
	union platform_settings_room room;
	struct platform_device seen;
	int r;

	platform_host_show(host, record, token, &room, &seen);

	*ret_step = (struct platform_step){.verdict = PLATFORM_FAILED};
	if (!driver) {
		ret_step->final = true;
		ret_step->why = "its platform is not one of this gateway's";
		return;
	}
	r = driver->advance(platform_host_services(), &seen, work, answer, ret_step);
	if (r < 0) {
		platform_step_clear(ret_step);
		*ret_step = (struct platform_step){.verdict = PLATFORM_FAILED, .why = strerror(-r)};
	}
}

static void work_on(struct device_host *part, enum platform_work work, struct span token)
{
	CLEANUP(step_cleanup) struct platform_step step;
	struct platform_answer answer;

	platform_request_answer(part, work, &answer);
	part->retry_after = answer.retry_after;
	call_driver(part->host, part->device->record, work, token, &answer, &step);
	platform_request_drop(part);
	take_verdict(part, &step);
}

void platform_host_call(struct host *host, const struct device_record *record,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	call_driver(host, record, work, (struct span){0}, answer, ret_step);
}

void platform_host_withdraw(
	struct host *host, const struct device_record *before, enum platform_work work)
{
	CLEANUP(step_cleanup) struct platform_step step = {.verdict = PLATFORM_DONE};
	const struct platform_answer no_answer = {.present = false};
	const struct platform_driver *driver = platform_driver_by_name(before->platform);

	if (driver && driver->describe()->supports & PLATFORM_WITHDRAWS)
		return;
	call_driver(host, before, work, (struct span){0}, &no_answer, &step);
	if (step.verdict != PLATFORM_DONE)
		log_device(LOG_WARNING, before->id,
			"The platform could not be told that it is over: %s.",
			step.why ? step.why : "no reason given");
}

bool platform_host_has_work(const struct device *device)
{
	enum platform_work work;

	return work_due(&device->record->life, &work);
}

/* Not sooner than the platform asked for, and not all at once then. */
void platform_host_back_off(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	uint64_t delay = backoff_next(&part->advance_backoff), asked;
	enum platform_work work;

	asked = part->retry_after * USEC_PER_SEC;
	asked += asked ? random_uint64() % (asked / 10) : 0;
	part->retry_after = 0;
	if (work_due(&device->record->life, &work))
		again_after(part, delay > asked ? delay : asked);
}

/* What is due may be another step than when the token was asked for. */
static void on_token(struct device_host *part, int result, struct span token)
{
	enum platform_work work;

	part->advancing = false;
	part->advance_again = false;
	if (!work_due(&part->device->record->life, &work))
		return;
	if (result < 0)
		platform_host_back_off(part->host, part->device);
	else
		work_on(part, work, token);
}

/* The next call of the driver, with the token that it needs and the answer that is there. */
static void take_step(struct device_host *part, enum platform_work work)
{
	loop_timer_stop(part->advance_timer);
	part->advancing = true;
	if (token_fetch(part, work, on_token))
		return;
	part->advancing = false;
	work_on(part, work, (struct span){0});
}

void platform_host_answered(struct device_host *part)
{
	enum platform_work work;

	part->advancing = false;
	if (work_due(&part->device->record->life, &work))
		take_step(part, work);
	else
		platform_request_drop(part);
}

void platform_host_advance(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	enum platform_work work;

	if (!work_due(&device->record->life, &work))
		return;
	if (part->advancing) {
		part->advance_again = true;
		return;
	}
	take_step(part, work);
}

void platform_host_on_up(struct host *host, struct device *device)
{
	if (device_host(device)->advance_when_up)
		platform_host_advance(host, device);
}

static int on_advance_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	platform_host_advance(part->host, part->device);
	return 0;
}
