/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The embedded platform: this gateway is the authority, and the technician's approval at the page
 * is the platform's approval.
 *
 *   PROVISION, approved   ISSUED: the registration token is a lease, 16 random bytes and its end
 *   PROVISION, not yet    CODE: a verification code in the short-code alphabet, 10 minutes; then it
 *                         waits for the person (APPROVE)
 *   APPROVE, REFRESH      ISSUED: a new lease
 *   BIND                  BOUND under the registry's own device id
 *   CANCEL, REVOKE        DONE: the record is the book
 *
 * There is nobody to ask and nothing to wait for, so no step makes a request. The lease is checked
 * at every PUBLISH by the host; when it lapses the relay stops until it is refreshed.
 *
 * With 'accounts' each lease is an account at the broker besides (local-account.h), and the device
 * has a session of its own under it. Then a token is first made and kept (PROGRESS), then created
 * there, then ISSUED; and what goes is deleted there, so that the broker itself cuts the session.
 */

#include "drivers/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "drivers/platform/local-account.h"
#include "drivers/platform/local.h"
#include "drivers/platform/topics.h"

#define LEASE_RANDOM   16
#define OPERATION_MSEC (10 * 60 * 1000)
#define BLOB_FORMAT    1

static const struct platform_description *describe(void)
{
	static const struct platform_description description = {
		.name = "local",
		.supports = PLATFORM_DISPLAY_CODES | PLATFORM_CAN_REFRESH | PLATFORM_APPROVES_HERE |
			    PLATFORM_SHARED_SESSION | PLATFORM_WITHDRAWS | PLATFORM_PACKS,
	};

	return &description;
}

/* The lease: one format byte and random bytes. Its end is kept by the host beside it. */
static int issue_lease(const struct driver_services *services, const struct platform_device *device,
	struct platform_step *step)
{
	const struct local_settings *local = device->settings;
	uint8_t lease[1 + LEASE_RANDOM] = {BLOB_FORMAT};
	int r;

	services->random(lease + 1, LEASE_RANDOM);
	r = secret_set(&step->credential, span_of(lease, sizeof(lease)));
	crypto_wipe(lease, sizeof(lease));
	if (r < 0)
		return r;
	step->verdict = PLATFORM_ISSUED;
	step->expires = services->now() + (int64_t)local->lease * 1000;
	return 0;
}

/* The account is on its way under the name in the blob, or now begins to be. */
static int create_account(const struct driver_services *services,
	const struct platform_device *device, const struct platform_answer *answer,
	struct platform_step *step)
{
	const struct local_settings *local = device->settings;
	const struct device_record *record = device->record;
	struct span blob = secret_span(&record->life.operation_blob);
	bool begun = account_is(blob);
	int r;

	if (begun && answer->present) {
		if (!account_is_done(services, record->id, answer)) {
			step->verdict = PLATFORM_FAILED;
			step->why = "the broker made no account for it";
			return 0;
		}
		step->verdict = PLATFORM_ISSUED;
		step->expires = services->now() + (int64_t)local->lease * 1000;
		return secret_set(&step->credential, blob);
	}
	r = begun ? secret_set(&step->blob, blob)
		  : account_make(services, record, local->gateway_id, &step->blob);
	step->verdict = PLATFORM_PROGRESS;
	return r < 0 ? r
		     : account_create(
			       secret_span(&step->blob), record, local->gateway_id, &step->request);
}

static int issue(const struct driver_services *services, const struct platform_device *device,
	const struct platform_answer *answer, struct platform_step *step)
{
	const struct local_settings *local = device->settings;

	return local->accounts ? create_account(services, device, answer, step)
			       : issue_lease(services, device, step);
}

/* What goes is first a credential or two, then (from disk) the names of their accounts. */
static int withdraw(const struct driver_services *services, const struct platform_device *device,
	const struct platform_answer *answer, struct platform_step *step)
{
	const struct local_settings *local = device->settings;
	const struct device_record *record = device->record;
	int r = account_names(record, &step->blob);

	if (r >= 0 && !step->blob.size)
		r = secret_set(&step->blob, secret_span(&record->life.operation_blob));
	if (r >= 0)
		r = account_delete(secret_span(&step->blob), &step->request);
	if (r < 0)
		return r == -EBADMSG ? 0 : r; /* there is no account */
	if (!local->accounts) {
		services->log(LOG_WARNING, record->id,
			"Its account stays at the broker: platform.local_accounts is off.");
		return 0;
	}
	if (answer->present && account_is_done(services, record->id, answer))
		return 0;
	step->verdict = answer->present ? PLATFORM_FAILED : PLATFORM_PROGRESS;
	step->why = "the broker did not delete its account";
	return 0;
}

static int show_code(const struct driver_services *services, const struct platform_device *device,
	struct platform_step *step)
{
	const struct lifecycle *life = &device->record->life;
	const uint8_t blob[] = {BLOB_FORMAT};
	char code[SHORT_CODE_SIZE + 1], text[SHORT_CODE_SIZE + 2];
	int r;

	/* Rule 10: constant during one operation. After a restart it is there already, and a person
	 * is awaited. */
	if (life->operation_code.size) {
		step->verdict = PLATFORM_PROGRESS;
		return secret_set(&step->blob, secret_span(&life->operation_blob));
	}
	short_code_make(code);
	short_code_format(code, text);
	step->verdict = PLATFORM_CODE;
	step->expires = services->now() + OPERATION_MSEC;
	r = secret_set(&step->code, span_from_string(text));
	if (r >= 0)
		r = secret_set(&step->blob, span_of(blob, sizeof(blob)));
	crypto_wipe(code, sizeof(code));
	crypto_wipe(text, sizeof(text));
	return r;
}

static int advance(const struct driver_services *services, const struct platform_device *device,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	CLEANUP(platform_step_clear) struct platform_step step = {.verdict = PLATFORM_DONE};
	int r = 0;

	switch (work) {
	case PLATFORM_PROVISION:
		r = device->record->life.operation_approved ? issue(services, device, answer, &step)
							    : show_code(services, device, &step);
		break;
	case PLATFORM_APPROVE:
	case PLATFORM_REFRESH:
		r = issue(services, device, answer, &step);
		break;
	case PLATFORM_BIND:
		step.verdict = PLATFORM_BOUND;
		snprintf(step.platform_id, sizeof(step.platform_id), "%s", device->record->id);
		break;
	case PLATFORM_CANCEL:
	case PLATFORM_REVOKE:
		r = withdraw(services, device, answer, &step);
		break;
	}
	if (r < 0)
		return r;
	*ret_step = step;
	step = (struct platform_step){0};
	return 0;
}

static int session(const struct device_record *record, const char *gateway_id,
	struct platform_session *ret_session)
{
	return account_session(
		secret_span(&record->life.credential_current), record, gateway_id, ret_session);
}

static int listen_to(const struct device_record *record, const char *gateway_id, unsigned at,
	char *ret_filter, size_t capacity)
{
	return record || at > 0 ? -ENOTSUP : topics_listen(NULL, gateway_id, ret_filter, capacity);
}

static int decode(const struct driver_services *services, const char *gateway_id, const char *topic,
	struct span payload, bool retained, struct inbound_message *ret_message)
{
	return topics_decode(gateway_id, topic, payload, retained, ret_message);
}

static int encode(const struct driver_services *services, const struct upstream_item *item,
	struct upstream_message *ret_message)
{
	return topics_encode(item, ret_message);
}

const struct platform_driver platform_local = {
	.describe = describe,
	.advance = advance,
	.session = session,
	.encode = encode,
	.listen = listen_to,
	.decode = decode,
};
