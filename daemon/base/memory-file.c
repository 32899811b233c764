/* SPDX-License-Identifier: Apache-2.0 */

/*
 * memfd_create(2). F_SEAL_FUTURE_WRITE (Linux 5.1) forbids what F_SEAL_WRITE forbids but for the
 * mapping that exists already. A kernel from 6.3 on wants to be told that it is nothing to execute;
 * an older one does not know the flag.
 */

#include "base/memory-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crypto.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static int make_fd(void)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("gatehouse", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("gatehouse", flags);
	return fd < 0 ? -errno : fd;
}

static int fill(int fd, struct span content, void **ret_bytes)
{
	void *bytes;

	if (ftruncate(fd, (off_t)content.size) < 0)
		return -errno;
	bytes = mmap(NULL, content.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	memcpy(bytes, content.data, content.size);
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
		int r = -errno;

		crypto_wipe(bytes, content.size);
		munmap(bytes, content.size);
		return r;
	}
	*ret_bytes = bytes;
	return 0;
}

int memory_file_make(struct memory_file *file, struct span content)
{
	void *bytes = NULL;
	int fd, r;

	*file = (struct memory_file){.fd = -1};
	if (content.size == 0)
		return -EINVAL;
	fd = make_fd();
	if (fd < 0)
		return fd;
	r = fill(fd, content, &bytes);
	if (r < 0) {
		close(fd);
		return r;
	}
	*file = (struct memory_file){.fd = fd, .bytes = bytes, .size = content.size};
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", fd);
	return 0;
}

void memory_file_close(struct memory_file *file)
{
	if (!file->bytes)
		return;
	crypto_wipe(file->bytes, file->size);
	munmap(file->bytes, file->size);
	close(file->fd);
	*file = (struct memory_file){.fd = -1};
}
