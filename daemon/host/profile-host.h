/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/host.h"

/* At start: what is wrong in the directory is logged and left out. -ENOMEM. */
int profiles_start(struct host *host);
/* Reads the directory anew: whole, or the old ones stay in force (-EINVAL, it was logged). Devices
 * that profiles can be about are asked anew what they have. */
int profiles_reload(struct host *host);
