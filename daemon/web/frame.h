/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What stands around every screen: head, bar, notice. A page that reloads itself gets the inside
 * alone. */

#include "web/page.h"

void frame_begin(struct view *view, const char *title, bool bare);
void frame_end(struct view *view, bool bare);
