/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A key pair that is made here, and the request to sign its public half (PKCS #10, RFC 2986). Both
 * are texts in PEM on the heap; the caller wipes the key. Nothing here logs.
 */

#include "base/span.h"

/* EC on P-256, unencrypted PKCS #8. -ENOMEM, -EIO. */
int private_key_make(char **ret_pem);
/* Signed with SHA-256. common_name: 1 to 64 bytes of printable ASCII. -EINVAL for another one,
 * -EBADMSG for a key that cannot be read, -ENOMEM, -EIO. */
int signing_request_make(struct span key, const char *common_name, char **ret_pem);
