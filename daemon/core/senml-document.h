/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the decoders of JSON and of CBOR share: from a document in memory to records. */

#include <jansson.h>

#include "base/cleanup.h"
#include "core/senml.h"

DEFINE_CLEANUP(json_t *, json_decref, json_unrefp)

struct senml_refusal {
	enum reading_verdict verdict; /* READING_ACCEPTED: none */
	const char *why;
};

/* False when the value is not of the label's type. A text is borrowed. */
bool senml_field_set(struct senml_fields *fields, enum senml_label label, const json_t *value);

/* All records of a document, and the end of the pack. The document is nested no deeper than
 * SENML_DEPTH_MAX and must live as long as the writer is used. */
typedef struct senml_refusal (*senml_add_fn)(struct senml_writer *writer, json_t *document);
struct senml_refusal senml_pack_add(struct senml_writer *writer, json_t *document);
struct senml_refusal senml_map_add(struct senml_writer *writer, json_t *document);
