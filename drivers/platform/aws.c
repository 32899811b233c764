/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AWS IoT Core: each device is a thing with a certificate of its own, and has a session with it.
 * The provisioning token is the claim certificate that the gateway is configured with, or the
 * authority of the site; the registration token is the device's certificate and the key that was
 * made for it here.
 *
 *   PROVISION  fleet provisioning by claim (aws-fleet.c), or a certificate of the site's authority
 *              (aws-jit.c): ISSUED with certificate, key and thing
 *   BIND       BOUND under the name of the thing that the template gave
 *   REFRESH    before its end another certificate, in the same way, while the one in use connects.
 *              After the platform has refused it: REFUSED. Who deactivated it there meant that, and
 *              a claim must not undo it without a person. Past its end it is asked for anew
 *   APPROVE    as PROVISION: the claim and the template's hook are the approval
 *   CANCEL, REVOKE   DONE: a certificate is deactivated there
 *
 * The thing is asked for by the endpoint name, which is known before the device is there; a name
 * that a thing cannot have is "gh:" and the device's id here, which no endpoint name that is used
 * as it is can be. The client id is the thing's name, as policies of things expect it. Topics are
 * those of the platform 'mqtt' with the thing's name in the place of the device's id, and nothing
 * is retained. The session is 3.1.1: what a rule of the account reads is in the payload.
 */

#include "drivers/platform/aws.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/issue.h"
#include "core/token.h"
#include "drivers/platform/aws-parts.h"
#include "drivers/platform/topics.h"

#define KEEP_ALIVE  60 /* s */
#define NAME_CHARS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define COMMAND_DIR "/command/"

static const struct platform_description *describe(void)
{
	static const struct platform_description description = {
		.name = TOKEN_KIND_AWS,
		.supports = PLATFORM_CAN_REFRESH | PLATFORM_NEEDS_PT | PLATFORM_ELSEWHERE,
		/* 10 of each kind in a second are documented for one account, and what waited may
		 * go out at once with those of the next second. */
		.requests_per_second = 4,
	};

	return &description;
}

/* ---- verdicts ---- */

int aws_say(struct aws_call *call, enum platform_verdict verdict, const char *why)
{
	call->step->verdict = verdict;
	call->step->why = why;
	return 0;
}

int aws_give_up(struct aws_call *call, const char *why)
{
	call->step->final = true;
	return aws_say(call, PLATFORM_FAILED, why);
}

bool aws_may_be_unwanted(const struct aws_call *call)
{
	const struct lifecycle *life = &call->device->record->life;

	return call->renews && life->link != LINK_UP && life->credential == CREDENTIAL_RENEWING;
}

const char *aws_why_not_now(const struct aws_call *call)
{
	return call->device->not_let_in
		       ? "its certificate is not let in any more, maybe on purpose: another one "
			 "is made when it is"
		       : "its certificate does not connect now: another one is made when it does";
}

bool aws_was_unwanted(struct aws_call *call, bool was)
{
	if (!was || !call->renews || call->device->record->life.credential != CREDENTIAL_EXPIRED)
		return false;
	aws_say(call, PLATFORM_LEAK,
		"its certificate was not let in any more before it ended: it may have been "
		"deactivated there");
	return true;
}

bool aws_ends_no_later(const struct aws_call *call, int64_t not_after)
{
	const struct lifecycle *life = &call->device->record->life;

	return call->renews && life->credential == CREDENTIAL_RENEWING &&
	       not_after <= life->credential_expires;
}

/* ---- advance ---- */

static int get_certificate(struct aws_call *call)
{
	return call->settings->method == AWS_CLAIM ? aws_fleet(call) : aws_jit(call);
}

static void name_thing(struct aws_call *call)
{
	const struct device_record *record = call->device->record;
	bool as_it_is = record->ep[0] && !record->ep[strspn(record->ep, NAME_CHARS)];
	size_t length = strlen(call->settings->thing_prefix) + strlen(record->ep);

	/* It is the common name of a certificate that is issued here. */
	if (call->settings->method != AWS_CLAIM && length > ISSUE_NAME_MAX)
		as_it_is = false;

	snprintf(call->thing, sizeof(call->thing), "%s%s%s", call->settings->thing_prefix,
		as_it_is ? "" : "gh:", as_it_is ? record->ep : record->id);
}

static int bind_device(struct aws_call *call)
{
	struct aws_credential credential;

	if (aws_credential_read(
		    secret_span(&call->device->record->life.credential_current), &credential) < 0)
		return aws_give_up(call, "its credential is damaged");
	call->step->verdict = PLATFORM_BOUND;
	call->step->expires = credential.expires;
	return span_to_string(
		credential.thing, call->step->platform_id, sizeof(call->step->platform_id));
}

static int take_step(struct aws_call *call, enum platform_work work)
{
	switch (work) {
	case PLATFORM_REFRESH:
		if (call->device->record->life.credential_doubted)
			return aws_say(call, PLATFORM_REFUSED,
				"the platform does not take its certificate any more");
		call->renews = true;
		return get_certificate(call);
	case PLATFORM_PROVISION:
	case PLATFORM_APPROVE:
		return get_certificate(call);
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
	struct aws_call call = {.services = services,
		.device = device,
		.settings = device->settings,
		.answer = answer,
		.step = &step};
	int r;

	name_thing(&call);
	r = take_step(&call, work);
	if (r < 0)
		return r;
	*ret_step = step;
	step = (struct platform_step){0};
	return 0;
}

/* ---- session ---- */

static int session(const struct device_record *record, const char *gateway_id,
	struct platform_session *ret_session)
{
	struct platform_session options = {.version = 4, .keep_alive = KEEP_ALIVE};
	struct aws_credential credential;
	int r = aws_credential_read(secret_span(&record->life.credential_current), &credential);

	if (r >= 0)
		r = span_to_string(credential.thing, options.client_id, sizeof(options.client_id));
	if (r < 0)
		return -EBADMSG;
	options.identity = credential.identity;
	*ret_session = options;
	return 0;
}

static int operation(const struct platform_device *device, struct platform_operation *ret_operation)
{
	struct platform_operation operation = {.approve_here = false};
	int r = aws_jit_certificate(&device->record->life, operation.id);

	if (r < 0)
		r = aws_fleet_certificate(&device->record->life, operation.id);
	if (r >= 0)
		*ret_operation = operation;
	return r;
}

/* ---- up ---- */

/* The thing's name in the place of the device's id; an answer that goes elsewhere stays as it is.
 */
static int rename_topic(const struct upstream_item *item, struct upstream_message *message)
{
	char prefix[128], leaf[UPSTREAM_TOPIC_MAX];
	int n = snprintf(
		prefix, sizeof(prefix), "gatehouse/%s/%s/", item->gateway_id, item->record->id);

	if (n < 0 || (size_t)n >= sizeof(prefix))
		return -EMSGSIZE;
	if (strncmp(message->topic, prefix, (size_t)n) != 0)
		return 0;
	snprintf(leaf, sizeof(leaf), "%s", message->topic + n);
	n = snprintf(message->topic, sizeof(message->topic), "gatehouse/%s/%s/%s", item->gateway_id,
		item->record->life.platform_id, leaf);
	return n < 0 || (size_t)n >= sizeof(message->topic) ? -EMSGSIZE : 0;
}

/* Where a policy does not allow a topic the platform ends the session; so nothing is sent that a
 * user may not have thought of. */
static int encode(const struct driver_services *services, const struct upstream_item *item,
	struct upstream_message *ret_message)
{
	struct upstream_message message;
	int r;

	if (item->kind == UPSTREAM_PACK || item->kind == UPSTREAM_CLEAR ||
		item->kind == UPSTREAM_GATEWAY)
		return -ENOTSUP;
	/* Without a thing there is no topic. */
	if (!item->record->life.platform_id[0])
		return -ENOTSUP;
	if (item->kind == UPSTREAM_STATUS || item->kind == UPSTREAM_ASK)
		return aws_shadow_encode(item, ret_message);
	if (item->kind == UPSTREAM_RESULT && aws_shadow_is(item->command))
		return aws_shadow_encode_result(item, ret_message);
	r = topics_encode(item, &message);
	if (r < 0)
		return r;
	r = rename_topic(item, &message);
	if (r < 0) {
		upstream_message_clear(&message);
		return r;
	}
	message.retain = false;
	*ret_message = message;
	return 0;
}

/* ---- down ---- */

static int listen_to(const struct device_record *record, const char *gateway_id, unsigned at,
	char *ret_filter, size_t capacity)
{
	if (!record)
		return -ENOTSUP;
	return at == 0 ? topics_listen(record->life.platform_id, gateway_id, ret_filter, capacity)
		       : aws_shadow_listen(record, at - 1, ret_filter, capacity);
}

static int ignore(struct inbound_message *message, const char *why)
{
	*message = (struct inbound_message){.kind = INBOUND_IGNORED, .why = why};
	return 0;
}

static bool is_command_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return i > 0;
}

/* gatehouse/<gateway>/<thing>/command/<name> */
static int decode(const struct driver_services *services, const char *gateway_id, const char *topic,
	struct span payload, bool retained, struct inbound_message *ret_message)
{
	struct inbound_message message = {.kind = INBOUND_COMMAND, .args = payload};
	char prefix[64];
	int n = snprintf(prefix, sizeof(prefix), "gatehouse/%s/", gateway_id);
	const char *thing = topic + n, *name;

	if (!strncmp(topic, AWS_SHADOW_PREFIX, strlen(AWS_SHADOW_PREFIX)))
		return aws_shadow_decode(topic, payload, ret_message);
	if (n < 0 || (size_t)n >= sizeof(prefix) || strncmp(topic, prefix, (size_t)n) != 0)
		return ignore(ret_message, "not a topic of this gateway");
	name = strstr(thing, COMMAND_DIR);
	if (!name || !aws_is_thing(span_of(thing, (size_t)(name - thing))))
		return ignore(ret_message, "not a command");
	memcpy(message.platform_id, thing, (size_t)(name - thing));
	name += strlen(COMMAND_DIR);
	if (!is_command_name(name) || strlen(name) >= sizeof(message.name))
		return ignore(ret_message, "not a command name");
	if (retained)
		return ignore(ret_message, "a retained command is never accepted");
	snprintf(message.name, sizeof(message.name), "%s", name);
	*ret_message = message;
	return 0;
}

const struct platform_driver platform_aws = {
	.describe = describe,
	.advance = advance,
	.session = session,
	.operation = operation,
	.encode = encode,
	.listen = listen_to,
	.decode = decode,
};
