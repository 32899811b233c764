/* SPDX-License-Identifier: Apache-2.0 */

/* Read anew for every session: what an administrator put right is taken on by the next try. */

#include "host/upstream-secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/identity.h"
#include "base/log.h"

void upstream_secret_clear(struct upstream_secret *secret)
{
	secret_clear(&secret->password);
	secret_clear(&secret->identity);
}

static int add_bytes(struct span bytes, struct secret *secret)
{
	size_t size = secret->size + bytes.size;
	uint8_t *joined = malloc(size + 1);

	if (!joined)
		return -ENOMEM;
	if (secret->size)
		memcpy(joined, secret->data, secret->size);
	memcpy(joined + secret->size, bytes.data, bytes.size);
	secret_clear(secret);
	*secret = (struct secret){joined, size};
	return 0;
}

/* The content goes behind what 'secret' holds. */
static int add_file(const char *path, size_t max, bool first_line, struct secret *secret)
{
	uint8_t *data = NULL;
	size_t size = 0;
	int r = file_read(AT_FDCWD, path, max, &data, &size);

	if (r < 0) {
		log_error("The file %s cannot be read: %s.", path, strerror(-r));
		return r;
	}
	r = add_bytes(span_of(data, first_line ? strcspn((char *)data, "\r\n") : size), secret);
	crypto_wipe(data, size);
	free(data);
	return r;
}

int upstream_identity_read(const char *certificate_file, const char *key_file, const char *whose,
	struct secret *ret_identity)
{
	CLEANUP(secret_clear) struct secret identity = {0};
	const char *why;
	size_t first;
	int r = add_file(certificate_file, IDENTITY_MAX, false, &identity);

	/* One file for the library: the key begins on a line of its own. */
	if (r >= 0 && identity.size && identity.data[identity.size - 1] != '\n')
		r = add_bytes(SPAN_LITERAL("\n"), &identity);
	if (r < 0)
		return r;
	first = identity.size;
	r = add_file(key_file, IDENTITY_MAX, false, &identity);
	if (r < 0)
		return r;
	why = identity_check(span_of(identity.data, first),
		span_of(identity.data + first, identity.size - first));
	if (why) {
		log_error("%s %s.", whose, why);
		return -EBADMSG;
	}
	secret_clear(ret_identity);
	*ret_identity = identity;
	identity = (struct secret){0};
	return 0;
}

int upstream_secret_read(const struct config *config, struct upstream_secret *ret_secret)
{
	int r = 0;

	*ret_secret = (struct upstream_secret){0};
	if (config->mqtt_password_file[0])
		r = add_file(config->mqtt_password_file, 4096, true, &ret_secret->password);
	if (r >= 0 && config->mqtt_certificate_file[0])
		r = upstream_identity_read(config->mqtt_certificate_file, config->mqtt_key_file,
			"The gateway's own session (mqtt.certificate_file, mqtt.key_file)",
			&ret_secret->identity);
	if (r < 0)
		upstream_secret_clear(ret_secret);
	return r;
}
