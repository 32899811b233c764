/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Alarms and audit: what must be told to people and kept. An alarm is raised in memory first (so
 * that it is seen even when nothing can be written) and saved with an audit row; failures to save
 * it are logged, not retried: the cause raises it again.
 */

#include "host/journal.h"
#include "host/host.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"

void host_touch(struct host *host)
{
	if (host->api)
		api_touch(host->api);
}

void host_touch_traffic(struct host *host)
{
	if (host->api)
		api_touch_traffic(host->api);
}

void host_saved(struct host *host, int result, const char *head)
{
	if (result >= 0) {
		/* A change holds at most one audit row; the head moved exactly if it held one. */
		if (head && head[0] && strcmp(head, host->facts.audit_head) != 0) {
			host->facts.audit_rows++;
			snprintf(
				host->facts.audit_head, sizeof(host->facts.audit_head), "%s", head);
		}
		host_alarm_clear(host, ALARM_CONTROL_FULL, "");
	} else if (result == -ENOSPC) {
		if (!host_alarm_is_active(host, ALARM_CONTROL_FULL, ""))
			log_at(LOG_ERR,
				(&(const struct log_fields){.message_id = MESSAGE_STORE_FULL}),
				"The disk is full: decisions about devices cannot be saved.");
		host_alarm_raise(host, ALARM_CONTROL_FULL, "");
	}
}

void audit_of_act(const struct act *act, const char *object, const char *evidence,
	const char *result, struct audit_row *ret_row)
{
	audit_row_init(ret_row, act->who, role_to_string(act->role), act->via, act->kind, object,
		evidence, result);
}

struct audit_wait {
	struct host *host;
	store_done_fn done;
	void *userdata;
};

static void on_saved(void *userdata, int result, const char *head)
{
	struct audit_wait *wait = userdata;
	store_done_fn done = wait->done;
	void *done_userdata = wait->userdata;

	host_saved(wait->host, result, head);
	free(wait);
	if (done)
		done(done_userdata, result, head);
}

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

static int save(struct host *host, const struct audit_row *row, const struct alarm *alarm,
	store_done_fn done, void *userdata)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_wait *wait;
	int r;

	r = change_new(&change);
	if (r >= 0 && row)
		r = change_append_audit(change, row);
	if (r >= 0 && alarm)
		r = change_put_alarm(change, alarm);
	if (r < 0)
		return r;
	wait = malloc(sizeof(*wait));
	if (!wait)
		return -ENOMEM;
	*wait = (struct audit_wait){.host = host, .done = done, .userdata = userdata};
	store_save(host->store, STEAL(change), on_saved, wait);
	return 0;
}

void host_audit(struct host *host, const struct audit_row *row, store_done_fn done, void *userdata)
{
	int r = save(host, row, NULL, done, userdata);

	if (r < 0 && done)
		done(userdata, r, NULL);
}

static void tell_alarm(struct host *host, const struct alarm *alarm, bool raised)
{
	char sentence[256];
	struct audit_row row;
	const char *message_id = raised ? MESSAGE_ALARM_RAISED : MESSAGE_ALARM_CLEARED;
	int r;

	alarm_sentence(alarm, sentence);
	log_at(raised ? LOG_WARNING : LOG_NOTICE,
		(&(const struct log_fields){.message_id = message_id}), "Alarm %s: %s%s%s",
		raised ? "raised" : "cleared", sentence, raised ? " " : "",
		raised ? alarm_row(alarm->kind)->remedy : "");
	host_touch(host);
	/* The alarm that says that nothing can be written is not written. */
	if (alarm->kind == ALARM_CONTROL_FULL)
		return;
	audit_row_init(&row, "gateway", "", "", raised ? DEED_ALARM_RAISED : DEED_ALARM_CLEARED,
		alarm_row(alarm->kind)->id, "", alarm->subject);
	r = save(host, &row, alarm, NULL, NULL);
	if (r < 0)
		log_error("The alarm could not be saved: %s.", strerror(-r));
}

const char *operation_text(uint64_t number, char ret_text[24])
{
	if (!number)
		return NULL;
	snprintf(ret_text, 24, "%llu", (unsigned long long)number);
	return ret_text;
}

void host_alarm_raise(struct host *host, enum alarm_kind kind, const char *subject)
{
	struct alarm alarm;

	if (alarms_raise(&host->alarms, kind, subject, clock_wall_msec(), &alarm))
		tell_alarm(host, &alarm, true);
}

void host_alarm_clear(struct host *host, enum alarm_kind kind, const char *subject)
{
	struct alarm alarm;

	if (alarms_clear(&host->alarms, kind, subject, clock_wall_msec(), &alarm))
		tell_alarm(host, &alarm, false);
}

bool host_alarm_is_active(const struct host *host, enum alarm_kind kind, const char *subject)
{
	unsigned i;

	for (i = 0; i < host->alarms.count; i++)
		if (host->alarms.active[i].kind == kind &&
			!strcmp(host->alarms.active[i].subject, subject))
			return true;
	return false;
}

void host_alarms_forget(struct host *host, const char *subject)
{
	/* What its platform did not confirm goes on without it. */
	for (unsigned i = 0; i < ALARMS; i++)
		if (alarm_row((enum alarm_kind)i)->about_device && i != ALARM_NOT_WITHDRAWN)
			host_alarm_clear(host, (enum alarm_kind)i, subject);
}

void host_turned_away(struct host *host, enum turned_away why, const struct device_address *from)
{
	uint64_t now = clock_boot_usec(), suppressed;
	char address[80];

	heard_add(&host->heard, why, now);
	host_touch_traffic(host);
	if (!log_limiter_allow(&host->refused_log, now, &suppressed))
		return;
	log_info("Turned away: %s, from %s (%llu more since the last such line).",
		turned_away_to_string(why), from ? device_address_to_string(from, address) : "-",
		(unsigned long long)suppressed);
}
