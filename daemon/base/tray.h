/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mail that a turn of the loop has for another thread, posted in one piece when the turn is over:
 * one lock and one wake-up for all of it, and the other thread finds a batch instead of its first
 * part. Whoever owns the tray posts it before anything that must come behind it, and in a prepare
 * callback (sd_event_source_set_prepare()), which runs before the loop sleeps.
 */

#include <systemd/sd-event.h>

#include "base/mailbox.h"

struct mail_tray {
	sd_event *loop; /* borrowed */
	struct mailbox *box;
	struct mail *first, *last;
};

/* The loop's thread only, both. Outside of a dispatch mail_tray_add() posts at once: nobody would
 * come by before the loop sleeps. */
void mail_tray_add(struct mail_tray *tray, struct mail *mail);
void mail_tray_post(struct mail_tray *tray);
