/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Alarms: id, sentence, remedy, raised, cleared. One table of kinds; at most one active alarm for
 * each (kind, subject). */

#include <stdbool.h>
#include <stdint.h>

enum alarm_kind {
	ALARM_LEAK, /* subject: device id */
	ALARM_CREDENTIAL_REFUSED,
	ALARM_OPERATION_FAILED,
	ALARM_NAME_CONFLICT,
	ALARM_CODE_LOCKED,
	ALARM_OUTBOX_FULL,
	ALARM_CONTROL_FULL,
	ALARM_UPLINK_REFUSED,
	ALARM_UPLINK_DOWN, /* for more than 15 minutes */
	ALARM_DISCOVERY_LOST,
	ALARM_OUTBOX_SET_ASIDE,
	ALARM_CLOCK_UNSYNCED,
	ALARM_TOKEN_IN_CLEAR, /* a device sent its provisioning token unprotected; subject: its name
			       */
	ALARM_KEY_WEAKER,
	ALARM_PT_REFUSED,	 /* subject: device id */
	ALARM_PLATFORM_DISABLED, /* subject: platform */
	ALARM_SHARED_TOKEN,	 /* subject: platform */
	ALARM_OUTBOX_SHARE,	 /* subject: device id */
	ALARM_NOT_LET_IN,	 /* subject: device id */
	ALARM_NOT_DURABLE,	 /* subject: outbox.durability */
	ALARM_NOT_WITHDRAWN,	 /* subject: device id */
	ALARM_SITE_CA_ENDS,	 /* subject: the day */
	ALARM_CERTIFICATE_WAITS, /* subject: device id */
	ALARM_ENDS_SOON,	 /* subject: device id */
	ALARM_UPLINK_TAKEN_OVER, /* subject: the client id */
	ALARMS
};

struct alarm_row {
	const char *id;	      /* "name-conflict" */
	const char *sentence; /* what happened, %s = subject */
	const char *remedy;   /* what to do */
	bool clears_itself;   /* cleared when the cause is gone; otherwise a person clears it */
	unsigned at_most;     /* active ones of this kind; 0 = as many as there is room for */
	bool about_device;    /* the subject is the id of a device; or was: it may be forgotten */
};
const struct alarm_row *alarm_row(enum alarm_kind kind);
int alarm_kind_from_string(const char *id, enum alarm_kind *ret_kind);

struct alarm {
	enum alarm_kind kind;
	char subject[65];
	int64_t raised;	 /* wall milliseconds */
	int64_t cleared; /* 0 = active */
	uint32_t times;	 /* raised again while active */
};

#define ALARMS_ACTIVE_MAX 128
struct alarms {
	struct alarm active[ALARMS_ACTIVE_MAX];
	unsigned count;
};
/* True when it is new (the caller logs, audits and saves it); false when it was active already
 * (counted), its kind has its most, or the table is full of others (the oldest self-clearing one
 * goes first). */
bool alarms_raise(struct alarms *alarms, enum alarm_kind kind, const char *subject, int64_t now,
	struct alarm *ret_alarm);
/* True when it was active. */
bool alarms_clear(struct alarms *alarms, enum alarm_kind kind, const char *subject, int64_t now,
	struct alarm *ret_alarm);
/* The sentence with its subject; ret_text of at least 256 bytes. */
const char *alarm_sentence(const struct alarm *alarm, char *ret_text);
/* The same with what people call the subject; 64 bytes of it. */
const char *alarm_sentence_about(const struct alarm *alarm, const char *whom, char *ret_text);
