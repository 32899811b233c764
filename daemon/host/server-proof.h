/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Devices that serve over DTLS: how they prove their name. Head comment in server-proof.c. */

#include "host/host.h"

/* True when a server is asked over DTLS, and never in clear. */
bool server_is_secure(const struct device_record *record);
/* True while it is asked nothing: it serves over DTLS, and did not prove its name there yet. */
bool server_is_silent(const struct device_record *record);
/* True when somebody answered at its address (or it comes by itself): there is something that a
 * person can decide on. */
bool server_is_known(const struct device_record *record);

/* The key of its label is known, perhaps for the first time: asks it where it serves. */
void server_proof_look(struct host *host, struct device *device);
/* It was announced at this address as a server over DTLS. */
void server_proof_seen(
	struct host *host, struct device *device, const struct device_address *address);
/* Asks it there, unless nothing is to be proved or nobody knows its key. */
void server_proof_ask(
	struct host *host, struct device *device, const struct device_address *address);
void server_proof_detach(struct device_host *part);
