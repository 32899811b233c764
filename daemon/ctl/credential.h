/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Credentials that systemd hands to the daemon, made by systemd-creds(1) and kept in its store. The
 * plain text goes through pipes: no command line, no environment and no file ever holds it.
 */

#include <stdbool.h>
#include <stddef.h>

#define CREDENTIAL_TEXT_MAX 255

struct credential_store {
	const char *directory; /* "/etc/credstore.encrypted" */
	const char *program;   /* "/usr/bin/systemd-creds" */
};
extern const struct credential_store credential_store_default;

bool credential_exists(const struct credential_store *store, const char *name);
/* 'with' as systemd-creds --with-key= takes it: "host", "host+tpm2". Replaces the file as a whole,
 * and durably. Negative errno with a sentence in ret_why. */
int credential_put(const struct credential_store *store, const char *name, const char *with,
	const char *text, char *ret_why, size_t capacity);
/* ret_text of CREDENTIAL_TEXT_MAX + 1; wipe it. */
int credential_get(const struct credential_store *store, const char *name, char *ret_text,
	char *ret_why, size_t capacity);
/* That there is none is no error. */
int credential_drop(
	const struct credential_store *store, const char *name, char *ret_why, size_t capacity);
