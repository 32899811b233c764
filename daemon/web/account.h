/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One's own sessions: where one is logged in, and ending that. */

#include <stdbool.h>

struct request;

/* Answers the forms of the screen; their token has been checked. False when it is none of them. */
bool account_post(struct request *request);
