/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the imports of tokens and of labels share: a body {WORD: [row, ...], "import": n?, "more":
 * bool?}, rows that are refused by their line, and the answers.
 */

#include "api/api-parts.h"

struct api_rows {
	const char *word; /* "tokens", "codes" */
	json_t *refused;  /* of those that are not right: {"line","text"}; api_rows_begin() */
	size_t count;	  /* of those, also of the ones that are not named */
	bool no_memory;
	char why[200]; /* the body is none: "" = it is one */
};

/* The rows of the body, or NULL when it is none; 'needs' says how it must be. Nothing is answered
 * yet: the caller wipes first. */
json_t *api_rows_begin(struct api_rows *rows, const json_t *body, const char *needs);
/* The row's own number of its line, or its place. */
json_int_t api_row_line(const json_t *row, size_t index);
/* {NULL, 0} when it is no text. */
struct span api_row_text(const json_t *row, const char *key);
void api_rows_refuse(struct api_rows *rows, json_int_t line, const char *why);
/* After the last row: false when the body is none or a row was refused, and that is answered. */
bool api_rows_end(const struct api_context *context, struct api_rows *rows);
/* The act for host, with its call; NULL when it was answered for want of memory. */
struct api_pending *api_rows_act(
	const struct api_context *context, enum act_kind kind, struct act *ret_act);
/* act_done_fn; userdata is the call. */
void api_rows_done(void *userdata, const struct act_outcome *outcome);
