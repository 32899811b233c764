/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the gateway's own session proves itself with, read from the files of the configuration. */

#include "host/host.h"

struct upstream_secret {
	struct secret password, identity;
};
void upstream_secret_clear(struct upstream_secret *secret); /* wipes */

/* Logs what is wrong. Empty is what is not configured. */
int upstream_secret_read(const struct config *config, struct upstream_secret *ret_secret);
/* A certificate and its key as one identity (base/identity.h). 'whose' begins the sentence in the
 * log when they are none. -errno, -EBADMSG. */
int upstream_identity_read(const char *certificate_file, const char *key_file, const char *whose,
	struct secret *ret_identity);
