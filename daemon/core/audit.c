/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One row of the audit and its place in the chain. The canonical form must not let two different
 * rows look the same, so every text goes in with its length before it:
 *
 *   "gatehouse audit 1" NUL | number, 8 bytes | time, 8 bytes | clock_synced, 1 byte |
 *   who, role, via, action, object, evidence, result: each 2 bytes of length and its bytes
 *
 * Integers are big-endian. Never change this form: it would break the chain of every gateway. A new
 * form gets a new first text and applies from a row on.
 */

#include "core/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

static const char format_name[] = "gatehouse audit 1"; /* with its NUL */

static const char *const deeds[] = {
	[DEED_ALARM_RAISED - ACTS] = "alarm raised",
	[DEED_ALARM_CLEARED - ACTS] = "alarm cleared",
	[DEED_ENROL - ACTS] = "enrol",
	[DEED_PROOF - ACTS] = "proof",
	[DEED_DOWNGRADE - ACTS] = "downgrade",
	[DEED_MOVE - ACTS] = "move",
	[DEED_BROUGHT - ACTS] = "token",
	[DEED_OPERATION - ACTS] = "operation",
	[DEED_BIND - ACTS] = "bind",
	[DEED_EXPIRE - ACTS] = "expire",
	[DEED_REFUSE - ACTS] = "refuse",
	[DEED_LEAK - ACTS] = "leak",
	[DEED_FAIL - ACTS] = "fail",
	[DEED_RESTORE - ACTS] = "restore",
};

static const enum audit_object objects[AUDIT_ACTIONS] = {
	[ACT_ADMIT] = OBJECT_DEVICE,
	[ACT_APPROVE] = OBJECT_DEVICE,
	[ACT_REJECT] = OBJECT_DEVICE,
	[ACT_SUSPEND] = OBJECT_DEVICE,
	[ACT_RESUME] = OBJECT_DEVICE,
	[ACT_REVOKE] = OBJECT_DEVICE,
	[ACT_RELEASE] = OBJECT_DEVICE,
	[ACT_BLOCK] = OBJECT_DEVICE,
	[ACT_UNBLOCK] = OBJECT_DEVICE,
	[ACT_FORGET] = OBJECT_DEVICE,
	[ACT_RENAME] = OBJECT_DEVICE,
	[ACT_IDENTIFY] = OBJECT_DEVICE,
	[ACT_UNLOCK_CODE] = OBJECT_DEVICE,
	[ACT_SHOW_CODE] = OBJECT_DEVICE,
	[ACT_COMMAND] = OBJECT_DEVICE,
	[ACT_REPLACE] = OBJECT_DEVICE,
	[ACT_EXPORT] = OBJECT_DEVICE,
	[ACT_IMPORT] = OBJECT_DEVICE,
	[ACT_CLEAR_ALARM] = OBJECT_ALARM,
	[DEED_ALARM_RAISED] = OBJECT_ALARM,
	[DEED_ALARM_CLEARED] = OBJECT_ALARM,
	[DEED_ENROL] = OBJECT_DEVICE,
	[DEED_PROOF] = OBJECT_DEVICE,
	[DEED_DOWNGRADE] = OBJECT_DEVICE,
	[DEED_MOVE] = OBJECT_DEVICE,
	[DEED_BROUGHT] = OBJECT_DEVICE,
	[DEED_OPERATION] = OBJECT_DEVICE,
	[DEED_BIND] = OBJECT_DEVICE,
	[DEED_EXPIRE] = OBJECT_DEVICE,
	[DEED_REFUSE] = OBJECT_DEVICE,
	[DEED_LEAK] = OBJECT_DEVICE,
	[DEED_FAIL] = OBJECT_DEVICE,
};

static const char *const results[AUDIT_RESULTS] = {
	[AUDIT_DONE] = "done",
	[AUDIT_REFUSED] = "refused",
	[AUDIT_WRONG_CODE] = "refused: wrong code",
	[AUDIT_CODE_OVER] = "ended: too many wrong codes",
	[AUDIT_NAME_CONFLICT] = "refused: name conflict",
	[AUDIT_UNPROVED] = "refused: this name proves itself",
	[AUDIT_PENDING] = "pending",
	[AUDIT_ANOTHER_CODE] = "another code",
	[AUDIT_BROUGHT] = "brought",
	[AUDIT_SEALED] = "sealed",
	[AUDIT_REPLACED] = "replaced",
	[AUDIT_MOVED] = "bound to its new address",
	[AUDIT_GAVE_WAY] = "takes its place",
	[AUDIT_LABEL_WAITS] = "waits for its device",
	[AUDIT_LABEL_KEPT] = "label kept",
	[AUDIT_LABEL_OVER] = "over: it did not come",
	[AUDIT_EVICTED] = "evicted",
	[AUDIT_ADMITS_PERSON] = "admit = person",
	[AUDIT_ADMITS_AUTO] = "admit = auto",
	[AUDIT_TAKEN_OVER] = "somebody else connected under its identity",
};

#define CANONICAL_MAX (sizeof(format_name) + 17 + sizeof(struct audit_row))

const char *audit_action(unsigned action)
{
	if (action < ACTS)
		return act_kind_to_string((enum act_kind)action);
	return action < AUDIT_ACTIONS ? deeds[action - ACTS] : "unknown";
}

enum audit_object audit_object(const char *action)
{
	for (unsigned i = 0; i < AUDIT_ACTIONS; i++)
		if (!strcmp(audit_action(i), action))
			return objects[i];
	return OBJECT_OTHER;
}

const char *audit_result(enum audit_result result)
{
	return (unsigned)result < AUDIT_RESULTS ? results[result] : "unknown";
}

static void put_integer(uint8_t *bytes, size_t *used, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		bytes[(*used)++] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static void put_text(uint8_t *bytes, size_t *used, const char *text, size_t capacity)
{
	size_t size = strnlen(text, capacity);

	put_integer(bytes, used, size, 2);
	memcpy(bytes + *used, text, size);
	*used += size;
}

/* Cuts at a whole UTF-8 character, so that what is stored is still valid text. */
static void set_text(char *ret_text, size_t capacity, const char *text)
{
	size_t size = strlen(text);

	if (size >= capacity) {
		size = capacity - 1;
		while (size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80)
			size--;
	}
	memcpy(ret_text, text, size);
	ret_text[size] = '\0';
}

void audit_row_init(struct audit_row *ret_row, const char *who, const char *role, const char *via,
	unsigned action, const char *object, const char *evidence, const char *result)
{
	memset(ret_row, 0, sizeof(*ret_row));
	ret_row->time = clock_wall_msec();
	ret_row->clock_synced = clock_is_synced();
	set_text(ret_row->who, sizeof(ret_row->who), who);
	set_text(ret_row->role, sizeof(ret_row->role), role);
	set_text(ret_row->via, sizeof(ret_row->via), via);
	set_text(ret_row->action, sizeof(ret_row->action), audit_action(action));
	set_text(ret_row->object, sizeof(ret_row->object), object);
	set_text(ret_row->evidence, sizeof(ret_row->evidence), evidence);
	set_text(ret_row->result, sizeof(ret_row->result), result);
}

int audit_chain(const uint8_t key[SHA256_SIZE], const uint8_t previous[SHA256_SIZE],
	const struct audit_row *row, uint8_t ret_mac[SHA256_SIZE])
{
	uint8_t bytes[CANONICAL_MAX];
	struct span parts[2];
	size_t used = 0;

	_Static_assert(sizeof(((struct audit_row *)NULL)->who) < UINT16_MAX, "two bytes of length");
	memcpy(bytes, format_name, sizeof(format_name));
	used += sizeof(format_name);
	put_integer(bytes, &used, row->number, 8);
	put_integer(bytes, &used, (uint64_t)row->time, 8);
	put_integer(bytes, &used, row->clock_synced, 1);
	put_text(bytes, &used, row->who, sizeof(row->who));
	put_text(bytes, &used, row->role, sizeof(row->role));
	put_text(bytes, &used, row->via, sizeof(row->via));
	put_text(bytes, &used, row->action, sizeof(row->action));
	put_text(bytes, &used, row->object, sizeof(row->object));
	put_text(bytes, &used, row->evidence, sizeof(row->evidence));
	put_text(bytes, &used, row->result, sizeof(row->result));
	parts[0] = span_of(previous, SHA256_SIZE);
	parts[1] = span_of(bytes, used);
	return crypto_hmac_sha256(span_of(key, SHA256_SIZE), parts, ELEMENTS(parts), ret_mac);
}
