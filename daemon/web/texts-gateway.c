/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway: the way out, the queue, the journal. */

#include "web/texts-parts.h"

const char *const texts_gateway[TEXTS] = {
	[TEXT_BROKER] = "Broker",
	[TEXT_INTERFACES] = "Interfaces",
	[TEXT_INTERFACES_WHAT] = "Here the gateway listens to devices (lan.interfaces).",
	[TEXT_INTERFACES_YOURS] =
		"You came by this one. The others stand on Uplink, for who is logged in.",
	[TEXT_INTERFACES_OTHER] =
		"You came by another one. Those for devices stand on Uplink, for who is logged in.",
	[TEXT_INTERFACE_MISSING] = "is not there: correct the configuration, or connect it.",
	[TEXT_INTERFACE_DOWN] = "is switched off.",
	[TEXT_INTERFACE_BARE] = "has no address.",
	[TEXT_WAYS] = "Platforms",
	[TEXT_WAY_NOWHERE] = "Where it is, is not configured.",
	[TEXT_WAY_DEVICES] = "devices connected",
	[TEXT_WAY_REFUSED] = "refused",
	[TEXT_TEST] = "Link test",
	[TEXT_TEST_WHAT] =
		"Knocks wherever readings go: is the name known, does somebody answer, is the "
		"certificate trusted. Nothing is sent.",
	[TEXT_TEST_LAST] = "Last done",
	[TEXT_TEST_BUTTON] = "Test it now",
	[TEXT_DONE_TEST] = "Tested.",
	[TEXT_SINCE] = "Since",
	[TEXT_LINK_IS_TRIED] =
		"Readings are kept, and it is tried again by itself. If it stays so, look at the "
		"network and the broker's address; the test below says how far it comes.",
	[TEXT_NO_UPLINK] = "No broker is configured",
	[TEXT_NO_UPLINK_WHAT] =
		"Devices of a cloud that connect by themselves do not need one: whether they "
		"are connected is on the screen Devices. Readings of all others are kept; to "
		"pass them on, set mqtt.host in the configuration and reload the service.",
	[TEXT_QUEUE] = "Queue",
	[TEXT_DURABILITY] = "Durability",
	[TEXT_ROOM_FOR] = "Room for an outage of",
	[TEXT_ROOM_UNKNOWN] = "not known yet: too little came in",
	[TEXT_OLDEST] = "Oldest",
	[TEXT_IN_FLIGHT] = "Under way",
	[TEXT_ACCEPTED] = "Accepted since start",
	[TEXT_DELIVERED] = "Delivered",
	[TEXT_REFUSED_UPSTREAM] = "Refused upstream",
	[TEXT_DEAD] = "Given up",
	[TEXT_DROPPED] = "Dropped",
	[TEXT_GATEWAY] = "Gateway",
	[TEXT_ID] = "Name",
	[TEXT_VERSION] = "Version",
	[TEXT_RUNNING_SINCE] = "Running since",
	[TEXT_CLOCK] = "Clock",
	[TEXT_CLOCK_STATE] = "Clock is",
	[TEXT_CLOCK_SYNCED] = "synchronised",
	[TEXT_CLOCK_UNSYNCED] = "not synchronised: times may be wrong",
	[TEXT_CLOCK_UNSURE] = "clock not synchronised:",
	[TEXT_CLOCK_MARK] = "≈",
	[TEXT_CLOCK_MARK_WHAT] = "before a time: the clock of the gateway was not synchronised "
				 "then, so this time may "
				 "be wrong. The order of the rows is right.",
	[TEXT_KEY_SOURCE] = "Key from",
	[TEXT_DISCOVERY] = "Discovery",
	[TEXT_ROWS_WRITTEN] = "Rows",
	[TEXT_ROWS] = "rows",
	[TEXT_CHAIN_HEAD] = "Head of the chain",
	[TEXT_WHO] = "Who",
	[TEXT_ACTION] = "Action",
	[TEXT_OBJECT] = "Object",
	[TEXT_RESULT] = "Result",
	[TEXT_VIA] = "Via",
	[TEXT_NUMBER_TIME] = "Number, time",
	[TEXT_OLDER] = "Older",
	[TEXT_NO_ROWS] = "The journal has no older rows",
	[TEXT_NO_ROWS_WHAT] = "Every decision is written here before it takes effect.",
	[TEXT_HISTORY] = "What was done",
	[TEXT_IN_THE_JOURNAL] = "All of it, in the journal",
	[TEXT_NO_HISTORY] = "Nothing was done to it yet.",
	[TEXT_DONE_AT] = "Done, at",
	[TEXT_DEVICE_GONE] = "not here any more",
	[TEXT_BY] = "by",
	[TEXT_SHEET] = "Hand-over sheet",
	[TEXT_AS_OF] = "As of",
	[TEXT_PRINT] = "Print",
	[TEXT_AS_CSV] = "Save as a table (CSV)",
	[TEXT_SAVE_TABLE] = "Save it",
	[TEXT_EXPORT_WHAT] =
		"All rows that are looked for below, not only those that are shown. Names of "
		"people and what they did leave the gateway with them.",
	[TEXT_NO_ROW_FITS] = "No row fits",
	[TEXT_NO_ROW_FITS_WHAT] =
		"A name and an action have to be typed whole. An action is searched for by the "
		"gateway's own word for it: choose it from the list.",
	[TEXT_CHAIN] = "The journal's chain",
	[TEXT_CHECK_CHAIN] = "Check the chain now",
	[TEXT_CHAIN_INTACT] = "The journal is whole: every row fits the one before it.",
	[TEXT_CHAIN_BROKEN] = "A row of the journal was changed, or is missing. Keep a copy of "
			      "the state directory, and find out who could write there.",
	[TEXT_FIRST_BAD] = "First row that does not fit",
	[TEXT_LOSSES] = "Comes in, and was lost",
	[TEXT_RATE] = "Comes in",
	[TEXT_KIB_PER_HOUR] = "KiB an hour",
	[TEXT_WAITING_MOST] = "Devices with most waiting",
	[TEXT_QUOTA] = "Of its share",
	[TEXT_QUOTA_WHAT] = "One device may have waiting at present:",
	[TEXT_QUOTA_MORE] =
		"The fuller the queue, the less. A device that has its share keeps what is new "
		"itself until there is room.",
	[TEXT_NOTHING_QUEUED] = "Nothing waits: what comes in goes out at once.",
	[TEXT_GAPS] = "Given up, and not told yet",
	[TEXT_LETTERS] = "Put aside",
	[TEXT_LETTERS_WHAT] = "The platform will never take these readings. It was told that they "
			      "are missing.",
};
