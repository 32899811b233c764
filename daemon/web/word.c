/* SPDX-License-Identifier: Apache-2.0 */
/* One table. A word that is missing here is shown as it is: a newer API does not break the page. */

#include "web/word.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

static const struct word words[] = {
	{WORD_STAGE, "waiting-person", "●", "Waits for a decision", "wait",
		"It asked to come in. A technician decides on it here."},
	{WORD_STAGE, "waiting-code", "●", "Waits for its code", "wait",
		"It is admitted, and waits for its code to be typed here."},
	{WORD_STAGE, "waiting-platform", "◌", "Waits for the platform", "wait",
		"It is admitted. The platform has not answered yet."},
	{WORD_STAGE, "active", "✓", "Active", "good", ""},
	{WORD_STAGE, "expired", "↻", "Being renewed", "wait",
		"Its credential ended and is being renewed. Readings are kept."},
	{WORD_STAGE, "trouble", "!", "Needs a person", "bad",
		"The platform refused it or its last try failed."},
	{WORD_STAGE, "seen", "○", "Seen", "off", "It was found, and has not asked to come in."},
	{WORD_STAGE, "suspended", "❚❚", "Suspended", "off", "Its readings are not taken."},
	{WORD_STAGE, "rejected", "✕", "Rejected", "off",
		"It was refused, here or at the platform. It stays out until somebody lets it in."},
	{WORD_STAGE, "revoked", "✕", "Revoked", "bad", "Nothing of it is passed on any more."},
	{WORD_STAGE, "blocked", "⊘", "Blocked", "bad",
		"It stays out, whatever it asks, until somebody unblocks it."},
	{WORD_TRUST, "plain", "○", "Plain", "",
		"Not encrypted. Its name is bound to its address, nothing proves it."},
	{WORD_TRUST, "claimed", "◔", "Claimed", "",
		"Its label proved it once; readings are plain."},
	{WORD_TRUST, "psk", "◑", "Shared key", "", "Encrypted and proved by a key of its own."},
	{WORD_TRUST, "cert", "●", "Certificate", "", "Encrypted and proved by its certificate."},
	{WORD_TRUST, "oscore", "●", "OSCORE", "", "Protected from end to end."},
	{WORD_FOUND, "enrol", "", "It enrolled itself", "", ""},
	{WORD_FOUND, "mdns", "", "Found on the network (mDNS)", "", ""},
	{WORD_FOUND, "multicast", "", "Answered a multicast", "", ""},
	{WORD_FOUND, "rd", "", "Registered itself", "", ""},
	{WORD_FOUND, "address", "", "Added by its address", "", ""},
	{WORD_FOUND, "import", "", "Imported", "", ""},
	{WORD_LINK, "up", "✓", "Connected", "good", ""},
	{WORD_LINK, "connecting", "◌", "Connecting", "wait", ""},
	{WORD_LINK, "down", "✕", "Not connected", "bad", ""},
	{WORD_LINK, "refused", "⊘", "Refused", "bad", ""},
	{WORD_WAY, "idle", "–", "No device yet", "", ""},
	{WORD_WAY, "up", "✓", "Connected", "good", ""},
	{WORD_WAY, "partly", "!", "Some are not connected", "bad", ""},
	{WORD_WAY, "connecting", "◌", "Connecting", "wait", ""},
	{WORD_WAY, "down", "✕", "Not connected", "bad", ""},
	{WORD_WAY, "refused", "⊘", "Refused", "bad", ""},
	{WORD_REACH, "answers", "✓", "Answers", "good", ""},
	{WORD_REACH, "connected", "✓", "Connected", "good", ""},
	{WORD_REACH, "refused", "⊘", "Refused", "bad", ""},
	{WORD_REACH, "unresolved", "✕", "Name not known", "bad", ""},
	{WORD_REACH, "unreachable", "✕", "Not reached", "bad", ""},
	{WORD_REACH, "late", "✕", "No answer", "bad", ""},
	{WORD_REACH, "untrusted", "⊘", "Not trusted", "bad", ""},
	{WORD_REACH, "no-tls", "⊘", "No TLS", "bad", ""},
	{WORD_REACH, "no-anchors", "⊘", "Not trusted", "bad", ""},
	{WORD_REACH, "failed", "✕", "Failed", "bad", ""},
	{WORD_EVIDENCE, "none", "", "", "", ""},
	{WORD_EVIDENCE, "no-code", "", "no code", "", ""},
	{WORD_EVIDENCE, "short-code", "", "short code typed", "", ""},
	{WORD_EVIDENCE, "display-code", "", "code from its display", "", ""},
	{WORD_EVIDENCE, "shown-by-gateway", "", "code shown by the gateway", "", ""},
	{WORD_EVIDENCE, "label", "", "label scanned", "", ""},
	{WORD_EVIDENCE, "policy", "", "policy", "", ""},
	{WORD_AWAY, "window-closed", "", "The window was closed", "", ""},
	{WORD_AWAY, "wrong-interface", "", "Came in on another interface", "", ""},
	{WORD_AWAY, "handshake", "", "A DTLS handshake with a wrong key", "", ""},
	{WORD_AWAY, "certificate", "", "A certificate that is not taken", "", ""},
	{WORD_AWAY, "no-echo", "", "Did not answer our check of its address", "", ""},
	{WORD_AWAY, "malformed", "", "Not understood", "", ""},
	{WORD_AWAY, "name-conflict", "", "A name that another device has", "", ""},
	{WORD_AWAY, "not-approved", "", "A reading without approval", "", ""},
	{WORD_AWAY, "blocked", "", "Blocked", "", ""},
	{WORD_AWAY, "over-limit", "", "Too many at once", "", ""},
	{WORD_AWAY, "over-rate", "", "Too fast", "", ""},
	{WORD_AWAY, "wrong-proof", "", "Another label", "", ""},
	{WORD_AWAY, "plain-refused", "", "Unencrypted, which is refused here", "", ""},
	{WORD_AWAY, "store-full", "", "No room to keep the reading", "", ""},
	{WORD_AWAY, "format", "", "A format that is not known here", "", ""},
	{WORD_LOST, "revoked", "", "Dropped with its revoked device", "", ""},
	{WORD_LOST, "refused", "", "Refused by the platform", "", ""},
	{WORD_LOST, "too-old", "", "Too old to be kept", "", ""},
	{WORD_LOST, "for-room", "", "Made room for newer ones", "", ""},
	{WORD_LOST, "not-stored", "", "Could not be stored", "", ""},
	{WORD_LOST, "missing", "", "Lost by a fault of the disk", "", ""},
	{WORD_COMMAND, "waiting", "◌", "Waits for the device", "wait", ""},
	{WORD_COMMAND, "done", "✓", "Done", "good", ""},
	{WORD_COMMAND, "failed", "✕", "The device could not do it", "bad", ""},
	{WORD_COMMAND, "given-up", "!", "Not done", "bad", ""},
	{WORD_LABEL, "heard", "◔", "Heard, has not proved its label yet", "wait", ""},
	{WORD_LABEL, "unheard", "○", "Not heard yet: switch it on", "off", ""},
	{WORD_ADMIT, "person", "●", "A person decides", "",
		"each of its devices waits for a decision here"},
	{WORD_ADMIT, "auto", "✓", "Its word is enough", "wait",
		"each of its devices is in when it first connects"},
	{WORD_CREDENTIAL, "none", "", "None", "", ""},
	{WORD_CREDENTIAL, "held", "", "Held here", "", ""},
	{WORD_CREDENTIAL, "renewing", "", "Held here, and being renewed", "", ""},
	{WORD_CREDENTIAL, "refused", "", "Refused by the platform", "", ""},
	{WORD_CREDENTIAL, "expired", "", "Ended, and being renewed", "", ""},
	{WORD_OPERATION, "none", "", "None", "", ""},
	{WORD_OPERATION, "opening", "", "Being opened at the platform", "", ""},
	{WORD_OPERATION, "awaiting", "", "Waits for the platform's approval", "", ""},
	{WORD_OPERATION, "issued", "", "Credential issued", "", ""},
	{WORD_OPERATION, "bound", "", "Complete", "", ""},
	{WORD_OPERATION, "rejected", "", "Rejected at the platform", "", ""},
	{WORD_OPERATION, "expired", "", "Ran out of time", "", ""},
	{WORD_OPERATION, "failed", "", "Failed", "", ""},
	{WORD_DURABILITY, "power", "", "Acknowledged once it is on the disk", "", ""},
	{WORD_DURABILITY, "process", "", "Acknowledged early: a power cut takes some", "", ""},
	{WORD_DURABILITY, "memory", "", "Acknowledged early: a crash or a power cut takes some", "",
		""},
	{WORD_ROLE, "viewer", "", "Viewer", "", "sees states, changes nothing"},
	{WORD_ROLE, "technician", "", "Technician", "", "admits, approves, suspends devices"},
	{WORD_ROLE, "admin", "", "Administrator", "", "all of that, people and the journal"},
};

const struct word *word_find(enum word_kind kind, const char *word)
{
	for (size_t i = 0; i < ELEMENTS(words); i++)
		if (words[i].kind == kind && strcmp(words[i].word, word) == 0)
			return &words[i];
	return NULL;
}

const char *word_label(enum word_kind kind, const char *word)
{
	const struct word *found = word_find(kind, word);

	return found ? found->label : word;
}

const struct word *word_at(enum word_kind kind, unsigned index)
{
	for (size_t i = 0; i < ELEMENTS(words); i++)
		if (words[i].kind == kind && index-- == 0)
			return &words[i];
	return NULL;
}
