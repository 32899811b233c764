/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One's own sessions: where one is logged in, and ending that. */

#include <stdbool.h>

struct request;
struct session;

/* Somebody does something in this session: by which browser, and from where. In memory alone. */
void account_note(const struct request *request, struct session *session);

/* Answers the forms of the screen; their token has been checked. False when it is none of them. */
bool account_post(struct request *request);
