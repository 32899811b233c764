/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A reading: one accepted body, one row, one gh-id. Allocated once with its body behind it and
 * handed from room to room by reference.
 *
 * Upstream form: formats 0, 50, 60, 110, 112 become SenML JSON (RFC 8428) whose base name is
 * "<registry device id>/"; 42 stays untouched. Relative times (below 2^28) are resolved against
 * arrival; while the clock is not set that is put off until it is sent (reading_settle()).
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "base/span.h"
#include "core/device.h"

#define READING_BODY_MAX    8192
#define READING_RECORDS_MAX 128
#define READING_OPAQUE_MAX  1024

enum content_format {
	FORMAT_NONE = -1,
	FORMAT_TEXT = 0,
	FORMAT_LINK = 40,
	FORMAT_OPAQUE = 42,
	FORMAT_JSON = 50,
	FORMAT_CBOR = 60,
	FORMAT_SENML_JSON = 110,
	FORMAT_SENML_CBOR = 112,
};

/* What makes a retransmission: same identity (the device), message id and token. */
struct request_key {
	uint16_t message_id;
	uint8_t confirmable;
	uint8_t token_size;
	uint8_t token[8];
};

struct reading {
	struct mail mail; /* for chains between threads */
	int references;	  /* atomic */
	uint64_t row;	  /* given by owed; <gateway>.<epoch>.<row> */
	uint64_t device_row;
	enum trust trust;
	int64_t time; /* wall milliseconds of arrival */
	bool clock_synced;
	bool promised; /* acknowledged before it was stored; loop only */
	int format;    /* of the body as it goes upstream: 110 or 42 */
	struct request_key key;
	uint64_t taken_usec; /* boot time of the order to the store; loop only */
	void *exchange;	     /* lan's exchange whose answer is held, or NULL; loop only */
	size_t size;
	uint8_t body[];
};

struct reading *reading_new(size_t size); /* one reference; NULL on lack of memory */
struct reading *reading_ref(struct reading *reading);
struct reading *reading_unref(struct reading *reading); /* NULL */
struct reading *reading_of_mail(struct mail *mail);

enum reading_verdict {
	READING_ACCEPTED,
	READING_MALFORMED,	/* 4.00: broken JSON or CBOR */
	READING_TOO_LARGE,	/* 4.13 */
	READING_TOO_MANY,	/* 4.13: records; counted by LIMIT_RECORDS */
	READING_FORMAT_UNKNOWN, /* 4.15 */
	READING_NOT_SENML,	/* 4.22: well-formed, but not SenML */
};

struct reading_context {
	const char *device_id;	/* registry id, for bn */
	const char *value_name; /* n= of format 0; NULL or "" = "value" */
	const char *value_unit; /* of values that come without one; NULL or "" = none */
	int64_t now;		/* wall milliseconds of arrival */
	bool clock_unset;	/* relative times stay as they are */
};

/*
 * Checks a body as received and makes the upstream form. READING_ACCEPTED: *ret_reading is new
 * (format, body, size set; time = now). Otherwise *ret_why is a static sentence for the device.
 * -ENOMEM is the only negative answer. JSON by jansson, CBOR by libcbor's streaming decoder:
 * duplicate keys refused, depth at most 4; NaN and infinity refused. Format 42 is taken as it is, 1
 * to READING_OPAQUE_MAX bytes; every other body becomes format 110.
 */
int reading_decode(int format, struct span body, const struct reading_context *context,
	struct reading **ret_reading, enum reading_verdict *ret_verdict, const char **ret_why);

/* True when times stand in it that reading_settle() may have to make absolute. */
bool reading_has_times(const struct reading *reading);
/*
 * A copy as it is to be sent: it came at 'time' (wall milliseconds), which is right when 'synced',
 * and its relative times are absolute. One that would lie before July 1978 stays relative: the
 * clock says nothing. 0 with one reference, -ENOMEM.
 */
int reading_settle(
	const struct reading *reading, int64_t time, bool synced, struct reading **ret_settled);
