/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a device finds at /enrol, /d and /time, and whether a new name may come in at all.
 */

#include "host/host.h"

/* ---- enrol.c ---- */
void enrol_on_request(struct host *host, const struct lan_request *request);
/* ---- newcomer.c ---- */
/* A record for this name in memory, with the tier of this peer. -ENOMEM, -ENOSPC. */
int newcomer_make(
	struct host *host, const char *ep, const struct lan_peer *peer, struct device **ret);

/* ---- enrol-place.c ---- */
/* Of a name that enrols: it will be pending. A pending one that nobody decided on and that is
 * silent may have to go for it. */
bool enrol_new_name_allowed(
	struct host *host, const char *ep, const char *interface, enum turned_away *ret_why);
/* Of a name that is only announced: these have places of their own (LIMIT_SIGHTINGS). */
bool enrol_sighting_allowed(
	struct host *host, const char *ep, const char *interface, enum turned_away *ret_why);
/* One that was announced becomes pending: is there a place? */
bool enrol_has_place(struct host *host, const char *ep);

/* ---- device-resource.c ---- */
void device_on_request(struct host *host, const struct lan_request *request);
/* The device that /d/<id>... belongs to and that asks; NULL after 4.04. */
struct device *device_of_request(struct host *host, const struct lan_request *request);
/* The format of a map in the answer: as Accept says, 'otherwise' without it. False: it wants
 * another one, and 4.06 was answered (RFC 7252 section 5.10.4). */
bool device_format_of(const struct lan_request *request, int otherwise, int *ret_format);
void time_on_request(struct host *host, const struct lan_request *request);
void enrol_fill_answer(struct host *host, struct device *device, struct enrol_answer *ret_answer);
/* Its state changed: who observes it is told. */
void enrol_notify(struct host *host, struct device *device);
/* The answer map; at /enrol with Location-Path and 'retry' in Max-Age. */
void enrol_send_answer(struct host *host, struct device *device, struct lan_exchange *exchange,
	uint8_t code, int format, bool at_enrol);
/* 4.09 with what it takes to prove that the name is one's own. */
void enrol_send_conflict(
	struct lan_exchange *exchange, const struct claim_challenge *challenge, int format);

/* ---- window-host.c ---- */
/* New names may come in; or this one alone, whose label was scanned. */
bool enrol_window_is_open(const struct host *host, const char *ep);
/* A device that may ask, asks: while a window is open a sighted one becomes pending. */
void enrol_consider(struct host *host, struct device *device);
void enrol_window_opened(struct host *host);
void enrol_window_timer(struct host *host);
