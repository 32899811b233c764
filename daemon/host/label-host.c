/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Labels come in by a file (an administrator's) or one by one, scanned (scan-host.c). All of a file
 * is saved in one transaction with its audit row, or nothing; the keys are in memory once they are
 * on disk. An imported label replaces the one that the name had; a window that was opened for that
 * one goes with it.
 */

#include "host/label-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "host/claim-host.h"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

static const struct import_kind imports; /* below */

int label_host_psk(const struct host *host, struct span ep, uint8_t ret_psk[LABEL_KEY_SIZE])
{
	const struct kept_label *kept;
	char name[EP_MAX + 1];

	if (span_to_string(ep, name, sizeof(name)) < 0)
		return -ENOENT;
	kept = label_book_find(&host->labels, name);
	/* The key is derived from the name as it stands on the label: another case, another key. */
	if (!kept || !kept->label.has_psk || strcmp(kept->label.ep, name) != 0)
		return -ENOENT;
	memcpy(ret_psk, kept->label.psk, LABEL_KEY_SIZE);
	return 0;
}

int label_load(struct host *host, struct kept_label *kept)
{
	struct label_list list = {0};
	int r = label_book_reserve(&host->labels, host->labels.count < host->labels.room
							  ? host->labels.room
							  : 2 * host->labels.count + 64);

	if (r < 0) {
		kept_label_free(kept);
		return r;
	}
	label_list_add(&list, kept);
	label_book_put(&host->labels, &list);
	return 0;
}

/* Who has a session with a key that is not good any more has none. */
void label_keys_changed(struct host *host)
{
	if (host->lan)
		lan_recheck_keys(host->lan);
}

/* ---- the last part ---- */

/* What is being saved: the same keys once more, for the book. */
struct saving {
	struct host *host;
	act_done_fn done;
	void *userdata;
	size_t added;
	struct label_list list;
};

static struct saving *saving_free(struct saving *saving)
{
	if (saving) {
		label_list_clear(&saving->list);
		free(saving);
	}
	return NULL;
}
DEFINE_CLEANUP(struct saving *, saving_free, cleanup_saving)

static void on_saved(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_saving) struct saving *saving = userdata;
	struct host *host = saving->host;
	size_t count = saving->list.count, added = saving->added;

	host->label_import.turn.saving = false;
	host_saved(host, result, head);
	if (result < 0) {
		import_not_stored(saving->done, saving->userdata, result);
		return;
	}
	label_book_put(&host->labels, &saving->list);
	label_keys_changed(host);
	claim_host_look(host);
	host_touch(host);
	import_answer_saved(saving->done, saving->userdata, &imports, count, added);
}

static int saving_new(struct host *host, const struct label_list *list, struct saving **ret)
{
	CLEANUP(cleanup_saving) struct saving *saving = calloc(1, sizeof(*saving));
	int r;

	if (!saving)
		return -ENOMEM;
	saving->host = host;
	r = label_list_copy(list, &saving->list);
	if (r < 0)
		return r;
	for (struct kept_label *kept = saving->list.first; kept; kept = kept->next)
		saving->added += !label_book_find(&host->labels, kept->label.ep);
	*ret = STEAL(saving);
	return 0;
}

static int put(struct change *change, void *list)
{
	return change_put_labels(change, list);
}

/* Nothing is missing in memory once the store has saved it. */
static int save(struct host *host, const struct act *act, struct saving *saving)
{
	struct label_list *list = &host->label_import.list;
	struct change *change = NULL;
	int r = label_book_reserve(&host->labels, host->labels.count + saving->added);

	if (r >= 0)
		r = import_change(act, list->count, list->first->label.ep, put, list, &change);
	if (r < 0)
		return r;
	host->label_import.turn.saving = true;
	store_save(host->store, change, on_saved, saving);
	return 0;
}

static void commit(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	CLEANUP(cleanup_saving) struct saving *saving = NULL;
	const struct kept_label *second = NULL;
	struct label_list *list = &host->label_import.list;
	int64_t now = clock_wall_msec();
	int r = label_list_find_twice(list, &second);

	if (r >= 0 && second) {
		import_answer_twice(done, userdata, second->line, second->label.ep);
		return;
	}
	for (struct kept_label *kept = list->first; kept; kept = kept->next) {
		kept->imported = true;
		kept->since = now;
	}
	if (r >= 0)
		r = saving_new(host, list, &saving);
	if (r >= 0 &&
		!import_fits(host, &imports, host->labels.count + saving->added, done, userdata))
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
	label_list_clear(&host->label_import.list);
	import_turn_end(&host->label_import.turn);
}

void label_import_end(struct host *host)
{
	import_clear(host);
	host->label_import.turn.timer = loop_source_free(host->label_import.turn.timer);
}

static int on_lapsed(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	log_notice("An import of codes was not finished: nothing of it is kept.");
	import_clear(host);
	return 0;
}

static const struct import_kind imports = {
	.what = "codes",
	.one = "code",
	.as = " as keys",
	.limit = LIMIT_LABELS,
	.clear = import_clear,
	.lapsed = on_lapsed,
};

void label_import(struct host *host, const struct act *act, struct label_list *list,
	act_done_fn done, void *userdata)
{
	struct label_import *import = &host->label_import;

	if (!import_may_join(host, &import->turn, &imports, act, import->list.count, list->count,
		    done, userdata)) {
		label_list_clear(list);
		return;
	}
	label_list_join(&import->list, list);
	if (act->more) {
		import_wait(host, &import->turn, &imports, done, userdata);
		return;
	}
	if (import->list.count)
		commit(host, act, done, userdata);
	else
		import_answer(done, userdata, ACT_BAD_INPUT, 0, "There is no code in it.");
	import_clear(host);
}

/* ---- drop ---- */

struct dropping {
	struct host *host;
	act_done_fn done;
	void *userdata;
	char ep[EP_MAX + 1];
};

static void on_dropped(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_free) struct dropping *dropping = userdata;

	host_saved(dropping->host, result, head);
	if (result < 0) {
		import_not_stored(dropping->done, dropping->userdata, result);
		return;
	}
	label_book_drop(&dropping->host->labels, dropping->ep);
	label_keys_changed(dropping->host);
	host_touch(dropping->host);
	import_answer(dropping->done, dropping->userdata, ACT_DONE, 0,
		"The keys of this label are deleted. A device that was taken in with it goes on "
		"until it is revoked.");
}

void label_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	CLEANUP(cleanup_free) struct dropping *dropping = NULL;
	const struct kept_label *kept = label_book_find(&host->labels, act->ep);
	struct audit_row audit;
	int r;

	if (!kept) {
		import_answer(done, userdata, ACT_UNKNOWN, 0, "No label of this name is known.");
		return;
	}
	audit_of_act(act, kept->label.ep, "", audit_result(AUDIT_DONE), &audit);
	dropping = malloc(sizeof(*dropping));
	r = dropping ? change_new(&change) : -ENOMEM;
	if (r >= 0)
		r = change_drop_label(change, kept->label.ep);
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r < 0) {
		import_not_stored(done, userdata, r);
		return;
	}
	*dropping = (struct dropping){.host = host, .done = done, .userdata = userdata};
	memcpy(dropping->ep, kept->label.ep, sizeof(dropping->ep));
	store_save(host->store, STEAL(change), on_dropped, STEAL(dropping));
}
