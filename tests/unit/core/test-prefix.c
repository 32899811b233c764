/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes behind a border router: what is one, and what lies in it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/prefix.h"

static struct in6_addr ip_of(const char *text)
{
	struct in6_addr ip = {{{[10] = 0xff, [11] = 0xff}}};

	if (inet_pton(AF_INET, text, &ip.s6_addr[12]) != 1)
		assert_int_equal(inet_pton(AF_INET6, text, &ip), 1);
	return ip;
}

static void what_is_a_prefix(void **state)
{
	static const char *const good[] = {"fd11:22::/64", "fd00::/16", "2001:db8:1::/48",
		"fd00::1/128", "10.0.0.0/8", "10.8.0.0/16", "192.168.7.0/24", "192.0.2.1/32",
		"fd11:22::8000:0/97"};
	static const char *const bad[] = {"", "/", "fd11::", "fd11::/", "/64", "fd11::/a",
		"fd11::/-1", "fd11::/ 64", "fd11::/0", "fd11::/15", "fd11::/129", "fd11::/1000",
		"10.0.0.0/7", "10.0.0.0/33", "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/8",
		"255.0.0.0/8", "169.254.0.0/16", "fe80::/64", "ff05::/16", "::1/128", "::/128",
		"fd11:22::1/64", "10.8.0.1/16", "example.org/24", "fd11:22::/64/64",
		"fd11:1111:2222:3333:4444:5555:6666:7777:8888:9999/64", "fe80::1%lo/128",
		"fd11:22::4000:0/97"};
	struct prefix prefix;

	for (size_t i = 0; i < ELEMENTS(good); i++)
		assert_int_equal(prefix_parse(good[i], &prefix), 0);
	prefix = (struct prefix){.bits = 7};
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_int_equal(prefix_parse(bad[i], &prefix), -EINVAL);
	assert_int_equal(prefix.bits, 7);
}

static void what_lies_in_it(void **state)
{
	static const struct {
		const char *ip;
		bool held;
	} rows[] = {{"fd11:22::1", true}, {"fd11:22:0:0:ffff::", true}, {"fd11:22:0:1::1", false},
		{"10.8.255.255", true}, {"10.9.0.0", false}, {"10.7.255.255", false},
		{"::ffff:10.8.0.1", true}, {"::10.8.0.1", false}, {"192.0.2.127", true},
		{"192.0.2.128", false}, {"fe80::1", false}, {"::1", false}};
	const struct config_list list = {
		.item = {"fd11:22::/64", "nonsense", "10.8.0.0/16", "192.0.2.0/25"}, .count = 4};
	struct prefixes prefixes;

	prefixes_read(&list, &prefixes);
	assert_int_equal(prefixes.count, 3);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct in6_addr ip = ip_of(rows[i].ip);

		assert_int_equal(prefixes_hold(&prefixes, &ip), rows[i].held);
	}
	prefixes_read(&(const struct config_list){.count = 0}, &prefixes);
	struct in6_addr ip = ip_of("10.8.0.1");
	assert_false(prefixes_hold(&prefixes, &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_a_prefix),
		cmocka_unit_test(what_lies_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
