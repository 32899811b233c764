/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which field of which record stands in which column. A new field is one line here and one new
 * migration. The names of the columns are part of the sealed records' associated data: a sealed
 * column is never renamed.
 */

#include "store/columns.h"

#include <errno.h>

#include "base/cleanup.h"
#include "core/alarm.h"
#include "core/audit.h"
#include "core/command.h"
#include "core/device-ca.h"
#include "core/device.h"
#include "core/person.h"
#include "core/withdrawal.h"

/* An enum of core as an int, so that one kind of column serves all of them. */
#define DEFINE_WORDS(type)                                          \
	static const char *type##_word(int value)                   \
	{                                                           \
		return type##_to_string((enum type)value);          \
	}                                                           \
	static int type##_of_word(const char *word, int *ret_value) \
	{                                                           \
		enum type value;                                    \
		int r = type##_from_string(word, &value);           \
                                                                    \
		if (r >= 0)                                         \
			*ret_value = (int)value;                    \
		return r;                                           \
	}

DEFINE_WORDS(trust)
DEFINE_WORDS(found_by)
DEFINE_WORDS(evidence)
DEFINE_WORDS(admission_state)
DEFINE_WORDS(operation_state)
DEFINE_WORDS(credential_state)
DEFINE_WORDS(role)
DEFINE_WORDS(ca_policy)

static const char *alarm_kind_word(int value)
{
	const struct alarm_row *row = alarm_row((enum alarm_kind)value);

	return row ? row->id : NULL;
}

static int alarm_kind_of_word(const char *word, int *ret_value)
{
	enum alarm_kind kind;
	int r = alarm_kind_from_string(word, &kind);

	if (r >= 0)
		*ret_value = (int)kind;
	return r;
}

#define COLUMN(type, column, kind, field)                                                       \
	{                                                                                       \
		column, COLUMN_##kind, offsetof(type, field), sizeof(((type *)0)->field), NULL, \
			NULL                                                                    \
	}
#define WORD(type, column, words, field)                                                \
	{                                                                               \
		column, COLUMN_WORD, offsetof(type, field), sizeof(((type *)0)->field), \
			words##_word, words##_of_word                                   \
	}

#define DEVICE(...)	 COLUMN(struct device_record, __VA_ARGS__)
#define DEVICE_WORD(...) WORD(struct device_record, __VA_ARGS__)
static const struct column device_columns[] = {
	DEVICE("row", UNSIGNED, row),
	DEVICE("id", TEXT, id),
	DEVICE("ep", TEXT, ep),
	DEVICE("platform", TEXT, platform),
	DEVICE("name", TEXT, name),
	DEVICE("place", TEXT, place),
	DEVICE("owner", TEXT, owner),
	DEVICE("model", TEXT, info.model),
	DEVICE("serial", TEXT, info.serial),
	DEVICE("firmware", TEXT, info.firmware),
	DEVICE("display", BOOL, info.display),
	DEVICE("short_code_sealed", SEALED_TEXT, info.code),
	DEVICE("attributes", HEAP_TEXT, info.attributes),
	DEVICE_WORD("trust", trust, trust),
	DEVICE_WORD("found_by", found_by, found_by),
	DEVICE("ip", IP, address.ip),
	DEVICE("port", UNSIGNED, address.port),
	DEVICE("interface", TEXT, address.interface),
	DEVICE("address_bound", BOOL, address_bound),
	DEVICE("mac", TEXT, mac),
	DEVICE("fingerprint", TEXT, fingerprint),
	DEVICE("proved_label_sealed", SEALED_TEXT, proved_label),
	DEVICE("kept_proof", TEXT, kept_proof),
	DEVICE("released", BOOL, released),
	DEVICE("is_server", BOOL, is_server),
	DEVICE("secure_only", BOOL, secure_only),
	DEVICE("rd_lifetime", UNSIGNED, rd_lifetime),
	DEVICE("rd_port_said", BOOL, rd_port_said),
	DEVICE("poll_path", TEXT, poll_path),
	DEVICE("poll_format", SIGNED, poll_format),
	DEVICE("code_tries", UNSIGNED, code_tries),
	DEVICE("code_locked", BOOL, code_locked),
	DEVICE("display_holds", BOOL, display_holds),
	DEVICE("code_here", UNSIGNED, code_here),
	DEVICE_WORD("evidence", evidence, evidence),
	DEVICE("decided_by", TEXT, decided_by),
	DEVICE("first_seen", SIGNED, first_seen),
	DEVICE("decided_at", SIGNED, decided_at),
	DEVICE_WORD("admission", admission_state, life.admission),
	DEVICE_WORD("operation", operation_state, life.operation),
	DEVICE("operation_number", UNSIGNED, life.operation_number),
	DEVICE("operation_reopened", UNSIGNED, life.operation_reopened),
	DEVICE("operation_expires", SIGNED, life.operation_expires),
	DEVICE("operation_approved", BOOL, life.operation_approved),
	DEVICE("operation_blocked", BOOL, life.operation_blocked),
	DEVICE("operation_blob_sealed", SECRET, life.operation_blob),
	DEVICE("operation_code_sealed", SECRET, life.operation_code),
	DEVICE_WORD("credential", credential_state, life.credential),
	DEVICE("credential_since", SIGNED, life.credential_since),
	DEVICE("credential_expires", SIGNED, life.credential_expires),
	DEVICE("credential_doubted", BOOL, life.credential_doubted),
	DEVICE("credential_current_sealed", SECRET, life.credential_current),
	DEVICE("credential_old_sealed", SECRET, life.credential_old),
	DEVICE("platform_id", TEXT, life.platform_id),
};
const struct record_table device_table = {"device", device_columns, ELEMENTS(device_columns)};

#define PERSON(...) COLUMN(struct person, __VA_ARGS__)
static const struct column person_columns[] = {
	PERSON("row", UNSIGNED, row),
	PERSON("name", TEXT, name),
	WORD(struct person, "role", role, role),
	PERSON("password", TEXT, password),
	PERSON("created", SIGNED, created),
	PERSON("epoch", UNSIGNED, epoch),
};
const struct record_table person_table = {"person", person_columns, ELEMENTS(person_columns)};

#define ALARM(...) COLUMN(struct alarm, __VA_ARGS__)
static const struct column alarm_columns[] = {
	WORD(struct alarm, "kind", alarm_kind, kind),
	ALARM("subject", TEXT, subject),
	ALARM("raised", SIGNED, raised),
	ALARM("cleared", SIGNED, cleared),
	ALARM("times", UNSIGNED, times),
};
const struct record_table alarm_table = {"alarm", alarm_columns, ELEMENTS(alarm_columns)};

#define AUDIT(...) COLUMN(struct audit_row, __VA_ARGS__)
static const struct column audit_columns[] = {
	AUDIT("number", UNSIGNED, number),
	AUDIT("time", SIGNED, time),
	AUDIT("synced", BOOL, clock_synced),
	AUDIT("who", TEXT, who),
	AUDIT("role", TEXT, role),
	AUDIT("via", TEXT, via),
	AUDIT("action", TEXT, action),
	AUDIT("object", TEXT, object),
	AUDIT("evidence", TEXT, evidence),
	AUDIT("result", TEXT, result),
};
const struct record_table audit_table = {"audit", audit_columns, ELEMENTS(audit_columns)};

#define COMMAND(...) COLUMN(struct command, __VA_ARGS__)
static const struct column command_columns[] = {
	COMMAND("row", UNSIGNED, row),
	COMMAND("device", UNSIGNED, device_row),
	COMMAND("name", TEXT, name),
	COMMAND("args", TEXT, args),
	COMMAND("response_topic", TEXT, response_topic),
	COMMAND("correlation", TEXT, correlation),
	COMMAND("arrived", SIGNED, arrived),
	COMMAND("synced", BOOL, synced),
	COMMAND("lifetime", UNSIGNED, lifetime),
	COMMAND("ended", BOOL, ended),
	COMMAND("ok", BOOL, ok),
	COMMAND("result", TEXT, result),
	COMMAND("reason", TEXT, reason),
	COMMAND("sender", TEXT, sender),
};
const struct record_table command_table = {"command", command_columns, ELEMENTS(command_columns)};

#define WITHDRAWAL(...) COLUMN(struct withdrawal, __VA_ARGS__)
static const struct column withdrawal_columns[] = {
	WITHDRAWAL("row", UNSIGNED, row),
	WITHDRAWAL("device_id", TEXT, device_id),
	WITHDRAWAL("ep", TEXT, ep),
	WITHDRAWAL("platform", TEXT, platform),
	WITHDRAWAL("cancel", BOOL, cancel),
	WITHDRAWAL("since", SIGNED, since),
	WITHDRAWAL("blob_sealed", SECRET, blob),
};
const struct record_table withdrawal_table = {
	"withdrawal", withdrawal_columns, ELEMENTS(withdrawal_columns)};

#define DEVICE_CA(...) COLUMN(struct device_ca, __VA_ARGS__)
static const struct column device_ca_columns[] = {
	DEVICE_CA("row", UNSIGNED, row),
	DEVICE_CA("fingerprint", TEXT, fingerprint),
	DEVICE_CA("name", TEXT, name),
	DEVICE_CA("certificate", HEAP_TEXT, certificate),
	WORD(struct device_ca, "policy", ca_policy, policy),
	DEVICE_CA("from_file", BOOL, from_file),
	DEVICE_CA("added_by", TEXT, added_by),
	DEVICE_CA("since", SIGNED, since),
	DEVICE_CA("not_after", SIGNED, not_after),
};
const struct record_table device_ca_table = {
	"device_ca", device_ca_columns, ELEMENTS(device_ca_columns)};
