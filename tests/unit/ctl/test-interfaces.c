/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/interfaces.h"

static const struct interface_list networks = {
	.row = {{"eth0", "192.0.2.1, fe80::1"}, {"wlan0", ""}, {"7", "192.0.2.9"},
		{"eth1", "192.0.2.2"}},
	.count = 4,
};

static void ignore(void *userdata, int level, const char *text)
{
	*(unsigned *)userdata += 1;
}

static void test_numbers_and_names(void **state)
{
	struct config_list chosen;
	char why[400] = "";

	assert_int_equal(
		interfaces_choose(&networks, " 2,eth0 , 2\n", &chosen, why, sizeof(why)), 0);
	assert_int_equal(chosen.count, 2);
	assert_string_equal(chosen.item[0], "wlan0");
	assert_string_equal(chosen.item[1], "eth0");
	/* An interface may be called by a number: its own name comes first. */
	assert_int_equal(interfaces_choose(&networks, "7", &chosen, why, sizeof(why)), 0);
	assert_string_equal(chosen.item[0], "7");
	assert_int_equal(interfaces_choose(&networks, "\n", &chosen, why, sizeof(why)), 0);
	assert_int_equal(chosen.count, 0);
	assert_int_equal(interfaces_choose(&networks, "none", &chosen, why, sizeof(why)), 0);
	assert_int_equal(chosen.count, 0);
	assert_string_equal(why, "");
}

static void test_what_is_refused(void **state)
{
	static const char *const wrong[] = {"5", "0", "eth", "eth0 2x", "-1", "al"};
	struct config_list chosen = {.count = 77};
	char why[400];

	for (size_t i = 0; i < ELEMENTS(wrong); i++) {
		why[0] = '\0';
		assert_int_equal(
			interfaces_choose(&networks, wrong[i], &chosen, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "allowed: "));
	}
	assert_int_equal(interfaces_choose(&networks, "all", &chosen, why, sizeof(why)), -E2BIG);
	assert_non_null(strstr(why, "lan.interfaces"));
	assert_int_equal(chosen.count, 77);
}

static void make_path(char *directory, char path[128])
{
	strcpy(directory, "/tmp/test-interfaces-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, 128, "%s/gatehouse.conf", directory);
}

static void remove_path(const char *directory, const char *path)
{
	char name[200];

	snprintf(name, sizeof(name), "%s.d/%s", path, INTERFACES_DROPIN);
	unlink(name);
	snprintf(name, sizeof(name), "%s.d", path);
	rmdir(name);
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
}

/* What is written is what the gateway then reads. */
static void test_dropin(void **state)
{
	char directory[64], path[128], why[400] = "";
	struct config_list chosen = {.item = {"eth0", "wlan0"}, .count = 2};
	struct config config;
	struct stat status;
	unsigned complaints = 0;
	FILE *file;

	make_path(directory, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("lan {\n\tport = 1234\n}\n", file);
	fclose(file);
	assert_false(interfaces_are_chosen(path));
	assert_int_equal(interfaces_write(path, &chosen, why, sizeof(why)), 0);
	assert_true(interfaces_are_chosen(path));
	assert_int_equal(config_load(path, ignore, &complaints, &config), 0);
	assert_int_equal(complaints, 0);
	assert_int_equal(config.lan_port, 1234);
	assert_int_equal(config.lan_interfaces.count, 3);
	assert_string_equal(config.lan_interfaces.item[0], "lo");
	assert_string_equal(config.lan_interfaces.item[2], "wlan0");
	assert_int_equal(config.page_addresses.count, 6);
	assert_string_equal(config.page_addresses.item[0], "127.0.0.1%lo");
	assert_string_equal(config.page_addresses.item[5], "::%wlan0");
	/* Asked for again: the new answer stands alone. */
	chosen.count = 0;
	assert_int_equal(interfaces_write(path, &chosen, why, sizeof(why)), 0);
	assert_int_equal(config_load(path, ignore, &complaints, &config), 0);
	assert_int_equal(config.lan_interfaces.count, 1);
	assert_int_equal(config.page_addresses.count, 2);
	snprintf(why, sizeof(why), "%s.d/%s", path, INTERFACES_DROPIN);
	assert_int_equal(stat(why, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	remove_path(directory, path);
}

static void test_the_longest_names(void **state)
{
	char directory[64], path[128], why[400] = "";
	struct config_list chosen = {
		.item = {"abcdefghijklmn1", "abcdefghijklmn2", "abcdefghijklmn3"}, .count = 3};
	struct config config;
	unsigned complaints = 0;

	make_path(directory, path);
	assert_int_equal(interfaces_write(path, &chosen, why, sizeof(why)), 0);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
	assert_int_equal(config_load(path, ignore, &complaints, &config), 0);
	assert_int_equal(complaints, 0);
	assert_int_equal(config.page_addresses.count, CONFIG_LIST_MAX);
	remove_path(directory, path);
}

static void test_cannot_be_written(void **state)
{
	struct config_list chosen = {0};
	char why[400] = "";

	assert_true(interfaces_write("/nowhere/at/all.conf", &chosen, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "/nowhere/at/all.conf.d/" INTERFACES_DROPIN));
}

static void test_this_machine(void **state)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct interface_list list;
	size_t size;
	FILE *out;

	assert_int_equal(interfaces_read(&list), 0);
	for (size_t i = 0; i < list.count; i++) {
		assert_string_not_equal(list.row[i].name, "lo");
		assert_int_not_equal(if_nametoindex(list.row[i].name), 0);
	}
	out = open_memstream(&text, &size);
	assert_non_null(out);
	interfaces_print(&networks, out);
	fclose(out);
	assert_non_null(strstr(text, "NUMBER"));
	assert_non_null(strstr(text, "wlan0"));
	assert_non_null(strstr(text, "192.0.2.1, fe80::1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_and_names),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_dropin),
		cmocka_unit_test(test_the_longest_names),
		cmocka_unit_test(test_cannot_be_written),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
