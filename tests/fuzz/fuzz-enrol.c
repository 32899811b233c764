/* SPDX-License-Identifier: Apache-2.0 */
/* The body of /enrol, which is also what info and claim resources answer; the first byte chooses
 * the format. A name, model or attribute that is taken is clean, and so is a token. */

#include <stdlib.h>

#include "drivers/device/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int formats[] = {FORMAT_CBOR, FORMAT_JSON, FORMAT_NONE};
	struct span body = span_of(data + 1, size ? size - 1 : 0);
	struct device_info info = {0};
	enum info_verdict verdict;
	struct claim_proof proof;
	bool has_pt;
	const char *why = NULL;
	int format = size ? formats[data[0] % 3] : FORMAT_NONE;

	struct secret pt = {0};
	int r;

	if (device_native.decode_info(format, body, &info, &has_pt, &verdict, &why) < 0 ||
		(verdict != INFO_TAKEN && !why))
		abort();
	r = device_native.decode_pt(format, body, &pt, &why);
	if (r >= 0 && pt.size && (!has_pt || pt.size > 512 || !span_is_printable(secret_span(&pt))))
		abort();
	if (r >= 0 && has_pt && !pt.size)
		abort();
	secret_clear(&pt);
	if (verdict == INFO_TAKEN && (!span_is_clean_text(span_from_string(info.model)) ||
					     !span_is_clean_text(span_from_string(info.serial)) ||
					     (info.attributes && strchr(info.attributes, '\n'))))
		abort();
	device_info_clear(&info);
	if (device_native.decode_proof(format, body, &proof, &why) == 0 && proof.nonce_size &&
		(proof.nonce_size < LABEL_NONCE_MIN || proof.nonce_size > LABEL_NONCE_MAX))
		abort();
	return 0;
}
