/* SPDX-License-Identifier: Apache-2.0 */

#include "core/site-ca.h"

#include <errno.h>
#include <stdlib.h>

#include "base/identity.h"
#include "base/issue.h"

int site_ca_read(struct span identity, struct site_ca *ret_ca, const char **ret_why)
{
	struct site_ca ca = {.certificate = NULL};
	struct span certificate, key;
	const char *why = authority_check(identity);
	int r;

	if (why || identity_split(identity, &certificate, &key) < 0) {
		*ret_why = why;
		return -EBADMSG;
	}
	r = authority_read(certificate, &ca.facts, &ca.certificate, ret_why);
	if (r < 0)
		return r;
	*ret_ca = ca;
	return 0;
}

void site_ca_clear(struct site_ca *ca)
{
	free(ca->certificate);
	*ca = (struct site_ca){.certificate = NULL};
}

bool site_ca_ends_soon(const struct site_ca *ca, int64_t now)
{
	return ca->certificate && now > ca->facts.not_after - SITE_CA_SPARE_MSEC;
}
