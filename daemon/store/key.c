/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery of the key. What can be there, and what comes of it:
 *
 *   control.db says   credential   key file   outcome
 *   nothing yet       good         any        found, credential
 *   nothing yet       none         good       found, file (a start that ended early made it)
 *   nothing yet       none         none       a key file is made; found
 *   credential        fits         any        found
 *   credential        none         any        missing: no silent step down
 *   file              none         fits       found
 *   file              none         none       missing
 *   file              fits         any        found, from now on credential
 *   any               does not fit            wrong
 *   any               none         does not fit: wrong
 *
 * The check value is a derivation of its own: it tells nothing about the key that seals.
 */

#include "store/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/files.h"

#define HEX_SIZE (2 * AES256_KEY)

static const char *const SOURCE_WORDS[] = {[KEY_FILE] = "file", [KEY_CREDENTIAL] = "credential"};

const char *key_source_to_string(enum key_source source)
{
	return SOURCE_WORDS[source];
}

int key_source_from_string(const char *text, enum key_source *ret_source)
{
	for (size_t i = 0; i < ELEMENTS(SOURCE_WORDS); i++) {
		if (strcmp(text, SOURCE_WORDS[i]) == 0) {
			*ret_source = (enum key_source)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A key of zeros only is what a null key or an empty disk image looks like. */
static bool is_null_key(const uint8_t key[AES256_KEY])
{
	static const uint8_t zero[AES256_KEY];

	return crypto_equal(key, zero, AES256_KEY);
}

static int key_parse(struct span text, uint8_t ret_key[AES256_KEY])
{
	uint8_t key[AES256_KEY] = {0};
	int r = 0;

	if (text.size == AES256_KEY) {
		memcpy(key, text.data, AES256_KEY);
	} else {
		if (text.size == HEX_SIZE + 1 && text.data[HEX_SIZE] == '\n')
			text.size--;
		if (text.size != HEX_SIZE)
			return -EINVAL;
		for (size_t i = 0; i < AES256_KEY && r >= 0; i++) {
			int high = hex_value(text.data[2 * i]),
			    low = hex_value(text.data[2 * i + 1]);

			if (high < 0 || low < 0)
				r = -EINVAL;
			else
				key[i] = (uint8_t)(high << 4 | low);
		}
	}
	if (r >= 0 && is_null_key(key))
		r = -EINVAL;
	if (r >= 0)
		memcpy(ret_key, key, AES256_KEY);
	crypto_wipe(key, sizeof(key));
	return r;
}

static int key_read(int dir_fd, const char *name, uint8_t ret_key[AES256_KEY])
{
	uint8_t *data;
	size_t size;
	int r = file_read(dir_fd, name, 256, &data, &size);

	if (r < 0)
		return r == -EFBIG ? -EINVAL : r;
	r = key_parse(span_of(data, size), ret_key);
	crypto_wipe(data, size);
	free(data);
	return r;
}

static int credential_read(const char *directory, uint8_t ret_key[AES256_KEY])
{
	CLEANUP(cleanup_close) int fd = -EBADF;

	if (!directory || !*directory)
		return -ENOENT;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : key_read(fd, KEY_CREDENTIAL_NAME, ret_key);
}

/* -EPERM when others may read it: then it is no secret any more. */
static int key_file_read(int state_fd, uint8_t ret_key[AES256_KEY])
{
	struct stat st;

	if (fstatat(state_fd, KEY_FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && (st.st_mode & 077))
		return -EPERM;
	return key_read(state_fd, KEY_FILE_NAME, ret_key);
}

static int key_file_make(int state_fd, uint8_t ret_key[AES256_KEY])
{
	char text[HEX_SIZE + 2];
	uint8_t key[AES256_KEY];
	int r;

	random_bytes(key, sizeof(key));
	hex_encode(span_of(key, sizeof(key)), text, sizeof(text));
	text[HEX_SIZE] = '\n';
	r = file_create(state_fd, KEY_FILE_NAME, span_of(text, HEX_SIZE + 1), 0400);
	if (r >= 0)
		memcpy(ret_key, key, sizeof(key));
	crypto_wipe(key, sizeof(key));
	crypto_wipe(text, sizeof(text));
	return r;
}

static int key_check_make(const uint8_t key[AES256_KEY], uint8_t ret_check[KEY_CHECK_SIZE])
{
	return crypto_hkdf_sha256(span_of(key, AES256_KEY), (struct span){0},
		SPAN_LITERAL("gatehouse key check 1"), ret_check, KEY_CHECK_SIZE);
}

/* Reads it from where it is; makes it when it may. -ENOENT: there is none. */
static int key_fetch(int state_fd, const char *credentials_directory, const struct key_mark *mark,
	struct key *key)
{
	int r;

	key->mark.source = KEY_CREDENTIAL;
	r = credential_read(credentials_directory, key->bytes);
	if (r != -ENOENT)
		return r;
	if (mark && mark->source == KEY_CREDENTIAL)
		return -ENOENT;
	key->mark.source = KEY_FILE;
	r = key_file_read(state_fd, key->bytes);
	if (r == -ENOENT && !mark)
		r = key_file_make(state_fd, key->bytes);
	return r;
}

static const char *source_name(enum key_source source)
{
	return source == KEY_CREDENTIAL ? "credential " KEY_CREDENTIAL_NAME : "key file";
}

static int key_judge(int fetched, const struct key_mark *mark, struct key *key,
	enum key_outcome *ret_outcome, char *ret_why, size_t capacity)
{
	const char *name = source_name(key->mark.source);
	int r;

	if (fetched == -ENOENT) {
		snprintf(ret_why, capacity,
			"The secrets in this state directory are sealed with a key from the %s, "
			"which is not there. Deliver it again, or restore it from where it is "
			"kept.",
			source_name(mark ? mark->source : KEY_FILE));
		*ret_outcome = KEY_MISSING;
		return 0;
	}
	if (fetched == -EINVAL) {
		snprintf(ret_why, capacity,
			"The %s does not hold a key: 64 hex digits or 32 bytes are expected.",
			name);
		*ret_outcome = KEY_WRONG;
		return 0;
	}
	if (fetched < 0) {
		snprintf(ret_why, capacity, "The %s cannot be used: %s", name,
			fetched == -EPERM ? "others may read it. Set its mode to 0400 and consider "
					    "the key as known to others."
					  : strerror(-fetched));
		return fetched;
	}
	r = key_check_make(key->bytes, key->mark.check);
	if (r < 0) {
		snprintf(ret_why, capacity, "The key cannot be checked: %s", strerror(-r));
		return r;
	}
	if (mark && !crypto_equal(mark->check, key->mark.check, KEY_CHECK_SIZE)) {
		snprintf(ret_why, capacity,
			"The key in the %s is not the one that this state directory was sealed "
			"with "
			"(that one came from the %s). Nothing was changed.",
			name, source_name(mark->source));
		*ret_outcome = KEY_WRONG;
		return 0;
	}
	*ret_outcome = KEY_FOUND;
	return 0;
}

int key_find(int state_fd, const char *credentials_directory, const struct key_mark *mark,
	enum key_outcome *ret_outcome, struct key *ret_key, char *ret_why, size_t capacity)
{
	enum key_outcome outcome = KEY_MISSING;
	struct key key = {0};
	int r = key_fetch(state_fd, credentials_directory, mark, &key);

	r = key_judge(r, mark, &key, &outcome, ret_why, capacity);
	if (r >= 0) {
		*ret_outcome = outcome;
		if (outcome == KEY_FOUND)
			*ret_key = key;
	}
	crypto_wipe(&key, sizeof(key));
	return r;
}
