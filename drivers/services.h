/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a driver may use, and nothing else: no files, no timers, no retries of its own, no state. A
 * driver that needs the network returns a request in its answer (see platform.h); the host carries
 * it out, with time-outs, limits, retries and persistence, and calls again.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/span.h"

struct driver_services {
	int64_t (*now)(void);	       /* wall milliseconds */
	bool (*clock_is_synced)(void); /* false: 'now' may be wrong by years */
	void (*random)(void *ret_bytes, size_t size);
	int (*hmac_sha256)(struct span key, const struct span *parts, size_t count,
		uint8_t ret_mac[SHA256_SIZE]);
	void (*log)(int priority, const char *device_id, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
};
