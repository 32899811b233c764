/* SPDX-License-Identifier: Apache-2.0 */

/* Which secrets a change makes go, by comparing the record before and after it: so no step of the
 * machines can forget to say it. */

#include "core/withdrawal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(struct withdrawal *, withdrawal_free, cleanup_withdrawal)
DEFINE_CLEANUP(struct device_record *, device_record_free, cleanup_record)

struct withdrawal *withdrawal_free(struct withdrawal *withdrawal)
{
	if (withdrawal) {
		secret_clear(&withdrawal->blob);
		free(withdrawal);
	}
	return NULL;
}

int withdrawal_new(
	const struct device_record *record, bool cancel, struct span blob, struct withdrawal **ret)
{
	CLEANUP(cleanup_withdrawal) struct withdrawal *withdrawal = calloc(1, sizeof(*withdrawal));

	if (!withdrawal || secret_set(&withdrawal->blob, blob) < 0)
		return -ENOMEM;
	memcpy(withdrawal->device_id, record->id, sizeof(record->id));
	memcpy(withdrawal->ep, record->ep, sizeof(record->ep));
	memcpy(withdrawal->platform, record->platform, sizeof(record->platform));
	withdrawal->cancel = cancel;
	*ret = STEAL(withdrawal);
	return 0;
}

int withdrawal_copy(const struct withdrawal *from, struct withdrawal **ret)
{
	struct withdrawal *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *from;
	copy->blob = (struct secret){0};
	if (secret_set(&copy->blob, secret_span(&from->blob)) < 0) {
		free(copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static bool is_one_of(const struct secret *secret, const struct lifecycle *life)
{
	struct span value = secret_span(secret);

	return span_equal(value, secret_span(&life->credential_current)) ||
	       span_equal(value, secret_span(&life->credential_old)) ||
	       span_equal(value, secret_span(&life->operation_blob));
}

static void keep_what_goes(struct secret *secret, const struct lifecycle *next)
{
	if (secret->size > 0 && is_one_of(secret, next))
		secret_clear(secret);
}

int withdrawal_of_change(const struct device_record *before, const struct device_record *next,
	struct device_record **ret_gone)
{
	CLEANUP(cleanup_record) struct device_record *gone = NULL;
	static const struct lifecycle nothing;
	const struct lifecycle *life = next ? &next->life : &nothing;
	int r = device_record_copy(before, &gone);

	if (r < 0)
		return r;
	keep_what_goes(&gone->life.credential_current, life);
	keep_what_goes(&gone->life.credential_old, life);
	/* The blob of an operation that goes on is only replaced by the next one. */
	if (life->operation_blob.size > 0 &&
		life->operation_number == before->life.operation_number)
		secret_clear(&gone->life.operation_blob);
	keep_what_goes(&gone->life.operation_blob, life);
	secret_clear(&gone->life.operation_code);
	if (!gone->life.credential_current.size && !gone->life.credential_old.size &&
		!gone->life.operation_blob.size)
		return 0;
	*ret_gone = STEAL(gone);
	return 1;
}
