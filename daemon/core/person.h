/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* People who may log in, and their roles. */

#include <stdbool.h>
#include <stdint.h>

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_TECHNICIAN, ROLE_ADMIN, ROLES };
const char *role_to_string(enum role role);
int role_from_string(const char *text, enum role *ret_role);

#define PERSON_NAME_MAX 32
#define PASSWORD_MIN	15
#define PASSWORD_MAX	256

struct person {
	uint64_t row;
	char name[PERSON_NAME_MAX + 1]; /* [a-z0-9._-], unique ignoring case */
	enum role role;
	char password[128]; /* scrypt text */
	int64_t created;
	uint32_t epoch; /* grows when password or role change: all sessions of an older epoch end */
};
int person_name_check(const char *name, const char **ret_why);
/* Length and the list of common passwords; 'name' may not be the password. -EINVAL with a sentence.
 */
int password_check(const char *password, const char *name, const char **ret_why);

/* Failures of one account: 5, then a doubling delay of 1 s to 15 min; never a lock. */
struct login_guard {
	unsigned failures;
	uint64_t next_usec; /* boot time before which nothing is tried */
};
bool login_guard_may_try(
	const struct login_guard *guard, uint64_t now_usec, uint64_t *ret_wait_usec);
void login_guard_failed(struct login_guard *guard, uint64_t now_usec);
void login_guard_passed(struct login_guard *guard);
