/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The gateway's part of a backup: a copy of what it decided and of its secrets, sealed with a key
 * that the tool made for this one backup. The tool fetches the copy from the state directory, which
 * root alone can, and seals it with the person's phrase; the phrase is never told here.
 */

#include "host/backup-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "store/key.h"

struct backup_call {
	struct host *host;
	act_done_fn done;
	void *userdata;
};

static void answer(act_done_fn done, void *userdata, enum act_result result, const char *text)
{
	struct act_outcome outcome = {.result = result};

	snprintf(outcome.text, sizeof(outcome.text), "%s", text);
	done(userdata, &outcome);
}

static void on_done(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_free) struct backup_call *call = userdata;
	struct host *host = call->host;

	host->key_changing = false;
	host_saved(host, result, head);
	if (result < 0) {
		answer(call->done, call->userdata, ACT_NOT_STORED,
			result == -ENOSPC ? "There is no space left on the gateway for the copy."
					  : "The copy could not be made.");
		return;
	}
	log_notice("A copy for a backup was made.");
	answer(call->done, call->userdata, ACT_DONE, "The copy was made.");
}

void backup_act(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	uint8_t key[AES256_KEY] = {0};
	enum key_source said = KEY_FILE;
	struct backup_call *call;
	struct audit_row audit;

	if (key_parse(span_from_string(act->secret), key, &said) < 0 || said != KEY_FILE) {
		answer(done, userdata, ACT_BAD_INPUT, "\"key\" must be 64 hex digits.");
		return;
	}
	/* What is copied must not be sealed anew meanwhile. */
	call = host->key_changing ? NULL : malloc(sizeof(*call));
	if (!call) {
		crypto_wipe(key, sizeof(key));
		answer(done, userdata, host->key_changing ? ACT_TOO_MANY : ACT_NOT_STORED,
			host->key_changing
				? "The key is being changed, or a backup made, right now."
				: "The gateway is out of memory.");
		return;
	}
	*call = (struct backup_call){host, done, userdata};
	host->key_changing = true;
	audit_of_act(act, "", "", audit_result(AUDIT_DONE), &audit);
	store_backup(host->store, key, &audit, on_done, call);
	crypto_wipe(key, sizeof(key));
}
