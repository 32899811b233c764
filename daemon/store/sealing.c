/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing and opening. Labels keep the uses of the one key-encryption key apart: what seals records
 * is HKDF(key, "gatehouse record key 1"), what is compared at start is another derivation (key.c).
 * The nonce is random; a control file sees far fewer than 2^32 records in its life.
 */

#include "store/sealing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"

#define HEADER_SIZE 2

struct sealer {
	uint8_t key[AES256_KEY];
	uint8_t key_id;
};

int sealer_new(const uint8_t key[AES256_KEY], uint8_t key_id, struct sealer **ret)
{
	CLEANUP(sealer_freep) struct sealer *sealer = calloc(1, sizeof(*sealer));
	int r;

	if (!sealer)
		return -ENOMEM;
	/* Out of the swap where the limit allows it; a refusal is no reason not to work. */
	(void)mlock(sealer, sizeof(*sealer));
	sealer->key_id = key_id;
	r = crypto_hkdf_sha256(span_of(key, AES256_KEY), (struct span){0},
		SPAN_LITERAL("gatehouse record key 1"), sealer->key, sizeof(sealer->key));
	if (r < 0)
		return r;
	*ret = STEAL(sealer);
	return 0;
}

uint8_t sealer_key_id(const struct sealer *sealer)
{
	return sealer->key_id;
}

struct sealer *sealer_free(struct sealer *sealer)
{
	if (!sealer)
		return NULL;
	crypto_wipe(sealer, sizeof(*sealer));
	free(sealer);
	return NULL;
}

void sealer_freep(struct sealer **sealer)
{
	sealer_free(*sealer);
}

static struct span associated_of(const struct sealed_place *place, char text[128])
{
	int n = snprintf(text, 128, "%s|%" PRIu64 "|%s|%d", place->table, place->row, place->field,
		SEALED_FORMAT);

	return span_of(text, n < 128 ? (size_t)n : 127);
}

int sealer_seal(const struct sealer *sealer, const struct sealed_place *place, struct span plain,
	uint8_t **ret_record, size_t *ret_size)
{
	CLEANUP(cleanup_free) uint8_t *sealed = NULL;
	char associated[128];
	uint8_t *record;
	size_t size;
	int r;

	r = crypto_seal(sealer->key, plain, associated_of(place, associated), &sealed, &size);
	if (r < 0)
		return r;
	record = malloc(HEADER_SIZE + size);
	if (!record)
		return -ENOMEM;
	record[0] = SEALED_FORMAT;
	record[1] = sealer->key_id;
	memcpy(record + HEADER_SIZE, sealed, size);
	*ret_record = record;
	*ret_size = HEADER_SIZE + size;
	return 0;
}

int sealer_unseal(const struct sealer *sealer, const struct sealed_place *place, struct span record,
	uint8_t **ret_plain, size_t *ret_size)
{
	char associated[128];

	if (record.size < HEADER_SIZE + SEAL_NONCE + SEAL_TAG)
		return -EBADMSG;
	if (record.data[0] != SEALED_FORMAT || record.data[1] != sealer->key_id)
		return -EBADMSG;
	return crypto_unseal(sealer->key,
		span_of(record.data + HEADER_SIZE, record.size - HEADER_SIZE),
		associated_of(place, associated), ret_plain, ret_size);
}
