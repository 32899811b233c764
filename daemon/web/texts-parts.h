/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The pieces of the one table of texts, a file for each. Each text stands in exactly one of them.
 */

#include "web/texts.h"

extern const char *const texts_person[TEXTS];
extern const char *const texts_device[TEXTS];
extern const char *const texts_gateway[TEXTS];
extern const char *const texts_secret[TEXTS];
