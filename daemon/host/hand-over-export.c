/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device leaves. It was suspended by whoever asks, so this gateway speaks for it no more; nothing
 * of it waits, so nothing is lost. Record, token and label are sealed for the other gateway, which
 * is told in the journal, and handed out. Nothing changes here: whoever has the parcel in a safe
 * place revokes the device, which erases its credential, and only then it is imported.
 */

#include "host/act.h"
#include "host/hand-over-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parcel.h"
#include "core/hand-over.h"
#include "host/outbox-host.h"

struct leaving {
	struct act_call *call;
	struct device_host *part; /* pinned */
	uint8_t public_key[PARCEL_KEY];
	uint8_t *parcel;
	size_t size;
};

static void end(struct leaving *leaving, enum act_result result, const char *text)
{
	struct act_outcome outcome = {.result = result};
	struct act_call *call = leaving->call;

	if (result == ACT_DONE)
		outcome.parcel = span_of(leaving->parcel, leaving->size);
	snprintf(outcome.text, sizeof(outcome.text), "%s", text);
	call->done(call->userdata, &outcome);
	free(call);
	device_host_unpin(leaving->part);
	free(leaving->parcel);
	free(leaving);
}

/* NULL, or why it cannot be. */
static const char *hindrance(const struct host *host, const struct device *device)
{
	const struct device_host *part = device_host(device);
	const char *why = hand_over_hindrance(&device->record->life);

	if (why)
		return why;
	if (device->saving || part->inputs || part->draining)
		return "Something about this device is under way; try again in a moment.";
	if (owed_device_count(host->owed, device->record->row))
		return "Readings of it wait here. Resume it until they are delivered, then suspend "
		       "it again.";
	return NULL;
}

static void on_audited(void *userdata, int result, const char *head)
{
	if (result < 0)
		end(userdata, ACT_NOT_STORED,
			"It could not be written to the journal, so it was not done.");
	else
		end(userdata, ACT_DONE,
			"Sealed for the other gateway. Revoke it here before it is imported "
			"there.");
}

static int seal(struct leaving *leaving, struct span token)
{
	struct host *host = leaving->part->host;
	const struct kept_label *kept;
	struct hand_over out = {.record = leaving->part->device->record};
	char *text;
	int r = secret_set(&out.token, token);

	kept = label_book_find(&host->labels, out.record->ep);
	out.has_label = kept != NULL;
	if (kept)
		out.label = kept->label;
	snprintf(out.from, sizeof(out.from), "%s", host->config->id);
	if (r >= 0)
		r = hand_over_write(&out, &text);
	if (r >= 0) {
		r = parcel_seal(leaving->public_key, span_from_string(text), &leaving->parcel,
			&leaving->size);
		crypto_wipe(text, strlen(text));
		free(text);
	}
	out.record = NULL; /* it stays */
	hand_over_clear(&out);
	return r;
}

static void on_token(void *userdata, int result, struct span token)
{
	struct leaving *leaving = userdata;
	struct device_host *part = leaving->part;
	const char *why = part->gone ? "This device was forgotten meanwhile."
				     : hindrance(part->host, part->device);
	struct audit_row audit;
	int r;

	if (!why && result < 0 && result != -ENOENT)
		why = "Its imported token does not open: import it anew first.";
	if (why) {
		end(leaving, part->gone ? ACT_UNKNOWN : ACT_IMPOSSIBLE, why);
		return;
	}
	r = seal(leaving, token);
	if (r < 0) {
		end(leaving, r == -EINVAL ? ACT_BAD_INPUT : ACT_NOT_STORED,
			r == -EINVAL	 ? "\"to\" is no public key."
			: r == -EMSGSIZE ? "There is more about this device than fits."
					 : "It could not be sealed.");
		return;
	}
	audit_of_act(&leaving->call->act, part->device->record->id, "", audit_result(AUDIT_DONE),
		&audit);
	host_audit(part->host, &audit, on_audited, leaving);
}

void hand_over_export(struct act_call *call, struct device *device)
{
	const char *why = hindrance(call->host, device);
	struct leaving *leaving;

	if (why) {
		act_call_done(call, ACT_IMPOSSIBLE, 0, why);
		return;
	}
	leaving = calloc(1, sizeof(*leaving));
	if (!leaving || hex_decode(span_from_string(call->act.secret), leaving->public_key,
				PARCEL_KEY) < 0) {
		act_call_done(call, leaving ? ACT_BAD_INPUT : ACT_NOT_STORED, 0,
			leaving ? "\"to\" must be the other gateway's public key: 64 hex digits "
				  "(gatehousectl key show, there)."
				: "The gateway is out of memory.");
		free(leaving);
		return;
	}
	leaving->call = call;
	leaving->part = device_host_pin(device_host(device));
	store_get_token(
		call->host->store, device->record->platform, device->record->ep, on_token, leaving);
}
