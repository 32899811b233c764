/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* AvahiPoll on sd-event. Free the Avahi client first, then this. */

#include <avahi-common/watch.h>
#include <systemd/sd-event.h>

struct avahi_poll;

int avahi_poll_new(sd_event *loop, struct avahi_poll **ret);
/* Watches and time-outs that are still there go with it. */
struct avahi_poll *avahi_poll_free(struct avahi_poll *poll);
/* Lives as long as the adapter. */
const AvahiPoll *avahi_poll_get(const struct avahi_poll *poll);
