/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file is a row of entries: size, number, flags, lifetime, four lengths, the row of the device
 * whose session it came by (only with its flag), the four texts, and eight bytes of the SHA-256 of
 * all that. An entry is written with one write() and fdatasync(); the
 * first that does not fit ends what is read. It is the one file of the state directory that more
 * than one thread touches: a mutex stands before it, and nobody who holds it waits for another
 * thread. It is held over a sync, so the loop does not take it: it only counts what is left.
 */

#include "store/arrivals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/files.h"

#define FILE_NAME    "arrivals"
#define ARRIVAL_MAX  8192	       /* bytes of an entry */
#define ARRIVALS_MAX ((size_t)1 << 20) /* bytes of the file */
#define CHECK_SIZE   8

struct head {
	uint32_t size; /* of the whole entry */
	uint32_t lifetime;
	uint64_t number;
	uint32_t flags;
	uint32_t topic, payload, response_topic, correlation; /* bytes */
};
#define FLAG_UNUSABLE 1U
#define FLAG_OWNER    2U

struct arrivals {
	pthread_mutex_t mutex;
	int fd;
	size_t size; /* bytes in the file that count */
	uint64_t next_number;
	_Atomic unsigned waiting; /* kept and not settled */
	uint64_t last;		  /* dealt with before this start */
	uint8_t *replay;	  /* what the file held then */
	size_t replay_size;
};

static void put(uint8_t **at, struct span bytes)
{
	if (bytes.size)
		memcpy(*at, bytes.data, bytes.size);
	*at += bytes.size;
}

static struct span take(const uint8_t **at, size_t size)
{
	struct span bytes = span_of(*at, size);

	*at += size;
	return bytes;
}

static int check_of(struct span entry, uint8_t ret_check[CHECK_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	int r = crypto_sha256(entry, digest);

	if (r >= 0)
		memcpy(ret_check, digest, CHECK_SIZE);
	return r;
}

/* ---- reading ---- */

/* The entry at the start of 'bytes'. False: there is none, or it is torn. */
static bool entry_read(struct span bytes, struct head *ret_head, struct store_arrival *ret_arrival)
{
	uint8_t check[CHECK_SIZE];
	struct store_arrival arrival;
	const uint8_t *at;
	struct head head;
	uint64_t whole = sizeof(head) + CHECK_SIZE;
	size_t owner;

	if (bytes.size < whole)
		return false;
	memcpy(&head, bytes.data, sizeof(head));
	owner = head.flags & FLAG_OWNER ? sizeof(arrival.owner) : 0;
	whole += owner + (uint64_t)head.topic + head.payload + head.response_topic +
		 head.correlation;
	if (head.size != whole || head.size > bytes.size || head.size > ARRIVAL_MAX)
		return false;
	if (check_of(span_of(bytes.data, head.size - CHECK_SIZE), check) < 0 ||
		memcmp(check, bytes.data + head.size - CHECK_SIZE, CHECK_SIZE) != 0)
		return false;
	arrival = (struct store_arrival){
		.lifetime = head.lifetime, .unusable = head.flags & FLAG_UNUSABLE};
	/* One after the other: an initialiser may be evaluated in any order. */
	at = bytes.data + sizeof(head);
	memcpy(&arrival.owner, take(&at, owner).data, owner);
	arrival.topic = take(&at, head.topic);
	arrival.payload = take(&at, head.payload);
	arrival.response_topic = take(&at, head.response_topic);
	arrival.correlation = take(&at, head.correlation);
	*ret_arrival = arrival;
	*ret_head = head;
	return true;
}

/* Counts what is to be dealt with again, and finds the end of what is sound. */
static void scan(struct arrivals *arrivals)
{
	struct span left = span_of(arrivals->replay, arrivals->replay_size);
	struct store_arrival arrival;
	struct head head;

	while (entry_read(left, &head, &arrival)) {
		if (head.number > arrivals->last)
			arrivals->waiting++;
		if (head.number >= arrivals->next_number)
			arrivals->next_number = head.number + 1;
		left = span_of(left.data + head.size, left.size - head.size);
	}
	arrivals->size = arrivals->replay_size - left.size;
}

int arrivals_replay(struct arrivals *arrivals, store_arrival_fn each, void *userdata)
{
	CLEANUP(cleanup_free) uint8_t *bytes = STEAL(arrivals->replay);
	struct span left = span_of(bytes, bytes ? arrivals->replay_size : 0);
	struct store_arrival arrival;
	struct head head;
	int r = 0;

	while (r >= 0 && entry_read(left, &head, &arrival)) {
		arrival.number = head.number;
		if (head.number > arrivals->last)
			r = each(userdata, &arrival);
		left = span_of(left.data + head.size, left.size - head.size);
	}
	return r;
}

/* ---- writing ---- */

/* With the mutex. A failure changes nothing: what is found again has a number that is known. */
static void file_empty(struct arrivals *arrivals)
{
	if (!arrivals->waiting && arrivals->size && ftruncate(arrivals->fd, 0) == 0)
		arrivals->size = 0;
}

static int entry_write(struct arrivals *arrivals, struct span entry)
{
	size_t done = 0;

	while (done < entry.size) {
		ssize_t n = pwrite(arrivals->fd, entry.data + done, entry.size - done,
			(off_t)(arrivals->size + done));

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fdatasync(arrivals->fd) < 0 ? -errno : 0;
}

int arrivals_keep(
	struct arrivals *arrivals, const struct store_arrival *arrival, uint64_t *ret_number)
{
	size_t owner = arrival->owner ? sizeof(arrival->owner) : 0;
	uint64_t size = (uint64_t)sizeof(struct head) + owner + arrival->topic.size +
			arrival->payload.size + arrival->response_topic.size +
			arrival->correlation.size + CHECK_SIZE;
	struct head head = {.size = (uint32_t)size,
		.lifetime = arrival->lifetime,
		.flags = (arrival->unusable ? FLAG_UNUSABLE : 0) | (owner ? FLAG_OWNER : 0),
		.topic = (uint32_t)arrival->topic.size,
		.payload = (uint32_t)arrival->payload.size,
		.response_topic = (uint32_t)arrival->response_topic.size,
		.correlation = (uint32_t)arrival->correlation.size};
	uint8_t entry[ARRIVAL_MAX], *at = entry;
	int r = -ENOSPC;

	if (size > ARRIVAL_MAX)
		return -EMSGSIZE;
	pthread_mutex_lock(&arrivals->mutex);
	file_empty(arrivals);
	head.number = arrivals->next_number;
	put(&at, span_of(&head, sizeof(head)));
	put(&at, span_of(&arrival->owner, owner));
	put(&at, arrival->topic);
	put(&at, arrival->payload);
	put(&at, arrival->response_topic);
	put(&at, arrival->correlation);
	if (arrivals->size + size <= ARRIVALS_MAX)
		r = check_of(span_of(entry, size - CHECK_SIZE), at);
	if (r >= 0)
		r = entry_write(arrivals, span_of(entry, size));
	if (r >= 0) {
		arrivals->size += size;
		arrivals->waiting++;
		*ret_number = arrivals->next_number++;
	}
	pthread_mutex_unlock(&arrivals->mutex);
	return r;
}

bool arrivals_settle(struct arrivals *arrivals, uint64_t number)
{
	return number && arrivals->waiting && --arrivals->waiting == 0;
}

void arrivals_empty(struct arrivals *arrivals)
{
	/* Who has it keeps one: then something waits. */
	if (pthread_mutex_trylock(&arrivals->mutex) != 0)
		return;
	file_empty(arrivals);
	pthread_mutex_unlock(&arrivals->mutex);
}

/* ---- birth and death ---- */

static int open_fd(struct arrivals *arrivals, int directory_fd)
{
	int r = file_read(
		directory_fd, FILE_NAME, ARRIVALS_MAX, &arrivals->replay, &arrivals->replay_size);

	if (r < 0 && r != -ENOENT)
		return r;
	arrivals->fd =
		openat(directory_fd, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return arrivals->fd < 0 ? -errno : 0;
}

int arrivals_new(int directory_fd, uint64_t last, struct arrivals **ret)
{
	struct arrivals *arrivals = calloc(1, sizeof(*arrivals));
	int r;

	if (!arrivals)
		return -ENOMEM;
	pthread_mutex_init(&arrivals->mutex, NULL);
	arrivals->fd = -EBADF;
	arrivals->last = last;
	arrivals->next_number = last + 1;
	r = open_fd(arrivals, directory_fd);
	if (r >= 0 && arrivals->replay)
		scan(arrivals);
	if (r >= 0 && !arrivals->waiting) {
		arrivals->size = 0;
		r = ftruncate(arrivals->fd, 0) < 0 ? -errno : 0;
	}
	if (r < 0) {
		arrivals_free(arrivals);
		return r;
	}
	*ret = arrivals;
	return 0;
}

struct arrivals *arrivals_free(struct arrivals *arrivals)
{
	if (!arrivals)
		return NULL;
	file_empty(arrivals);
	cleanup_close(&arrivals->fd);
	pthread_mutex_destroy(&arrivals->mutex);
	free(arrivals->replay);
	free(arrivals);
	return NULL;
}
