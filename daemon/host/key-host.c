/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The key that seals the secrets. How it is delivered is a rung of a ladder: a key file, a
 * credential that systemd opens with the host's key, one that it opens with the TPM2 and the host's
 * key. A rung lower than before is an alarm until the key is back where it was, or was changed by
 * an order of root. The new key comes with that order, since only root can make a credential of
 * it; for a key file it is made in the store.
 */

#include "host/key-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "store/key.h"

struct key_call {
	struct host *host;
	enum key_source source;
	act_done_fn done;
	void *userdata;
};

static void answer(act_done_fn done, void *userdata, enum act_result result, const char *text)
{
	struct act_outcome outcome = {.result = result};

	snprintf(outcome.text, sizeof(outcome.text), "%s", text);
	done(userdata, &outcome);
}

static void set_source(struct host *host, enum key_source source, enum key_source expected)
{
	struct api_facts *facts = &host->facts;

	snprintf(facts->key_source, sizeof(facts->key_source), "%s",
		source == KEY_FILE ? "key file" : key_source_to_string(source));
	snprintf(facts->key_expected, sizeof(facts->key_expected), "%s",
		expected == KEY_FILE ? "key file" : key_source_to_string(expected));
}

void key_load(struct host *host, const struct store_facts *facts, bool has_credentials)
{
	host->has_credentials = has_credentials;
	host->facts.key_is_next = facts->key_is_next;
	hex_encode(span_of(facts->exchange_public, sizeof(facts->exchange_public)),
		host->facts.key_public, sizeof(host->facts.key_public));
	set_source(host, facts->key_source, facts->key_expected);
}

void key_start(struct host *host)
{
	const struct api_facts *facts = &host->facts;

	log_info("Secrets are sealed with a key from: %s.", facts->key_source);
	if (!strcmp(facts->key_source, facts->key_expected)) {
		host_alarm_clear(host, ALARM_KEY_WEAKER, "");
		return;
	}
	log_warning("The key that opens the credentials came from '%s' before, now from '%s'.",
		facts->key_expected, facts->key_source);
	host_alarm_raise(host, ALARM_KEY_WEAKER, "");
}

static void on_done(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_free) struct key_call *call = userdata;
	struct host *host = call->host;

	host->key_changing = false;
	host_saved(host, result, head);
	if (result < 0) {
		answer(call->done, call->userdata, ACT_NOT_STORED,
			result == -ENOSPC
				? "There is no space left on the gateway: nothing was changed."
				: "It could not be saved: the key is the old one.");
		return;
	}
	set_source(host, call->source, call->source);
	host->facts.key_is_next = call->source != KEY_FILE;
	host_alarm_clear(host, ALARM_KEY_WEAKER, "");
	log_notice("Every secret was sealed anew; the key is kept as: %s.", host->facts.key_source);
	host_touch(host);
	answer(call->done, call->userdata, ACT_DONE, "Every secret was sealed anew.");
}

/* What the order asks for; NULL, or why it cannot be. */
static const char *check(const struct host *host, const struct act *act,
	enum key_source *ret_source, uint8_t *ret_key)
{
	enum key_source source, said = KEY_CREDENTIAL;

	if (key_source_from_string(act->name, &source) < 0 || source == KEY_CREDENTIAL)
		return "\"source\" must be file, host or tpm2+host.";
	*ret_source = source;
	if (source == KEY_FILE)
		return act->secret[0] ? "The key of a key file is made by the gateway." : NULL;
	if (!host->has_credentials)
		return "This gatehoused was not started by its unit: a credential would not reach "
		       "it.";
	if (key_parse(span_from_string(act->secret), ret_key, &said) < 0 || said != source)
		return "\"key\" must be 64 hex digits, a space and the word in \"source\".";
	return NULL;
}

void key_act(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	uint8_t key[AES256_KEY] = {0};
	enum key_source source = KEY_FILE;
	const char *why = check(host, act, &source, key);
	struct audit_row audit;
	struct key_call *call;

	if (why || host->key_changing) {
		crypto_wipe(key, sizeof(key));
		answer(done, userdata, why ? ACT_BAD_INPUT : ACT_TOO_MANY,
			why ? why : "The key is being changed right now.");
		return;
	}
	call = malloc(sizeof(*call));
	if (!call) {
		crypto_wipe(key, sizeof(key));
		answer(done, userdata, ACT_NOT_STORED, "The gateway is out of memory.");
		return;
	}
	*call = (struct key_call){host, source, done, userdata};
	host->key_changing = true;
	audit_of_act(act, key_source_to_string(source), "", audit_result(AUDIT_DONE), &audit);
	store_rekey(host->store, source, source == KEY_FILE ? NULL : key, &audit, on_done, call);
	crypto_wipe(key, sizeof(key));
}
