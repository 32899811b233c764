/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored text names its own cost, so that the cost can be raised later while old texts still
 * verify. What it names is bounded before it is used: a text in a database that somebody edited
 * must not take all memory or the whole day. Salt and hash are base64url without padding.
 */

#include "base/password.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define SALT_SIZE     16
#define SALT_SIZE_MIN 8
#define SALT_SIZE_MAX 32
#define HASH_SIZE     32
#define PREFIX	      "$scrypt$"
#define MEMORY_MAX    (UINT64_C(64) << 20) /* bytes; for OpenSSL, which refuses more */

struct cost {
	unsigned ln; /* binary logarithm of N */
	unsigned r;
	unsigned p;
};

static const struct cost cost_default = {.ln = 15, .r = 8, .p = 3};
static const struct cost cost_max = {.ln = 18, .r = 16, .p = 8};

static int derive(const char *password, const struct cost *cost, const uint8_t *salt,
	size_t salt_size, uint8_t ret_hash[HASH_SIZE])
{
	if (EVP_PBE_scrypt(password, strlen(password), salt, salt_size, UINT64_C(1) << cost->ln,
		    cost->r, cost->p, MEMORY_MAX, ret_hash, HASH_SIZE) == 1)
		return 0;
	ERR_clear_error();
	return -EIO;
}

static int put_text(const uint8_t salt[SALT_SIZE], const uint8_t hash[HASH_SIZE],
	char ret_text[PASSWORD_TEXT_SIZE])
{
	CLEANUP(cleanup_free) char *salt_text = base64url_encode(span_of(salt, SALT_SIZE));
	CLEANUP(cleanup_free) char *hash_text = base64url_encode(span_of(hash, HASH_SIZE));

	if (!salt_text || !hash_text)
		return -ENOMEM;
	snprintf(ret_text, PASSWORD_TEXT_SIZE, PREFIX "ln=%u,r=%u,p=%u$%s$%s", cost_default.ln,
		cost_default.r, cost_default.p, salt_text, hash_text);
	return 0;
}

int password_hash(const char *password, char ret_text[PASSWORD_TEXT_SIZE])
{
	uint8_t salt[SALT_SIZE], hash[HASH_SIZE];
	int r;

	random_bytes(salt, sizeof(salt));
	r = derive(password, &cost_default, salt, sizeof(salt), hash);
	if (r < 0)
		return r;
	return put_text(salt, hash, ret_text);
}

int password_none(char ret_text[PASSWORD_TEXT_SIZE])
{
	uint8_t salt[SALT_SIZE], hash[HASH_SIZE];

	random_bytes(salt, sizeof(salt));
	random_bytes(hash, sizeof(hash));
	return put_text(salt, hash, ret_text);
}

/* Reads "<key><number><end>" with a number of 1 to max without leading zero and moves behind it. */
static bool read_number(
	const char **text, const char *key, char end, unsigned max, unsigned *ret_number)
{
	size_t key_size = strlen(key);
	const char *at = *text + key_size;
	unsigned number = 0;

	if (strncmp(*text, key, key_size) != 0 || *at == '0')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		number = number * 10 + (unsigned)(*at - '0');
		if (number > max)
			return false;
	}
	if (number == 0 || *at != end)
		return false;
	*text = at + 1;
	*ret_number = number;
	return true;
}

static int parse_stored(const char *text, struct cost *ret_cost, uint8_t ret_salt[SALT_SIZE_MAX],
	size_t *ret_salt_size, uint8_t ret_hash[HASH_SIZE])
{
	const char *end;
	size_t hash_size;

	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return -EINVAL;
	text += strlen(PREFIX);
	if (!read_number(&text, "ln=", ',', cost_max.ln, &ret_cost->ln) ||
		!read_number(&text, "r=", ',', cost_max.r, &ret_cost->r) ||
		!read_number(&text, "p=", '$', cost_max.p, &ret_cost->p))
		return -EINVAL;
	if ((UINT64_C(128) << ret_cost->ln) * ret_cost->r >= MEMORY_MAX)
		return -EINVAL;
	end = strchr(text, '$');
	if (!end ||
		base64url_decode(span_of(text, (size_t)(end - text)), ret_salt, SALT_SIZE_MAX,
			ret_salt_size) < 0 ||
		*ret_salt_size < SALT_SIZE_MIN)
		return -EINVAL;
	if (base64url_decode(span_from_string(end + 1), ret_hash, HASH_SIZE, &hash_size) < 0 ||
		hash_size != HASH_SIZE)
		return -EINVAL;
	return 0;
}

int password_verify(const char *password, const char *stored)
{
	uint8_t salt[SALT_SIZE_MAX], expected[HASH_SIZE], hash[HASH_SIZE];
	struct cost cost;
	size_t salt_size;
	int r = parse_stored(stored, &cost, salt, &salt_size, expected);

	if (r < 0)
		return r;
	r = derive(password, &cost, salt, salt_size, hash);
	if (r == 0)
		r = crypto_equal(hash, expected, HASH_SIZE) ? 1 : 0;
	crypto_wipe(hash, sizeof(hash));
	return r;
}

bool password_is_outdated(const char *stored)
{
	uint8_t salt[SALT_SIZE_MAX], hash[HASH_SIZE];
	struct cost cost;
	size_t salt_size;

	return parse_stored(stored, &cost, salt, &salt_size, hash) == 0 &&
	       (cost.ln != cost_default.ln || cost.r != cost_default.r || cost.p != cost_default.p);
}
