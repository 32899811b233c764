/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/host.h"

/* At start: what is wrong in the directory is logged and left out. -ENOMEM. */
int profiles_start(struct host *host);
/* At reload: the directory, whole; -EINVAL, it was logged. Nothing changes before
 * profiles_replace(), which takes them over: devices that profiles can be about are asked anew what
 * they have. */
int profiles_read(struct host *host, struct profiles **ret_profiles);
void profiles_replace(struct host *host, struct profiles *profiles);
