/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a step of a machine does to the rest of the record: the driver's blob, the code, the
 * credentials and their times. The machines know states only; this file knows fields only.
 *
 *   the blob     belongs to the open operation, else to the refresh under way, else there is none
 *   the code     is set once in an operation (rule 10: constant), and erased with its end
 *   current      the credential to use; old: the one before it, kept until current has connected
 *                once (rule 3). When current was itself never connected, the older one stays: it is
 *                the one that is known to work
 *   doubted      current was refused once, and its one renewal cycle is spent with this refusal
 *   platform id  kept after a revocation, so that its end can still be told under it; a new
 *                operation forgets it
 */

#include "core/lifecycle-parts.h"

#include <errno.h>
#include <string.h>

static int blob_set(struct lifecycle *life, const struct life_input *input)
{
	if (input->blob.size > SECRET_MAX)
		return -EINVAL;
	return secret_set(&life->operation_blob, input->blob);
}

static int operation_begin(
	struct lifecycle *life, const struct life_input *input, unsigned reopened)
{
	if (input->operation_number == 0 || input->operation_number == life->operation_number)
		return -EINVAL;
	life->operation_number = input->operation_number;
	life->operation_reopened = reopened;
	life->operation_expires = 0;
	life->operation_approved = input->event == LIFE_APPROVE;
	life->operation_blocked = false;
	secret_clear(&life->operation_blob);
	secret_clear(&life->operation_code);
	if (life->credential == CREDENTIAL_NONE)
		memset(life->platform_id, 0, sizeof(life->platform_id));
	return 0;
}

static int code_set(struct lifecycle *life, const struct life_input *input)
{
	struct span shown = secret_span(&life->operation_code);
	int r;

	if (input->code.size == 0 || input->code.size > CODE_MAX || input->expires < 0 ||
		!span_is_clean_text(input->code))
		return -EINVAL;
	if (shown.size > 0 && !span_equal(shown, input->code))
		return -EINVAL;
	r = input->blob.size > 0 ? blob_set(life, input) : 0;
	if (r == 0)
		r = secret_set(&life->operation_code, input->code);
	if (r < 0)
		return r;
	life->operation_expires = input->expires;
	return 0;
}

static int platform_id_set(struct lifecycle *life, const struct life_input *input)
{
	char id[sizeof(life->platform_id)] = {0};
	struct span given = span_from_string(input->platform_id);

	/* It becomes part of topics and paths: no control characters, no NUL. */
	if (given.size == 0 || !span_is_printable(given) ||
		span_to_string(given, id, sizeof(id)) < 0)
		return -EINVAL;
	memcpy(life->platform_id, id, sizeof(id));
	return 0;
}

/* What binding brought belongs to the credential: the same token, with the session that it buys.
 * Its end is the nearer one of both. */
static int bind(struct lifecycle *life, const struct life_input *input)
{
	int r = 0;

	if (input->blob.size > SECRET_MAX || input->expires < 0)
		return -EINVAL;
	if (input->blob.size > 0)
		r = secret_set(&life->credential_current, input->blob);
	if (r < 0)
		return r;
	if (input->blob.size > 0) {
		life->credential_since = input->now;
		life->credential_expires = input->expires;
	}
	return platform_id_set(life, input);
}

static int operation_effect(
	struct lifecycle *life, enum operation_event event, const struct life_input *input)
{
	switch (event) {
	case OPERATION_OPEN:
		return operation_begin(life, input, 0);
	case OPERATION_REOPEN:
		return operation_begin(life, input, life->operation_reopened + 1);
	case OPERATION_PROGRESS:
		return blob_set(life, input);
	case OPERATION_CODE:
		return code_set(life, input);
	case OPERATION_APPROVE:
		life->operation_approved = true;
		return 0;
	case OPERATION_GOT_CREDENTIAL:
		/* Its clock stops here: what is issued does not expire for want of an approval. */
		life->operation_expires = 0;
		return 0;
	case OPERATION_GOT_BOUND:
		return bind(life, input);
	case OPERATION_GOT_REJECTED:
	case OPERATION_GOT_EXPIRED:
	case OPERATION_GOT_REFUSED:
	case OPERATION_GOT_LEAK:
	case OPERATION_FAILED_RETRY:
	case OPERATION_FAILED_FINAL:
	case OPERATION_CANCEL:
	case OPERATION_RESTARTED:
	case OPERATION_EVENTS:
		return 0;
	}
	return 0;
}

static int credential_set(struct lifecycle *life, const struct life_input *input)
{
	int r;

	if (input->blob.size == 0 || input->blob.size > SECRET_MAX || input->expires < 0)
		return -EINVAL;
	r = secret_set(&life->credential_current, input->blob);
	if (r < 0)
		return r;
	life->credential_since = input->now;
	life->credential_expires = input->expires;
	return 0;
}

/* The first of an operation: nothing before it is worth keeping. */
static int credential_store(struct lifecycle *life, const struct life_input *input)
{
	secret_clear(&life->credential_old);
	life->credential_doubted = false;
	return credential_set(life, input);
}

static int credential_renew(struct lifecycle *life, const struct life_input *input)
{
	if (life->credential_old.size == 0) {
		life->credential_old = life->credential_current;
		life->credential_current = (struct secret){NULL, 0};
	}
	return credential_set(life, input);
}

static void credential_erase(struct lifecycle *life)
{
	secret_clear(&life->credential_current);
	secret_clear(&life->credential_old);
	life->credential_since = 0;
	life->credential_expires = 0;
	life->credential_doubted = false;
	life->operation_blocked = false;
}

static int credential_effect(
	struct lifecycle *life, enum credential_event event, const struct life_input *input)
{
	switch (event) {
	case CREDENTIAL_STORE:
		return credential_store(life, input);
	case CREDENTIAL_RENEWED:
		return credential_renew(life, input);
	case CREDENTIAL_PROGRESS:
		return blob_set(life, input);
	case CREDENTIAL_RENEW_REFUSED:
		/* A later try begins at the beginning. */
		secret_clear(&life->operation_blob);
		return 0;
	case CREDENTIAL_CONNECTED:
		secret_clear(&life->credential_old);
		life->credential_doubted = false;
		return 0;
	case CREDENTIAL_AUTH_REFUSED:
		life->credential_doubted = true;
		return 0;
	case CREDENTIAL_LEAK:
		life->operation_blocked = true;
		return 0;
	case CREDENTIAL_ERASE:
	case CREDENTIAL_GONE:
		credential_erase(life);
		return 0;
	case CREDENTIAL_RENEW_DUE:
	case CREDENTIAL_RENEW_FAILED:
	case CREDENTIAL_LAPSED:
	case CREDENTIAL_RESTARTED:
	case CREDENTIAL_REFUSED_AGAIN:
	case CREDENTIAL_EVENTS:
		return 0;
	}
	return 0;
}

int lifecycle_effect(
	struct lifecycle *life, struct machine_step step, const struct life_input *input)
{
	switch (step.machine) {
	case MACHINE_ADMISSION:
		/* Suspended after a leak sign and resumed: a person has decided. */
		if (step.event == ADMISSION_RESUME)
			life->operation_blocked = false;
		return 0;
	case MACHINE_OPERATION:
		return operation_effect(life, (enum operation_event)step.event, input);
	case MACHINE_CREDENTIAL:
		return credential_effect(life, (enum credential_event)step.event, input);
	case MACHINE_LINK:
		return 0;
	}
	return 0;
}

uint32_t lifecycle_tidy(const struct lifecycle *before, struct lifecycle *life)
{
	if (!operation_is_open(life->operation)) {
		secret_clear(&life->operation_code);
		life->operation_expires = 0;
		life->operation_approved = false;
		if (!credential_is_refreshing(life->credential))
			secret_clear(&life->operation_blob);
	}
	return before->operation_code.size > 0 && life->operation_code.size == 0 ? LIFE_CLEAR_CODE
										 : 0;
}

static bool secret_same(const struct secret *a, const struct secret *b)
{
	return span_equal(secret_span(a), secret_span(b));
}

bool lifecycle_same_record(const struct lifecycle *a, const struct lifecycle *b)
{
	return a->admission == b->admission && a->operation == b->operation &&
	       a->operation_number == b->operation_number &&
	       a->operation_reopened == b->operation_reopened &&
	       a->operation_expires == b->operation_expires &&
	       a->operation_approved == b->operation_approved &&
	       a->operation_blocked == b->operation_blocked && a->credential == b->credential &&
	       a->credential_since == b->credential_since &&
	       a->credential_expires == b->credential_expires &&
	       a->credential_doubted == b->credential_doubted &&
	       strcmp(a->platform_id, b->platform_id) == 0 &&
	       secret_same(&a->operation_blob, &b->operation_blob) &&
	       secret_same(&a->operation_code, &b->operation_code) &&
	       secret_same(&a->credential_current, &b->credential_current) &&
	       secret_same(&a->credential_old, &b->credential_old);
}
