/* SPDX-License-Identifier: Apache-2.0 */
/* A device's certificate: its facts are texts that a person may see, and nobody is under an
 * authority that is not there. Behind it the same bytes as an operator's file. */

#include <assert.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/device-ca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *at = data;
	struct anchors *anchors = NULL;
	struct chain_verdict verdict;
	struct chain_facts facts;
	enum ca_policy policy;
	const char *why;
	char *pem = NULL;
	X509 *x509 = d2i_X509(NULL, &at, (long)size);

	if (x509 && anchors_new(&anchors) == 0) {
		assert(anchors_check(anchors, x509, NULL, 0, &verdict) < 0);
		for (const char *c = verdict.facts.common_name; *c; c++)
			assert(*c >= 0x20 && *c <= 0x7e);
		assert(strlen(verdict.facts.serial_number) < CHAIN_TEXT_SIZE);
	}
	anchors_free(anchors);
	X509_free(x509);
	device_ca_read_policy(span_of(data, size), &policy);
	if (authority_read(span_of(data, size), &facts, &pem, &why) == 0)
		free(pem);
	return 0;
}
