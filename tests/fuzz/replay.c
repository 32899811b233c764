/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over the files of the directories given, so that every corpus is a plain test
 * without libFuzzer. Each input stands in memory of exactly its size: the sanitizer sees the first
 * byte behind it. No file at all is a failure: a test that looks at nothing cannot fail.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 for a file that was run, 0 for what is no file, negative errno. */
static int file_run(int directory, const char *name)
{
	CLEANUP(cleanup_close) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	struct stat status;
	ssize_t size;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return 0;
	data = malloc((size_t)status.st_size);
	if (!data && status.st_size > 0)
		return -ENOMEM;
	size = status.st_size > 0 ? read(fd, data, (size_t)status.st_size) : 0;
	if (size != status.st_size)
		return size < 0 ? -errno : -EIO;
	LLVMFuzzerTestOneInput(data, (size_t)size);
	return 1;
}

/* The number of files run, or negative errno. */
static int directory_run(const char *path)
{
	DIR *directory = opendir(path);
	int count = 0, r = 0;
	struct dirent *entry;

	if (!directory)
		return -errno;
	while (r >= 0 && (entry = readdir(directory))) {
		r = file_run(dirfd(directory), entry->d_name);
		if (r < 0)
			fprintf(stderr, "%s/%s: %s\n", path, entry->d_name, strerror(-r));
		else
			count += r;
	}
	closedir(directory);
	return r < 0 ? r : count;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		int r = directory_run(argv[i]);

		if (r <= 0) {
			fprintf(stderr, "%s: %s\n", argv[i], r < 0 ? strerror(-r) : "no file");
			return EXIT_FAILURE;
		}
		count += r;
	}
	printf("%d inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
