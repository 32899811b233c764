/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What stands in the QR code of a label: the factory's text, or, on a label that is printed on
 * site, the address of the page with that text as its fragment:
 *
 *   https://gateway.local:8443/scan#GH1:sensor-1:000G40R40M30E209185GR38E1WJB
 *
 * A fragment never leaves the browser by itself, so the code is in no log of a web server.
 */

#include "core/label.h"

#define LABEL_URL_SIZE 512

/* From a code in either form, as label_read() takes it, to the text of the QR code. -EINVAL when it
 * is not the code of 'ep', -EIO. */
int label_code_to_qr(struct span code, const char *ep, char ret_qr[LABEL_QR_SIZE]);
/* The address 'page' with the QR text behind it; what an address cannot hold is escaped. -EMSGSIZE.
 */
int label_write_url(const char *page, const char *qr, char ret_url[LABEL_URL_SIZE]);
