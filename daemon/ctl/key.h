/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Changing the key that seals the gateway's secrets. */

#include "ctl/command.h"
#include "ctl/credential.h"

/*
 * Seals everything anew and delivers the new key as 'source' says: "file", "host", "tpm2+host". An
 * earlier change that did not end is ended first. An exit code; what is wrong was said on ctl->err.
 */
int key_change(struct ctl *ctl, const struct credential_store *store, const char *source);
