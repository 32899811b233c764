/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTM_GETNEIGH for one address. The kernel handles a netlink request inside send(), so its answer
 * waits in our socket when that returns; MSG_DONTWAIT makes sure that we never wait for one that is
 * not there. An answer to an earlier question is told by its sequence number.
 */

#include "lan/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"

#define MAC_SIZE   6
#define ANSWER_MAX 1024
/* What says that somebody was there: not a question under way, not one without an answer. */
#define NUD_THERE (NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

struct question {
	struct nlmsghdr header;
	struct ndmsg neighbour;
	struct rtattr attribute;
	uint8_t ip[16];
};

int neighbour_open(void)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static struct question question_of(const struct in6_addr *ip, unsigned interface_index)
{
	bool mapped = IN6_IS_ADDR_V4MAPPED(ip);
	size_t size = mapped ? 4 : 16;
	struct question question = {
		.header = {.nlmsg_type = RTM_GETNEIGH,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = (uint32_t)random_uint64()},
		.neighbour = {.ndm_family = mapped ? AF_INET : AF_INET6,
			.ndm_ifindex = (int)interface_index},
		.attribute = {.rta_type = NDA_DST, .rta_len = (unsigned short)RTA_LENGTH(size)},
	};

	question.header.nlmsg_len =
		(uint32_t)(NLMSG_LENGTH(sizeof(struct ndmsg)) + RTA_LENGTH(size));
	memcpy(question.ip, ip->s6_addr + 16 - size, size);
	return question;
}

/* The link address in a RTM_NEWNEIGH; an all-zero one (loopback) is none. */
static void read_neighbour(const struct nlmsghdr *header, char ret_mac[MAC_TEXT_SIZE])
{
	static const uint8_t none[MAC_SIZE];
	const struct ndmsg *neighbour = NLMSG_DATA(header);
	const struct rtattr *at = RTM_RTA(neighbour);
	int left = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof(*neighbour)));

	if (!(neighbour->ndm_state & NUD_THERE))
		return;
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		const uint8_t *mac = RTA_DATA(at);

		if (at->rta_type != NDA_LLADDR || RTA_PAYLOAD(at) != MAC_SIZE ||
			!memcmp(mac, none, MAC_SIZE))
			continue;
		snprintf(ret_mac, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			mac[2], mac[3], mac[4], mac[5]);
	}
}

void neighbour_find(
	int fd, const struct in6_addr *ip, unsigned interface_index, char ret_mac[MAC_TEXT_SIZE])
{
	const struct question question = question_of(ip, interface_index);
	_Alignas(struct nlmsghdr) uint8_t answer[ANSWER_MAX];
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	ssize_t size;

	ret_mac[0] = '\0';
	if (fd < 0 || send(fd, &question, question.header.nlmsg_len, MSG_DONTWAIT) < 0)
		return;
	while ((size = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0) {
		if (!NLMSG_OK(header, (size_t)size) ||
			header->nlmsg_seq != question.header.nlmsg_seq)
			continue;
		if (header->nlmsg_type == RTM_NEWNEIGH &&
			header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ndmsg)))
			read_neighbour(header, ret_mac);
		return;
	}
}
