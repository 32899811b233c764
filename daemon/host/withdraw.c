/* SPDX-License-Identifier: Apache-2.0 */

/* Each withdrawal goes its way by itself: there are few, and one that its platform does not take
 * must not hold up the next. */

#include "host/withdraw.h"
#include "host/journal.h"
#include "host/platform-host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/platform-ask.h"

#define SETTLE_USEC	  (5 * USEC_PER_SEC)
#define LOOK_USEC	  (USEC_PER_SEC / 4)
#define BACKOFF_BASE_USEC USEC_PER_SEC
#define BACKOFF_CAP_USEC  (300 * USEC_PER_SEC)
#define ALARM_USEC	  (300 * USEC_PER_SEC) /* for so long it may well be an outage */

struct withdrawing {
	struct withdrawing *next;
	struct host *host;
	struct withdrawal *what;
	struct platform_ask *ask; /* or NULL */
	sd_event_source *timer;
	struct backoff backoff;
	uint64_t begun_usec; /* boot time */
	bool told;	     /* that it does not get through */
	bool confirmed;	     /* its row is being deleted */
};

DEFINE_CLEANUP(struct device_record *, device_record_free, cleanup_record)
DEFINE_CLEANUP(struct withdrawal *, withdrawal_free, cleanup_withdrawal)

static void step_cleanup(struct platform_step *step)
{
	platform_step_clear(step);
}

static struct withdrawing *withdrawing_free(struct withdrawing *one)
{
	if (!one)
		return NULL;
	platform_ask_cancel(one->ask);
	loop_source_free(one->timer);
	withdrawal_free(one->what);
	free(one);
	return NULL;
}

static void unlink_one(struct withdrawing *one)
{
	struct withdrawing **at = &one->host->withdrawings;

	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
}

/* ---- to the platform ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void again_after(struct withdrawing *one, uint64_t delay_usec)
{
	int r = loop_timer_set(
		one->host->loop, &one->timer, delay_usec, on_timer, one, "withdrawal");

	if (r < 0)
		log_device(LOG_ERR, one->what->device_id, "No timer for its withdrawal: %s.",
			strerror(-r));
}

/* The last one that was owed about this device is confirmed. */
static void calm(struct host *host, const char *device_id)
{
	for (const struct withdrawing *one = host->withdrawings; one; one = one->next)
		if (!strcmp(one->what->device_id, device_id))
			return;
	host_alarm_clear(host, ALARM_NOT_WITHDRAWN, device_id);
}

static void on_dropped(void *userdata, int result, const char *head)
{
	struct withdrawing *one = userdata;

	one->confirmed = false;
	host_saved(one->host, result, head);
	if (result < 0) {
		/* Its row is there still: asked once more it is confirmed once more. */
		again_after(one, backoff_next(&one->backoff));
		return;
	}
	unlink_one(one);
	calm(one->host, one->what->device_id);
	withdrawing_free(one);
}

static void finish(struct withdrawing *one)
{
	struct change *change = NULL;
	int r = change_new(&change);

	if (r >= 0)
		r = change_drop_withdrawal(change, one->what->row);
	if (r < 0) {
		change_free(change);
		again_after(one, backoff_next(&one->backoff));
		return;
	}
	one->confirmed = true;
	loop_timer_stop(one->timer);
	store_save(one->host->store, change, on_dropped, one);
}

static void not_through(struct withdrawing *one, const char *why)
{
	if (!one->told)
		log_device(LOG_WARNING, one->what->device_id,
			"Its platform does not know yet that %s is over: %s. It is told again "
			"until it confirms it.",
			one->what->cancel ? "its operation" : "its credential", why);
	one->told = true;
	if (clock_boot_usec() - one->begun_usec >= ALARM_USEC)
		host_alarm_raise(one->host, ALARM_NOT_WITHDRAWN, one->what->device_id);
	again_after(one, backoff_next(&one->backoff));
}

/* The record that its driver sees: what is left of the device is its name. */
static void call(struct withdrawing *one, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	struct device_record record = {.life.operation_blob = one->what->blob};

	memcpy(record.id, one->what->device_id, sizeof(record.id));
	memcpy(record.ep, one->what->ep, sizeof(record.ep));
	memcpy(record.platform, one->what->platform, sizeof(record.platform));
	platform_host_call(one->host, &record,
		one->what->cancel ? PLATFORM_CANCEL : PLATFORM_REVOKE, answer, ret_step);
}

static void on_answer(void *userdata, int result, struct span body)
{
	struct withdrawing *one = userdata;
	const struct platform_answer answer = {.present = true, .result = result, .body = body};
	CLEANUP(step_cleanup) struct platform_step step;

	one->ask = NULL;
	call(one, &answer, &step);
	if (step.verdict == PLATFORM_DONE)
		finish(one);
	else
		not_through(one, result < 0 ? strerror(-result) : step.why ? step.why : "refused");
}

static void ask(struct withdrawing *one)
{
	static const struct platform_answer none;
	CLEANUP(step_cleanup) struct platform_step step;
	int r;

	call(one, &none, &step);
	if (step.verdict == PLATFORM_DONE) {
		finish(one);
		return;
	}
	r = step.request.transport == PLATFORM_MQTT
		    ? platform_ask_send(one->host, &step.request, on_answer, one, &one->ask)
		    : -EPROTONOSUPPORT;
	if (r < 0)
		not_through(one, strerror(-r));
}

/* What is still said of the device under its account goes before: its last status. */
static bool session_is_ending(const struct withdrawing *one)
{
	const struct device *device = registry_by_id(one->host->registry, one->what->device_id);

	return device && device_host(device)->session &&
	       clock_boot_usec() - one->begun_usec < SETTLE_USEC;
}

static void look(struct withdrawing *one)
{
	if (one->ask || one->confirmed || one->host->stopping)
		return;
	if (session_is_ending(one))
		again_after(one, LOOK_USEC);
	else
		ask(one);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	look(userdata);
	return 0;
}

void withdraw_on_connected(struct host *host)
{
	struct withdrawing *one, *next;

	for (one = host->withdrawings; one; one = next) {
		next = one->next;
		backoff_reset(&one->backoff);
		look(one);
	}
}

/* ---- from the record ---- */

static int withdrawing_new(struct host *host, struct withdrawal *what, struct withdrawing **ret)
{
	struct withdrawing *one = calloc(1, sizeof(*one));

	if (!one)
		return -ENOMEM;
	one->host = host;
	one->what = what;
	one->begun_usec = clock_boot_usec();
	one->backoff =
		(struct backoff){.base_usec = BACKOFF_BASE_USEC, .cap_usec = BACKOFF_CAP_USEC};
	*ret = one;
	return 0;
}

static int note(struct device_host *part, const struct device_record *gone, bool cancel,
	struct change *change)
{
	static const struct platform_answer none;
	CLEANUP(step_cleanup) struct platform_step step;
	CLEANUP(cleanup_withdrawal) struct withdrawal *what = NULL;
	int r;

	platform_host_call(
		part->host, gone, cancel ? PLATFORM_CANCEL : PLATFORM_REVOKE, &none, &step);
	/* It could not even be made up, for lack of memory: the change has to wait, or nobody would
	 * ever be told. */
	if (step.verdict == PLATFORM_FAILED && !step.final)
		return -ENOMEM;
	if (step.verdict != PLATFORM_PROGRESS)
		return 0;
	r = withdrawal_new(gone, cancel, secret_span(&step.blob), &what);
	if (r < 0)
		return r;
	what->row = part->host->next_withdrawal;
	what->since = clock_wall_msec();
	r = change_put_withdrawal(change, what);
	if (r >= 0)
		r = withdrawing_new(part->host, what, &part->withdrawing);
	if (r < 0)
		return r;
	STEAL(what);
	part->host->next_withdrawal++;
	return 0;
}

int withdraw_note(struct device_host *part, const struct device_record *next, struct change *change)
{
	const struct device_record *before = part->device->record;
	const struct platform_driver *driver = platform_driver_by_name(before->platform);
	CLEANUP(cleanup_record) struct device_record *gone = NULL;
	int r;

	withdraw_settle(part, -ECANCELED); /* of a change that was never handed to the store */
	if (!driver || !(driver->describe()->supports & PLATFORM_WITHDRAWS))
		return 0;
	r = withdrawal_of_change(before, next, &gone);
	if (r <= 0)
		return r;
	return note(part, gone,
		operation_is_open(before->life.operation) && gone->life.operation_blob.size > 0,
		change);
}

static void begin(struct host *host, struct withdrawing *one)
{
	one->next = host->withdrawings;
	host->withdrawings = one;
}

void withdraw_settle(struct device_host *part, int result)
{
	struct withdrawing *one = part->withdrawing;

	part->withdrawing = NULL;
	if (!one)
		return;
	if (result < 0) {
		withdrawing_free(one);
		return;
	}
	begin(part->host, one);
	again_after(one, LOOK_USEC);
}

int withdraw_load(struct host *host, struct withdrawal *what)
{
	struct withdrawing *one;
	int r = withdrawing_new(host, what, &one);

	if (r < 0)
		withdrawal_free(what);
	else
		begin(host, one);
	return r;
}

void withdrawings_free_all(struct host *host)
{
	while (host->withdrawings) {
		struct withdrawing *one = host->withdrawings;

		host->withdrawings = one->next;
		withdrawing_free(one);
	}
}
