/* SPDX-License-Identifier: Apache-2.0 */

/* Interface, IP and MAC: which of them have to be the same. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/binding.h"

#define A "02:00:00:00:00:0a"
#define B "02:00:00:00:00:0b"

static struct device_address at(const char *ip, const char *interface)
{
	struct device_address address = {.port = 5683};

	assert_int_equal(inet_pton(AF_INET6, ip, &address.ip), 1);
	snprintf(address.interface, sizeof(address.interface), "%s", interface);
	return address;
}

static enum binding check(
	const char *bound_mac, const char *ip, const char *interface, const char *mac)
{
	const struct device_address bound = at("::ffff:10.0.0.1", "eth0");
	const struct device_address there = at(ip, interface);
	struct device_record record = {0};

	binding_set(&record, &bound, bound_mac);
	return binding_of(&record, &there, mac);
}

static void test_all(void **state)
{
	static const struct {
		const char *bound_mac, *ip, *interface, *mac;
		enum binding expected;
	} rows[] = {
		{A, "::ffff:10.0.0.1", "eth0", A, BINDING_FITS},
		{"", "::ffff:10.0.0.1", "eth0", "", BINDING_FITS},
		/* The kernel has dropped its entry. */
		{A, "::ffff:10.0.0.1", "eth0", "", BINDING_FITS},
		{"", "::ffff:10.0.0.1", "eth0", A, BINDING_LEARNED},
		{A, "::ffff:10.0.0.1", "eth0", B, BINDING_CONFLICT},
		{A, "::ffff:10.0.0.2", "eth0", A, BINDING_MOVED},
		{A, "fe80::1", "eth0", A, BINDING_MOVED},
		{A, "::ffff:10.0.0.2", "eth0", B, BINDING_CONFLICT},
		{A, "::ffff:10.0.0.2", "eth0", "", BINDING_CONFLICT},
		{"", "::ffff:10.0.0.2", "eth0", A, BINDING_CONFLICT},
		{"", "::ffff:10.0.0.2", "eth0", "", BINDING_CONFLICT},
		{A, "::ffff:10.0.0.1", "eth1", A, BINDING_CONFLICT},
		{A, "::ffff:10.0.0.2", "eth1", A, BINDING_CONFLICT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (check(rows[i].bound_mac, rows[i].ip, rows[i].interface, rows[i].mac) !=
			rows[i].expected)
			fail_msg("row %zu", i);
}

/* What a device proved, it proved from its address. */
static void test_proof_stays_behind(void **state)
{
	struct device_address address = at("::ffff:10.0.0.1", "eth0");
	struct device_record record = {0};

	binding_set(&record, &address, A);
	strcpy(record.kept_proof, "proof");
	address.port = 5684;
	binding_set(&record, &address, A);
	assert_string_equal(record.kept_proof, "proof");
	address = at("::ffff:10.0.0.2", "eth0");
	binding_set(&record, &address, A);
	assert_string_equal(record.kept_proof, "");
}

static void test_not_bound(void **state)
{
	struct device_record record = {.address = at("::1", "lo")};
	const struct device_address there = record.address;

	assert_int_equal(binding_of(&record, &there, ""), BINDING_CONFLICT);
	binding_set(&record, &there, A);
	assert_true(record.address_bound);
	assert_string_equal(record.mac, A);
	assert_int_equal(binding_of(&record, &there, A), BINDING_FITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_proof_stays_behind),
		cmocka_unit_test(test_not_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
