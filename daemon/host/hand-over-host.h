/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A device goes from one gateway to another: core/hand-over.h, sealed (base/parcel.h). */

#include "host/act.h"
#include "host/host.h"

/* ACT_EXPORT: answers and frees the call. */
void hand_over_export(struct act_call *call, struct device *device);
/* ACT_IMPORT. */
void hand_over_import(struct host *host, const struct act *act, struct span parcel,
	act_done_fn done, void *userdata);
