/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SenML (RFC 8428), whatever it was encoded in. A decoder reads one record at a time into struct
 * senml_fields and hands it to senml_add(): that resolves the base fields, checks the rules of the
 * standard and appends the record, in its upstream form, to the text. Nothing here keeps a pointer
 * into the fields except for the base fields, so the decoded document must live until the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/reading.h"

#define SENML_NAME_MAX	 256   /* bytes of a name with its base name */
#define SENML_DEPTH_MAX	 4     /* nested arrays and objects */
#define SENML_ITEMS_MAX	 2689  /* in CBOR: an array of 128 records of 10 fields, keys counted too */
#define SENML_OUTPUT_MAX 16384 /* bytes of the upstream form of one reading */

/* The labels of RFC 8428 section 4.3 that we know. */
enum senml_label {
	SENML_BVER,
	SENML_BN,
	SENML_BT,
	SENML_BU,
	SENML_BV,
	SENML_BS,
	SENML_N,
	SENML_U,
	SENML_V,
	SENML_VS,
	SENML_VB,
	SENML_VD,
	SENML_S,
	SENML_T,
	SENML_UT,
	SENML_LABELS
};

enum senml_type { SENML_TYPE_NUMBER, SENML_TYPE_TEXT, SENML_TYPE_BOOLEAN };

struct senml_label_row {
	const char *key; /* in JSON */
	int64_t integer; /* in CBOR, section 6 */
	enum senml_type type;
	const char *why; /* the sentence for a value of another type */
};
const struct senml_label_row *senml_label_row(enum senml_label label);
/* False for a name that we do not know. */
bool senml_label_from_string(const char *key, enum senml_label *ret_label);
/* The key for an integer label; NULL for an integer that is none. */
const char *senml_label_key(int64_t integer);

/* A whole number keeps all its 64 bits; value is then its nearest double. */
struct senml_number {
	double value;
	int64_t integer;
	bool whole;
};

/* Of these a record has one, or none and a sum. */
#define SENML_VALUES (1u << SENML_V | 1u << SENML_VS | 1u << SENML_VB | 1u << SENML_VD)

/* One record as it stands in the document. Only what is in 'present' has a meaning. */
struct senml_fields {
	uint32_t present; /* bit for each enum senml_label */
	struct senml_number number[SENML_LABELS];
	const char *text[SENML_LABELS]; /* valid UTF-8 */
	bool boolean;
};

static inline bool senml_has(const struct senml_fields *fields, enum senml_label label)
{
	return fields->present & (1u << label);
}

/* The pack on its way: the base fields that are in force and the text so far. */
struct senml_writer {
	const char *device_id;
	int64_t now; /* wall milliseconds of arrival */
	const char *base_name;
	const char *base_unit;
	uint32_t bases; /* which of the numeric base fields are in force */
	struct senml_number base[SENML_LABELS];
	size_t records;
	size_t size;
	bool full;
	char text[SENML_OUTPUT_MAX];
};

/* Text is appended; what does not fit sets 'full' and is left out. senml-writer.c */
void senml_put(struct senml_writer *writer, const char *text, size_t size);
void senml_put_string(struct senml_writer *writer, const char *text); /* escaped, no quotes */
void senml_put_number(
	struct senml_writer *writer, const char *key, const struct senml_number *number);
/* The shortest decimal text that reads back as the same number, whatever the locale; ret_text of at
 * least 32 bytes. The number must be finite. Returns ret_text. */
const char *senml_number_format(const struct senml_number *number, char *ret_text);

void senml_begin(struct senml_writer *writer, const char *device_id, int64_t now);
/* READING_ACCEPTED, or why not; the text is of no use then. */
enum reading_verdict senml_add(
	struct senml_writer *writer, const struct senml_fields *fields, const char **ret_why);
/* Closes the array. READING_TOO_LARGE when it did not fit in SENML_OUTPUT_MAX. */
enum reading_verdict senml_end(struct senml_writer *writer, const char **ret_why);

/* What a name may be (section 4.5.1), its base name included; what "vd" may be (base64url without
 * padding). The length is not looked at. */
bool senml_is_name(struct span text);
bool senml_is_base64url(struct span text);
/* True for a pack in JSON that is SenML and that goes upstream as it is, with the base name behind
 * its first *ret_at bytes: "bn":"<device id>/", No says nothing: a decoder below has to look.
 * senml-splice.c */
bool senml_splice_at(struct span body, size_t *ret_at);

/* Decoders. 0, or -ENOMEM and nothing else; the verdict says whether the writer holds a pack (which
 * senml_end() has closed). */
int senml_from_json(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why);
/* A map of name to number, text or boolean (format 50): each entry is a record. */
int senml_from_json_map(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why);
/* The same two in CBOR (formats 112 and 60). */
int senml_from_cbor(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why);
int senml_from_cbor_map(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why);
/* One number, as JSON writes it, or one text without control characters (format 0). */
int senml_from_text(struct span body, const char *name, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why);
