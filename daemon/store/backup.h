/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies of control.db that leave the machine. */

#include "store/control.h"

#define BACKUP_FILE "backup.db"

/*
 * Writes BACKUP_FILE into the state directory: control.db as it is now, each secret in it sealed
 * with 'key' (bytes; source and mark are filled) instead of ours. On failure there is no such file;
 * whatever it is, control.db is as it was.
 */
int control_backup(struct control *control, int directory_fd, struct key *key);
/* The row that speaks of it, in a transaction of its own; ret_head as control_rekey(). On failure
 * the file goes. */
int control_backup_note(struct control *control, int directory_fd, const struct audit_row *audit,
	char ret_head[65]);
