/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The certificate that a device registers and connects with.
 *
 * One that was imported is the device's own; its common name is the registration id, as the service
 * wants it. Nobody here can renew it: before its end it is said, and another one that is imported
 * takes its place.
 *
 * Otherwise one is issued here under the authority of the site, for a key that is made here. Both
 * are on disk before they are first shown to anybody, and stay the same however often it is asked:
 * there is one certificate for each operation. Behind it stands that of the authority, as the
 * service wants the chain up to what it has verified.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/identity.h"
#include "base/issue.h"
#include "base/signing-request.h"
#include "core/token.h"
#include "drivers/platform/azure-parts.h"

#define DAY_MSEC  INT64_C(86400000)
#define SOON_MSEC (30 * DAY_MSEC)
#define LOOK	  (6 * 3600) /* s */

/* The one that its credential holds; empty: none. */
static struct span in_use(const struct azure_call *call)
{
	struct iothub_credential credential;

	if (iothub_credential_read(
		    secret_span(&call->device->record->life.credential_current), &credential) < 0)
		return span_of(NULL, 0);
	return credential.identity;
}

/* ---- imported ---- */

/* Said in the last month, or the last quarter of a life that is short. */
static int await_another(struct azure_call *call, const struct chain_facts *facts)
{
	int64_t left = facts->not_after - call->services->now(),
		quarter = (facts->not_after - facts->not_before) / 4;

	call->step->why = "its certificate is renewed by importing another one";
	if (left < (quarter < SOON_MSEC ? quarter : SOON_MSEC))
		call->step->trouble = PLATFORM_ENDS_SOON;
	return azure_wait(call, LOOK);
}

static int is_over(struct azure_call *call)
{
	if (!call->services->clock_is_synced())
		return azure_say(call, PLATFORM_FAILED,
			"its certificate has ended, or the gateway's clock is wrong");
	return azure_end(
		call, PLATFORM_REFUSED, "its certificate has ended: another one must be imported");
}

int azure_identity_imported(struct azure_call *call, struct span identity)
{
	struct chain_facts facts;
	int r;

	if (identity_read(identity, &facts) < 0 || !token_is_registration(facts.common_name))
		return azure_give_up(call, "its imported certificate is damaged");
	call->progress.identity = span_of(NULL, 0);
	call->identity_expires = facts.not_after;
	memcpy(call->registration, facts.common_name, sizeof(facts.common_name));
	if (call->services->now() >= facts.not_after)
		return is_over(call);
	if (call->renews && span_equal(identity, in_use(call)))
		return await_another(call, &facts);
	r = secret_set(&call->identity, identity);
	return r < 0 ? r : 1;
}

/* ---- issued here ---- */

static bool is_good(const struct azure_call *call, struct span identity)
{
	struct chain_facts facts;

	return identity.size > 0 && identity_read(identity, &facts) == 0 &&
	       !strcmp(facts.common_name, call->registration) &&
	       call->services->now() < facts.not_after &&
	       issue_is_from(call->device->provisioning_token, identity);
}

static int take(struct azure_call *call, struct span identity)
{
	struct chain_facts facts;
	int r = identity_read(identity, &facts);

	if (r >= 0)
		r = secret_set(&call->identity, identity);
	if (r < 0)
		return r;
	call->identity_expires = facts.not_after;
	call->progress.identity = secret_span(&call->identity);
	return 1;
}

static int join(const char *certificate, struct span authority, const char *key, struct secret *ret)
{
	struct span above, signer;
	char *text;
	int n;

	if (identity_split(authority, &above, &signer) < 0)
		return -EBADMSG;
	n = asprintf(
		&text, "%s%.*s\n%s", certificate, (int)above.size, (const char *)above.data, key);
	if (n < 0)
		return -ENOMEM;
	*ret = (struct secret){(uint8_t *)text, (size_t)n};
	return n <= IDENTITY_MAX ? 0 : -EBADMSG;
}

static int make(struct azure_call *call, struct secret *ret_identity)
{
	const struct issue_subject subject = {.common_name = call->registration,
		.organization = "",
		.unit = "",
		.serial_number = "",
		.qualifier = ""};
	struct span authority = call->device->provisioning_token;
	CLEANUP(secret_clear) struct secret key = {0};
	CLEANUP(cleanup_free) char *pem = NULL;
	char *made = NULL;
	int r = private_key_make(&made);

	if (r < 0)
		return r;
	key = (struct secret){(uint8_t *)made, strlen(made)};
	r = issue_certificate(authority, secret_span(&key), &subject, call->services->now(),
		call->settings->certificate_life * INT64_C(1000), &pem);
	return r < 0 ? r : join(pem, authority, made, ret_identity);
}

/* Cut to the end of its authority it would renew nothing. */
static bool ends_no_later(const struct azure_call *call)
{
	return call->renews &&
	       call->identity_expires <= call->device->record->life.credential_expires;
}

static int issue_anew(struct azure_call *call)
{
	CLEANUP(secret_clear) struct secret identity = {0};
	int r = make(call, &identity);

	if (r == -EKEYEXPIRED)
		return azure_say(call, PLATFORM_FAILED,
			"the authority of the site is not good now: is the gateway's clock right?");
	if (r == -EBADMSG || r == -EINVAL)
		return azure_end(call, PLATFORM_FAILED, "the authority of the site is damaged");
	if (r >= 0)
		r = take(call, secret_span(&identity));
	if (r < 0 || !ends_no_later(call))
		return r;
	call->progress.identity = span_of(NULL, 0);
	return azure_end(call, PLATFORM_FAILED,
		"the authority of the site ends soon: another one is needed (gatehousectl "
		"site-ca)");
}

int azure_identity_issued(struct azure_call *call)
{
	struct span held = in_use(call);

	if (!call->device->provisioning_token.size)
		return azure_end(call, PLATFORM_FAILED,
			"the site has no authority (gatehousectl site-ca make)");
	if (is_good(call, call->progress.identity))
		return take(call, call->progress.identity);
	/* The operation that is known there, if any, is for another one. */
	call->progress = (struct azure_progress){.phase = 'R', .wait = call->progress.wait};
	/* The hub may only have lost it. */
	if (call->device->record->life.credential_doubted && is_good(call, held))
		return take(call, held);
	return issue_anew(call);
}
