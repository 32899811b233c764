/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Live streams (text/event-stream, WHATWG HTML section 9.2): the page and the tool listen to
 * /api/v1/events and ask again when they are told to.
 *
 * What waits for a reader is not a queue of messages but the set of kinds of news since the last
 * one, so it has one fixed size however slow the reader is. News is held back for a moment, so that
 * a burst becomes one event. A reader that takes nothing for half a minute is cut. A stream ends
 * with its session, and does not count as activity.
 */

#include <stdbool.h>

#include "web/web-parts.h"

struct streams;

int streams_new(struct web *web, struct streams **ret);
/* Ends all; call it before the ports are closed. */
struct streams *streams_free(struct streams *streams);
/* The answer to a GET of the events: the caller may listen (the API said so). Answers 429 when
 * there are too many. */
void stream_begin(struct streams *streams, struct request *request);
/* Sessions have ended: their streams go at once. */
void streams_sessions_ended(struct streams *streams);
unsigned streams_count(const struct streams *streams);
