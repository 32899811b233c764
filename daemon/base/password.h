/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stored passwords: scrypt (RFC 7914), N=2^15 r=8 p=3 (32 MiB, about 0.2 s: never on the loop).
 * Self-describing text of at most 127 characters: "$scrypt$ln=15,r=8,p=3$<salt>$<hash>".
 */

#include <stdbool.h>

#define PASSWORD_TEXT_SIZE 128

/* 0, -ENOMEM or -EIO. */
int password_hash(const char *password, char ret_text[PASSWORD_TEXT_SIZE]);
/* A text that no password fits, at no cost: to verify against it takes as long as against any
 * other. 0 or -ENOMEM. */
int password_none(char ret_text[PASSWORD_TEXT_SIZE]);
/* 1 fits, 0 does not, -EINVAL for a broken stored text (also one of absurd cost), -EIO. Constant
 * time in the result. */
int password_verify(const char *password, const char *stored);
/* True for a text that password_hash() would make at another cost today: once the password is known
 * to fit it is to be hashed anew. A broken text is never outdated, because nothing fits it. */
bool password_is_outdated(const char *stored);
