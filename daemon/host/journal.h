/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Alarms, rows of the audit, and the word to who looks on that there is something new.
 */

#include "base/log.h"
#include "host/host.h"

/* Of a device's way to its platform: with the fields of the device, its platform and operation. */
#define log_operation(priority, record, ...)                                                       \
	log_at((priority),                                                                         \
		(&(const struct log_fields){.device = (record)->id,                                \
			.platform = (record)->platform,                                            \
			.operation =                                                               \
				operation_text((record)->life.operation_number, (char[24]){""})}), \
		__VA_ARGS__)
/* NULL for 0, which is none. */
const char *operation_text(uint64_t number, char ret_text[24]);

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
