/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No Strict-Transport-Security: with a certificate that no authority signed it would lock people
 * out after the next one is made.
 */

#include "web/headers.h"

#include <stddef.h>

#include "base/cleanup.h"

static const struct {
	const char *name;
	const char *value;
} field[] = {
	{"Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
		"connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
		"frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(self)"},
	{"Cache-Control", "no-store"},
};

void headers_add(struct MHD_Response *response)
{
	for (size_t i = 0; i < ELEMENTS(field); i++)
		MHD_add_response_header(response, field[i].name, field[i].value);
}
