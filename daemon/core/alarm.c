/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What deserves an alarm, and the short list of those that are active. The list is unsorted and
 * small; an alarm is found by (kind, subject). History is the store's: it gets every alarm that is
 * raised or cleared.
 */

#include "core/alarm.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "core/device.h"

#define SENTENCE_SIZE 256
/* What any host on the LAN can raise must not take the room of all the rest. */
#define FROM_LAN_MAX 32

static const struct alarm_row table[ALARMS] = {
	[ALARM_LEAK] = {"leak",
		"The identity of %s may be in other hands: its token was refused before its end, "
		"its "
		"session was taken over, or somebody else closed its operation.",
		"If it was revoked on purpose, admit it again. Otherwise find out who has its "
		"token, make a new one, revoke the device and onboard it again.",
		false, 0, true},
	[ALARM_CREDENTIAL_REFUSED] = {"credential-refused",
		"The platform refuses the credential of %s.",
		"Check the device at the platform; revoke it and onboard it again if it should "
		"send.",
		true, 0, true},
	[ALARM_OPERATION_FAILED] = {"operation-failed", "The platform did not take on %s.",
		"See what it said (gatehousectl show, or the screen of the device), then approve "
		"the device again.",
		true, 0, true},
	[ALARM_NAME_CONFLICT] = {"name-conflict",
		"A second device claims the name of %s; the first one keeps it.",
		"Give the newcomer a name of its own. If it is the same device at a new address, "
		"revoke it, or release it and let it enrol again.",
		false, FROM_LAN_MAX, true},
	[ALARM_CODE_LOCKED] = {"code-locked", "Too many wrong codes for %s; its code is void.",
		"Make sure that the right device was meant; an administrator can unlock the code.",
		true, 0, true},
	[ALARM_OUTBOX_FULL] = {"outbox-full", "The outbox is full; readings are put off.",
		"Bring the uplink back. Free the disk where that is full, or raise "
		"outbox.max_bytes where it is not.",
		true, 0, false},
	[ALARM_CONTROL_FULL] = {"control-full",
		"The disk is full; decisions about devices cannot be saved.",
		"Free space on the file system of gateway.state_directory.", true, 0, false},
	[ALARM_UPLINK_REFUSED] = {"uplink-refused", "The broker refuses the gateway's connection.",
		"Check the password file and the certificate, then reload; another mqtt.username "
		"needs a restart.",
		true, 0, false},
	[ALARM_UPLINK_TAKEN_OVER] = {"uplink-taken-over",
		"Somebody else connected to the broker as %s, in the place of this gateway.",
		"Look for a second gateway with this gateway.id, or a copy of this one, and stop "
		"it. If there is none, its password or certificate is in other hands: replace it.",
		false, 0, false},
	[ALARM_UPLINK_DOWN] = {"uplink-down",
		"There has been no connection to the broker for more than 15 minutes.",
		"Check the network and mqtt.host. Readings are kept meanwhile.", true, 0, false},
	[ALARM_DISCOVERY_LOST] = {"discovery-lost",
		"Devices cannot be found by mDNS: the Avahi daemon does not answer.",
		"Start avahi-daemon; devices that are approved go on sending meanwhile.", true, 0,
		false},
	[ALARM_OUTBOX_SET_ASIDE] = {"outbox-set-aside",
		"The outbox was damaged and set aside as %s; readings in it were not sent.",
		"Keep that file for examination; check the disk.", false, 0, false},
	[ALARM_CLOCK_UNSYNCED] = {"clock-unsynced", "The clock of the gateway is not set.",
		"Check its time service (timedatectl); the times of readings are marked until "
		"then.",
		true, 0, false},
	[ALARM_TOKEN_IN_CLEAR] = {"token-in-clear",
		"%s sent its provisioning token over an unprotected connection.",
		"Treat that token as known to others: replace it at the platform and on the "
		"device.",
		false, FROM_LAN_MAX, true},
	[ALARM_KEY_WEAKER] = {"key-weaker",
		"The key that opens the credentials is sealed more weakly than it was.",
		"See gatehousectl key show. Seal it as before (gatehousectl key reseal), and find "
		"out who replaced the credential.",
		true, 0, false},
	[ALARM_PT_REFUSED] = {"pt-refused", "The platform refuses the provisioning token of %s.",
		"Make a new token at the platform and import it; the device goes on only until its "
		"present credential ends.",
		true, 0, true},
	[ALARM_PLATFORM_DISABLED] = {"platform-disabled",
		"The platform %s has disabled the workspace; it serves none of its devices.",
		"Ask the platform's operator. Readings are kept meanwhile.", true, 0, false},
	[ALARM_SHARED_TOKEN] = {"shared-token",
		"All devices of %s share one provisioning token: who revokes it stops all of them.",
		"Import a token for each device and take the shared one out of the configuration.",
		true, 0, false},
	[ALARM_NOT_DURABLE] = {"not-durable",
		"Readings are acknowledged before they are safe: outbox.durability is %s.",
		"Set it to power, unless the site can do without what is lost then.", true, 0,
		false},
	[ALARM_NOT_WITHDRAWN] = {"not-withdrawn",
		"%s has ended here, but its platform has not confirmed it: its credential may "
		"still be taken there.",
		"Bring the uplink back; it is told again until it confirms it. If it refuses, take "
		"the credential away at the platform.",
		true, 0, true},
	[ALARM_OUTBOX_SHARE] = {"outbox-share",
		"%s has its share of the outbox; its readings are put off, others are taken.",
		"Bring the uplink back; look whether the device has to send that much.", true,
		FROM_LAN_MAX, true},
	[ALARM_ENDS_SOON] = {"ends-soon",
		"The certificate that was imported for %s ends soon, and nobody here can renew it.",
		"Import another one, with its key (gatehousectl tokens replace, or on the screen "
		"of the device); it takes the place of the one in use.",
		true, FROM_LAN_MAX, true},
	[ALARM_NOT_LET_IN] = {"not-let-in",
		"The platform ends each connection of %s before its session begins.",
		"Look at its certificate there (its fingerprint is on the page): activate it and "
		"look at its policy, or revoke the device here. Its readings wait.",
		true, FROM_LAN_MAX, true},
	[ALARM_SITE_CA_ENDS] = {"site-ca-ends",
		"The authority of the site ends on %s, and each certificate under it ends then, "
		"too.",
		"Make or import another one (gatehousectl site-ca make --replace) and register it "
		"at the platform before that day: devices get their next certificates under it by "
		"themselves.",
		true, 0, false},
	[ALARM_CERTIFICATE_WAITS] = {"certificate-waits",
		"The next certificate of %s waits at the platform, which does not let it in.",
		"Activate it there: its fingerprint is the operation's id of the device, on the "
		"page and in gatehousectl show. The device goes on with the certificate in use "
		"until that ends.",
		true, FROM_LAN_MAX, true},
};

const struct alarm_row *alarm_row(enum alarm_kind kind)
{
	return (unsigned)kind < ALARMS ? &table[kind] : NULL;
}

int alarm_kind_from_string(const char *id, enum alarm_kind *ret_kind)
{
	for (unsigned i = 0; i < ALARMS; i++)
		if (!strcmp(id, table[i].id)) {
			*ret_kind = (enum alarm_kind)i;
			return 0;
		}
	return -EINVAL;
}

static struct alarm *find(struct alarms *alarms, enum alarm_kind kind, const char *subject)
{
	for (unsigned i = 0; i < alarms->count; i++) {
		struct alarm *alarm = &alarms->active[i];

		if (alarm->kind == kind &&
			!strncmp(alarm->subject, subject, sizeof(alarm->subject) - 1))
			return alarm;
	}
	return NULL;
}

static void drop(struct alarms *alarms, struct alarm *alarm)
{
	*alarm = alarms->active[--alarms->count];
}

static bool kind_is_full(const struct alarms *alarms, enum alarm_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < alarms->count; i++)
		count += alarms->active[i].kind == kind;
	return table[kind].at_most && count >= table[kind].at_most;
}

static bool make_room(struct alarms *alarms)
{
	struct alarm *oldest = NULL;

	if (alarms->count < ALARMS_ACTIVE_MAX)
		return true;
	for (unsigned i = 0; i < alarms->count; i++) {
		struct alarm *alarm = &alarms->active[i];

		if (table[alarm->kind].clears_itself && (!oldest || alarm->raised < oldest->raised))
			oldest = alarm;
	}
	if (!oldest)
		return false;
	drop(alarms, oldest);
	return true;
}

bool alarms_raise(struct alarms *alarms, enum alarm_kind kind, const char *subject, int64_t now,
	struct alarm *ret_alarm)
{
	struct alarm *alarm = find(alarms, kind, subject);

	if (alarm) {
		if (alarm->times < UINT32_MAX)
			alarm->times++;
		return false;
	}
	if (kind_is_full(alarms, kind) || !make_room(alarms))
		return false;
	alarm = &alarms->active[alarms->count++];
	*alarm = (struct alarm){.kind = kind, .raised = now, .times = 1};
	snprintf(alarm->subject, sizeof(alarm->subject), "%s", subject);
	*ret_alarm = *alarm;
	return true;
}

bool alarms_clear(struct alarms *alarms, enum alarm_kind kind, const char *subject, int64_t now,
	struct alarm *ret_alarm)
{
	struct alarm *alarm = find(alarms, kind, subject);

	if (!alarm)
		return false;
	*ret_alarm = *alarm;
	ret_alarm->cleared = now;
	drop(alarms, alarm);
	return true;
}

/* The sentences hold at most one %s, which is not a format: they are put together by hand. */
const char *alarm_sentence(const struct alarm *alarm, char *ret_text)
{
	return alarm_sentence_about(alarm, alarm->subject, ret_text);
}

const char *alarm_sentence_about(const struct alarm *alarm, const char *whom, char *ret_text)
{
	const char *sentence = table[alarm->kind].sentence;
	const char *place = strstr(sentence, "%s");
	char subject[LABEL_MAX + 1];

	if (!place) {
		snprintf(ret_text, SENTENCE_SIZE, "%s", sentence);
		return ret_text;
	}
	span_to_safe_text(span_from_string(whom), subject, sizeof(subject));
	snprintf(ret_text, SENTENCE_SIZE, "%.*s%s%s", (int)(place - sentence), sentence, subject,
		place + 2);
	return ret_text;
}
