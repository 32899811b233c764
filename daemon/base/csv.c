/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A field is plain or in quotation marks; inside of those a comma is a comma and two quotation
 * marks are one. Blanks belong to the field. Splitting happens in place: a field never becomes
 * longer.
 */

#include "base/csv.h"

#include <stdbool.h>
#include <string.h>

/* Takes the quotation marks off a field that begins at *at; *at is behind the closing one then. */
static const char *unquote(char **at, const char *end, char **ret_end)
{
	char *from = *at + 1, *to = *at;

	for (;;) {
		if (from == end)
			return "has a quotation mark that is not closed";
		if (*from == '"') {
			if (from + 1 == end || from[1] != '"')
				break;
			from++;
		}
		*to++ = *from++;
	}
	*at = from + 1;
	*ret_end = to;
	return NULL;
}

const char *csv_split(
	char *line, size_t size, char **ret_field, size_t fields_max, size_t *ret_count)
{
	char *at = line, *end = line + size, *field_end;
	size_t count = 0;
	const char *why;
	bool more = true;

	if (memchr(line, '\0', size))
		return "holds a NUL";
	while (more) {
		if (count == fields_max)
			return "has too many fields (a comma inside of one needs quotation marks "
			       "around it)";
		ret_field[count] = at;
		if (at < end && *at == '"') {
			why = unquote(&at, end, &field_end);
			if (why)
				return why;
			if (at < end && *at != ',')
				return "has text behind a closing quotation mark";
		} else {
			while (at < end && *at != ',')
				at++;
			if (memchr(ret_field[count], '"', (size_t)(at - ret_field[count])))
				return "has a quotation mark inside of a field that does not begin "
				       "with one";
			field_end = at;
		}
		count++;
		more = at < end;
		at++;
		*field_end = '\0';
	}
	*ret_count = count;
	return NULL;
}
