/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The key-encryption key: where it comes from, and whether it is the one that this state directory
 * was sealed with.
 *
 *   $CREDENTIALS_DIRECTORY/gatehouse.kek        by systemd
 *   $CREDENTIALS_DIRECTORY/gatehouse.kek-next   the same, while the key is being changed
 *   <state>/key                                 a 0400 file that is made on the first start
 *   <state>/key.next                            the same, while the key is being changed
 *
 * Each holds 64 hex digits (a newline may follow) or 32 bytes. In a credential the digits may be
 * followed by a space and a word that says with what it is sealed: "host" or "tpm2+host". What was
 * used is written into control.db together with a check value, the 'mark'. The key that fits the
 * mark is taken, wherever it stands, but a directory that was sealed under a credential never falls
 * back to a key file; the other way is a step up, and is taken when the credential delivers the
 * same key.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "store/store.h"

#define KEY_CREDENTIAL_NAME "gatehouse.kek"
#define KEY_CREDENTIAL_NEXT "gatehouse.kek-next"
#define KEY_FILE_NAME	    "key"
#define KEY_FILE_NEXT	    "key.next"
#define KEY_CHECK_SIZE	    16

struct key_mark {
	enum key_source source; /* the strongest that it came from */
	uint8_t id;		/* in the sealed records: 1 to 255 */
	uint8_t check[KEY_CHECK_SIZE];
};

struct key {
	uint8_t bytes[AES256_KEY];
	enum key_source source; /* where it stands now */
	bool is_next;		/* in gatehouse.kek-next */
	struct key_mark mark;	/* what belongs into control.db */
};

enum key_outcome {
	KEY_FOUND,
	KEY_WRONG,   /* there is a key, but it does not fit, or it is none */
	KEY_MISSING, /* sealed records are there, but no key */
};

/*
 * Finds the key. 'mark' is what control.db says, NULL on the first start: then a key file is made
 * when no credential is delivered. Anything but KEY_FOUND leaves *ret_key untouched and fills
 * ret_why with a sentence, as a negative answer does. Wipe *ret_key.
 */
int key_find(int state_fd, const char *credentials_directory, const struct key_mark *mark,
	enum key_outcome *ret_outcome, struct key *ret_key, char *ret_why, size_t capacity);

/* The check value of bytes that are a key. */
int key_check_make(const uint8_t key[AES256_KEY], uint8_t ret_check[KEY_CHECK_SIZE]);

/* --- key-file.c: the files in the state directory --- */

/* 32 bytes or 64 hex digits, in a credential followed by a word. -EINVAL for anything else.
 * ret_source becomes KEY_HOST or KEY_TPM2 by the word, or stays as it is. */
int key_parse(struct span text, uint8_t ret_key[AES256_KEY], enum key_source *ret_source);
/* Reads a key from a file of a directory. */
int key_read(
	int dir_fd, const char *name, uint8_t ret_key[AES256_KEY], enum key_source *ret_source);
/* The same for one of the state directory. -EPERM when others may read it: then it is no secret any
 * more. */
int key_file_read(int state_fd, const char *name, uint8_t ret_key[AES256_KEY]);
/* Makes <state>/key, which must not be there yet. */
int key_file_make(int state_fd, uint8_t ret_key[AES256_KEY]);
/* Writes <state>/key.next, over one that is there. */
int key_file_put_next(int state_fd, const uint8_t key[AES256_KEY]);
/*
 * Retires what is not needed any more: key.next takes the place of key when it is the one that
 * fits, otherwise it goes; under a credential a key file goes that does not fit. Safe to repeat.
 */
int key_file_settle(int state_fd, const struct key_mark *mark);
