/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Changing the key that seals the gateway's secrets. */

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "ctl/command.h"
#include "ctl/credential.h"

/*
 * Seals everything anew and delivers the new key as 'source' says: "file", "host", "tpm2+host". An
 * earlier change that did not end is ended first. An exit code; what is wrong was said on ctl->err.
 */
int key_change(struct ctl *ctl, const struct credential_store *store, const char *source);

/* Its two halves for a gateway that does not run; 'source' is "host" or "tpm2+host". Exit codes.
 * The key is delivered beside the present one ... */
int key_put_next(struct ctl *ctl, const struct credential_store *store, const char *source,
	const uint8_t key[AES256_KEY]);
/* ... and takes its place. */
int key_promote(struct ctl *ctl, const struct credential_store *store, const char *source);
/* "file", "host" or "tpm2+host". */
bool key_source_is_known(const char *source);
