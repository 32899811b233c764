/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Provisioning tokens that come by a form of the page, as the body of a call to the API. */

#include <jansson.h>

#include "web/form.h"

/*
 * Fill 'body' from a form. NULL, or the sentence that says why nothing was imported; then
 * *ret_refused may be a list of {"line", "text"} for the caller to free. All of it or nothing.
 */
const char *token_form_lines(json_t *body, const struct form *form, json_t **ret_refused);
const char *token_form_one(json_t *body, const struct form *form, json_t **ret_refused);
