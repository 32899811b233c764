/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Azure: the provisioning service (DPS) says by MQTT to which IoT Hub a device belongs, and what it
 * knows the device by is good for both. That is a key or a certificate: the provisioning token.
 *
 *	a key		of an individual enrolment, imported; or derived from that of a group
 *	a certificate	of an individual enrolment, imported with its key; or issued here under the
 *			authority of the site, which is that of a group (azure-identity.c)
 *
 * The registration token is a shared access signature that is made here with the key, or the
 * certificate itself. The registration id is the common name of an imported certificate; otherwise
 * the endpoint name, so that an enrolment can be made before the device is there. For a name that
 * the service cannot have it is "gh:" and the device's id here, which no endpoint name that is used
 * as it is can be.
 *
 *   PROVISION  registers (azure-register.c); assigned: ISSUED with hub, device id, and a signature
 *              or the certificate
 *   BIND       BOUND under the device id that the service gave
 *   REFRESH    a new signature from the key: ISSUED without a request. Another certificate: it
 *              registers with that one, and goes on with the one in use until the hub knows the
 *              other. After the hub has refused what is in use the service is asked again: another
 *              hub, another key there, an enrolment that was disabled
 *   APPROVE    as PROVISION: the enrolment is the approval
 *   CANCEL, REVOKE   DONE: an enrolment is disabled there
 *
 * Nothing is approved by a person there, so there is no code.
 */

#include "drivers/platform/azure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/token.h"
#include "drivers/platform/azure-key.h"
#include "drivers/platform/azure-parts.h"

#define API_VERSION "2021-04-12"
#define CLOCK_MIN   INT64_C(1577836800000) /* 2020: before it no clock was set */
#define LATER	    3600		   /* s */

static const struct platform_description *describe(void)
{
	static const struct platform_description description = {
		.name = TOKEN_KIND_AZURE,
		.supports = PLATFORM_CAN_REFRESH | PLATFORM_NEEDS_PT | PLATFORM_ELSEWHERE |
			    PLATFORM_ONE_SESSION,
		/* 200 registrations a minute are documented for one service, and many devices at
		 * once begin with nothing else. */
		.requests_per_second = 3,
	};

	return &description;
}

/* ---- verdicts ---- */

int azure_say(struct azure_call *call, enum platform_verdict verdict, const char *why)
{
	call->step->verdict = verdict;
	call->step->why = why;
	return 0;
}

int azure_give_up(struct azure_call *call, const char *why)
{
	call->step->final = true;
	return azure_say(call, PLATFORM_FAILED, why);
}

int azure_end(struct azure_call *call, enum platform_verdict verdict, const char *why)
{
	if (call->renews) {
		call->step->why = why;
		return azure_wait(call, LATER);
	}
	return verdict == PLATFORM_FAILED ? azure_give_up(call, why)
					  : azure_say(call, verdict, why);
}

/* ---- the key and what it signs ---- */

/* The service knows no difference between the cases of letters: two names must not become one. */
static bool is_registration(const char *ep)
{
	size_t length = strlen(ep);

	return length > 0 && strspn(ep, "abcdefghijklmnopqrstuvwxyz0123456789-._") == length &&
	       !strchr("._", ep[length - 1]);
}

static void name_registration(struct azure_call *call)
{
	const struct device_record *record = call->device->record;

	if (is_registration(record->ep))
		snprintf(call->registration, sizeof(call->registration), "%s", record->ep);
	else
		snprintf(call->registration, sizeof(call->registration), "gh:%s", record->id);
}

/* 1 with the key or the certificate; otherwise a verdict was said. */
static int take_means(struct azure_call *call)
{
	const struct platform_device *device = call->device;
	struct span identity;
	int r;

	/* What was imported is the device's own; what all share is the group's. */
	if (token_value_read_identity(device->static_credential, &identity) >= 0)
		return azure_identity_imported(call, identity);
	if (!device->static_credential.size && call->settings->method == AZURE_CERTIFICATE)
		return azure_identity_issued(call);
	if (!device->provisioning_token.size)
		return azure_give_up(
			call, "no key was imported for it, and no group key is configured");
	if (device->static_credential.size)
		r = secret_set(&call->key, device->static_credential);
	else
		r = azure_key_derive(
			call->services, device->provisioning_token, call->registration, &call->key);
	if (r == -EBADMSG)
		return azure_give_up(call, "the group key is not base64");
	return r < 0 ? r : 1;
}

static int sign_for_hub(struct azure_call *call, const char *hub, const char *device,
	int64_t expires, struct secret *ret_sas)
{
	char resource[AZURE_HOST_MAX + AZURE_ID_MAX + 16];

	snprintf(resource, sizeof(resource), "%s/devices/%s", hub, device);
	return azure_sas_make(
		call->services, secret_span(&call->key), resource, expires / 1000, NULL, ret_sas);
}

int azure_issue(struct azure_call *call, const char *hub, const char *device)
{
	CLEANUP(secret_clear) struct secret sas = {0};
	int64_t now = call->services->now(), expires = call->identity_expires;
	int r;

	if (!call->identity.size) {
		expires = now + (int64_t)call->settings->sas_lifetime * 1000;
		r = sign_for_hub(call, hub, device, expires, &sas);
		if (r == -EBADMSG)
			return azure_give_up(call, "its key is not base64");
		if (r < 0)
			return r;
	}
	const struct iothub_credential credential = {
		.token = span_from_string(call->registration),
		.token_since = now,
		.host = span_from_string(hub),
		.device = span_from_string(device),
		.sas = secret_span(&sas),
		.identity = secret_span(&call->identity),
		.sas_expires = expires,
	};
	call->step->verdict = PLATFORM_ISSUED;
	call->step->expires = expires;
	return iothub_credential_make(&credential, &call->step->credential);
}

/* ---- the hooks ---- */

static int held(struct azure_call *call, struct iothub_credential *ret_credential)
{
	if (iothub_credential_read(secret_span(&call->device->record->life.credential_current),
		    ret_credential) < 0)
		return azure_give_up(call, "its credential is damaged");
	return 1;
}

static int bind_device(struct azure_call *call)
{
	struct iothub_credential credential;
	int r = held(call, &credential);

	if (r <= 0)
		return r;
	call->step->verdict = PLATFORM_BOUND;
	call->step->expires = credential.sas_expires;
	return span_to_string(
		credential.device, call->step->platform_id, sizeof(call->step->platform_id));
}

static int sign_anew(struct azure_call *call)
{
	char hub[AZURE_HOST_MAX + 1], device[AZURE_ID_MAX + 1];
	struct iothub_credential credential;
	int r = held(call, &credential);

	if (r <= 0)
		return r;
	if (span_to_string(credential.host, hub, sizeof(hub)) < 0 ||
		span_to_string(credential.device, device, sizeof(device)) < 0)
		return azure_give_up(call, "its credential is damaged");
	return azure_issue(call, hub, device);
}

/* What needs the key or the certificate, and a clock that is not in the past: both have an end. */
static int with_means(struct azure_call *call, enum platform_work work)
{
	const struct lifecycle *life = &call->device->record->life;
	int r;

	if (call->services->now() < CLOCK_MIN)
		return azure_say(call, PLATFORM_FAILED, "the gateway's clock is not set");
	call->registers = work != PLATFORM_REFRESH || life->credential_doubted;
	call->renews = !call->registers && life->credential == CREDENTIAL_RENEWING;
	azure_progress_read(life, &call->progress);
	r = take_means(call);
	if (r <= 0)
		return r;
	return call->key.size && !call->registers ? sign_anew(call) : azure_register(call);
}

static int take_step(struct azure_call *call, enum platform_work work)
{
	switch (work) {
	case PLATFORM_PROVISION:
	case PLATFORM_APPROVE:
	case PLATFORM_REFRESH:
		return with_means(call, work);
	case PLATFORM_BIND:
		return bind_device(call);
	case PLATFORM_CANCEL:
	case PLATFORM_REVOKE:
		break;
	}
	return 0;
}

static int advance(const struct driver_services *services, const struct platform_device *device,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	CLEANUP(platform_step_clear) struct platform_step step = {.verdict = PLATFORM_DONE};
	struct azure_call call = {.services = services,
		.device = device,
		.settings = device->settings,
		.answer = answer,
		.step = &step};
	int r;

	name_registration(&call);
	r = take_step(&call, work);
	secret_clear(&call.key);
	secret_clear(&call.identity);
	if (r < 0)
		return r;
	*ret_step = step;
	step = (struct platform_step){0};
	return 0;
}

static int session(const struct device_record *record, const char *gateway_id,
	struct platform_session *ret_session)
{
	return iothub_session(record, API_VERSION, ret_session);
}

static int operation(const struct platform_device *device, struct platform_operation *ret_operation)
{
	struct platform_operation operation = {.approve_here = false};
	int r = azure_operation_of(&device->record->life, operation.id);

	if (r >= 0)
		*ret_operation = operation;
	return r;
}

const struct platform_driver platform_azure = {
	.describe = describe,
	.advance = advance,
	.session = session,
	.operation = operation,
	.encode = iothub_encode,
	.listen = iothub_listen,
	.decode = iothub_decode,
};
