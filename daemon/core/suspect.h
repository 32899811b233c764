/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which reading a broker hangs up about. MQTT 3.1.1 has no word for a message that will never be
 * taken but the end of the connection (sections 3.3.5, 4.8). Sent again after each connect, such a
 * reading would keep all behind it waiting for ever. Of one session, pure:
 *
 *	connection ends        the oldest unanswered reading is the suspect
 *	... twice, about it    as many as were in flight go out one at a time from now on: what was
 *	    or another one     answered may have been lost with the connection, so it need not be
 *			       the one that is to blame, nor be the same each time
 *	... a third time about it is to blame
 *	    it, and it was
 *	    alone
 *	a suspect is taken     nobody is suspected any more
 *
 * One is put aside, and then no other before the peer has taken something: a peer that takes
 * nothing at all (no right to a topic, a quota, a line that breaks) means no reading in particular.
 */

#include <stdbool.h>
#include <stdint.h>

/* All-zero: nobody is suspected. */
struct suspect {
	uint64_t row;	   /* 0 = none */
	unsigned ends;	   /* connections that ended about it, in succession */
	unsigned in_a_row; /* about it or another, since a suspect was taken */
	unsigned alone;	   /* so many readings still go out one at a time */
	bool flying;	   /* one of them is on its way */
	bool blamed;	   /* one was put aside, and nothing was taken since */
};

/* May a reading be handed over now? */
bool suspect_has_room(const struct suspect *suspect);
void suspect_sent(struct suspect *suspect);
/* The reading was taken. */
void suspect_taken(struct suspect *suspect, uint64_t row);
/* What was in flight is not any more, and that says nothing about it. */
void suspect_excused(struct suspect *suspect);
/* The peer ended the connection while 'in_flight' readings were unanswered; 'row' left first of
 * them (0 = none of them is suspected). True: that one is to blame. */
bool suspect_blamed(struct suspect *suspect, uint64_t row, unsigned in_flight);
