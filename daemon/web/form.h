/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * application/x-www-form-urlencoded (URL Standard section 5.1), from a body or a query, as hostile
 * as it comes. Stricter than browsers need: a form is taken whole or not at all.
 */

#include <stdbool.h>

#include "base/span.h"

#define FORM_FIELDS_MAX 32
/* The one field whose value may have several lines. */
#define FORM_LINES "lines"

struct form;

/*
 * -EINVAL for broken percent signs, NUL and control characters, what is not UTF-8, and a name that
 * stands there twice (two readers would see two forms); -E2BIG for more than FORM_FIELDS_MAX
 * fields; -ENOMEM.
 */
int form_parse(struct span text, struct form **ret);
struct form *form_free(struct form *form); /* wipes: passwords come this way */

/* The value, "" when it is empty; NULL when the field is missing or 'form' is NULL. */
const char *form_value(const struct form *form, const char *name);
unsigned form_count(const struct form *form);
/* The fields in their order; false behind the last one. */
bool form_field(
	const struct form *form, unsigned index, const char **ret_name, const char **ret_value);
/* Wipes and forgets every field that is not among these (up to NULL); no-op for NULL. */
void form_keep(struct form *form, const char *const *names);
