/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The window that a scanned label opens for itself: 24 hours, on disk with the label, listed, and
 * cancelled by hand. It ends when the device was taken in, when somebody decided otherwise about
 * that device, or by its time. A label that was never proved goes with its window, unless an
 * administrator imported it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/act.h"
#include "host/claim-host.h"
#include "host/effect.h"
#include "host/journal.h"
#include "host/label-host.h"
#include "host/scan-host.h"
#include "host/token-host.h"

/* The wall clock may be set: it is looked at from time to time. */
#define LOOK_MSEC INT64_C(3600000)

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

static struct kept_label *label_of(const struct host *host, const char *ep)
{
	struct kept_label *kept = label_book_find(&host->labels, ep);

	return kept && !strcmp(kept->label.ep, ep) ? kept : NULL;
}

bool scan_is_open(const struct host *host, const char *ep)
{
	const struct kept_label *kept = label_of(host, ep);

	return kept && kept_label_is_open(kept, clock_wall_msec());
}

/* ---- its end ---- */

struct closing {
	struct host *host;
	char ep[EP_MAX + 1];
	int64_t until; /* of the window that ends */
	bool drop;
	act_done_fn done;
	void *userdata;
};

static void on_closed(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_free) struct closing *closing = userdata;
	struct host *host = closing->host;
	struct kept_label *kept = label_of(host, closing->ep);

	host_saved(host, result, head);
	if (result < 0) {
		if (closing->done)
			import_not_stored(closing->done, closing->userdata, result);
		return;
	}
	if (kept && kept->window && kept->window->until == closing->until) {
		if (closing->drop) {
			label_book_drop(&host->labels, closing->ep);
			label_keys_changed(host);
		} else {
			kept_label_set_window(kept, NULL);
		}
	}
	host_touch(host);
	scan_plan(host);
	if (closing->done)
		import_answer(closing->done, closing->userdata, ACT_DONE, 0,
			"This label is not waited for any more.");
}

/* A label that nobody proved is of no use to anybody. */
static bool is_of_use(const struct host *host, const struct kept_label *kept)
{
	const struct device *device = registry_by_ep(host->registry, kept->label.ep);

	return kept->imported || (device && !strcmp(device->record->ep, kept->label.ep) &&
					 device->record->trust >= TRUST_CLAIMED);
}

/* Nothing but the window is written: while this is under way the label may be dropped or imported,
 * and is not to come back. */
static int change_of(const struct kept_label *kept, bool drop, const struct audit_row *audit,
	struct change **ret_change)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	const char *ep = kept->label.ep;
	int64_t until = kept->window->until;
	int r = change_new(&change);

	if (r >= 0)
		r = drop ? change_drop_window(change, ep, until)
			 : change_close_window(change, ep, until);
	if (r >= 0 && audit)
		r = change_append_audit(change, audit);
	if (r >= 0)
		*ret_change = STEAL(change);
	return r;
}

/* 'audit' NULL: another row says it. */
static void close_window(struct host *host, const struct kept_label *kept,
	const struct audit_row *audit, act_done_fn done, void *userdata)
{
	struct closing *closing = malloc(sizeof(*closing));
	struct change *change = NULL;
	bool drop = !is_of_use(host, kept);
	int r = closing ? change_of(kept, drop, audit, &change) : -ENOMEM;

	if (r < 0) {
		free(closing);
		if (done)
			import_not_stored(done, userdata, r);
		return;
	}
	*closing = (struct closing){.host = host,
		.until = kept->window->until,
		.drop = drop,
		.done = done,
		.userdata = userdata};
	memcpy(closing->ep, kept->label.ep, sizeof(closing->ep));
	store_save(host->store, change, on_closed, closing);
}

void scan_end(struct host *host, const char *ep)
{
	const struct kept_label *kept = label_of(host, ep);

	if (kept && kept->window)
		close_window(host, kept, NULL, NULL, NULL);
}

void scan_cancel(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	const struct kept_label *kept = label_book_find(&host->labels, act->ep);
	struct audit_row audit;

	if (!kept || !kept_label_is_open(kept, clock_wall_msec())) {
		import_answer(done, userdata, ACT_UNKNOWN, 0,
			"No label of this name waits for its device.");
		return;
	}
	audit_of_act(act, kept->label.ep, "", audit_result(AUDIT_DONE), &audit);
	close_window(host, kept, &audit, done, userdata);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	scan_plan(userdata);
	return 0;
}

void scan_plan(struct host *host)
{
	int64_t now = clock_wall_msec(), left = INT64_MAX;
	struct audit_row audit;
	int r = 0;

	for (size_t i = 0; i < host->labels.count; i++) {
		const struct kept_label *kept = host->labels.kept[i];

		if (!kept->window)
			continue;
		if (left > LOOK_MSEC)
			left = LOOK_MSEC;
		if (kept_label_is_open(kept, now)) {
			if (kept->window->until - now < left)
				left = kept->window->until - now;
			continue;
		}
		audit_row_init(&audit, "gateway", "", "", ACT_LABEL_SCAN, kept->label.ep, "",
			audit_result(AUDIT_LABEL_OVER));
		close_window(host, kept, &audit, NULL, NULL);
	}
	if (left == INT64_MAX)
		loop_timer_stop(host->scan_timer);
	else
		r = loop_timer_set(host->loop, &host->scan_timer, (uint64_t)(left + 1) * 1000,
			on_look, host, "label-windows");
	if (r < 0)
		log_error("The timer of scanned labels could not be set: %s.", strerror(-r));
}

/* ---- taking in ---- */

bool scan_has_proved(const struct device *device, const struct label *label)
{
	char mark[LABEL_MARK_SIZE];

	label_mark(label, mark);
	return device->record->trust >= TRUST_CLAIMED &&
	       !strcmp(device->record->proved_label, mark);
}

struct scan_edit {
	struct label_window window;
	int64_t now;
};

static int edit_taken_in(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct scan_edit *edit = argument;
	const struct label_window *window = &edit->window;

	if (next->trust < TRUST_CLAIMED)
		return -ESTALE;
	if (window->name[0])
		memcpy(next->name, window->name, sizeof(next->name));
	if (window->place[0])
		memcpy(next->place, window->place, sizeof(next->place));
	if (window->owner[0])
		memcpy(next->owner, window->owner, sizeof(next->owner));
	memcpy(next->decided_by, window->opened_by, sizeof(next->decided_by));
	next->evidence = EVIDENCE_LABEL;
	next->decided_at = edit->now;
	next->released = false;
	next->code_tries = 0;
	next->code_locked = false;
	return 0;
}

static void on_taken_in(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct host *host = userdata;

	if (!device)
		return;
	device_host(device)->taking_in = false;
	if (result == SUBMIT_DONE || result == SUBMIT_IGNORED)
		scan_end(host, device->record->ep);
	else
		log_device(LOG_WARNING, device->record->id,
			"It proved its label and could not be taken in: %s",
			why ? why : "it could not be saved.");
}

static void submit(struct host *host, struct device *device, const struct kept_label *kept)
{
	struct scan_edit edit = {.window = *kept->window, .now = clock_wall_msec()};
	enum life_event event = act_approves_here(host, device) ? LIFE_APPROVE : LIFE_ADMIT;
	struct audit_row audit;

	audit_row_init(&audit, kept->window->opened_by, "", "label",
		event == LIFE_APPROVE ? ACT_APPROVE : ACT_ADMIT, device->record->id, "label",
		audit_result(AUDIT_DONE));
	device_host(device)->taking_in = true;
	host_submit(host, device,
		&(const struct submission){
			.event = event,
			.edit = edit_taken_in,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.audit = &audit,
			.done = on_taken_in,
			.userdata = host,
		});
}

void scan_look(struct host *host, struct device *device)
{
	const struct kept_label *kept = label_of(host, device->record->ep);
	const struct lifecycle *life = &device->record->life;

	if (!kept || !kept->window || !kept_label_is_open(kept, clock_wall_msec()) ||
		!scan_has_proved(device, &kept->label) || device_host(device)->taking_in ||
		life->admission == ADMISSION_BLOCKED || life->admission == ADMISSION_SUSPENDED)
		return;
	if (life->admission == ADMISSION_ADMITTED && life->operation != OPERATION_AWAITING)
		scan_end(host, device->record->ep);
	else if (!token_is_missing(host, device))
		submit(host, device, kept);
}
