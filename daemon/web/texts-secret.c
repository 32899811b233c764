/* SPDX-License-Identifier: Apache-2.0 */
/* What proves somebody: labels and their codes, tokens, authorities. */

#include "web/texts-parts.h"

const char *const texts_secret[TEXTS] = {
	[TEXT_CODES_TITLE] = "Codes of labels",
	[TEXT_TOKENS_FILE] = "A file of tokens",
	[TEXT_TOKENS_FILE_WHAT] =
		"Of any length, with one device in each line; the first line says what they are. "
		"All of it is taken, or nothing. Files of certificates are imported by the tool; "
		"one certificate is pasted on the screen of its device.",
	[TEXT_CODES_WHAT] = "From the maker of the devices: a name and its code in each line. "
			    "A device proves its label by the key that is made of the code; only "
			    "the keys are kept.",
	[TEXT_IMPORT_BY_TOOL] = "Without scripts a file is imported by the tool:",
	[TEXT_CSV_FILE] = "A file",
	[TEXT_CSV_PASTED] = "Or the lines, pasted",
	[TEXT_IMPORT_PROGRESS] = "Sent so far",
	[TEXT_IMPORT_BUTTON] = "Import",
	[TEXT_NO_CODES] = "No label is known yet.",
	[TEXT_CODES_KNOWN] = "labels are known",
	[TEXT_MORE_BY_TOOL] = "more: the tool lists all of them,",
	[TEXT_SCAN] = "Scan",
	[TEXT_SCAN_TITLE] = "Hold the code before the camera",
	[TEXT_SCAN_STOP] = "Stop",
	[TEXT_SCAN_DENIED] = "The camera cannot be used here. Type it, or paste it.",
	[TEXT_SCAN_IS_LABEL] = "This is the label of a device, not a token.",
	[TEXT_SCAN_NO_CAMERA] =
		"This browser cannot read codes with its camera: type it, or paste it.",
	[TEXT_LABEL_KEPT] = "A label was scanned, of",
	[TEXT_LABEL_KEPT_WHAT] =
		"Take it in now: it may come within 24 hours and proves its label by itself. Or "
		"switch it on while the window is open, and approve it here when it has come.",
	[TEXT_LABEL_KEPT_LOOK] =
		"Show the label to a technician, who takes its device in. Here it is forgotten "
		"when this tab is closed.",
	[TEXT_LABEL_FILLED] = "The code of a scanned label is filled in:",
	[TEXT_LABEL_TAKE] = "Take it in",
	[TEXT_IMPORT_EMPTY] = "There is no line to import.",
	[TEXT_IMPORT_LINE] = "Line",
	[TEXT_IMPORT_FIELDS] = "does not have the columns that are named above",
	[TEXT_IMPORT_FAILED] = "Nothing was imported.",
	[TEXT_IMPORT_DONE] = "All of it is imported:",
	[TEXT_EXPORTING] = "Rows so far:",
	[TEXT_EXPORTED] = "Saved. Rows:",
	[TEXT_IMPORT_AWAY] = "The gateway did not answer. Nothing was imported; try again.",
	[TEXT_TOKENS] = "Tokens",
	[TEXT_TOKENS_WHAT] = "What devices prove themselves with at their platforms, and the "
			     "operator's token. None is ever shown.",
	[TEXT_TOKENS_OPEN] = "List and import tokens",
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
	[TEXT_OWN_TOKEN] = "its own, which it brought",
	[TEXT_OWN_TOKEN_SHORT] = "brought by the device",
	[TEXT_TOKEN_REFUSED] = "This token cannot be taken. Nothing was changed.",
	[TEXT_TOKEN_NO_PAIR] = "needs a certificate, and its private key before or behind it",
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
	[TEXT_SCAN_GONE] = "does not wait any more",
	[TEXT_SCAN_AGAIN] = "was scanned already",
	[TEXT_SCAN_AWAY] =
		"The gateway did not answer. The label is still in the field; try again.",
	[TEXT_SCAN_OPEN] = "Labels that wait for their devices",
	[TEXT_SCAN_NONE] = "No label waits",
	[TEXT_SCAN_NONE_WHAT] = "Take the first one above.",
	[TEXT_SCAN_CANCEL] = "Do not wait for it",
	[TEXT_SCAN_SINCE] = "scanned by",
	[TEXT_SCAN_LEFT] = "for another",
	[TEXT_DONE_SCAN] = "The label is taken.",
	[TEXT_DONE_SCAN_CANCEL] = "It is not waited for any more.",
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
	[TEXT_ENDS_IN] = "in",
	[TEXT_CA_REGISTER] = "Register an authority",
	[TEXT_CA_REGISTER_WHAT] =
		"From the maker of the devices. Compare its fingerprint with what the maker says. "
		"To change the choice later, register the same certificate again.",
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
};
