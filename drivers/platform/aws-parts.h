/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the driver 'aws' share: one call of it. aws.c says what the steps are. */

#include "drivers/platform.h"
#include "drivers/platform/aws-answer.h"
#include "drivers/platform/aws-row.h"

struct aws_call {
	const struct driver_services *services;
	const struct platform_device *device;
	const struct aws_settings *settings;
	const struct platform_answer *answer;
	struct platform_step *step;
	bool renews;		       /* REFRESH: it has a credential that is good for now */
	char thing[AWS_THING_MAX + 1]; /* the name that it asks for */
};

/* aws.c: verdicts return 0. */
int aws_say(struct aws_call *call, enum platform_verdict verdict, const char *why);
int aws_give_up(struct aws_call *call, const char *why);

/* The session of a certificate that was deactivated ends without a word, like that of a line that
 * is broken: while the one in use does not connect, nobody knows whether the device is still
 * wanted. */
bool aws_may_be_unwanted(const struct aws_call *call);
/* Why another one is not made now. */
const char *aws_why_not_now(const struct aws_call *call);
/* It has ended, and before that it was not let in ('was': so the blob says): only a person lets it
 * in again. Fills the step. */
bool aws_was_unwanted(struct aws_call *call, bool was);

/* Another one that ends with its issuer, as the one in use does, renews nothing. */
bool aws_ends_no_later(const struct aws_call *call, int64_t not_after);

/* aws-jit.c: issues its certificate here, and waits until the platform lets it in. As aws_fleet().
 */
int aws_jit(struct aws_call *call);
int aws_jit_certificate(const struct lifecycle *life, char ret_id[AWS_ID_MAX + 1]);

/* aws-fleet.c: provisions it by claim, or goes on with it. ISSUED, or what became of it instead. */
int aws_fleet(struct aws_call *call);
/* The id of the certificate that waits for its thing; -ENODATA. */
int aws_fleet_certificate(const struct lifecycle *life, char ret_id[AWS_ID_MAX + 1]);

/* aws-shadow.c; -ENOTSUP where the shadow is not to be used. STATUS and ASK; what became of a
 * command that came from what is desired. */
int aws_shadow_encode(const struct upstream_item *item, struct upstream_message *ret_message);
bool aws_shadow_is(const struct command *command);
int aws_shadow_encode_result(
	const struct upstream_item *item, struct upstream_message *ret_message);
/* As the driver's hooks. 'topic' begins with AWS_SHADOW_PREFIX. */
#define AWS_SHADOW_PREFIX "$aws/things/"
int aws_shadow_listen(
	const struct device_record *record, unsigned at, char *ret_filter, size_t capacity);
int aws_shadow_decode(const char *topic, struct span payload, struct inbound_message *ret_message);
