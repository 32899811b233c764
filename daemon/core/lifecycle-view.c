/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a device and a person see of the four machines. The first row that fits:
 *
 *   admission   operation    credential            word (device)   stage (person)
 *   sighted     any          any                   pending         seen
 *   pending     any          any                   pending         waiting-person
 *   rejected    any          any                   rejected        rejected
 *   suspended   any          any                   suspended       suspended
 *   revoked     any          any                   revoked         revoked
 *   blocked     any          any                   rejected        blocked
 *   admitted    opening      any                   *               waiting-platform
 *   admitted    awaiting     any                   *               waiting-code, or
 * waiting-platform once approved here admitted    issued       any                   *
 * waiting-platform admitted    any other    held, renewing        approved        active admitted
 * any other    expired               approved        expired admitted    any other    refused
 * approved        trouble admitted    any other    none                  pending         trouble
 *
 * (*) pending for a device that never was bound. One that was, and whose credential could not be
 * renewed, stays approved while a new operation runs: its readings are taken and wait.
 */

#include "core/lifecycle.h"

static bool life_was_bound(const struct lifecycle *life)
{
	return life->credential != CREDENTIAL_NONE &&
	       (life->operation == OPERATION_BOUND || life->platform_id[0] != '\0');
}

static enum device_stage stage_of_credential(enum credential_state credential)
{
	switch (credential) {
	case CREDENTIAL_HELD:
	case CREDENTIAL_RENEWING:
		return STAGE_ACTIVE;
	case CREDENTIAL_EXPIRED:
		return STAGE_EXPIRED;
	case CREDENTIAL_REFUSED:
	case CREDENTIAL_NONE:
	case CREDENTIAL_STATES:
		break;
	}
	return STAGE_TROUBLE;
}

static enum device_stage stage_of_admitted(const struct lifecycle *life)
{
	switch (life->operation) {
	case OPERATION_AWAITING:
		return life->operation_approved ? STAGE_WAITING_PLATFORM : STAGE_WAITING_CODE;
	case OPERATION_OPENING:
	case OPERATION_ISSUED:
		return STAGE_WAITING_PLATFORM;
	case OPERATION_NONE:
	case OPERATION_BOUND:
	case OPERATION_REJECTED:
	case OPERATION_EXPIRED:
	case OPERATION_FAILED:
	case OPERATION_STATES:
		break;
	}
	return stage_of_credential(life->credential);
}

void lifecycle_describe(
	const struct lifecycle *life, enum device_word *ret_word, enum device_stage *ret_stage)
{
	static const struct {
		enum device_word word;
		enum device_stage stage;
	} seen[ADMISSION_STATES] = {
		[ADMISSION_SIGHTED] = {DEVICE_PENDING, STAGE_SEEN},
		[ADMISSION_PENDING] = {DEVICE_PENDING, STAGE_WAITING_PERSON},
		[ADMISSION_REJECTED] = {DEVICE_REJECTED, STAGE_REJECTED},
		[ADMISSION_SUSPENDED] = {DEVICE_SUSPENDED, STAGE_SUSPENDED},
		[ADMISSION_REVOKED] = {DEVICE_REVOKED, STAGE_REVOKED},
		[ADMISSION_BLOCKED] = {DEVICE_REJECTED, STAGE_BLOCKED},
	};

	if (life->admission == ADMISSION_ADMITTED) {
		*ret_word = life_was_bound(life) ? DEVICE_APPROVED : DEVICE_PENDING;
		*ret_stage = stage_of_admitted(life);
		return;
	}
	*ret_word = seen[life->admission].word;
	*ret_stage = seen[life->admission].stage;
}

bool lifecycle_may_report(const struct lifecycle *life)
{
	return life->admission == ADMISSION_ADMITTED && life_was_bound(life);
}

bool lifecycle_may_publish(const struct lifecycle *life, int64_t now)
{
	return life->admission == ADMISSION_ADMITTED && life->operation == OPERATION_BOUND &&
	       credential_is_usable(life->credential) &&
	       (life->credential_expires == 0 || now < life->credential_expires);
}
