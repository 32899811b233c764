/* SPDX-License-Identifier: Apache-2.0 */

/*
 * People: the form of their names, the rules for their passwords, and the brake on guessing. The
 * rules are those of NIST SP 800-63B: long, any character, no composition rules, a list of common
 * ones; the length counts characters, not bytes. The brake slows one account down, up to a try in
 * 15 minutes, and never locks it: a lock would let anybody on the network keep the people out.
 */

#include "core/person.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/span.h"
#include "core/password-list.h"

#define FREE_FAILURES 5
#define DELAY_FIRST   USEC_PER_SEC
#define DELAY_MAX     (15 * 60 * USEC_PER_SEC)

static const char *const role_names[ROLES] = {
	[ROLE_NONE] = "none",
	[ROLE_VIEWER] = "viewer",
	[ROLE_TECHNICIAN] = "technician",
	[ROLE_ADMIN] = "admin",
};

const char *role_to_string(enum role role)
{
	return (unsigned)role < ROLES ? role_names[role] : NULL;
}

int role_from_string(const char *text, enum role *ret_role)
{
	for (unsigned i = ROLE_VIEWER; i < ROLES; i++)
		if (!strcmp(text, role_names[i])) {
			*ret_role = (enum role)i;
			return 0;
		}
	return -EINVAL;
}

static int refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return -EINVAL;
}

int person_name_check(const char *name, const char **ret_why)
{
	size_t size = strlen(name);

	if (size < 1 || size > PERSON_NAME_MAX)
		return refuse("A name has 1 to 32 characters.", ret_why);
	if (!islower((unsigned char)name[0]) && !isdigit((unsigned char)name[0]))
		return refuse("A name begins with a letter from a to z or a digit.", ret_why);
	for (const char *c = name; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
			!strchr("._-", *c))
			return refuse("A name has only the characters a to z, 0 to 9, '.', '_' "
				      "and '-'.",
				ret_why);
	return 0;
}

static size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((uint8_t)*text & 0xc0) != 0x80;
	return count;
}

int password_check(const char *password, const char *name, const char **ret_why)
{
	if (strlen(password) > PASSWORD_MAX)
		return refuse("A password has at most 256 bytes.", ret_why);
	if (!span_is_clean_text(span_from_string(password)))
		return refuse("A password is text without control characters.", ret_why);
	if (count_characters(password) < PASSWORD_MIN)
		return refuse("A password has at least 15 characters. A few words that do not "
			      "belong together are easy to remember.",
			ret_why);
	if (!strcasecmp(password, name))
		return refuse("The password may not be the name.", ret_why);
	return password_is_common(password, name, ret_why) ? -EINVAL : 0;
}

bool login_guard_may_try(
	const struct login_guard *guard, uint64_t now_usec, uint64_t *ret_wait_usec)
{
	if (now_usec >= guard->next_usec)
		return true;
	*ret_wait_usec = guard->next_usec - now_usec;
	return false;
}

void login_guard_failed(struct login_guard *guard, uint64_t now_usec)
{
	uint64_t delay = DELAY_FIRST;

	if (guard->failures < UINT32_MAX)
		guard->failures++;
	if (guard->failures < FREE_FAILURES)
		return;
	for (unsigned i = FREE_FAILURES; i < guard->failures && delay < DELAY_MAX; i++)
		delay *= 2;
	guard->next_usec = now_usec + (delay < DELAY_MAX ? delay : DELAY_MAX);
}

void login_guard_passed(struct login_guard *guard)
{
	*guard = (struct login_guard){0};
}
