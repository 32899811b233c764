/* SPDX-License-Identifier: Apache-2.0 */

/* The words for what was lost. */

#include "core/metrics.h"

#include <stddef.h>

static const char *const words[LOSTS] = {
	[LOST_REVOKED] = "revoked",
	[LOST_REFUSED] = "refused",
	[LOST_MISSING] = "missing",
	[LOST_TOO_OLD] = "too-old",
	[LOST_FOR_ROOM] = "for-room",
	[LOST_UNSTORED] = "not-stored",
};

const char *lost_why_to_string(enum lost_why why)
{
	return (unsigned)why < LOSTS ? words[why] : NULL;
}
