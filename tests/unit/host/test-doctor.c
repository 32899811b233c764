/* SPDX-License-Identifier: Apache-2.0 */

/* What the gateway sees of its machine. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fakes.h"
#include "host/doctor.h"

static struct config config;
static char directory[64];

static struct api_probe look_with(struct lan *lan)
{
	struct host *host = calloc(1, sizeof(*host));
	struct api_probe probe;

	assert_non_null(host);
	host->config = &config;
	host->lan = lan;
	doctor_probe(host, &probe);
	free(host);
	return probe;
}

static struct api_probe look(void)
{
	return look_with(NULL);
}

static int setup(void **state)
{
	config_init(&config);
	strcpy(directory, "/tmp/test-doctor-XXXXXX");
	assert_non_null(mkdtemp(directory));
	strcpy(config.state_directory, directory);
	strcpy(config.runtime_directory, directory);
	return 0;
}

static int teardown(void **state)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/control.sock", directory);
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
	return 0;
}

static void test_disk(void **state)
{
	struct api_probe probe = look();

	assert_true(probe.disk_size > 0);
	assert_in_range(probe.disk_free, 0, probe.disk_size);
	strcpy(config.state_directory, "/nowhere/at/all");
	probe = look();
	assert_int_equal(probe.disk_size, 0);
}

static void test_interfaces(void **state)
{
	struct api_probe probe = look();

	assert_string_equal(probe.missing_interfaces, "");
	config.lan_interfaces.count = 3;
	strcpy(config.lan_interfaces.item[0], "nothere0");
	strcpy(config.lan_interfaces.item[1], "lo");
	strcpy(config.lan_interfaces.item[2], "nothere1");
	probe = look();
	assert_string_equal(probe.missing_interfaces, "nothere0, nothere1");
}

static void test_broadcast_address(void **state)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a070001)};
	struct sockaddr_in broadcast = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a0700ff)};
	struct sockaddr_in6 other = {.sin6_family = AF_INET6};
	struct ifaddrs row = {.ifa_flags = IFF_UP | IFF_BROADCAST,
		.ifa_addr = (struct sockaddr *)&own,
		.ifa_broadaddr = (struct sockaddr *)&broadcast};

	assert_false(doctor_lacks_broadcast(&row));
	broadcast = own;
	assert_true(doctor_lacks_broadcast(&row));
	row.ifa_flags = IFF_UP | IFF_POINTOPOINT;
	assert_false(doctor_lacks_broadcast(&row));
	row.ifa_flags = IFF_UP | IFF_BROADCAST;
	row.ifa_broadaddr = NULL;
	assert_false(doctor_lacks_broadcast(&row));
	row.ifa_broadaddr = row.ifa_addr = (struct sockaddr *)&other;
	assert_false(doctor_lacks_broadcast(&row));
	row.ifa_addr = NULL;
	assert_false(doctor_lacks_broadcast(&row));
}

static void test_group_of_the_socket(void **state)
{
	char path[80];
	int fd;

	assert_false(look().has_group);
	snprintf(path, sizeof(path), "%s/control.sock", directory);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_false(look().has_group);
	assert_int_equal(chmod(path, 0660), 0);
	/* Only root can give it to another group. */
	if (chown(path, (uid_t)-1, 4711) < 0) {
		assert_int_equal(errno, EPERM);
		assert_int_equal(look().has_group, getegid() != 0);
		return;
	}
	assert_true(look().has_group);
	assert_int_equal(chown(path, (uid_t)-1, 0), 0);
	assert_false(look().has_group);
}

static void test_sockets(void **state)
{
	struct api_probe probe = look();

	assert_int_equal(probe.receive_buffer, 0);
	fake_lan_stats = (struct lan_stats){
		.receive_wanted = 4 << 20, .receive_buffer = 212992, .receive_dropped = 3};
	probe = look_with((struct lan *)&config);
	assert_int_equal(probe.receive_wanted, 4 << 20);
	assert_int_equal(probe.receive_buffer, 212992);
	assert_int_equal(probe.receive_dropped, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interfaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broadcast_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_of_the_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sockets, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
