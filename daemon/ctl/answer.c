/* SPDX-License-Identifier: Apache-2.0 */

/* What commands answer with besides a view: a refusal in words, or a file. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "ctl/command.h"
#include "ctl/table.h"

#define REFUSAL_SIZE 512

int ctl_refuse(struct ctl *ctl, const char *format, ...)
{
	char text[REFUSAL_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	line_print(ctl->err, text);
	return EXIT_REFUSED;
}

void ctl_pulse(struct ctl *ctl, struct pulse *ret_pulse, const char *what)
{
	*ret_pulse = (struct pulse){
		.out = ctl->err, .what = what, .step = ++ctl->step, .steps = ctl->steps};
	pulse_begin(ret_pulse);
}

int ctl_write_file(struct ctl *ctl, const char *path, struct span content)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	CLEANUP(cleanup_free) char *directory = NULL;
	const char *slash = strrchr(path, '/');
	struct pulse pulse;
	int r;

	directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	r = fd < 0 ? -errno : 0;
	ctl_pulse(ctl, &pulse, "writing the file");
	if (r == 0)
		r = file_create(fd, slash ? slash + 1 : path, content, 0600);
	pulse_end(&pulse);
	if (r < 0)
		return ctl_refuse(ctl, "%.200s cannot be written: %s.", path, strerror(-r));
	return EXIT_DONE;
}
