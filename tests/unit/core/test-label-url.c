/* SPDX-License-Identifier: Apache-2.0 */

/* The text of a QR code from any spelling of a code, and the address that carries it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/label-url.h"

#define QR "GH1:sensor-1:000G40R40M30E209185GR38E1WJB"

static void test_qr(void **state)
{
	static const char *const spellings[] = {
		"GH1-000G40R40M30E209185GR38E1WJB",
		QR,
		" gh1 ooog4-0r40m 30e20-9l85g r38ei-wjb ",
		"GH1000G40R40M30E209185GR38E1WJB",
	};
	char qr[LABEL_QR_SIZE];

	for (size_t i = 0; i < ELEMENTS(spellings); i++) {
		assert_int_equal(
			label_code_to_qr(span_from_string(spellings[i]), "sensor-1", qr), 0);
		assert_string_equal(qr, QR);
	}
	strcpy(qr, "as before");
	assert_int_equal(label_code_to_qr(SPAN_LITERAL(QR), "sensor-2", qr), -EINVAL);
	assert_int_equal(label_code_to_qr(SPAN_LITERAL("GH1-1"), "sensor-1", qr), -EINVAL);
	assert_int_equal(label_code_to_qr(SPAN_LITERAL(""), "sensor-1", qr), -EINVAL);
	assert_int_equal(label_code_to_qr(SPAN_LITERAL(QR), "a b", qr), -EINVAL);
	assert_string_equal(qr, "as before");
}

static void test_url(void **state)
{
	char url[LABEL_URL_SIZE], page[LABEL_URL_SIZE + 1];
	size_t longest = LABEL_URL_SIZE - sizeof(QR) - 4;

	assert_int_equal(label_write_url("https://gateway.local:8443/scan", QR, url), 0);
	assert_string_equal(url, "https://gateway.local:8443/scan#" QR);
	assert_int_equal(label_write_url("https://g/", "GH1:a%b#c&d\\:0", url), 0);
	assert_string_equal(url, "https://g/#GH1:a%25b%23c%26d%5C:0");
	memset(page, 'x', sizeof(page));
	page[longest] = '\0';
	assert_int_equal(label_write_url(page, QR, url), 0);
	assert_int_equal(strlen(url), longest + sizeof(QR));
	strcpy(url, "as before");
	for (size_t size = longest + 4; size < sizeof(page); size++) {
		memset(page, 'x', sizeof(page));
		page[size] = '\0';
		assert_int_equal(label_write_url(page, QR, url), -EMSGSIZE);
	}
	assert_string_equal(url, "as before");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qr),
		cmocka_unit_test(test_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
