/* SPDX-License-Identifier: Apache-2.0 */
/* See progress.h. */

#include "ctl/progress.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define AFTER_USEC UINT64_C(1000000)
#define BAR	   (PROGRESS_BAR_SIZE - 1)

const char *progress_bar(size_t done, size_t total, char ret_bar[PROGRESS_BAR_SIZE])
{
	size_t filled = (size_t)((uint64_t)done * BAR / total);

	memset(ret_bar, '-', BAR);
	memset(ret_bar, '#', filled);
	ret_bar[BAR] = '\0';
	return ret_bar;
}

static size_t draw(const struct progress *progress, size_t done, char *ret_line, size_t capacity)
{
	char bar[PROGRESS_BAR_SIZE];

	if (progress->total == 0)
		return (size_t)snprintf(ret_line, capacity, "%zu %s", done, progress->what);
	if (done > progress->total)
		done = progress->total;
	return (size_t)snprintf(ret_line, capacity, "[%s] %3u%%  %zu of %zu %s",
		progress_bar(done, progress->total, bar),
		(unsigned)((uint64_t)done * 100 / progress->total), done, progress->total,
		progress->what);
}

void progress_show(struct progress *progress, size_t done)
{
	uint64_t now = clock_boot_usec();
	char line[120];
	size_t size;

	if (!progress->from_usec)
		progress->from_usec = now;
	if (!isatty(fileno(progress->out))) {
		if (progress->lines)
			fprintf(progress->out, "%zu of %zu %s sent\n", done, progress->total,
				progress->what);
		return;
	}
	if (now - progress->from_usec < AFTER_USEC)
		return;
	size = draw(progress, done, line, sizeof(line));
	/* What is left of a longer line is written over. */
	fprintf(progress->out, "\r%s%*s", line,
		progress->shown > size ? (int)(progress->shown - size) : 0, "");
	fflush(progress->out);
	progress->shown = size;
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fprintf(progress->out, "\r%*s\r", (int)progress->shown, "");
	fflush(progress->out);
	progress->shown = 0;
}
