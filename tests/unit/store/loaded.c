/* SPDX-License-Identifier: Apache-2.0 */
/* What store_load() brings, kept for a look. */

#include "loaded.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int take_device(void *userdata, struct device_record *record)
{
	struct loaded *loaded = userdata;

	loaded->device[loaded->devices++] = record;
	return 0;
}

static int take_person(void *userdata, const struct person *person)
{
	struct loaded *loaded = userdata;

	loaded->person[loaded->people++] = *person;
	return 0;
}

static int take_alarm(void *userdata, const struct alarm *alarm)
{
	struct loaded *loaded = userdata;

	loaded->alarm[loaded->alarms++] = *alarm;
	return 0;
}

static int take_setting(void *userdata, const char *name, const char *value)
{
	struct loaded *loaded = userdata;

	snprintf(loaded->setting[loaded->settings++], 300, "%s=%s", name, value);
	return 0;
}

static int take_owed(void *userdata, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row)
{
	struct loaded *loaded = userdata;
	const uint64_t row[5] = {device_row, count, bytes, first_row, last_row};

	memcpy(loaded->owed[loaded->owed_devices++], row, sizeof(row));
	return 0;
}

static int take_oldest(void *userdata, uint64_t device_row, int64_t time)
{
	struct loaded *loaded = userdata;

	if (loaded->owed[loaded->owed_devices - 1][0] != device_row)
		return -EINVAL;
	loaded->oldest[loaded->owed_devices - 1] = time;
	return 0;
}

static int take_request(void *userdata, uint64_t device_row, const struct store_request *request)
{
	struct loaded *loaded = userdata;

	loaded->request_device[loaded->requests] = device_row;
	loaded->request[loaded->requests++] = *request;
	return 0;
}

static int take_token(void *userdata, const char *kind, const char *ep, int64_t since, bool brought)
{
	struct loaded *loaded = userdata;

	snprintf(loaded->token[loaded->tokens++], 100, "%s %s %lld%s", kind, ep, (long long)since,
		brought ? " brought" : "");
	return 0;
}

static int take_operator_token(
	void *userdata, const char *platform, int64_t since, struct span value)
{
	struct loaded *loaded = userdata;

	snprintf(loaded->operator_token, sizeof(loaded->operator_token), "%s %lld %.*s", platform,
		(long long)since, (int)value.size, value.size ? (const char *)value.data : "");
	return 0;
}

static int take_command(void *userdata, const struct command *command)
{
	struct loaded *loaded = userdata;

	loaded->command[loaded->commands++] = *command;
	return 0;
}

static int take_label(void *userdata, struct kept_label *kept)
{
	struct loaded *loaded = userdata;

	loaded->label[loaded->labels++] = kept;
	return 0;
}

static int take_gap(void *userdata, const struct store_gap *gap)
{
	struct loaded *loaded = userdata;

	loaded->gap[loaded->gaps++] = *gap;
	return 0;
}

static int take_withdrawal(void *userdata, struct withdrawal *withdrawal)
{
	struct loaded *loaded = userdata;

	loaded->withdrawal[loaded->withdrawals++] = withdrawal;
	return 0;
}

static int take_site_ca(void *userdata, struct span identity)
{
	struct loaded *loaded = userdata;

	return span_to_string(identity, loaded->site_ca, sizeof(loaded->site_ca));
}

const struct store_loader LOADER = {
	.site_ca = take_site_ca,
	.withdrawal = take_withdrawal,
	.device = take_device,
	.person = take_person,
	.alarm = take_alarm,
	.setting = take_setting,
	.token = take_token,
	.operator_token = take_operator_token,
	.label = take_label,
	.owed = take_owed,
	.oldest = take_oldest,
	.request = take_request,
	.command = take_command,
	.gap = take_gap,
};

void reload(struct fixture *fixture, struct loaded *loaded)
{
	memset(loaded, 0, sizeof(*loaded));
	fixture_stop(fixture);
	fixture_open(fixture);
	assert_int_equal(store_load(fixture->store, &LOADER, loaded), 0);
}

void loaded_done(struct loaded *loaded)
{
	while (loaded->devices > 0)
		device_record_free(loaded->device[--loaded->devices]);
	while (loaded->withdrawals > 0)
		withdrawal_free(loaded->withdrawal[--loaded->withdrawals]);
	while (loaded->labels > 0)
		kept_label_free(loaded->label[--loaded->labels]);
}
