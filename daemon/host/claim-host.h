/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Claims of plain devices: challenges, proofs, and whose name it is after one. */

#include "host/host.h"

/* Who proved a name and is silent for so long may have moved: then a proof from elsewhere counts.
 */
#define CLAIM_SILENT_USEC (3600 * USEC_PER_SEC)

/* The label of exactly this name, or NULL. */
const struct label *claim_host_label(const struct host *host, const struct device *device);
/* True when a proof would mean something; 'holds': of who has the name. */
bool claim_host_wants(const struct host *host, const struct device *device, bool holds);
/* A challenge for the answer to this plain sender; 'holds': the name is its own. NULL when there is
 * none to give. Good until the next one. */
const struct claim_challenge *claim_host_challenge(
	struct host *host, struct device *device, const struct device_address *to, bool holds);
enum claim_verdict {
	CLAIM_NOTHING, /* there is none, or it says nothing */
	CLAIM_RIGHT,   /* by the label that is known now */
	CLAIM_KEPT,    /* no label is known yet: it belongs into the record */
};
/* Takes the proof that came with an enrolment, and fills in what it answers. The holder's alone is
 * kept. */
enum claim_verdict claim_host_take(struct host *host, struct device *device,
	const struct lan_peer *peer, bool holds, struct claim_proof *proof);
/* Takes what a device that was asked answered to its challenge; what it is worth is submitted here.
 */
void claim_host_answered(struct host *host, struct device *device, const struct claim_proof *proof);
/* True when the proof that is kept of this device fits the label; a wrong one is counted. */
bool claim_host_kept_is_right(struct host *host, struct device *device, const struct label *label);
/* Labels became known, or the gateway has started: kept proofs are looked at. */
void claim_host_look(struct host *host);

/* ---- claim-ask.c ---- */
/* Asks a device that is a server for its proof, once for each time that it was asked what it is. */
void claim_ask(struct host *host, struct device *device);
/* The same although it was asked before. */
void claim_ask_again(struct host *host, struct device *device);
