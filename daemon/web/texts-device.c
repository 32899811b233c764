/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: those that wait, one of them, what can be done to it, and what came of it. */

#include "web/texts-parts.h"

const char *const texts_device[TEXTS] = {
	[TEXT_WINDOW] = "Adding devices",
	[TEXT_WINDOW_IS_OPEN] = "New devices can come in. The window closes in",
	[TEXT_WINDOW_IS_CLOSED] =
		"No new device can come in now. Open the window, then switch the device on.",
	[TEXT_WINDOW_IS_CLOSED_LOOK] =
		"No new device can come in now. A technician opens the window for one.",
	[TEXT_OPENED_BY] = "opened by",
	[TEXT_CLOSE_WINDOW] = "Close it now",
	[TEXT_ADD_ADDRESS] = "Its address",
	[TEXT_ADD_NAME] = "Its name, if it says none",
	[TEXT_ADD] = "Look there",
	[TEXT_HOW_LONG] = "For how long",
	[TEXT_ADD_A_DEVICE] = "Add a device",
	[TEXT_ALARMS] = "Alarms",
	[TEXT_TIMES] = "times",
	[TEXT_CLEAR] = "Done, clear it",
	[TEXT_LOOK_AT] = "Look at",
	[TEXT_ENDS_ITSELF] = "ends by itself when its cause is gone",
	[TEXT_WAITING_DEVICES] = "Devices that wait",
	[TEXT_NOBODY_WAITS] = "Nothing waits for you",
	[TEXT_NOBODY_WAITS_OPEN] =
		"The window is open: switch the new device on now. It appears here by "
		"itself.",
	[TEXT_NOBODY_WAITS_CLOSED] =
		"To add a device, open the window above and switch the device on.",
	[TEXT_NOBODY_WAITS_LOOK] =
		"A device that asks while the window is open appears here. A technician decides on "
		"it.",
	[TEXT_MORE_WAIT] = "more devices wait: show them in the list",
	[TEXT_HEARD] = "Heard and turned away",
	[TEXT_NOTHING_HEARD] = "Nothing was turned away in the last 15 minutes.",
	[TEXT_CODE_SHOWN] = "Code of this operation, to be compared at the platform:",
	[TEXT_CODE_LOCKED] =
		"Five wrong codes: its code is void. An administrator can unlock it on the "
		"device's screen, after a look at the device.",
	[TEXT_NO_CODE] =
		"It sent no code and has no display. Compare model, serial and address with the"
		" device in front of you before you approve; the journal will say that "
		"there was no code.",
	[TEXT_CODE_GH1] = "Code of its label, GH1-..., if it has one",
	[TEXT_CODE_ON_LABEL] = "Type the code that its label has",
	[TEXT_CODE_ON_DISPLAY] = "Type the code that its display shows",
	[TEXT_CODE_INSTEAD] = "Code that its display should show:",
	[TEXT_CODE_SHOWN_HERE] = "Type the code that is shown above",
	[TEXT_CODE_SENDING] = "Its code is on its way to the display.",
	[TEXT_CODE_MISSED] =
		"The display was not reached yet; it is tried again. Is the device on? If its "
		"display cannot be read, show the code here: the journal will say so, and it "
		"proves less.",
	[TEXT_SHOW_CODE] = "Show the code here",
	[TEXT_TRIES_LEFT] = "Tries left:",
	[TEXT_LABELS] = "Name, place, owner",
	[TEXT_NAME] = "Name",
	[TEXT_PLACE] = "Place",
	[TEXT_OWNER] = "Owner",
	[TEXT_APPROVE] = "Approve",
	[TEXT_ADMIT] = "Admit",
	[TEXT_IDENTIFY] = "Identify",
	[TEXT_REJECT] = "Reject",
	[TEXT_OWN_NAME] = "Calls itself",
	[TEXT_MODEL] = "Model",
	[TEXT_SERIAL] = "Serial",
	[TEXT_FIRMWARE] = "Firmware",
	[TEXT_ADDRESS] = "Address",
	[TEXT_FOUND] = "Found",
	[TEXT_FIRST_SEEN] = "First seen",
	[TEXT_TRUST] = "Trust",
	[TEXT_STATE] = "State",
	[TEXT_SEARCH] = "Search by name, model, serial or place",
	[TEXT_ALL] = "All",
	[TEXT_FIND] = "Find",
	[TEXT_OF] = "of",
	[TEXT_PREVIOUS] = "Previous",
	[TEXT_NEXT] = "Next",
	[TEXT_NEVER] = "never",
	/* Behind a number; the last one behind a number and its unit. The scripts say them, too. */
	[TEXT_UNIT_DAYS] = "d",
	[TEXT_UNIT_HOURS] = "h",
	[TEXT_UNIT_MINUTES] = "min",
	[TEXT_UNIT_SECONDS] = "s",
	[TEXT_UNIT_AGO] = "ago",
	[TEXT_LAST_READING] = "Last reading",
	[TEXT_LAST_SEEN] = "Last seen",
	[TEXT_RECENT_READINGS] = "Recent readings",
	[TEXT_NO_READINGS] =
		"No number has come in since the gateway started. Once the device is active, its "
		"readings appear here by themselves.",
	[TEXT_AS_NUMBERS] = "As numbers",
	[TEXT_TIME] = "Time",
	[TEXT_VALUE] = "Value",
	[TEXT_NO_DEVICES] = "No device yet",
	[TEXT_NO_DEVICES_WHAT] = "Go to Waiting and press Add a device; then switch the device on.",
	[TEXT_NO_DEVICES_LOOK] = "A technician lets devices in, on Waiting. Then they stand here.",
	[TEXT_NONE_FOUND] = "No device fits",
	[TEXT_NONE_FOUND_WHAT] = "Search for a part of the name, in all states.",
	[TEXT_READINGS] = "Readings",
	[TEXT_QUEUED] = "Readings waiting",
	[TEXT_DECIDED] = "Decided",
	[TEXT_DECIDED_BY] = "Decided by",
	[TEXT_EVIDENCE] = "Evidence",
	[TEXT_PLATFORM] = "Platform",
	[TEXT_UNTIL] = "until",
	[TEXT_SETUP_UPLINK] = "Where readings go is the configuration's to say. More about it:",
	[TEXT_PLATFORM_ID] = "Known there as",
	[TEXT_LINK] = "Link",
	[TEXT_CREDENTIAL] = "Credential",
	[TEXT_HELD_SINCE] = "Held since",
	[TEXT_EXPIRES] = "Expires",
	[TEXT_OPERATION] = "Operation",
	[TEXT_OPERATION_EXPIRES] = "Operation ends",
	[TEXT_SAVE] = "Save",
	[TEXT_ACTS] = "What can be done",
	[TEXT_ALL_DEVICES] = "All devices",
	[TEXT_WHAT_IT_SAYS] = "About this device",
	[TEXT_SUSPEND] = "Suspend",
	[TEXT_SUSPEND_WHAT] = "Readings are refused until somebody resumes it. Nothing is deleted.",
	[TEXT_RESUME] = "Resume",
	[TEXT_RESUME_WHAT] = "Readings are taken again.",
	[TEXT_UNLOCK] = "Unlock the code",
	[TEXT_UNLOCK_WHAT] =
		"Five new tries for its code. Look at the device first: somebody guessed.",
	[TEXT_BLOCK] = "Block",
	[TEXT_BLOCK_WHAT] =
		"It stays out until somebody unblocks it. That it asked is counted on Waiting, and "
		"nothing more.",
	[TEXT_UNBLOCK] = "Unblock",
	[TEXT_UNBLOCK_WHAT] = "It may ask again.",
	[TEXT_REVOKE] = "Revoke",
	[TEXT_REVOKE_WHAT] =
		"Ends its credential. From that moment nothing of it is passed on. It can "
		"come back only by a new decision.",
	[TEXT_RELEASE] = "Release",
	[TEXT_RELEASE_WHAT] =
		"Lets it go to another gateway or owner: credential and code end here.",
	[TEXT_FORGET] = "Forget",
	[TEXT_FORGET_WHAT] =
		"Deletes its record and its waiting readings. The journal keeps what was "
		"done.",
	[TEXT_GRAVE_ACTS] = "End or replace it",
	[TEXT_DONE_APPROVE] = "The device is approved.",
	[TEXT_DONE_ADMIT] = "The device is admitted.",
	[TEXT_DONE_REJECT] = "The device is rejected.",
	[TEXT_DONE_SHOW_CODE] = "Its code is shown here now. The journal says so.",
	[TEXT_DONE_IDENTIFY] = "The device shows itself for a few seconds.",
	[TEXT_DONE_SUSPEND] = "The device is suspended.",
	[TEXT_DONE_RESUME] = "The device is active again.",
	[TEXT_DONE_RENAME] = "Saved.",
	[TEXT_DONE_BLOCK] = "The device is blocked.",
	[TEXT_DONE_UNBLOCK] = "The device may ask again.",
	[TEXT_DONE_UNLOCK] = "There are five new tries for its code.",
	[TEXT_DONE_REVOKE] = "Revoked. Nothing of this device is published any more.",
	[TEXT_DONE_RELEASE] = "The device is released.",
	[TEXT_DONE_FORGET] = "The device is forgotten.",
	[TEXT_DONE_ADD] = "It is there.",
	[TEXT_DONE_WINDOW_OPEN] = "The window is open. Switch the new device on now.",
	[TEXT_DONE_WINDOW_CLOSE] = "The window is closed.",
	[TEXT_DONE_ALARM_CLEAR] = "The alarm is cleared.",
	[TEXT_OPERATION_LEFT] = "Time left for the approval:",
	[TEXT_OPERATION_ID] = "Operation there:",
	[TEXT_OPEN_PLATFORM] = "Approve it at the platform",
	[TEXT_APPROVE_THERE] = "It is admitted here. Now somebody has to approve it at the "
			       "platform: compare the code there.",
	[TEXT_APPROVE_EITHER] = "It is admitted here. Approve it here, which is the approval at "
				"the platform too, or there.",
	[TEXT_CODE_FROM_DISPLAY] = "Read the code from the device's own display.",
	[TEXT_CODE_WHEN_FRESH] =
		"The code of this operation is shown here while your password is fresh: open the "
		"window, or load this page right after a decision.",
	[TEXT_PLATFORM_SAYS] = "The platform, last",
	[TEXT_COMMANDS] = "Commands",
	[TEXT_COMMAND_FROM] = "from",
	[TEXT_COMMAND_PLATFORM] = "the platform",
	[TEXT_COMMAND_LEFT] = "given up in",
	[TEXT_COMMAND_ANSWER] = "It answered:",
	[TEXT_COMMAND_NAME] = "Command",
	[TEXT_COMMAND_ARGS] = "Arguments, as JSON (may be empty)",
	[TEXT_COMMAND_WHAT] =
		"The device takes it when it next listens; a sleeping one after its next reading.",
	[TEXT_COMMAND_SEND] = "Send",
	[TEXT_COMMAND_BAD_ARGS] =
		"The arguments are not JSON. Nothing was sent; what you typed is kept.",
	[TEXT_DONE_COMMAND] = "The command waits for the device.",
	[TEXT_REPLACE] = "Replace",
	[TEXT_REPLACE_WHAT] =
		"The device is broken, and another one is here to take its place: the new one gets "
		"the name, the place, the identity and the history; the credential of the broken "
		"one ends. Approve it then with its own code.",
	[TEXT_REPLACE_NONE] = "To replace it by another one: open the window, switch the new "
			      "device on, and come back here when it waits.",
	[TEXT_REPLACE_WITH] = "The new device",
	[TEXT_DONE_REPLACE] = "Replaced. Approve the new device now.",
	[TEXT_CERTIFICATE] = "Certificate (SHA‑256)",
	[TEXT_ADD_BY_ADDRESS] = "It does not appear? Look at an address",
};
