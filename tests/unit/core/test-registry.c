/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: found by every key, moved when a key changes, bounded, and never an id or row
 * twice. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "core/limits.h"
#include "core/registry.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
const struct limit_row *__wrap_limit_row(enum limit limit);
void __real_random_bytes(void *ret_bytes, size_t size);
void __wrap_random_bytes(void *ret_bytes, size_t size);

static int calloc_fails_after = -1; /* so many work before one fails; -1: all work */
static struct limit_row limit_devices = {.value = 100000};
static uint8_t random_next; /* 0: random, else the bytes to come, one less each time */

void *__wrap_calloc(size_t count, size_t size)
{
	if (calloc_fails_after == 0)
		return NULL;
	if (calloc_fails_after > 0)
		calloc_fails_after--;
	return __real_calloc(count, size);
}

const struct limit_row *__wrap_limit_row(enum limit limit)
{
	assert_int_equal(limit, LIMIT_DEVICES);
	return &limit_devices;
}

void __wrap_random_bytes(void *ret_bytes, size_t size)
{
	if (random_next > 0)
		memset(ret_bytes, random_next--, size);
	else
		__real_random_bytes(ret_bytes, size);
}

static struct device_record *record_new(const char *id, const char *ep, uint64_t row)
{
	struct device_record *record = __real_calloc(1, sizeof(*record));

	assert_non_null(record);
	snprintf(record->id, sizeof(record->id), "%s", id);
	snprintf(record->ep, sizeof(record->ep), "%s", ep);
	record->row = row;
	return record;
}

static struct device *device_add(struct registry *registry, const char *id, const char *ep)
{
	struct device *device = NULL;

	assert_int_equal(registry_add(registry, record_new(id, ep, 0), &device), 0);
	return device;
}

static void address_set(struct device_record *record, uint8_t last, const char *interface)
{
	memset(&record->address, 0, sizeof(record->address));
	record->address.ip.s6_addr[15] = last;
	record->address.port = 5683;
	snprintf(record->address.interface, sizeof(record->address.interface), "%s", interface);
	record->address_bound = true;
}

static int setup(void **state)
{
	return registry_new((struct registry **)state);
}

static int teardown(void **state)
{
	*state = registry_free(*state);
	return 0;
}

static void test_found_by_every_key(void **state)
{
	struct registry *registry = *state;
	struct device *a = device_add(registry, "a-1", "Sensor-A");
	struct device *b = device_add(registry, "b-1", "sensor-b");

	assert_ptr_equal(registry_by_id(registry, "a-1"), a);
	assert_null(registry_by_id(registry, "A-1"));
	assert_ptr_equal(registry_by_ep(registry, "sEnSoR-a"), a);
	assert_ptr_equal(registry_by_ep(registry, "SENSOR-B"), b);
	assert_null(registry_by_ep(registry, "sensor-"));
	assert_null(registry_by_ep(registry, "sensor-bb"));
	assert_ptr_equal(registry_by_row(registry, a->record->row), a);
	assert_ptr_equal(registry_by_row(registry, b->record->row), b);
	assert_null(registry_by_row(registry, 99));
	assert_ptr_equal(registry_first(registry), a);
	assert_ptr_equal(registry_next(a), b);
	assert_null(registry_next(b));
	assert_int_equal(registry_count(registry), 2);
}

static void test_refused(void **state)
{
	struct registry *registry = *state;
	struct device *a = device_add(registry, "a-1", "sensor-a");
	struct device *device = a;
	struct device_record *same_id = record_new("a-1", "x", 0);
	struct device_record *same_ep = record_new("x-1", "SENSOR-A", 0);
	struct device_record *same_row = record_new("x-1", "x", a->record->row);

	assert_int_equal(registry_add(registry, same_id, &device), -EEXIST);
	assert_int_equal(registry_add(registry, same_ep, &device), -EEXIST);
	assert_int_equal(registry_add(registry, same_row, &device), -EEXIST);
	limit_devices.value = 1;
	assert_int_equal(registry_add(registry, same_id, &device), -ENOSPC);
	limit_devices.value = 100000;
	calloc_fails_after = 0;
	snprintf(same_id->id, sizeof(same_id->id), "free-1");
	assert_int_equal(registry_add(registry, same_id, &device), -ENOMEM);
	calloc_fails_after = -1;
	assert_ptr_equal(device, a);
	assert_int_equal(same_id->row, 0);
	assert_int_equal(registry_count(registry), 1);
	device_record_free(same_id);
	device_record_free(same_ep);
	device_record_free(same_row);
}

static void test_rows_never_come_back(void **state)
{
	struct registry *registry = *state;
	struct device *device;
	uint64_t row;

	device = device_add(registry, "a-1", "a");
	row = device->record->row;
	assert_int_equal(row, 1);
	registry_remove(registry, device);
	assert_int_equal(registry_next_row(registry), row + 1);
	registry_set_next_row(registry, 50);
	registry_set_next_row(registry, 20);
	assert_int_equal(registry_next_row(registry), 50);
	assert_int_equal(device_add(registry, "a-1", "a")->record->row, 50);
	assert_int_equal(registry_add(registry, record_new("b-1", "b", 70), &device), 0);
	assert_int_equal(registry_next_row(registry), 71);
	assert_int_equal(registry_add(registry, record_new("c-1", "c", 60), &device), 0);
	assert_int_equal(registry_next_row(registry), 71);
}

static void test_replace(void **state)
{
	struct registry *registry = *state;
	struct device *a = device_add(registry, "a-1", "sensor-a");
	struct device *b = device_add(registry, "b-1", "sensor-b");
	struct device_record *next = record_new("a-1", "sensor-c", a->record->row);
	struct device_record *wrong_row = record_new("a-1", "sensor-a", 99);
	struct device_record *wrong_id = record_new("z-1", "sensor-a", a->record->row);
	struct device_record *taken = record_new("a-1", "sensor-B", a->record->row);

	assert_int_equal(registry_replace(registry, a, wrong_row), -EINVAL);
	assert_int_equal(registry_replace(registry, a, wrong_id), -EINVAL);
	assert_int_equal(registry_replace(registry, a, taken), -EEXIST);
	assert_ptr_equal(registry_by_ep(registry, "sensor-a"), a);
	address_set(next, 7, "eth0");
	assert_int_equal(registry_replace(registry, a, next), 0);
	assert_ptr_equal(a->record, next);
	assert_null(registry_by_ep(registry, "sensor-a"));
	assert_ptr_equal(registry_by_ep(registry, "sensor-c"), a);
	assert_ptr_equal(registry_by_id(registry, "a-1"), a);
	assert_ptr_equal(registry_by_address(registry, &next->address, NULL), a);
	assert_ptr_equal(registry_by_ep(registry, "sensor-b"), b);
	assert_int_equal(registry_replace(registry, a, a->record), 0); /* itself: stays alive */
	assert_ptr_equal(registry_by_ep(registry, "sensor-c"), a);
	device_record_free(wrong_row);
	device_record_free(wrong_id);
	device_record_free(taken);
}

static void test_addresses(void **state)
{
	struct registry *registry = *state;
	struct device_record *first = record_new("a-1", "a", 0);
	struct device_record *second = record_new("b-1", "b", 0);
	struct device_record *elsewhere = record_new("c-1", "c", 0);
	struct device_record *unbound = record_new("d-1", "d", 0);
	struct device_address at;
	struct device *a, *b, *c, *d;
	size_t count = 99;

	address_set(first, 1, "eth0");
	address_set(second, 1, "eth0");
	address_set(elsewhere, 1, "eth1");
	address_set(unbound, 2, "eth0");
	unbound->address_bound = false;
	at = first->address;
	assert_null(registry_by_address(registry, &at, &count));
	assert_int_equal(count, 0);
	assert_int_equal(registry_add(registry, first, &a), 0);
	assert_int_equal(registry_add(registry, elsewhere, &c), 0);
	assert_int_equal(registry_add(registry, unbound, &d), 0);
	at.port = 1; /* a port is not identity */
	assert_ptr_equal(registry_by_address(registry, &at, &count), a);
	assert_int_equal(count, 1);
	assert_ptr_equal(registry_by_address(registry, &elsewhere->address, NULL), c);
	assert_null(registry_by_address(registry, &unbound->address, &count));
	assert_int_equal(count, 0);
	assert_int_equal(registry_add(registry, second, &b), 0);
	assert_null(registry_by_address(registry, &at, &count));
	assert_int_equal(count, 2);
	registry_remove(registry, a);
	assert_ptr_equal(registry_by_address(registry, &at, &count), b);
}

static void device_gone(void *userdata, struct device *device)
{
	*(uint64_t *)userdata += device->record->row;
}

static void test_destructor_and_list(void **state)
{
	struct registry *registry;
	uint64_t gone = 0;
	struct device *b;

	assert_int_equal(registry_new(&registry), 0);
	registry_set_destructor(registry, device_gone, &gone);
	device_add(registry, "a-1", "a");
	b = device_add(registry, "b-1", "b");
	device_add(registry, "c-1", "c");
	registry_remove(registry, b);
	assert_int_equal(gone, 2);
	assert_string_equal(registry_next(registry_first(registry))->record->id, "c-1");
	assert_int_equal(registry_count(registry), 2);
	registry_remove(registry, registry_next(registry_first(registry)));
	assert_null(registry_next(registry_first(registry)));
	assert_null(registry_free(registry));
	assert_int_equal(gone, 6);
	assert_null(registry_free(NULL));
}

static void test_stages_counted(void **state)
{
	struct registry *registry = *state;
	struct device *a = device_add(registry, "a-1", "a");

	device_add(registry, "b-1", "b");
	a->record->life.admission = ADMISSION_PENDING;
	assert_int_equal(registry_count_stage(registry, STAGE_SEEN), 1);
	assert_int_equal(registry_count_stage(registry, STAGE_WAITING_PERSON), 1);
	assert_int_equal(registry_count_stage(registry, STAGE_ACTIVE), 0);
}

static void id_check(const struct registry *registry, const char *ep, const char *stem)
{
	char id[DEVICE_ID_MAX + 1];
	size_t length = strlen(stem);

	registry_make_id(registry, ep, id);
	assert_int_equal(strlen(id), length + 5);
	assert_memory_equal(id, stem, length);
	assert_int_equal(id[length], '-');
	assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-"), length + 5);
}

static void test_ids(void **state)
{
	struct registry *registry = *state;
	char first[DEVICE_ID_MAX + 1], second[DEVICE_ID_MAX + 1];

	id_check(registry, "Sensor-1", "sensor-1");
	id_check(registry, "urn:dev:mac:0024befffe804ff1", "urn-dev-mac-0024befffe804ff");
	id_check(registry, "__a..B__", "a-b");
	id_check(registry, "[]{}", "device");
	/* 63 characters: cut, and never a hyphen before the one of the suffix */
	id_check(registry, "aaaaaaaaaaaaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"aaaaaaaaaaaaaaaaaaaaaaaaaa");

	/* an id that is there already is not given again */
	random_next = 3;
	registry_make_id(registry, "x", first);
	device_add(registry, first, "x");
	random_next = 3;
	registry_make_id(registry, "x", second);
	random_next = 0;
	assert_string_not_equal(first, second);
}

static void test_evict_silent(void **state)
{
	struct registry *registry = *state;
	const uint64_t now = 1000 * USEC_PER_SEC;
	struct device *kept[5], *heard, *old, *older;

	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "k-%d", i);
		kept[i] = device_add(registry, name, name);
	}
	kept[0]->on_disk = true;
	kept[1]->saving = true;
	kept[2]->present = true;
	kept[3]->record->trust = TRUST_PSK;
	kept[4]->last_heard_usec = now - 60 * USEC_PER_SEC + 1;
	assert_false(registry_evict_silent(registry, now));
	old = device_add(registry, "old", "old");
	older = device_add(registry, "older", "older");
	heard = device_add(registry, "heard", "heard");
	old->last_heard_usec = now - 60 * USEC_PER_SEC;
	older->last_heard_usec = 1;
	heard->last_heard_usec = now;
	assert_true(
		registry_evict_silent(registry, now)); /* the first that came, not heard least */
	assert_null(registry_by_id(registry, "old"));
	assert_ptr_equal(registry_by_id(registry, "older"), older);
	assert_true(registry_evict_silent(registry, now));
	assert_false(registry_evict_silent(registry, now));
	assert_int_equal(registry_count(registry), 6);
}

/* 10,000 devices: all found by every key, also after half of them went. Linear search would need
 * 10^9 comparisons here and run into the time limit of the test. */
static void test_many(void **state)
{
	enum { MANY = 10000 };
	struct registry *registry = *state;
	struct device_record *record;
	struct device *device;
	char id[16], ep[16];

	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "id-%u", i);
		snprintf(ep, sizeof(ep), "EP-%u", i);
		record = record_new(id, ep, 0);
		address_set(record, 0, "eth0");
		memcpy(record->address.ip.s6_addr, &i, sizeof(i));
		assert_int_equal(registry_add(registry, record, &device), 0);
	}
	for (int round = 0; round < 5; round++)
		for (uint32_t i = 0; i < MANY; i++) {
			snprintf(id, sizeof(id), "id-%u", i);
			snprintf(ep, sizeof(ep), "ep-%u", i);
			device = registry_by_id(registry, id);
			assert_int_equal(device != NULL, round == 0 || i % 2 == 1);
			assert_ptr_equal(registry_by_ep(registry, ep), device);
			assert_ptr_equal(registry_by_row(registry, i + 1), device);
			if (!device)
				continue;
			assert_ptr_equal(
				registry_by_address(registry, &device->record->address, NULL),
				device);
			if (round == 0 && i % 2 == 0)
				registry_remove(registry, device);
		}
	assert_int_equal(registry_count(registry), MANY / 2);
}

static void test_growth_without_memory(void **state)
{
	struct registry *registry = NULL;
	struct device *device;
	char name[16];

	calloc_fails_after = 0;
	assert_int_equal(registry_new(&registry), -ENOMEM);
	calloc_fails_after = 3; /* the registry and two of its four tables */
	assert_int_equal(registry_new(&registry), -ENOMEM);
	calloc_fails_after = -1;
	assert_null(registry);
	registry = *state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n-%d", i);
		calloc_fails_after = i >= 64 ? 1 : -1; /* the device itself, no table */
		assert_int_equal(registry_add(registry, record_new(name, name, 0), &device), 0);
		calloc_fails_after = -1;
	}
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n-%d", i);
		assert_non_null(registry_by_id(registry, name));
	}
}

#define REGISTRY_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REGISTRY_TEST(test_found_by_every_key),
		REGISTRY_TEST(test_refused),
		REGISTRY_TEST(test_rows_never_come_back),
		REGISTRY_TEST(test_replace),
		REGISTRY_TEST(test_addresses),
		cmocka_unit_test(test_destructor_and_list),
		REGISTRY_TEST(test_stages_counted),
		REGISTRY_TEST(test_ids),
		REGISTRY_TEST(test_evict_silent),
		REGISTRY_TEST(test_many),
		REGISTRY_TEST(test_growth_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
