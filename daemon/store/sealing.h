/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sealed records: secrets as they stand in control.db.
 *
 *   byte 0   format of the record, 1
 *   byte 1   id of the key in the table 'key'
 *   then     nonce, text, tag of AES-256-GCM (base/seal.h)
 *
 * Associated data: "table|row|field|format". A record that was moved to another row or field does
 * not open.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"

#define SEALED_FORMAT 1

struct sealer;

/* Where a sealed record stands. */
struct sealed_place {
	const char *table;
	uint64_t row;
	const char *field;
};

/* The key for the records is derived from the key-encryption key, which is not kept. */
int sealer_new(const uint8_t key[AES256_KEY], uint8_t key_id, struct sealer **ret);
uint8_t sealer_key_id(const struct sealer *sealer);
struct sealer *sealer_free(struct sealer *sealer); /* wipes */
void sealer_freep(struct sealer **sealer);

/* Heap record in *ret_record. */
int sealer_seal(const struct sealer *sealer, const struct sealed_place *place, struct span plain,
	uint8_t **ret_record, size_t *ret_size);
/* -EBADMSG: damaged, moved, of another format or of another key. The plain text is heap memory with
 * a NUL appended (not counted); wipe it. */
int sealer_unseal(const struct sealer *sealer, const struct sealed_place *place, struct span record,
	uint8_t **ret_plain, size_t *ret_size);
