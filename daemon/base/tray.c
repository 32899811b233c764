/* SPDX-License-Identifier: Apache-2.0 */

#include "base/tray.h"

#include <stddef.h>

void mail_tray_add(struct mail_tray *tray, struct mail *mail)
{
	mail->next = NULL;
	if (tray->first)
		tray->last->next = mail;
	else
		tray->first = mail;
	tray->last = mail;
	if (sd_event_get_state(tray->loop) != SD_EVENT_RUNNING)
		mail_tray_post(tray);
}

void mail_tray_post(struct mail_tray *tray)
{
	struct mail *first = tray->first;

	if (!first)
		return;
	tray->first = NULL;
	mailbox_push_chain(tray->box, first, tray->last);
}
