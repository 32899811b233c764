/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What an act changes in a device's record beyond its event: names, the person and the evidence, a
 * label that was proved, the tries at a code. It is applied when the act's turn has come, to the
 * record as it is then: what was looked at when the act came in may be over, and the act is refused
 * with the reason.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "host/act.h"

static void wrong_code(struct device_record *next)
{
	/* Who is asked may have answered wrongly itself: asked once more, it can put that right.
	 * Who comes by itself does so with its next proof. */
	if (next->is_server)
		next->kept_proof[0] = '\0';
	next->code_tries++;
	next->code_locked = next->code_tries >= CODE_TRIES_MAX;
}

static void labels(struct device_record *next, const struct act_edit *edit)
{
	if (edit->has_name)
		memcpy(next->name, edit->name, sizeof(next->name));
	if (edit->has_place)
		memcpy(next->place, edit->place, sizeof(next->place));
	if (edit->has_owner)
		memcpy(next->owner, edit->owner, sizeof(next->owner));
}

static int right_code(struct device_record *next, const char **ret_why)
{
	/* It was right, but others were typed while it waited for its turn. */
	if (next->code_locked) {
		*ret_why = "Its code is void after five wrong tries.";
		return -EACCES;
	}
	next->code_tries = 0;
	return 0;
}

static int code_here(struct device_record *next, const struct act_edit *edit, const char **ret_why)
{
	next->code_here = edit->code_here;
	if (!device_code_is_here(next)) {
		*ret_why = "This code is over; the next one comes with the next operation.";
		return -ESTALE;
	}
	/* Where the platform approves, nothing is typed here: this is the evidence then. */
	if (next->evidence == EVIDENCE_NONE)
		next->evidence = EVIDENCE_SHOWN_BY_GATEWAY;
	return 0;
}

static int claimed(struct device_record *next, const struct act_edit *edit, const char **ret_why)
{
	if (!strcmp(next->proved_label, edit->claimed))
		return 0;
	if (!device_address_same_host(&next->address, &edit->claimed_from)) {
		*ret_why = "It moved meanwhile. Scan its label again.";
		return -ESTALE;
	}
	if (next->trust > TRUST_CLAIMED) {
		*ret_why = "It proved something else meanwhile. Scan the label again.";
		return -ESTALE;
	}
	next->trust = TRUST_CLAIMED;
	memcpy(next->proved_label, edit->claimed, sizeof(next->proved_label));
	next->kept_proof[0] = '\0';
	return 0;
}

static void decided(struct device_record *next, const struct act_edit *edit)
{
	next->released = edit->releases;
	memcpy(next->decided_by, edit->decided_by, sizeof(next->decided_by));
	next->evidence = edit->evidence;
	next->decided_at = edit->now;
}

int act_edit_apply(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct act_edit *edit = argument;
	int r;

	if (edit->wrong_code) {
		wrong_code(next);
		return 0;
	}
	r = act_edit_platform(next, edit, ret_why);
	if (r < 0)
		return r;
	labels(next, edit);
	if (edit->unlock || edit->code_over) {
		next->code_locked = false;
		next->code_tries = 0;
	}
	if (edit->right_code)
		r = right_code(next, ret_why);
	if (r >= 0 && edit->code_here)
		r = code_here(next, edit, ret_why);
	if (r >= 0 && edit->claimed[0])
		r = claimed(next, edit, ret_why);
	if (r < 0)
		return r;
	if (edit->releases)
		next->fingerprint[0] = '\0';
	if (edit->decides)
		decided(next, edit);
	return 0;
}

void act_edit_init(const struct act *act, struct act_edit *ret_edit)
{
	*ret_edit = (struct act_edit){.has_name = act->has_name,
		.has_place = act->has_place,
		.has_owner = act->has_owner,
		.now = clock_wall_msec()};
	memcpy(ret_edit->name, act->name, sizeof(ret_edit->name));
	memcpy(ret_edit->place, act->place, sizeof(ret_edit->place));
	memcpy(ret_edit->owner, act->owner, sizeof(ret_edit->owner));
	memcpy(ret_edit->platform, act->platform, sizeof(ret_edit->platform));
	snprintf(ret_edit->decided_by, sizeof(ret_edit->decided_by), "%s", act->who);
}
