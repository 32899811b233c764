/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as files. A change of the key is
 *
 *	key.next is written -> control.db is sealed anew and says so -> key.next becomes key
 *
 * so at each moment the key that control.db asks for stands in one of the two, and which one is
 * asked of its check value. What is found half way at a start is finished there.
 */

#include "store/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

#define HEX_SIZE (2 * AES256_KEY)

/* A key of zeros only is what a null key or an empty disk image looks like. */
static bool is_null_key(const uint8_t key[AES256_KEY])
{
	static const uint8_t zero[AES256_KEY];

	return crypto_equal(key, zero, AES256_KEY);
}

/* What stands behind the digits: nothing, or a space and a word. */
static int parse_word(struct span rest, enum key_source *ret_source)
{
	static const enum key_source WORDS[] = {KEY_HOST, KEY_TPM2};

	if (rest.size == 0)
		return 0;
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
		struct span word = span_from_string(key_source_to_string(WORDS[i]));

		if (rest.data[0] == ' ' &&
			span_equal(span_of(rest.data + 1, rest.size - 1), word)) {
			*ret_source = WORDS[i];
			return 0;
		}
	}
	return -EINVAL;
}

int key_parse(struct span text, uint8_t ret_key[AES256_KEY], enum key_source *ret_source)
{
	uint8_t key[AES256_KEY] = {0};
	int r = 0;

	if (text.size == AES256_KEY) {
		memcpy(key, text.data, AES256_KEY);
	} else {
		if (text.size > HEX_SIZE && text.data[text.size - 1] == '\n')
			text.size--;
		r = text.size < HEX_SIZE
			    ? -EINVAL
			    : hex_decode(span_of(text.data, HEX_SIZE), key, sizeof(key));
		if (r >= 0)
			r = parse_word(
				span_of(text.data + HEX_SIZE, text.size - HEX_SIZE), ret_source);
	}
	if (r >= 0 && is_null_key(key))
		r = -EINVAL;
	if (r >= 0)
		memcpy(ret_key, key, AES256_KEY);
	crypto_wipe(key, sizeof(key));
	return r;
}

int key_read(int dir_fd, const char *name, uint8_t ret_key[AES256_KEY], enum key_source *ret_source)
{
	uint8_t *data;
	size_t size;
	int r = file_read(dir_fd, name, 256, &data, &size);

	if (r < 0)
		return r == -EFBIG ? -EINVAL : r;
	r = key_parse(span_of(data, size), ret_key, ret_source);
	crypto_wipe(data, size);
	free(data);
	return r;
}

int key_file_read(int state_fd, const char *name, uint8_t ret_key[AES256_KEY])
{
	enum key_source source = KEY_FILE;
	struct stat st;
	int r;

	if (fstatat(state_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && (st.st_mode & 077))
		return -EPERM;
	r = key_read(state_fd, name, ret_key, &source);
	/* A file in clear that calls itself sealed is not believed. */
	return r >= 0 && source != KEY_FILE ? -EINVAL : r;
}

static int put(int state_fd, const char *name, const uint8_t key[AES256_KEY],
	int (*write)(int, const char *, struct span, mode_t))
{
	char text[HEX_SIZE + 2];
	int r;

	hex_encode(span_of(key, AES256_KEY), text, sizeof(text));
	text[HEX_SIZE] = '\n';
	r = write(state_fd, name, span_of(text, HEX_SIZE + 1), 0400);
	crypto_wipe(text, sizeof(text));
	return r;
}

int key_file_make(int state_fd, uint8_t ret_key[AES256_KEY])
{
	uint8_t key[AES256_KEY];
	int r;

	random_bytes(key, sizeof(key));
	r = put(state_fd, KEY_FILE_NAME, key, file_create);
	if (r >= 0)
		memcpy(ret_key, key, sizeof(key));
	crypto_wipe(key, sizeof(key));
	return r;
}

int key_file_put_next(int state_fd, const uint8_t key[AES256_KEY])
{
	return put(state_fd, KEY_FILE_NEXT, key, file_replace);
}

/* One that cannot be read is no key of ours to judge. */
static bool fits(int state_fd, const char *name, const struct key_mark *mark, bool *ret_is_key)
{
	uint8_t key[AES256_KEY], check[KEY_CHECK_SIZE];
	int r = key_file_read(state_fd, name, key);

	*ret_is_key = r >= 0;
	if (r < 0)
		return false;
	r = key_check_make(key, check);
	crypto_wipe(key, sizeof(key));
	return r >= 0 && crypto_equal(check, mark->check, sizeof(check));
}

static int sync_directory(int state_fd)
{
	return fsync(state_fd) < 0 ? -errno : 0;
}

static int drop(int state_fd, const char *name)
{
	if (unlinkat(state_fd, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return sync_directory(state_fd);
}

int key_file_settle(int state_fd, const struct key_mark *mark)
{
	bool is_key, next_fits = fits(state_fd, KEY_FILE_NEXT, mark, &is_key);
	bool retired;

	if (mark->source == KEY_FILE && next_fits) {
		if (renameat(state_fd, KEY_FILE_NEXT, state_fd, KEY_FILE_NAME) < 0)
			return -errno;
		return sync_directory(state_fd);
	}
	retired = !fits(state_fd, KEY_FILE_NAME, mark, &is_key) && is_key;
	if (mark->source != KEY_FILE && retired) {
		int r = drop(state_fd, KEY_FILE_NAME);

		if (r < 0)
			return r;
	}
	return drop(state_fd, KEY_FILE_NEXT);
}
