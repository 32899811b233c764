/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The register of authorities. Whoever registers one opens a door: so it is in the journal with its
 * policy, and on disk before the LAN believes it. Withdrawn is withdrawn at once: the sessions of
 * its devices end with the record. What comes from a file of the directory is changed there. What
 * is on its way to disk counts as registered, for the limit and for its row.
 */

#include "host/ca-host.h"
#include "host/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/import.h"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)
DEFINE_CLEANUP(struct device_ca *, device_ca_free, cleanup_ca)

int ca_load(struct host *host, struct device_ca *ca)
{
	int r = device_cas_reserve(&host->cas);

	if (r < 0) {
		device_ca_free(ca);
		return r;
	}
	device_cas_put(&host->cas, ca);
	host->next_ca_row = device_cas_next_row(&host->cas);
	return 0;
}

void ca_trust(struct host *host)
{
	CLEANUP(cleanup_free) const char **list = calloc(host->cas.count + 1, sizeof(char *));
	int r = list ? 0 : -ENOMEM;

	if (!host->lan)
		return;
	for (size_t i = 0; r >= 0 && i < host->cas.count; i++)
		list[i] = host->cas.ca[i]->certificate;
	if (r >= 0)
		r = lan_trust(host->lan, list, host->cas.count);
	/* Better nobody than one that was withdrawn. */
	if (r < 0) {
		log_error("The authorities of devices could not be taken on: %s. No device comes "
			  "in with a certificate until the next start.",
			strerror(-r));
		lan_trust(host->lan, NULL, 0);
	}
}

struct ca_saving {
	struct ca_saving *next; /* of those under way */
	struct host *host;
	struct device_ca *ca; /* that is in force then; NULL: 'row' is gone */
	uint64_t row;
	act_done_fn done; /* or NULL */
	void *userdata;
};

static struct ca_saving *saving_free(struct ca_saving *saving)
{
	if (saving)
		device_ca_free(saving->ca);
	free(saving);
	return NULL;
}
DEFINE_CLEANUP(struct ca_saving *, saving_free, cleanup_saving)

/* The newest one under way with this fingerprint, or NULL. */
static const struct ca_saving *saving_find(const struct host *host, const char *fingerprint)
{
	const struct ca_saving *saving = host->ca_savings;

	while (saving && !(saving->ca && !strcmp(saving->ca->fingerprint, fingerprint)))
		saving = saving->next;
	return saving;
}

size_t ca_under_way(
	const struct host *host, const struct device_cas *files, const struct device_ca *ca)
{
	size_t count = 0;

	for (const struct ca_saving *at = host->ca_savings; at; at = at->next)
		count += at->ca && saving_find(host, at->ca->fingerprint) == at &&
			 !device_cas_find(&host->cas, at->ca->fingerprint) &&
			 !(ca && !strcmp(at->ca->fingerprint, ca->fingerprint)) &&
			 !(files && device_cas_find(files, at->ca->fingerprint));
	return count;
}

static void saving_leave(struct ca_saving *saving)
{
	struct ca_saving **at = &saving->host->ca_savings;

	while (*at != saving)
		at = &(*at)->next;
	*at = saving->next;
}

static void answer(const struct ca_saving *saving, const char *text)
{
	if (saving->done)
		import_answer(saving->done, saving->userdata, ACT_DONE, 0, text);
}

static void out_of_memory(act_done_fn done, void *userdata)
{
	if (done)
		import_not_stored(done, userdata, -ENOMEM);
}

static void on_saved(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_saving) struct ca_saving *saving = userdata;
	struct host *host = saving->host;
	const char *text;

	saving_leave(saving);
	host_saved(host, result, head);
	if (result < 0) {
		log_error(
			"The register of authorities could not be changed: %s.", strerror(-result));
		if (saving->done)
			import_not_stored(saving->done, saving->userdata, result);
		return;
	}
	if (saving->ca) {
		text = saving->ca->policy == CA_AUTO
			       ? "Registered. A device with a certificate of this authority is "
				 "taken in when it comes for the first time."
			       : "Registered. A person decides on each device with a certificate "
				 "of "
				 "this authority.";
		log_notice("The authority %s (SHA-256 %s) is registered, admit = %s.",
			saving->ca->name, saving->ca->fingerprint,
			ca_policy_to_string(saving->ca->policy));
		/* Reserved here, where it is used: others were on their way at the same time. */
		if (device_cas_reserve(&host->cas) < 0) {
			log_error("There is no memory for the authority %s: it is believed after "
				  "the next start.",
				saving->ca->name);
			out_of_memory(saving->done, saving->userdata);
			return;
		}
		device_cas_put(&host->cas, STEAL(saving->ca));
	} else {
		text = "Withdrawn. No device comes in with a certificate of this authority any "
		       "more; those that were in are out.";
		device_cas_drop(&host->cas, saving->row);
	}
	ca_trust(host);
	host_touch(host);
	answer(saving, text);
}

static void save(struct host *host, struct ca_saving *saving_stolen, const struct audit_row *audit)
{
	CLEANUP(cleanup_saving) struct ca_saving *saving = saving_stolen;
	CLEANUP(cleanup_change) struct change *change = NULL;
	int r = change_new(&change);

	if (r >= 0)
		r = saving->ca ? change_put_device_ca(change, saving->ca)
			       : change_drop_device_ca(change, saving->row);
	if (r >= 0)
		r = change_append_audit(change, audit);
	if (r >= 0) {
		saving->next = host->ca_savings;
		host->ca_savings = saving;
		store_save(host->store, STEAL(change), on_saved, STEAL(saving));
	} else if (saving->done)
		import_not_stored(saving->done, saving->userdata, r);
}

const char *ca_audit_result(const struct device_ca *ca)
{
	return audit_result(ca->policy == CA_AUTO ? AUDIT_ADMITS_AUTO : AUDIT_ADMITS_PERSON);
}

void ca_save(struct host *host, struct device_ca *ca_stolen, const struct audit_row *audit,
	act_done_fn done, void *userdata)
{
	CLEANUP(cleanup_ca) struct device_ca *ca = ca_stolen;
	const struct device_ca *known = device_cas_find(&host->cas, ca->fingerprint);
	struct ca_saving *saving = calloc(1, sizeof(*saving));
	const struct ca_saving *under_way;

	if (!saving) {
		out_of_memory(done, userdata);
		return;
	}
	/* One authority has one row, also when it is registered twice at once. */
	under_way = saving_find(host, ca->fingerprint);
	ca->row = known ? known->row : under_way ? under_way->ca->row : host->next_ca_row++;
	*saving = (struct ca_saving){
		.host = host, .ca = STEAL(ca), .done = done, .userdata = userdata};
	save(host, saving, audit);
}

void ca_withdraw(struct host *host, const struct device_ca *ca, const struct audit_row *audit,
	act_done_fn done, void *userdata)
{
	struct ca_saving *saving = calloc(1, sizeof(*saving));

	if (!saving) {
		out_of_memory(done, userdata);
		return;
	}
	*saving = (struct ca_saving){
		.host = host, .row = ca->row, .done = done, .userdata = userdata};
	save(host, saving, audit);
}

/* ---- acts ---- */

static int ca_make(
	const struct act *act, struct span pem, struct device_ca **ret, const char **ret_why)
{
	CLEANUP(cleanup_ca) struct device_ca *ca = calloc(1, sizeof(*ca));
	struct chain_facts facts;
	int r;

	*ret_why = NULL;
	if (!ca)
		return -ENOMEM;
	r = authority_read(pem, &facts, &ca->certificate, ret_why);
	if (r < 0)
		return r;
	memcpy(ca->fingerprint, facts.fingerprint, sizeof(ca->fingerprint));
	snprintf(ca->name, sizeof(ca->name), "%s", act->name[0] ? act->name : facts.common_name);
	snprintf(ca->added_by, sizeof(ca->added_by), "%s", act->who);
	ca->policy = (enum ca_policy)act->number;
	ca->since = clock_wall_msec();
	ca->not_after = facts.not_after;
	*ret = STEAL(ca);
	return 0;
}

static void stands_in_a_file(struct host *host, act_done_fn done, void *userdata)
{
	char text[257];

	snprintf(text, sizeof(text),
		"This authority stands in a file in %.120s: change or remove that file, then "
		"reload "
		"the gateway.",
		host->config->lan_device_cas);
	import_answer(done, userdata, ACT_IMPOSSIBLE, 0, text);
}

void ca_put(
	struct host *host, const struct act *act, struct span pem, act_done_fn done, void *userdata)
{
	struct device_ca *ca = NULL;
	const struct device_ca *known;
	struct audit_row audit;
	const char *why = NULL;
	char text[257];

	if (label_check(span_from_string(act->name), &why) < 0) {
		import_answer(done, userdata, ACT_BAD_INPUT, 0, why);
		return;
	}
	if (ca_make(act, pem, &ca, &why) < 0) {
		if (why)
			snprintf(text, sizeof(text), "The file %s. Nothing was registered.", why);
		if (why)
			import_answer(done, userdata, ACT_BAD_INPUT, 0, text);
		else
			import_not_stored(done, userdata, -ENOMEM);
		return;
	}
	known = device_cas_find(&host->cas, ca->fingerprint);
	if (known && known->from_file) {
		device_ca_free(ca);
		stands_in_a_file(host, done, userdata);
		return;
	}
	if (!known && host->cas.count + ca_under_way(host, NULL, ca) >=
			      host->limits.value[LIMIT_DEVICE_CAS]) {
		host->limits.reached[LIMIT_DEVICE_CAS]++;
		device_ca_free(ca);
		import_answer(done, userdata, ACT_IMPOSSIBLE, 0,
			"There are as many authorities as this gateway keeps (status --limits): "
			"withdraw one first.");
		return;
	}
	audit_of_act(act, ca->fingerprint, "", ca_audit_result(ca), &audit);
	ca_save(host, ca, &audit, done, userdata);
}

void ca_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	const struct device_ca *ca = device_cas_find_typed(&host->cas, act->secret);
	struct audit_row audit;

	if (!ca) {
		import_answer(done, userdata, ACT_UNKNOWN, 0,
			"There is no authority, or more than one, whose fingerprint begins like "
			"that (at least 8 digits).");
		return;
	}
	if (ca->from_file) {
		stands_in_a_file(host, done, userdata);
		return;
	}
	audit_of_act(act, ca->fingerprint, "", audit_result(AUDIT_DONE), &audit);
	ca_withdraw(host, ca, &audit, done, userdata);
}
