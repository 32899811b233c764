/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens that are a certificate and its private key. The value is a format byte, the length of the
 * certificate in two bytes, the certificate, the key; a line's end is put between them where the
 * certificate has none.
 */

#include "core/token.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/identity.h"

#define VALUE_IDENTITY 2 /* 1: token.c */
#define VALUE_HEAD     3

const char *token_check_identity(
	struct span ep, struct span certificate, struct span key, bool *ret_too_long)
{
	const char *why = token_check_name(ep);

	if (ret_too_long)
		*ret_too_long = ep.size > EP_MAX || certificate.size + key.size >= IDENTITY_MAX;
	return why ? why : identity_check(certificate, key);
}

static int identity_value_make(struct span certificate, struct span key, struct secret *ret_value)
{
	bool ended = certificate.data[certificate.size - 1] == '\n';
	size_t first = certificate.size + !ended, size = VALUE_HEAD + first + key.size;
	uint8_t *data = malloc(size);

	if (!data)
		return -ENOMEM;
	data[0] = VALUE_IDENTITY;
	data[1] = (uint8_t)(first >> 8);
	data[2] = (uint8_t)first;
	memcpy(data + VALUE_HEAD, certificate.data, certificate.size);
	data[VALUE_HEAD + first - 1] = '\n';
	memcpy(data + VALUE_HEAD + first, key.data, key.size);
	*ret_value = (struct secret){data, size};
	return 0;
}

int token_value_split_identity(
	struct span value, struct span *ret_certificate, struct span *ret_key)
{
	size_t size;

	if (value.size < VALUE_HEAD || value.data[0] != VALUE_IDENTITY)
		return -EBADMSG;
	size = (size_t)value.data[1] << 8 | value.data[2];
	if (size == 0 || size >= value.size - VALUE_HEAD || value.size - VALUE_HEAD > IDENTITY_MAX)
		return -EBADMSG;
	*ret_certificate = span_of(value.data + VALUE_HEAD, size);
	*ret_key = span_of(value.data + VALUE_HEAD + size, value.size - VALUE_HEAD - size);
	return 0;
}

int token_value_read_identity(struct span value, struct span *ret_identity)
{
	struct span certificate, key;
	int r = token_value_split_identity(value, &certificate, &key);

	if (r >= 0)
		*ret_identity = span_of(certificate.data, certificate.size + key.size);
	return r;
}

static int new_identity(const char *kind, struct span ep, struct span certificate, struct span key,
	struct token **ret)
{
	struct token *token = calloc(1, sizeof(*token));
	int r;

	if (!token)
		return -ENOMEM;
	memcpy(token->kind, kind, strlen(kind) + 1);
	memcpy(token->ep, ep.data, ep.size);
	r = identity_value_make(certificate, key, &token->value);
	if (r < 0) {
		token_free(token);
		return r;
	}
	*ret = token;
	return 0;
}

int token_new_identity(struct span ep, struct span certificate, struct span key, struct token **ret)
{
	if (token_check_identity(ep, certificate, key, NULL))
		return -EINVAL;
	return new_identity(TOKEN_KIND_MQTT, ep, certificate, key, ret);
}

bool token_is_registration(const char *name)
{
	size_t length = strlen(name), i;

	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-._:", name[i]))
			return false;
	return length > 0 && !strchr("._:", name[length - 1]);
}

const char *token_check_x509(
	struct span ep, struct span certificate, struct span key, bool *ret_too_long)
{
	const char *why = token_check_identity(ep, certificate, key, ret_too_long);
	struct chain_facts facts;

	if (why)
		return why;
	if (identity_read(certificate, &facts) < 0 || !token_is_registration(facts.common_name))
		return "has a certificate whose common name is no registration id (letters, "
		       "digits, - . _ : and at the end a letter, a digit or -)";
	return NULL;
}

int token_new_x509(struct span ep, struct span certificate, struct span key, struct token **ret)
{
	if (token_check_x509(ep, certificate, key, NULL))
		return -EINVAL;
	return new_identity(TOKEN_KIND_AZURE, ep, certificate, key, ret);
}
