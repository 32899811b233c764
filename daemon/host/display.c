/* SPDX-License-Identifier: Apache-2.0 */

/* One request at a time for each display. What is wanted is read from the record each time, so that
 * a code that is over while it is being shown is cleared next. */

#include "host/display.h"
#include "host/device-host.h"
#include "host/effect.h"
#include "host/journal.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

enum want { WANT_NOTHING, WANT_SHOWN, WANT_CLEARED };

static bool has_code(const struct device_record *record)
{
	return record->info.display && record->life.operation_code.size > 0;
}

void display_note(struct device_record *next)
{
	if (!next->is_server) /* it comes by itself now, and nobody can clear anything there */
		next->display_holds = false;
	else if (has_code(next))
		next->display_holds = true;
}

static enum want wanted(const struct device *device)
{
	const struct device_record *record = device->record;

	if (has_code(record) && record->is_server)
		return device->code_reached == record->life.operation_number ? WANT_NOTHING
									     : WANT_SHOWN;
	return record->display_holds ? WANT_CLEARED : WANT_NOTHING;
}

static void step(struct device_host *part);

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	step(userdata);
	return 0;
}

static void try_later(struct device_host *part, const char *why)
{
	int r = loop_timer_set(part->host->loop, &part->display.timer,
		backoff_next(&part->display.backoff), on_timer, part, "display");

	log_device(LOG_INFO, part->device->record->id, "Its display was not reached: %s.", why);
	if (r < 0)
		log_device(LOG_ERR, part->device->record->id, "No timer for its display: %s.",
			strerror(-r));
}

/* The page then offers to show the code itself. */
static void missed(struct device_host *part)
{
	part->device->code_missed = wanted(part->device) == WANT_SHOWN;
	host_touch(part->host);
}

/* ---- showing ---- */

static void on_put(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	struct device *device = part->device;

	part->display.busy = false;
	if (part->display.asked != device->record->life.operation_number) {
		step(part);
		return;
	}
	if (result >= 0 && code >> 5 == 2) {
		device->code_reached = part->display.asked;
		device->code_missed = false;
		backoff_reset(&part->display.backoff);
		host_touch(part->host);
		step(part);
		return;
	}
	missed(part);
	if (wanted(device) == WANT_CLEARED)
		step(part);
	else if (result < 0 || code >> 5 == 5)
		try_later(part, result < 0 ? strerror(-result) : "it cannot now");
	else
		log_device(LOG_NOTICE, device->record->id, "Its display refuses the code: %u.%02u.",
			code >> 5U, code & 31U);
}

/* ---- clearing ---- */

static int edit_cleared(struct device_record *next, const void *argument, const char **ret_why)
{
	if (has_code(next)) {
		*ret_why = "It holds another code by now.";
		return -ESTALE;
	}
	next->display_holds = false;
	return 0;
}

static void on_cleared(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct device_host *part = userdata;

	if (!part->gone && device) {
		part->display.busy = false;
		if (result == SUBMIT_DONE) {
			backoff_reset(&part->display.backoff);
			step(part);
		} else if (result == SUBMIT_REFUSED) {
			step(part);
		} else {
			try_later(part, "it could not be noted that it is cleared");
		}
	}
	device_host_unpin(part);
}

static void on_delete(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	if (result < 0 || code >> 5 == 5) {
		part->display.busy = false;
		if (wanted(part->device) == WANT_SHOWN)
			step(part);
		else
			try_later(part, result < 0 ? strerror(-result) : "it cannot now");
		return;
	}
	/* Whoever says that there is nothing to clear has nothing to clear. */
	host_submit(part->host, part->device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_cleared,
			.done = on_cleared,
			.userdata = device_host_pin(part),
		});
}

/* ---- what is next ---- */

static int ask(struct device_host *part, enum want want)
{
	const struct lifecycle *life = &part->device->record->life;
	struct device_request request;
	int r;

	if (want == WANT_SHOWN)
		r = part->driver->show_code(
			part->links, secret_span(&life->operation_code), &request);
	else
		r = part->driver->clear_code(part->links, &request);
	if (r < 0)
		return r;
	part->display.asked = life->operation_number;
	r = device_host_ask(part, &request,
		&(const struct device_call){.reply = want == WANT_SHOWN ? on_put : on_delete});
	crypto_wipe(&request, sizeof(request));
	part->display.busy = r >= 0;
	return r;
}

static void step(struct device_host *part)
{
	enum want want = wanted(part->device);
	int r;

	if (part->display.busy || part->host->stopping)
		return;
	loop_timer_stop(part->display.timer);
	if (want == WANT_NOTHING)
		return;
	if (!device_host_is_ready(part)) {
		if (part->display.backoff.tries > 0)
			missed(part);
		try_later(part, "it has not said yet what it is");
		return;
	}
	r = ask(part, want);
	if (r == -ENOTSUP && want == WANT_CLEARED) { /* it has no display any more */
		part->display.busy = true;
		on_delete(part, 0, COAP_CODE(4, 4), -1, (struct span){0});
	} else if (r == -ENOTSUP) {
		missed(part);
	} else if (r < 0) {
		if (r != -EBUSY) /* others are asked at present */
			missed(part);
		try_later(part, strerror(-r));
	}
}

void display_changed(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	device->code_reached = 0;
	device->code_missed = false;
	backoff_reset(&part->display.backoff);
	step(part);
}

void display_look(struct host *host, struct device *device)
{
	step(device_host(device));
}

void display_detach(struct device_host *part)
{
	part->display.timer = loop_source_free(part->display.timer);
}
