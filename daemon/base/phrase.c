/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a sealed text:
 *
 *	 0  8  "gh-seal1"
 *	 8  4  cost: binary logarithm of N, r, p, zero
 *	12 16  salt
 *	28 16  check: tells another phrase from damage
 *	44     nonce, text, tag (seal.h); the 44 bytes before it are authenticated with it
 *
 * scrypt makes 48 bytes: the key, and the check. The cost that a text names is bounded before it is
 * used: a file that somebody made must not take all memory.
 */

#include "base/phrase.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define MAGIC	    "gh-seal1"
#define MAGIC_SIZE  8
#define COST_AT	    8
#define SALT_AT	    12
#define SALT_SIZE   16
#define CHECK_AT    28
#define CHECK_SIZE  16
#define HEAD_SIZE   44
#define COST_LN	    16
#define COST_LN_MAX 18
#define COST_R	    8
#define COST_P	    1
#define COST_P_MAX  4
#define MEMORY_MAX  (UINT64_C(320) << 20) /* bytes; for OpenSSL, which refuses more */

/* The characters that matter, as one word; heap. */
static char *normalise(const char *phrase)
{
	char *word = malloc(strlen(phrase) + 1), *to = word;

	if (!word)
		return NULL;
	for (; *phrase; phrase++)
		if (*phrase != ' ' && *phrase != '-' && *phrase != '\t')
			*to++ = (char)toupper((unsigned char)*phrase);
	*to = '\0';
	return word;
}

static void word_free(char **word)
{
	if (*word)
		crypto_wipe(*word, strlen(*word));
	free(*word);
}

size_t phrase_strength(const char *phrase)
{
	size_t count = 0;

	for (; *phrase; phrase++)
		count += *phrase != ' ' && *phrase != '-' && *phrase != '\t';
	return count;
}

/* 'head' names cost and salt. */
static int derive(const char *phrase, const uint8_t *head, uint8_t ret_key[AES256_KEY],
	uint8_t ret_check[CHECK_SIZE])
{
	CLEANUP(word_free) char *word = normalise(phrase);
	uint8_t made[AES256_KEY + CHECK_SIZE];
	int r = 0;

	if (!word)
		return -ENOMEM;
	if (EVP_PBE_scrypt(word, strlen(word), head + SALT_AT, SALT_SIZE,
		    UINT64_C(1) << head[COST_AT], head[COST_AT + 1], head[COST_AT + 2], MEMORY_MAX,
		    made, sizeof(made)) != 1) {
		ERR_clear_error();
		r = -EIO;
	} else {
		memcpy(ret_key, made, AES256_KEY);
		memcpy(ret_check, made + AES256_KEY, CHECK_SIZE);
	}
	crypto_wipe(made, sizeof(made));
	return r;
}

int phrase_seal(const char *phrase, struct span plain, uint8_t **ret_sealed, size_t *ret_size)
{
	CLEANUP(cleanup_free) uint8_t *text = NULL;
	uint8_t head[HEAD_SIZE] = MAGIC, key[AES256_KEY];
	uint8_t *sealed;
	size_t size;
	int r;

	if (phrase_strength(phrase) < PHRASE_MIN)
		return -EINVAL;
	head[COST_AT] = COST_LN, head[COST_AT + 1] = COST_R, head[COST_AT + 2] = COST_P;
	random_bytes(head + SALT_AT, SALT_SIZE);
	r = derive(phrase, head, key, head + CHECK_AT);
	if (r >= 0)
		r = crypto_seal(key, plain, span_of(head, sizeof(head)), &text, &size);
	crypto_wipe(key, sizeof(key));
	if (r < 0)
		return r;
	sealed = malloc(HEAD_SIZE + size);
	if (!sealed)
		return -ENOMEM;
	memcpy(sealed, head, HEAD_SIZE);
	memcpy(sealed + HEAD_SIZE, text, size);
	*ret_sealed = sealed;
	*ret_size = HEAD_SIZE + size;
	return 0;
}

static bool is_sealed(struct span sealed)
{
	const uint8_t *cost = sealed.data + COST_AT;

	return sealed.size >= HEAD_SIZE && !memcmp(sealed.data, MAGIC, MAGIC_SIZE) &&
	       cost[0] >= 1 && cost[0] <= COST_LN_MAX && cost[1] == COST_R && cost[2] >= 1 &&
	       cost[2] <= COST_P_MAX && cost[3] == 0;
}

int phrase_unseal(const char *phrase, struct span sealed, uint8_t **ret_plain, size_t *ret_size)
{
	uint8_t key[AES256_KEY], check[CHECK_SIZE];
	int r;

	if (!is_sealed(sealed))
		return -ENOMSG;
	r = derive(phrase, sealed.data, key, check);
	if (r >= 0 && !crypto_equal(check, sealed.data + CHECK_AT, CHECK_SIZE))
		r = -EKEYREJECTED;
	if (r >= 0)
		r = crypto_unseal(key, span_of(sealed.data + HEAD_SIZE, sealed.size - HEAD_SIZE),
			span_of(sealed.data, HEAD_SIZE), ret_plain, ret_size);
	crypto_wipe(key, sizeof(key));
	return r;
}
