/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The file of a backup: a few words about it and the files that are in it, sealed with a phrase. */

#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/span.h"

#define BACKUP_PARTS_MAX 4
#define BACKUP_NAME_MAX	 32
#define BACKUP_WORD_MAX	 32
#define BACKUP_FILE_MAX	 ((size_t)1 << 30) /* bytes */

struct backup_part {
	char name[BACKUP_NAME_MAX + 1]; /* of the file in the state directory */
	uint8_t *data;			/* heap */
	size_t size;
};

struct backup {
	int64_t made; /* wall milliseconds */
	char gateway[BACKUP_WORD_MAX + 1], version[BACKUP_WORD_MAX + 1];
	char source[BACKUP_WORD_MAX + 1]; /* how the key was kept: "file", "host", "tpm2+host" */
	uint8_t key[AES256_KEY];	  /* that the secrets in control.db are sealed with */
	struct backup_part part[BACKUP_PARTS_MAX];
	size_t parts;
};

void backup_clear(struct backup *backup); /* wipes and frees */
/* Takes 'data' over, also on failure. -E2BIG: there are too many. */
int backup_add(struct backup *backup, const char *name, uint8_t *data, size_t size);
const struct backup_part *backup_find(const struct backup *backup, const char *name);

/* The result is heap memory. Errors of phrase_seal(). */
int backup_pack(
	const struct backup *backup, const char *phrase, uint8_t **ret_file, size_t *ret_size);
/* Errors of phrase_unseal(); -EPROTO: it opens, and is not of this form. *ret_backup is cleared
 * with backup_clear() in any case. */
int backup_unpack(struct span file, const char *phrase, struct backup *ret_backup);
