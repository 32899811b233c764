/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Room on the file system of the state directory. */

#include <stdbool.h>
#include <stdint.h>

struct room {
	uint64_t free; /* bytes that we may still use */
	uint64_t size; /* bytes of the whole file system */
};

/* 'fd' is any file on it. A seam of the tests. */
int room_get(int fd, struct room *ret_room);

/*
 * True when readings must not take more: the last tenth of the file system (at least 12 MiB, at
 * most 64 MiB) is kept for what makes room again, and for what people do: deletes, checkpoints,
 * control.db.
 */
bool room_is_low(const struct room *room);
