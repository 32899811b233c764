/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a platform has still to be told: that an operation is not wanted any more (CANCEL), or that
 * a credential is not to be taken any more (REVOKE). It is saved with the change that decided it
 * and deleted when the platform has confirmed it, so neither a crash nor a platform that is away
 * loses it. The device may be forgotten, or taken in anew, meanwhile.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"

struct withdrawal {
	uint64_t row;
	char device_id[DEVICE_ID_MAX + 1], ep[EP_MAX + 1], platform[17];
	bool cancel;	    /* otherwise it is a revocation */
	int64_t since;	    /* wall milliseconds */
	struct secret blob; /* what its driver needs for it */
};

/* A copy of what is said of this record; 'blob' is copied. -ENOMEM. */
int withdrawal_new(
	const struct device_record *record, bool cancel, struct span blob, struct withdrawal **ret);
int withdrawal_copy(const struct withdrawal *from, struct withdrawal **ret);
struct withdrawal *withdrawal_free(struct withdrawal *withdrawal); /* wipes */
/* What 'before' holds of credentials and of an unfinished operation, and 'next' (NULL: the device
 * goes) does not any more, as a record of its own in which the rest of these is empty. 1 with it, 0
 * when that is nothing, -ENOMEM. */
int withdrawal_of_change(const struct device_record *before, const struct device_record *next,
	struct device_record **ret_gone);
