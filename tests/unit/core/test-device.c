/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The record of a device as a value, the words of its enumerations, and every text that names a
 * device: endpoint names, short codes, labels, addresses. Much of it is foreign input.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/device.h"

/* The allocation that fails, counted from now; 0 = none. strdup() counts as one. */
static unsigned allocation_fails;

static bool allocation_failed(void)
{
	return allocation_fails > 0 && --allocation_fails == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return allocation_failed() ? NULL : __real_malloc(size);
}

char *__wrap_strdup(const char *text)
{
	return allocation_failed() ? NULL : __real_strdup(text);
}

/* Random bytes are the test's: a byte that is out of range first, then counting up. */
static unsigned random_calls;

void __wrap_random_bytes(void *ret_bytes, size_t size);

void __wrap_random_bytes(void *ret_bytes, size_t size)
{
	static const uint8_t bytes[] = {255, 0, 240, 1, 239, 19, 20, 38, 40, 59};

	for (size_t i = 0; i < size; i++)
		((uint8_t *)ret_bytes)[i] = bytes[random_calls++ % sizeof(bytes)];
}

static struct device_record *record_new(void)
{
	struct device_record *record = calloc(1, sizeof(*record));

	assert_non_null(record);
	record->row = 9;
	strcpy(record->id, "sensor-1");
	record->info.attributes = strdup("{\"room\":\"2\"}");
	assert_int_equal(secret_set(&record->life.credential_current, SPAN_LITERAL("token")), 0);
	return record;
}

static void record_copy_shares_nothing(void **data)
{
	struct device_record *from = record_new(), *to = NULL;

	assert_int_equal(device_record_copy(from, &to), 0);
	memset(from->info.attributes, 'x', 3);
	from = device_record_free(from);
	assert_null(from);
	assert_int_equal(to->row, 9);
	assert_string_equal(to->id, "sensor-1");
	assert_string_equal(to->info.attributes, "{\"room\":\"2\"}");
	assert_memory_equal(to->life.credential_current.data, "token", 5);

	free(to->info.attributes);
	to->info.attributes = NULL;
	assert_int_equal(device_record_copy(to, &from), 0);
	assert_null(from->info.attributes);
	device_record_free(from);
	device_record_free(to);
	assert_null(device_record_free(NULL));
}

static void record_copy_lacks_memory(void **data)
{
	struct device_record *from = record_new(), *to = NULL;

	/* The credential, the record, the attributes. */
	for (unsigned i = 1; i <= 3; i++) {
		allocation_fails = i;
		assert_int_equal(device_record_copy(from, &to), -ENOMEM);
		assert_null(to);
	}
	allocation_fails = 0;
	device_record_free(from);
}

static void words(void **data)
{
	enum trust trust = TRUSTS;
	enum found_by found = FOUNDS;
	enum evidence evidence = EVIDENCES;

	for (unsigned i = 0; i < TRUSTS; i++) {
		assert_int_equal(trust_from_string(trust_to_string((enum trust)i), &trust), 0);
		assert_int_equal(trust, i);
	}
	for (unsigned i = 0; i < FOUNDS; i++) {
		assert_int_equal(
			found_by_from_string(found_by_to_string((enum found_by)i), &found), 0);
		assert_int_equal(found, i);
	}
	for (unsigned i = 0; i < EVIDENCES; i++) {
		assert_int_equal(
			evidence_from_string(evidence_to_string((enum evidence)i), &evidence), 0);
		assert_int_equal(evidence, i);
	}
	assert_string_equal(trust_to_string(TRUST_PLAIN), "plain");
	assert_string_equal(trust_to_string(TRUSTS), "unknown");
	assert_string_equal(found_by_to_string(FOUNDS), "unknown");
	assert_string_equal(evidence_to_string(EVIDENCES), "unknown");
	assert_int_equal(trust_from_string("unknown", &trust), -EINVAL);
	assert_int_equal(trust_from_string(NULL, &trust), -EINVAL);
	assert_int_equal(found_by_from_string("", &found), -EINVAL);
	assert_int_equal(evidence_from_string("Label", &evidence), -EINVAL);
	assert_int_equal(trust, TRUST_OSCORE);
	assert_int_equal(found, FOUND_IMPORT);
	assert_int_equal(evidence, EVIDENCE_POLICY);
}

static struct device_address address_of(const char *ip, const char *interface, uint16_t port)
{
	struct device_address address = {.port = port};

	assert_int_equal(inet_pton(AF_INET6, ip, &address.ip), 1);
	strcpy(address.interface, interface);
	return address;
}

static void same_host_is_ip_and_interface(void **data)
{
	struct device_address a = address_of("fe80::1", "eth0", 5683);
	struct device_address other_port = address_of("fe80::1", "eth0", 40000);
	struct device_address other_link = address_of("fe80::1", "eth1", 5683);
	struct device_address other_ip = address_of("fe80::2", "eth0", 5683);

	assert_true(device_address_same_host(&a, &other_port));
	assert_false(device_address_same_host(&a, &other_link));
	assert_false(device_address_same_host(&a, &other_ip));
}

static void addresses_as_text(void **data)
{
	static const struct {
		const char *ip, *interface, *text;
		uint16_t port;
	} rows[] = {
		{"::ffff:192.0.2.7", "eth0", "192.0.2.7:5683", 5683},
		{"fe80::1", "eth0", "[fe80::1%eth0]:5683", 5683},
		{"fe80::1", "", "[fe80::1]:1", 1},
		{"::1", "lo", "[::1]:5683", 5683},
		{"0:0:1::7", "eth0", "[0:0:1::7]:5683", 5683},
		{"::1:0:7", "eth0", "[::1:0:7]:5683", 5683},
		{"2001:db8::7", "eth0", "[2001:db8::7]:65535", 65535},
		{"fe80:1111:2222:3333:4444:5555:6666:7777", "fifteen-letters",
			"[fe80:1111:2222:3333:4444:5555:6666:7777%fifteen-letters]:5683", 5683},
	};
	char text[80];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct device_address address =
			address_of(rows[i].ip, rows[i].interface, rows[i].port);

		assert_ptr_equal(device_address_to_string(&address, text), text);
		assert_string_equal(text, rows[i].text);
	}
}

static void addresses_that_were_typed(void **data)
{
	static const struct {
		const char *typed, *text; /* NULL: refused */
	} rows[] = {
		{"192.0.2.7", "192.0.2.7:5683"},
		{"192.0.2.7:1", "192.0.2.7:1"},
		{"coap://192.0.2.7:65535/", "192.0.2.7:65535"},
		{"coaps://192.0.2.7", "192.0.2.7:5684"},
		{"coaps://[2001:db8::7]:7/", "[2001:db8::7]:7"},
		{"2001:db8::7", "[2001:db8::7]:5683"},
		{"[2001:db8::7]", "[2001:db8::7]:5683"},
		{"[2001:db8::7]:40000", "[2001:db8::7]:40000"},
		{"coap://[fe80::1%eth0]:5684", "[fe80::1%eth0]:5684"},
		{"fe80::1%fifteen-letters", "[fe80::1%fifteen-letters]:5683"},
		{"2001:db8::7%eth0", "[2001:db8::7]:5683"},
		{"fe80::1%sixteen-letters.", NULL},
		{"fe80::1%", NULL},
		{"fe80::1%a b", NULL},
		{"", NULL},
		{"coap://", NULL},
		{"/", NULL},
		{"lamp", NULL},
		{"lamp.local:5683", NULL},
		{"192.0.2", NULL},
		{"192.0.2.7:", NULL},
		{"192.0.2.7:0", NULL},
		{"192.0.2.7:05683", NULL},
		{"192.0.2.7:65536", NULL},
		{"192.0.2.7:99999999999999999999", NULL},
		{"192.0.2.7:-1", NULL},
		{"192.0.2.7:56x", NULL},
		{"192.0.2.7/x", NULL},
		{"coaps:/192.0.2.7", NULL},
		{"coaps://", NULL},
		{"http://192.0.2.7", NULL},
		{"[2001:db8::7", NULL},
		{"[2001:db8::7]x", NULL},
		{"[2001:db8::7]:", NULL},
		{"[192.0.2.7]", NULL},
		{"::ffff:192.0.2.7", NULL},
		{"1:2:3", NULL},
		{"fd00:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff:"
		 "1111:2222:33333",
			NULL},
	};
	struct device_address address, before = address_of("::1", "lo", 1);
	bool secure = false;
	char text[80];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		address = before;
		if (!rows[i].text) {
			assert_int_equal(device_address_parse(span_from_string(rows[i].typed),
						 &address, &secure),
				-EINVAL);
			assert_memory_equal(&address, &before, sizeof(address));
			continue;
		}
		assert_int_equal(
			device_address_parse(span_from_string(rows[i].typed), &address, &secure),
			0);
		assert_int_equal(secure, !strncmp(rows[i].typed, "coaps", 5));
		assert_string_equal(device_address_to_string(&address, text), rows[i].text);
	}
	assert_int_equal(
		device_address_parse(SPAN_LITERAL("192.0.2.7\0"), &address, &secure), -EINVAL);
}

static void names_that_may_be(void **data)
{
	static const char *const good[] = {"sensor-1", "a", "urn:dev:mac:0024befffe804ff1",
		"aa:bb:cc:dd:ee:ff", "192.0.2", "192.0.2.7.8", "1.2.3.4:5683x", "[bracket", "[a]b",
		"[x]:1", "a/b#c+d", "%", "[::1]x", "[::1]:x", ":80.",
		"exactly-sixty-three-characters-long-and-still-a-name-for-a-devi"};
	const char *why = NULL;

	assert_int_equal(strlen(good[15]), EP_MAX);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (ep_check(span_from_string(good[i]), &why) != 0)
			fail_msg("%s: %s", good[i], why);
	assert_null(why);
}

static void names_that_may_not_be(void **data)
{
	const struct {
		struct span name;
		const char *why;
	} bad[] = {
		{{NULL, 0}, "The name is empty."},
		{SPAN_LITERAL("exactly-sixty-four-characters-long-and-no-more-a-name-for-a-devi"),
			"The name is longer than 63 characters."},
		{SPAN_LITERAL("a\nb"), "The name holds a character that is not printable ASCII."},
		{SPAN_LITERAL("a\0b"), "The name holds a character that is not printable ASCII."},
		{SPAN_LITERAL("\xc3\xa4"),
			"The name holds a character that is not printable ASCII."},
		{SPAN_LITERAL("a b"), "The name holds a space, a double quote, < or >."},
		{SPAN_LITERAL("a\"b"), "The name holds a space, a double quote, < or >."},
		{SPAN_LITERAL("<b"), "The name holds a space, a double quote, < or >."},
		{SPAN_LITERAL("a>"), "The name holds a space, a double quote, < or >."},
		{SPAN_LITERAL("192.0.2.7"), "The name is an address."},
		{SPAN_LITERAL("192.0.2.7:5683"), "The name is an address."},
		{SPAN_LITERAL("::1"), "The name is an address."},
		{SPAN_LITERAL("fe80::1%eth0"), "The name is an address."},
		{SPAN_LITERAL("::ffff:192.0.2.7"), "The name is an address."},
		{SPAN_LITERAL("[fe80::1]"), "The name is an address."},
		{SPAN_LITERAL("[fe80::1%eth0]:5683"), "The name is an address."},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = "nothing";

		assert_int_equal(ep_check(bad[i].name, &why), -EINVAL);
		assert_string_equal(why, bad[i].why);
	}
}

static void short_codes_as_people_write_them(void **data)
{
	static const char *const good[] = {
		"BCDF-GHJK", "bcdfghjk", "  b-c d-f g-h j-k ", "BCDFGHJK", "--BCDF----GHJK--"};
	char code[SHORT_CODE_SIZE + 1], text[10];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(code, 'x', sizeof(code));
		assert_int_equal(short_code_parse(span_from_string(good[i]), code), 0);
		assert_string_equal(code, "BCDFGHJK");
	}
	assert_ptr_equal(short_code_format(code, text), text);
	assert_string_equal(text, "BCDF-GHJK");
	assert_string_equal(short_code_format("", text), "-");
}

static void short_codes_that_are_none(void **data)
{
	const struct span bad[] = {
		{NULL, 0},
		SPAN_LITERAL("BCDF-GHJ"),
		SPAN_LITERAL("BCDF-GHJKL"),
		SPAN_LITERAL("BCDF-GHJA"), /* a vowel */
		SPAN_LITERAL("BCDF-GHJ1"),
		SPAN_LITERAL("BCDF-GHJ\0"),
		SPAN_LITERAL("BCDF_GHJK"),
		SPAN_LITERAL("BCDF-GHJ\xc3"),
		SPAN_LITERAL("BCDF-GHJK                                                        "),
	};
	char code[SHORT_CODE_SIZE + 1] = "KEPT";

	assert_true(bad[8].size > 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(short_code_parse(bad[i], code), -EINVAL);
		assert_string_equal(code, "KEPT");
	}
}

/* 240 and more would make the first letters likelier: they are drawn again. */
static void short_codes_made_here(void **data)
{
	char code[SHORT_CODE_SIZE + 1], parsed[SHORT_CODE_SIZE + 1];

	random_calls = 0;
	short_code_make(code);
	/* 0, 1, 239, 19, 20, 38, 40, 59 modulo 20 */
	assert_string_equal(code, "BCZZBXBZ");
	assert_int_equal(random_calls, 10);
	assert_int_equal(short_code_parse(span_from_string(code), parsed), 0);
	assert_string_equal(parsed, code);
}

static void labels(void **data)
{
	char longest[LABEL_MAX + 2];
	const char *why = NULL;

	memset(longest, 'x', sizeof(longest));
	assert_int_equal(label_check(span_of(longest, LABEL_MAX), &why), 0);
	assert_int_equal(label_check(span_of(NULL, 0), &why), 0);
	assert_int_equal(label_check(SPAN_LITERAL("K\xc3\xbc"
						  "hlraum \"2\""),
				 &why),
		0);
	assert_null(why);
	assert_int_equal(label_check(span_of(longest, LABEL_MAX + 1), &why), -EINVAL);
	assert_string_equal(why, "The text is longer than 64 bytes.");
	assert_int_equal(label_check(SPAN_LITERAL("a\x1b[2J"), &why), -EINVAL);
	assert_string_equal(why, "The text is not valid UTF-8, or holds a control character.");
	assert_int_equal(label_check(SPAN_LITERAL("\xc3("), &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_copy_shares_nothing),
		cmocka_unit_test(record_copy_lacks_memory),
		cmocka_unit_test(words),
		cmocka_unit_test(same_host_is_ip_and_interface),
		cmocka_unit_test(addresses_as_text),
		cmocka_unit_test(addresses_that_were_typed),
		cmocka_unit_test(names_that_may_be),
		cmocka_unit_test(names_that_may_not_be),
		cmocka_unit_test(short_codes_as_people_write_them),
		cmocka_unit_test(short_codes_that_are_none),
		cmocka_unit_test(short_codes_made_here),
		cmocka_unit_test(labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
