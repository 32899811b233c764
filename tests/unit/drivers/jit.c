/* SPDX-License-Identifier: Apache-2.0 */

#include "jit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/identity.h"

static X509 *read_first(struct span text)
{
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free_all(bio);
	assert_non_null(x509);
	return x509;
}

/* What somebody there sees of it; the authority's signature is on it. */
static void look_at(struct jit *jit, struct span identity, struct chain_facts *ret_facts)
{
	struct span certificate, key;
	X509 *x509, *authority = read_first(SPAN_LITERAL(JIT_CA));
	BIGNUM *number;
	char *hex;

	assert_int_equal(identity_split(identity, &certificate, &key), 0);
	assert_null(identity_check(certificate, key));
	assert_int_equal(identity_read(certificate, ret_facts), 0);
	x509 = read_first(certificate);
	assert_true(jit->any_authority || X509_verify(x509, X509_get0_pubkey(authority)) == 1);
	assert_int_not_equal(EVP_PKEY_eq(X509_get0_pubkey(x509), X509_get0_pubkey(authority)), 1);
	X509_NAME_oneline(X509_get_subject_name(x509), jit->subject, sizeof(jit->subject));
	number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
	hex = BN_bn2hex(number);
	snprintf(jit->serial, sizeof(jit->serial), "%s", hex);
	OPENSSL_free(hex);
	BN_free(number);
	X509_free(x509);
	X509_free(authority);
}

static bool is_let_in(struct jit *jit, const char *fingerprint)
{
	unsigned i;

	for (i = 0; i < JIT_CERTIFICATES; i++)
		if (!strcmp(jit->certificate[i].fingerprint, fingerprint))
			return jit->certificate[i].is_active;
	i = jit->registered++ % JIT_CERTIFICATES;
	memcpy(jit->certificate[i].fingerprint, fingerprint,
		sizeof(jit->certificate[i].fingerprint));
	/* The connection that registers it is ended, whoever activates it. */
	jit->certificate[i].is_active = !jit->by_hand;
	return false;
}

void jit_activate(struct jit *jit)
{
	for (unsigned i = 0; i < JIT_CERTIFICATES; i++)
		jit->certificate[i].is_active = jit->certificate[i].fingerprint[0] != '\0';
}

void jit_ask(
	struct jit *jit, const struct platform_request *request, struct cloud_answer *ret_answer)
{
	const struct platform_dial *dial = &request->dial;
	struct chain_facts facts;

	*ret_answer = (struct cloud_answer){.status = 0};
	assert_int_equal(request->transport, PLATFORM_MQTT);
	assert_string_equal(dial->host, "aws.example");
	assert_int_equal(dial->port, 8883);
	assert_true(dial->knocks);
	assert_string_equal(request->topic, "");
	assert_string_equal(dial->filter[0], "");
	assert_int_equal(request->body.size, 0);
	assert_int_equal(dial->password.size, 0);
	assert_string_equal(dial->username, "");
	look_at(jit, secret_span(&dial->identity), &facts);
	assert_string_equal(facts.common_name, dial->client_id);
	snprintf(jit->client_id, sizeof(jit->client_id), "%s", dial->client_id);
	jit->knocks++;
	if (jit->cut)
		ret_answer->result = -EHOSTUNREACH;
	else if (jit->ca_unknown)
		ret_answer->result = -EACCES;
	else if (!is_let_in(jit, facts.fingerprint))
		ret_answer->result = -ECONNABORTED;
	else
		ret_answer->status = 200; /* it is up: there is nothing else to be said */
}
