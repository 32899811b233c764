/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery of the key. What can be there, and what comes of it ('fits' = the check value in the
 * mark; 'next' ones count like their firsts):
 *
 *   control.db says   credential      key file       outcome
 *   nothing yet       good            any            found, credential
 *   nothing yet       none            good           found, file (a start that ended early made it)
 *   nothing yet       none            none           a key file is made; found
 *   credential        fits            any            found
 *   credential        none            any            missing: no silent step down
 *   file              fits            any            found, from now on credential
 *   file              none            fits           found
 *   file              does not fit    fits           found: the credential is a retired one
 *   file              none            none           missing
 *   any               one is there, but none fits    wrong
 *
 * A credential may come back sealed more weakly than it was (with the host's key alone where it was
 * the TPM2 too): it is found, and what it was stays in the mark, so that an alarm says so.
 *
 * The check value is a derivation of its own: it tells nothing about the key that seals.
 */

#include "store/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/files.h"

static const char *const SOURCE_WORDS[KEY_SOURCES] = {[KEY_FILE] = "file",
	[KEY_CREDENTIAL] = "credential",
	[KEY_HOST] = "host",
	[KEY_TPM2] = "tpm2+host"};

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

int key_check_make(const uint8_t key[AES256_KEY], uint8_t ret_check[KEY_CHECK_SIZE])
{
	return crypto_hkdf_sha256(span_of(key, AES256_KEY), (struct span){0},
		SPAN_LITERAL("gatehouse key check 1"), ret_check, KEY_CHECK_SIZE);
}

struct place {
	bool is_credential, is_next;
	const char *name;
};

static const struct place PLACES[] = {
	{true, false, KEY_CREDENTIAL_NAME},
	{true, true, KEY_CREDENTIAL_NEXT},
	{false, false, KEY_FILE_NAME},
	{false, true, KEY_FILE_NEXT},
};

static const char *source_name(enum key_source source)
{
	return source == KEY_FILE ? "key file" : "credential " KEY_CREDENTIAL_NAME;
}

struct search {
	int state_fd, credentials_fd;
	const struct key_mark *mark;
	/* the first place that held something of no use */
	const struct place *bad;
	int error; /* -EINVAL: no key; -EKEYREJECTED: it does not fit; or why it cannot be read */
};

static int read_place(const struct search *search, const struct place *place, struct key *key)
{
	key->source = place->is_credential ? KEY_CREDENTIAL : KEY_FILE;
	key->is_next = place->is_next && place->is_credential;
	if (!place->is_credential)
		return key_file_read(search->state_fd, place->name, key->bytes);
	if (search->credentials_fd < 0)
		return -ENOENT;
	return key_read(search->credentials_fd, place->name, key->bytes, &key->source);
}

/* 1: this is it; 0: it is not; what was wrong with it is noted. Negative: it cannot be checked. */
static int try_place(struct search *search, const struct place *place, struct key *key)
{
	int r = read_place(search, place, key);

	if (r == -ENOENT)
		return 0;
	if (r >= 0) {
		int c = key_check_make(key->bytes, key->mark.check);

		if (c < 0)
			return c;
		if (!search->mark ||
			crypto_equal(search->mark->check, key->mark.check, KEY_CHECK_SIZE))
			return 1;
		r = -EKEYREJECTED;
	}
	if (!search->bad) {
		search->bad = place;
		search->error = r;
	}
	return 0;
}

/* On a first start there is nothing that could choose: the first one is it, or is at fault. */
static int find_first(struct search *search, struct key *key)
{
	for (size_t i = 0; i < ELEMENTS(PLACES); i += 2) {
		int r = try_place(search, &PLACES[i], key);

		if (r != 0 || search->bad)
			return r;
	}
	key->source = KEY_FILE;
	search->bad = &PLACES[2];
	search->error = key_file_make(search->state_fd, key->bytes);
	if (search->error < 0)
		return 0;
	search->bad = NULL;
	return try_place(search, &PLACES[2], key);
}

static int find_fitting(struct search *search, struct key *key)
{
	for (size_t i = 0; i < ELEMENTS(PLACES); i++) {
		int r;

		if (search->mark->source != KEY_FILE && !PLACES[i].is_credential)
			continue;
		r = try_place(search, &PLACES[i], key);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Why there is none of those that 'mark' allows, in words; negative when that is an error and no
 * outcome. Without a mark a key is made, and there is nothing to explain but an error. */
static int explain(
	const struct search *search, enum key_outcome *ret_outcome, char *ret_why, size_t capacity)
{
	const char *name = search->bad ? search->bad->name : "";
	const char *kind = search->bad && search->bad->is_credential ? "credential" : "key file";
	const char *sealed_by = source_name(search->mark ? search->mark->source : KEY_FILE);

	if (!search->bad) {
		snprintf(ret_why, capacity,
			"The secrets in this state directory are sealed with a key from the %s, "
			"which is not there. Deliver it again, or restore it from where it is "
			"kept.",
			sealed_by);
		*ret_outcome = KEY_MISSING;
		return 0;
	}
	*ret_outcome = KEY_WRONG;
	if (search->error == -EINVAL) {
		snprintf(ret_why, capacity,
			"The %s '%s' does not hold a key: 64 hex digits or 32 bytes are expected.",
			kind, name);
		return 0;
	}
	if (search->error == -EKEYREJECTED) {
		snprintf(ret_why, capacity,
			"The key in the %s '%s' is not the one that this state directory was "
			"sealed "
			"with (that one came from the %s). Nothing was changed.",
			kind, name, sealed_by);
		return 0;
	}
	snprintf(ret_why, capacity, "The %s '%s' cannot be used: %s", kind, name,
		search->error == -EPERM ? "others may read it. Set its mode to 0400 and consider "
					  "the key as known to others."
					: strerror(-search->error));
	return search->error;
}

int key_find(int state_fd, const char *credentials_directory, const struct key_mark *mark,
	enum key_outcome *ret_outcome, struct key *ret_key, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	struct search search = {.state_fd = state_fd, .mark = mark};
	struct key key = {0};
	int r;

	if (credentials_directory && *credentials_directory) {
		fd = open(credentials_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT) {
			r = -errno;
			snprintf(ret_why, capacity, "The credentials cannot be opened: %s",
				strerror(-r));
			return r;
		}
	}
	search.credentials_fd = fd;
	r = mark ? find_fitting(&search, &key) : find_first(&search, &key);
	if (r > 0) {
		key.mark.id = mark ? mark->id : 1;
		key.mark.source = mark && mark->source > key.source ? mark->source : key.source;
		*ret_key = key;
		*ret_outcome = KEY_FOUND;
	} else if (r < 0) {
		snprintf(ret_why, capacity, "The key cannot be checked: %s", strerror(-r));
	} else {
		r = explain(&search, ret_outcome, ret_why, capacity);
	}
	crypto_wipe(&key, sizeof(key));
	return r < 0 ? r : 0;
}
