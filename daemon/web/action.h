/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the page's forms do. One table: the form's address, the API's call, the fields that go
 * along. After it the browser is sent (303) to the screen that the form stood on, which shows what
 * happened; after an error that screen is shown with what was typed.
 */

#include "web/request.h"

/* A POST whose form has been read and whose token fits. */
void action_begin(struct request *request);
/* The screen on which the form of this path stands, with this sentence and what the form holds;
 * nothing is done. False when there is no such form: nothing is answered then. */
bool action_show(struct request *request, unsigned status, const char *sentence);
