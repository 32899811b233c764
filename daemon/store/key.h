/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The key-encryption key: where it comes from, and whether it is the one that this state directory
 * was sealed with.
 *
 *   first  $CREDENTIALS_DIRECTORY/gatehouse.kek, by systemd
 *   else   <state>/key, a 0400 file that is made on the first start
 *
 * Both hold 64 hex digits (a newline may follow) or 32 bytes. What was used is written into
 * control.db together with a check value, the 'mark'. A directory that was sealed under a
 * credential never falls back to a key file; the other way is a step up, and is taken when the
 * credential delivers the same key.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "store/store.h"

#define KEY_CREDENTIAL_NAME "gatehouse.kek"
#define KEY_FILE_NAME	    "key"
#define KEY_CHECK_SIZE	    16

struct key_mark {
	enum key_source source;
	uint8_t check[KEY_CHECK_SIZE];
};

struct key {
	uint8_t bytes[AES256_KEY];
	struct key_mark mark; /* what belongs into control.db */
};

enum key_outcome {
	KEY_FOUND,
	KEY_WRONG,   /* there is a key, but it does not fit, or it is none */
	KEY_MISSING, /* sealed records are there, but no key */
};

const char *key_source_to_string(enum key_source source);
int key_source_from_string(const char *text, enum key_source *ret_source);

/*
 * Finds the key. 'mark' is what control.db says, NULL on the first start: then a key file is made
 * when no credential is delivered. Anything but KEY_FOUND leaves *ret_key untouched and fills
 * ret_why with a sentence, as a negative answer does. Wipe *ret_key.
 */
int key_find(int state_fd, const char *credentials_directory, const struct key_mark *mark,
	enum key_outcome *ret_outcome, struct key *ret_key, char *ret_why, size_t capacity);
