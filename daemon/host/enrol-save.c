/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a device said of itself at /enrol (enrol.c) becomes part of its record, and is answered when
 * that is on disk.
 *
 * A person decides by what stands on the card: while the device waits for that nothing on it
 * changes. What it had left open can be filled in; a code that it shows on its own display and has
 * drawn anew takes the place of the one before, with tries of its own; and a proof brings what it
 * says along.
 */

#include "host/effect.h"
#include "host/enrol-parts.h"
#include "host/host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "host/binding-host.h"
#include "host/brought.h"
#include "host/ca-host.h"
#include "host/secure-host.h"

struct enrol_wait {
	struct lan_exchange *exchange;
	struct host *host;
	struct lan_peer peer;
	int format;
	bool created;
};

static void answer_enrolled(const struct enrol_wait *wait, struct device *device)
{
	/* While this one waited for its turn another address may have got the name, or a device
	 * that proved it. */
	if (wait->peer.trust < TRUST_PSK
			? device->record->trust >= TRUST_PSK ||
				  !device_address_same_host(
					  &device->record->address, &wait->peer.address)
			: !secure_may_be(device->record, &wait->peer)) {
		lan_answer_text(
			wait->exchange, COAP_CODE(4, 9), "this name belongs to another device", -1);
		return;
	}
	if (wait->peer.trust >= TRUST_PSK)
		ca_look(wait->host, device, &wait->peer);
	enrol_send_answer(wait->host, device, wait->exchange,
		wait->created ? COAP_CODE(2, 1) : COAP_CODE(2, 4), wait->format, true);
}

static void on_enrolled(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct enrol_wait *wait = userdata;
	struct host *host = wait->host;
	/* Nothing of a newcomer is on disk: the name must be free for the next try. */
	bool undo = device && wait->created && !device->on_disk && !device->saving;

	/* When the gateway stops the LAN goes first, and its exchanges with it. */
	if (host->lan && !device) {
		lan_answer_text(wait->exchange, COAP_CODE(5, 3), NULL, 30);
	} else if (host->lan) {
		switch (result) {
		case SUBMIT_DONE:
		case SUBMIT_IGNORED:
			if (!device->record->code_locked)
				host_alarm_clear(host, ALARM_CODE_LOCKED, device->record->id);
			answer_enrolled(wait, device);
			break;
		case SUBMIT_REFUSED:
		case SUBMIT_NOT_STORED:
		case SUBMIT_BUSY:
		case SUBMIT_GONE:
			lan_answer_text(wait->exchange, COAP_CODE(5, 3),
				"the gateway cannot store it now", 30);
			break;
		}
	}
	free(wait);
	if (undo)
		registry_remove(host->registry, device);
}

struct enrol_edit {
	struct device_info info;
	struct lan_peer peer;
	char label[LABEL_MARK_SIZE];	  /* that it proves; "" = none that is known */
	char kept_proof[PROOF_TEXT_SIZE]; /* "" = none */
	bool set_info, set_code, claimed;
};

static void enrol_edit_clear(void *argument)
{
	struct enrol_edit *edit = argument;

	device_info_clear(&edit->info);
}

static int edit_enrolled(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct enrol_edit *edit = argument;
	char *attributes = NULL;

	if (edit->set_info) {
		if (edit->info.attributes && !(attributes = strdup(edit->info.attributes)))
			return -ENOMEM;
		device_info_clear(&next->info);
		next->info = edit->info;
		next->info.attributes = attributes;
	}
	if (edit->set_code) {
		memcpy(next->info.code, edit->info.code, sizeof(next->info.code));
		next->code_tries = 0;
		next->code_locked = false;
	}
	/* A proof that came meanwhile is not undone. */
	if (edit->peer.trust < TRUST_PSK ? next->trust >= TRUST_PSK
					 : !secure_may_be(next, &edit->peer))
		return -EPERM;
	if (edit->peer.trust >= TRUST_PSK) {
		secure_raise(next, &edit->peer);
	} else {
		binding_set(next, &edit->peer.address, edit->peer.mac);
		if (edit->claimed) {
			next->trust = TRUST_CLAIMED;
			next->released = false;
		}
		if (edit->kept_proof[0])
			memcpy(next->kept_proof, edit->kept_proof, sizeof(next->kept_proof));
	}
	if (edit->label[0]) {
		memcpy(next->proved_label, edit->label, sizeof(next->proved_label));
		next->kept_proof[0] = '\0';
	}
	/* It comes by itself: it is not probed and not polled any more. */
	next->is_server = false;
	next->poll_path[0] = '\0';
	return 0;
}

static enum trust tier_of(const struct enrolment *enrolment)
{
	return enrolment->claimed ? TRUST_CLAIMED : enrolment->request->peer->trust;
}

bool enrol_is_news(const struct device_record *record, const struct enrolment *enrolment)
{
	enum trust trust = tier_of(enrolment);

	if (enrolment->keeps)
		return true;
	return trust >= TRUST_CLAIMED &&
	       (record->trust < trust || (trust == TRUST_CERT && !record->fingerprint[0]) ||
		       record->released || strcmp(record->proved_label, enrolment->label) != 0 ||
		       !device_address_same_host(
			       &record->address, &enrolment->request->peer->address));
}

static bool says_something(const struct device_info *info)
{
	return info->model[0] || info->serial[0] || info->firmware[0] || info->code[0] ||
	       info->display || info->attributes;
}

/* It shows its short code itself, and has drawn another one: the tries were for the one before.
 * Whoever draws one each time does not fill the journal with it: it is taken a little later. */
static bool takes_another_code(struct device *device, const struct device_info *info)
{
	const struct device_record *record = device->record;

	return record->life.admission == ADMISSION_PENDING && record->info.display &&
	       info->display && info->code[0] && strcmp(record->info.code, info->code) != 0 &&
	       ratelimit_take(&device_host(device)->conflicts, ENROL_ROWS_A_MINUTE / 60,
		       ENROL_ROWS_AT_ONCE, clock_boot_usec(), NULL);
}

void enrol_submit(struct host *host, struct device *device, struct enrolment *enrolment)
{
	const struct lan_request *request = enrolment->request;
	enum device_word word;
	enum device_stage stage;
	struct enrol_wait *wait = malloc(sizeof(*wait));
	struct enrol_edit edit = {.peer = *request->peer, .claimed = enrolment->claimed};
	const struct lifecycle *life = &device->record->life;
	bool raises = enrolment->claimed
			      ? enrolment->news
			      : !enrolment->created && device->record->trust < request->peer->trust;
	const struct device_record *record = device->record;
	bool waits = life->admission != ADMISSION_SIGHTED, fills_in;
	struct brought *brought;
	struct audit_row audit;
	char address[80];

	if (!wait) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, 30);
		return;
	}
	brought = enrolment->pt.size ? brought_take(host, device, &request->peer->address,
					       secret_span(&enrolment->pt))
				     : NULL;
	*wait = (struct enrol_wait){
		.exchange = request->exchange,
		.host = host,
		.peer = *request->peer,
		.format = enrolment->format,
		.created = enrolment->created,
	};
	lifecycle_describe(life, &word, &stage);
	/* What a person decides on does not change behind that person's back. */
	fills_in = life->admission == ADMISSION_PENDING && !says_something(&record->info) &&
		   says_something(&enrolment->info);
	edit.set_info =
		word == DEVICE_PENDING &&
		((!enrolment->claimed && !enrolment->keeps) || says_something(&enrolment->info)) &&
		(!waits || enrolment->news || fills_in);
	edit.set_code = takes_another_code(device, &enrolment->info);
	memcpy(edit.label, enrolment->label, sizeof(edit.label));
	if (enrolment->keeps)
		claim_proof_write(&enrolment->proof, edit.kept_proof);
	edit.info = enrolment->info;
	enrolment->info = (struct device_info){0};
	audit_row_init(&audit, "device", "",
		device_address_to_string(&request->peer->address, address),
		raises ? DEED_PROOF : DEED_ENROL, device->record->id, "",
		raises		? trust_to_string(tier_of(enrolment))
		: edit.set_code ? audit_result(AUDIT_ANOTHER_CODE)
				: audit_result(AUDIT_PENDING));
	host_submit(host, device,
		&(const struct submission){
			/* Who asked before asks no more, and its edit would go with the event. */
			.event = waits && (enrolment->news || brought || fills_in || edit.set_code)
					 ? LIFE_EVENTS
					 : LIFE_ASKED,
			.brought = brought,
			.edit = edit_enrolled,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.argument_clear = enrol_edit_clear,
			.audit = enrolment->created || raises || edit.set_code ? &audit : NULL,
			.done = on_enrolled,
			.userdata = wait,
		});
}
