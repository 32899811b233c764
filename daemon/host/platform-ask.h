/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Questions to a platform by MQTT, over the gateway's own session: published to one topic, answered
 * on another by a message that holds the question's mark. A platform that does not answer is asked
 * no second time from here: who asked decides that.
 */

#include "host/host.h"

struct platform_ask;
/* result 0 with the answer's body, -ETIMEDOUT after 10 s, -ENOTCONN when the session was lost. */
typedef void (*platform_asked_fn)(void *userdata, int result, struct span body);

/* done never runs before this returns. -ENOTCONN without a session, -ENOMEM, or as
 * upstream_publish(). */
int platform_ask_send(struct host *host, const struct platform_request *request,
	platform_asked_fn done, void *userdata, struct platform_ask **ret);
/* done does not run any more. NULL. */
struct platform_ask *platform_ask_cancel(struct platform_ask *ask);
/* A message on a topic of the broker itself: somebody's answer, or nobody's. */
void platform_ask_on_message(struct host *host, const struct uplink_inbound *inbound);
void platform_asks_lost(struct host *host);
