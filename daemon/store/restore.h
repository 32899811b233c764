/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A backup becomes the state directory of a gateway that does not run. Of the store, this is all
 * that the tool uses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "core/audit.h"
#include "store/key-source.h"

struct restore {
	const char *state_directory;
	struct span database;	     /* the copy of control.db */
	uint8_t key[AES256_KEY];     /* that its secrets are sealed with */
	enum key_source source;	     /* how the key is kept from now on */
	uint8_t new_key[AES256_KEY]; /* that seals from now on; written by us with KEY_FILE alone */
	struct audit_row audit;
	bool replace; /* also over devices and people */
};

enum restore_result {
	RESTORE_DONE,
	RESTORE_RUNNING,  /* a gateway has the directory */
	RESTORE_OCCUPIED, /* there are devices or people, and 'replace' was not said */
	RESTORE_NEWER,	  /* written by a newer version */
	RESTORE_DAMAGED,  /* the database or a record in it */
};

/*
 * As the directory's owner. What is there is set aside as "<name>.before-restore-<n>", readings
 * that wait with it. The copy is brought to this version's schema, sealed with the new key, and its
 * counters go on where no number was ever given out: the next outbox has an epoch of its own, later
 * than any before as long as the clock is set. Negative errno, or an outcome; for anything but
 * RESTORE_DONE nothing changed and ret_why is a sentence.
 */
int store_restore(const struct restore *restore, enum restore_result *ret_result, char *ret_why,
	size_t capacity);
