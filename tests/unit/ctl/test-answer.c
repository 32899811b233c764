/* SPDX-License-Identifier: Apache-2.0 */

/* Files that the tool writes: new, whole, for their owner alone; and what it says when it cannot.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/command.h"

struct bed {
	char directory[64], said[512];
	struct ctl ctl;
};

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	snprintf(bed->directory, sizeof(bed->directory), "/tmp/test-answer.XXXXXX");
	assert_non_null(mkdtemp(bed->directory));
	bed->ctl.err = fmemopen(bed->said, sizeof(bed->said), "w");
	assert_non_null(bed->ctl.err);
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/parcel", bed->directory);
	unlink(path);
	rmdir(bed->directory);
	fclose(bed->ctl.err);
	free(bed);
	return 0;
}

static const char *said(struct bed *bed)
{
	fflush(bed->ctl.err);
	return bed->said;
}

static void test_a_new_file(void **state)
{
	struct bed *bed = *state;
	char path[128], read_back[8] = "";
	struct stat st;
	FILE *file;

	snprintf(path, sizeof(path), "%s/parcel", bed->directory);
	assert_int_equal(ctl_write_file(&bed->ctl, path, span_from_string("sealed")), EXIT_DONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	file = fopen(path, "r");
	assert_int_equal(fread(read_back, 1, sizeof(read_back) - 1, file), 6);
	fclose(file);
	assert_string_equal(read_back, "sealed");
	assert_string_equal(said(bed), "");
}

static void test_never_over_another(void **state)
{
	struct bed *bed = *state;
	char path[128], text[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/parcel", bed->directory);
	assert_int_equal(ctl_write_file(&bed->ctl, path, span_from_string("first")), EXIT_DONE);
	assert_int_equal(ctl_write_file(&bed->ctl, path, span_from_string("second")), EXIT_REFUSED);
	assert_non_null(strstr(said(bed), "/parcel cannot be written: File exists."));
	file = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "first");
}

static void test_no_such_directory(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(ctl_write_file(&bed->ctl, "/nowhere/at/all/parcel", span_from_string("x")),
		EXIT_REFUSED);
	assert_string_equal(said(bed),
		"/nowhere/at/all/parcel cannot be written: No such file or directory.\n");
}

/* What the gateway or a file said may hold anything: the terminal gets no control character. */
static void test_refusal_is_printable(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(ctl_refuse(&bed->ctl, "no %s", "\033[2Jway"), EXIT_REFUSED);
	assert_null(strchr(said(bed), '\033'));
	assert_non_null(strstr(bed->said, "way\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_new_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_over_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_such_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal_is_printable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
