/* SPDX-License-Identifier: Apache-2.0 */
/* How many publications Paho holds at a time. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "uplink/send-window.h"

static unsigned after(unsigned most, uint64_t usec)
{
	struct send_window window = {.most = most};

	send_window_answered(&window, usec);
	return send_window_size(&window);
}

static void few_for_a_broker_that_is_near(void **state)
{
	const struct send_window fresh = {.most = SEND_WINDOW_MOST};

	assert_int_equal(send_window_size(&fresh), SEND_WINDOW_LEAST);
	assert_int_equal(after(SEND_WINDOW_MOST, 0), SEND_WINDOW_LEAST);
	assert_int_equal(after(SEND_WINDOW_MOST, 8000), SEND_WINDOW_LEAST);
}

static void more_for_one_that_is_far(void **state)
{
	assert_int_equal(after(SEND_WINDOW_MOST, 20000), 120);
	assert_int_equal(after(SEND_WINDOW_MOST, 100000), SEND_WINDOW_MOST);
	assert_int_equal(after(SEND_WINDOW_MOST, UINT64_MAX), SEND_WINDOW_MOST);
}

/* MQTT 5 section 3.3.4: not one more, however far it is. */
static void never_more_than_the_broker_allows(void **state)
{
	assert_int_equal(after(20, 100), 20);
	assert_int_equal(after(20, 1000000), 20);
	assert_int_equal(after(1, 1000000), 1);
}

/* Answers behind many others take long, which says nothing of the way. */
static void one_quick_answer_tells_the_way(void **state)
{
	struct send_window window = {.most = SEND_WINDOW_MOST};
	unsigned i;

	send_window_answered(&window, 100000);
	send_window_answered(&window, 1000);
	assert_int_equal(send_window_size(&window), SEND_WINDOW_LEAST);
	for (i = 0; i < 1000; i++)
		send_window_answered(&window, 100000);
	assert_int_equal(send_window_size(&window), SEND_WINDOW_LEAST);
}

static void the_way_may_become_longer(void **state)
{
	struct send_window window = {.most = SEND_WINDOW_MOST};
	unsigned i;

	send_window_answered(&window, 1000);
	for (i = 0; i < 65536; i++)
		send_window_answered(&window, 100000);
	assert_int_equal(send_window_size(&window), SEND_WINDOW_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_for_a_broker_that_is_near),
		cmocka_unit_test(more_for_one_that_is_far),
		cmocka_unit_test(never_more_than_the_broker_allows),
		cmocka_unit_test(one_quick_answer_tells_the_way),
		cmocka_unit_test(the_way_may_become_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
