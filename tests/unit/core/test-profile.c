/* SPDX-License-Identifier: Apache-2.0 */
/* Device profiles: what a file may say, what is said of one that is wrong, and whole sets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/profile.h"
#include "core/reading.h"

struct messages {
	char text[4096];
	unsigned errors, warnings;
};

static void take(void *userdata, int level, const char *text)
{
	struct messages *messages = userdata;
	size_t used = strlen(messages->text);

	*(level == LOG_ERR ? &messages->errors : &messages->warnings) += 1;
	snprintf(messages->text + used, sizeof(messages->text) - used, "%s\n", text);
}

static int parse(const char *text, struct messages *messages, struct profile *ret_profile)
{
	char copy[4096];

	*messages = (struct messages){0};
	snprintf(copy, sizeof(copy), "%s", text);
	return profile_read_text("/etc/p/x.conf", copy, strlen(copy), take, messages, ret_profile);
}

static void whole(void **state)
{
	struct messages messages;
	struct profile profile;

	assert_int_equal(parse("match {\n\trt = { \"a.*\", \"b\" }\n\tif = { core.s }\n"
			       "\tpath = { \"/x\" }\n\tep = { \"s-*\" }\n}\n"
			       "device { model = \"Acme T1\" }\n"
			       "read { path = \"/x?a=1\" }\n"
			       "read { path = \"/y/z\" observe = yes interval = 30\n"
			       "\tformat = senml-cbor name = \"n-1\" unit = \"%RH\" }\n"
			       "read { path = /b observe = no format = opaque }\n",
				 &messages, &profile),
		0);
	assert_string_equal(messages.text, "");
	assert_string_equal(profile.file, "x");
	assert_string_equal(profile.model, "Acme T1");
	assert_int_equal(profile.rt.count, 2);
	assert_string_equal(profile.rt.item[1], "b");
	assert_string_equal(profile.interface.item[0], "core.s");
	assert_string_equal(profile.path.item[0], "/x");
	assert_string_equal(profile.ep.item[0], "s-*");
	assert_int_equal(profile.read_count, 3);
	assert_string_equal(profile.read[0].path, "/x?a=1");
	assert_int_equal(profile.read[0].observe, READ_OBSERVE_AUTO);
	assert_int_equal(profile.read[0].interval, 0);
	assert_int_equal(profile.read[0].format, FORMAT_NONE);
	assert_string_equal(profile.read[0].name, "");
	assert_int_equal(profile.read[1].observe, READ_OBSERVE_YES);
	assert_int_equal(profile.read[1].interval, 30);
	assert_int_equal(profile.read[1].format, FORMAT_SENML_CBOR);
	assert_string_equal(profile.read[1].name, "n-1");
	assert_string_equal(profile.read[1].unit, "%RH");
	assert_int_equal(profile.read[2].observe, READ_OBSERVE_NO);
	assert_int_equal(profile.read[2].format, FORMAT_OPAQUE);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"", "x.conf:1: no section read"},
		{"read { path = \"/x\" }\n", "x.conf:1: match: it says nothing"},
		{"match { }\nread { path = \"/x\" }\n", "match: it says nothing"},
		{"match { rt = { a } }\n", "no section read"},
		{"match { rt = { a } }\nread { observe = yes }\n", "x.conf:2: read.path: missing"},
		{"match { rt = { a } }\nread {\n path = \"x\" }\n", "x.conf:3: read.path: "},
		{"match { rt = { a } }\nread { path = \"/a/../b\" }\n", "x.conf:2: read.path: "},
		{"match { rt = { a } }\nread { path = \"//evil/x\" }\n", "x.conf:2: read.path: "},
		{"match { rt = { a } }\nread { path = \"coap://h/x\" }\n", "x.conf:2: read.path: "},
		{"match { rt = { a } }\nread { path = \"/a\"\n format = txt }\n",
			"x.conf:3: read.format: "},
		{"match { rt = { a } }\nread { path = \"/a\"\n observe = perhaps }\n",
			"x.conf:3: read.observe: "},
		{"match { rt = { a } }\nread { path = \"/a\"\n interval = 86401 }\n",
			"x.conf:3: read.interval: "},
		{"match { rt = { a } }\nread { path = \"/a\"\n name = \"a b\" }\n",
			"x.conf:3: read.name: "},
		{"match { rt = { a } }\nread { path = \"/a\"\n unit = \"a\\\"b\" }\n",
			"x.conf:3: read.unit: "},
		{"match { rt = a }\nread { path = \"/a\"\n", "x.conf:2: "},
		{"match { rt = { a } }\nmatch { rt = { b } }\nread { path = \"/a\" }\n",
			"x.conf:2: match: a second section"},
		{"match { rt = { a } }\nread { path = \"/a\" }\nread { path = \"/a\" }\n",
			"x.conf:3: read.path: another section"},
		{"match { rt = { \"\" } }\nread { path = \"/a\" }\n", "x.conf:1: match.rt: "},
	};
	struct messages messages;
	struct profile profile = {.read_count = 77};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(parse(rows[i].text, &messages, &profile), -EINVAL);
		if (!strstr(messages.text, rows[i].message))
			fail_msg("row %zu: %s", i, messages.text);
	}
	assert_int_equal(profile.read_count, 77);
}

static void limits(void **state)
{
	char text[1024] = "match { rt = { a } }\n";
	struct messages messages;
	struct profile profile;

	for (unsigned i = 0; i < PROFILE_READS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"read { path = \"/%u\" }\n", i);
	assert_int_equal(parse(text, &messages, &profile), 0);
	assert_int_equal(profile.read_count, PROFILE_READS_MAX);
	strcat(text, "read { path = \"/more\" }\n");
	assert_int_equal(parse(text, &messages, &profile), -EINVAL);
	assert_non_null(strstr(messages.text, "x.conf:10: too many sections read; allowed: 8"));
	/* what is unknown is passed over with a warning */
	assert_int_equal(parse("match { rt = { a } }\nread { path = \"/a\" later = 1 }\nnew { }\n",
				 &messages, &profile),
		0);
	assert_int_equal(messages.warnings, 2);
	/* the later value of one section counts */
	assert_int_equal(parse("match { rt = { a } }\nread { path = \"/a\" path = \"/b\" }\n",
				 &messages, &profile),
		0);
	assert_string_equal(profile.read[0].path, "/b");
	assert_int_equal(messages.warnings, 1);
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} rows[] = {{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true},
		{"a*", "abc", true}, {"a*", "ba", false}, {"*c", "abc", true},
		{"*c", "abcd", false}, {"a*c", "abc", true}, {"a*c", "ac", true},
		{"a*b*c", "a-bb-bc", true}, {"a**c", "ac", true}, {"abc", "ab", false},
		{"ab", "abc", false}, {"*ab", "aab", true},
		{"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false}};

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(
			profile_pattern_fits(rows[i].pattern, span_from_string(rows[i].text)),
			rows[i].fits);
}

static void paths_and_names(void **state)
{
	static const char *const good[] = {"/", "/a", "/a/b", "/.a", "/a.", "/..a", "/a?x=/../y"},
				 *const bad[] = {"", "a", "//a", "/.", "/..", "/./a", "/a/.",
					 "/a/..", "/a/../b", "/a#b", "/a b", "/a\n"};

	for (size_t i = 0; i < ELEMENTS(good); i++)
		assert_true(read_path_fits(good[i]));
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		assert_false(read_path_fits(bad[i]));
	assert_true(read_name_fits("a-b:c.d/e_f1"));
	assert_true(read_name_fits("3303/0/5700"));
	assert_false(read_name_fits(""));
	assert_false(read_name_fits("-a"));
	assert_false(read_name_fits("a b"));
}

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_directory(void **state)
{
	static const char good[] = "match { rt = { a } }\nread { path = \"/a\" }\n";
	char directory[] = "/tmp/gh-profile-XXXXXX", name[64], command[128];
	struct messages messages = {0};
	struct profiles *profiles = NULL;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(profiles_load("/nowhere/at/all", true, take, &messages, &profiles), 0);
	assert_int_equal(profiles->count, 0);
	free(profiles);
	write_file(directory, "b.conf", good);
	write_file(directory, "a.conf", good);
	write_file(directory, ".hidden.conf", "x");
	write_file(directory, "a.conf.dpkg-old", "x");
	assert_int_equal(profiles_load(directory, true, take, &messages, &profiles), 0);
	assert_int_equal(profiles->count, 2);
	assert_string_equal(profiles->item[0].file, "a");
	assert_string_equal(profiles->item[1].file, "b");
	free(profiles);
	assert_string_equal(messages.text, "");

	write_file(directory, "ab.conf", "match {\n");
	profiles = NULL;
	assert_int_equal(profiles_load(directory, true, take, &messages, &profiles), -EINVAL);
	assert_null(profiles);
	assert_non_null(strstr(messages.text, "/ab.conf:1: "));
	assert_int_equal(profiles_load(directory, false, take, &messages, &profiles), 0);
	assert_int_equal(profiles->count, 2);
	free(profiles);

	snprintf(name, sizeof(name), "%s/ab.conf", directory);
	assert_int_equal(unlink(name), 0);
	snprintf(name, sizeof(name), "%s/d.conf", directory);
	assert_int_equal(mkdir(name, 0700), 0);
	assert_true(profiles_load(directory, true, take, &messages, &profiles) < 0);
	assert_non_null(strstr(messages.text, "/d.conf:1: the file cannot be read"));
	assert_int_equal(rmdir(name), 0);
	for (unsigned i = 0; i < PROFILES_MAX; i++) {
		snprintf(name, sizeof(name), "n%02u.conf", i);
		write_file(directory, name, good);
	}
	assert_int_equal(profiles_load(directory, true, take, &messages, &profiles), -E2BIG);
	assert_non_null(strstr(messages.text, "allowed: 64"));
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
}

/* What ships is valid. */
static void shipped(void **state)
{
	char directory[512];
	struct messages messages = {0};
	struct profiles *profiles = NULL;

	assert_non_null(getenv("GATEHOUSE_SOURCE"));
	snprintf(directory, sizeof(directory), "%.480s/conf/devices.d", getenv("GATEHOUSE_SOURCE"));
	assert_int_equal(profiles_load(directory, true, take, &messages, &profiles), 0);
	assert_true(profiles->count >= 2);
	assert_string_equal(messages.text, "");
	free(profiles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(limits),
		cmocka_unit_test(patterns),
		cmocka_unit_test(paths_and_names),
		cmocka_unit_test(a_directory),
		cmocka_unit_test(shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
