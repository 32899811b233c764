/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Imported tokens. A file of thousands comes in parts (a body of the API is bounded); they wait
 * here until the last one, and then all of it is saved or nothing:
 *
 *	part, part, ... last part -> no name twice, room for all -> change + audit row -> SAVED
 *	  -> names in memory -> devices that wait for another credential go on
 *
 * What goes on: a device whose credential differs from its new token takes that one; one that was
 * refused, or could not be taken on for want of a token, begins a new operation. That an
 * administrator gave it a token is the decision that it waits for.
 *
 * Values leave the store one at a time, for the driver's step that needs them.
 */

#include "host/token-host.h"
#include "host/act.h"
#include "host/effect.h"
#include "host/journal.h"
#include "host/platform-host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

static const struct import_kind imports; /* below */

/* What is being saved: names, and whose credential is another one then. */
struct saving {
	struct host *host;
	act_done_fn done;
	void *userdata;
	size_t count, added;
	struct token_name *names;
	bool *differs;
};

static struct saving *saving_free(struct saving *saving)
{
	if (saving) {
		free(saving->names);
		free(saving->differs);
		free(saving);
	}
	return NULL;
}
DEFINE_CLEANUP(struct saving *, saving_free, cleanup_saving)

static bool needs_token(const char *platform)
{
	const struct platform_driver *driver = platform_driver_by_name(platform);

	return driver && driver->describe()->supports & (PLATFORM_NEEDS_TOKEN | PLATFORM_NEEDS_PT);
}

/* A static credential is the credential itself; a provisioning token only gets one. */
static bool is_the_credential(const char *platform)
{
	return platform_driver_by_name(platform)->describe()->supports & PLATFORM_NEEDS_TOKEN;
}

/* ---- devices that go on ---- */

/* What is in use is another one, which this one takes the place of at once: it is the credential
 * itself, or a certificate that stands in it. */
static bool replaces(const struct token *token, const struct device *device)
{
	struct span held = secret_span(&device->record->life.credential_current),
		    value = secret_span(&token->value), identity;

	if (token_value_read_identity(value, &identity) >= 0)
		return !held.size || !memmem(held.data, held.size, identity.data, identity.size);
	return is_the_credential(token->kind) && !span_equal(value, held);
}

static void go_on(struct host *host, struct device *device, bool differs)
{
	const struct lifecycle *life = &device->record->life;
	struct submission submission = {.event = LIFE_ADMIT};

	if (life->admission != ADMISSION_ADMITTED || operation_is_open(life->operation))
		return;
	switch (life->credential) {
	case CREDENTIAL_HELD:
		if (!differs)
			return;
		submission.event = LIFE_RENEW_DUE;
		break;
	case CREDENTIAL_RENEWING:
	case CREDENTIAL_EXPIRED:
		platform_host_advance(host, device);
		return;
	case CREDENTIAL_REFUSED:
	case CREDENTIAL_NONE:
	case CREDENTIAL_STATES:
		break;
	}
	host_submit(host, device, &submission);
}

static void saved(struct saving *saving)
{
	struct host *host = saving->host;
	size_t i;

	for (i = 0; i < saving->count; i++)
		token_names_put(&host->tokens, saving->names[i].kind, saving->names[i].ep,
			saving->names[i].since);
	token_names_sort(&host->tokens);
	for (i = 0; i < saving->count; i++) {
		struct device *device = registry_by_ep(host->registry, saving->names[i].ep);

		if (device && needs_token(device->record->platform) &&
			!strcmp(device->record->platform, saving->names[i].kind))
			go_on(host, device, saving->differs[i]);
	}
	host_touch(host);
	import_answer_saved(saving->done, saving->userdata, &imports, saving->count, saving->added);
}

static void on_saved(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_saving) struct saving *saving = userdata;
	struct host *host = saving->host;

	host->import.turn.saving = false;
	host_saved(host, result, head);
	if (result >= 0)
		saved(saving);
	else
		import_not_stored(saving->done, saving->userdata, result);
}

/* ---- the last part ---- */

static int saving_new(struct host *host, struct token_list *list, struct saving **ret)
{
	CLEANUP(cleanup_saving) struct saving *saving = calloc(1, sizeof(*saving));
	int64_t now = clock_wall_msec();
	struct token *token;
	size_t i = 0;

	if (!saving)
		return -ENOMEM;
	saving->host = host;
	saving->names = calloc(list->count, sizeof(*saving->names));
	saving->differs = calloc(list->count, sizeof(*saving->differs));
	if (!saving->names || !saving->differs)
		return -ENOMEM;
	for (token = list->first; token; token = token->next, i++) {
		const struct device *device = registry_by_ep(host->registry, token->ep);

		token->since = now;
		saving->names[i].since = now;
		memcpy(saving->names[i].kind, token->kind, sizeof(token->kind));
		memcpy(saving->names[i].ep, token->ep, sizeof(token->ep));
		saving->added += !token_names_find(&host->tokens, token->kind, token->ep);
		saving->differs[i] = device && replaces(token, device);
	}
	saving->count = list->count;
	*ret = STEAL(saving);
	return 0;
}

static int put(struct change *change, void *list)
{
	return change_put_tokens(change, list);
}

/* Nothing is missing in memory once the store has saved it. */
static int save(struct host *host, const struct act *act, struct saving *saving)
{
	struct token_list *list = &host->import.list;
	struct change *change = NULL;
	int r = token_names_reserve(&host->tokens, host->tokens.count + saving->added);

	if (r >= 0)
		r = import_change(act, list->count, list->first->ep, put, list, &change);
	if (r < 0)
		return r;
	host->import.turn.saving = true;
	store_save(host->store, change, on_saved, saving);
	return 0;
}

static void commit(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	CLEANUP(cleanup_saving) struct saving *saving = NULL;
	const struct token *second = NULL;
	int r = token_list_find_twice(&host->import.list, &second);

	if (r >= 0 && second) {
		import_answer_twice(done, userdata, second->line, second->ep);
		return;
	}
	if (r >= 0)
		r = saving_new(host, &host->import.list, &saving);
	if (r >= 0 &&
		!import_fits(host, &imports, host->tokens.count + saving->added, done, userdata))
		return;
	if (r >= 0) {
		saving->done = done;
		saving->userdata = userdata;
		r = save(host, act, saving);
	}
	if (r < 0)
		import_not_stored(done, userdata, r);
	else
		STEAL(saving);
}

/* ---- parts ---- */

static void import_clear(struct host *host)
{
	token_list_clear(&host->import.list);
	import_turn_end(&host->import.turn);
}

void token_import_end(struct host *host)
{
	import_clear(host);
	host->import.turn.timer = loop_source_free(host->import.turn.timer);
}

static int on_lapsed(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	log_notice("An import of tokens was not finished: nothing of it is kept.");
	import_clear(host);
	return 0;
}

static const struct import_kind imports = {
	.what = "tokens",
	.one = "token",
	.as = "",
	.limit = LIMIT_TOKENS,
	.clear = import_clear,
	.lapsed = on_lapsed,
};

void token_import(struct host *host, const struct act *act, struct token_list *list,
	act_done_fn done, void *userdata)
{
	struct token_import *import = &host->import;

	if (!import_may_join(host, &import->turn, &imports, act, import->list.count, list->count,
		    done, userdata)) {
		token_list_clear(list);
		return;
	}
	token_list_join(&import->list, list);
	if (act->more) {
		import_wait(host, &import->turn, &imports, done, userdata);
		return;
	}
	if (import->list.count)
		commit(host, act, done, userdata);
	else
		import_answer(done, userdata, ACT_BAD_INPUT, 0, "There is no token in it.");
	import_clear(host);
}

/* ---- drop ---- */

/* Of every platform that has one for this name. */
static const char *const kinds[] = {
	TOKEN_KIND_MQTT, TOKEN_KIND_SPOTFLOW, TOKEN_KIND_AZURE, TOKEN_KIND_AWS};

struct dropping {
	struct host *host;
	act_done_fn done;
	void *userdata;
	char ep[EP_MAX + 1];
};

static void on_dropped(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_free) struct dropping *dropping = userdata;
	size_t i;

	host_saved(dropping->host, result, head);
	if (result < 0) {
		import_not_stored(dropping->done, dropping->userdata, result);
		return;
	}
	for (i = 0; i < ELEMENTS(kinds); i++)
		token_names_drop(&dropping->host->tokens, kinds[i], dropping->ep);
	import_answer(dropping->done, dropping->userdata, ACT_DONE, 0,
		"The token is deleted. A device that was taken in with it goes on until it is "
		"revoked.");
}

static int drop_change(struct host *host, const struct act *act, struct change **ret)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_row audit;
	size_t i;
	int r = change_new(&change);

	audit_of_act(act, act->ep, "", audit_result(AUDIT_DONE), &audit);
	for (i = 0; r >= 0 && i < ELEMENTS(kinds); i++)
		if (token_names_find(&host->tokens, kinds[i], act->ep))
			r = change_drop_token(change, kinds[i], act->ep);
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r >= 0)
		*ret = STEAL(change);
	return r;
}

static bool is_known(const struct host *host, const char *ep)
{
	size_t i;

	for (i = 0; i < ELEMENTS(kinds); i++)
		if (token_names_find(&host->tokens, kinds[i], ep))
			return true;
	return false;
}

void token_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	CLEANUP(cleanup_free) struct dropping *dropping = NULL;
	struct change *change = NULL;
	int r;

	if (!is_known(host, act->ep)) {
		import_answer(done, userdata, ACT_UNKNOWN, 0, "There is no token for this name.");
		return;
	}
	dropping = malloc(sizeof(*dropping));
	r = dropping ? drop_change(host, act, &change) : -ENOMEM;
	if (r < 0) {
		import_not_stored(done, userdata, r);
		return;
	}
	*dropping = (struct dropping){.host = host, .done = done, .userdata = userdata};
	memcpy(dropping->ep, act->ep, sizeof(dropping->ep));
	store_save(host->store, change, on_dropped, STEAL(dropping));
}

bool token_is_imported(const struct host *host, const char *ep)
{
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		const struct token_name *name = token_names_find(&host->tokens, kinds[i], ep);

		if (name && !name->brought)
			return true;
	}
	return false;
}

/* ---- for drivers ---- */

struct fetching {
	struct device_host *part;
	void (*done)(struct device_host *part, int result, struct span value);
};

static void on_fetched(void *userdata, int result, struct span value)
{
	CLEANUP(cleanup_free) struct fetching *fetching = userdata;
	struct device_host *part = fetching->part;

	if (!part->gone) {
		if (result == -EBADMSG)
			log_device(LOG_ERR, part->device->record->id,
				"The token for %s does not open: import it anew.",
				part->device->record->ep);
		fetching->done(part, result == -ENOENT || result == -EBADMSG ? 0 : result, value);
	}
	device_host_unpin(part);
}

bool token_fetch(struct device_host *part, enum platform_work work,
	void (*done)(struct device_host *part, int result, struct span value))
{
	const struct device_record *record = part->device->record;
	struct fetching *fetching;

	if (work == PLATFORM_BIND || !needs_token(record->platform))
		return false;
	fetching = malloc(sizeof(*fetching));
	if (!fetching) {
		done(part, -ENOMEM, (struct span){0});
		return true;
	}
	*fetching = (struct fetching){.part = device_host_pin(part), .done = done};
	store_get_token(part->host->store, record->platform, record->ep, on_fetched, fetching);
	return true;
}

static bool is_missing(
	const struct host *host, const struct device_record *record, const char *platform)
{
	return needs_token(platform) && !token_names_find(&host->tokens, platform, record->ep) &&
	       !platform_shared_token(host, platform).size;
}

bool token_is_missing(const struct host *host, const struct device *device)
{
	return is_missing(host, device->record, device->record->platform);
}

bool token_is_there(struct act_call *call, const struct device *device)
{
	const struct device_record *record = device->record;
	const char *platform = act_platform_name(&call->act, device);
	char text[200];

	if (!is_missing(call->host, record, platform))
		return true;
	snprintf(text, sizeof(text),
		"Import a token for %s first (gatehousectl tokens import): its platform knows "
		"devices by an imported %s.",
		record->ep, is_the_credential(platform) ? "credential" : "provisioning token");
	act_call_done(call, ACT_IMPOSSIBLE, 0, text);
	return false;
}
