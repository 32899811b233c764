/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at the queue is one recvmmsg() with MSG_PEEK, for as many datagrams as the caller wants
 * to judge. The kernel keeps the place where the next look of a call begins (SO_PEEK_OFF), but
 * loses count when a datagram was longer than our buffer or had a wrong checksum: so each look
 * begins at the head.
 */

#include "lan/lan-arrival.h"

#include <stdlib.h>
#include <string.h>

#define PEEK_SIZE (GATE_DATAGRAM_MAX + 1)

#define CONTROL_SIZE \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)))

struct inbox {
	struct arrival arrival[INBOX_MAX];
	struct mmsghdr message[INBOX_MAX];
	struct iovec part[INBOX_MAX];
	_Alignas(struct cmsghdr) char control[INBOX_MAX][CONTROL_SIZE];
	uint8_t bytes[INBOX_MAX][PEEK_SIZE];
};

struct inbox *inbox_new(void)
{
	return calloc(1, sizeof(struct inbox));
}

struct inbox *inbox_free(struct inbox *inbox)
{
	free(inbox);
	return NULL;
}

static void control_read(const struct cmsghdr *control, struct arrival *arrival)
{
	if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(control), sizeof(info));
		struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = info.ipi_spec_dst};
		arrival->interface_index = (unsigned)info.ipi_ifindex;
		arrival->group = IN_MULTICAST(ntohl(info.ipi_addr.s_addr));
		arrival->broadcast =
			!arrival->group && info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
		memcpy(&arrival->local, &local, sizeof(local));
	} else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(control), sizeof(info));
		struct sockaddr_in6 local = {.sin6_family = AF_INET6, .sin6_addr = info.ipi6_addr};
		arrival->interface_index = info.ipi6_ifindex;
		arrival->group = IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
		memcpy(&arrival->local, &local, sizeof(local));
	}
}

static void room_make(struct inbox *inbox, unsigned index)
{
	struct arrival *arrival = &inbox->arrival[index];

	*arrival = (struct arrival){.bytes = inbox->bytes[index]};
	inbox->part[index] = (struct iovec){inbox->bytes[index], PEEK_SIZE};
	inbox->message[index].msg_hdr = (struct msghdr){
		.msg_name = &arrival->from,
		.msg_namelen = sizeof(arrival->from),
		.msg_iov = &inbox->part[index],
		.msg_iovlen = 1,
		.msg_control = inbox->control[index],
		.msg_controllen = CONTROL_SIZE,
	};
}

static void arrival_read(struct inbox *inbox, unsigned index)
{
	struct arrival *arrival = &inbox->arrival[index];
	struct msghdr *message = &inbox->message[index].msg_hdr;

	arrival->from_size = message->msg_namelen;
	arrival->size = inbox->message[index].msg_len;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at))
		control_read(at, arrival);
}

unsigned inbox_look(struct inbox *inbox, const struct lan_endpoint *endpoint, unsigned most)
{
	int zero = 0, count;

	if (endpoint->looks_ahead)
		setsockopt(endpoint->fd, SOL_SOCKET, SO_PEEK_OFF, &zero, sizeof(zero));
	for (unsigned i = 0; i < most; i++)
		room_make(inbox, i);
	count = recvmmsg(
		endpoint->fd, inbox->message, most, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC, NULL);
	for (int i = 0; i < count; i++)
		arrival_read(inbox, (unsigned)i);
	return count < 0 ? 0 : (unsigned)count;
}

const struct arrival *inbox_at(const struct inbox *inbox, unsigned index)
{
	return &inbox->arrival[index];
}

struct span arrival_bytes(const struct arrival *arrival)
{
	return span_of(arrival->bytes, arrival->size < PEEK_SIZE ? arrival->size : PEEK_SIZE);
}

void arrival_consume(const struct lan_endpoint *endpoint)
{
	uint8_t byte;

	recv(endpoint->fd, &byte, sizeof(byte), MSG_DONTWAIT);
}

void arrival_reply(const struct lan_endpoint *endpoint, const struct arrival *arrival,
	uint8_t *bytes, size_t size)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {0};
	struct iovec part = {bytes, size};
	struct msghdr message = {
		.msg_name = (void *)&arrival->from,
		.msg_namelen = arrival->from_size,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	struct cmsghdr *head = &control.align;

	if (arrival->local.ss_family == AF_INET) {
		struct in_pktinfo info = {
			.ipi_spec_dst = ((const struct sockaddr_in *)&arrival->local)->sin_addr};
		*head = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	} else if (arrival->local.ss_family == AF_INET6) {
		struct in6_pktinfo info = {.ipi6_ifindex = arrival->interface_index,
			.ipi6_addr = ((const struct sockaddr_in6 *)&arrival->local)->sin6_addr};
		*head = (struct cmsghdr){.cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		message.msg_control = NULL;
	}
	sendmsg(endpoint->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}
