/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where a device's readings are, by its links; what the device drivers share. */

#include "drivers/device.h"

/* True when one of the words, separated by space, is this one. */
bool link_has_word(const char *words, const char *word);
/* Adds the links with if="core.s" and those that can be observed; gatehouse.* resources and
 * /.well-known/ are none. */
void sources_from_links(const struct device_question *question, struct device_links *found);
/* Adds one; false when there is no place. The name is made of the path when 'read' gives none. */
bool source_add(struct device_links *found, const struct profile_read *read, bool observe);
/* The next read of source 'index'. -ENOTSUP when there is none of that number. */
int source_plan(
	const struct device_links *found, unsigned index, struct device_request *ret_request);
