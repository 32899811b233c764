/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows of fields: a head of fixed size, then each field with its length in two bytes. What the
 * driver 'aws' keeps is such rows: the credential of a device, and how far its provisioning is.
 */

#include "core/device.h"

/* 'head' and the fields in their order. -EINVAL for a field of more than 65535 bytes, -ENOMEM. */
int aws_row_make(struct span head, const struct span *field, size_t count, struct secret *ret_row);
/* The fields behind a head of that size; they point into 'row'. -EBADMSG when they are not so many,
 * or do not end where it ends. */
int aws_row_read(struct span row, size_t head_size, struct span *ret_field, size_t count);

/* The credential of a device. */
struct aws_credential {
	int64_t expires;      /* of the certificate, wall milliseconds */
	struct span thing;    /* also the client id of its session */
	struct span id;	      /* of the certificate, there */
	struct span identity; /* base/identity.h */
	bool shadow;	      /* of the thing is used (aws-shadow.c) */
};
/* Both in one text: an identity. -EINVAL, -ENOMEM. */
int aws_identity_make(struct span certificate, struct span key, struct secret *ret_identity);
/* 'certificate' and 'key' become its identity. -EINVAL, -ENOMEM. */
int aws_credential_make(const struct aws_credential *credential, struct span certificate,
	struct span key, struct secret *ret_row);
/* The spans point into 'row'. -EBADMSG. */
int aws_credential_read(struct span row, struct aws_credential *ret_credential);
