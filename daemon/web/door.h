/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* /api/v1/ as JSON over HTTP: for programs on the page's port (session and token) and for the tool
 * on the control socket (who asks is known by the kernel). */

#include "web/request.h"

#define DOOR_EVENTS "/api/v1/events" /* answered by a stream: stream.h */

void door_begin(struct request *request);
