/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Makes keys and certificates with OpenSSL. PEM texts on the heap, NUL-terminated. -EIO when the
 * library fails. */

#include <stdint.h>

#include "web/certificate.h"

/* A new key on P-256, as PKCS #8; the caller wipes and frees it. */
int certificate_make_key(char **ret_pem);
/* A self-signed certificate for a TLS server; 'not_before' in wall milliseconds. */
int certificate_make(const char *key_pem, const struct certificate_subject *subject,
	int64_t not_before, char **ret_pem);
/* Fills fingerprint and not_after from key and chain; -EBADMSG when one is unreadable,
 * -EKEYREJECTED when they do not belong together. */
int certificate_describe(struct certificate *certificate);
