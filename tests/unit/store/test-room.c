/* SPDX-License-Identifier: Apache-2.0 */
/* The last of the disk is not for readings. room_get() is stood in for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fixture.h"
#include "store/room.h"

static _Atomic uint64_t free_bytes; /* 0: what is true */

int __real_room_get(int fd, struct room *ret_room);
int __wrap_room_get(int fd, struct room *ret_room);
int __wrap_room_get(int fd, struct room *ret_room)
{
	if (free_bytes == 0)
		return __real_room_get(fd, ret_room);
	*ret_room = (struct room){.free = free_bytes, .size = UINT64_C(1) << 30};
	return 0;
}

static void test_room(void **state)
{
	static const struct {
		uint64_t free, size;
		bool low;
	} CASE[] = {
		{11 << 20, 20 << 20, true},
		{12 << 20, 20 << 20, false},
		{12 << 20, 200 << 20, true},
		{20 << 20, 200 << 20, false},
		{63 << 20, UINT64_C(1) << 40, true},
		{64 << 20, UINT64_C(1) << 40, false},
	};
	struct room room;

	for (size_t i = 0; i < ELEMENTS(CASE); i++) {
		room = (struct room){CASE[i].free, CASE[i].size};
		assert_int_equal(room_is_low(&room), CASE[i].low);
	}
	assert_int_equal(__real_room_get(-1, &room), -EBADF);
	assert_int_equal(__real_room_get(0, &room), 0);
}

/* Deletes and changes go on, and what deletes left free
 * inside the file is used again. */
static void test_low_room(void **state)
{
	static char body[8001];
	struct change *change = change_begin();
	struct fixture f;
	unsigned refused = 0;

	memset(body, 'x', sizeof(body) - 1);
	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	for (uint64_t row = 1; row <= 100; row++)
		store_append(f.store, fixture_reading(row, 1, body));
	fixture_wait_rows(&f, 100);
	free_bytes = 63 << 20;
	fixture_append(&f, 101, 110, 1);
	fixture_wait_rows(&f, 110);
	for (size_t i = 100; i < 110; i++)
		assert_int_equal(f.row_result[i], -ENOSPC);
	assert_int_equal(change_put_setting(change, "a", "b"), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	store_delete(f.store, &(struct row_range){1, 50}, 1);
	do
		fixture_fetch(&f, 1, 0, 200, 200);
	while (f.fetched_count == 100);
	assert_int_equal(f.fetched_count, 50);
	fixture_append(&f, 111, 112, 1);
	fixture_wait_rows(&f, 112);
	assert_int_equal(f.row_result[111], 0);
	/* Twice what was deleted: whatever the batches are, not all of it has room. */
	for (uint64_t row = 113; row <= 212; row++)
		store_append(f.store, fixture_reading(row, 1, body));
	fixture_wait_rows(&f, 212);
	for (size_t i = 112; i < 212; i++)
		refused += f.row_result[i] == -ENOSPC;
	assert_in_range(refused, 1, 100);
	free_bytes = 65 << 20;
	fixture_append(&f, 213, 213, 1);
	fixture_wait_rows(&f, 213);
	assert_int_equal(f.row_result[212], 0);
	free_bytes = 0;
	assert_int_equal(f.failed, 0);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_low_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
