/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Return routability (RFC 9175 section 2.4): who has shown that
 * datagrams reach the address they seem to come from. Pure bookkeeping; times are boot time in
 * microseconds. Head comment in echo.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/device.h"

#define ECHO_SIZE	   12
#define ECHO_LIFETIME_USEC (60 * UINT64_C(1000000))
#define PROBE_TOKEN_SIZE   8
#define PROBE_PAUSE_USEC   (60 * UINT64_C(1000000))
/* Addresses that were asked and did not answer yet; forged ones push each other out. */
#define ECHO_ASKED_MAX 1024

struct echo;

/* verified_max: addresses remembered as verified. 0, -ENOMEM. */
int echo_new(size_t verified_max, struct echo **ret);
struct echo *echo_free(struct echo *echo); /* wipes the key */

/* 4 bytes of boot seconds, 8 bytes of MAC over them, the ip and the interface (not the port: some
 * clients take another one for each request). 0 or -EIO. */
int echo_make(struct echo *echo, const struct device_address *address, uint64_t now_usec,
	uint8_t ret_value[ECHO_SIZE]);
/* True when this address got this value in the last 60 s. */
bool echo_check(struct echo *echo, const struct device_address *address, struct span value,
	uint64_t now_usec);

bool echo_is_verified(struct echo *echo, const struct device_address *address);
/* From now on it is. 1: another address was forgotten for it; 0; -ENOMEM. */
int echo_verify(struct echo *echo, const struct device_address *address);
/* Somebody else is at this address now. */
void echo_forget(struct echo *echo, const struct device_address *address);
size_t echo_verified_count(const struct echo *echo);

/* Notes that the address is asked now; true when it had been asked before (it ignores Echo). */
bool echo_asked(struct echo *echo, const struct device_address *address);
/* May the address be probed now? At most once a minute, and only one that was asked. True: the
 * token is to be sent to it, and the minute begins. */
bool echo_probe_due(struct echo *echo, const struct device_address *address, uint64_t now_usec,
	uint8_t ret_token[PROBE_TOKEN_SIZE]);
/* An answer came from the address: is it the one to our probe? (It does not verify by itself.) */
bool echo_probe_answered(
	struct echo *echo, const struct device_address *address, struct span token);
