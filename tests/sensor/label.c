/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key on a device's label. The label is text: "GH1-" and 28 characters, or, as a QR code holds
 * it, "GH1:<name>:" and the same characters. Of them 26 are 16 random bytes in Crockford's base32,
 * and 2 are a check over the name and those bytes. A real device does not read its label, of
 * course: its maker gave it the 16 bytes, or only the key that follows from them.
 *
 *   root      = HKDF-Extract(salt "gatehouse/1", the 16 bytes)
 *   claim key = HKDF-Expand(root, "gatehouse/1|claim|" name, 16)
 *   proof     = the first 16 bytes of HMAC-SHA-256(claim key,
 *                 "gatehouse/1|claim|" challenge, one byte: how long the nonce is, nonce, name)
 *
 * The nonce is ours and random, so nobody who asks us with a challenge of his own gets something
 * that he could have prepared.
 */

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "sensor.h"

#define SECRET_SIZE    16
#define CHARACTERS     28
#define CHALLENGE_SIZE 16
#define NONCE_SIZE     12
#define PROOF_SIZE     16
#define NAME_MAX_BYTES 63

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The 28 characters behind "GH1-" or "GH1:<name>:"; NULL when the text is neither. */
static const char *characters_of(const char *text, const char *ep)
{
	size_t length = strlen(ep);

	if (strncasecmp(text, "GH1-", 4) == 0)
		return text + 4;
	if (strncasecmp(text, "GH1:", 4) == 0 && strncmp(text + 4, ep, length) == 0 &&
		text[4 + length] == ':')
		return text + 4 + length + 1;
	return NULL;
}

/* 5 bits for each character, most significant first. */
static bool bits_read(const char *characters, uint8_t value[CHARACTERS])
{
	unsigned count = 0;

	for (; *characters; characters++) {
		int c = toupper((unsigned char)*characters);
		const char *at = strchr(alphabet, c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c);

		if (c == '-' || c == ' ')
			continue;
		if (!at || count == CHARACTERS)
			return false;
		value[count++] = (uint8_t)(at - alphabet);
	}
	return count == CHARACTERS;
}

static uint8_t *put(uint8_t *at, const void *data, size_t size)
{
	memcpy(at, data, size);
	return at + size;
}

/* The secret, when the check characters fit the name. */
static bool secret_read(const char *text, const char *ep, uint8_t secret[SECRET_SIZE])
{
	const char *characters = characters_of(text, ep);
	uint8_t value[CHARACTERS], digest[SHA256_DIGEST_LENGTH];
	uint8_t input[4 + NAME_MAX_BYTES + 1 + SECRET_SIZE] = "GH1|";
	size_t length = strlen(ep);

	if (!characters || length > NAME_MAX_BYTES || !bits_read(characters, value))
		return false;
	memset(secret, 0, SECRET_SIZE);
	for (unsigned bit = 0; bit < 8 * SECRET_SIZE; bit++)
		if (value[bit / 5] >> (4 - bit % 5) & 1)
			secret[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	put(input + 4, ep, length);
	input[4 + length] = '|';
	memcpy(input + 5 + length, secret, SECRET_SIZE);
	SHA256(input, 5 + length + SECRET_SIZE, digest);
	/* two bits of padding, then the first ten bits of the digest */
	return (value[25] & 3) == 0 && value[26] == digest[0] >> 3 &&
	       value[27] == ((digest[0] << 2 | digest[1] >> 6) & 31);
}

bool label_is_of(const char *text, const char *ep)
{
	uint8_t secret[SECRET_SIZE];
	bool fits = secret_read(text, ep, secret);

	OPENSSL_cleanse(secret, sizeof(secret));
	return fits;
}

static void mac(const void *key, size_t key_size, const uint8_t *data, size_t size,
	uint8_t result[SHA256_DIGEST_LENGTH])
{
	unsigned written = SHA256_DIGEST_LENGTH;

	HMAC(EVP_sha256(), key, (int)key_size, data, size, result, &written);
}

/* HKDF (RFC 5869) with a result that is not longer than one block. */
static void claim_key(
	const uint8_t secret[SECRET_SIZE], const char *ep, uint8_t key[SHA256_DIGEST_LENGTH])
{
	static const char salt[] = "gatehouse/1", label[] = "gatehouse/1|claim|";
	uint8_t info[sizeof(label) + NAME_MAX_BYTES + 1], root[SHA256_DIGEST_LENGTH];
	size_t length = strlen(ep), size = sizeof(label) - 1;

	mac(salt, sizeof(salt) - 1, secret, SECRET_SIZE, root);
	memcpy(info, label, size);
	put(info + size, ep, length);
	info[size + length] = 1;
	mac(root, sizeof(root), info, size + length + 1, key);
	OPENSSL_cleanse(root, sizeof(root));
}

/* ---- base64url without padding, as JSON carries bytes ---- */

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static json_t *text64(const uint8_t *data, size_t size)
{
	char text[64];
	size_t used = 0;

	for (size_t bit = 0; bit < 8 * size; bit += 6) {
		unsigned value = (unsigned)data[bit / 8] << 8;

		if (bit / 8 + 1 < size)
			value |= data[bit / 8 + 1];
		text[used++] = digits64[value >> (10 - bit % 8) & 63];
	}
	return json_stringn(text, used);
}

static bool bytes64(const char *text, uint8_t *data, size_t size)
{
	size_t length = strcspn(text, "=");

	memset(data, 0, size);
	if (length != (8 * size + 5) / 6)
		return false;
	for (size_t i = 0; i < length; i++) {
		const char *at = strchr(digits64, text[i]);

		for (unsigned b = 0; at && b < 6 && 6 * i + b < 8 * size; b++)
			if ((at - digits64) >> (5 - b) & 1)
				data[(6 * i + b) / 8] |= (uint8_t)(0x80 >> (6 * i + b) % 8);
		if (!at)
			return false;
	}
	return true;
}

bool label_prove(const char *text, const char *ep, const char *challenge, json_t *map)
{
	static const char head[] = "gatehouse/1|claim|";
	uint8_t secret[SECRET_SIZE], key[SHA256_DIGEST_LENGTH], proof[SHA256_DIGEST_LENGTH];
	uint8_t input[sizeof(head) + CHALLENGE_SIZE + 1 + NONCE_SIZE + NAME_MAX_BYTES];
	uint8_t *at = input + sizeof(head) - 1, *nonce;
	size_t length = strlen(ep);

	if (!secret_read(text, ep, secret) || !bytes64(challenge, at, CHALLENGE_SIZE))
		return false;
	memcpy(input, head, sizeof(head) - 1);
	at += CHALLENGE_SIZE;
	*at++ = NONCE_SIZE;
	nonce = at;
	if (RAND_bytes(nonce, NONCE_SIZE) != 1)
		return false;
	put(nonce + NONCE_SIZE, ep, length);
	claim_key(secret, ep, key);
	mac(key, 16, input, (size_t)(nonce - input) + NONCE_SIZE + length, proof);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(key, sizeof(key));
	return json_object_set_new(map, "nonce", text64(nonce, NONCE_SIZE)) == 0 &&
	       json_object_set_new(map, "proof", text64(proof, PROOF_SIZE)) == 0;
}
