/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Claims of plain devices: challenges, proofs, and whose name it is after one. */

#include "host/host.h"

/* A challenge for the answer to this plain sender; 'holds': the name is its own. NULL when there is
 * none to give. Good until the next one. */
const struct claim_challenge *claim_host_challenge(
	struct host *host, struct device *device, const struct device_address *to, bool holds);
/*
 * Takes the proof that came with an enrolment. True when it is right by the label that is known
 * now. Without a label the holder's is kept for the time when there is one.
 */
bool claim_host_take(struct host *host, struct device *device, const struct lan_peer *peer,
	bool holds, const struct claim_proof *proof);
/* Labels became known: kept proofs are looked at. */
void claim_host_look(struct host *host);
