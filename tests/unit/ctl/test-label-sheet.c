/* SPDX-License-Identifier: Apache-2.0 */

/* A label's QR code on the sheet is the code of the library, module by module; its place and texts.
 */

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

#include "ctl/label-sheet.h"

#define QR	    "GH1:sensor-1:000G40R40M30E209185GR38E1WJB"
#define MODULES_MAX 177

static char *sheet;

static int add(size_t index, const char *ep, const char *qr)
{
	size_t size = 0;
	FILE *out;
	int r;

	free(sheet);
	out = open_memstream(&sheet, &size);
	assert_non_null(out);
	r = label_sheet_add(index, ep, "GH1-000G40R40M30E209185GR38E1WJB", qr, out);
	fclose(out);
	return r;
}

static void test_modules(void **state)
{
	QRcode *code = QRcode_encodeString8bit(QR, 0, QR_ECLEVEL_M);
	static bool dark[MODULES_MAX][MODULES_MAX];
	const char *at;
	int x, y, run, back, used;

	assert_non_null(code);
	assert_int_equal(add(0, "sensor-1", QR), 0);
	at = strstr(sheet, " d=\"");
	assert_non_null(at);
	for (at += 4; *at != '"'; at += used) {
		used = 0;
		assert_int_equal(sscanf(at, "M%d %dh%dv1h-%dz%n", &x, &y, &run, &back, &used), 4);
		assert_true(used > 0 && run == back && x + run <= code->width);
		while (run--)
			dark[y][x + run] = true;
	}
	for (y = 0; y < code->width; y++)
		for (x = 0; x < code->width; x++)
			assert_int_equal(dark[y][x], code->data[y * code->width + x] & 1);
	/* With the quiet zone it is 36 mm wide. */
	assert_non_null(strstr(sheet, "translate(4 4)"));
	QRcode_free(code);
}

static void test_place_and_texts(void **state)
{
	assert_int_equal(add(4, "a&b-with-a-name-that-is-longer-than-the-label-is-wide", QR), 0);
	assert_non_null(strstr(sheet, "<g transform=\"translate(72.0 58.0)\">"));
	assert_non_null(strstr(sheet, ">a&amp;b-with"));
	assert_non_null(strstr(sheet, "textLength=\"58.0\""));
	assert_non_null(strstr(sheet, ">GH1-000G40R40M30E209185GR38E1WJB</text>"));
}

static void test_frame(void **state)
{
	size_t size = 0;
	FILE *out;

	free(sheet);
	out = open_memstream(&sheet, &size);
	label_sheet_begin(4, out);
	label_sheet_end(out);
	fclose(out);
	assert_non_null(strstr(sheet, "width=\"208mm\" height=\"116mm\" viewBox=\"0 0 208 116\""));
	assert_non_null(strstr(sheet, "</svg>\n"));
}

static void test_too_long(void **state)
{
	char *text = malloc(5001);

	memset(text, 'x', 5000);
	text[5000] = '\0';
	assert_int_equal(add(0, "a", text), -EMSGSIZE);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_place_and_texts),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_too_long),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(sheet);
	return failed;
}
