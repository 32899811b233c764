/* SPDX-License-Identifier: Apache-2.0 */

/* The words of the acts, as they stand in the audit. */

#include "core/act-kind.h"

#include <stddef.h>

static const char *const names[ACTS] = {
	[ACT_WINDOW_OPEN] = "window open",
	[ACT_WINDOW_CLOSE] = "window close",
	[ACT_ADMIT] = "admit",
	[ACT_APPROVE] = "approve",
	[ACT_REJECT] = "reject",
	[ACT_SUSPEND] = "suspend",
	[ACT_RESUME] = "resume",
	[ACT_REVOKE] = "revoke",
	[ACT_RELEASE] = "release",
	[ACT_BLOCK] = "block",
	[ACT_UNBLOCK] = "unblock",
	[ACT_FORGET] = "forget",
	[ACT_RENAME] = "rename",
	[ACT_IDENTIFY] = "identify",
	[ACT_UNLOCK_CODE] = "unlock code",
	[ACT_SHOW_CODE] = "show code",
	[ACT_COMMAND] = "command",
	[ACT_REPLACE] = "replace",
	[ACT_ADD] = "add",
	[ACT_EXPORT] = "export",
	[ACT_CLEAR_ALARM] = "clear alarm",
	[ACT_SETUP_CODE] = "setup code",
	[ACT_SETUP] = "setup",
	[ACT_LOGIN] = "login",
	[ACT_PASSWORD_FRESH] = "password again",
	[ACT_PASSWORD_NEW] = "password new",
	[ACT_PERSON_PUT] = "person put",
	[ACT_PERSON_DROP] = "person drop",
	[ACT_TOKENS_PUT] = "tokens import",
	[ACT_TOKEN_DROP] = "token drop",
	[ACT_OPERATOR_PUT] = "operator token",
	[ACT_OPERATOR_DROP] = "operator token drop",
	[ACT_KEY] = "key",
	[ACT_BACKUP] = "backup",
	[ACT_CODES_PUT] = "codes import",
	[ACT_CODE_DROP] = "code drop",
	[ACT_LABEL_SCAN] = "label scan",
	[ACT_LABEL_CANCEL] = "label cancel",
	[ACT_IMPORT] = "import",
	[ACT_CA_PUT] = "device-ca add",
	[ACT_CA_DROP] = "device-ca withdraw",
	[ACT_SITE_CA_MAKE] = "site-ca make",
	[ACT_SITE_CA_IMPORT] = "site-ca import",
	[ACT_SITE_CA_PROVE] = "site-ca prove",
};

const char *act_kind_to_string(enum act_kind kind)
{
	return (unsigned)kind < ACTS ? names[kind] : "unknown";
}
