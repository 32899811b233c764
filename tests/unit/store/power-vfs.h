/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An SQLite VFS that knows what a disk would hold if the power went now. It records of each file
 * what was synced, and every write and truncation since. After a cut nothing is written any more;
 * when all files are closed power_back() makes of each what was synced, and of what was not, each
 * for itself: all, nothing, or the first sectors of it. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>

/* Makes it the default VFS. Call before anything is opened. What is random follows from 'seed'. */
void power_install(uint64_t seed);
/* The next random number of that seed, from 0 to 'below' - 1. */
uint64_t power_draw(uint64_t below);
/* The power goes with the n-th write, truncation, removal or sync from now on; 0: at once. */
void power_cut_after(unsigned operations);
bool power_is_cut(void);
/* The next sync of a file whose name ends so fails, as the kernel does it: what was to be synced is
 * read as before, and never written to the disk by a later sync. */
void power_fail_sync(const char *suffix);
/* It is back: the files are as the disk has them. Returns how many writes were lost or torn. */
unsigned power_back(void);
/* The files that were known are closed and not looked at again. */
void power_forget(void);
