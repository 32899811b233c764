/* SPDX-License-Identifier: Apache-2.0 */

/* The code on the terminal is the code of the library, module by module, with its quiet zone. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/qr.h"

#define QUIET 4

static bool is_dark(const QRcode *code, int x, int y)
{
	return x >= 0 && y >= 0 && x < code->width && y < code->width &&
	       (code->data[y * code->width + x] & 1);
}

static void test_modules(void **state)
{
	static const char url[] = "https://plant-7.local:8443/setup";
	QRcode *code = QRcode_encodeString8bit(url, 0, QR_ECLEVEL_M);
	char *text = NULL, *at;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(qr_print(url, out), 0);
	fclose(out);
	at = text;
	for (int y = -QUIET; y < code->width + QUIET; y += 2) {
		for (int x = -QUIET; x < code->width + QUIET; x++) {
			int upper = 0, lower = 0, used = 0;

			assert_int_equal(
				sscanf(at, "\033[%d;%dm\342\226\200%n", &upper, &lower, &used), 2);
			assert_true(used > 0);
			assert_int_equal(upper == 30, is_dark(code, x, y));
			assert_int_equal(lower == 40, is_dark(code, x, y + 1));
			at += used;
		}
		assert_memory_equal(at, "\033[0m\n", 5);
		at += 5;
	}
	assert_int_equal(*at, '\0');
	QRcode_free(code);
	free(text);
}

static void test_too_long(void **state)
{
	char *text = malloc(5001), *printed = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&printed, &size);

	memset(text, 'x', 5000);
	text[5000] = '\0';
	assert_int_equal(qr_print(text, out), -EMSGSIZE);
	fclose(out);
	assert_int_equal(size, 0);
	free(printed);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
