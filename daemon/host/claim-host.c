/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One challenge is out for whoever holds a name, and one for one other who wants it: whose label is
 * known can prove that the name is his, and gets it. All of it is in memory: after a restart the
 * device is asked again. A wrong proof is answered as a right one that is kept; it is counted and
 * has no other effect.
 */

#include "host/claim-host.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/scan-host.h"

const struct label *claim_host_label(const struct host *host, const struct device *device)
{
	const struct kept_label *kept = label_book_find(&host->labels, device->record->ep);

	return kept && !strcmp(kept->label.ep, device->record->ep) ? &kept->label : NULL;
}

bool claim_host_wants(const struct host *host, const struct device *device, bool holds)
{
	enum device_word word;
	enum device_stage stage;

	lifecycle_describe(&device->record->life, &word, &stage);
	return claim_host_label(host, device) || (holds && word == DEVICE_PENDING);
}

/* Who proved the name keeps it as long as it is heard: a second one with the same label may be a
 * copy. It is told apart from a device that moved by the silence at the old address. */
static bool holder_is_there(const struct host *host, const struct device *device)
{
	if (device->record->trust < TRUST_CLAIMED)
		return false;
	if (device->last_heard_usec)
		return clock_boot_usec() - device->last_heard_usec < CLAIM_SILENT_USEC;
	return clock_wall_msec() - host->facts.started < (int64_t)(CLAIM_SILENT_USEC / 1000);
}

const struct claim_challenge *claim_host_challenge(
	struct host *host, struct device *device, const struct device_address *to, bool holds)
{
	struct device_host *part = device_host(device);
	uint64_t now = clock_boot_usec();

	if (device->record->trust >= TRUST_PSK || (!holds && holder_is_there(host, device)) ||
		!claim_host_wants(host, device, holds))
		return NULL;
	if (holds) {
		claim_challenge_make(&part->challenge, to, now);
		return &part->challenge;
	}
	if (claim_challenge_is_out(&part->rival, now) &&
		!device_address_same_host(&part->rival.to, to))
		return NULL;
	claim_challenge_make(&part->rival, to, now);
	return &part->rival;
}

bool claim_host_is_right(struct host *host, struct device *device, const struct label *label,
	const struct claim_proof *proof)
{
	bool right = false;

	if (claim_fits(proof, label, device->record->ep, &right) < 0)
		log_device(LOG_ERR, device->record->id, "Its proof could not be checked.");
	else if (!right)
		host_turned_away(host, AWAY_WRONG_PROOF, &proof->from);
	return right;
}

static int edit_claimed(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct device_address *from = argument;

	/* Meanwhile it may have proved more, or have lost its name. */
	if (next->trust >= TRUST_CLAIMED || !device_address_same_host(&next->address, from))
		return -ESTALE;
	next->trust = TRUST_CLAIMED;
	return 0;
}

static void submit_claimed(
	struct host *host, struct device *device, const struct device_address *from)
{
	struct audit_row audit;
	char address[80];

	audit_row_init(&audit, "device", "", device_address_to_string(from, address), "proof",
		device->record->id, "", trust_to_string(TRUST_CLAIMED));
	host_submit(host, device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_claimed,
			.argument = from,
			.argument_size = sizeof(*from),
			.audit = &audit,
		});
}

/* What was answered to a challenge: right, wrong, or to be kept until its label is known. */
static bool look_at(
	struct host *host, struct device *device, const struct claim_proof *taken, bool holds)
{
	struct device_host *part = device_host(device);
	const struct label *label = claim_host_label(host, device);
	bool right = label && claim_host_is_right(host, device, label, taken);

	if (right) {
		part->kept_proof = (struct claim_proof){0};
		scan_proved(host, device);
	} else if (!label && holds) {
		part->kept_proof = *taken;
	}
	return right;
}

bool claim_host_take(struct host *host, struct device *device, const struct lan_peer *peer,
	bool holds, const struct claim_proof *proof)
{
	struct device_host *part = device_host(device);
	struct claim_proof taken = *proof;

	if (!proof->nonce_size || peer->trust != TRUST_PLAIN ||
		(!holds && holder_is_there(host, device)) ||
		!claim_take(holds ? &part->challenge : &part->rival, &peer->address,
			clock_boot_usec(), &taken))
		return false;
	return look_at(host, device, &taken, holds);
}

void claim_host_answered(struct host *host, struct device *device, const struct claim_proof *proof)
{
	struct device_host *part = device_host(device);
	struct claim_proof taken = *proof;

	if (claim_take(&part->challenge, &part->challenge.to, clock_boot_usec(), &taken) &&
		look_at(host, device, &taken, true))
		submit_claimed(host, device, &taken.from);
}

/* ---- the label comes later ---- */

void claim_host_look(struct host *host)
{
	struct device *device = registry_first(host->registry), *next;

	for (; device; device = next) {
		struct device_host *part = device_host(device);
		const struct label *label = claim_host_label(host, device);
		struct claim_proof proof = part->kept_proof;

		next = registry_next(device);
		if (!label)
			continue;
		if (!proof.nonce_size) {
			claim_ask_again(host, device);
			continue;
		}
		part->kept_proof = (struct claim_proof){0};
		if (claim_host_is_right(host, device, label, &proof)) {
			scan_proved(host, device);
			submit_claimed(host, device, &proof.from);
		}
	}
}

void claim_host_changed(struct host *host, struct device *device)
{
	claim_ask(host, device);
	scan_look(host, device);
}
