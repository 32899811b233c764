/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One token of an operator, of the one platform that takes approvals from here. It stands sealed in
 * the store beside the devices' tokens, so a backup and another key have it as them. It is given
 * once, by an administrator or in a file, and never shown; in memory it stays for the driver.
 *
 *	given -> change + audit row -> SAVED -> in memory -> the next approval is made with it
 *
 * A file of the configuration is read at each start and has the last word for as long as it is
 * there: whoever could replace its token here would have the old one again after the next start.
 */

#include "host/operator-token.h"
#include "host/act.h"
#include "host/journal.h"
#include "host/platform-host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/import.h"

#define KEY "spotflow.operator_token_file"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

struct saving {
	struct host *host;
	struct secret value; /* empty: it is gone then */
	int64_t since;
	act_done_fn done; /* or NULL */
	void *userdata;
};

static void saving_free(struct saving *saving)
{
	secret_clear(&saving->value);
	free(saving);
}

int operator_load(struct host *host, const char *platform, int64_t since, struct span value)
{
	if (strcmp(platform, TOKEN_KIND_SPOTFLOW) != 0)
		return 0;
	host->facts.operator_since = since;
	return secret_set(&host->secrets.operator_token, value);
}

/* ---- saved ---- */

static void answer(const struct saving *saving)
{
	const char *text = "The operator's token is sealed, and used from now on.";

	if (!saving->value.size)
		text = "The operator's token is deleted. Devices are approved at the platform.";
	else if (!saving->host->config->spotflow_workspace[0])
		text = "The operator's token is sealed. It is not used before spotflow.workspace "
		       "is configured.";
	import_answer(saving->done, saving->userdata, ACT_DONE, 0, text);
}

static void on_saved(void *userdata, int result, const char *head)
{
	struct saving *saving = userdata;
	struct host *host = saving->host;

	host_saved(host, result, head);
	if (result >= 0) {
		secret_clear(&host->secrets.operator_token);
		host->secrets.operator_token = saving->value;
		host->facts.operator_since = saving->since;
		if (saving->done)
			answer(saving);
		else
			log_notice("The operator's token was read from %s and is sealed: the file "
				   "can be deleted.",
				host->config->spotflow_operator_token_file);
		saving->value = (struct secret){0};
		host_touch(host);
	} else if (saving->done) {
		import_not_stored(saving->done, saving->userdata, result);
	} else {
		log_error(KEY ": the token could not be sealed: %s. It is read again at the next "
			      "start.",
			strerror(-result));
	}
	saving_free(saving);
}

static int change_of(struct saving *saving, const struct audit_row *audit, struct change **ret)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	CLEANUP(token_list_clear) struct token_list list = {0};
	struct token *token = NULL;
	int r = change_new(&change);

	if (r >= 0 && saving->value.size)
		r = token_new_operator(TOKEN_KIND_SPOTFLOW, secret_span(&saving->value), &token);
	if (r >= 0 && token) {
		token->since = saving->since;
		token_list_add(&list, token);
		r = change_put_tokens(change, &list);
	} else if (r >= 0) {
		r = change_drop_token(change, TOKEN_KIND_OPERATOR, TOKEN_KIND_SPOTFLOW);
	}
	if (r >= 0)
		r = change_append_audit(change, audit);
	if (r >= 0)
		*ret = STEAL(change);
	return r;
}

/* 'value' empty: deletes it. */
static int save(struct host *host, struct span value, const struct audit_row *audit,
	act_done_fn done, void *userdata)
{
	struct saving *saving = calloc(1, sizeof(*saving));
	struct change *change = NULL;
	int r;

	if (!saving)
		return -ENOMEM;
	*saving = (struct saving){.host = host, .done = done, .userdata = userdata};
	r = value.size ? secret_set(&saving->value, value) : 0;
	saving->since = value.size ? clock_wall_msec() : 0;
	if (r >= 0)
		r = change_of(saving, audit, &change);
	if (r < 0)
		saving_free(saving);
	else
		store_save(host->store, change, on_saved, saving);
	return r;
}

/* ---- the file ---- */

int operator_from_file(struct host *host)
{
	const char *path = host->config->spotflow_operator_token_file;
	struct platform_secrets *secrets = &host->secrets;
	CLEANUP(secret_clear) struct secret value = {0};
	struct audit_row audit;
	const char *why;
	int r;

	if (!path[0])
		return 0;
	r = platform_secret_read(path, KEY, OPERATOR_TOKEN_MAX, true, &value);
	if (r == -ENOENT) {
		/* It was sealed once and deleted since, or it was never there: devices wait for an
		 * approval at their platform then, and go on. */
		if (!secrets->operator_token.size)
			log_warning(KEY ": %s is not there, and no token is sealed: devices are "
					"approved at the platform.",
				path);
		return 0;
	}
	if (r < 0)
		return r;
	why = token_check_operator(secret_span(&value), NULL);
	if (why) {
		log_error(KEY ": the token in %s %s.", path, why);
		return -EINVAL;
	}
	secrets->operator_in_file = true;
	if (span_equal(secret_span(&value), secret_span(&secrets->operator_token)))
		return 0;
	audit_row_init(&audit, "gateway", "", "configuration", ACT_OPERATOR_PUT,
		TOKEN_KIND_SPOTFLOW, path, audit_result(AUDIT_SEALED));
	r = save(host, secret_span(&value), &audit, NULL, NULL);
	/* Devices go on with it at once. */
	if (r >= 0)
		r = secret_set(&secrets->operator_token, secret_span(&value));
	return r;
}

static bool stands_in_file(struct host *host, act_done_fn done, void *userdata)
{
	char text[257];

	if (!host->secrets.operator_in_file)
		return false;
	snprintf(text, sizeof(text),
		"The operator's token is read from %.120s at each start: change that file, or "
		"delete it, and restart the gateway.",
		host->config->spotflow_operator_token_file);
	import_answer(done, userdata, ACT_IMPOSSIBLE, 0, text);
	return true;
}

/* ---- acts ---- */

void operator_put(struct host *host, const struct act *act, struct span token, act_done_fn done,
	void *userdata)
{
	bool too_long = false;
	const char *why = token_check_operator(token, &too_long);
	struct audit_row audit;
	char text[160];
	int r;

	if (too_long)
		host->limits.reached[LIMIT_TOKEN_BYTES]++;
	if (why) {
		snprintf(text, sizeof(text), "The operator's token %s.", why);
		import_answer(done, userdata, ACT_BAD_INPUT, 0, text);
		return;
	}
	if (stands_in_file(host, done, userdata))
		return;
	audit_of_act(act, TOKEN_KIND_SPOTFLOW, "",
		audit_result(host->secrets.operator_token.size ? AUDIT_REPLACED : AUDIT_SEALED),
		&audit);
	r = save(host, token, &audit, done, userdata);
	if (r < 0)
		import_not_stored(done, userdata, r);
}

void operator_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	struct audit_row audit;
	int r;

	if (stands_in_file(host, done, userdata))
		return;
	if (!host->secrets.operator_token.size) {
		import_answer(done, userdata, ACT_UNKNOWN, 0, "There is no operator's token.");
		return;
	}
	audit_of_act(act, TOKEN_KIND_SPOTFLOW, "", audit_result(AUDIT_DONE), &audit);
	r = save(host, (struct span){0}, &audit, done, userdata);
	if (r < 0)
		import_not_stored(done, userdata, r);
}
