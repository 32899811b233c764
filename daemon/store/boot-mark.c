/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which readings came since the machine started: the lock file says with which number of which
 * outbox this boot began. It is written without a sync and never believed of another boot, so a
 * power cut cannot make it wrong; where it cannot be read or written, no reading counts as one of
 * this boot.
 */

#include "store/boot-mark.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define MARK_MAX 128

/* All of it but the number. */
static size_t mark_begin(char ret_text[MARK_MAX], const char *boot, uint64_t epoch)
{
	return (size_t)snprintf(ret_text, MARK_MAX, "%s %" PRIu64 " ", boot, epoch);
}

static bool mark_read(int fd, const char *boot, uint64_t epoch, uint64_t *ret_row)
{
	char text[MARK_MAX], begin[MARK_MAX], *end;
	size_t size = mark_begin(begin, boot, epoch);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	uint64_t row;

	if (n <= (ssize_t)size || memcmp(text, begin, size) != 0)
		return false;
	text[n] = '\0';
	row = strtoull(text + size, &end, 10);
	if (end == text + size || *end != '\n')
		return false;
	*ret_row = row;
	return true;
}

static bool mark_write(int fd, const char *boot, uint64_t epoch, uint64_t row)
{
	char text[MARK_MAX];
	size_t size = mark_begin(text, boot, epoch);

	size += (size_t)snprintf(text + size, MARK_MAX - size, "%" PRIu64 "\n", row);
	return ftruncate(fd, 0) == 0 && pwrite(fd, text, size, 0) == (ssize_t)size;
}

uint64_t boot_mark_row(int fd, uint64_t epoch, uint64_t next_row)
{
	char boot[SD_ID128_STRING_MAX];
	uint64_t row;
	sd_id128_t id;

	if (sd_id128_get_boot(&id) < 0)
		return next_row;
	sd_id128_to_string(id, boot);
	if (mark_read(fd, boot, epoch, &row) && row <= next_row)
		return row;
	/* Half of it is none: the next start begins anew. */
	(void)mark_write(fd, boot, epoch, next_row);
	return next_row;
}
