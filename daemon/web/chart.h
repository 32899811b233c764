/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Curves of recent readings. Both draw nothing when there is nothing. */

#include "web/page.h"

/* The last value with its unit, and a small curve: of the API's "recent". */
void draw_spark(struct view *view, const json_t *recent);
/* One of the API's "series", with its numbers. */
void draw_chart(struct view *view, const json_t *series);
