/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Alarms, rows of the audit, and the word to who looks on that there is something new.
 */

#include "host/host.h"

void host_alarm_raise(struct host *host, enum alarm_kind kind, const char *subject);
void host_alarm_clear(struct host *host, enum alarm_kind kind, const char *subject);
bool host_alarm_is_active(const struct host *host, enum alarm_kind kind, const char *subject);
/* All alarms about a device that is forgotten. */
void host_alarms_forget(struct host *host, const char *subject);
void host_audit(struct host *host, const struct audit_row *row, store_done_fn done, void *userdata);
void audit_of_act(const struct act *act, const char *object, const char *evidence,
	const char *result, struct audit_row *ret_row);
void host_turned_away(struct host *host, enum turned_away why, const struct device_address *from);
void host_saved(struct host *host, int result, const char *head);
void host_touch(struct host *host); /* see enum api_news */
void host_touch_traffic(struct host *host);
