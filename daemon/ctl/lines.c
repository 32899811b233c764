/* SPDX-License-Identifier: Apache-2.0 */

/* One buffer for a line, and one for the stream instead of its own, so that both can be wiped. */

#include "ctl/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

DEFINE_CLEANUP(FILE *, fclose, cleanup_file)

/* One line without its end, at most LINE_SIZE_MAX bytes; of a longer one the rest is read over and
 * its size is LINE_SIZE_MAX + 1. False at the end of the file. */
static bool read_line(FILE *in, char *line, size_t *ret_size)
{
	size_t size = 0;
	int c;

	while ((c = fgetc(in)) != EOF && c != '\n') {
		if (size < LINE_SIZE_MAX)
			line[size] = (char)c;
		size += size <= LINE_SIZE_MAX;
	}
	if (size <= LINE_SIZE_MAX)
		line[size] = '\0';
	*ret_size = size;
	return c != EOF || size > 0;
}

static int take_line(char *line, size_t size, unsigned number, line_fn take, void *userdata)
{
	if (size > LINE_SIZE_MAX)
		return take(userdata, line, size, number);
	if (size > 0 && line[size - 1] == '\r')
		line[--size] = '\0';
	if (number == 1 && size >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3;
		size -= 3;
	}
	return size ? take(userdata, line, size, number) : 0;
}

static int read_lines(FILE *in, line_fn take, void *userdata)
{
	char line[LINE_SIZE_MAX + 1];
	unsigned number = 0;
	size_t size;
	int r = 0;

	while (r >= 0 && read_line(in, line, &size))
		r = take_line(line, size, ++number, take, userdata);
	crypto_wipe(line, sizeof(line));
	return r >= 0 && ferror(in) ? -EIO : r;
}

int lines_read(const char *path, line_fn take, void *userdata)
{
	CLEANUP(cleanup_file) FILE *opened = NULL;
	char buffer[4096];
	FILE *in = stdin;
	int r;

	if (strcmp(path, "-") != 0) {
		in = opened = fopen(path, "re");
		if (!opened)
			return -errno;
	}
	setvbuf(in, buffer, _IOFBF, sizeof(buffer));
	r = read_lines(in, take, userdata);
	setvbuf(in, NULL, _IONBF, 0);
	crypto_wipe(buffer, sizeof(buffer));
	return r;
}
