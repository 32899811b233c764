/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An API whose acts are done by nobody: what they are asked is looked at and answered. */

#include "api/api.h"

/* The one of this process; each call puts back what the calls before left in it. */
struct api *api_bed(void);
/* Aborts unless the act may be what came through the API: texts that end, a known kind. */
void api_bed_check(const struct act *act);
