/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question to everybody: NON GET /.well-known/core to the groups of all CoAP nodes (RFC 7252
 * section 8, 12.8). It leaves by the sockets that we serve on, so an answer comes in like any other
 * response and is known by its token alone: no address is in it that we could compare. The token is
 * new for each round, and the answers to the latest few rounds count: many wait before they answer,
 * and the next question may have gone out by then. Whoever is on the link has seen it, so an answer
 * proves nothing: it is a sighting, and does not make its address verified.
 *
 * The group of the site (ff05::fd) is asked beyond the link where prefixes behind a border router
 * are configured: elsewhere nobody's answer would count.
 *
 * We are in the groups ourselves. Our own question is known by its token and not answered.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "lan/lan-internal.h"
#include "lan/linkformat.h"

#define COAP_PORT   5683
#define HEADER_SIZE 4
/* DEFAULT_LEISURE is 5 s (RFC 7252 section 4.8); some wait twice as long. */
#define ANSWERS_USEC (10 * USEC_PER_SEC)

#define SITE_GROUP "ff05::fd"
#define SITE_HOPS  8 /* routers on the way; the kernel's own choice is none */

#define RT_OF_GATEWAYS "gatehouse.enrol"

static const uint8_t question_path[] = "\xbb.well-known\x04"
				       "core";
#define QUESTION_SIZE (HEADER_SIZE + PROBE_TOKEN_SIZE + sizeof(question_path) - 1)

static void question_make(const struct group_round *round, uint8_t ret_bytes[QUESTION_SIZE])
{
	uint8_t *at = ret_bytes;

	*at++ = 1 << 6 | 1 << 4 | PROBE_TOKEN_SIZE;
	*at++ = COAP_REQUEST_CODE_GET;
	random_bytes(at, 2);
	at += 2;
	memcpy(at, round->token, PROBE_TOKEN_SIZE);
	memcpy(at + PROBE_TOKEN_SIZE, question_path, sizeof(question_path) - 1);
}

/* Behind the interface, for this datagram alone. */
static void hops_add(struct msghdr *message)
{
	struct cmsghdr *head =
		(struct cmsghdr *)(void *)((char *)message->msg_control + message->msg_controllen);
	int hops = SITE_HOPS;

	*head = (struct cmsghdr){.cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_HOPLIMIT};
	head->cmsg_len = CMSG_LEN(sizeof(hops));
	memcpy(CMSG_DATA(head), &hops, sizeof(hops));
	message->msg_controllen += CMSG_SPACE(sizeof(hops));
}

static bool question_send(const struct lan_endpoint *endpoint, unsigned index, const char *group,
	bool beyond, uint8_t bytes[QUESTION_SIZE])
{
	struct sockaddr_storage to = {.ss_family = (sa_family_t)endpoint->family};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct cmsghdr *head = &control.align;
	struct iovec part = {bytes, QUESTION_SIZE};
	struct msghdr message = {
		.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};

	if (endpoint->family == AF_INET) {
		struct in_pktinfo info = {.ipi_ifindex = (int)index};
		struct sockaddr_in *in = (struct sockaddr_in *)&to;
		in->sin_port = htons(COAP_PORT);
		inet_pton(AF_INET, group, &in->sin_addr);
		message.msg_namelen = sizeof(*in);
		*head = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = index};
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to;
		in6->sin6_port = htons(COAP_PORT);
		in6->sin6_scope_id = index;
		inet_pton(AF_INET6, group, &in6->sin6_addr);
		message.msg_namelen = sizeof(*in6);
		*head = (struct cmsghdr){.cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
		head->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(head), &info, sizeof(info));
		message.msg_controllen = CMSG_SPACE(sizeof(info));
		if (beyond)
			hops_add(&message);
	}
	if (sendmsg(endpoint->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	log_debug("Nobody can be asked at %s: %s.", group, strerror(errno));
	return false;
}

unsigned lan_probe_multicast(struct lan *lan)
{
	static const struct {
		int family;
		const char *group;
		bool site;
	} groups[] = {{AF_INET, "224.0.1.187", false}, {AF_INET6, "ff02::fd", false},
		{AF_INET6, SITE_GROUP, true}};
	struct group_round *round;
	uint8_t bytes[QUESTION_SIZE];
	unsigned sent = 0;

	lan->group_newest = (lan->group_newest + 1) % GROUP_ROUNDS;
	round = &lan->group_rounds[lan->group_newest];
	*round = (struct group_round){.until_usec = clock_boot_usec() + ANSWERS_USEC};
	random_bytes(round->token, sizeof(round->token));
	for (unsigned i = 0; i < lan->interface_count; i++)
		for (unsigned e = 0; e < lan->endpoint_count; e++)
			for (size_t g = 0; g < ELEMENTS(groups); g++) {
				if (lan->interfaces[i].index == 0 || lan->endpoints[e].secure ||
					groups[g].family != lan->endpoints[e].family)
					continue;
				question_make(round, bytes);
				sent += question_send(&lan->endpoints[e], lan->interfaces[i].index,
					groups[g].group, groups[g].site && lan->routed.count > 0,
					bytes);
			}
	return sent;
}

/* The round that a token belongs to, as an index; -ENOENT: it is none that is open. */
static int round_of(const struct lan *lan, struct span token)
{
	uint64_t now = clock_boot_usec();

	for (unsigned i = 0; token.size == PROBE_TOKEN_SIZE && i < GROUP_ROUNDS; i++)
		if (now < lan->group_rounds[i].until_usec &&
			crypto_equal(token.data, lan->group_rounds[i].token, PROBE_TOKEN_SIZE))
			return (int)i;
	return -ENOENT;
}

bool lan_multicast_is_ours(const struct lan *lan, struct span bytes)
{
	return bytes.size >= HEADER_SIZE + PROBE_TOKEN_SIZE &&
	       (bytes.data[0] & 15) == PROBE_TOKEN_SIZE &&
	       round_of(lan, span_of(bytes.data + HEADER_SIZE, PROBE_TOKEN_SIZE)) >= 0;
}

/* The name in the link list. 1: it has one; 0: it is a gateway like us; -EINVAL: it has none. */
static int name_read(struct span text, char ret_ep[EP_MAX + 1])
{
	struct link_list *list CLEANUP(cleanup_free) = calloc(1, sizeof(*list));
	const char *why;
	int r = list ? link_list_parse(text, list) : -ENOMEM;

	if (r < 0)
		return r;
	if (link_list_by_rt(list, RT_OF_GATEWAYS))
		return 0;
	if (!list->ep[0] || ep_check(span_from_string(list->ep), &why) < 0)
		return -EINVAL;
	memcpy(ret_ep, list->ep, strlen(list->ep) + 1);
	return 1;
}

bool lan_multicast_answered(
	struct lan *lan, const coap_pdu_t *received, const struct device_address *address)
{
	coap_bin_const_t token = coap_pdu_get_token(received);
	struct lan_sighting sighting = {.address = *address};
	const uint8_t *data = NULL;
	size_t size = 0;
	int round = round_of(lan, span_of(token.s, token.length));
	int r;

	if (round < 0)
		return false;
	if (lan->group_rounds[round].answers >= lan->limits->value[LIMIT_MULTICAST_ANSWERS]) {
		lan_limit_reached(lan, LIMIT_MULTICAST_ANSWERS);
		return true;
	}
	lan->group_rounds[round].answers++;
	if (coap_pdu_get_code(received) != COAP_RESPONSE_CODE_CONTENT ||
		(!prefixes_hold(&lan->routed, &address->ip) &&
			!address_is_on_link(address, address->interface)))
		return true;
	coap_get_data(received, &size, &data);
	r = name_read(span_of(data, size), sighting.ep);
	if (r < 0)
		lan_turn_away(lan, AWAY_MALFORMED, address);
	else if (r > 0 && lan->ops.sighted)
		lan->ops.sighted(lan->userdata, &sighting);
	return true;
}
