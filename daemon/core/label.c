/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A code is 140 bits in 28 characters of Crockford's base32, most significant bit first:
 *
 *   128 bits S, the secret | 2 bits zero | 10 bits check = top of SHA-256("GH1|" ep "|" S)
 *
 * The check binds the code to the name, so a code typed for the wrong device is found out here and
 * not by a failed handshake. It says nothing about who made the code: 10 bits are for typos.
 *
 * Keys (HKDF, RFC 5869): salt "gatehouse/1", input S, info "gatehouse/1|" label "|" ep. A text is
 * first brought to its 28 characters without spaces and hyphens ('struct spelling'), with either
 * form losing what stands before the code. Whatever holds S or characters of it is wiped on every
 * way out.
 */

#include "core/label.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/crypto.h"

#define SALT	     "gatehouse/1"
#define CLAIM_PREFIX "gatehouse/1|claim|"
#define PREFIX	     "GH1"
#define PREFIX_SIZE  (sizeof(PREFIX) - 1)
#define SPELLED_SIZE (PREFIX_SIZE + LABEL_CODE_SIZE)
#define CHECK_BITS   10

_Static_assert(LABEL_MARK_SIZE == 2 * LABEL_DIGEST_SIZE + 1, "a mark is a digest in hex");
#define CODE_BYTES ((LABEL_CODE_SIZE * 5 + 7) / 8)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The code that a text holds, normalised: "GH1" and the characters behind it. */
struct spelling {
	size_t size; /* how many there are, also of those that found no room */
	char text[SPELLED_SIZE];
};

static void spelling_wipe(struct spelling *spelling)
{
	crypto_wipe(spelling, sizeof(*spelling));
}

struct secret_bytes {
	uint8_t bytes[LABEL_SECRET_SIZE];
};

static void secret_bytes_wipe(struct secret_bytes *secret)
{
	crypto_wipe(secret, sizeof(*secret));
}

static char letter_normalise(uint8_t c)
{
	if (c >= 'a' && c <= 'z')
		c = (uint8_t)(c - 'a' + 'A');
	if (c == 'O')
		return '0';
	if (c == 'I' || c == 'L')
		return '1';
	return (char)c;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void spelling_add(struct spelling *spelling, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (is_blank(text.data[i]) || text.data[i] == '-')
			continue;
		if (spelling->size < SPELLED_SIZE)
			spelling->text[spelling->size] = letter_normalise(text.data[i]);
		spelling->size++;
	}
}

static bool is_prefix(struct span text)
{
	for (size_t i = 0; i < PREFIX_SIZE; i++)
		if (i >= text.size || letter_normalise(text.data[i]) != PREFIX[i])
			return false;
	return true;
}

static struct span span_trim(struct span text)
{
	while (text.size > 0 && is_blank(text.data[0]))
		text = span_of(text.data + 1, text.size - 1);
	while (text.size > 0 && is_blank(text.data[text.size - 1]))
		text.size--;
	return text;
}

/* "GH1:<ep>:<code>" at its last colon: a name may hold colons, a code does not. False when it is
 * not that. */
static bool qr_split(struct span text, struct span *ret_ep, struct span *ret_code)
{
	const size_t start = PREFIX_SIZE + 1;
	const uint8_t *colon;

	if (!is_prefix(text) || text.size <= start || text.data[PREFIX_SIZE] != ':')
		return false;
	colon = memrchr(text.data + start, ':', text.size - start);
	if (!colon)
		return false;
	*ret_ep = span_of(text.data + start, (size_t)(colon - text.data) - start);
	*ret_code = span_of(colon + 1, text.size - (size_t)(colon - text.data) - 1);
	return true;
}

/* Five bits a character. False for a character that is none. */
static bool code_decode(const char *code, uint8_t ret_bytes[CODE_BYTES])
{
	unsigned bits = 0, held = 0;
	size_t size = 0;

	for (size_t i = 0; i < LABEL_CODE_SIZE; i++) {
		const char *at = memchr(alphabet, code[i], sizeof(alphabet) - 1);

		if (!at)
			return false;
		bits = bits << 5 | (unsigned)(at - alphabet);
		held += 5;
		if (held >= 8) {
			held -= 8;
			ret_bytes[size++] = (uint8_t)(bits >> held);
		}
	}
	ret_bytes[size] = (uint8_t)(bits << (8 - held));
	return true;
}

static void code_encode(const uint8_t bytes[CODE_BYTES], char *ret_code)
{
	for (size_t i = 0; i < LABEL_CODE_SIZE; i++) {
		size_t bit = i * 5;
		unsigned pair = (unsigned)bytes[bit / 8] << 8;

		if (bit / 8 + 1 < CODE_BYTES)
			pair |= bytes[bit / 8 + 1];
		ret_code[i] = alphabet[pair >> (11 - bit % 8) & 31];
	}
}

/* As it stands in the last 12 bits of a code, the zero pad on top. */
static int check_compute(const struct secret_bytes *secret, const char *ep, unsigned *ret_check)
{
	char input[sizeof("GH1||") + EP_MAX + LABEL_SECRET_SIZE];
	size_t size = (size_t)snprintf(input, sizeof(input), "GH1|%s|", ep);
	uint8_t digest[SHA256_SIZE];
	int r;

	memcpy(input + size, secret->bytes, LABEL_SECRET_SIZE);
	r = crypto_sha256(span_of(input, size + LABEL_SECRET_SIZE), digest);
	crypto_wipe(input, sizeof(input));
	if (r < 0)
		return r;
	*ret_check = ((unsigned)digest[0] << 8 | digest[1]) >> (16 - CHECK_BITS);
	crypto_wipe(digest, sizeof(digest));
	return 0;
}

static int key_derive(const struct secret_bytes *secret, const char *purpose, const char *ep,
	uint8_t ret_key[LABEL_KEY_SIZE])
{
	char info[sizeof(SALT) + 16 + EP_MAX];

	snprintf(info, sizeof(info), SALT "|%s|%s", purpose, ep);
	return crypto_hkdf_sha256(span_of(secret->bytes, LABEL_SECRET_SIZE), SPAN_LITERAL(SALT),
		span_from_string(info), ret_key, LABEL_KEY_SIZE);
}

static int label_derive(const struct secret_bytes *secret, const char *ep, struct label *ret_label)
{
	CLEANUP(label_clear) struct label label = {0};
	int r;

	snprintf(label.ep, sizeof(label.ep), "%s", ep);
	label.has_psk = strlen(ep) <= LABEL_PSK_EP_MAX;
	r = crypto_sha256(span_of(secret->bytes, LABEL_SECRET_SIZE), label.digest);
	if (r == 0)
		r = key_derive(secret, "claim", ep, label.claim_key);
	if (r == 0 && label.has_psk)
		r = key_derive(secret, "dtls-psk", ep, label.psk);
	if (r == 0)
		*ret_label = label;
	return r;
}

/* A code of the right length. */
static int code_read(
	const char *code, const char *ep, struct label *ret_label, enum label_verdict *ret_verdict)
{
	CLEANUP(secret_bytes_wipe) struct secret_bytes secret;
	uint8_t bytes[CODE_BYTES] = {0};
	unsigned said, check;
	bool is_code = code_decode(code, bytes);
	int r;

	memcpy(secret.bytes, bytes, LABEL_SECRET_SIZE);
	/* The pad is on top of the check, so one comparison holds both; the last 4 bits are none.
	 */
	said = ((unsigned)bytes[LABEL_SECRET_SIZE] << 8 | bytes[LABEL_SECRET_SIZE + 1]) >> 4;
	crypto_wipe(bytes, sizeof(bytes));
	if (!is_code) {
		*ret_verdict = LABEL_MISMATCH;
		return 0;
	}
	r = check_compute(&secret, ep, &check);
	if (r < 0)
		return r;
	if (said != check) {
		*ret_verdict = LABEL_MISMATCH;
		return 0;
	}
	r = label_derive(&secret, ep, ret_label);
	if (r == 0)
		*ret_verdict = LABEL_TAKEN;
	return r;
}

/* Whose label it is: the name in the text, or else the one that is expected. */
static enum label_verdict name_settle(
	struct span said, const char *expected, char ret_ep[EP_MAX + 1])
{
	const char *why;

	if (said.data) { /* a QR text; its name may be empty, which is none */
		if (ep_check(said, &why) < 0)
			return LABEL_FOREIGN;
		if (expected && !span_equal(said, span_from_string(expected)))
			return LABEL_MISMATCH;
		span_to_string(said, ret_ep, EP_MAX + 1);
		return LABEL_TAKEN;
	}
	if (!expected)
		return LABEL_NAMELESS;
	snprintf(ret_ep, EP_MAX + 1, "%s", expected);
	return LABEL_TAKEN;
}

int label_read(
	struct span text, const char *ep, struct label *ret_label, enum label_verdict *ret_verdict)
{
	CLEANUP(spelling_wipe) struct spelling spelling = {0};
	struct span said = {0}, code;
	enum label_verdict verdict;
	char name[EP_MAX + 1];
	const char *why;

	if (ep && ep_check(span_from_string(ep), &why) < 0)
		return -EINVAL;
	text = span_trim(text);
	if (qr_split(text, &said, &code)) {
		spelling_add(&spelling, SPAN_LITERAL(PREFIX));
		spelling_add(&spelling, code);
	} else {
		spelling_add(&spelling, text);
	}
	if (spelling.size < PREFIX_SIZE || memcmp(spelling.text, PREFIX, PREFIX_SIZE) != 0)
		verdict = LABEL_FOREIGN;
	else if (spelling.size != SPELLED_SIZE)
		verdict = LABEL_LENGTH;
	else
		verdict = name_settle(said, ep, name);
	if (verdict == LABEL_TAKEN)
		return code_read(spelling.text + PREFIX_SIZE, name, ret_label, ret_verdict);
	*ret_verdict = verdict;
	return 0;
}

void label_clear(struct label *label)
{
	crypto_wipe(label, sizeof(*label));
}

void label_mark(const struct label *label, char ret_mark[LABEL_MARK_SIZE])
{
	hex_encode(span_of(label->digest, sizeof(label->digest)), ret_mark, LABEL_MARK_SIZE);
}

const char *label_why(enum label_verdict verdict, const char *ep, char *ret_text)
{
	ret_text[0] = '\0';
	switch (verdict) {
	case LABEL_TAKEN:
		break;
	case LABEL_FOREIGN:
		snprintf(ret_text, LABEL_WHY_SIZE, "This is not a GH1 label.");
		break;
	case LABEL_LENGTH:
		snprintf(ret_text, LABEL_WHY_SIZE,
			"A GH1 code has %d characters behind \"GH1\"; this one has more or fewer.",
			LABEL_CODE_SIZE);
		break;
	case LABEL_MISMATCH:
		snprintf(ret_text, LABEL_WHY_SIZE, "This code is not for %s, or has a typo.",
			ep ? ep : "the device that it names");
		break;
	case LABEL_NAMELESS:
		snprintf(ret_text, LABEL_WHY_SIZE,
			"This code does not say which device it is for: choose the device first.");
		break;
	}
	return ret_text;
}

/* The 28 characters, without a NUL. */
static int code_write(const uint8_t secret[LABEL_SECRET_SIZE], const char *ep, char *ret_code)
{
	CLEANUP(secret_bytes_wipe) struct secret_bytes copy;
	uint8_t bytes[CODE_BYTES] = {0};
	const char *why;
	unsigned check;
	int r;

	if (ep_check(span_from_string(ep), &why) < 0)
		return -EINVAL;
	memcpy(copy.bytes, secret, LABEL_SECRET_SIZE);
	r = check_compute(&copy, ep, &check);
	if (r < 0)
		return r;
	memcpy(bytes, secret, LABEL_SECRET_SIZE);
	bytes[LABEL_SECRET_SIZE] = (uint8_t)(check >> 4);
	bytes[LABEL_SECRET_SIZE + 1] = (uint8_t)(check << 4);
	code_encode(bytes, ret_code);
	crypto_wipe(bytes, sizeof(bytes));
	return 0;
}

int label_write(
	const uint8_t secret[LABEL_SECRET_SIZE], const char *ep, char ret_text[LABEL_TEXT_SIZE])
{
	char code[LABEL_CODE_SIZE];
	int r = code_write(secret, ep, code);

	if (r == 0)
		snprintf(ret_text, LABEL_TEXT_SIZE, PREFIX "-%.*s", LABEL_CODE_SIZE, code);
	crypto_wipe(code, sizeof(code));
	return r;
}

int label_write_qr(
	const uint8_t secret[LABEL_SECRET_SIZE], const char *ep, char ret_text[LABEL_QR_SIZE])
{
	char code[LABEL_CODE_SIZE];
	int r = code_write(secret, ep, code);

	if (r == 0)
		snprintf(ret_text, LABEL_QR_SIZE, PREFIX ":%s:%.*s", ep, LABEL_CODE_SIZE, code);
	crypto_wipe(code, sizeof(code));
	return r;
}

int label_proof(const struct label *label, const uint8_t challenge[LABEL_CHALLENGE_SIZE],
	struct span nonce, uint8_t ret_proof[LABEL_PROOF_SIZE])
{
	uint8_t nonce_size = (uint8_t)nonce.size, mac[SHA256_SIZE];
	const struct span parts[] = {
		SPAN_LITERAL(CLAIM_PREFIX),
		span_of(challenge, LABEL_CHALLENGE_SIZE),
		span_of(&nonce_size, 1),
		nonce,
		span_from_string(label->ep),
	};
	int r;

	if (nonce.size < LABEL_NONCE_MIN || nonce.size > LABEL_NONCE_MAX)
		return -EINVAL;
	r = crypto_hmac_sha256(
		span_of(label->claim_key, LABEL_KEY_SIZE), parts, ELEMENTS(parts), mac);
	if (r < 0)
		return r;
	memcpy(ret_proof, mac, LABEL_PROOF_SIZE);
	crypto_wipe(mac, sizeof(mac));
	return 0;
}

int label_proof_check(const struct label *label, const uint8_t challenge[LABEL_CHALLENGE_SIZE],
	struct span nonce, struct span proof, bool *ret_right)
{
	uint8_t right[LABEL_PROOF_SIZE];
	int r = label_proof(label, challenge, nonce, right);

	if (r < 0 && r != -EINVAL)
		return r;
	*ret_right = r == 0 && proof.size == LABEL_PROOF_SIZE &&
		     crypto_equal(right, proof.data, LABEL_PROOF_SIZE);
	crypto_wipe(right, sizeof(right));
	return 0;
}
