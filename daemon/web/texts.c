/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the page says, in one place, for whoever improves or translates it. An error says what
 * happened, what was kept and what to do; an empty list says what to do next.
 */

#include "web/texts.h"

static const char *const texts[TEXTS] = {
	[TEXT_SKIP] = "Skip to the content",
	[TEXT_SCREENS] = "Screens",
	[TEXT_LOG_OUT] = "Log out",
	[TEXT_LOGIN] = "Log in",
	[TEXT_LOGIN_BUTTON] = "Log in",
	[TEXT_LOGIN_NAME] = "Name",
	[TEXT_PASSWORD] = "Password",
	[TEXT_PASSWORD_AGAIN] = "Your password, once more",
	[TEXT_PASSWORD_TWICE] = "The password a second time",
	[TEXT_PASSWORD_RULE] =
		"At least 15 characters. A sentence that only you know is good; pasting "
		"from a password manager works.",
	[TEXT_NEW_PASSWORD] = "New password",
	[TEXT_NEW_PASSWORD_OR_EMPTY] = "New password (empty: stays as it is)",
	[TEXT_PASSWORDS_DIFFER] =
		"The two passwords are not the same. Nothing was set up; type both again.",
	[TEXT_PASSWORD_NEEDED] =
		"This needs your password once more. Nothing was changed; type it and try "
		"again.",
	[TEXT_WRONG_PASSWORD] = "The password is not right. Nothing was changed.",
	[TEXT_TOO_MANY_SESSIONS] = "Too many people are logged in. Try again in a few minutes.",
	[TEXT_OLD_FORM] =
		"The form belongs to an older session. Nothing was changed. Load the page "
		"again.",
	[TEXT_NO_METHOD] = "This method is not used here.",
	[TEXT_CROSS_SITE] = "The request did not come from this page. Nothing was changed.",
	[TEXT_NO_FORM] = "Forms are expected here. Nothing was changed.",
	[TEXT_BAD_FORM] =
		"The form holds something that is no text, or too much. Nothing was changed.",
	[TEXT_BAD_ADDRESS] = "The address holds something that is no text.",
	[TEXT_LOG_IN_FIRST] = "Log in first.",
	[TEXT_SETUP] = "Set up this gateway",
	[TEXT_SETUP_BUTTON] = "Create the first administrator",
	[TEXT_SETUP_CODE] = "Setup code",
	[TEXT_SETUP_WHAT] =
		"Nobody can log in yet. On the gateway itself, as root, run this command; "
		"it prints a setup code that works once:",
	[TEXT_SETUP_NOT_ON_LINK] =
		"Set-up is open to machines on the same network only. Connect to the "
		"gateway's own network and try again.",
	[TEXT_FINGERPRINT] = "Fingerprint of this page's certificate",
	[TEXT_FINGERPRINT_WHAT] =
		"Compare it with the one that gatehousectl setup prints. When they differ, "
		"somebody stands between you and the gateway: stop.",
	[TEXT_SESSION_TITLE] = "Are you still there?",
	[TEXT_SESSION_ENDS] =
		"You will be logged out in less than two minutes. What you typed stays here.",
	[TEXT_SESSION_ENDED] = "You were logged out, because nothing happened for a while. What "
			       "you typed is kept: "
			       "log in here and go on.",
	[TEXT_GATEWAY_AWAY] = "The gateway does not answer since",
	[TEXT_GATEWAY_AWAY_WHAT] =
		"What you see is from before; what you typed is kept. It is tried again all the "
		"time: look at the gateway's power and your network.",
	[TEXT_NEW_HERE] = "New:",
	[TEXT_STAY] = "Stay logged in",
	[TEXT_NOT_READY] = "The gateway is not ready yet. Nothing was changed. Try again in a few "
			   "seconds.",
	[TEXT_REFUSED] = "The gateway refused that. Nothing was changed.",
	[TEXT_FAILED] = "That did not work",
	[TEXT_GO_TO_WAITING] = "Go to Waiting",
	[TEXT_NO_PAGE] = "There is no such page.",
	[TEXT_NOT_YOUR_ROLE] =
		"Your role does not allow this page. An administrator can change it.",
	[TEXT_NOT_A_NUMBER] = "A number was expected. Nothing was changed.",
	[TEXT_BAD_NAME] = "A name has 1 to 32 small letters, digits, dots, hyphens or underscores. "
			  "Nothing was changed.",
	[TEXT_WAITING] = "Waiting",
	[TEXT_DEVICES] = "Devices",
	[TEXT_DEVICE] = "Device",
	[TEXT_UPLINK] = "Uplink",
	[TEXT_JOURNAL] = "Journal",
	[TEXT_PEOPLE] = "People",
	[TEXT_WINDOW] = "Adding devices",
	[TEXT_WINDOW_IS_OPEN] = "New devices can come in. The window closes in",
	[TEXT_WINDOW_IS_CLOSED] =
		"No new device can come in now. Open the window, then switch the device on.",
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
	[TEXT_WAITING_DEVICES] = "Devices that wait",
	[TEXT_NOBODY_WAITS] = "Nothing waits for you",
	[TEXT_NOBODY_WAITS_OPEN] =
		"The window is open: switch the new device on now. It appears here by "
		"itself.",
	[TEXT_NOBODY_WAITS_CLOSED] =
		"To add a device, open the window above and switch the device on.",
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
	[TEXT_CODE_ON_LABEL] = "Type the code on its label",
	[TEXT_CODE_ON_DISPLAY] = "Type the code on its display",
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
	[TEXT_NONE_FOUND] = "No device fits",
	[TEXT_NONE_FOUND_WHAT] = "Search for less, or choose All states.",
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
	[TEXT_BROKER] = "Broker",
	[TEXT_INTERFACES] = "Interfaces",
	[TEXT_INTERFACES_WHAT] = "Here the gateway listens to devices (lan.interfaces).",
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
	[TEXT_CLOCK_UNSURE] = "clock not synchronised",
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
	[TEXT_ROLE] = "Role",
	[TEXT_YOU] = "you",
	[TEXT_CREATED] = "Since",
	[TEXT_CHANGE] = "Change",
	[TEXT_WHO_MAY_LOG_IN] = "Who may log in",
	[TEXT_NEW_PERSON] = "Somebody new",
	[TEXT_ADD_PERSON] = "Add",
	[TEXT_DROP_PERSON] = "Remove this person",
	[TEXT_DROP_PERSON_WHAT] =
		"Logs this person out everywhere and removes the name. The journal keeps "
		"what was done.",
	[TEXT_HISTORY] = "What was done",
	[TEXT_IN_THE_JOURNAL] = "All of it, in the journal",
	[TEXT_NO_HISTORY] = "Nothing was done to it yet.",
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
	[TEXT_NO_ROW_FITS_WHAT] = "Search for less: names and actions are compared as a whole.",
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
	[TEXT_CODES_TITLE] = "Codes of labels",
	[TEXT_TOKENS_FILE] = "A file of tokens",
	[TEXT_TOKENS_FILE_WHAT] =
		"Of any length, with one device in each line; the first line says what they are. "
		"All of it is taken, or nothing. Files of certificates are imported by the tool; "
		"one certificate is pasted on the screen of its device.",
	[TEXT_CODES_WHAT] = "From the maker of the devices: a name and its code in each line. "
			    "Whoever has a label's key proves it; codes are kept as keys alone.",
	[TEXT_IMPORT_BY_TOOL] = "Without scripts a file is imported by the tool:",
	[TEXT_CSV_FILE] = "A file",
	[TEXT_CSV_PASTED] = "Or the lines, pasted",
	[TEXT_IMPORT_PROGRESS] = "Sent so far",
	[TEXT_IMPORT_BUTTON] = "Import",
	[TEXT_NO_CODES] = "No label is known yet.",
	[TEXT_CODES_KNOWN] = "labels are known",
	[TEXT_MORE_BY_TOOL] = "more: the tool lists all of them,",
	[TEXT_ACCOUNT] = "Your account",
	[TEXT_THIS_SESSION] = "This window",
	[TEXT_OTHER_SESSION] = "Another browser",
	[TEXT_LOGGED_IN] = "Logged in",
	[TEXT_LAST_USED] = "Last used",
	[TEXT_END_SESSION] = "Log out there",
	[TEXT_OWN_SESSIONS] = "Where you are logged in",
	[TEXT_CHANGE_PASSWORD] = "Change your password",
	[TEXT_CHANGE_PASSWORD_WHAT] =
		"All your sessions end, this one too: you log in with the new "
		"password.",
	[TEXT_DONE_SESSION_END] = "That session has ended.",
	[TEXT_DONE_PASSWORD] = "Your password is changed. Log in with it.",
	[TEXT_SCAN] = "Scan",
	[TEXT_SCAN_TITLE] = "Hold the code before the camera",
	[TEXT_SCAN_STOP] = "Stop",
	[TEXT_SCAN_DENIED] = "The camera cannot be used here. Type it, or paste it.",
	[TEXT_SCAN_IS_LABEL] = "This is the label of a device, not a token.",
	[TEXT_SCAN_NO_CAMERA] =
		"This browser cannot read codes with its camera. Type the token, or paste it.",
	[TEXT_LABEL_KEPT] = "A label was scanned, of",
	[TEXT_LABEL_KEPT_WHAT] =
		"Take it in now: it may come within 24 hours and proves its label by itself. Or "
		"open the window and approve it here when it has come.",
	[TEXT_LABEL_TAKE] = "Take it in",
	[TEXT_IMPORT_EMPTY] = "There is no line to import.",
	[TEXT_IMPORT_LINE] = "Line",
	[TEXT_IMPORT_FIELDS] = "does not have the columns that are named above",
	[TEXT_IMPORT_FAILED] = "Nothing was imported.",
	[TEXT_IMPORT_DONE] = "All of it is imported:",
	[TEXT_EXPORTING] = "Rows so far:",
	[TEXT_EXPORTED] = "Saved. Rows:",
	[TEXT_IMPORT_AWAY] = "The gateway did not answer. Nothing was imported; try again.",
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
	[TEXT_DONE_PERSON_PUT] = "Saved. Older sessions of this person have ended.",
	[TEXT_DONE_PERSON_DROP] = "The person is removed.",
	[TEXT_TOKENS] = "Tokens",
	[TEXT_IMPORT_TOKENS] = "Paste a few lines",
	[TEXT_IMPORT_TOKENS_WHAT] =
		"One line for each device: the name that it calls itself, a comma, its token. The "
		"first line says what they are: ep,pt (provisioning tokens), ep,key (keys of "
		"Azure) or ep,username,password (at a broker). All lines are taken or none. A "
		"token replaces an earlier one of the same name; none "
		"is ever shown again. For more than a few hundred use gatehousectl tokens import.",
	[TEXT_IMPORT] = "Import",
	[TEXT_LINES] = "Lines",
	[TEXT_LINE] = "Line",
	[TEXT_LINES_REFUSED] = "Nothing was imported: some lines cannot be taken. They are listed "
			       "below; paste all of it again.",
	[TEXT_NO_LINES] = "Nothing was imported: there is no token in it.",
	[TEXT_NO_TOKENS] = "No token was imported yet.",
	[TEXT_NO_TOKENS_WHAT] =
		"A device of a platform with tokens can be admitted once its token is here.",
	[TEXT_TOKEN] = "Provisioning token",
	[TEXT_TOKEN_REFUSED] = "This token cannot be taken. Nothing was changed.",
	[TEXT_REPLACE_TOKEN] = "Replace its provisioning token",
	[TEXT_REPLACE_TOKEN_WHAT] = "Type, paste or scan the new one. It replaces the one that is "
				    "kept, and is not shown "
				    "again. A device that waits for it goes on by itself.",
	[TEXT_DONE_TOKENS] = "The token is saved.",
	[TEXT_OPERATOR_TOKEN] = "An operator's token",
	[TEXT_OPERATOR_TOKEN_FIELD] = "The operator's token",
	[TEXT_OPERATOR_TOKEN_WHAT] =
		"With a token of an operator at Spotflow, and spotflow.workspace configured, an "
		"approval here is also the one there. It is sealed and never shown again.",
	[TEXT_OPERATOR_TOKEN_NONE] = "There is none: devices are approved at the platform.",
	[TEXT_OPERATOR_TOKEN_SINCE] = "Kept since",
	[TEXT_OPERATOR_TOKEN_SEAL] = "Seal it",
	[TEXT_OPERATOR_TOKEN_REPLACE] = "Replace it",
	[TEXT_OPERATOR_TOKEN_DROP] = "Delete it",
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
	[TEXT_SCAN_MANY] = "Scan labels first",
	[TEXT_SCAN_MANY_WHAT] = "One after the other, before the devices have power. Each label "
				"opens a way in for its own device alone, for 24 hours; the device "
				"comes in by itself when it proves its label.",
	[TEXT_SCAN_LABEL] = "A label: its code, or the address on it",
	[TEXT_SCAN_TAKE] = "Take this label",
	[TEXT_SCAN_SHARED] = "Place and owner, for all that follow",
	[TEXT_SCAN_CAMERA] = "Scan with the camera",
	[TEXT_SCANNED_HERE] = "Scanned here",
	[TEXT_SCANNED_COUNT] = "labels scanned, of them in:",
	[TEXT_SCAN_IN] = "is in",
	[TEXT_SCAN_WAITS] = "waits for its device",
	[TEXT_SCAN_AGAIN] = "was scanned already",
	[TEXT_SCAN_AWAY] =
		"The gateway did not answer. The label is still in the field; try again.",
	[TEXT_SCAN_OPEN] = "Labels that wait for their devices",
	[TEXT_SCAN_NONE] = "No label waits",
	[TEXT_SCAN_NONE_WHAT] = "Scan the first one above.",
	[TEXT_SCAN_CANCEL] = "Do not wait for it",
	[TEXT_SCAN_SINCE] = "scanned by",
	[TEXT_SCAN_LEFT] = "for another",
	[TEXT_DONE_SCAN] = "The label is taken.",
	[TEXT_DONE_SCAN_CANCEL] = "It is not waited for any more.",
	[TEXT_CERTIFICATE] = "Certificate (SHA‑256)",
	[TEXT_CAS] = "Authorities of devices",
	[TEXT_CA_DEVICES] = "Devices that came in with a certificate:",
	[TEXT_CA_LIST] = "Whose certificates are taken",
	[TEXT_CA_ADMIT] = "A device that shows its certificate for the first time",
	[TEXT_CA_ADMIT_WHAT] =
		"Either a person decides on each device here, as on any other, or the authority's "
		"word is enough: then its devices are in as soon as they connect.",
	[TEXT_CA_BY] = "Registered by",
	[TEXT_CA_FILE] = "a file in the gateway's ca.d",
	[TEXT_CA_ENDS] = "Ends",
	[TEXT_CA_REGISTER] = "Register an authority",
	[TEXT_CA_REGISTER_WHAT] =
		"From the maker of the devices. Compare its fingerprint with what the maker says. "
		"The same certificate once more changes what its word is worth.",
	[TEXT_CA_REGISTER_BUTTON] = "Register",
	[TEXT_CA_PEM] = "Its certificate, in PEM",
	[TEXT_CA_NAME] = "What you call it (may be empty)",
	[TEXT_CA_WITHDRAW] = "Withdraw it",
	[TEXT_CA_WITHDRAW_WHAT] =
		"At once nobody comes in with its certificates any more: whoever has a session by "
		"one loses it.",
	[TEXT_SITE_CA] = "Certificates for devices that have none",
	[TEXT_SITE_CA_WHAT] =
		"The gateway issues a certificate to each device that goes to a platform which "
		"knows it by one. Register this authority at the platform: its key never leaves "
		"the gateway.",
	[TEXT_SITE_CA_DOWNLOAD] = "Download its certificate",
	[TEXT_NO_SITE_CA] = "The site has no authority of its own",
	[TEXT_NO_SITE_CA_WHAT] =
		"Only a platform that knows devices by certificates needs one: gatehousectl "
		"site-ca make.",
	[TEXT_NEXT_CERTIFICATE] = "Its next certificate, not in use yet",
	[TEXT_BEGINS] = "Good from",
	[TEXT_NO_CAS] = "No authority is registered",
	[TEXT_NO_CAS_WHAT] = "Devices come in with the key of a label, or without a proof.",
	[TEXT_DONE_CA] = "The authority is registered.",
	[TEXT_DONE_CA_WITHDRAW] = "The authority is withdrawn.",
	[TEXT_KEY] = "Key of its enrolment (base64)",
	[TEXT_USERNAME] = "User name",
	[TEXT_IDENTITY] = "Certificate and private key, in PEM",
	[TEXT_REPLACE_KEY] = "Replace its key or certificate",
	[TEXT_REPLACE_LOGIN] = "Replace its credential",
	[TEXT_REPLACE_LOGIN_WHAT] =
		"Another user name and password at the broker. They replace what is kept, and are "
		"not shown again.",
	[TEXT_REPLACE_IDENTITY_WHAT] =
		"Or a certificate and its private key, one below the other. They are not shown "
		"again, either.",
	[TEXT_ADD_BY_ADDRESS] = "It does not appear? Look at an address",
};

const char *text(enum text id)
{
	return texts[id];
}
