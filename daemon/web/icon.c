/* SPDX-License-Identifier: Apache-2.0 */
/* All on a grid of 24, drawn with lines in the colour of the text around them. */

#include "web/icon.h"

#include "web/html.h"

#define EYE                                                                                       \
	"M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9a3 3 0 1 0 0 6 " \
	"3 3 0 0 0 0-6z"

static const char *const path[ICONS] = {
	[ICON_WAITING] = "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
	[ICON_DEVICES] = "M7 3h10v18H7zM10.5 17.5h3M10 7h4M10 10h4",
	[ICON_UPLINK] = ("M7 18a4.5 4.5 0 0 1-.6-8.96 6 6 0 0 1 11.5 1.5A3.8 3.8 0 0 1 17.5 18"
			 "M12 20v-8M9 14.5l3-3 3 3"),
	[ICON_JOURNAL] = "M6 3h12v18H6zM9 8h6M9 12h6M9 16h3",
	[ICON_PEOPLE] = "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5a7.5 7.5 0 0 1 15 0",
	[ICON_GATE] = "M3 21V8l4-4 4 4v13M13 21V8l4-4 4 4v13M3 12h18M3 16h18",
	[ICON_ALARM] = "M12 4 2.5 20h19zM12 10v4.5M12 17.2v.1",
	[ICON_WINDOW] = "M12 4v16M4 12h16",
	[ICON_LEAVE] = "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
	[ICON_SHOW] = EYE,
	[ICON_HIDE] = EYE "M4 4l16 16",
};

void icon_put(struct html *html, enum icon icon)
{
	html_put(html,
		"<svg class=\"icon\" viewBox=\"0 0 24 24\" width=\"24\" height=\"24\" "
		"aria-hidden=\"true\" focusable=\"false\"><path d=\"%s\"/></svg>",
		path[icon]);
}
