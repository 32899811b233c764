/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The files of assets/, built into the program. */

#include <stdbool.h>
#include <stddef.h>

struct request;

struct asset {
	const char *path; /* "/assets/style.css" */
	const char *type;
	const unsigned char *data;
	size_t size;
};

/* Made by embed.py; ends with an empty row. */
extern const struct asset assets[];

/* True when the request is for one of them; it is answered then. */
bool assets_answer(struct request *request);
