/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* The number from which on readings came since the machine started: what the lock file says, or
 * 'next_row' of this 'epoch', which is noted there then. */
uint64_t boot_mark_row(int fd, uint64_t epoch, uint64_t next_row);
