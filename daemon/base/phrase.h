/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A text sealed with a phrase that a person keeps: scrypt (RFC 7914) makes the key, AES-256-GCM
 * seals. Case, spaces and hyphens of the phrase do not matter.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define PHRASE_MIN 12 /* characters that matter */

/* How many characters of it matter. */
size_t phrase_strength(const char *phrase);
/* Takes about 0.3 s and 64 MiB. The result is heap memory. 0, -EINVAL for a phrase that is shorter
 * than PHRASE_MIN, -EMSGSIZE, -ENOMEM or -EIO. */
int phrase_seal(const char *phrase, struct span plain, uint8_t **ret_sealed, size_t *ret_size);
/*
 * -ENOMSG: that was not made by phrase_seal(). -EKEYREJECTED: another phrase (or its first 48 bytes
 * are damaged). -EBADMSG: damaged. The plain text is heap memory with a NUL appended (not counted);
 * wipe it.
 */
int phrase_unseal(const char *phrase, struct span sealed, uint8_t **ret_plain, size_t *ret_size);
