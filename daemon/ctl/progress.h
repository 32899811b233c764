/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How far something is that takes longer than a second, for somebody who watches: one line on a
 * terminal, drawn over and gone in the end. Where nobody watches it is a line for each step, or
 *none.
 *
 *	[#########---------------------]  30%  1500 of 5000 codes
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_BAR_SIZE 31 /* with its NUL */

/* "#########---------------------" for 3 of 10; returns ret_bar. total is not 0. */
const char *progress_bar(size_t done, size_t total, char ret_bar[PROGRESS_BAR_SIZE]);

struct progress {
	FILE *out;	    /* standard error, as a rule */
	const char *what;   /* "codes" */
	size_t total;	    /* 0 = nobody knows */
	bool lines;	    /* "1500 of 5000 codes sent" where it is no terminal */
	uint64_t from_usec; /* set by the first progress_show() */
	size_t shown;	    /* characters of the line that stands there */
};

/* 'done' of them are done. */
void progress_show(struct progress *progress, size_t done);
/* Takes the line away. */
void progress_end(struct progress *progress);
