/* SPDX-License-Identifier: Apache-2.0 */

/* What a camera or a person brings: codes, texts of QR codes, and addresses with one in them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/label-scan.h"
#include "core/label-url.h"

#define CODE "000G40R40M30E209185GR38E1WJB"
#define QR   "GH1:sensor-1:" CODE

static enum label_verdict scanned(const char *text, const char *ep)
{
	CLEANUP(label_clear) struct label label = {0};
	enum label_verdict verdict = LABEL_FOREIGN;

	assert_int_equal(label_scan(span_from_string(text), ep, &label, &verdict), 0);
	if (verdict == LABEL_TAKEN)
		assert_string_equal(label.ep, "sensor-1");
	return verdict;
}

static void test_forms(void **state)
{
	static const char *const forms[] = {
		QR,
		"https://gateway.local:8443/scan#" QR,
		"https://gateway.local:8443/scan#GH1%3Asensor-1%3a" CODE,
		"http://10.0.0.1/#gh1:sensor-1:000g-40r4-0m30-e209-185g-r38e-1wjb",
	};

	for (size_t i = 0; i < ELEMENTS(forms); i++) {
		assert_true(label_is_scan(span_from_string(forms[i])));
		assert_int_equal(scanned(forms[i], NULL), LABEL_TAKEN);
		assert_int_equal(scanned(forms[i], "sensor-1"), LABEL_TAKEN);
		assert_int_equal(scanned(forms[i], "sensor-2"), LABEL_MISMATCH);
	}
	assert_int_equal(scanned("GH1-" CODE, "sensor-1"), LABEL_TAKEN);
	assert_int_equal(scanned("GH1-" CODE, NULL), LABEL_NAMELESS);
	assert_int_equal(scanned("https://x/#GH1-" CODE, NULL), LABEL_NAMELESS);
}

static void test_what_is_none(void **state)
{
	char text[1024];

	assert_int_equal(scanned("https://gateway.local:8443/", NULL), LABEL_FOREIGN);
	assert_int_equal(scanned("https://gateway.local:8443/#", NULL), LABEL_FOREIGN);
	assert_int_equal(scanned("x#" QR, NULL), LABEL_FOREIGN);
	assert_int_equal(scanned("#://" QR, NULL), LABEL_FOREIGN);
	assert_int_equal(scanned("", NULL), LABEL_FOREIGN);
	/* An escape that is none stands for itself. */
	assert_int_equal(scanned("https://x/#GH1%3", NULL), LABEL_LENGTH);
	assert_int_equal(scanned("https://x/#%zz%4z%", NULL), LABEL_FOREIGN);
	snprintf(text, sizeof(text), "https://x/#%0600d", 1);
	assert_int_equal(scanned(text, NULL), LABEL_FOREIGN);
	/* A name may look like an address. */
	assert_int_equal(scanned("GH1:a://b#" QR, NULL), LABEL_MISMATCH);
}

static void test_short_codes_are_none(void **state)
{
	static const char *const none[] = {"", "G", "GH", "BCDF-GHJK", "GHLB-CDFG", "ghlbcdfg",
		"https://x/#BCDFGHJK", "123456"};
	static const char *const labels[] = {"GH1", "gh1-", " g h 1 x", "GHI-" CODE, "GHL-" CODE};

	for (size_t i = 0; i < ELEMENTS(none); i++)
		assert_false(label_is_scan(span_from_string(none[i])));
	for (size_t i = 0; i < ELEMENTS(labels); i++)
		assert_true(label_is_scan(span_from_string(labels[i])));
}

/* Whatever label_write_url() writes is read again. */
static void test_there_and_back(void **state)
{
	static const uint8_t secret[LABEL_SECRET_SIZE] = {9, 8, 7};
	static const char *const names[] = {"a", "a%b", "a#b", "a:b:c", "{x}|^`\\", "a%41"};
	char qr[LABEL_QR_SIZE], url[LABEL_URL_SIZE];

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		CLEANUP(label_clear) struct label label = {0};
		enum label_verdict verdict = LABEL_FOREIGN;

		assert_int_equal(label_write_qr(secret, names[i], qr), 0);
		assert_int_equal(label_write_url("https://x/scan", qr, url), 0);
		assert_int_equal(label_scan(span_from_string(url), NULL, &label, &verdict), 0);
		assert_int_equal(verdict, LABEL_TAKEN);
		assert_string_equal(label.ep, names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_short_codes_are_none),
		cmocka_unit_test(test_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
