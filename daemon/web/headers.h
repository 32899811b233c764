/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The header fields of every answer of the page: what a browser may and may not do with it. */

#include <microhttpd.h>

void headers_add(struct MHD_Response *response);
