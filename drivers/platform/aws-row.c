/* SPDX-License-Identifier: Apache-2.0 */

/* The credential: a format byte and the certificate's end in eight; then thing, id, identity. */

#include "drivers/platform/aws-row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/identity.h"
#include "drivers/platform/aws-answer.h"

#define CREDENTIAL_FORMAT 1
#define CREDENTIAL_SHADOW 2
#define CREDENTIAL_HEAD	  9
#define CREDENTIAL_FIELDS 3

int aws_row_make(struct span head, const struct span *field, size_t count, struct secret *ret_row)
{
	size_t size = head.size + 2 * count, i;
	uint8_t *bytes, *at;

	for (i = 0; i < count; i++) {
		if (field[i].size > UINT16_MAX)
			return -EINVAL;
		size += field[i].size;
	}
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	at = (uint8_t *)mempcpy(bytes, head.data, head.size);
	for (i = 0; i < count; i++) {
		*at++ = (uint8_t)(field[i].size >> 8);
		*at++ = (uint8_t)field[i].size;
		if (field[i].size)
			memcpy(at, field[i].data, field[i].size);
		at += field[i].size;
	}
	secret_clear(ret_row);
	*ret_row = (struct secret){bytes, size};
	return 0;
}

int aws_row_read(struct span row, size_t head_size, struct span *ret_field, size_t count)
{
	size_t at = head_size, i;

	if (row.size < head_size)
		return -EBADMSG;
	for (i = 0; i < count; i++) {
		size_t size;

		if (row.size - at < 2)
			return -EBADMSG;
		size = (size_t)row.data[at] << 8 | row.data[at + 1];
		at += 2;
		if (row.size - at < size)
			return -EBADMSG;
		ret_field[i] = span_of(row.data + at, size);
		at += size;
	}
	return at == row.size ? 0 : -EBADMSG;
}

/* ---- the credential ---- */

int aws_identity_make(struct span certificate, struct span key, struct secret *ret_identity)
{
	bool ended = certificate.size > 0 && certificate.data[certificate.size - 1] == '\n';
	size_t first = certificate.size + !ended;
	uint8_t *data;

	if (certificate.size == 0 || first + key.size > IDENTITY_MAX)
		return -EINVAL;
	data = malloc(first + key.size);
	if (!data)
		return -ENOMEM;
	memcpy(data, certificate.data, certificate.size);
	data[first - 1] = '\n';
	memcpy(data + first, key.data, key.size);
	*ret_identity = (struct secret){data, first + key.size};
	return 0;
}

int aws_credential_make(const struct aws_credential *credential, struct span certificate,
	struct span key, struct secret *ret_row)
{
	CLEANUP(secret_clear) struct secret identity = {0};
	uint8_t head[CREDENTIAL_HEAD] = {
		credential->shadow ? CREDENTIAL_SHADOW : CREDENTIAL_FORMAT};
	int r = aws_identity_make(certificate, key, &identity);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < 8; i++)
		head[1 + i] = (uint8_t)((uint64_t)credential->expires >> (56 - 8 * i));
	const struct span field[CREDENTIAL_FIELDS] = {
		credential->thing, credential->id, secret_span(&identity)};

	return aws_row_make(span_of(head, sizeof(head)), field, CREDENTIAL_FIELDS, ret_row);
}

int aws_credential_read(struct span row, struct aws_credential *ret_credential)
{
	struct span field[CREDENTIAL_FIELDS];
	uint64_t expires = 0;

	if (row.size < CREDENTIAL_HEAD ||
		(row.data[0] != CREDENTIAL_FORMAT && row.data[0] != CREDENTIAL_SHADOW) ||
		aws_row_read(row, CREDENTIAL_HEAD, field, CREDENTIAL_FIELDS) < 0)
		return -EBADMSG;
	for (unsigned i = 0; i < 8; i++)
		expires = expires << 8 | row.data[1 + i];
	/* They become a client id and topics; and they may come from elsewhere. */
	if (!aws_is_thing(field[0]) || !aws_is_id(field[1]) || field[2].size == 0 ||
		field[2].size > IDENTITY_MAX)
		return -EBADMSG;
	*ret_credential = (struct aws_credential){.expires = (int64_t)expires,
		.thing = field[0],
		.id = field[1],
		.identity = field[2],
		.shadow = row.data[0] == CREDENTIAL_SHADOW};
	return 0;
}
