/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A form that came too late: of an older session, or after the end of one. Nothing is done; what
 * was typed comes back, with its screen or through a log-in.
 */

#include "web/request.h"

struct view;

/* Of another session of this browser: its screen once more, with what was typed. */
void kept_show_again(struct request *request);
/* Nobody is logged in: the log-in, which carries along what was typed. */
void kept_ask_who(struct request *request);
/* <input type="hidden"> of the log-in: what it carries along, if anything. */
void kept_put(struct view *view);
/* Somebody has logged in: the screen of the form that was carried along. False when there is none;
 * nothing is answered then. */
bool kept_come_back(struct request *request);
