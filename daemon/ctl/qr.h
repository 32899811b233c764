/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

/* A QR code of 'text' in half blocks, dark on light whatever the terminal's colours are. -EMSGSIZE
 * when it does not fit into one, -ENOMEM. */
int qr_print(const char *text, FILE *out);
