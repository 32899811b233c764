/* SPDX-License-Identifier: Apache-2.0 */

#include "fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/identity-fixture.h"

#define CREATE	   "$aws/certificates/create-from-csr/json"
#define PROVISION  "$aws/provisioning-templates/fleet/provision/json"
#define LIFE_DAYS  30
#define TOKEN_MSEC 3600000

static void check_session(struct fleet *fleet, const struct platform_request *request)
{
	const struct platform_dial *dial = &request->dial;
	char filter[300];

	assert_int_equal(request->transport, PLATFORM_MQTT);
	assert_string_equal(dial->host, "aws.example");
	assert_int_equal(dial->port, 8883);
	assert_memory_equal(dial->client_id, "gatehouse-claim-", 16);
	/* Nobody may come twice in a second under one name. */
	assert_string_not_equal(dial->client_id, fleet->client_id[0]);
	memcpy(fleet->client_id[0], dial->client_id, sizeof(dial->client_id));
	assert_true(span_equal(secret_span(&dial->identity), SPAN_LITERAL(FLEET_CLAIM)));
	assert_int_equal(dial->password.size, 0);
	snprintf(filter, sizeof(filter), "%s/accepted", request->topic);
	assert_string_equal(dial->filter[0], filter);
	snprintf(filter, sizeof(filter), "%s/rejected", request->topic);
	assert_string_equal(dial->filter[1], filter);
	assert_string_equal(request->answer_mark, "");
	assert_true(request->body.size < sizeof(fleet->body));
	snprintf(fleet->body, sizeof(fleet->body), "%.*s", (int)request->body.size,
		(const char *)request->body.data);
	assert_null(strstr(fleet->body, "PRIVATE KEY"));
	assert_null(strstr(fleet->body, "CLAIM"));
}

__attribute__((format(printf, 4, 5))) static void say(
	struct cloud_answer *answer, const char *topic, const char *what, const char *format, ...)
{
	va_list list;

	answer->status = 200;
	snprintf(answer->topic, sizeof(answer->topic), "%s/%s", topic, what);
	va_start(list, format);
	assert_true((size_t)vsnprintf(answer->body, sizeof(answer->body), format, list) <
		    sizeof(answer->body));
	va_end(list);
}

static void refuse(struct cloud_answer *answer, const char *topic, int status, const char *code)
{
	say(answer, topic, "rejected",
		"{\"statusCode\":%d,\"errorCode\":\"%s\",\"errorMessage\":\"no\"}", status, code);
}

/* ---- certificates ---- */

static EVP_PKEY *fixture_key(void)
{
	BIO *bio = BIO_new_mem_buf(PUMP_KEY, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free_all(bio);
	assert_non_null(key);
	return key;
}

static X509_REQ *asked_for(const struct fleet *fleet)
{
	json_t *body = json_loads(fleet->body, 0, NULL);
	const char *text = json_string_value(json_object_get(body, "certificateSigningRequest"));
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509_REQ *request;

	assert_non_null(text);
	request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	assert_non_null(request);
	assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
	BIO_free_all(bio);
	json_decref(body);
	return request;
}

/* As a text for JSON. */
static void sign(const struct fleet *fleet, char *ret_text)
{
	X509_REQ *request = asked_for(fleet);
	EVP_PKEY *authority = fixture_key();
	X509 *x509 = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long size;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), (long)fleet->creates);
	X509_set_subject_name(x509, X509_REQ_get_subject_name(request));
	ASN1_TIME_set(X509_getm_notBefore(x509), *fleet->now / 1000);
	ASN1_TIME_adj(X509_getm_notAfter(x509), *fleet->now / 1000, LIFE_DAYS, 0);
	if (fleet->ends)
		ASN1_TIME_set(X509_getm_notAfter(x509), fleet->ends / 1000);
	X509_set_pubkey(x509, fleet->foreign_key ? authority : X509_REQ_get0_pubkey(request));
	assert_true(X509_sign(x509, authority, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	size = BIO_get_mem_data(bio, &bytes);
	for (long i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			*ret_text++ = '\\';
		*ret_text++ = bytes[i] == '\n' ? 'n' : bytes[i];
	}
	*ret_text = '\0';
	BIO_free_all(bio);
	X509_free(x509);
	EVP_PKEY_free(authority);
	X509_REQ_free(request);
}

static void create(struct fleet *fleet, struct cloud_answer *answer)
{
	unsigned at = fleet->creates++ % FLEET_CERTIFICATES;
	char pem[1500];

	fleet->certificate[at].number = fleet->creates;
	fleet->certificate[at].since = *fleet->now;
	fleet->certificate[at].has_thing = false;
	sign(fleet, pem);
	say(answer, CREATE, "accepted",
		"{\"certificateId\":\"%064u\",\"certificatePem\":\"%s\","
		"\"certificateOwnershipToken\":\"TOKEN-canary-%u\"}",
		fleet->creates, pem, fleet->creates);
}

/* ---- things ---- */

static bool take_token(struct fleet *fleet, const char *token)
{
	unsigned number, at;

	assert_memory_equal(token, "TOKEN-canary-", 13);
	number = (unsigned)strtoul(token + 13, NULL, 10);
	at = (number - 1) % FLEET_CERTIFICATES;
	if (fleet->forgets || fleet->certificate[at].number != number ||
		*fleet->now - fleet->certificate[at].since >= TOKEN_MSEC)
		return false;
	fleet->certificate[at].has_thing = true;
	return true;
}

static void register_thing(struct fleet *fleet, struct cloud_answer *answer)
{
	json_t *body = json_loads(fleet->body, 0, NULL);
	const json_t *parameters = json_object_get(body, "parameters");
	const char *name = json_string_value(json_object_get(parameters, "SerialNumber"));
	const char *token = json_string_value(json_object_get(body, "certificateOwnershipToken"));

	fleet->registers++;
	assert_non_null(name);
	assert_non_null(token);
	name = fleet->thing ? fleet->thing : name;
	if (!take_token(fleet, token)) {
		refuse(answer, PROVISION, 400, "InvalidCertificateOwnershipToken");
	} else if (fleet->hook_refuses) {
		refuse(answer, PROVISION, 403, "AccessDenied");
	} else if (fleet->no_thing) {
		say(answer, PROVISION, "accepted", "{\"deviceConfiguration\":{}}");
	} else {
		/* Asked for once more it is the same thing. */
		fleet->things += strcmp(fleet->name, name) != 0;
		snprintf(fleet->name, sizeof(fleet->name), "%s", name);
		say(answer, PROVISION, "accepted",
			"{\"deviceConfiguration\":{},\"thingName\":\"%s\"}", name);
	}
	json_decref(body);
}

void fleet_ask(struct fleet *fleet, const struct platform_request *request,
	struct cloud_answer *ret_answer)
{
	bool registers = !strcmp(request->topic, PROVISION);

	*ret_answer = (struct cloud_answer){.status = 0};
	assert_true(registers || !strcmp(request->topic, CREATE));
	check_session(fleet, request);
	fleet->connects++;
	if (fleet->claim_refused)
		ret_answer->result = -EACCES;
	else if (fleet->cut)
		ret_answer->result = -ECONNRESET;
	else if (fleet->fail && (registers || !fleet->throttles_things))
		refuse(ret_answer, request->topic, fleet->fail, fleet->code ? fleet->code : "x");
	else if (fleet->says)
		say(ret_answer, request->topic, "accepted", "%s", fleet->says);
	else if (registers)
		register_thing(fleet, ret_answer);
	else
		create(fleet, ret_answer);
}
