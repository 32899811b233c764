/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a registration: lifetimes, and bases that lead nowhere but home. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lan/rd-parameters.h"

static struct device_address four(const char *text)
{
	struct device_address address = {.port = 49152, .interface = "lan0"};

	address.ip.s6_addr[10] = address.ip.s6_addr[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, address.ip.s6_addr + 12), 1);
	return address;
}

static struct device_address six(const char *text)
{
	struct device_address address = {.port = 49152, .interface = "lan0"};

	assert_int_equal(inet_pton(AF_INET6, text, &address.ip), 1);
	return address;
}

/* A copy that ends where the heap does. */
static struct span copy_of(const char *text, char **ret_copy)
{
	size_t size = text ? strlen(text) : 0;

	*ret_copy = text ? malloc(size + !size) : NULL;
	if (size)
		memcpy(*ret_copy, text, size);
	return span_of(*ret_copy, size);
}

static int read_base(
	const char *base, const struct device_address *from, struct rd_parameters *ret_parameters)
{
	const char *why = NULL;
	char *copy;
	struct rd_query query = {.base = copy_of(base, &copy), .bases = 1};
	int r = rd_parameters_read(&query, from, ret_parameters, &why);

	free(copy);
	assert_true((r < 0) == (why != NULL));
	return r;
}

static void own_bases_are_taken(void **state)
{
	const struct device_address v4 = four("192.0.2.7"), v6 = six("2001:db8::7"),
				    local = six("fe80::7");
	const struct {
		const char *base;
		const struct device_address *from;
		uint16_t port;
	} rows[] = {
		{"coap://192.0.2.7", &v4, 5683},
		{"coap://192.0.2.7/", &v4, 5683},
		{"COAP://192.0.2.7:61616", &v4, 61616},
		{"coap://192.0.2.7:", &v4, 5683},
		{"coap://[2001:db8::7]", &v6, 5683},
		{"coap://[2001:DB8:0::7]:7", &v6, 7},
		{"coap://[fe80::7]:65535", &local, 65535},
		{"coap://[::ffff:192.0.2.7]", &v4, 5683},
		{"coaps://192.0.2.7", &v4, 5684},
		{"coapS://[2001:db8::7]:9/", &v6, 9},
	};
	struct rd_parameters got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_base(rows[i].base, rows[i].from, &got), 0);
		assert_true(got.has_base);
		assert_int_equal(got.base.port, rows[i].port);
		assert_int_equal(got.base_secure, !strncasecmp(rows[i].base, "coaps", 5));
		assert_true(device_address_same_host(&got.base, rows[i].from));
	}
}

static void other_bases_are_refused(void **state)
{
	static const char *const bases[] = {"", "coap://", "coap:///", "coap://8.8.8.8",
		"coap://192.0.2.8:5683", "coap://192.0.2.70", "coap://router.lan", "coap://[::1]",
		"coap://[fe80::7%lan0]", "coap://[2001:db8::7", "coap://2001:db8::7",
		"coap://[192.0.2.7]", "coaps://192.0.2.8", "coaps://", "coaps:192.0.2.7",
		"http://192.0.2.7", "coap:192.0.2.7", "//192.0.2.7", "coap://192.0.2.7:0",
		"coap://192.0.2.7:65536", "coap://192.0.2.7:5683x", "coap://192.0.2.7:+5",
		"coap://192.0.2.7/a", "coap://192.0.2.7?x", "coap://a@192.0.2.7",
		"coap://192.0.2.7 ", "coap://192.0.2.7:99999999999", "coap://3221225991",
		"coap://[0000000000000000000000000000000000000000000000000000000000000000]"};
	const struct device_address from = four("192.0.2.7");
	struct rd_parameters got = {.lifetime = 42};

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (read_base(bases[i], &from, &got) != -EINVAL)
			fail_msg("%s", bases[i]);
	assert_int_equal(got.lifetime, 42);
}

static void lifetimes_are_read(void **state)
{
	static const struct {
		const char *text;
		uint32_t lifetime; /* 0: refused */
	} rows[] = {{"1", 1}, {"90000", 90000}, {"4294967295", UINT32_MAX}, {"0060", 60}, {"0", 0},
		{"", 0}, {"-1", 0}, {"4294967296", 0}, {"99999999999", 0}, {"60s", 0}, {" 60", 0},
		{"0x10", 0}};
	const struct device_address from = four("192.0.2.7");
	struct rd_parameters got;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *copy;
		struct rd_query query = {.lifetime = copy_of(rows[i].text, &copy), .lifetimes = 1};
		int r = rd_parameters_read(&query, &from, &got, &why);
		free(copy);
		assert_int_equal(r, rows[i].lifetime ? 0 : -EINVAL);
		if (r == 0)
			assert_int_equal(got.lifetime, rows[i].lifetime);
	}
}

static void what_is_not_said(void **state)
{
	const struct device_address from = four("192.0.2.7");
	struct rd_parameters got = {.lifetime = 7, .has_base = true};
	struct rd_query query = {.lifetimes = 0};
	const char *why = NULL;
	char sector[64];

	(void)state;
	assert_int_equal(rd_parameters_read(&query, &from, &got, &why), 0);
	assert_int_equal(got.lifetime, 0);
	assert_false(got.has_base);
	memset(sector, 'x', sizeof(sector));
	query.sector = span_of(sector, 63);
	query.sectors = 1;
	assert_int_equal(rd_parameters_read(&query, &from, &got, &why), 0);
	query.sector = span_of(sector, 64);
	assert_int_equal(rd_parameters_read(&query, &from, &got, &why), -EINVAL);
	query.sector = span_of("a\nb", 3);
	assert_int_equal(rd_parameters_read(&query, &from, &got, &why), -EINVAL);
	query = (struct rd_query){.sectors = 2};
	assert_int_equal(rd_parameters_read(&query, &from, &got, &why), -EINVAL);
	query = (struct rd_query){.lifetimes = 2};
	assert_int_equal(rd_parameters_read(&query, &from, &got, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_bases_are_taken),
		cmocka_unit_test(other_bases_are_refused),
		cmocka_unit_test(lifetimes_are_read),
		cmocka_unit_test(what_is_not_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
