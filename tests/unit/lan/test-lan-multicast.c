/* SPDX-License-Identifier: Apache-2.0 */
/* The question to everybody, in a network namespace of this test: what goes out, whose answer
 * counts, and that we do not find ourselves. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bed.h"
#include "lan/lan-internal.h"

#define COAP_PORT 5683

static bool alone;

static bool write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Who is not root becomes it in a user namespace: a program that is started there by nobody's uid
 * would have none of its rights. */
static bool become_root(void)
{
	char uid[32], gid[32];

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)getuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getgid());
	return unshare(CLONE_NEWUSER) == 0 && write_map("/proc/self/setgroups", "deny") &&
	       write_map("/proc/self/uid_map", uid) && write_map("/proc/self/gid_map", gid);
}

/* A namespace of our own with one cable in it; false where that is not allowed. Loopback would not
 * do: it carries no groups of IPv6. */
static bool go_alone(void)
{
	static const char *const steps[] = {
		"ip link set lo up",
		"ip link add lan0 type veth peer name end0",
		"ip link set lan0 addrgenmode none",
		"ip link set lan0 up",
		"ip link set end0 up",
		"ip addr add 192.0.2.1/24 dev lan0",
		"ip addr add fe80::1/64 dev lan0 nodad",
	};

	if (unshare(CLONE_NEWNET) < 0 && (!become_root() || unshare(CLONE_NEWNET) < 0))
		return false;
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (system(steps[i]) != 0)
			return false;
	return true;
}

/* A device: it serves on CoAP's own port and hears its group. */
static int device_open(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	if (family == AF_INET) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(COAP_PORT)};
		struct ip_mreqn group = {.imr_ifindex = (int)if_nametoindex("lan0")};
		inet_pton(AF_INET, "224.0.1.187", &group.imr_multiaddr);
		assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
		assert_int_equal(
			setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	} else {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(COAP_PORT)};
		struct ipv6_mreq group = {.ipv6mr_interface = if_nametoindex("lan0")};
		inet_pton(AF_INET6, "ff02::fd", &group.ipv6mr_multiaddr);
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		assert_int_equal(bind(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
		assert_int_equal(
			setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group)), 0);
	}
	return fd;
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed_open(bed, AF_INET, alone ? "lan0" : "lo");
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	bed_close(*state);
	free(*state);
	return 0;
}

/* The question as the device gets it; where it came from is kept for the answer. */
static void question_receive(struct bed *bed, int device, struct datagram *ret_question,
	struct sockaddr_storage *ret_from, socklen_t *ret_size)
{
	for (uint64_t end = bed->lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;
		bed->lived_usec < end;) {
		*ret_size = sizeof(*ret_from);
		ssize_t size = recvfrom(device, ret_question->bytes, sizeof(ret_question->bytes), 0,
			(struct sockaddr *)ret_from, ret_size);
		if (size >= 0) {
			ret_question->size = (size_t)size;
			return;
		}
		bed_turn(bed, 5000);
	}
	fail_msg("nobody asked");
}

static void answer_send(int device, const struct datagram *question, const char *links,
	const struct sockaddr_storage *to, socklen_t to_size)
{
	struct datagram answer = {.size = 0};

	answer.bytes[0] = (uint8_t)(1 << 6 | NON << 4 | (question->bytes[0] & 15));
	answer.bytes[1] = COAP_CODE(2, 5);
	answer.bytes[2] = 0x77;
	memcpy(answer.bytes + 4, question->bytes + 4, 8);
	answer.size = 12;
	message_option(&answer, 12, "\x28", 1);
	message_payload(&answer, links);
	assert_int_equal(
		sendto(device, answer.bytes, answer.size, 0, (const struct sockaddr *)to, to_size),
		answer.size);
}

static void question_is_plain(const struct datagram *question)
{
	uint8_t value[64];

	assert_int_equal(message_type(question), NON);
	assert_int_equal(message_code(question), GET);
	assert_int_equal(question->bytes[0] & 15, 8);
	assert_int_equal(message_find(question, 11, value), 11);
	assert_memory_equal(value, ".well-known", 11);
	assert_int_equal(question->size, 12 + 12 + 5);
}

/* What is on its way to the daemon is there when a datagram that was sent after it was served. */
static void settle(struct bed *bed, int device, const struct sockaddr_storage *to, socklen_t size)
{
	static const uint8_t ping[] = {1 << 6, 0, 0x12, 0x34};
	uint8_t answer[64];

	assert_int_equal(
		sendto(device, ping, sizeof(ping), 0, (const struct sockaddr *)to, size), 4);
	for (uint64_t end = bed->lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;
		bed->lived_usec < end;) {
		if (recv(device, answer, sizeof(answer), 0) == 4 &&
			answer[0] == (1 << 6 | RST << 4))
			return;
		bed_turn(bed, 5000);
	}
	fail_msg("a ping was not answered");
}

static void an_answer_is_a_sighting(void **state)
{
	static const struct {
		const char *links;
		unsigned sighted, malformed;
	} rows[] = {
		{"</>;ep=\"lamp-1\",</s>;if=\"core.s\"", 1, 0},
		{"</info>;rt=\"gatehouse.info\";ep=lamp-2", 1, 0},
		{"</s>;if=\"core.s\"", 0, 1},		   /* no name */
		{"</>;ep=\"192.0.2.7\"", 0, 1},		   /* an address is no name */
		{"</>;ep=\"two words\"", 0, 1},		   /* nor is this */
		{"not a list", 0, 1},			   /* what is it? */
		{"</enrol>;rt=\"gatehouse.enrol\"", 0, 0}, /* a gateway like us */
	};
	struct bed *bed = *state;
	struct sockaddr_storage from;
	struct datagram question;
	socklen_t size;
	int device;

	if (!alone)
		skip();
	device = device_open(AF_INET);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct datagram earlier = question;
		assert_true(lan_probe_multicast(bed->lan) >= 1);
		question_receive(bed, device, &question, &from, &size);
		question_is_plain(&question);
		if (i > 0)
			assert_memory_not_equal(question.bytes + 4, earlier.bytes + 4, 8);
		bed->sighted = 0;
		memset(bed->away, 0, sizeof(bed->away));
		answer_send(device, &question, rows[i].links, &from, size);
		settle(bed, device, &from, size);
		assert_int_equal(bed->sighted, rows[i].sighted);
		assert_int_equal(bed->away[AWAY_MALFORMED], rows[i].malformed);
		if (rows[i].sighted) {
			assert_int_equal(bed->sighting.address.port, COAP_PORT);
			assert_string_equal(bed->sighting.address.interface, "lan0");
			assert_memory_equal(bed->sighting.ep, "lamp-", 5);
		}
	}
	/* nobody is verified by that, and we did not ask ourselves */
	struct lan_stats stats;
	lan_stats(bed->lan, &stats);
	assert_int_equal(stats.verified, 0);
	assert_int_equal(stats.requests, 0);
	close(device);
}

static void other_tokens_do_not_count(void **state)
{
	struct bed *bed = *state;
	struct sockaddr_storage from;
	struct datagram question, earlier;
	socklen_t size;

	if (!alone)
		skip();
	int device = device_open(AF_INET);
	lan_probe_multicast(bed->lan);
	question_receive(bed, device, &earlier, &from, &size);
	for (int i = 0; i < GROUP_ROUNDS; i++) {
		lan_probe_multicast(bed->lan);
		question_receive(bed, device, &question, &from, &size);
	}
	answer_send(device, &earlier, "</>;ep=late", &from, size);
	settle(bed, device, &from, size);
	assert_int_equal(bed->sighted, 0);
	bed->limits.value[LIMIT_MULTICAST_ANSWERS] = 2;
	for (int i = 0; i < 5; i++)
		answer_send(device, &question, "</>;ep=often", &from, size);
	settle(bed, device, &from, size);
	assert_int_equal(bed->sighted, 2);
	assert_int_equal(bed->limits.reached[LIMIT_MULTICAST_ANSWERS], 3);
	close(device);
}

/* It waited, as many do, and everybody was asked again meanwhile. */
static void who_answers_late_counts(void **state)
{
	struct bed *bed = *state;
	struct sockaddr_storage from;
	struct datagram question[GROUP_ROUNDS];
	socklen_t size;

	if (!alone)
		skip();
	int device = device_open(AF_INET);
	bed->limits.value[LIMIT_MULTICAST_ANSWERS] = 1;
	for (int i = 0; i < GROUP_ROUNDS; i++) {
		lan_probe_multicast(bed->lan);
		question_receive(bed, device, &question[i], &from, &size);
	}
	/* each question has its own answers */
	for (int i = 0; i < GROUP_ROUNDS; i++)
		answer_send(device, &question[i], "</>;ep=late", &from, size);
	settle(bed, device, &from, size);
	assert_int_equal(bed->sighted, GROUP_ROUNDS);
	assert_int_equal(bed->limits.reached[LIMIT_MULTICAST_ANSWERS], 0);
	/* not for ever */
	bed->limits.value[LIMIT_MULTICAST_ANSWERS] = 2;
	for (int i = 0; i < GROUP_ROUNDS; i++)
		bed->lan->group_rounds[i].until_usec = clock_boot_usec();
	answer_send(device, &question[0], "</>;ep=late", &from, size);
	settle(bed, device, &from, size);
	assert_int_equal(bed->sighted, GROUP_ROUNDS);
	close(device);
}

static void ipv6_is_asked_too(void **state)
{
	struct bed *bed = *state;
	struct sockaddr_storage from;
	struct datagram question;
	socklen_t size;

	if (!alone)
		skip();
	int device = device_open(AF_INET6);
	lan_probe_multicast(bed->lan);
	question_receive(bed, device, &question, &from, &size);
	question_is_plain(&question);
	answer_send(device, &question, "</>;ep=six", &from, size);
	bed_await(bed, bed->sighted == 1);
	assert_string_equal(bed->sighting.ep, "six");
	assert_false(IN6_IS_ADDR_V4MAPPED(&bed->sighting.address.ip));
	close(device);
}

/* How many links the question may go over. */
static int hops_of_question(struct bed *bed, int device)
{
	char bytes[64], control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {bytes, sizeof(bytes)};
	struct msghdr message;
	int hops = -1;

	for (uint64_t end = bed->lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;
		bed->lived_usec < end; bed_turn(bed, 5000)) {
		message = (struct msghdr){.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		if (recvmsg(device, &message, 0) < 0)
			continue;
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		assert_non_null(head);
		assert_int_equal(head->cmsg_type, IPV6_HOPLIMIT);
		memcpy(&hops, CMSG_DATA(head), sizeof(hops));
		return hops;
	}
	fail_msg("nobody asked");
	return hops;
}

/* The site's group lies behind a router, where prefixes do. */
static void the_site_is_asked_where_it_counts(void **state)
{
	struct bed *bed = *state;
	struct ipv6_mreq link = {.ipv6mr_interface = if_nametoindex("lan0")}, site = link;
	struct prefixes routed = {0};
	int none = 0;

	if (!alone)
		skip();
	int device = device_open(AF_INET6);
	inet_pton(AF_INET6, "ff02::fd", &link.ipv6mr_multiaddr);
	inet_pton(AF_INET6, "ff05::fd", &site.ipv6mr_multiaddr);
	setsockopt(device, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, &link, sizeof(link));
	/* nor what others on this machine have joined */
	setsockopt(device, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &none, sizeof(none));
	assert_int_equal(
		setsockopt(device, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &site, sizeof(site)), 0);
	bed->lan->routed = routed;
	lan_probe_multicast(bed->lan);
	assert_int_equal(hops_of_question(bed, device), 1);
	routed.count = 1;
	bed->lan->routed = routed;
	lan_probe_multicast(bed->lan);
	assert_true(hops_of_question(bed, device) > 1);
	close(device);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_a_sighting),
		TEST(other_tokens_do_not_count),
		TEST(who_answers_late_counts),
		TEST(ipv6_is_asked_too),
		TEST(the_site_is_asked_where_it_counts),
	};

	alone = go_alone();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
