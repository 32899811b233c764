/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list under a mutex and an eventfd that says whether the list is empty. Both change together,
 * under the mutex: the eventfd is readable exactly while mail waits. So there is neither a lost
 * wake-up nor one for nothing, and a box that fills faster than it is emptied costs one write() a
 * batch.
 */

#include "base/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

struct mailbox {
	pthread_mutex_t lock; /* guards first, last and the eventfd's value */
	struct mail *first;
	struct mail *last;
	int fd;
};

int mailbox_new(struct mailbox **ret)
{
	struct mailbox *box = malloc(sizeof(*box));
	int r;

	if (!box)
		return -ENOMEM;
	*box = (struct mailbox){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (box->fd < 0) {
		r = -errno;
		free(box);
		return r;
	}
	r = -pthread_mutex_init(&box->lock, NULL);
	if (r < 0) {
		close(box->fd);
		free(box);
		return r;
	}
	*ret = box;
	return 0;
}

struct mailbox *mailbox_free(struct mailbox *box)
{
	if (!box)
		return NULL;
	pthread_mutex_destroy(&box->lock);
	close(box->fd);
	free(box);
	return NULL;
}

int mailbox_fd(const struct mailbox *box)
{
	return box->fd;
}

void mailbox_push(struct mailbox *box, struct mail *mail)
{
	mail->next = NULL;
	mailbox_push_chain(box, mail, mail);
}

void mailbox_push_chain(struct mailbox *box, struct mail *first, struct mail *last)
{
	pthread_mutex_lock(&box->lock);
	if (box->first) {
		box->last->next = first;
	} else {
		box->first = first;
		/* The counter is 0 here, so the write has room and cannot fail; if the descriptor
		 * was closed under us, memory is being misused and going on would lose mail. */
		if (eventfd_write(box->fd, 1) < 0)
			abort();
	}
	box->last = last;
	pthread_mutex_unlock(&box->lock);
}

struct mail *mailbox_take(struct mailbox *box)
{
	struct mail *first;
	eventfd_t value;

	pthread_mutex_lock(&box->lock);
	first = box->first;
	if (first && eventfd_read(box->fd, &value) < 0)
		abort(); /* see mailbox_push_chain() */
	box->first = box->last = NULL;
	pthread_mutex_unlock(&box->lock);
	return first;
}

bool mailbox_wait(struct mailbox *box, int timeout_msec)
{
	struct pollfd descriptor = {.fd = box->fd, .events = POLLIN};
	uint64_t start = clock_boot_usec();
	int left = timeout_msec;

	for (;;) {
		int n = poll(&descriptor, 1, left);
		uint64_t passed;

		if (n >= 0 || errno != EINTR)
			return n > 0;
		if (timeout_msec < 0)
			continue;
		passed = (clock_boot_usec() - start) / USEC_PER_MSEC;
		left = passed < (uint64_t)timeout_msec ? timeout_msec - (int)passed : 0;
	}
}
