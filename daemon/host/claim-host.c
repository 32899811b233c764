/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One challenge is out for whoever holds a name, and one for one other who wants it: whose label is
 * known can prove that the name is his, and gets it. Challenges are in memory: after a restart the
 * device gets another one. What it proved is in its record, and so is what it answered before its
 * label was known: whoever left meanwhile need not come again to be taken in. A wrong proof is
 * answered as a right one that is kept; it is counted and has no other effect.
 */

#include "host/claim-host.h"
#include "host/effect.h"
#include "host/journal.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/scan-host.h"
#include "host/server-proof.h"

#define KEPT_A_MINUTE 1.0
#define KEPT_AT_ONCE  4.0

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

static bool is_right(struct host *host, struct device *device, const struct label *label,
	const struct claim_proof *proof)
{
	bool right = false;

	if (claim_fits(proof, label, device->record->ep, &right) < 0)
		log_device(LOG_ERR, device->record->id, "Its proof could not be checked.");
	else if (!right)
		host_turned_away(host, AWAY_WRONG_PROOF, &proof->from);
	return right;
}

bool claim_host_kept_is_right(struct host *host, struct device *device, const struct label *label)
{
	struct claim_proof proof;

	if (claim_proof_read(device->record->kept_proof, &proof) < 0)
		return false;
	proof.from = device->record->address;
	return is_right(host, device, label, &proof);
}

/* ---- what goes into the record ---- */

struct claim_edit {
	struct device_address from;
	char ep[EP_MAX + 1];		  /* whose it is */
	char label[LABEL_MARK_SIZE];	  /* that it proved, or "" */
	char kept_proof[PROOF_TEXT_SIZE]; /* what is kept from now on */
};

static int edit_claimed(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct claim_edit *edit = argument;

	/* Meanwhile it may have proved more, have lost its name, or have been replaced. */
	if (next->trust > TRUST_CLAIMED || strcmp(next->ep, edit->ep) != 0 ||
		!device_address_same_host(&next->address, &edit->from))
		return -ESTALE;
	memcpy(next->kept_proof, edit->kept_proof, sizeof(next->kept_proof));
	if (edit->label[0]) {
		next->trust = TRUST_CLAIMED;
		next->released = false;
		memcpy(next->proved_label, edit->label, sizeof(next->proved_label));
	}
	return 0;
}

static void submit(struct host *host, struct device *device, const struct claim_edit *edit)
{
	struct audit_row audit;
	char address[80];

	audit_row_init(&audit, "device", "", device_address_to_string(&edit->from, address),
		DEED_PROOF, device->record->id, "", trust_to_string(TRUST_CLAIMED));
	host_submit(host, device,
		&(const struct submission){
			.event = LIFE_EVENTS,
			.edit = edit_claimed,
			.argument = edit,
			.argument_size = sizeof(*edit),
			.audit = edit->label[0] ? &audit : NULL,
		});
}

/* What was answered to a challenge. A device may answer as often as it likes, and each answer that
 * is kept is a write: beyond some a minute the one before is good enough. */
static enum claim_verdict look_at(
	struct host *host, struct device *device, const struct claim_proof *taken, bool holds)
{
	const struct label *label = claim_host_label(host, device);

	if (label)
		return is_right(host, device, label, taken) ? CLAIM_RIGHT : CLAIM_NOTHING;
	if (holds && ratelimit_take(&device_host(device)->proofs, KEPT_A_MINUTE / 60, KEPT_AT_ONCE,
			     clock_boot_usec(), NULL))
		return CLAIM_KEPT;
	return CLAIM_NOTHING;
}

enum claim_verdict claim_host_take(struct host *host, struct device *device,
	const struct lan_peer *peer, bool holds, struct claim_proof *proof)
{
	struct device_host *part = device_host(device);

	if (!proof->nonce_size || peer->trust != TRUST_PLAIN ||
		(!holds && holder_is_there(host, device)) ||
		!claim_take(holds ? &part->challenge : &part->rival, &peer->address,
			clock_boot_usec(), proof))
		return CLAIM_NOTHING;
	return look_at(host, device, proof, holds);
}

void claim_host_answered(struct host *host, struct device *device, const struct claim_proof *proof)
{
	struct device_host *part = device_host(device);
	struct claim_proof taken = *proof;
	struct claim_edit edit = {0};

	memcpy(edit.ep, device->record->ep, sizeof(edit.ep));
	if (!claim_take(&part->challenge, &part->challenge.to, clock_boot_usec(), &taken))
		return;
	edit.from = taken.from;
	switch (look_at(host, device, &taken, true)) {
	case CLAIM_RIGHT:
		label_mark(claim_host_label(host, device), edit.label);
		submit(host, device, &edit);
		break;
	case CLAIM_KEPT:
		claim_proof_write(&taken, edit.kept_proof);
		submit(host, device, &edit);
		break;
	case CLAIM_NOTHING:
		break;
	}
}

/* ---- the label comes later ---- */

/* Its label is known: a kept proof is worth something now, or nothing at all. */
static void look_at_kept(struct host *host, struct device *device)
{
	const struct label *label = claim_host_label(host, device);
	struct claim_edit edit = {.from = device->record->address};

	memcpy(edit.ep, device->record->ep, sizeof(edit.ep));
	if (!label || !device->record->kept_proof[0])
		return;
	if (claim_host_kept_is_right(host, device, label))
		label_mark(label, edit.label);
	submit(host, device, &edit);
}

void claim_host_look(struct host *host)
{
	struct device *device = registry_first(host->registry), *next;

	for (; device; device = next) {
		next = registry_next(device);
		if (device->record->kept_proof[0])
			look_at_kept(host, device);
		else if (claim_host_label(host, device))
			claim_ask_again(host, device);
		server_proof_look(host, device);
	}
}

void claim_host_changed(struct host *host, struct device *device)
{
	claim_ask(host, device);
	look_at_kept(host, device);
	scan_look(host, device);
}
