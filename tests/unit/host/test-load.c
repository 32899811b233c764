/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests of an earlier process are still known after a start. */

#include "fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/recent.h"
#include "host/load.h"

#define BOOT_ROW 100

/* ---- what is on disk, and what the LAN was told ---- */

static struct store_request on_disk[8];
static size_t on_disk_count;
static struct {
	uint16_t message_id, port;
	uint64_t since_usec;
	char ep[EP_MAX + 1];
} told[16];
static size_t told_count;

void store_get_facts(const struct store *store, struct store_facts *ret_facts)
{
	*ret_facts = (struct store_facts){
		.epoch = 1, .next_row = 1000, .next_device_row = 2, .boot_row = BOOT_ROW};
}

int store_load(struct store *store, const struct store_loader *loader, void *userdata)
{
	struct device_record *record = calloc(1, sizeof(*record));
	int r;

	assert_non_null(record);
	record->row = 1;
	record->trust = TRUST_CLAIMED;
	record->address.port = 5683;
	strcpy(record->id, "one-id");
	strcpy(record->ep, "one");
	strcpy(record->platform, "local");
	r = loader->device(userdata, record);
	for (size_t i = 0; i < on_disk_count && r >= 0; i++)
		r = loader->request(userdata, 1, &on_disk[i]);
	return r;
}

void lan_remember(struct lan *lan, const struct device_address *address, const char *ep,
	const struct request_key *key, uint64_t since_usec)
{
	assert_true(told_count < 16);
	told[told_count].message_id = key->message_id;
	told[told_count].port = address->port;
	told[told_count].since_usec = since_usec;
	strcpy(told[told_count++].ep, ep);
}

void lan_remember_session(struct lan *lan, enum trust trust, const char *identity,
	const struct request_key *key, uint64_t since_usec)
{
	fail();
}

static void put(uint64_t row, int64_t age_sec, bool confirmable)
{
	on_disk[on_disk_count++] = (struct store_request){.row = row,
		.time = bed.wall_msec - age_sec * 1000,
		.key = {.message_id = (uint16_t)row, .confirmable = confirmable}};
}

static void load(void)
{
	struct host *host = &bed.host;
	struct remembered *remembered = NULL;

	told_count = 0;
	host->registry = registry_free(host->registry);
	host->owed = owed_free(host->owed);
	host->recent = recent_free(host->recent);
	assert_int_equal(host_load(host, &remembered), 0);
	host_load_remember(host, remembered);
	remembered_free_all(&remembered);
	host->recent = recent_free(host->recent);
	on_disk_count = 0;
}

/* ---- the tests ---- */

/* The gateway was killed: what had its answer lost is said again. */
static void what_just_came_is_known(void **state)
{
	bed.boot_usec = 3600 * USEC_PER_SEC;
	put(BOOT_ROW, 246, true);
	put(200, 144, false);
	put(201, 0, true);
	load();
	assert_int_equal(told_count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(told[i].message_id, ((uint16_t[]){BOOT_ROW, 200, 201})[i / 2]);
		assert_int_equal(told[i].port, 0);
		assert_string_equal(told[i].ep, i % 2 ? "" : "one");
		assert_int_equal(told[i].since_usec,
			(uint64_t)((int[]){3600 - 246, 3600 - 144, 3600})[i / 2] * USEC_PER_SEC);
	}
}

/* It waits in the queue since long: nobody says it again, but a device that counts from the
 * beginning says something new with its numbers. */
static void what_is_old_is_new(void **state)
{
	bed.boot_usec = 3600 * USEC_PER_SEC;
	put(200, 249, true);
	put(201, 147, false);
	load();
	assert_int_equal(told_count, 0);
}

/* The power was away, here and at the device. */
static void what_came_before_the_machine_started_is_new(void **state)
{
	bed.boot_usec = 3600 * USEC_PER_SEC;
	put(BOOT_ROW - 1, 1, true);
	load();
	assert_int_equal(told_count, 0);
}

/* One of the future, and one that is older than the machine. */
static void a_clock_that_was_set_forgets(void **state)
{
	bed.boot_usec = 10 * USEC_PER_SEC;
	put(200, -1, true);
	put(201, 11, true);
	load();
	assert_int_equal(told_count, 0);
}

#define T(function) cmocka_unit_test_setup_teardown(function, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_just_came_is_known),
		T(what_is_old_is_new),
		T(what_came_before_the_machine_started_is_new),
		T(a_clock_that_was_set_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
