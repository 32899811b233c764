/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What AWS IoT answers to a device that provisions itself (Developer Guide, "Device provisioning
 * MQTT API"). Every byte of it is hostile.
 */

#include <jansson.h>
#include <stdbool.h>

#include "base/span.h"

#define AWS_THING_MAX 128
#define AWS_ID_MAX    64   /* of a certificate: hexadecimal */
#define AWS_TOKEN_MAX 4096 /* that proves to whom a certificate belongs */
#define AWS_CODE_MAX  63

/* [a-zA-Z0-9:_-], 1 to 128 */
bool aws_is_thing(struct span name);
/* letters and digits, 1 to 64 */
bool aws_is_id(struct span id);

/* To a request for a certificate. The caller wipes and frees the two texts. */
struct aws_certificate {
	char id[AWS_ID_MAX + 1];
	char *pem, *token;
};
void aws_certificate_clear(struct aws_certificate *certificate);
/* -EBADMSG, -ENOMEM. Whether the certificate is one is not looked at. */
int aws_certificate_read(struct span body, struct aws_certificate *ret_certificate);

/* To the request for a thing. -EBADMSG; -ENOENT for an answer that names none. */
int aws_thing_read(struct span body, char ret_thing[AWS_THING_MAX + 1]);

/* Whether the template says in the same answer that the thing's shadow may be used:
 * {"deviceConfiguration":{"gatehouse-shadow":"yes"}} */
bool aws_shadow_read(struct span body);

struct aws_refusal {
	int status;		     /* like those of HTTP; 0 = not said */
	char code[AWS_CODE_MAX + 1]; /* letters and digits alone; "" = not said */
};
/* Never fails: what cannot be read says nothing. */
void aws_refusal_read(struct span body, struct aws_refusal *ret_refusal);

/* Frees it and wipes the texts in it first. NULL is none. */
void aws_json_free(json_t *value);
