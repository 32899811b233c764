/* SPDX-License-Identifier: Apache-2.0 */
/* What a camera or a person brings: QR text, address with a fragment, typed code. What is taken for
 * a device is the same label again when it is written as the text of a QR code. */

#include <stdlib.h>

#include "core/label-scan.h"
#include "core/label-url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct label label, again;
	enum label_verdict verdict, other;
	char qr[LABEL_QR_SIZE], url[LABEL_URL_SIZE];

	if (label_scan(text, NULL, &label, &verdict) < 0)
		abort();
	if (verdict == LABEL_TAKEN && !label_is_scan(text))
		abort();
	if (verdict != LABEL_TAKEN || label_code_to_qr(text, label.ep, qr) < 0)
		return 0;
	if (label_write_url("https://gateway.local:8443/scan", qr, url) < 0 ||
		label_scan(span_from_string(url), NULL, &again, &other) < 0 ||
		other != LABEL_TAKEN || strcmp(again.ep, label.ep) ||
		memcmp(again.claim_key, label.claim_key, LABEL_KEY_SIZE))
		abort();
	return 0;
}
