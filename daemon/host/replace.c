/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A broken device is replaced. Its record goes on - id, name, place, owner, history - with another
 * piece of hardware behind it, which has come to the gateway and waits:
 *
 *	the newcomer's record is deleted (its imported token stays)
 *	  -> the old one is released and gets what the newcomer is: name on the network, address,
 *	     tier, what it says of itself
 *	  -> it waits for a person, who approves it with the newcomer's code: a new operation, a new
 *	     credential
 *
 * What the broken one held is revoked with its release; should it come back it is a stranger.
 * Between the two steps the newcomer is nobody; when the second fails it comes again by itself.
 */

#include "host/act.h"
#include "host/device-host.h"
#include "host/effect.h"
#include "host/host.h"
#include "host/journal.h"
#include "host/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

DEFINE_CLEANUP(struct device_record *, device_record_free, cleanup_record)

struct replacing {
	struct act_call *call;
	struct device_record *newcomer; /* a copy */
	/* by which ways it is there: mDNS, for one, tells it once */
	bool present;
	unsigned seen_by, multicast_round;
	uint16_t secure_port;
	uint64_t typed_usec;
};

static void replacing_free(struct replacing *replacing)
{
	device_record_free(replacing->newcomer);
	free(replacing);
}

static void end(struct replacing *replacing, enum act_result result, const char *text)
{
	replacing->call->host->replacing_ep[0] = '\0';
	act_call_done(replacing->call, result, 0, text);
	replacing_free(replacing);
}

/* ---- the record goes on ---- */

struct replace_edit {
	const struct device_record *newcomer;
	char who[LABEL_MAX + 1];
	int64_t now;
};

static int edit_replaced(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct replace_edit *edit = argument;
	CLEANUP(cleanup_record) struct device_record *from = NULL;
	int r = device_record_copy(edit->newcomer, &from);

	if (r < 0)
		return r;
	free(next->info.attributes);
	next->info = from->info;
	from->info.attributes = NULL; /* it is the next record's */
	memcpy(next->ep, from->ep, sizeof(next->ep));
	next->trust = from->trust;
	memcpy(next->fingerprint, from->fingerprint, sizeof(next->fingerprint));
	memcpy(next->proved_label, from->proved_label, sizeof(next->proved_label));
	memcpy(next->kept_proof, from->kept_proof, sizeof(next->kept_proof));
	next->released = from->released;
	next->found_by = from->found_by;
	next->address = from->address;
	next->address_bound = from->address_bound;
	memcpy(next->mac, from->mac, sizeof(next->mac));
	next->is_server = from->is_server;
	next->secure_only = from->secure_only;
	next->rd_lifetime = 0; /* it registers anew */
	next->rd_port_said = false;
	memcpy(next->poll_path, from->poll_path, sizeof(next->poll_path));
	next->poll_format = from->poll_format;
	next->display_holds = from->display_holds;
	next->code_here = from->code_here;
	next->code_tries = 0;
	next->code_locked = false;
	memcpy(next->decided_by, edit->who, sizeof(next->decided_by));
	next->evidence = EVIDENCE_NONE;
	next->decided_at = edit->now;
	return 0;
}

static void on_drained(void *userdata)
{
	end(userdata, ACT_DONE,
		"Replaced: the new device has its name, place and history. Approve it now, with "
		"its own code.");
}

static void on_replaced(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct replacing *replacing = userdata;
	struct device_host *part;

	if (result != SUBMIT_DONE || !device) {
		end(replacing, result == SUBMIT_NOT_STORED ? ACT_NOT_STORED : ACT_IMPOSSIBLE,
			why ? why : "It was forgotten meanwhile.");
		return;
	}
	replacing->call->host->replacing_ep[0] = '\0';
	part = device_host(device);
	part->seen_by = replacing->seen_by;
	part->secure_port = replacing->secure_port;
	part->multicast_round = replacing->multicast_round;
	part->typed_usec = replacing->typed_usec;
	device->present = replacing->present;
	device_host_probe(replacing->call->host, device);
	log_device(LOG_NOTICE, device->record->id, "It is replaced: %s is behind it now.",
		device->record->ep);
	/* What waits is the broken one's, whatever is kept of the revoked ones. */
	reading_drain(replacing->call->host, device, true, on_drained, replacing);
}

/* ---- the newcomer makes room ---- */

static int may_give_way(struct device_record *next, const void *argument, const char **ret_why)
{
	if (next->life.admission == ADMISSION_PENDING && next->life.credential == CREDENTIAL_NONE &&
		!operation_is_open(next->life.operation))
		return 0;
	*ret_why = "The new device does not wait any more: somebody has decided about it.";
	return -EBUSY;
}

static void on_gave_way(
	void *userdata, enum submit_result result, struct device *gone, const char *why)
{
	struct replacing *replacing = userdata;
	struct act_call *call = replacing->call;
	struct device *device = registry_by_id(call->host->registry, call->act.device);
	struct replace_edit edit = {.newcomer = replacing->newcomer, .now = clock_wall_msec()};
	struct audit_row audit;

	if (result != SUBMIT_DONE || !device) {
		end(replacing, result == SUBMIT_NOT_STORED ? ACT_NOT_STORED : ACT_IMPOSSIBLE,
			why ? why
			    : "One of the two was forgotten meanwhile. Nothing was replaced.");
		return;
	}
	memcpy(edit.who, call->act.who, sizeof(edit.who));
	audit_of_act(&call->act, device->record->id, replacing->newcomer->id,
		audit_result(AUDIT_DONE), &audit);
	host_submit(call->host, device,
		&(const struct submission){
			.event = LIFE_RELEASE,
			.edit = edit_replaced,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.audit = &audit,
			.done = on_replaced,
			.userdata = replacing,
		});
}

static const char *refusal_of(const struct device *device, const struct device *newcomer)
{
	enum admission_state state = device->record->life.admission;

	if (!newcomer || newcomer == device)
		return "There is no other device with this id.";
	if (newcomer->record->life.admission != ADMISSION_PENDING || newcomer->saving ||
		device_host(newcomer)->inputs)
		return "The new device must wait for a person. Nothing was replaced.";
	if (state != ADMISSION_ADMITTED && state != ADMISSION_SUSPENDED &&
		state != ADMISSION_REVOKED)
		return "Only a device that was let in can be replaced.";
	return NULL;
}

void replace_act(struct act_call *call, struct device *device)
{
	struct device *newcomer = registry_by_id(call->host->registry, call->act.ep);
	const char *why = refusal_of(device, newcomer);
	struct replacing *replacing;
	struct audit_row audit;
	int r;

	if (!why && call->host->replacing_ep[0])
		why = "Another device is being replaced at this moment. Try again.";
	if (why) {
		act_call_done(call, ACT_IMPOSSIBLE, 0, why);
		return;
	}
	replacing = calloc(1, sizeof(*replacing));
	r = replacing ? device_record_copy(newcomer->record, &replacing->newcomer) : -ENOMEM;
	if (r < 0) {
		free(replacing);
		act_call_done(call, ACT_NOT_STORED, 0, "The gateway is out of memory.");
		return;
	}
	replacing->call = call;
	replacing->seen_by = device_host(newcomer)->seen_by & ~(1u << FOUND_RD);
	/* What only its registration told ends with that one: it registers anew. */
	replacing->present = newcomer->present && replacing->seen_by;
	replacing->secure_port = device_host(newcomer)->secure_port;
	replacing->multicast_round = device_host(newcomer)->multicast_round;
	replacing->typed_usec = device_host(newcomer)->typed_usec;
	/* Between the two changes the name is in no record: whoever comes with it is told to come
	 * again. */
	memcpy(call->host->replacing_ep, newcomer->record->ep, sizeof(call->host->replacing_ep));
	audit_of_act(&call->act, newcomer->record->id, device->record->id,
		audit_result(AUDIT_GAVE_WAY), &audit);
	host_submit(call->host, newcomer,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.forget = true,
			.keep_token = true,
			.edit = may_give_way,
			.audit = &audit,
			.done = on_gave_way,
			.userdata = replacing,
		});
}
