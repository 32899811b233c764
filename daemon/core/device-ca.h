/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Authorities (CAs) whose certificates devices may come in with, and what is done with a device
 * that shows one for the first time: a person decides on it, as on any other, or the authority's
 * word is enough. One authority is registered once, by its fingerprint.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chain.h"
#include "core/device.h"

enum ca_policy {
	CA_PERSON, /* a person takes each device in */
	CA_AUTO,   /* the first connection does */
	CA_POLICIES
};
const char *ca_policy_to_string(enum ca_policy policy); /* "person", "auto" */
int ca_policy_from_string(const char *text, enum ca_policy *ret_policy);

struct device_ca {
	uint64_t row;
	char fingerprint[FINGERPRINT_SIZE];
	char name[LABEL_MAX + 1]; /* for people: given, or of its subject */
	char *certificate;	  /* PEM, heap */
	enum ca_policy policy;
	bool from_file; /* it stands in the directory, and goes when it is gone there */
	char added_by[LABEL_MAX + 1]; /* "" = by a file */
	int64_t since, not_after;     /* wall milliseconds */
};
int device_ca_copy(const struct device_ca *from, struct device_ca **ret); /* -ENOMEM */
struct device_ca *device_ca_free(struct device_ca *ca);

/* Those that are registered, a handful. All zero is the empty list. */
struct device_cas {
	struct device_ca **ca; /* owned, in the order in which they came */
	size_t count, room;
};
/* Room for one more, so that device_cas_put() cannot fail. -ENOMEM. */
int device_cas_reserve(struct device_cas *cas);
/* Takes it over; the one with the same row is replaced. Call device_cas_reserve() for a new one. */
void device_cas_put(struct device_cas *cas, struct device_ca *ca);
void device_cas_drop(struct device_cas *cas, uint64_t row);
struct device_ca *device_cas_find(const struct device_cas *cas, const char *fingerprint);
/* The only one whose fingerprint begins with these hex digits, which may be in groups of colons and
 * in any case; at least 8 of them. NULL when there is none, or several. */
struct device_ca *device_cas_find_typed(const struct device_cas *cas, const char *typed);
uint64_t device_cas_next_row(const struct device_cas *cas);
void device_cas_clear(struct device_cas *cas);

/*
 * What stands before the certificate in a file of the directory: a line "admit = auto" or "admit =
 * person", once; other lines are for people. -EINVAL when such a line says something else.
 */
int device_ca_read_policy(struct span file, enum ca_policy *ret_policy);
