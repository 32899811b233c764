/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log that has filled the disk cannot be folded into its file, and then no delete can be written
 * either: such a store would stay full for ever. So readings stop before that. The least reserve is
 * more than a log holds when its checkpoint is due.
 */

#include "store/room.h"

#include <errno.h>
#include <sys/statvfs.h>

#define MIB	    (UINT64_C(1) << 20)
#define RESERVE_MIN (12 * MIB)
#define RESERVE_MAX (64 * MIB)

int room_get(int fd, struct room *ret_room)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0)
		return -errno;
	*ret_room = (struct room){
		.free = (uint64_t)st.f_bavail * st.f_frsize,
		.size = (uint64_t)st.f_blocks * st.f_frsize,
	};
	return 0;
}

bool room_is_low(const struct room *room)
{
	uint64_t reserve = room->size / 10;

	if (reserve < RESERVE_MIN)
		reserve = RESERVE_MIN;
	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	return room->free < reserve;
}
