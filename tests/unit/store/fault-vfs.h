/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An SQLite VFS over the default one that can fail or hold single operations of one file, chosen by
 * how its name ends. Any thread.
 */

#include <stdbool.h>

enum fault_kind { FAULT_WRITE, FAULT_SYNC, FAULT_READ };

/* Makes it the default VFS. Call before anything is opened. */
void fault_install(void);
/* From now on 'kind' on a file whose name ends in 'suffix' answers 'code'. */
void fault_set(enum fault_kind kind, const char *suffix, int code);
/* The errno that goes with it, as the system call would leave it. */
void fault_set_errno(int error);
/* A write fails only where it reaches so many bytes into the file. */
void fault_set_room(long long bytes);
void fault_clear(void);
/* Number of operations that failed by it since fault_set(). */
unsigned fault_hits(void);

/* The next sync of such a file waits until fault_gate_open(). */
void fault_gate_close(const char *suffix);
/* Returns as soon as somebody waits at the gate; false after 20 s. */
bool fault_gate_wait(void);
void fault_gate_open(void);
