/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The record of one device as a value, and the words of its enumerations. A copy shares nothing
 * with its original, so that a record handed to the store thread and the one in the registry live
 * and die apart. Texts and names stand in device-name.c, addresses in device-address.c.
 */

#include "core/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const trusts[TRUSTS] = {
	[TRUST_PLAIN] = "plain",
	[TRUST_CLAIMED] = "claimed",
	[TRUST_PSK] = "psk",
	[TRUST_CERT] = "cert",
	[TRUST_OSCORE] = "oscore",
};

static const char *const founds[FOUNDS] = {
	[FOUND_ENROL] = "enrol",
	[FOUND_MDNS] = "mdns",
	[FOUND_MULTICAST] = "multicast",
	[FOUND_RD] = "rd",
	[FOUND_ADDRESS] = "address",
	[FOUND_IMPORT] = "import",
};

static const char *const evidences[EVIDENCES] = {
	[EVIDENCE_NONE] = "none",
	[EVIDENCE_NO_CODE] = "no-code",
	[EVIDENCE_SHORT_CODE] = "short-code",
	[EVIDENCE_DISPLAY_CODE] = "display-code",
	[EVIDENCE_SHOWN_BY_GATEWAY] = "shown-by-gateway",
	[EVIDENCE_LABEL] = "label",
	[EVIDENCE_POLICY] = "policy",
};

static const char *word(const char *const *words, size_t count, size_t value)
{
	return value < count ? words[value] : "unknown";
}

/* The index of 'text', or -EINVAL. */
static int word_find(const char *const *words, size_t count, const char *text)
{
	for (size_t i = 0; text && i < count; i++)
		if (strcmp(words[i], text) == 0)
			return (int)i;
	return -EINVAL;
}

const char *trust_to_string(enum trust trust)
{
	return word(trusts, ELEMENTS(trusts), trust);
}

int trust_from_string(const char *text, enum trust *ret_trust)
{
	int found = word_find(trusts, ELEMENTS(trusts), text);

	if (found < 0)
		return found;
	*ret_trust = (enum trust)found;
	return 0;
}

const char *found_by_to_string(enum found_by found)
{
	return word(founds, ELEMENTS(founds), found);
}

int found_by_from_string(const char *text, enum found_by *ret_found)
{
	int found = word_find(founds, ELEMENTS(founds), text);

	if (found < 0)
		return found;
	*ret_found = (enum found_by)found;
	return 0;
}

const char *evidence_to_string(enum evidence evidence)
{
	return word(evidences, ELEMENTS(evidences), evidence);
}

int evidence_from_string(const char *text, enum evidence *ret_evidence)
{
	int found = word_find(evidences, ELEMENTS(evidences), text);

	if (found < 0)
		return found;
	*ret_evidence = (enum evidence)found;
	return 0;
}

bool device_code_is_here(const struct device_record *record)
{
	return record->life.operation == OPERATION_AWAITING &&
	       record->life.operation_code.size > 0 &&
	       (!record->info.display || record->code_here == record->life.operation_number);
}

DEFINE_CLEANUP(struct device_record *, device_record_free, device_record_freep)

int device_record_copy(const struct device_record *from, struct device_record **ret)
{
	CLEANUP(device_record_freep) struct device_record *record = NULL;
	struct lifecycle life;
	int r;

	r = lifecycle_copy(&from->life, &life);
	if (r < 0)
		return r;
	record = malloc(sizeof(*record));
	if (!record) {
		lifecycle_clear(&life);
		return -ENOMEM;
	}
	*record = *from;
	record->life = life;
	record->info.attributes = NULL;
	if (from->info.attributes) {
		record->info.attributes = strdup(from->info.attributes);
		if (!record->info.attributes)
			return -ENOMEM;
	}
	*ret = STEAL(record);
	return 0;
}

struct device_record *device_record_free(struct device_record *record)
{
	if (!record)
		return NULL;
	lifecycle_clear(&record->life);
	free(record->info.attributes);
	free(record);
	return NULL;
}
