/* SPDX-License-Identifier: Apache-2.0 */

/* The register of authorities, and the little language of a file in its directory. */

#include "core/device-ca.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TYPED_MIN 8
#define ROOM_STEP 8

static const char *const policies[CA_POLICIES] = {[CA_PERSON] = "person", [CA_AUTO] = "auto"};

const char *ca_policy_to_string(enum ca_policy policy)
{
	return (unsigned)policy < CA_POLICIES ? policies[policy] : "unknown";
}

int ca_policy_from_string(const char *text, enum ca_policy *ret_policy)
{
	for (unsigned i = 0; i < CA_POLICIES; i++)
		if (!strcmp(text, policies[i])) {
			*ret_policy = (enum ca_policy)i;
			return 0;
		}
	return -EINVAL;
}

int device_ca_copy(const struct device_ca *from, struct device_ca **ret)
{
	struct device_ca *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *from;
	copy->certificate = from->certificate ? strdup(from->certificate) : NULL;
	if (from->certificate && !copy->certificate) {
		free(copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

struct device_ca *device_ca_free(struct device_ca *ca)
{
	if (ca)
		free(ca->certificate);
	free(ca);
	return NULL;
}

/* ---- the register ---- */

int device_cas_reserve(struct device_cas *cas)
{
	struct device_ca **ca;

	if (cas->count < cas->room)
		return 0;
	ca = realloc(cas->ca, (cas->room + ROOM_STEP) * sizeof(struct device_ca *));
	if (!ca)
		return -ENOMEM;
	cas->ca = ca;
	cas->room += ROOM_STEP;
	return 0;
}

void device_cas_put(struct device_cas *cas, struct device_ca *ca)
{
	for (size_t i = 0; i < cas->count; i++)
		if (cas->ca[i]->row == ca->row) {
			device_ca_free(cas->ca[i]);
			cas->ca[i] = ca;
			return;
		}
	cas->ca[cas->count++] = ca;
}

void device_cas_drop(struct device_cas *cas, uint64_t row)
{
	for (size_t i = 0; i < cas->count; i++)
		if (cas->ca[i]->row == row) {
			device_ca_free(cas->ca[i]);
			cas->count--;
			memmove(&cas->ca[i], &cas->ca[i + 1],
				(cas->count - i) * sizeof(struct device_ca *));
			return;
		}
}

struct device_ca *device_cas_find(const struct device_cas *cas, const char *fingerprint)
{
	for (size_t i = 0; i < cas->count; i++)
		if (!strcmp(cas->ca[i]->fingerprint, fingerprint))
			return cas->ca[i];
	return NULL;
}

struct device_ca *device_cas_find_typed(const struct device_cas *cas, const char *typed)
{
	char digits[FINGERPRINT_SIZE];
	struct device_ca *found = NULL;
	size_t size = 0;

	for (; *typed; typed++) {
		if (*typed == ':' || *typed == ' ')
			continue;
		if (!isxdigit((unsigned char)*typed) || size == FINGERPRINT_SIZE - 1)
			return NULL;
		digits[size++] = (char)tolower((unsigned char)*typed);
	}
	if (size < TYPED_MIN)
		return NULL;
	for (size_t i = 0; i < cas->count; i++)
		if (!memcmp(cas->ca[i]->fingerprint, digits, size)) {
			if (found)
				return NULL;
			found = cas->ca[i];
		}
	return found;
}

uint64_t device_cas_next_row(const struct device_cas *cas)
{
	uint64_t next = 1;

	for (size_t i = 0; i < cas->count; i++)
		if (cas->ca[i]->row >= next)
			next = cas->ca[i]->row + 1;
	return next;
}

void device_cas_clear(struct device_cas *cas)
{
	for (size_t i = 0; i < cas->count; i++)
		device_ca_free(cas->ca[i]);
	free(cas->ca);
	*cas = (struct device_cas){0};
}

/* ---- a file ---- */

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* The line's value when it is an "admit" line, else NULL. */
static const char *admit_value(const char *at, const char *end)
{
	at = skip_blanks(at, end);
	if (end - at < 5 || memcmp(at, "admit", 5) != 0)
		return NULL;
	at = skip_blanks(at + 5, end);
	return at < end && *at == '=' ? skip_blanks(at + 1, end) : NULL;
}

int device_ca_read_policy(struct span file, enum ca_policy *ret_policy)
{
	const char *at = (const char *)file.data, *end = at + file.size, *line_end, *value;
	enum ca_policy policy = CA_PERSON;
	char word[8];
	bool seen = false;
	size_t size;

	for (; at < end; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end)
			line_end = end;
		if (line_end - at >= 5 && !memcmp(at, "-----", 5))
			break;
		value = admit_value(at, line_end);
		if (!value)
			continue;
		size = (size_t)(line_end - value);
		while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\r' ||
					   value[size - 1] == '\t'))
			size--;
		if (seen || span_to_string(span_of(value, size), word, sizeof(word)) < 0 ||
			ca_policy_from_string(word, &policy) < 0)
			return -EINVAL;
		seen = true;
	}
	*ret_policy = policy;
	return 0;
}
