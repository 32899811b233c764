/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a camera or a person brings: the text of a QR code, a typed code, or the address that stands
 * on a label printed on site, whose fragment is the QR text (core/label-url.h).
 */

#include "core/label.h"

#define LABEL_SCAN_MAX 480 /* bytes of what is scanned */

/* True for a text that is meant as a GH1 label, right or wrong: it is no short code. */
bool label_is_scan(struct span text);
/* As label_read(). */
int label_scan(
	struct span text, const char *ep, struct label *ret_label, enum label_verdict *ret_verdict);
