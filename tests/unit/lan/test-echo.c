/* SPDX-License-Identifier: Apache-2.0 */
/* Echo values, verified addresses, probes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lan/echo.h"

#define SECOND UINT64_C(1000000)
#define START  (1000 * SECOND)

static struct device_address address_of(uint32_t host, const char *interface)
{
	struct device_address address = {
		.port = 5683, .ip = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 10}}};

	address.ip.s6_addr[13] = (uint8_t)(host >> 16);
	address.ip.s6_addr[14] = (uint8_t)(host >> 8);
	address.ip.s6_addr[15] = (uint8_t)host;
	strcpy(address.interface, interface);
	return address;
}

static int setup(void **state)
{
	struct echo *echo;

	assert_int_equal(echo_new(4, &echo), 0);
	*state = echo;
	return 0;
}

static int teardown(void **state)
{
	echo_free(*state);
	return 0;
}

static void value_fits_its_address_only(void **state)
{
	struct device_address home = address_of(1, "eth0"), other = address_of(2, "eth0");
	struct device_address elsewhere = address_of(1, "eth1"), port = home;
	uint8_t value[ECHO_SIZE];

	assert_int_equal(echo_make(*state, &home, START, value), 0);
	struct span span = span_of(value, sizeof(value));
	assert_true(echo_check(*state, &home, span, START));
	assert_false(echo_check(*state, &other, span, START));
	assert_false(echo_check(*state, &elsewhere, span, START));
	port.port = 1;
	assert_true(echo_check(*state, &port, span, START));
}

static void value_lives_a_minute(void **state)
{
	struct device_address home = address_of(1, "eth0");
	uint8_t value[ECHO_SIZE];

	echo_make(*state, &home, START, value);
	struct span span = span_of(value, sizeof(value));
	assert_true(echo_check(*state, &home, span, START + 60 * SECOND));
	assert_false(echo_check(*state, &home, span, START + 61 * SECOND));
	assert_false(echo_check(*state, &home, span, START - SECOND));
}

static void each_bit_counts(void **state)
{
	struct device_address home = address_of(1, "eth0");
	uint8_t value[ECHO_SIZE];

	echo_make(*state, &home, START, value);
	for (size_t bit = 0; bit < sizeof(value) * 8; bit++) {
		value[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(echo_check(*state, &home, span_of(value, sizeof(value)), START));
		value[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t size = 0; size < sizeof(value); size++)
		assert_false(echo_check(*state, &home, span_of(value, size), START));
}

static void other_process_has_another_key(void **state)
{
	struct device_address home = address_of(1, "eth0");
	uint8_t value[ECHO_SIZE];
	struct echo *restarted;

	echo_make(*state, &home, START, value);
	assert_int_equal(echo_new(4, &restarted), 0);
	assert_false(echo_check(restarted, &home, span_of(value, sizeof(value)), START));
	echo_free(restarted);
}

static void verified_addresses_are_bounded(void **state)
{
	struct device_address address;

	for (uint32_t i = 0; i < 4; i++) {
		address = address_of(i, "eth0");
		assert_false(echo_is_verified(*state, &address));
		assert_int_equal(echo_verify(*state, &address), 0);
	}
	address = address_of(0, "eth0");
	assert_true(echo_is_verified(*state, &address)); /* used: the newest now */
	address = address_of(9, "eth0");
	assert_int_equal(echo_verify(*state, &address), 1);
	assert_int_equal(echo_verify(*state, &address), 0); /* once more changes nothing */
	assert_int_equal(echo_verified_count(*state), 4);
	address = address_of(0, "eth0");
	assert_true(echo_is_verified(*state, &address));
	address = address_of(1, "eth0");
	assert_false(echo_is_verified(*state, &address));
}

static void probe_is_for_who_ignores_echo(void **state)
{
	struct device_address home = address_of(1, "eth0");
	uint8_t token[PROBE_TOKEN_SIZE], again[PROBE_TOKEN_SIZE];

	assert_false(echo_probe_due(*state, &home, START, token));
	assert_false(echo_asked(*state, &home));
	assert_true(echo_asked(*state, &home));
	assert_false(echo_probe_answered(*state, &home, span_of(token, sizeof(token))));
	assert_true(echo_probe_due(*state, &home, START, token));
	assert_false(echo_probe_due(*state, &home, START + 59 * SECOND, again));
	assert_true(echo_probe_answered(*state, &home, span_of(token, sizeof(token))));
	assert_false(echo_probe_answered(*state, &home, span_of(token, 7)));
	assert_true(echo_probe_due(*state, &home, START + 60 * SECOND, again));
	assert_memory_not_equal(token, again, sizeof(token));
	assert_false(echo_probe_answered(*state, &home, span_of(token, sizeof(token))));
	struct device_address other = address_of(2, "eth0");
	assert_false(echo_probe_answered(*state, &other, span_of(again, sizeof(again))));
	echo_verify(*state, &home);
	assert_false(echo_probe_due(*state, &home, START + 600 * SECOND, again));
}

static void forged_sources_push_each_other_out(void **state)
{
	struct device_address address;

	for (uint32_t i = 0; i < ECHO_ASKED_MAX + 1; i++) {
		address = address_of(i, "eth0");
		assert_false(echo_asked(*state, &address));
	}
	address = address_of(0, "eth0");
	assert_false(echo_asked(*state, &address));
	address = address_of(ECHO_ASKED_MAX, "eth0");
	assert_true(echo_asked(*state, &address));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Somebody else has the address: what was shown there counts no more. */
static void forgotten(void **state)
{
	const struct device_address address = {.port = 1, .interface = "eth0"};
	struct echo *echo;

	assert_int_equal(echo_new(4, &echo), 0);
	echo_forget(echo, &address);
	assert_int_equal(echo_verify(echo, &address), 0);
	assert_true(echo_is_verified(echo, &address));
	echo_forget(echo, &address);
	assert_false(echo_is_verified(echo, &address));
	assert_int_equal(echo_verified_count(echo), 0);
	echo_free(echo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgotten),
		TEST(value_fits_its_address_only),
		TEST(value_lives_a_minute),
		TEST(each_bit_counts),
		TEST(other_process_has_another_key),
		TEST(verified_addresses_are_bounded),
		TEST(probe_is_for_who_ignores_echo),
		TEST(forged_sources_push_each_other_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
