/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A device that is handed from one gateway to another, as one text (JSON): who it is, what was
 * decided about it, its credential, its imported token, the keys of its label. It leaves the
 * gateway only sealed (base/parcel.h).
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/device.h"
#include "core/label.h"

#define HAND_OVER_MAX 32768 /* bytes of the text */

struct hand_over {
	char from[33];		      /* the gateway that it comes from */
	struct device_record *record; /* owned; suspended, with a credential that is held */
	struct secret token;	      /* imported for its platform; empty = none */
	bool has_label;
	struct label label;
};

void hand_over_clear(struct hand_over *hand_over); /* wipes */
/* Heap text; wipe it. -EMSGSIZE over HAND_OVER_MAX, -ENOMEM. */
int hand_over_write(const struct hand_over *hand_over, char **ret_text);
/*
 * From another gateway's hand, and looked at as anything foreign. -EINVAL with *ret_why a sentence
 * (static); -ENOMEM. *ret_hand_over is cleared with hand_over_clear() in any case. The record has
 * no row and no operation number yet.
 */
int hand_over_read(struct span text, struct hand_over *ret_hand_over, const char **ret_why);
/* NULL, or why a device cannot be handed over as it is: a sentence. */
const char *hand_over_hindrance(const struct lifecycle *life);
