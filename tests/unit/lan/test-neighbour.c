/* SPDX-License-Identifier: Apache-2.0 */

/* The neighbour table, as far as a machine has one without a network: nobody is behind loopback.
 * Two hosts and their MACs are in tests/system/test_binding.py. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "lan/neighbour.h"

static void find(int fd, const char *ip, char mac[MAC_TEXT_SIZE])
{
	struct in6_addr address;

	assert_int_equal(inet_pton(AF_INET6, ip, &address), 1);
	memset(mac, 'x', MAC_TEXT_SIZE);
	neighbour_find(fd, &address, if_nametoindex("lo"), mac);
}

static void nobody(void **state)
{
	char mac[MAC_TEXT_SIZE];
	int fd = neighbour_open();

	assert_true(fd >= 0);
	for (int i = 0; i < 3; i++) {
		find(fd, "::ffff:127.0.0.1", mac);
		assert_string_equal(mac, "");
		find(fd, "::1", mac);
		assert_string_equal(mac, "");
		find(fd, "2001:db8::1", mac);
		assert_string_equal(mac, "");
	}
	close(fd);
	find(-EBADF, "::1", mac);
	assert_string_equal(mac, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
