/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The authorities of devices' certificates: how they come in and go, and what their word is worth.
 */

#include "core/device-ca.h"
#include "host/host.h"

/* As store_loader.device_ca. */
int ca_load(struct host *host, struct device_ca *ca);
/* The LAN believes those that are registered now. */
void ca_trust(struct host *host);
/* ACT_CA_PUT: act->name, act->number = policy, and its certificate in PEM, which is copied. */
void ca_put(struct host *host, const struct act *act, struct span pem, act_done_fn done,
	void *userdata);
/* ACT_CA_DROP: act->secret. */
void ca_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata);

/* ---- ca-files.c ---- */
/* The directory lan.device_cas: what stands there is registered, what is gone there is withdrawn.
 * At start a file that is wrong is left out (and then nothing is withdrawn). */
void ca_files_start(struct host *host);
/* At reload: what stands there now; negative errno when a file is wrong, with a sentence in the
 * log. Either way device_cas_clear() it. Nothing changes before ca_files_follow(). */
int ca_files_read(struct host *host, struct device_cas *ret_files);
void ca_files_follow(struct host *host, const struct device_cas *files);
/* Those that are on their way into the register, and neither in it yet, nor 'ca', nor of 'files'
 * (may be NULL both). */
size_t ca_under_way(
	const struct host *host, const struct device_cas *files, const struct device_ca *ca);
/* Between the two files: registers or changes this one, which is taken over. */
/* Of the row that says that it was registered: what its word is worth. */
const char *ca_audit_result(const struct device_ca *ca);
void ca_save(struct host *host, struct device_ca *ca, const struct audit_row *audit,
	act_done_fn done, void *userdata);
void ca_withdraw(struct host *host, const struct device_ca *ca, const struct audit_row *audit,
	act_done_fn done, void *userdata);

/* ---- ca-door.c ---- */
/* As lan_ops.certificate and lan_ops.entered. */
bool ca_admits(struct host *host, const struct lan_certificate *certificate);
void ca_entered(struct host *host, const struct lan_peer *peer);
/* True when the authority's word lets this peer register without a window. */
bool ca_vouches(const struct host *host, const struct lan_peer *peer);
/* Takes the device in that this peer speaks for, when its authority's word is enough for that. */
void ca_look(struct host *host, struct device *device, const struct lan_peer *peer);
