/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two files in the state directory. The key is written once and never again; a certificate can be
 * made again for it. A gateway without a clock that knows the time cannot judge validity: then a
 * certificate begins with the day the software was built, and none is called old.
 */

#include "web/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/log.h"
#include "web/certificate-make.h"

#define PEM_MAX	   (64 * 1024)
#define DAY_MSEC   (INT64_C(86400) * 1000)
#define RENEW_MSEC (30 * DAY_MSEC)
#define BUILD_MSEC ((int64_t)GATEHOUSE_BUILD_TIME * 1000)

DEFINE_CLEANUP(struct certificate *, certificate_free, cleanup_certificate)

static int explain(int r, char *ret_why, size_t capacity, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int explain(int r, char *ret_why, size_t capacity, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ret_why, capacity, format, arguments);
	va_end(arguments);
	return r;
}

struct certificate *certificate_free(struct certificate *certificate)
{
	if (!certificate)
		return NULL;
	if (certificate->key)
		crypto_wipe(certificate->key, strlen(certificate->key));
	free(certificate->key);
	free(certificate->chain);
	free(certificate);
	return NULL;
}

/* The build day, or yesterday when the clock is known to be right and later: yesterday, because the
 * browser's clock may be behind. */
static int64_t first_valid_day(void)
{
	int64_t yesterday = clock_wall_msec() - DAY_MSEC;

	return clock_is_synced() && yesterday > BUILD_MSEC ? yesterday : BUILD_MSEC;
}

static int ensure_key(int dir_fd, struct certificate *certificate)
{
	uint8_t *data;
	size_t size;
	int r = file_read(dir_fd, CERTIFICATE_KEY_FILE, PEM_MAX, &data, &size);

	if (r >= 0) {
		certificate->key = (char *)data;
		return 0;
	}
	if (r != -ENOENT)
		return r;
	r = certificate_make_key(&certificate->key);
	if (r < 0)
		return r;
	return file_create(dir_fd, CERTIFICATE_KEY_FILE, span_from_string(certificate->key), 0600);
}

static int make_chain(
	int dir_fd, const struct certificate_subject *subject, struct certificate *certificate)
{
	CLEANUP(cleanup_free) char *chain = NULL;
	int r = certificate_make(certificate->key, subject, first_valid_day(), &chain);

	if (r < 0)
		return r;
	r = file_replace(dir_fd, CERTIFICATE_FILE, span_from_string(chain), 0600);
	if (r < 0)
		return r;
	free(certificate->chain);
	certificate->chain = STEAL(chain);
	r = certificate_describe(certificate);
	if (r >= 0)
		log_notice("Made a certificate for the page with the fingerprint %s.",
			certificate->fingerprint);
	return r;
}

static bool is_nearly_over(const struct certificate *certificate)
{
	return clock_is_synced() && certificate->not_after - clock_wall_msec() < RENEW_MSEC;
}

static int ensure_chain(
	int dir_fd, const struct certificate_subject *subject, struct certificate *certificate)
{
	uint8_t *data;
	size_t size;
	int r = file_read(dir_fd, CERTIFICATE_FILE, PEM_MAX, &data, &size);

	if (r == -ENOENT)
		return make_chain(dir_fd, subject, certificate);
	if (r < 0)
		return r;
	certificate->chain = (char *)data;
	r = certificate_describe(certificate);
	if (r < 0)
		return r;
	return is_nearly_over(certificate) ? make_chain(dir_fd, subject, certificate) : 0;
}

int certificate_ensure(const char *state_directory, const struct certificate_subject *subject,
	struct certificate **ret, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_certificate) struct certificate *certificate = NULL;
	CLEANUP(cleanup_close)
	int dir_fd = directory_open_private(state_directory, ret_why, capacity);
	int r;

	if (dir_fd < 0)
		return dir_fd;
	certificate = calloc(1, sizeof(*certificate));
	if (!certificate)
		return explain(-ENOMEM, ret_why, capacity, "There is not enough memory.");
	r = ensure_key(dir_fd, certificate);
	if (r < 0)
		return explain(r, ret_why, capacity,
			"The page's key %s/%s cannot be read or made: %s.", state_directory,
			CERTIFICATE_KEY_FILE, strerror(-r));
	r = ensure_chain(dir_fd, subject, certificate);
	if (r < 0)
		return explain(r, ret_why, capacity,
			"The page's certificate %s/%s does not fit its key or cannot be read: %s. "
			"Remove it and start again to have a new one made.",
			state_directory, CERTIFICATE_FILE, strerror(-r));
	*ret = STEAL(certificate);
	return 0;
}

static int load_text(const char *path, char **ret_text, char *ret_why, size_t capacity)
{
	uint8_t *data;
	size_t size;
	int r = file_read(AT_FDCWD, path, PEM_MAX, &data, &size);

	if (r < 0)
		return explain(r, ret_why, capacity, "%s cannot be read: %s.", path, strerror(-r));
	*ret_text = (char *)data;
	return 0;
}

int certificate_load(const char *certificate_path, const char *key_path, struct certificate **ret,
	char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_certificate)
	struct certificate *certificate = calloc(1, sizeof(*certificate));
	int r;

	if (!certificate)
		return explain(-ENOMEM, ret_why, capacity, "There is not enough memory.");
	r = load_text(certificate_path, &certificate->chain, ret_why, capacity);
	if (r < 0)
		return r;
	r = load_text(key_path, &certificate->key, ret_why, capacity);
	if (r < 0)
		return r;
	r = certificate_describe(certificate);
	if (r == -EKEYREJECTED)
		return explain(r, ret_why, capacity,
			"The key %s does not belong to the certificate %s.", key_path,
			certificate_path);
	if (r < 0)
		return explain(r, ret_why, capacity,
			"%s and %s must hold a certificate and its unencrypted key in PEM.",
			certificate_path, key_path);
	*ret = STEAL(certificate);
	return 0;
}
