/* SPDX-License-Identifier: Apache-2.0 */

/* The line for what cannot be counted: on a terminal alone, after a second, and gone in the end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/pulse.h"

struct terminal {
	FILE *out;
	int master;
	char text[4096]; /* all that a person had before their eyes */
	size_t size;
};

static void terminal_open(struct terminal *terminal)
{
	int slave;

	*terminal = (struct terminal){0};
	assert_int_equal(openpty(&terminal->master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(fcntl(terminal->master, F_SETFL, O_NONBLOCK), 0);
	terminal->out = fdopen(slave, "w");
	assert_non_null(terminal->out);
}

static void terminal_close(struct terminal *terminal)
{
	fclose(terminal->out);
	close(terminal->master);
}

static bool take(struct terminal *terminal)
{
	ssize_t size = read(terminal->master, terminal->text + terminal->size,
		sizeof(terminal->text) - 1 - terminal->size);

	if (size <= 0)
		return false;
	terminal->size += (size_t)size;
	terminal->text[terminal->size] = '\0';
	return true;
}

/* Until that was shown. */
static void await(struct terminal *terminal, const char *words)
{
	struct pollfd look = {.fd = terminal->master, .events = POLLIN};

	while (!strstr(terminal->text, words)) {
		assert_int_equal(poll(&look, 1, 60000), 1);
		take(terminal);
	}
}

static void of_several_steps(void **state)
{
	struct terminal terminal;
	struct pulse pulse = {.what = "sealing it", .step = 2, .steps = 4};

	terminal_open(&terminal);
	pulse.out = terminal.out;
	pulse.from_usec = clock_boot_usec() - 2 * USEC_PER_SEC; /* it took as long already */
	pulse_begin(&pulse);
	await(&terminal, "\r[#######-----------------------]  step 2 of 4: sealing it, ");
	await(&terminal, " s\r"); /* drawn again and again */
	pulse_end(&pulse);
	while (take(&terminal))
		;
	assert_true(terminal.size > 2 && terminal.text[terminal.size - 1] == '\r' &&
		    terminal.text[terminal.size - 2] == ' ');
	pulse_end(&pulse); /* once more does no harm */
	terminal_close(&terminal);
}

static void alone(void **state)
{
	struct terminal terminal;
	struct pulse pulse = {.what = "the gateway is at it"};

	terminal_open(&terminal);
	pulse.out = terminal.out;
	pulse.from_usec = clock_boot_usec() - 7 * USEC_PER_SEC;
	pulse_begin(&pulse);
	await(&terminal, "\rthe gateway is at it, ");
	pulse_end(&pulse);
	terminal_close(&terminal);
}

/* What is done in a moment shows nothing. */
static void in_a_moment(void **state)
{
	struct terminal terminal;
	struct pulse pulse = {.what = "this"};

	terminal_open(&terminal);
	pulse.out = terminal.out;
	pulse.from_usec = clock_boot_usec() + 600 * USEC_PER_SEC;
	pulse_begin(&pulse);
	pulse_end(&pulse);
	assert_false(take(&terminal));
	terminal_close(&terminal);
}

static void where_nobody_watches(void **state)
{
	FILE *out = tmpfile();
	struct pulse pulse = {.out = out, .what = "this", .from_usec = 1};

	pulse_begin(&pulse);
	assert_false(pulse.running);
	pulse_end(&pulse);
	assert_int_equal(ftell(out), 0);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_several_steps),
		cmocka_unit_test(alone),
		cmocka_unit_test(in_a_moment),
		cmocka_unit_test(where_nobody_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
