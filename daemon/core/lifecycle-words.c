/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The words of a device's life: the names of its values for the contracts, the API and the log, and
 * the sentence for a person whose request cannot be met. Each such sentence says what the device is
 * and, where there is one, the way that leads on.
 */

#include "core/lifecycle-parts.h"

#include "core/machine-table.h"

static const char *const words[DEVICE_WORDS] = {
	[DEVICE_PENDING] = "pending",
	[DEVICE_APPROVED] = "approved",
	[DEVICE_REJECTED] = "rejected",
	[DEVICE_SUSPENDED] = "suspended",
	[DEVICE_REVOKED] = "revoked",
};

static const char *const stages[STAGES] = {
	[STAGE_SEEN] = "seen",
	[STAGE_WAITING_PERSON] = "waiting-person",
	[STAGE_WAITING_CODE] = "waiting-code",
	[STAGE_WAITING_PLATFORM] = "waiting-platform",
	[STAGE_ACTIVE] = "active",
	[STAGE_EXPIRED] = "expired",
	[STAGE_TROUBLE] = "trouble",
	[STAGE_REJECTED] = "rejected",
	[STAGE_SUSPENDED] = "suspended",
	[STAGE_REVOKED] = "revoked",
	[STAGE_BLOCKED] = "blocked",
};

static const char *const events[LIFE_EVENTS] = {
	[LIFE_ASKED] = "asked",
	[LIFE_ADMIT] = "admit",
	[LIFE_APPROVE] = "approve",
	[LIFE_REJECT] = "reject",
	[LIFE_SUSPEND] = "suspend",
	[LIFE_RESUME] = "resume",
	[LIFE_REVOKE] = "revoke",
	[LIFE_RELEASE] = "release",
	[LIFE_BLOCK] = "block",
	[LIFE_UNBLOCK] = "unblock",
	[LIFE_DRIVER_PROGRESS] = "driver-progress",
	[LIFE_DRIVER_CODE] = "driver-code",
	[LIFE_DRIVER_ISSUED] = "driver-issued",
	[LIFE_DRIVER_BOUND] = "driver-bound",
	[LIFE_DRIVER_REJECTED] = "driver-rejected",
	[LIFE_DRIVER_EXPIRED] = "driver-expired",
	[LIFE_DRIVER_REFUSED] = "driver-refused",
	[LIFE_DRIVER_FAILED_RETRY] = "driver-failed-retry",
	[LIFE_DRIVER_FAILED_FINAL] = "driver-failed-final",
	[LIFE_DRIVER_LEAK] = "driver-leak",
	[LIFE_REVOKED_UPSTREAM] = "revoked-upstream",
	[LIFE_OPERATION_LAPSED] = "operation-lapsed",
	[LIFE_RENEW_DUE] = "renew-due",
	[LIFE_CREDENTIAL_LAPSED] = "credential-lapsed",
	[LIFE_LINK_RETRY] = "link-retry",
	[LIFE_LINK_UP] = "link-up",
	[LIFE_LINK_LOST] = "link-lost",
	[LIFE_LINK_REFUSED] = "link-refused",
	[LIFE_LINK_TAKEN_OVER] = "link-taken-over",
	[LIFE_RESTARTED] = "restarted",
};

#define NOT_SUSPENDED "It is not suspended."
#define NOT_BLOCKED   "It is not blocked."

/* Only where a request is refused whatever the other machines say; the rest is in why_admitted().
 */
static const char *const whys[LIFE_UNBLOCK + 1][ADMISSION_STATES] = {
	[LIFE_ADMIT] =
		{
			[ADMISSION_SUSPENDED] = "It is suspended: resume it instead.",
			[ADMISSION_BLOCKED] = "It is blocked: unblock it first.",
		},
	[LIFE_APPROVE] =
		{
			[ADMISSION_SUSPENDED] = "It is suspended: resume it instead.",
			[ADMISSION_BLOCKED] = "It is blocked: unblock it first.",
		},
	[LIFE_REJECT] =
		{
			[ADMISSION_ADMITTED] = "It is approved already: revoke it instead.",
			[ADMISSION_REJECTED] = "It is rejected already.",
			[ADMISSION_SUSPENDED] = "It is suspended: revoke it instead.",
			[ADMISSION_REVOKED] = "It is revoked already.",
			[ADMISSION_BLOCKED] = "It is blocked already.",
		},
	[LIFE_SUSPEND] =
		{
			[ADMISSION_SIGHTED] = "It is not admitted: there is nothing to suspend.",
			[ADMISSION_PENDING] = "It is not admitted: there is nothing to suspend.",
			[ADMISSION_REJECTED] = "It is rejected: there is nothing to suspend.",
			[ADMISSION_SUSPENDED] = "It is suspended already.",
			[ADMISSION_REVOKED] = "It is revoked: there is nothing to suspend.",
			[ADMISSION_BLOCKED] = "It is blocked: there is nothing to suspend.",
		},
	[LIFE_RESUME] =
		{
			[ADMISSION_SIGHTED] = NOT_SUSPENDED,
			[ADMISSION_PENDING] = NOT_SUSPENDED,
			[ADMISSION_ADMITTED] = NOT_SUSPENDED,
			[ADMISSION_REJECTED] = NOT_SUSPENDED,
			[ADMISSION_REVOKED] = "It is revoked: admit it again instead.",
			[ADMISSION_BLOCKED] = "It is blocked: unblock it first.",
		},
	[LIFE_REVOKE] =
		{
			[ADMISSION_SIGHTED] = "It is not admitted: reject it instead.",
			[ADMISSION_PENDING] = "It is not admitted: reject it instead.",
			[ADMISSION_REJECTED] = "It is rejected: there is nothing to revoke.",
			[ADMISSION_REVOKED] = "It is revoked already.",
			[ADMISSION_BLOCKED] = "It is blocked: there is nothing to revoke.",
		},
	[LIFE_RELEASE] =
		{
			[ADMISSION_SIGHTED] = "It is not admitted: there is nothing to release.",
			[ADMISSION_PENDING] = "It is not admitted: there is nothing to release.",
			[ADMISSION_BLOCKED] = "It is blocked: unblock it first.",
		},
	[LIFE_BLOCK] =
		{
			[ADMISSION_BLOCKED] = "It is blocked already.",
		},
	[LIFE_UNBLOCK] =
		{
			[ADMISSION_SIGHTED] = NOT_BLOCKED,
			[ADMISSION_PENDING] = NOT_BLOCKED,
			[ADMISSION_ADMITTED] = NOT_BLOCKED,
			[ADMISSION_REJECTED] = NOT_BLOCKED,
			[ADMISSION_SUSPENDED] = NOT_BLOCKED,
			[ADMISSION_REVOKED] = NOT_BLOCKED,
		},
};

/* An admission or approval of what is admitted: the operation or the credential is in the way. */
static const char *why_admitted(const struct lifecycle *life, enum life_event event)
{
	switch (life->operation) {
	case OPERATION_OPENING:
	case OPERATION_AWAITING:
		return event == LIFE_ADMIT ? "It is admitted already and waits for its approval."
					   : "It is approved already and waits for the platform.";
	case OPERATION_ISSUED:
		return "It is approved already and waits for the platform.";
	case OPERATION_NONE:
	case OPERATION_BOUND:
	case OPERATION_REJECTED:
	case OPERATION_EXPIRED:
	case OPERATION_FAILED:
	case OPERATION_STATES:
		break;
	}
	return life->credential == CREDENTIAL_EXPIRED
		       ? "It is admitted already and its expired credential is being renewed."
		       : "It is active already.";
}

const char *lifecycle_why(const struct lifecycle *life, enum life_event event)
{
	if (life->admission == ADMISSION_ADMITTED && (event == LIFE_ADMIT || event == LIFE_APPROVE))
		return why_admitted(life, event);
	return whys[event][life->admission];
}

bool life_event_is_request(enum life_event event)
{
	return event > LIFE_ASKED && event <= LIFE_UNBLOCK;
}

const char *device_word_to_string(enum device_word word)
{
	return machine_word(words, ELEMENTS(words), word);
}

const char *device_stage_to_string(enum device_stage stage)
{
	return machine_word(stages, ELEMENTS(stages), stage);
}

const char *life_event_to_string(enum life_event event)
{
	return machine_word(events, ELEMENTS(events), event);
}
