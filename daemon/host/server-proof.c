/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device that serves over DTLS proves its name by answering there. It is asked as soon as it is
 * known where it serves and the key of its label is known, in whatever order:
 *
 *	_coaps._udp announced, base=coaps://, typed    its label imported or scanned
 *	                     \                        /
 *	           GET /.well-known/core over DTLS, with the key of the label
 *	                     |
 *	           its record goes up to psk, and is at this address from then on
 *
 * Without a key nothing is sent: the name is listed, and that is all. Who has the key is the
 *device, wherever it was announced; so this is also how it is followed to another address. An
 *announcement alone moves nothing, and takes nothing from a device that is asked in clear: only the
 *proof does. From then on it is asked over DTLS or not at all.
 */

#include "host/server-proof.h"
#include "host/device-host.h"
#include "host/effect.h"
#include "host/enrol.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "host/claim-host.h"
#include "host/label-host.h"
#include "host/rd.h"
#include "host/secure-host.h"

#define PROOF_TRIES	 5
#define PROOF_RETRY_USEC (5 * USEC_PER_SEC)
#define LINKS_MAX_BYTES	 4096

static bool is_secure(const struct device_record *record)
{
	return record->trust >= TRUST_PSK;
}

bool server_is_secure(const struct device_record *record)
{
	return record->is_server && is_secure(record);
}

bool server_is_silent(const struct device_record *record)
{
	return record->secure_only && !is_secure(record);
}

bool server_is_known(const struct device_record *record)
{
	return !record->is_server || record->address_bound || is_secure(record);
}

/* ---- once more ---- */

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;
	const struct device_address address = part->proof.address;

	server_proof_ask(part->host, part->device, &address);
	return 0;
}

/* The device did not prove itself, or what it proved could not be kept; -ESTALE is neither. */
static void give_up(struct device_host *part, int result)
{
	if (result != -ESTALE)
		host_turned_away(part->host, result == -ENOSPC ? AWAY_STORE_FULL : AWAY_HANDSHAKE,
			&part->proof.address);
}

static void try_later(struct device_host *part, int result)
{
	int r;

	/* Others are asked at present: that is no failed try of its own. */
	if (result != -EBUSY && ++part->proof.tries >= PROOF_TRIES) {
		give_up(part, result);
		return;
	}
	r = loop_timer_set(part->host->loop, &part->proof.timer,
		PROOF_RETRY_USEC << part->proof.tries, on_timer, part, "server-proof");
	if (r < 0)
		log_device(LOG_ERR, part->device->record->id,
			"It will not be asked for a proof again: %s.", strerror(-r));
}

/* ---- the proof ---- */

struct server_proof_edit {
	struct lan_peer peer;
	char ep[EP_MAX + 1]; /* whose it is */
	char label[LABEL_MARK_SIZE];
};

static int edit_proved(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct server_proof_edit *edit = argument;

	/* Meanwhile it may have come by itself, have proved more, or have been replaced. */
	if (!next->is_server || strcmp(next->ep, edit->ep) != 0 ||
		!secure_may_be(next, &edit->peer)) {
		*ret_why = "It is another device by now.";
		return -ESTALE;
	}
	secure_raise(next, &edit->peer);
	memcpy(next->proved_label, edit->label, sizeof(next->proved_label));
	return 0;
}

static void on_proved(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct host *host = userdata;
	struct device_host *part;
	bool tell;

	if (!device)
		return;
	part = device_host(device);
	part->proof.busy = false;
	if (result != SUBMIT_DONE) {
		log_device(LOG_NOTICE, device->record->id, "Its proof could not be kept: %s",
			why ? why : "try again.");
		try_later(part, result == SUBMIT_NOT_STORED ? -ENOSPC
				: result == SUBMIT_BUSY	    ? -EBUSY
							    : -ESTALE);
		return;
	}
	part->proof.tries = 0;
	/* What was answered in clear, or is on its way, may be somebody else's. */
	tell = part->telling || part->missed_tell;
	device_host_forget_answers(part);
	part->missed_tell = tell;
	device_host_probe(host, device);
	host_touch(host);
}

static void take_proof(struct device_host *part)
{
	struct host *host = part->host;
	struct device *device = part->device;
	const struct label *label = claim_host_label(host, device);
	struct server_proof_edit edit = {
		.peer = {.trust = TRUST_PSK, .address = part->proof.address}};
	struct audit_row audit;
	char address[80];

	if (!label) { /* withdrawn meanwhile */
		part->proof.busy = false;
		return;
	}
	memcpy(edit.ep, device->record->ep, sizeof(edit.ep));
	memcpy(edit.peer.identity, device->record->ep, sizeof(device->record->ep));
	label_mark(label, edit.label);
	audit_row_init(&audit, "device", "",
		device_address_to_string(&part->proof.address, address), DEED_PROOF,
		device->record->id, "", trust_to_string(TRUST_PSK));
	host_submit(host, device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_proved,
			.argument = &edit,
			.argument_size = sizeof(edit),
			/* What was only announced is on no disk yet. */
			.audit = device->on_disk && device->record->trust < TRUST_PSK ? &audit
										      : NULL,
			.done = on_proved,
			.userdata = host,
		});
}

/* ---- asking for it ---- */

static void not_proved(struct device_host *part, int result)
{
	log_device(LOG_INFO, part->device->record->id, "It did not prove its name over DTLS: %s.",
		strerror(-result));
	try_later(part, result);
}

/* Whatever it says: only who has the key could say it. */
static void on_answer(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	if (result >= 0) {
		take_proof(part);
		return;
	}
	part->proof.busy = false;
	if (result != -ECANCELED)
		not_proved(part, result);
}

static bool has_proved(const struct host *host, const struct device *device)
{
	const struct label *label = claim_host_label(host, device);
	char mark[LABEL_MARK_SIZE];

	if (!label || !is_secure(device->record) || device->record->released)
		return false;
	label_mark(label, mark);
	return strcmp(device->record->proved_label, mark) == 0;
}

static bool may_be_asked(
	struct host *host, const struct device *device, const struct device_address *address)
{
	const struct device_host *part = device_host(device);
	const struct device_record *record = device->record;
	uint8_t key[LAN_PSK_MAX];
	size_t size;

	if (part->proof.busy || !record->is_server || record->trust > TRUST_PSK ||
		record->life.admission == ADMISSION_BLOCKED || rd_is_unproved(part) ||
		!secure_host_psk(host, record->ep, key, &size))
		return false;
	crypto_wipe(key, sizeof(key));
	return !has_proved(host, device) || record->address.port != address->port ||
	       !device_address_same_host(&record->address, address);
}

void server_proof_ask(
	struct host *host, struct device *device, const struct device_address *address)
{
	struct device_host *part = device_host(device);
	struct device_request request = {.method = LAN_GET,
		.path = "/.well-known/core",
		.content_format = -1,
		.accept = -1,
		.answer_max = LINKS_MAX_BYTES};
	int r;

	if (!may_be_asked(host, device, address))
		return;
	loop_timer_stop(part->proof.timer);
	part->proof.address = *address;
	part->proof.busy = true;
	r = device_host_ask_at(part, address, device->record->ep, &request,
		&(const struct device_call){.reply = on_answer});
	if (r < 0) {
		part->proof.busy = false;
		not_proved(part, r);
	}
}

void server_proof_look(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_address address = device->record->address;

	if (!device->record->secure_only && !is_secure(device->record)) {
		if (!part->secure_port)
			return;
		address.port = part->secure_port;
	}
	part->proof.tries = 0;
	server_proof_ask(host, device, &address);
}

void server_proof_seen(
	struct host *host, struct device *device, const struct device_address *address)
{
	device_host(device)->proof.tries = 0;
	server_proof_ask(host, device, address);
}

void server_proof_detach(struct device_host *part)
{
	part->proof.timer = loop_source_free(part->proof.timer);
}
