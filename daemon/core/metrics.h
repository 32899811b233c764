/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is counted on the road of a reading for whoever watches the gateway; the host adds, the api
 * shows. Everything else that /metrics tells is counted where it happens. */

#include "core/histogram.h"
#include "core/pace.h"

/* What became of readings that were acknowledged and will not be delivered. */
enum lost_why {
	LOST_REVOKED,  /* their device was revoked, released, blocked or forgotten */
	LOST_REFUSED,  /* the platform will never take them: dead letters */
	LOST_MISSING,  /* they were not found on file */
	LOST_TOO_OLD,  /* outbox.max_age */
	LOST_FOR_ROOM, /* outbox.when_full = drop-oldest */
	LOST_UNSTORED, /* durability 'memory': there was no room for them on the disk */
	LOSTS
};
const char *lost_why_to_string(enum lost_why why); /* "revoked" ... */

struct metrics {
	struct histogram commit;  /* from the datagram's end to the disk */
	struct histogram publish; /* from the PUBLISH to its PUBACK */
	struct pace taken;	  /* bytes that were accepted */
	uint64_t lost[LOSTS];
	uint64_t untold; /* readings that were given up, and whose platform cannot be told */
};
