/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is there, and what stands around every screen: login, set-up, sessions, people, and what is
 * refused before a screen is asked.
 */

#include "web/texts-parts.h"

const char *const texts_person[TEXTS] = {
	[TEXT_SKIP] = "Skip to the content",
	[TEXT_SCREENS] = "Screens",
	[TEXT_LOG_OUT] = "Log out",
	[TEXT_LOGIN] = "Log in",
	[TEXT_LOGIN_BUTTON] = "Log in",
	[TEXT_LOGIN_NAME] = "Name",
	[TEXT_PASSWORD] = "Password",
	[TEXT_PASSWORD_AGAIN] = "Your own password, once more",
	[TEXT_SHOW_PASSWORD] = "Show the password",
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
	[TEXT_TOO_MANY_SCREENS] =
		"Too many screens are listening. Close some, or load this one again "
		"later.",
	[TEXT_NOT_LIVE] = "This screen does not renew itself now.",
	[TEXT_OLD_FORM] =
		"The form belongs to an older session. Nothing was changed. Load the page "
		"again.",
	[TEXT_OLD_FORM_AGAIN] =
		"This form was of an older session: somebody has logged in anew since. Nothing was "
		"changed. Look at it, and send it once more; passwords, codes and tokens are typed "
		"again.",
	[TEXT_TYPED_AGAIN] = "You are logged in, and nothing was changed yet. Look at it, and send "
			     "it once more; "
			     "passwords, codes and tokens are typed again.",
	[TEXT_NO_METHOD] = "This method is not used here.",
	[TEXT_CROSS_SITE] = "The request did not come from this page. Nothing was changed.",
	[TEXT_NO_FORM] = "Forms are expected here. Nothing was changed.",
	[TEXT_BAD_FORM] =
		"The form holds something that is no text, or too much. Nothing was changed.",
	[TEXT_BAD_ADDRESS] = "The address holds something that is no text.",
	[TEXT_BODY_TOO_LARGE] = "The request is too large.",
	[TEXT_HEADER_TOO_LARGE] = "The header fields are too large.",
	[TEXT_BAD_JSON] = "The body must be one JSON object without repeated keys, sent as "
			  "application/json.",
	[TEXT_NO_CSRF] = "The field X-CSRF-Token does not hold this session's token. Nothing was "
			 "changed.",
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
	[TEXT_LOGGED_OUT] =
		"You were logged out before this was sent, so nothing was changed. Log in, and you "
		"are where you were; what you typed is there, passwords, codes and tokens "
		"excepted.",
	[TEXT_SESSION_OVER] = "You were logged out",
	[TEXT_SESSION_ENDED] = "What you typed is kept: log in here and go on.",
	[TEXT_SESSION_AWAY] = "The gateway did not answer. Try again.",
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
	[TEXT_ACCOUNT] = "Your account",
	[TEXT_A_BROWSER] = "A browser",
	[TEXT_BROWSER_ON] = "on",
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
	[TEXT_DONE_PERSON_PUT] = "Saved. Older sessions of this person have ended.",
	[TEXT_DONE_PERSON_DROP] = "The person is removed.",
};
