/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device that is a server and offers rt="gatehouse.claim" gets its challenge there, as one that
 * enrols itself gets it with the answer: while it waits for a person, and whenever its label is
 * known. It is asked once for each probe and for each label that becomes known; what does not
 * arrive is tried again a few times, what it answers is not. Its answer counts for the address that
 * was asked, as long as the same MAC is there.
 */

#include "host/claim-host.h"
#include "host/device-host.h"
#include "host/journal.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "host/binding-host.h"
#include "host/scan-host.h"
#include "host/server-proof.h"

#define CLAIM_TRIES	 5
#define CLAIM_RETRY_USEC (3 * USEC_PER_SEC)

static bool may_be_asked(struct host *host, struct device *device)
{
	const struct device_record *record = device->record;
	const struct device_host *part = device_host(device);

	/* Who proved it is asked again for a label that a person has scanned meanwhile. */
	return record->is_server && !server_is_silent(record) && part->probed &&
	       (record->trust == TRUST_PLAIN || scan_is_open(host, record->ep)) && part->driver &&
	       part->driver->claim && part->links->claim[0] && !part->claim_asked &&
	       !record->kept_proof[0] && record->life.admission != ADMISSION_SIGHTED &&
	       record->life.admission != ADMISSION_BLOCKED && record->address_bound &&
	       claim_host_wants(host, device, true);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	claim_ask(part->host, part->device);
	return 0;
}

static void plan(struct device_host *part, uint64_t delay_usec)
{
	int r = loop_timer_set(
		part->host->loop, &part->claim_timer, delay_usec, on_timer, part, "claim");

	part->claim_asked = false;
	if (r < 0)
		log_device(LOG_ERR, part->device->record->id,
			"It will not be asked for a proof again: %s.", strerror(-r));
}

static void try_later(struct device_host *part, const char *why)
{
	log_device(LOG_INFO, part->device->record->id, "It did not answer a challenge: %s.", why);
	if (++part->claim_tries < CLAIM_TRIES)
		plan(part, CLAIM_RETRY_USEC << part->claim_tries);
}

static void on_answer(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	struct host *host = part->host;
	struct claim_proof proof;
	const char *why = NULL;
	int r;

	if (!device_address_same_host(&part->challenge.to, &part->device->record->address)) {
		/* It moved meanwhile: what an address answered is true of that address only. */
		claim_ask_again(host, part->device);
		return;
	}
	if (result < 0) {
		try_later(part, strerror(-result));
		return;
	}
	if (code >> 5 == 5) {
		try_later(part, "it cannot now");
		return;
	}
	r = code >> 5 == 2 ? part->driver->decode_proof(format, payload, &proof, &why) : -EBADMSG;
	if (r == -ENOMEM)
		return;
	if (r < 0 || !proof.nonce_size)
		host_turned_away(host, AWAY_MALFORMED, &part->challenge.to);
	else if (binding_still_fits(host, part->device))
		claim_host_answered(host, part->device, &proof);
}

void claim_ask(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	const struct claim_challenge *challenge;
	struct device_request request;
	int r;

	if (!may_be_asked(host, device))
		return;
	challenge = claim_host_challenge(host, device, &device->record->address, true);
	if (!challenge)
		return;
	part->claim_asked = true;
	r = part->driver->claim(part->links, challenge->bytes, &request);
	if (r >= 0)
		r = device_host_ask(
			part, &request, &(const struct device_call){.reply = on_answer});
	if (r == -EBUSY) /* others are asked at present: that is no failed try of its own */
		plan(part, CLAIM_RETRY_USEC + random_uint64() % CLAIM_RETRY_USEC);
	else if (r < 0)
		try_later(part, strerror(-r));
}

void claim_ask_again(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	part->claim_asked = false;
	part->claim_tries = 0;
	claim_ask(host, device);
}
