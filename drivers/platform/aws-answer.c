/* SPDX-License-Identifier: Apache-2.0 */

#include "drivers/platform/aws-answer.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/identity.h"

DEFINE_CLEANUP(json_t *, aws_json_free, cleanup_json)

/* One that holds objects is wiped as deep as the driver makes or reads it. */
void aws_json_free(json_t *value)
{
	const char *key;
	json_t *one;

	if (json_is_object(value))
		json_object_foreach(value, key, one) if (json_is_string(one)) crypto_wipe(
			(char *)(uintptr_t)json_string_value(one), json_string_length(one));
	json_decref(value);
}

static bool is_name_byte(uint8_t byte)
{
	return isalnum(byte) || byte == ':' || byte == '_' || byte == '-';
}

bool aws_is_thing(struct span name)
{
	size_t i;

	for (i = 0; i < name.size; i++)
		if (!is_name_byte(name.data[i]))
			return false;
	return name.size > 0 && name.size <= AWS_THING_MAX;
}

bool aws_is_id(struct span id)
{
	size_t i;

	for (i = 0; i < id.size; i++)
		if (!isalnum(id.data[i]))
			return false;
	return id.size > 0 && id.size <= AWS_ID_MAX;
}

/* An object, or NULL. */
static json_t *read_object(struct span body)
{
	json_t *value = body.size ? json_loadb((const char *)body.data, body.size,
					    JSON_REJECT_DUPLICATES, NULL)
				  : NULL;

	if (value && !json_is_object(value)) {
		json_decref(value);
		return NULL;
	}
	return value;
}

/* Borrowed; empty when it is none. */
static struct span text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value))
				     : span_of(NULL, 0);
}

void aws_certificate_clear(struct aws_certificate *certificate)
{
	if (certificate->token)
		crypto_wipe(certificate->token, strlen(certificate->token));
	free(certificate->token);
	free(certificate->pem);
	*certificate = (struct aws_certificate){0};
}

/* The token stands in one line of JSON; a certificate has lines. */
static bool is_certificate(struct span id, struct span pem, struct span token)
{
	return aws_is_id(id) && pem.size > 0 && pem.size < IDENTITY_MAX &&
	       !memchr(pem.data, '\0', pem.size) && token.size > 0 && token.size <= AWS_TOKEN_MAX &&
	       span_is_printable(token);
}

int aws_certificate_read(struct span body, struct aws_certificate *ret_certificate)
{
	CLEANUP(cleanup_json) json_t *value = read_object(body);
	CLEANUP(aws_certificate_clear) struct aws_certificate got = {0};
	struct span id, pem, token;

	if (!value)
		return -EBADMSG;
	id = text_of(value, "certificateId");
	pem = text_of(value, "certificatePem");
	token = text_of(value, "certificateOwnershipToken");
	if (!is_certificate(id, pem, token))
		return -EBADMSG;
	got.pem = span_dup(pem);
	got.token = span_dup(token);
	if (!got.pem || !got.token)
		return -ENOMEM;
	*ret_certificate = (struct aws_certificate){0};
	ret_certificate->pem = STEAL(got.pem);
	ret_certificate->token = STEAL(got.token);
	memcpy(ret_certificate->id, id.data, id.size);
	return 0;
}

int aws_thing_read(struct span body, char ret_thing[AWS_THING_MAX + 1])
{
	CLEANUP(cleanup_json) json_t *value = read_object(body);
	const json_t *name = json_object_get(value, "thingName");
	struct span thing;

	if (!value)
		return -EBADMSG;
	if (!name || json_is_null(name))
		return -ENOENT;
	thing = text_of(value, "thingName");
	if (!aws_is_thing(thing))
		return -EBADMSG;
	return span_to_string(thing, ret_thing, AWS_THING_MAX + 1);
}

bool aws_shadow_read(struct span body)
{
	CLEANUP(cleanup_json) json_t *value = read_object(body);

	return span_equal(
		text_of(json_object_get(value, "deviceConfiguration"), "gatehouse-shadow"),
		SPAN_LITERAL("yes"));
}

void aws_refusal_read(struct span body, struct aws_refusal *ret_refusal)
{
	CLEANUP(cleanup_json) json_t *value = read_object(body);
	const json_t *status = json_object_get(value, "statusCode");
	struct aws_refusal refusal = {.status = 0};
	struct span code = text_of(value, "errorCode");
	json_int_t number = json_is_integer(status) ? json_integer_value(status) : 0;
	size_t i;

	if (number >= 100 && number <= 599)
		refusal.status = (int)number;
	for (i = 0; i < code.size && i < AWS_CODE_MAX && isalnum(code.data[i]); i++)
		refusal.code[i] = (char)code.data[i];
	*ret_refusal = refusal;
}
