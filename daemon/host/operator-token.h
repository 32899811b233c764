/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What lets an approval here be the one at the platform: an operator's token of it. */

#include "host/host.h"

/* From disk. */
int operator_load(struct host *host, const char *platform, int64_t since, struct span value);
/*
 * What stands in the file of the configuration, if there is one, takes the sealed one's place.
 * Nothing stands there any more once the file was deleted: the sealed one counts then. -errno after
 * a sentence in the log. At start.
 */
int operator_from_file(struct host *host);
/* ACT_OPERATOR_PUT: sealed with its audit row, and used from then on; the token is copied. */
void operator_put(struct host *host, const struct act *act, struct span token, act_done_fn done,
	void *userdata);
/* ACT_OPERATOR_DROP */
void operator_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata);
