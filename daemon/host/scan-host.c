/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A label that is scanned or typed: for one device that is looked at, or first of all, when nothing
 * was heard of the device. It is the decision about that device either way:
 *
 *	another label of the name is known, or
 *	the device proved something else	a wrong code, counted as such
 *	the device has proved it		taken in at once
 *	the device has proved nothing yet	the label is kept, with a window of 24 hours for it
 *						alone: whoever proves it is taken in (scan-window.c)
 *
 * What is kept are the derived keys. Check characters that do not fit are no try: somebody misread.
 */

#include "host/scan-host.h"
#include "host/act.h"
#include "host/enrol.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "core/label-scan.h"
#include "host/claim-host.h"
#include "host/label-host.h"
#include "host/sighted.h"
#include "host/token-host.h"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)
DEFINE_CLEANUP(struct kept_label *, kept_label_free, cleanup_kept)

bool scan_is_label(const struct act_call *call, const struct device *device)
{
	return label_is_scan(span_from_string(call->act.code)) &&
	       !(device && act_code_fits(device->record, call->act.code));
}

static bool read_label(struct act_call *call, const char *ep, struct label *ret_label)
{
	enum label_verdict verdict = LABEL_FOREIGN;
	char why[LABEL_WHY_SIZE];
	int r = label_scan(span_from_string(call->act.code), ep, ret_label, &verdict);

	if (r >= 0 && verdict == LABEL_TAKEN)
		return true;
	if (r == -EINVAL)
		act_call_done(call, ACT_BAD_INPUT, 0, "That is no name of a device.");
	else if (r < 0)
		act_call_done(call, ACT_NOT_STORED, 0, "The code could not be read.");
	else
		act_call_done(call, ACT_BAD_INPUT, 0, label_why(verdict, ep, why));
	return false;
}

/* ---- is it the label? ---- */

enum fit { FIT_RIGHT, FIT_WRONG, FIT_UNKNOWN };

static enum fit fit_of(
	const struct host *host, const struct device *device, const struct label *label)
{
	const struct kept_label *kept = label_book_find(&host->labels, label->ep);
	struct claim_proof proof;
	bool fits = false;

	if (kept && !crypto_equal(kept->label.digest, label->digest, sizeof(label->digest)))
		return FIT_WRONG;
	if (device && kept && scan_has_proved(device, label))
		return FIT_RIGHT;
	if (!device || claim_proof_read(device->record->kept_proof, &proof) < 0)
		return FIT_UNKNOWN;
	return claim_fits(&proof, label, device->record->ep, &fits) >= 0 && fits ? FIT_RIGHT
										 : FIT_WRONG;
}

/* A label that fits by its check characters and is not the one that is known. */
static void on_wrong_audited(void *userdata, int result, const char *head)
{
	struct act_call *call = userdata;

	if (result < 0)
		act_call_done(call, ACT_NOT_STORED, 0, "It could not be written to the journal.");
	else
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"Another label of this name is known. Cancel the one that was scanned, or "
			"let an administrator import the right one (gatehousectl codes).");
}

static void wrong_label(struct act_call *call, struct device *device, const char *ep)
{
	struct audit_row audit;

	if (device) {
		act_code_wrong(call, device);
		return;
	}
	act_code_count_wrong(call->host);
	audit_of_act(&call->act, ep, "", audit_result(AUDIT_WRONG_CODE), &audit);
	host_audit(call->host, &audit, on_wrong_audited, call);
}

/* ---- keeping it ---- */

struct keeping {
	struct act_call *call;
	struct label_list list; /* the same once more, for the book */
	bool open;
};

static struct keeping *keeping_free(struct keeping *keeping)
{
	if (keeping) {
		label_list_clear(&keeping->list);
		free(keeping);
	}
	return NULL;
}
DEFINE_CLEANUP(struct keeping *, keeping_free, cleanup_keeping)

/* 'claimed': the label that its kept proof is of; NULL: the record says it already. */
static void decide(struct act_call *call, struct device *device, const struct label *claimed)
{
	bool admits = call->act.kind == ACT_ADMIT ||
		      !act_approves_at(call->host, act_platform_name(&call->act, device));
	struct act_edit edit;

	act_edit_init(&call->act, &edit);
	edit.decides = true;
	edit.right_code = true;
	edit.evidence = EVIDENCE_LABEL;
	if (claimed) {
		label_mark(claimed, edit.claimed);
		edit.claimed_from = device->record->address;
	}
	act_submit(call, device, admits ? LIFE_ADMIT : LIFE_APPROVE, &edit, act_submitted);
}

/* It proved the label before that was known. */
static void take_in(struct act_call *call, struct device *device)
{
	const struct label *label = claim_host_label(call->host, device);

	if (label && scan_has_proved(device, label))
		decide(call, device, NULL);
	else if (label && claim_host_kept_is_right(call->host, device, label))
		decide(call, device, label);
	else
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"It proved something else meanwhile. Scan the label again.");
}

static void on_kept(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_keeping) struct keeping *keeping = userdata;
	struct act_call *call = keeping->call;
	struct host *host = call->host;
	struct device *device;
	char ep[EP_MAX + 1], text[200];

	host->scan_saving = false;
	host_saved(host, result, head);
	if (result < 0) {
		act_call_done(
			call, ACT_NOT_STORED, 0, "It could not be saved: nothing was changed.");
		return;
	}
	memcpy(ep, keeping->list.first->label.ep, sizeof(ep));
	label_book_put(&host->labels, &keeping->list);
	label_keys_changed(host);
	host_touch(host);
	device = registry_by_ep(host->registry, ep);
	if (!keeping->open && device && !strcmp(device->record->ep, ep)) {
		take_in(call, device);
		return;
	}
	scan_plan(host);
	snprintf(text, sizeof(text),
		"The label of %s is kept. The device is taken in as soon as it proves it, within "
		"24 hours.",
		ep);
	act_call_done(call, ACT_DONE, 0, text);
	if (device)
		enrol_consider(host, device);
	claim_host_look(host);
	if (device)
		scan_look(host, device);
}

static void fill_window(const struct act *act, struct label_window *ret_window)
{
	*ret_window = (struct label_window){.until = clock_wall_msec() + LABEL_WINDOW_MSEC};
	snprintf(ret_window->opened_by, sizeof(ret_window->opened_by), "%s", act->who);
	memcpy(ret_window->name, act->name, sizeof(ret_window->name));
	memcpy(ret_window->place, act->place, sizeof(ret_window->place));
	memcpy(ret_window->owner, act->owner, sizeof(ret_window->owner));
}

static int kept_of(
	struct act_call *call, const struct label *label, bool open, struct kept_label **ret_kept)
{
	const struct kept_label *known = label_book_find(&call->host->labels, label->ep);
	CLEANUP(cleanup_kept) struct kept_label *kept = NULL;
	struct label_window window;
	int r = kept_label_new(label, &kept);

	if (r < 0)
		return r;
	kept->imported = known && known->imported;
	kept->since = known ? known->since : clock_wall_msec();
	fill_window(&call->act, &window);
	if (open)
		r = kept_label_set_window(kept, &window);
	if (r >= 0)
		*ret_kept = STEAL(kept);
	return r;
}

static int change_of(
	struct act_call *call, const struct label_list *list, bool open, struct change **ret_change)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct label_list copy = {0};
	struct audit_row audit;
	int r = label_list_copy(list, &copy);

	audit_of_act(&call->act, list->first->label.ep, "label",
		audit_result(open ? AUDIT_LABEL_WAITS : AUDIT_LABEL_KEPT), &audit);
	if (r >= 0)
		r = change_new(&change);
	if (r >= 0)
		r = change_put_labels(change, &copy);
	if (r >= 0)
		r = change_append_audit(change, &audit);
	label_list_clear(&copy);
	if (r >= 0)
		*ret_change = STEAL(change);
	return r;
}

static bool has_place(struct act_call *call, const struct label *label, bool open)
{
	struct host *host = call->host;
	const struct kept_label *known = label_book_find(&host->labels, label->ep);
	int64_t now = clock_wall_msec();
	enum limit limit = LIMITS;

	if (!known && host->labels.count >= host->limits.value[LIMIT_LABELS])
		limit = LIMIT_LABELS;
	else if (open && !(known && kept_label_is_open(known, now)) &&
		 label_book_count_open(&host->labels, now) >=
			 host->limits.value[LIMIT_LABEL_WINDOWS])
		limit = LIMIT_LABEL_WINDOWS;
	if (limit == LIMITS)
		return true;
	host->limits.reached[limit]++;
	act_call_done(call, ACT_IMPOSSIBLE, 0,
		limit == LIMIT_LABELS
			? "This gateway keeps no more labels (status --limits)."
			: "Too many labels wait for their devices. Cancel some, or wait until they "
			  "are over.");
	return false;
}

static void keep(struct act_call *call, const struct label *label, bool open)
{
	CLEANUP(cleanup_keeping) struct keeping *keeping = NULL;
	struct host *host = call->host;
	struct kept_label *kept = NULL;
	struct change *change = NULL;
	int r;

	if (host->scan_saving) {
		act_call_done(call, ACT_TOO_MANY, 1, "Another label is being saved.");
		return;
	}
	if (!has_place(call, label, open))
		return;
	keeping = calloc(1, sizeof(*keeping));
	r = keeping ? kept_of(call, label, open, &kept) : -ENOMEM;
	if (r >= 0) {
		label_list_add(&keeping->list, kept);
		r = label_book_reserve(&host->labels, host->labels.count + 1);
	}
	if (r >= 0)
		r = change_of(call, &keeping->list, open, &change);
	if (r < 0) {
		act_call_done(call, ACT_NOT_STORED, 0, "The gateway is out of memory.");
		return;
	}
	keeping->call = call;
	keeping->open = open;
	host->scan_saving = true;
	store_save(host->store, change, on_kept, STEAL(keeping));
}

/* ---- the act ---- */

static const char *why_not(const struct device *device)
{
	const struct lifecycle *life = &device->record->life;

	if (life->admission == ADMISSION_BLOCKED)
		return "It is blocked: unblock it first.";
	if (life->admission == ADMISSION_SUSPENDED)
		return "It is suspended: resume it.";
	if (life->admission == ADMISSION_ADMITTED && life->operation != OPERATION_AWAITING)
		return "It is admitted already.";
	return NULL;
}

/* The device that the label is of, when it was not chosen. False when the call is answered. */
static bool find_device(struct act_call *call, const char *ep, struct device **ret_device)
{
	struct device *device = registry_by_ep(call->host->registry, ep);
	char text[200];

	*ret_device = NULL;
	if (!device || (sighted_only(device) && strcmp(device->record->ep, ep) != 0))
		return true;
	if (strcmp(device->record->ep, ep) != 0) {
		snprintf(text, sizeof(text),
			"A device that calls itself %s is known: names that differ in letters' "
			"case "
			"alone are one name.",
			device->record->ep);
		act_call_done(call, ACT_IMPOSSIBLE, 0, text);
		return false;
	}
	memcpy(call->act.device, device->record->id, sizeof(call->act.device));
	*ret_device = device;
	return true;
}

void scan_act(struct act_call *call, struct device *device)
{
	CLEANUP(label_clear) struct label label = {0};
	const char *ep = device ? device->record->ep : call->act.ep[0] ? call->act.ep : NULL;
	const char *why;

	if (!read_label(call, ep, &label))
		return;
	if (!device && !find_device(call, label.ep, &device))
		return;
	why = device ? why_not(device) : NULL;
	if (why) {
		act_call_done(call, ACT_IMPOSSIBLE, 0, why);
		return;
	}
	if ((device && !token_is_there(call, device)) || !act_code_may_try(call, device))
		return;
	switch (fit_of(call->host, device, &label)) {
	case FIT_RIGHT:
		if (claim_host_label(call->host, device))
			take_in(call, device);
		else
			keep(call, &label, false);
		return;
	case FIT_WRONG:
		wrong_label(call, device, label.ep);
		return;
	case FIT_UNKNOWN:
		/* What is kept with a label is who scanned it, name, place and owner. */
		if (call->act.platform[0])
			act_call_done(call, ACT_IMPOSSIBLE, 0,
				"It has not proved its label yet: say the platform when it has, or "
				"scan the label without one.");
		else
			keep(call, &label, true);
		return;
	}
}
