/* SPDX-License-Identifier: Apache-2.0 */
/* Host, origin and on-link checks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "web/guard.h"

static const struct config_list names = {.item = {"gate.plant.example", "7up.example"}, .count = 2};
static const struct guard_names ours = {.names = &names, .hostname = "plant-7"};

static void test_hosts(void **state)
{
	static const struct {
		const char *host;
		enum guard_host expected;
	} row[] = {
		{"gate.plant.example", GUARD_HOST_OURS},
		{"GATE.Plant.Example:8443", GUARD_HOST_OURS},
		{"gate.plant.example.", GUARD_HOST_OURS},
		{"gate.plant.example.:8443", GUARD_HOST_OURS},
		{"7up.example", GUARD_HOST_OURS},
		{"localhost:1", GUARD_HOST_OURS},
		{"plant-7", GUARD_HOST_OURS},
		{"plant-7.local:8443", GUARD_HOST_OURS},
		{"192.0.2.7", GUARD_HOST_ADDRESS},
		{"192.0.2.7:8443", GUARD_HOST_ADDRESS},
		{"[2001:db8::1]:8443", GUARD_HOST_ADDRESS},
		{"[fe80::1%25eth0]", GUARD_HOST_ADDRESS},
		{NULL, GUARD_HOST_FOREIGN},
		{"", GUARD_HOST_FOREIGN},
		{":8443", GUARD_HOST_FOREIGN},
		{"evil.example", GUARD_HOST_FOREIGN},
		{"gate.plant.example.evil.example", GUARD_HOST_FOREIGN},
		{"evil-plant-7.local", GUARD_HOST_FOREIGN},
		{"plant-7.local:8443:1", GUARD_HOST_FOREIGN},
		{"plant-7.local:port", GUARD_HOST_FOREIGN},
		{"plant-7.local/x", GUARD_HOST_FOREIGN},
		{"user@plant-7.local", GUARD_HOST_FOREIGN},
		{"::1", GUARD_HOST_FOREIGN},
		{"[::1", GUARD_HOST_FOREIGN},
		{"[plant-7]", GUARD_HOST_FOREIGN},
		{"[192.0.2.7]", GUARD_HOST_FOREIGN},
		{"192.0.2.7.evil.example", GUARD_HOST_FOREIGN},
		{"192.0.2", GUARD_HOST_FOREIGN},
		{"0300.0.2.7", GUARD_HOST_FOREIGN},
		{".", GUARD_HOST_FOREIGN},
	};
	struct in6_addr ip;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		enum guard_host found = guard_host_check(&ours, row[i].host, &ip);

		if (found != row[i].expected)
			fail_msg("%s: %d", row[i].host ? row[i].host : "(none)", (int)found);
	}
}

static void test_host_without_names(void **state)
{
	const struct guard_names none = {.names = NULL, .hostname = ""};
	char huge[400];
	struct in6_addr ip;

	assert_int_equal(guard_host_check(&none, "localhost", &ip), GUARD_HOST_OURS);
	assert_int_equal(guard_host_check(&none, ".local", &ip), GUARD_HOST_FOREIGN);
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = 0;
	assert_int_equal(guard_host_check(&ours, huge, &ip), GUARD_HOST_FOREIGN);
}

static void test_host_address(void **state)
{
	struct in6_addr ip;
	char text[GUARD_ADDRESS_TEXT];

	assert_int_equal(guard_host_check(&ours, "192.0.2.7:1", &ip), GUARD_HOST_ADDRESS);
	assert_string_equal(guard_address_format(&ip, text), "192.0.2.7");
	assert_int_equal(guard_host_check(&ours, "[2001:db8::a]", &ip), GUARD_HOST_ADDRESS);
	assert_string_equal(guard_address_format(&ip, text), "2001:db8::a");
}

static void test_same_origin(void **state)
{
	static const char host[] = "plant-7.local:8443";

	assert_true(guard_same_origin(host, NULL, "same-origin"));
	assert_true(guard_same_origin(host, "null", "same-origin")); /* no-referrer makes it null */
	assert_true(guard_same_origin(host, "https://plant-7.local:8443", NULL));
	assert_true(guard_same_origin(host, "https://Plant-7.local:8443", NULL));
	assert_false(guard_same_origin(host, "https://plant-7.local:8443", "cross-site"));
	assert_false(guard_same_origin(host, "https://plant-7.local:8443", "same-site"));
	assert_false(guard_same_origin(host, NULL, "none"));
	assert_false(guard_same_origin(host, NULL, ""));
	assert_false(guard_same_origin(host, NULL, NULL));
	assert_false(guard_same_origin(host, "null", NULL));
	assert_false(guard_same_origin(host, "http://plant-7.local:8443", NULL));
	assert_false(guard_same_origin(host, "https://plant-7.local", NULL));
	assert_false(guard_same_origin(host, "https://plant-7.local:84430", NULL));
	assert_false(guard_same_origin(host, "https://plant-7.local:8443/", NULL));
	assert_false(guard_same_origin(NULL, "https://", NULL));
}

static struct guard_address network(const char *text, unsigned prefix)
{
	struct guard_address address = {.prefix = prefix};

	assert_true(guard_address_parse(text, &address.ip));
	return address;
}

static void test_on_link(void **state)
{
	const struct guard_address own[] = {network("192.0.2.7", 96 + 25),
		network("2001:db8:1::7", 64), network("198.51.100.1", 128)};
	static const struct {
		const char *peer;
		bool on_link, own;
	} row[] = {
		{"192.0.2.7", true, true},
		{"192.0.2.100", true, false},
		{"192.0.2.200", false, false},
		{"2001:db8:1::ffff", true, false},
		{"2001:db8:2::1", false, false},
		{"198.51.100.1", true, true},
		{"198.51.100.2", false, false},
		{"127.0.0.1", true, true},
		{"::1", true, true},
		{"fe80::99", true, false},
		{"8.8.8.8", false, false},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct in6_addr peer;

		assert_true(guard_address_parse(row[i].peer, &peer));
		if (guard_is_on_link(&peer, own, 3) != row[i].on_link ||
			guard_is_ours(&peer, own, 3) != row[i].own)
			fail_msg("%s", row[i].peer);
	}
}

static void test_addresses(void **state)
{
	struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000207)};
	struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr other = {.sa_family = AF_UNIX};
	char text[GUARD_ADDRESS_TEXT];
	struct in6_addr ip;

	assert_true(guard_address_from_sockaddr((struct sockaddr *)&ip4, &ip));
	assert_string_equal(guard_address_format(&ip, text), "192.0.2.7");
	assert_true(guard_address_from_sockaddr((struct sockaddr *)&ip6, &ip));
	assert_string_equal(guard_address_format(&ip, text), "::1");
	assert_false(guard_address_from_sockaddr(&other, &ip));
	assert_false(guard_address_from_sockaddr(NULL, &ip));
	assert_false(guard_address_parse("", &ip));
	assert_false(guard_address_parse("nothing", &ip));
	assert_false(guard_address_parse("0000:0000:0000:0000:0000:0000:0000:0000:0000:1", &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_host_without_names),
		cmocka_unit_test(test_host_address),
		cmocka_unit_test(test_same_origin),
		cmocka_unit_test(test_on_link),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
