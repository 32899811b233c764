/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Certificates for tests, made in memory. */

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

struct pki {
	EVP_PKEY *key;
	X509 *x509;
};

struct pki_ask {
	const struct pki *issuer; /* NULL: signed by itself */
	const char *common_name, *serial_number;
	const char *basic, *usage,
		*extended;    /* as in openssl.cnf; NULL = the extension is not there */
	const char *group;    /* NULL = P-256; "RSA-<bits>" */
	int64_t begins, ends; /* seconds from 'at' */
	int64_t at;	      /* seconds since 1970, 0 = now */
};
#define PKI_AUTHORITY \
	.basic = "critical,CA:TRUE", .usage = "critical,keyCertSign", .begins = -3600, .ends = 86400
#define PKI_DEVICE                                                          \
	.basic = "critical,CA:FALSE", .usage = "critical,digitalSignature", \
	.extended = "clientAuth", .begins = -3600, .ends = 86400

void pki_make(struct pki *pki, const struct pki_ask *ask);
void pki_clear(struct pki *pki);
/* Heap. */
char *pki_pem(const struct pki *pki);
char *pki_key_pem(const struct pki *pki);
