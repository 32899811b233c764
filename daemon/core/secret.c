/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The secrets inside a life, and a life as a value. A secret is owned heap memory that is wiped
 * before it is freed, whoever lets go of it: by replacing, by clearing, or by a copy that failed
 * half way. Empty and absent are the same.
 */

#include "core/lifecycle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

void secret_clear(struct secret *secret)
{
	if (secret->data)
		crypto_wipe(secret->data, secret->size);
	free(secret->data);
	*secret = (struct secret){NULL, 0};
}

int secret_set(struct secret *secret, struct span value)
{
	uint8_t *data;

	if (value.size == 0) {
		secret_clear(secret);
		return 0;
	}
	data = malloc(value.size);
	if (!data)
		return -ENOMEM;
	/* Before the old one goes: 'value' may point into it. */
	memcpy(data, value.data, value.size);
	secret_clear(secret);
	*secret = (struct secret){data, value.size};
	return 0;
}

struct span secret_span(const struct secret *secret)
{
	return span_of(secret->data, secret->size);
}

void lifecycle_clear(struct lifecycle *life)
{
	secret_clear(&life->operation_blob);
	secret_clear(&life->operation_code);
	secret_clear(&life->credential_current);
	secret_clear(&life->credential_old);
	*life = (struct lifecycle){.admission = ADMISSION_SIGHTED};
}

static bool has_credential(const struct lifecycle *life)
{
	return life->credential_current.size > 0 || life->credential_old.size > 0;
}

bool lifecycle_lost_credential(const struct lifecycle *before, const struct lifecycle *after)
{
	return has_credential(before) && !has_credential(after);
}

int lifecycle_copy(const struct lifecycle *from, struct lifecycle *ret_to)
{
	struct lifecycle to = *from;
	int r;

	to.operation_blob = (struct secret){NULL, 0};
	to.operation_code = (struct secret){NULL, 0};
	to.credential_current = (struct secret){NULL, 0};
	to.credential_old = (struct secret){NULL, 0};

	r = secret_set(&to.operation_blob, secret_span(&from->operation_blob));
	if (r == 0)
		r = secret_set(&to.operation_code, secret_span(&from->operation_code));
	if (r == 0)
		r = secret_set(&to.credential_current, secret_span(&from->credential_current));
	if (r == 0)
		r = secret_set(&to.credential_old, secret_span(&from->credential_old));
	if (r < 0) {
		lifecycle_clear(&to);
		return r;
	}
	*ret_to = to;
	return 0;
}
