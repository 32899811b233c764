/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies for backups. */

#include "host/host.h"

/* ACT_BACKUP */
void backup_act(struct host *host, const struct act *act, act_done_fn done, void *userdata);
