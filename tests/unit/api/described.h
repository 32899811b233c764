/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Holds answers against what docs/api/openapi.json says of them. */

#include <jansson.h>

/* Fails the test when the answer is not as described for this call; a call that no route takes must
 * be answered with an error. $GATEHOUSE_SOURCE says where the document is. */
void described_check(const char *method, const char *path, int status, json_t *body);
