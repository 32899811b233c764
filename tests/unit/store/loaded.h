/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What store_load() brings, kept for a look. */

#include "fixture.h"

struct loaded {
	struct device_record *device[64];
	size_t devices;
	struct person person[8];
	size_t people;
	struct alarm alarm[8];
	size_t alarms;
	char setting[8][300];
	size_t settings;
	uint64_t owed[8][5]; /* device, count, bytes, first, last */
	size_t owed_devices;
	int64_t oldest[8]; /* of each of them */
	struct store_request request[64];
	uint64_t request_device[64];
	size_t requests;
	char token[64][100]; /* "kind ep since", and " brought" */
	size_t tokens;
	char operator_token[100]; /* "platform since value" */
	struct command command[8];
	size_t commands;
	struct kept_label *label[64];
	size_t labels;
	struct store_gap gap[8];
	size_t gaps;
	struct withdrawal *withdrawal[8];
	size_t withdrawals;
	char site_ca[64];
};

extern const struct store_loader LOADER; /* userdata: a zeroed struct loaded */

/* Ends the store, opens it again, loads; not started. */
void reload(struct fixture *fixture, struct loaded *loaded);
void loaded_done(struct loaded *loaded); /* frees devices and labels */
