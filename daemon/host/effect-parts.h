/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What effect.c and effect-carry.c share. */

#include "host/effect.h"

/* Carries out the actions (enum life_action, as bits) of a step whose record is on disk and
 * installed; 'before' is the record that it replaced. */
void effect_carry_out(struct host *host, struct device *device, const struct device_record *before,
	uint32_t actions);
