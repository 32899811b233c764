/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Labels as a scanner or a person brings them. */

#define SCAN_TEXT_MAX 511 /* bytes; an address with a label in it is the longest */

/* The first line of standard input that is not empty; the caller wipes it. -ENODATA, -EMSGSIZE, or
 * what reading failed with. */
int scan_read_code(char ret_code[SCAN_TEXT_MAX + 1]);
