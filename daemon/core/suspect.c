/* SPDX-License-Identifier: Apache-2.0 */

#include "core/suspect.h"

#define ENDS_TO_LOOK  2 /* from then on one at a time */
#define ENDS_TO_BLAME 3

bool suspect_has_room(const struct suspect *suspect)
{
	return !suspect->alone || !suspect->flying;
}

void suspect_sent(struct suspect *suspect)
{
	suspect->flying = true;
}

static void ended(struct suspect *suspect)
{
	suspect->flying = false;
	if (suspect->alone)
		suspect->alone--;
}

void suspect_taken(struct suspect *suspect, uint64_t row)
{
	ended(suspect);
	suspect->blamed = false;
	if (suspect->row == row) {
		suspect->row = 0;
		suspect->ends = suspect->in_a_row = 0;
	}
}

void suspect_excused(struct suspect *suspect)
{
	suspect->flying = false;
}

bool suspect_blamed(struct suspect *suspect, uint64_t row, unsigned in_flight)
{
	suspect->flying = false;
	if (!row)
		return false;
	if (suspect->row != row)
		suspect->ends = 0;
	suspect->row = row;
	suspect->ends++;
	suspect->in_a_row++;
	if (suspect->ends >= ENDS_TO_BLAME && in_flight == 1 && !suspect->blamed) {
		suspect_taken(suspect, row);
		suspect->blamed = true;
		return true;
	}
	if (suspect->in_a_row >= ENDS_TO_LOOK && suspect->alone < in_flight)
		suspect->alone = in_flight;
	return false;
}
