/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Small drawings in the markup: the policy of the page allows no others. */

enum icon {
	ICON_WAITING,
	ICON_DEVICES,
	ICON_UPLINK,
	ICON_JOURNAL,
	ICON_PEOPLE,
	ICON_GATE,
	ICON_ALARM,
	ICON_WINDOW,
	ICON_LEAVE,
	ICON_SHOW,
	ICON_HIDE,
	ICONS
};

struct html;

void icon_put(struct html *html, enum icon icon);
