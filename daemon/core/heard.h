/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Heard and turned away: for 15 minutes, by reason. The first question on site. Plain counters in
 * minute buckets. */

#include <stdint.h>

enum turned_away {
	AWAY_WINDOW_CLOSED,
	AWAY_WRONG_INTERFACE,
	AWAY_NO_ECHO, /* asked for Echo, did not come back with it */
	AWAY_MALFORMED,
	AWAY_NAME_CONFLICT,
	AWAY_NOT_APPROVED,
	AWAY_BLOCKED,
	AWAY_OVER_LIMIT,
	AWAY_OVER_RATE,
	AWAY_PLAIN_REFUSED,
	AWAY_STORE_FULL,
	AWAY_HANDSHAKE,	  /* DTLS: unknown identity, wrong key or given up */
	AWAY_CERTIFICATE, /* DTLS: a certificate that does not lead to a registered authority */
	AWAY_FORMAT,	  /* content format, or not SenML */
	AWAY_WRONG_PROOF,
	AWAYS
};
#define HEARD_MINUTES 15

struct heard {
	uint32_t count[AWAYS][HEARD_MINUTES];
	uint64_t minute;       /* minute since boot of the newest bucket */
	uint64_t total[AWAYS]; /* since the start */
};
void heard_add(struct heard *heard, enum turned_away why, uint64_t now_usec);
uint64_t heard_sum(struct heard *heard, enum turned_away why, uint64_t now_usec);
const char *turned_away_to_string(enum turned_away why); /* "window-closed" */
const char *turned_away_remedy(enum turned_away why);	 /* a sentence: what to do */
