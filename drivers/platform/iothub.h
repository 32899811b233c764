/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Azure IoT Hub, for every platform whose devices end up there: connection strings, the credential
 * that such a platform's driver keeps, the session, topics and property bags in both directions.
 * MQTT 3.1.1 without retained messages; one session for each device.
 */

#include "drivers/platform.h"

/* "Key=value;Key=value": spans into the text. */
struct iothub_connection {
	struct span device; /* DeviceId */
	struct span sas;    /* SharedAccessSignature, the whole of it */
};
/* -EBADMSG when a part is missing, stands there twice, or cannot be part of a topic or header. */
int iothub_connection_read(struct span text, struct iothub_connection *ret_connection);

/* What is kept as the credential of a device: its registration token and the session that it buys.
 * The texts point into the bytes that were read. Without a session (not bound yet) host, device,
 * sas and identity are empty; a session has one of the two. */
struct iothub_credential {
	struct span token;
	int64_t token_since, token_expires; /* wall milliseconds, expires 0 = never */
	struct span host, device, sas;
	struct span identity; /* base/identity.h */
	int64_t sas_expires;  /* or the certificate's end */
};
int iothub_credential_make(const struct iothub_credential *credential, struct secret *ret_bytes);
/* -EBADMSG for what is no such credential. */
int iothub_credential_read(struct span bytes, struct iothub_credential *ret_credential);

/* 'api_version' as "2018-06-30". -EBADMSG without a session in the credential. */
int iothub_session(const struct device_record *record, const char *api_version,
	struct platform_session *ret_session);

/* ---- hooks of such a platform's driver (drivers/platform.h) ---- */

/* Readings, gaps and what became of commands as events, the status as reported properties; -ENOTSUP
 * for all else, which has no place there. The gh-* values are properties of the bag. */
int iothub_encode(const struct driver_services *services, const struct upstream_item *item,
	struct upstream_message *ret_message);
/* The filters of the device: cloud-to-device messages, direct methods, its twin. Each hears what is
 * for it alone: -ENOTSUP for the gateway's own session, and past the last one; -EMSGSIZE. */
int iothub_listen(const struct device_record *record, const char *gateway_id, unsigned at,
	char *ret_filter, size_t capacity);
/* Cloud-to-device messages and direct methods are commands, desired properties a configuration. The
 * topic of the former names the device as the platform does; the others are for the device whose
 * session they come by. */
int iothub_decode(const struct driver_services *services, const char *gateway_id, const char *topic,
	struct span payload, bool retained, struct inbound_message *ret_message);

/* ---- iothub-method.c ---- */
/* 'rest' is what follows $iothub/methods/POST/: a command whose caller waits, or REFUSED, or
 * IGNORED. */
int iothub_method_decode(
	const char *rest, struct span payload, struct inbound_message *ret_message);
/* True when this command came as a direct method. */
bool iothub_method_is(const struct command *command);
/* Its answer: a status, and the same text that is said of every command. */
int iothub_method_encode(const struct command *command, struct upstream_message *ret_message);

/* ---- iothub-twin.c ---- */
/* STATUS: reported properties; ASK. */
int iothub_twin_encode(const struct upstream_item *item, struct upstream_message *ret_message);
/* True when this command came from desired properties; what became of it, as reported ones. */
bool iothub_twin_is(const struct command *command);
int iothub_twin_encode_result(const struct command *command, struct upstream_message *ret_message);
/* 'rest' is what follows $iothub/twin/. */
int iothub_twin_decode(const char *rest, struct span payload, struct inbound_message *ret_message);

/* Percent-encoding of one name or value (RFC 3986, unreserved characters stay). -EMSGSIZE. */
int iothub_escape(const char *text, char *ret_text, size_t capacity);
/* The value of a name in a bag, decoded: 1 found, 0 not there. -EBADMSG, -EMSGSIZE. */
int iothub_bag_find(const char *bag, const char *name, char *ret_value, size_t capacity);
