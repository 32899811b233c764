/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counts what a program asks of libc, thread by thread, while it runs at its own speed: preloaded
 * with COUNTS_FILE, a file of sizeof(struct slot) * SLOTS bytes that whoever measures maps and
 * reads at any moment. A thread has a slot of its own, so that counting takes no lock.
 *
 * Not seen: what the compiler put in place of a call (a copy of few bytes), what libc does inside
 * itself, and the sleeps of a lock; these are in /proc.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS 512

/* The calls into the kernel, in the order of the file; tests/bench/counts reads their names here.
 */
#define SYSTEM_CALLS(DO)    \
	DO(read)            \
	DO(write)           \
	DO(pread64)         \
	DO(pwrite64)        \
	DO(readv)           \
	DO(writev)          \
	DO(recv)            \
	DO(recvfrom)        \
	DO(recvmsg)         \
	DO(recvmmsg)        \
	DO(send)            \
	DO(sendto)          \
	DO(sendmsg)         \
	DO(sendmmsg)        \
	DO(fsync)           \
	DO(fdatasync)       \
	DO(poll)            \
	DO(epoll_wait)      \
	DO(epoll_pwait2)    \
	DO(epoll_ctl)       \
	DO(timerfd_settime) \
	DO(getsockopt)      \
	DO(setsockopt)

enum call {
#define ROW(name) CALL_##name,
	SYSTEM_CALLS(ROW)
#undef ROW
		CALLS
};

/* Read by tests/bench/counts: 64-bit words, in this order. */
struct slot {
	uint64_t thread; /* its id; 0 = nobody's */
	uint64_t allocations, allocated, frees;
	uint64_t copies, copied;
	uint64_t call[CALLS];
};

static struct slot *table;
static atomic_uint taken;
/* Where malloc() can reach it without memory of its own. */
static __thread struct slot *own __attribute__((tls_model("initial-exec")));
/* Before there is a table, and for threads beyond its end. */
static struct slot nobody;

static struct slot *slot_own(void)
{
	unsigned at;

	if (own)
		return own;
	if (!table)
		return &nobody;
	at = atomic_fetch_add(&taken, 1);
	own = at < SLOTS ? &table[at] : &nobody;
	own->thread = (uint64_t)syscall(SYS_gettid);
	return own;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("COUNTS_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *memory;

	if (fd < 0)
		return;
	memory = mmap(NULL, SLOTS * sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory != MAP_FAILED)
		table = memory;
	close(fd);
}

/* ---- memory: glibc's own names, which need no look-up and so no memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static void allocated(size_t size)
{
	struct slot *slot = slot_own();

	slot->allocations++;
	slot->allocated += size;
}

void *malloc(size_t size)
{
	allocated(size);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocated(count * size);
	return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	allocated(size);
	return __libc_realloc(memory, size);
}

void free(void *memory)
{
	if (memory)
		slot_own()->frees++;
	__libc_free(memory);
}

/* ---- copies ---- */

typedef void *(*copy_fn)(void *to, const void *from, size_t size);

static void *copy(_Atomic(copy_fn) *real, const char *name, void *to, const void *from, size_t size)
{
	copy_fn found = atomic_load_explicit(real, memory_order_relaxed);
	struct slot *slot = slot_own();

	slot->copies++;
	slot->copied += size;
	if (!found) {
		found = (copy_fn)(uintptr_t)dlsym(RTLD_NEXT, name);
		atomic_store_explicit(real, found, memory_order_relaxed);
	}
	return found(to, from, size);
}

#define COPY(name)                                          \
	void *name(void *to, const void *from, size_t size) \
	{                                                   \
		static _Atomic(copy_fn) real;               \
                                                            \
		return copy(&real, #name, to, from, size);  \
	}

COPY(memcpy)
COPY(memmove)

/* What _FORTIFY_SOURCE makes of them; the room was looked at when it was compiled in. */
#define COPY_CHECKED(name, unchecked)                                    \
	void *name(void *to, const void *from, size_t size, size_t room) \
	{                                                                \
		if (size > room)                                         \
			abort();                                         \
		return unchecked(to, from, size);                        \
	}

COPY_CHECKED(__memcpy_chk, memcpy)
COPY_CHECKED(__memmove_chk, memmove)

/* ---- calls into the kernel: six words each, as the kernel takes them ---- */

typedef long (*call_fn)(long a, long b, long c, long d, long e, long f);

static long pass(enum call call, _Atomic(call_fn) *real, const char *name, const long word[6])
{
	call_fn found = atomic_load_explicit(real, memory_order_relaxed);

	slot_own()->call[call]++;
	if (!found) {
		found = (call_fn)(uintptr_t)dlsym(RTLD_NEXT, name);
		atomic_store_explicit(real, found, memory_order_relaxed);
	}
	return found(word[0], word[1], word[2], word[3], word[4], word[5]);
}

#define PASS(name)                                                                         \
	long count_##name(long a, long b, long c, long d, long e, long f) __asm__(#name);  \
	long count_##name(long a, long b, long c, long d, long e, long f)                  \
	{                                                                                  \
		static _Atomic(call_fn) real;                                              \
                                                                                           \
		return pass(CALL_##name, &real, #name, (const long[6]){a, b, c, d, e, f}); \
	}

SYSTEM_CALLS(PASS)
