/* SPDX-License-Identifier: Apache-2.0 */
/* The register of authorities by itself, and what a file of its directory may say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/device-ca.h"

static bool without_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return without_memory ? NULL : __real_malloc(size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return without_memory ? NULL : __real_realloc(old, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return without_memory || !strcmp(text, "no") ? NULL : __real_strdup(text);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static void add(struct device_cas *cas, uint64_t row, const char *fingerprint)
{
	const struct device_ca one = {.row = row, .certificate = (char *)(uintptr_t) "pem"};
	struct device_ca *copy;

	assert_int_equal(device_ca_copy(&one, &copy), 0);
	strcpy(copy->fingerprint, fingerprint);
	assert_int_equal(device_cas_reserve(cas), 0);
	device_cas_put(cas, copy);
}

static void words(void **state)
{
	enum ca_policy policy = CA_PERSON;

	assert_string_equal(ca_policy_to_string(CA_PERSON), "person");
	assert_string_equal(ca_policy_to_string(CA_AUTO), "auto");
	assert_string_equal(ca_policy_to_string(CA_POLICIES), "unknown");
	assert_int_equal(ca_policy_from_string("auto", &policy), 0);
	assert_int_equal(policy, CA_AUTO);
	assert_int_equal(ca_policy_from_string("Auto", &policy), -EINVAL);
	assert_int_equal(policy, CA_AUTO);
}

static void the_register(void **state)
{
	struct device_cas cas = {0};

	assert_int_equal(device_cas_next_row(&cas), 1);
	for (uint64_t i = 1; i <= 20; i++) {
		char fingerprint[FINGERPRINT_SIZE] = HEX "0";

		fingerprint[0] = (char)('a' + i % 6);
		fingerprint[9] = (char)('a' + i / 6);
		add(&cas, i == 20 ? 3 : i, fingerprint);
	}
	assert_int_equal(cas.count, 19);
	assert_int_equal(device_cas_next_row(&cas), 20);
	device_cas_drop(&cas, 1);
	device_cas_drop(&cas, 19);
	device_cas_drop(&cas, 77);
	assert_int_equal(cas.count, 17);
	assert_int_equal(device_cas_next_row(&cas), 19);
	assert_null(device_cas_find(&cas, "x"));
	assert_int_equal(cas.ca[0]->row, 2);
	assert_ptr_equal(device_cas_find(&cas, cas.ca[5]->fingerprint), cas.ca[5]);
	device_cas_clear(&cas);
	assert_int_equal(cas.count, 0);
}

static void typed(void **state)
{
	struct device_cas cas = {0};

	add(&cas, 1, HEX "0");
	add(&cas, 2, HEX "1");
	add(&cas, 3, "ff" HEX);
	assert_null(device_cas_find_typed(&cas, HEX));
	assert_ptr_equal(device_cas_find_typed(&cas, HEX "1"), cas.ca[1]);
	assert_null(device_cas_find_typed(&cas, HEX "1a"));
	assert_ptr_equal(device_cas_find_typed(&cas, "FF:01:23:45"), cas.ca[2]);
	assert_ptr_equal(device_cas_find_typed(&cas, "ff01 2345 67"), cas.ca[2]);
	assert_null(device_cas_find_typed(&cas, "ff01234"));
	assert_null(device_cas_find_typed(&cas, "ff01234x"));
	assert_null(device_cas_find_typed(&cas, ""));
	assert_null(device_cas_find_typed(&cas, "ee012345"));
	device_cas_clear(&cas);
}

static void memory(void **state)
{
	struct device_ca one = {.certificate = (char *)(uintptr_t) "no"}, *copy = NULL;
	struct device_cas cas = {0};

	assert_int_equal(device_ca_copy(&one, &copy), -ENOMEM);
	one.certificate = NULL;
	assert_int_equal(device_ca_copy(&one, &copy), 0);
	assert_null(copy->certificate);
	assert_null(device_ca_free(copy));
	assert_null(device_ca_free(NULL));
	without_memory = true;
	assert_int_equal(device_ca_copy(&one, &copy), -ENOMEM);
	assert_int_equal(device_cas_reserve(&cas), -ENOMEM);
	without_memory = false;
}

static void files(void **state)
{
	static const struct {
		const char *text;
		int result;
		enum ca_policy policy;
	} rows[] = {
		{"", 0, CA_PERSON},
		{"-----BEGIN CERTIFICATE-----\nadmit = auto\n", 0, CA_PERSON},
		{"admit = auto", 0, CA_AUTO},
		{"admit=auto\n-----BEGIN", 0, CA_AUTO},
		{"Pumps Ltd\n\n \tadmit\t= auto \t\r\n", 0, CA_AUTO},
		{"admit = person\n", 0, CA_PERSON},
		{"admittance = auto\n", 0, CA_PERSON},
		{"admit auto\n", 0, CA_PERSON},
		{"admit\n", 0, CA_PERSON},
		{"adm", 0, CA_PERSON},
		{"---", 0, CA_PERSON},
		{"admit =", -EINVAL, CA_PERSON},
		{"admit = Auto\n", -EINVAL, CA_PERSON},
		{"admit = automatically\n", -EINVAL, CA_PERSON},
		{"admit = auto\nadmit = auto\n", -EINVAL, CA_PERSON},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum ca_policy policy = CA_PERSON;

		assert_int_equal(device_ca_read_policy(span_from_string(rows[i].text), &policy),
			rows[i].result);
		assert_int_equal(policy, rows[i].policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(the_register),
		cmocka_unit_test(typed),
		cmocka_unit_test(memory),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
