/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML in CBOR (format 112, RFC 8428 section 6) and a plain CBOR map (60).
 *
 * The body is read once, into the document that the JSON form has; what follows is the same for
 * both. The labels of a record are integers: each becomes its key on the way. A known key as text
 * is the same field, and both together are a duplicate, so no two readers of a record can disagree.
 * An integer that is no label is refused: the table of section 6 is conclusive, new fields have
 * text.
 *
 * In the document a byte string is text in base64url, so here, where the difference is still known,
 * is seen to it that "vd" is a byte string and that no other known field is.
 */

#include "core/cbor-json.h"
#include "core/senml-document.h"

static bool field_may_stand(const char *key, bool is_bytes)
{
	enum senml_label label;

	return !senml_label_from_string(key, &label) || is_bytes == (label == SENML_VD);
}

static bool value_may_stand(const char *name, bool is_bytes)
{
	return !is_bytes;
}

struct form {
	struct cbor_rules rules;
	senml_add_fn add;
	const char *why_key;   /* for CBOR_FAULT_KEY */
	const char *why_value; /* for CBOR_FAULT_VALUE */
};

static const struct form pack_form = {
	.rules = {.depth = SENML_DEPTH_MAX,
		.items = SENML_ITEMS_MAX,
		.liberal = true,
		.key_name = senml_label_key,
		.may_stand = field_may_stand},
	.add = senml_pack_add,
	.why_key = "A label is neither a text nor an integer of RFC 8428.",
	.why_value = "\"vd\" must be a byte string, and no other known field may be one.",
};

static const struct form map_form = {
	.rules = {.depth = SENML_DEPTH_MAX,
		.items = SENML_ITEMS_MAX,
		.liberal = true,
		.may_stand = value_may_stand},
	.add = senml_map_add,
	.why_key = "A name is not a text.",
	.why_value = "A value must be a number, a text, true or false.",
};

static struct senml_refusal fault_refusal(const struct form *form, enum cbor_fault fault)
{
	static const struct senml_refusal refusals[] = {
		[CBOR_FAULT_NONE] = {READING_ACCEPTED, NULL},
		[CBOR_FAULT_BROKEN] = {READING_MALFORMED, "The body is not valid CBOR."},
		[CBOR_FAULT_REFUSED] = {READING_NOT_SENML,
			"The CBOR holds a tag, undefined, or a string of indefinite length."},
		[CBOR_FAULT_DEEP] = {READING_MALFORMED, "The CBOR is nested deeper than 4 levels."},
		[CBOR_FAULT_MANY] = {READING_TOO_MANY,
			"The body has more items than 128 records of 10 fields."},
		[CBOR_FAULT_KEY] = {READING_NOT_SENML, NULL},
		[CBOR_FAULT_KEY_TWICE] = {READING_MALFORMED, "The CBOR has the same key twice."},
		[CBOR_FAULT_VALUE] = {READING_NOT_SENML, NULL},
		[CBOR_FAULT_NUMBER] = {READING_NOT_SENML, "A number is not finite."},
		[CBOR_FAULT_TEXT] = {READING_MALFORMED,
			"A text in the CBOR is not valid UTF-8, or holds a NUL."},
	};
	struct senml_refusal refusal = refusals[fault];

	if (fault == CBOR_FAULT_KEY)
		refusal.why = form->why_key;
	if (fault == CBOR_FAULT_VALUE)
		refusal.why = form->why_value;
	return refusal;
}

static int body_convert(const struct form *form, struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	CLEANUP(json_unrefp) json_t *document = NULL;
	struct senml_refusal refusal;
	enum cbor_fault fault;
	int r;

	r = cbor_to_json_by(body, &form->rules, &document, &fault);
	if (r < 0)
		return r;
	refusal = document ? form->add(writer, document) : fault_refusal(form, fault);
	*ret_verdict = refusal.verdict;
	*ret_why = refusal.why;
	return 0;
}

int senml_from_cbor(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	return body_convert(&pack_form, body, writer, ret_verdict, ret_why);
}

int senml_from_cbor_map(struct span body, struct senml_writer *writer,
	enum reading_verdict *ret_verdict, const char **ret_why)
{
	return body_convert(&map_form, body, writer, ret_verdict, ret_why);
}
