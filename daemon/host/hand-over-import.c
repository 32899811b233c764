/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device comes from another gateway:
 *
 *	parcel -> the store opens it -> is it whole, and new here -> its token -> its label -> its
 *	record, suspended, with the row of the journal -> resumed
 *
 * Until the last step nothing speaks for it. An import that ends early leaves it suspended, or only
 * its token or label, and is begun again or ended by hand.
 */

#include "host/effect.h"
#include "host/hand-over-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/hand-over.h"
#include "host/label-host.h"
#include "host/token-host.h"

struct coming {
	struct host *host;
	struct act act;
	act_done_fn done;
	void *userdata;
	struct hand_over in;
	char id[DEVICE_ID_MAX + 1], from[33];
};

static void end(struct coming *coming, enum act_result result, const char *text)
{
	import_answer(coming->done, coming->userdata, result, 0, text);
	hand_over_clear(&coming->in);
	free(coming);
}

/* ---- the record ---- */

static void on_resumed(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct coming *coming = userdata;
	char text[160];

	if (result != SUBMIT_DONE) {
		end(coming, ACT_IMPOSSIBLE,
			"It is here, and suspended: it could not be resumed. See gatehousectl "
			"show.");
		return;
	}
	log_notice("Device %s was taken over from the gateway %s.", coming->id, coming->from);
	snprintf(text, sizeof(text), "%s was taken over from %s.", coming->id, coming->from);
	end(coming, ACT_DONE, text);
}

static void on_saved(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct coming *coming = userdata;

	if (result == SUBMIT_DONE) {
		host_submit(coming->host, device,
			&(const struct submission){
				.event = LIFE_RESUME, .done = on_resumed, .userdata = coming});
		return;
	}
	if (device)
		registry_remove(coming->host->registry, device);
	end(coming, ACT_NOT_STORED, why ? why : "The gateway is stopping.");
}

struct import_edit {
	const struct device_record *from;
};

/* Everything else of the record is there already. */
static int edit_import(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct import_edit *edit = argument;
	struct lifecycle life;
	int r = lifecycle_copy(&edit->from->life, &life);

	if (r < 0)
		return r;
	lifecycle_clear(&next->life);
	next->life = life;
	return 0;
}

/* As one that was only seen, so that it is nothing before it is on disk. */
static int add_sighted(struct coming *coming, struct device **ret)
{
	struct host *host = coming->host;
	struct device_record *record;
	int r = device_record_copy(coming->in.record, &record);

	if (r < 0)
		return r;
	lifecycle_clear(&record->life);
	record->life = (struct lifecycle){.admission = ADMISSION_SIGHTED};
	return device_host_add(host, record, ret);
}

static void take_in(struct coming *coming)
{
	struct host *host = coming->host;
	const struct import_edit edit = {coming->in.record};
	struct audit_row audit;
	struct device *device;
	int r = add_sighted(coming, &device);

	if (r < 0) {
		end(coming, r == -ENOMEM ? ACT_NOT_STORED : ACT_IMPOSSIBLE,
			r == -ENOSPC ? "There are as many devices as this gateway keeps."
				     : "It could not be taken in.");
		return;
	}
	coming->in.record->life.operation_number = host->next_operation++;
	audit_of_act(&coming->act, coming->id, coming->from, audit_result(AUDIT_DONE), &audit);
	host_submit(host, device,
		&(const struct submission){.event = LIFE_EVENTS,
			.edit = edit_import,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.audit = &audit,
			.done = on_saved,
			.userdata = coming});
}

/* ---- what belongs to it ---- */

static void on_label(void *userdata, const struct act_outcome *outcome)
{
	if (outcome->result != ACT_DONE)
		end(userdata, outcome->result, outcome->text);
	else
		take_in(userdata);
}

static void put_label(struct coming *coming)
{
	struct act act = coming->act;
	struct label_list list = {0};
	struct kept_label *kept;

	if (!coming->in.has_label) {
		take_in(coming);
		return;
	}
	if (kept_label_new(&coming->in.label, &kept) < 0) {
		end(coming, ACT_NOT_STORED, "The gateway is out of memory.");
		return;
	}
	kept->imported = true;
	label_list_add(&list, kept);
	act.kind = ACT_CODES_PUT;
	label_import(coming->host, &act, &list, on_label, coming);
}

static void on_token(void *userdata, const struct act_outcome *outcome)
{
	if (outcome->result != ACT_DONE)
		end(userdata, outcome->result, outcome->text);
	else
		put_label(userdata);
}

static void put_token(struct coming *coming)
{
	struct token *token = coming->in.token.size ? calloc(1, sizeof(*token)) : NULL;
	struct act act = coming->act;
	struct token_list list = {0};

	if (!coming->in.token.size) {
		put_label(coming);
		return;
	}
	if (!token) {
		end(coming, ACT_NOT_STORED, "The gateway is out of memory.");
		return;
	}
	snprintf(token->kind, sizeof(token->kind), "%s", coming->in.record->platform);
	snprintf(token->ep, sizeof(token->ep), "%s", coming->in.record->ep);
	token->value = coming->in.token;
	coming->in.token = (struct secret){0};
	token_list_add(&list, token);
	act.kind = ACT_TOKENS_PUT;
	token_import(coming->host, &act, &list, on_token, coming);
}

/* ---- the parcel ---- */

static const char *why_not(int error)
{
	switch (error) {
	case -ENOMSG:
		return "That is no parcel of a gateway.";
	case -EKEYREJECTED:
		return "It was sealed for another gateway.";
	case -EBADMSG:
		return "It is damaged.";
	default:
		return "It could not be opened.";
	}
}

/* NULL, or why it cannot come in. */
static const char *hindrance(const struct coming *coming)
{
	const struct device_record *record = coming->in.record;
	const struct registry *registry = coming->host->registry;

	if (registry_by_id(registry, record->id) || registry_by_ep(registry, record->ep))
		return "A device of this name is known here already: forget it first.";
	if (!platform_driver_by_name(record->platform))
		return "This gateway does not know the platform that it belongs to.";
	return NULL;
}

static void on_opened(void *userdata, int result, struct span plain)
{
	struct coming *coming = userdata;
	const struct config_list *interfaces = &coming->host->config->lan_interfaces;
	const char *why = NULL;
	struct device_record *record;

	if (result < 0) {
		end(coming, ACT_BAD_INPUT, why_not(result));
		return;
	}
	if (hand_over_read(plain, &coming->in, &why) < 0) {
		end(coming, ACT_BAD_INPUT, why);
		return;
	}
	why = hindrance(coming);
	if (why) {
		end(coming, ACT_IMPOSSIBLE, why);
		return;
	}
	record = coming->in.record;
	memcpy(coming->id, record->id, sizeof(coming->id));
	memcpy(coming->from, coming->in.from, sizeof(coming->from));
	/* The other gateway's name for its network means nothing here. */
	if (interfaces->count == 1)
		snprintf(record->address.interface, sizeof(record->address.interface), "%.15s",
			interfaces->item[0]);
	put_token(coming);
}

void hand_over_import(struct host *host, const struct act *act, struct span parcel,
	act_done_fn done, void *userdata)
{
	struct coming *coming = calloc(1, sizeof(*coming));

	if (!coming) {
		import_answer(done, userdata, ACT_NOT_STORED, 0, "The gateway is out of memory.");
		return;
	}
	*coming = (struct coming){.host = host, .act = *act, .done = done, .userdata = userdata};
	store_open_parcel(host->store, parcel, on_opened, coming);
}
