/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A device and its platform: the driver's steps carried out, their requests sent, their settings.
 */

#include "host/host.h"

/* ---- platform-host.c ---- */
void platform_host_advance(struct host *host, struct device *device);
/* The same step again after a while, if one is under way. */
void platform_host_back_off(struct host *host, struct device *device);
/* Tells a platform that keeps no book of its own about it (PLATFORM_WITHDRAWS: withdraw.h does)
 * that an operation or a credential is not wanted any more. 'before' is the record that still holds
 * it. Nothing here waits for the answer. */
void platform_host_withdraw(
	struct host *host, const struct device_record *before, enum platform_work work);
/* What its platform says of a device: the open operation in its words, who approves, what went
 * wrong last. */
void platform_host_describe(
	struct host *host, const struct device *device, struct api_platform *ret_platform);
/* Its session is up, and that is on disk. */
void platform_host_on_up(struct host *host, struct device *device);
/* It has another record, or goes. */
void platform_host_changed(struct device_host *part);
/* One call of the driver, which needs no token for it. *ret_step is always filled. */
void platform_host_call(struct host *host, const struct device_record *record,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step);
/* True while an operation is open or a refresh is under way. */
bool platform_host_has_work(const struct device *device);
/* platform-clock.c */
void platform_host_set_timers(struct host *host, struct device *device);
const struct platform_driver *platform_host_driver(struct host *host, const struct device *device);
const struct driver_services *platform_host_services(void);

/* ---- platform-request.c ---- */
/* Keeps the request of a step (it is taken over) until platform_request_send(). */
int platform_request_keep(struct device_host *part, struct platform_request *request);
/* Sends what was kept: true when an answer will come, to platform_host_answered(). */
bool platform_request_send(struct device_host *part, enum platform_work work);
/* The answer to this work of the present operation; 'present' is false when there is none. */
void platform_request_answer(
	struct device_host *part, enum platform_work work, struct platform_answer *ret_answer);
/* Forgets what was kept, is under way, or was answered. */
void platform_request_drop(struct device_host *part);
void platform_host_answered(struct device_host *part);

/* ---- platform-settings.c ---- */
/* Where a platform is reached and whom it is believed; all texts are of the configuration. */
struct platform_place {
	const char *ca_file, *proxy;
	const char *session_host; /* of sessions that name none of their own; NULL: mqtt.host */
	uint16_t session_port;
};
/* What the driver of this platform gets as settings; valid while 'room' and the configuration are.
 */
union platform_settings_room {
	struct local_settings local;
	struct cloud_settings cloud;
	struct azure_settings azure;
	struct aws_settings aws;
};
const void *platform_settings_of(
	const struct host *host, const char *platform, union platform_settings_room *room);
void platform_place_of(
	const struct host *host, const char *platform, struct platform_place *ret_place);
/* Where answers to platforms' requests by MQTT come: the gateway's session subscribes to it. NULL =
 * there are none. */
const char *platform_answers(const struct host *host);
/* What a driver sees of a device: valid while 'record', 'token' and 'room' are. 'token' is what was
 * imported for it, empty when the call needs none (platform-description.c). */
void platform_host_show(const struct host *host, const struct device_record *record,
	struct span token, union platform_settings_room *room, struct platform_device *ret_seen);
/* The token that all devices of this platform share, empty when none is configured. */
struct span platform_shared_token(const struct host *host, const char *platform);
/* True when an operator's token is configured: an approval here is made there. */
bool platform_approves_from_here(const struct host *host, const char *platform);
/* What the platform decided about a device, as a row for the journal; false for what decides
 * nothing, and where the technician at this gateway is the platform. */
bool platform_word(const struct device_record *record, const struct platform_step *step,
	struct audit_row *ret_row);
/* Reads the secret files; -errno after a sentence in the log. At start. */
int platform_secrets_load(struct host *host);
/* The first line of such a file; nothing for path "". -errno after a sentence in the log, without
 * one for a file that may be missing and is (-ENOENT). */
int platform_secret_read(const char *path, const char *key, size_t size_max, bool may_be_missing,
	struct secret *ret);
void platform_secrets_clear(struct host *host);
