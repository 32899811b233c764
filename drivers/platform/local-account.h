/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Accounts of 'local' at a mosquitto with its dynamic security plugin: one for each registration
 * token, made and deleted by requests over the gateway's own session
 * (https://mosquitto.org/documentation/dynamic-security/). An account may use one client id, that
 * of its device, and write that device's topics; its role has its name, so that two accounts of one
 * device never share anything. Each request can be said again: what is there already is made, what
 * is not there is deleted.
 */

#include "drivers/platform.h"

#define ACCOUNT_TOPIC	"$CONTROL/dynamic-security/v1"
#define ACCOUNT_ANSWERS "$CONTROL/dynamic-security/v1/response"

/* The credential of a new account: user name and password. */
int account_make(const struct driver_services *services, const struct device_record *record,
	const char *gateway_id, struct secret *ret_value);
bool account_is(struct span value);
/* -EBADMSG for what is none. */
int account_session(struct span value, const struct device_record *record, const char *gateway_id,
	struct platform_session *ret_session);
int account_create(struct span value, const struct device_record *record, const char *gateway_id,
	struct platform_request *ret_request);
/* The names of all accounts in this record's credentials and blob, as a value that outlives it; it
 * is empty when there are none. */
int account_names(const struct device_record *record, struct secret *ret_names);
/* -EBADMSG when these are no names; -ENOMEM: that says nothing about the accounts. */
int account_delete(struct span names, struct platform_request *ret_request);
/* True when everything that the request asked for is so now; otherwise it was said why. */
bool account_is_done(const struct driver_services *services, const char *device_id,
	const struct platform_answer *answer);
