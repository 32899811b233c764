/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A dead letter: a reading that its platform will never take, as a list shows it. Its body stays on
 * disk. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/device.h"

#define LETTERS_AT_ONCE	  200
#define LETTER_REASON_MAX 95

struct letter {
	uint64_t row, device_row;
	enum trust trust;
	int64_t time; /* wall milliseconds: when it was accepted */
	bool clock_synced;
	uint16_t format; /* of CoAP */
	uint64_t size;	 /* of the body */
	int64_t buried;	 /* wall milliseconds */
	char reason[LETTER_REASON_MAX + 1];
};

/* Newest first. 'next' is the 'before' with which it goes on; 0 = there are no more. */
typedef void (*letters_fn)(
	void *userdata, int result, const struct letter *letters, size_t count, uint64_t next);
