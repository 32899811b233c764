/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The authority of the site. Made here its key has never been anywhere else; imported it was.
 * Either way it is sealed on disk, with a row in the journal, before a certificate is issued under
 * it. Another one in its place does not touch devices: each has its certificate until that is
 * renewed, which the platform takes when it knows the new authority.
 */

#include "host/site-ca-host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/identity.h"
#include "base/issue.h"
#include "base/log.h"
#include "host/import.h"
#include "host/journal.h"

#define LIFE_MSEC     (INT64_C(20) * 365 * 86400 * 1000)
#define BACKDATE_MSEC (INT64_C(86400) * 1000)
#define LOOK_USEC     (3600 * USEC_PER_SEC)
#define DAY_LENGTH    10 /* of a time: "2027-01-31" */

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

int site_ca_load(struct host *host, struct span identity)
{
	const char *why = NULL;
	int r = site_ca_read(identity, &host->site_ca, &why);

	if (r == -EBADMSG)
		log_error("The authority of the site %s.", why ? why : "is damaged");
	return r < 0 ? r : secret_set(&host->secrets.site_ca, identity);
}

/* Of one that has been replaced since, or whose end a clock that was wrong had made of. */
static void clear_others(struct host *host, const char *subject)
{
	unsigned i = 0;

	while (i < host->alarms.count) {
		struct alarm alarm = host->alarms.active[i];

		if (alarm.kind == ALARM_SITE_CA_ENDS && strcmp(alarm.subject, subject) != 0) {
			host_alarm_clear(host, alarm.kind, alarm.subject);
			i = 0;
		} else {
			i++;
		}
	}
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	site_ca_watch(userdata);
	return 0;
}

/* An hour after the machine has started nobody sets its clock any more: there is no other. */
static bool clock_may_say_so(void)
{
	return clock_is_synced() || clock_boot_usec() >= LOOK_USEC;
}

/* Once an hour: the wall clock may be set meanwhile. Until it is what was said stays said. */
void site_ca_watch(struct host *host)
{
	bool soon = site_ca_ends_soon(&host->site_ca, clock_wall_msec());
	char day[24] = "";
	int r;

	if (host->site_ca.certificate)
		clock_format(host->site_ca.facts.not_after, day);
	day[DAY_LENGTH] = '\0';
	clear_others(host, soon || !clock_is_synced() ? day : "");
	/* Once, not once more for each look. */
	if (soon && clock_may_say_so() && !host_alarm_is_active(host, ALARM_SITE_CA_ENDS, day))
		host_alarm_raise(host, ALARM_SITE_CA_ENDS, day);
	if (!host->site_ca.certificate)
		return;
	r = loop_timer_set(
		host->loop, &host->site_ca_timer, LOOK_USEC, on_look, host, "site-ca-end");
	if (r < 0)
		log_error("The end of the site's authority is not watched: %s.", strerror(-r));
}

void site_ca_end(struct host *host)
{
	host->site_ca_timer = loop_source_free(host->site_ca_timer);
	secret_clear(&host->secrets.site_ca);
	site_ca_clear(&host->site_ca);
}

struct saving {
	struct host *host;
	struct site_ca ca;
	struct secret identity;
	act_done_fn done;
	void *userdata;
};

static void saving_free(struct saving *saving)
{
	site_ca_clear(&saving->ca);
	secret_clear(&saving->identity);
	free(saving);
}
DEFINE_CLEANUP(struct saving *, saving_free, cleanup_saving)

static void on_saved(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_saving) struct saving *saving = userdata;
	struct host *host = saving->host;

	host->site_ca_saving = false;
	host_saved(host, result, head);
	if (result < 0) {
		log_error("The authority of the site could not be saved: %s.", strerror(-result));
		import_not_stored(saving->done, saving->userdata, result);
		return;
	}
	site_ca_end(host);
	host->site_ca = saving->ca;
	host->secrets.site_ca = saving->identity;
	saving->ca = (struct site_ca){.certificate = NULL};
	saving->identity = (struct secret){NULL, 0};
	site_ca_watch(host);
	log_notice("The authority of the site is %s (SHA-256 %s).", host->site_ca.facts.common_name,
		host->site_ca.facts.fingerprint);
	host_touch(host);
	import_answer(saving->done, saving->userdata, ACT_DONE, 0,
		"Certificates for devices are issued under this authority from now on. Register "
		"its certificate at the platform.");
}

static void save(struct host *host, const struct act *act, struct saving *saving_stolen)
{
	CLEANUP(cleanup_saving) struct saving *saving = saving_stolen;
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_row audit;
	int r = change_new(&change);

	audit_of_act(act, saving->ca.facts.fingerprint, "", audit_result(AUDIT_DONE), &audit);
	if (r >= 0)
		r = change_put_secret(change, SITE_CA_SECRET, secret_span(&saving->identity));
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r < 0) {
		import_not_stored(saving->done, saving->userdata, r);
		return;
	}
	host->site_ca_saving = true;
	store_save(host->store, STEAL(change), on_saved, STEAL(saving));
}

/* The certificate without what stands around it, then the key. */
static int tidy(struct span identity, const char *certificate, struct secret *ret_identity)
{
	struct span before, key;
	size_t first = strlen(certificate);
	uint8_t *bytes;

	if (identity_split(identity, &before, &key) < 0)
		return -EBADMSG;
	bytes = malloc(first + key.size + 1);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, certificate, first);
	memcpy(bytes + first, key.data, key.size);
	bytes[first + key.size] = '\n';
	*ret_identity = (struct secret){bytes, first + key.size + 1};
	return 0;
}

static void put(struct host *host, const struct act *act, struct span identity, act_done_fn done,
	void *userdata)
{
	CLEANUP(cleanup_saving) struct saving *saving = calloc(1, sizeof(*saving));
	const char *why = NULL;
	char text[257];
	int r = -ENOMEM;

	if (saving) {
		*saving = (struct saving){.host = host, .done = done, .userdata = userdata};
		r = site_ca_read(identity, &saving->ca, &why);
	}
	if (r >= 0)
		r = tidy(identity, saving->ca.certificate, &saving->identity);
	if (r == -EBADMSG) {
		snprintf(text, sizeof(text), "The file %s. Nothing was changed.",
			why ? why : "holds no authority");
		import_answer(done, userdata, ACT_BAD_INPUT, 0, text);
	} else if (r < 0) {
		import_not_stored(done, userdata, r);
	} else if (saving->ca.facts.not_after <= clock_wall_msec()) {
		import_answer(done, userdata, ACT_BAD_INPUT, 0,
			"The certificate of this authority has ended, by the gateway's clock. "
			"Nothing was changed.");
	} else {
		save(host, act, STEAL(saving));
	}
}

static void make(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	int64_t now = clock_wall_msec();
	char name[ISSUE_NAME_MAX + 1], *identity = NULL;
	int r;

	if (act->name[0])
		snprintf(name, sizeof(name), "%s", act->name);
	else
		snprintf(name, sizeof(name), "%.50s site CA", host->config->id);
	r = authority_make(name, now - BACKDATE_MSEC, now + LIFE_MSEC, &identity);
	if (r == -EINVAL) {
		import_answer(done, userdata, ACT_BAD_INPUT, 0,
			"The name of an authority must be 1 to 64 printable ASCII characters.");
		return;
	}
	if (r < 0) {
		import_not_stored(done, userdata, r);
		return;
	}
	put(host, act, span_from_string(identity), done, userdata);
	crypto_wipe(identity, strlen(identity));
	free(identity);
}

/* ---- proof ---- */

struct proving {
	struct host *host;
	char *certificate;
	act_done_fn done;
	void *userdata;
};

static void proving_free(struct proving *proving)
{
	free(proving->certificate);
	free(proving);
}
DEFINE_CLEANUP(struct proving *, proving_free, cleanup_proving)

static void on_proof_saved(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_proving) struct proving *proving = userdata;

	host_saved(proving->host, result, head);
	if (result < 0) {
		import_not_stored(proving->done, proving->userdata, result);
		return;
	}
	proving->done(proving->userdata, &(const struct act_outcome){.result = ACT_DONE,
						 .parcel = span_from_string(proving->certificate)});
}

static void prove(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	CLEANUP(cleanup_proving) struct proving *proving = calloc(1, sizeof(*proving));
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_row audit;
	int r = proving ? change_new(&change) : -ENOMEM;

	if (r >= 0) {
		*proving = (struct proving){.host = host, .done = done, .userdata = userdata};
		r = issue_proof(secret_span(&host->secrets.site_ca), act->code, clock_wall_msec(),
			&proving->certificate);
	}
	if (r == -EINVAL || r == -EKEYEXPIRED) {
		import_answer(done, userdata, r == -EINVAL ? ACT_BAD_INPUT : ACT_IMPOSSIBLE, 0,
			r == -EINVAL ? "The code must be 1 to 64 printable ASCII characters."
				     : "The authority of the site is not good now. Is the "
				       "gateway's clock right?");
		return;
	}
	audit_of_act(act, host->site_ca.facts.fingerprint, "", audit_result(AUDIT_DONE), &audit);
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r < 0)
		import_not_stored(done, userdata, r);
	else
		store_save(host->store, STEAL(change), on_proof_saved, STEAL(proving));
}

void site_ca_do(struct host *host, const struct act *act, struct span identity, act_done_fn done,
	void *userdata)
{
	bool is_there = host->site_ca.certificate != NULL;

	if (act->kind == ACT_SITE_CA_PROVE && is_there)
		prove(host, act, done, userdata);
	else if (act->kind == ACT_SITE_CA_PROVE)
		import_answer(done, userdata, ACT_IMPOSSIBLE, 0,
			"There is no authority of the site: make or import one first.");
	else if (host->site_ca_saving)
		import_answer(done, userdata, ACT_IMPOSSIBLE, 0,
			"An authority of the site is being saved: look what became of it.");
	else if (is_there && !act->more)
		import_answer(done, userdata, ACT_IMPOSSIBLE, 0,
			"There is an authority of the site already. Say that it is to be replaced, "
			"and register the new one at the platform before its devices renew their "
			"certificates.");
	else if (act->kind == ACT_SITE_CA_IMPORT)
		put(host, act, identity, done, userdata);
	else
		make(host, act, done, userdata);
}
