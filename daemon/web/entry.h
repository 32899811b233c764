/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The ways in and out: set-up, login, logout; and the session that stands for a login. */

#include "web/request.h"

/* True when the request is for one of them; it is answered now or later. */
bool entry_get(struct request *request);
bool entry_post(struct request *request);

/* From the API's {"name","role"}: begins a session and puts its cookie into the answer to come; an
 * older session of this browser ends. -EBUSY when there is no room for one, -EINVAL when the answer
 * is not as agreed. */
int entry_begin_session(struct request *request, json_t *person, struct session **ret_session);
/* False when this is the set-up and the peer is not on a network of ours. */
bool entry_may_set_up(const struct request *request);
