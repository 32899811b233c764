/* SPDX-License-Identifier: Apache-2.0 */

/* The signature is over the very bytes that are sent as 'sr', a line feed and the end: whoever
 * checks it need not escape as we do. */

#include "drivers/platform/azure-key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/platform/iothub.h"

#define KEY_TEXT_MAX (4 * ((AZURE_KEY_MAX + 2) / 3))
#define RESOURCE_MAX 1024
#define SAS_MAX	     1400

/* The plain alphabet with padding; the URL's is what base has a reader for. */
static int key_read(struct span text, uint8_t ret_key[AZURE_KEY_MAX], size_t *ret_size)
{
	char url[KEY_TEXT_MAX];
	size_t size = text.size, i;
	int r;

	if (size == 0 || size % 4 != 0 || size > sizeof(url))
		return -EBADMSG;
	while (size > text.size - 2 && text.data[size - 1] == '=')
		size--;
	for (i = 0; i < size; i++) {
		url[i] = (char)text.data[i];
		if (url[i] == '-' || url[i] == '_')
			break; /* of the other alphabet */
		if (url[i] == '+')
			url[i] = '-';
		if (url[i] == '/')
			url[i] = '_';
	}
	r = i < size ? -EBADMSG
		     : base64url_decode(span_of(url, size), ret_key, AZURE_KEY_MAX, ret_size);
	crypto_wipe(url, sizeof(url));
	return r < 0 || *ret_size == 0 ? -EBADMSG : 0;
}

static int sign(const struct driver_services *services, struct span key_text,
	const struct span *parts, size_t count, char **ret_text)
{
	uint8_t key[AZURE_KEY_MAX], mac[SHA256_SIZE];
	size_t size;
	int r = key_read(key_text, key, &size);

	if (r >= 0)
		r = services->hmac_sha256(span_of(key, size), parts, count, mac);
	crypto_wipe(key, sizeof(key));
	if (r < 0)
		return r;
	*ret_text = base64_encode(span_of(mac, sizeof(mac)));
	crypto_wipe(mac, sizeof(mac));
	return *ret_text ? 0 : -ENOMEM;
}

int azure_key_derive(const struct driver_services *services, struct span group_key,
	const char *registration, struct secret *ret_key)
{
	const struct span part = span_from_string(registration);
	char *text = NULL;
	int r = sign(services, group_key, &part, 1, &text);

	if (r < 0)
		return r;
	secret_clear(ret_key);
	*ret_key = (struct secret){(uint8_t *)text, strlen(text)};
	return 0;
}

int azure_sas_make(const struct driver_services *services, struct span key, const char *resource,
	int64_t expires, const char *policy, struct secret *ret_sas)
{
	char escaped[RESOURCE_MAX], end[24], signature[3 * 64], text[SAS_MAX];
	CLEANUP(cleanup_free) char *mac = NULL;
	int r = iothub_escape(resource, escaped, sizeof(escaped)), n;

	if (r < 0)
		return r;
	snprintf(end, sizeof(end), "%" PRId64, expires);
	const struct span parts[] = {
		span_from_string(escaped), SPAN_LITERAL("\n"), span_from_string(end)};

	r = sign(services, key, parts, ELEMENTS(parts), &mac);
	if (r >= 0)
		r = iothub_escape(mac, signature, sizeof(signature));
	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "SharedAccessSignature sr=%s&sig=%s&se=%s%s%s", escaped,
		signature, end, policy ? "&skn=" : "", policy ? policy : "");
	r = n < 0 || (size_t)n >= sizeof(text) ? -EMSGSIZE
					       : secret_set(ret_sas, span_of(text, (size_t)n));
	crypto_wipe(text, sizeof(text));
	crypto_wipe(signature, sizeof(signature));
	return r;
}
