/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which long passwords are common enough to be tried first. */

#include <stdbool.h>
#include <stddef.h>

/*
 * True when 'password' (of at least PASSWORD_MIN characters) is one that a guesser tries early;
 * then *ret_why is a sentence. 'name' is the name of the person.
 */
bool password_is_common(const char *password, const char *name, const char **ret_why);

/* The lists: words, whole texts of at least PASSWORD_MIN characters, rows of keys and characters.
 * Lower case, no spaces. */
const char *const *password_common_words(size_t *ret_count);
const char *const *password_common_texts(size_t *ret_count);
const char *const *password_runs(size_t *ret_count);
