/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The page's key and certificate: made on first start, kept, or the operator's own. A browser
 * cannot check a self-made one, a person can: by its fingerprint, which setup shows on two ways.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"

#define CERTIFICATE_KEY_FILE  "page.key"
#define CERTIFICATE_FILE      "page.crt"
#define CERTIFICATE_DAYS      825 /* some browsers refuse self-made ones that live longer */
#define CERTIFICATE_NAMES_MAX 40

struct certificate {
	char *key;	      /* PEM, NUL-terminated; wiped by certificate_free() */
	char *chain;	      /* PEM */
	char fingerprint[96]; /* SHA-256 of the first certificate, "AB:CD:..." */
	int64_t not_after;    /* wall milliseconds */
};

/* What a certificate that we make says. */
struct certificate_subject {
	const char *common_name;
	const char *name[CERTIFICATE_NAMES_MAX]; /* DNS names and addresses, as text */
	unsigned count;
};

/*
 * Reads the key and certificate from the state directory. Makes what is missing: the key with mode
 * 0600, the certificate also when the clock is known to be right and it ends within 30 days (with
 * the same key). 0 or negative errno with a sentence in ret_why; logs what it made.
 */
int certificate_ensure(const char *state_directory, const struct certificate_subject *subject,
	struct certificate **ret, char *ret_why, size_t capacity);
/* The operator's own PEM files. Errors as above; -EKEYREJECTED when key and certificate do not
 * belong together. */
int certificate_load(const char *certificate_path, const char *key_path, struct certificate **ret,
	char *ret_why, size_t capacity);
struct certificate *certificate_free(struct certificate *certificate);
