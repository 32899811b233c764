/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a person does to the window and to alarms, and the way to what is done to devices
 * (act-device.c) and people (people.c). An act that cannot be written to the journal is not done.
 */

#include "host/act.h"
#include "host/enrol.h"
#include "host/host.h"
#include "host/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "host/backup-host.h"
#include "host/ca-host.h"
#include "host/key-host.h"
#include "host/label-host.h"
#include "host/operator-token.h"
#include "host/scan-host.h"
#include "host/token-host.h"
#include "host/typed.h"

void act_call_done(struct act_call *call, enum act_result result, uint32_t number, const char *text)
{
	struct act_outcome outcome = {.result = result, .number = number};

	if (call->act.kind == ACT_ADD)
		memcpy(outcome.device, call->act.device, sizeof(outcome.device));
	snprintf(outcome.text, sizeof(outcome.text), "%s", text ? text : "");
	call->done(call->userdata, &outcome);
	crypto_wipe(&call->act, sizeof(call->act));
	free(call);
}

/* ---- window, alarms ---- */

static void on_audited(void *userdata, int result, const char *head)
{
	struct act_call *call = userdata;
	struct host *host = call->host;
	enum alarm_kind kind;
	uint32_t seconds = 0;

	if (result < 0) {
		act_call_done(call, ACT_NOT_STORED, 0,
			"It could not be written to the journal, so it was not done.");
		return;
	}
	if (call->act.kind == ACT_WINDOW_OPEN) {
		/* The longest time may have been reloaded meanwhile. */
		if (window_open(&host->window, call->act.number, host->config->window_max,
			    call->act.who, clock_boot_usec()) < 0) {
			act_call_done(call, ACT_BAD_INPUT, 0, "That is too long.");
			return;
		}
		log_notice("%s opened the onboarding window for %u seconds.", call->act.who,
			call->act.number);
		seconds = call->act.number;
		enrol_window_opened(host);
	} else if (call->act.kind == ACT_WINDOW_CLOSE) {
		window_close(&host->window);
		enrol_window_timer(host);
		log_notice("%s closed the onboarding window.", call->act.who);
	} else if (alarm_kind_from_string(call->act.name, &kind) >= 0) {
		host_alarm_clear(host, kind, call->act.place);
	}
	host_touch(host);
	act_call_done(call, ACT_DONE, seconds, NULL);
}

static void do_gateway(struct act_call *call)
{
	struct audit_row audit;
	enum alarm_kind kind;
	char text[128];

	/* As long as it may be. */
	if (call->act.kind == ACT_WINDOW_OPEN && !call->act.has_number && !call->act.number)
		call->act.number = call->host->config->window_max;
	if (call->act.kind == ACT_WINDOW_OPEN &&
		(call->act.number < 1 || call->act.number > call->host->config->window_max)) {
		snprintf(text, sizeof(text), "The window can be open for 1 to %u seconds.",
			call->host->config->window_max);
		act_call_done(call, ACT_BAD_INPUT, 0, text);
		return;
	}
	if (call->act.kind == ACT_CLEAR_ALARM &&
		(alarm_kind_from_string(call->act.name, &kind) < 0 ||
			!host_alarm_is_active(call->host, kind, call->act.place))) {
		act_call_done(call, ACT_UNKNOWN, 0, "There is no such alarm.");
		return;
	}
	audit_of_act(&call->act, call->act.kind == ACT_CLEAR_ALARM ? call->act.name : "window", "",
		audit_result(AUDIT_DONE), &audit);
	host_audit(call->host, &audit, on_audited, call);
}

/* A label alone: the device that it is of may not be known. */
static void act_scan(struct act_call *call)
{
	const char *why = NULL;

	if (label_check(span_from_string(call->act.name), &why) < 0 ||
		label_check(span_from_string(call->act.place), &why) < 0 ||
		label_check(span_from_string(call->act.owner), &why) < 0)
		act_call_done(call, ACT_BAD_INPUT, 0, why);
	else
		scan_act(call, NULL);
}

void act_do(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	struct act_call *call;
	const struct act_outcome no_memory = {
		.result = ACT_NOT_STORED, .text = "The gateway is out of memory."};

	if (act->kind == ACT_TOKEN_DROP) {
		token_drop(host, act, done, userdata);
		return;
	}
	if (act->kind == ACT_OPERATOR_DROP) {
		operator_drop(host, act, done, userdata);
		return;
	}
	if (act->kind == ACT_CODE_DROP) {
		label_drop(host, act, done, userdata);
		return;
	}
	if (act->kind == ACT_CA_DROP) {
		ca_drop(host, act, done, userdata);
		return;
	}
	if (act->kind == ACT_KEY) {
		key_act(host, act, done, userdata);
		return;
	}
	if (act->kind == ACT_BACKUP) {
		backup_act(host, act, done, userdata);
		return;
	}
	if (act->kind == ACT_LABEL_CANCEL) {
		scan_cancel(host, act, done, userdata);
		return;
	}
	if (act->kind >= ACT_SETUP_CODE && act->kind != ACT_LABEL_SCAN) {
		people_act(host, act, done, userdata);
		return;
	}
	call = malloc(sizeof(*call));
	if (!call) {
		done(userdata, &no_memory);
		return;
	}
	*call = (struct act_call){.host = host, .act = *act, .done = done, .userdata = userdata};
	if (act->kind == ACT_WINDOW_OPEN || act->kind == ACT_WINDOW_CLOSE ||
		act->kind == ACT_CLEAR_ALARM)
		do_gateway(call);
	else if (act->kind == ACT_LABEL_SCAN)
		act_scan(call);
	else if (act->kind == ACT_ADD)
		typed_add(call);
	else
		act_on_device(call);
}
