/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The vectors of docs/device-contract.md, recomputed by what the gateway uses: a maker of devices
 * who reproduces the page is understood. The lines "name  value" are read from the page itself.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "core/label.h"
#include "core/reading.h"
#include "drivers/table.h"

#define PAGE_MAX (64 * 1024)

static char page[PAGE_MAX];

static int read_page(void **state)
{
	const char *source = getenv("GATEHOUSE_SOURCE");
	char path[512];
	FILE *file;

	assert_non_null(source);
	snprintf(path, sizeof(path), "%s/docs/device-contract.md", source);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_in_range(fread(page, 1, PAGE_MAX - 1, file), 1, PAGE_MAX - 2);
	return fclose(file);
}

/* The word behind a name at the beginning of a line. */
static const char *value(const char *name, char ret_text[128])
{
	char begin[32];
	const char *at;

	snprintf(begin, sizeof(begin), "\n%s ", name);
	at = strstr(page, begin);
	if (!at)
		fail_msg("the page has no line for %s", name);
	at += strlen(begin);
	at += strspn(at, " ");
	snprintf(ret_text, 128, "%.*s", (int)strcspn(at, " \n"), at);
	return ret_text;
}

static size_t bytes(const char *name, uint8_t *ret_bytes, size_t capacity)
{
	char text[128], pair[3] = "", *end;
	size_t size = strlen(value(name, text)) / 2;

	assert_int_equal(strlen(text) % 2, 0);
	assert_in_range(size, 1, capacity);
	for (size_t i = 0; i < size; i++) {
		memcpy(pair, text + 2 * i, 2);
		ret_bytes[i] = (uint8_t)strtoul(pair, &end, 16);
		assert_int_equal(*end, 0);
	}
	return size;
}

static void assert_bytes(const char *name, const uint8_t *computed, size_t size)
{
	uint8_t wanted[64];

	assert_int_equal(bytes(name, wanted, sizeof(wanted)), size);
	assert_memory_equal(wanted, computed, size);
}

static void test_label(void **state)
{
	char ep[128], text[128], code[LABEL_TEXT_SIZE], qr[LABEL_QR_SIZE];
	uint8_t secret[LABEL_SECRET_SIZE], challenge[LABEL_CHALLENGE_SIZE], nonce[LABEL_NONCE_MAX],
		proof[LABEL_PROOF_SIZE];
	enum label_verdict verdict = LABEL_FOREIGN;
	struct label label;
	size_t size;

	value("ep", ep);
	assert_int_equal(bytes("secret", secret, sizeof(secret)), sizeof(secret));
	assert_int_equal(label_write(secret, ep, code), 0);
	assert_string_equal(code, value("code", text));
	assert_int_equal(label_write_qr(secret, ep, qr), 0);
	assert_string_equal(qr, value("qr", text));
	assert_int_equal(label_read(span_from_string(text), ep, &label, &verdict), 0);
	assert_int_equal(verdict, LABEL_TAKEN);
	assert_true(label.has_psk);
	assert_bytes("dtls-psk", label.psk, sizeof(label.psk));
	assert_bytes("claim-key", label.claim_key, sizeof(label.claim_key));
	assert_int_equal(bytes("challenge", challenge, sizeof(challenge)), sizeof(challenge));
	size = bytes("nonce", nonce, sizeof(nonce));
	assert_int_equal(label_proof(&label, challenge, span_of(nonce, size), proof), 0);
	assert_bytes("proof", proof, sizeof(proof));
	label_clear(&label);
}

static void test_maps(void **state)
{
	const struct device_driver *driver = device_driver_by_name("native");
	const struct enrol_answer answer = {.state = DEVICE_PENDING, .retry = 5};
	const struct device_links links = {.claim = "/claim", .claim_format = FORMAT_CBOR};
	struct device_request request;
	struct enrol_answer asking = answer;
	uint8_t challenge[LABEL_CHALLENGE_SIZE];
	struct claim_proof claim;
	enum info_verdict verdict = INFO_MALFORMED;
	struct device_info info = {0};
	const char *why = "";
	uint8_t body[64];
	bool has_pt;
	size_t size;

	assert_non_null(driver);
	assert_int_equal(driver->encode_answer(FORMAT_CBOR, &answer, body, sizeof(body), &size), 0);
	assert_bytes("answer", body, size);
	asking.challenge = span_of(challenge, bytes("challenge", challenge, sizeof(challenge)));
	assert_int_equal(driver->encode_answer(FORMAT_CBOR, &asking, body, sizeof(body), &size), 0);
	assert_bytes("asks", body, size);
	assert_int_equal(driver->claim(&links, challenge, &request), 0);
	assert_bytes("request", request.payload, request.payload_size);
	size = bytes("claim", body, sizeof(body));
	assert_int_equal(driver->decode_proof(FORMAT_CBOR, span_of(body, size), &claim, &why), 0);
	assert_bytes("nonce", claim.nonce, claim.nonce_size);
	assert_bytes("proof", claim.proof, sizeof(claim.proof));
	size = bytes("enrol", body, sizeof(body));
	assert_int_equal(driver->decode_info(
				 FORMAT_CBOR, span_of(body, size), &info, &has_pt, &verdict, &why),
		0);
	assert_int_equal(verdict, INFO_TAKEN);
	assert_string_equal(info.model, "TH-1");
	assert_string_equal(info.code, "BCDFGHJK");
	device_info_clear(&info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_maps),
	};

	return cmocka_run_group_tests(tests, read_page, NULL);
}
