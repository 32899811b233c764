/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The authority of the site: the gateway issues certificates under it to devices that have none
 * (base/issue.h), for platforms where it is registered. Its key is sealed on disk and never goes
 * out; this here is what everybody may know of it.
 */

#include "base/chain.h"
#include "base/span.h"

#define SITE_CA_SECRET "site-ca" /* its name among the sealed records */

/* Every certificate under it ends with it at the latest; another one has to be made, and be
 * registered by a person somewhere else. So much before its end that is said. */
#define SITE_CA_SPARE_MSEC (INT64_C(90) * 86400 * 1000)

struct site_ca {
	char *certificate; /* PEM, heap; NULL: there is none */
	struct chain_facts facts;
};

/* 'identity': certificate and key as base/issue.h has them. 0 with what is public of it; -EBADMSG
 * with a sentence's end in *ret_why (static) for what is none, -ENOMEM. */
int site_ca_read(struct span identity, struct site_ca *ret_ca, const char **ret_why);
void site_ca_clear(struct site_ca *ca);
/* Whether it is time to have another one, or past it. 'now': wall milliseconds. */
bool site_ca_ends_soon(const struct site_ca *ca, int64_t now);
