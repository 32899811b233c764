/* SPDX-License-Identifier: Apache-2.0 */

/* The bar: on a terminal alone, after a second, and gone in the end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/progress.h"

/* What a person has before their eyes; "" when nothing was written. */
static const char *seen(int master)
{
	static char text[1024];
	ssize_t size = read(master, text, sizeof(text) - 1);

	text[size > 0 ? size : 0] = 0;
	return text;
}

static FILE *terminal(int *ret_master)
{
	FILE *out;
	int slave;

	assert_int_equal(openpty(ret_master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(fcntl(*ret_master, F_SETFL, O_NONBLOCK), 0);
	out = fdopen(slave, "w");
	assert_non_null(out);
	return out;
}

static void on_a_terminal(void **state)
{
	int master;
	FILE *out = terminal(&master);
	struct progress progress = {.out = out, .what = "codes", .total = 5000, .lines = true};

	progress_show(&progress, 500);
	assert_string_equal(seen(master), ""); /* it may be done in a moment */
	progress_end(&progress);
	assert_string_equal(seen(master), "");
	progress.from_usec = clock_boot_usec() - 2000000;
	progress_show(&progress, 1500);
	assert_string_equal(
		seen(master), "\r[#########---------------------]  30%  1500 of 5000 codes");
	progress_show(&progress, 9999);
	assert_string_equal(
		seen(master), "\r[##############################] 100%  5000 of 5000 codes");
	progress_end(&progress);
	assert_int_equal(progress.shown, 0);
	assert_int_equal(strspn(seen(master), "\r "), 2 + 57);
	fclose(out);
	close(master);
}

static void of_unknown_length(void **state)
{
	int master;
	FILE *out = terminal(&master);
	struct progress progress = {.out = out, .what = "rows looked at"};

	progress.from_usec = clock_boot_usec() - 2000000;
	progress_show(&progress, 1200);
	assert_string_equal(seen(master), "\r1200 rows looked at");
	progress_show(&progress, 9); /* a shorter one leaves nothing of the longer one */
	assert_string_equal(seen(master), "\r9 rows looked at   ");
	fclose(out);
	close(master);
}

static void into_a_file(void **state)
{
	FILE *out = tmpfile();
	struct progress progress = {.out = out, .what = "codes", .total = 10, .lines = true};
	char line[64] = "";

	progress.from_usec = clock_boot_usec() - 2000000;
	progress_show(&progress, 5);
	progress.lines = false;
	progress_show(&progress, 10);
	progress_end(&progress);
	rewind(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_string_equal(line, "5 of 10 codes sent\n");
	assert_null(fgets(line, sizeof(line), out));
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_terminal),
		cmocka_unit_test(of_unknown_length),
		cmocka_unit_test(into_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
