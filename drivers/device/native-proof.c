/* SPDX-License-Identifier: Apache-2.0 */

/* What a device proves with: two keys of the enrol map, which come together or not at all. A device
 * that is a server answers with the same keys when it gets a challenge. */

#include "drivers/device/native.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"

#define CLAIM_ANSWER_MAX 256

DEFINE_CLEANUP(json_t *, native_map_free, cleanup_map)

/* 0 with nothing for a key that is not there. */
static int read_bytes(
	const json_t *map, const char *key, uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	const json_t *value = json_object_get(map, key);

	*ret_size = 0;
	if (!value)
		return 0;
	if (!json_is_string(value))
		return -EBADMSG;
	return base64url_decode(span_of(json_string_value(value), json_string_length(value)),
		       ret_bytes, capacity, ret_size) < 0
		       ? -EBADMSG
		       : 0;
}

int native_decode_proof(
	int format, struct span body, struct claim_proof *ret_proof, const char **ret_why)
{
	CLEANUP(cleanup_map) json_t *map = NULL;
	uint8_t nonce[LABEL_NONCE_MAX], proof[LABEL_PROOF_SIZE];
	size_t nonce_size, proof_size;
	int r = native_parse_map(format, body, &map);

	*ret_proof = (struct claim_proof){0};
	*ret_why = "nonce is 8 to 32 bytes and proof 16, both or none";
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	if (read_bytes(map, "nonce", nonce, sizeof(nonce), &nonce_size) < 0 ||
		read_bytes(map, "proof", proof, sizeof(proof), &proof_size) < 0)
		return -EBADMSG;
	if (!json_object_get(map, "nonce") && !json_object_get(map, "proof"))
		return 0;
	return claim_proof_make(span_of(nonce, nonce_size), span_of(proof, proof_size), ret_proof) <
			       0
		       ? -EBADMSG
		       : 0;
}

/* {"challenge": bytes}, as the contract's vector has it. */
static size_t challenge_to_cbor(const uint8_t challenge[LABEL_CHALLENGE_SIZE], uint8_t *ret_body)
{
	static const uint8_t head[] = {0xa1, 0x69, 'c', 'h', 'a', 'l', 'l', 'e', 'n', 'g', 'e',
		0x40 | LABEL_CHALLENGE_SIZE};

	memcpy(ret_body, head, sizeof(head));
	memcpy(ret_body + sizeof(head), challenge, LABEL_CHALLENGE_SIZE);
	return sizeof(head) + LABEL_CHALLENGE_SIZE;
}

static int challenge_to_json(const uint8_t challenge[LABEL_CHALLENGE_SIZE], uint8_t *ret_body,
	size_t capacity, size_t *ret_size)
{
	CLEANUP(cleanup_free)
	char *text = base64url_encode(span_of(challenge, LABEL_CHALLENGE_SIZE));

	if (!text)
		return -ENOMEM;
	*ret_size = (size_t)snprintf((char *)ret_body, capacity, "{\"challenge\":\"%s\"}", text);
	return 0;
}

int native_claim(const struct device_links *found, const uint8_t challenge[LABEL_CHALLENGE_SIZE],
	struct device_request *ret_request)
{
	struct device_request request = {.method = 2,
		.content_format = found->claim_format,
		.accept = found->claim_format,
		.answer_max = CLAIM_ANSWER_MAX};
	int r = 0;

	if (!found->claim[0])
		return -ENOTSUP;
	snprintf(request.path, sizeof(request.path), "%s", found->claim);
	if (found->claim_format == FORMAT_JSON)
		r = challenge_to_json(
			challenge, request.payload, sizeof(request.payload), &request.payload_size);
	else
		request.payload_size = challenge_to_cbor(challenge, request.payload);
	if (r >= 0)
		*ret_request = request;
	return r;
}
