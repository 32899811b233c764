/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets: one wildcard UDP socket for each family. libcoap opens, reads and writes them; we
 * look at each datagram in the queue (MSG_PEEK) before libcoap reads it, and take away what the
 * gate or the interface does not let through. So libcoap never makes a session for a stranger's
 * bytes that nobody will answer, and answers nothing by itself.
 *
 * libcoap reads one datagram for each epoll event that it is given, so we hand it as many copies of
 * the event as good datagrams stand at the head of the queue: one walk over its sessions and one
 * timer call serve the whole run. SO_PEEK_OFF lets us look past the first datagram; where the
 * kernel does not have it, runs are of one.
 *
 * libcoap keeps descriptors and event pointers to itself. /proc/self/fdinfo/<epoll fd> has both.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "lan/gate.h"
#include "lan/lan-arrival.h"
#include "lan/lan-secure.h"

#define RECEIVE_BUFFER (4 * 1024 * 1024)

/* Requests to a group are answered after a random delay and wait in memory till then. */
#define GROUP_RATE  10
#define GROUP_BURST 20

#define WATCHED_MAX 16

struct watched {
	int fd;
	void *data;
};

DEFINE_CLEANUP(FILE *, fclose, cleanup_file)

/* "tfd:       12 events:       19 data:     55d0c0a8b2c0  pos:0 ..." */
static bool watched_read(const char *line, struct watched *ret_watched)
{
	const char *data = strstr(line, "data:");
	char *end;

	if (strncmp(line, "tfd:", 4) != 0 || !data)
		return false;
	ret_watched->fd = (int)strtol(line + 4, &end, 10);
	if (end == line + 4)
		return false;
	ret_watched->data = (void *)(uintptr_t)strtoull(data + 5, &end, 16);
	return end != data + 5;
}

/* The descriptors in libcoap's epoll set. Returns their number or a negative errno. */
static int watched_list(int epoll_fd, struct watched list[WATCHED_MAX])
{
	char path[64], line[256];
	int count = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll_fd);
	FILE *file CLEANUP(cleanup_file) = fopen(path, "re");
	if (!file)
		return -errno;
	while (count < WATCHED_MAX && fgets(line, sizeof(line), file))
		count += watched_read(line, &list[count]);
	return count;
}

static int watched_new(
	int epoll_fd, const struct watched *before, int before_count, struct watched *ret_watched)
{
	struct watched after[WATCHED_MAX];
	int count = watched_list(epoll_fd, after);

	for (int i = 0; i < count; i++) {
		bool known = false;
		for (int j = 0; j < before_count; j++)
			known = known || before[j].fd == after[i].fd;
		if (known || !after[i].data)
			continue;
		*ret_watched = after[i];
		return 0;
	}
	return count < 0 ? count : -ENXIO;
}

static void wildcard(int family, uint16_t port, coap_address_t *ret_address)
{
	coap_address_init(ret_address);
	if (family == AF_INET) {
		ret_address->size = sizeof(struct sockaddr_in);
		ret_address->addr.sin =
			(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	} else {
		ret_address->size = sizeof(struct sockaddr_in6);
		ret_address->addr.sin6 =
			(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	}
}

/* libcoap binds with SO_REUSEADDR, and two UDP sockets that both have it may share a port: the
 * second daemon would start and starve. So we try without it first. */
static int port_is_free(const coap_address_t *address)
{
	int family = address->addr.sa.sa_family, on = 1;
	int fd CLEANUP(cleanup_close) = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	return bind(fd, &address->addr.sa, address->size) < 0 ? -errno : 0;
}

static int bound_port(int fd, uint16_t *ret_port)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);
	struct device_address address;

	if (getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		return -errno;
	address_from_sockaddr((struct sockaddr *)&name, NULL, &address);
	*ret_port = address.port;
	return 0;
}

/* The kernel takes what has SO_REUSEADDR for no hindrance when it draws a port for another that has
 * it, and what it draws for one family may be taken in the other. So it draws for one socket that
 * has both families and no such option. */
int lan_port_draw(uint16_t *ret_port)
{
	for (int i = 0; i < 2; i++) {
		coap_address_t any;
		int off = 0;
		wildcard(i == 0 ? AF_INET6 : AF_INET, 0, &any);
		int fd CLEANUP(cleanup_close) =
			socket(any.addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (i == 0)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		if (fd >= 0 && bind(fd, &any.addr.sa, any.size) == 0)
			return bound_port(fd, ret_port);
	}
	return -errno;
}

/* An empty datagram says nothing, and the kernel marks it as seen by a look: a later one begins
 * behind it, so that it stays at the head and wakes us for ever. A socket with a filter is never
 * given a wrong checksum either. */
static void empty_refuse(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, sizeof(struct udphdr), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = ELEMENTS(code), .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		log_warning("Empty datagrams are not kept out: %s.", strerror(errno));
}

static void socket_tune(struct lan_endpoint *endpoint)
{
	int size = RECEIVE_BUFFER, zero = 0;

	/* The kernel cuts it to net.core.rmem_max; lan_socket_room() says what it gave. */
	setsockopt(endpoint->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (endpoint->family == AF_INET)
		setsockopt(endpoint->fd, IPPROTO_IP, IP_MULTICAST_ALL, &zero, sizeof(zero));
	else
		setsockopt(endpoint->fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &zero, sizeof(zero));
	empty_refuse(endpoint->fd);
	endpoint->look = 1;
	endpoint->looks_ahead =
		setsockopt(endpoint->fd, SOL_SOCKET, SO_PEEK_OFF, &zero, sizeof(zero)) == 0;
}

void lan_socket_room(const struct lan *lan, struct lan_stats *ret_stats)
{
	ret_stats->receive_wanted = RECEIVE_BUFFER;
	ret_stats->receive_buffer = 0;
	ret_stats->receive_dropped = 0;
	for (unsigned i = 0; i < lan->endpoint_count; i++) {
		uint32_t memory[SK_MEMINFO_VARS] = {0};
		socklen_t size = sizeof(memory);
		uint64_t room;

		if (getsockopt(lan->endpoints[i].fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0)
			continue;
		room = memory[SK_MEMINFO_RCVBUF] / 2; /* the other half is its own bookkeeping */
		if (ret_stats->receive_buffer == 0 || room < ret_stats->receive_buffer)
			ret_stats->receive_buffer = room;
		ret_stats->receive_dropped += memory[SK_MEMINFO_DROPS];
	}
}

int lan_socket_open(struct lan *lan, int family, uint16_t port, bool secure)
{
	int epoll_fd = coap_context_get_coap_fd(lan->context);
	struct lan_endpoint *endpoint = &lan->endpoints[lan->endpoint_count];
	struct watched before[WATCHED_MAX], mine;
	coap_address_t address;

	wildcard(family, port, &address);
	int r = port_is_free(&address);
	if (r < 0)
		return r;
	int count = watched_list(epoll_fd, before);
	if (count < 0)
		return count;
	*endpoint = (struct lan_endpoint){.family = family, .secure = secure};
	endpoint->endpoint = coap_new_endpoint(
		lan->context, &address, secure ? COAP_PROTO_DTLS : COAP_PROTO_UDP);
	if (!endpoint->endpoint)
		return -EADDRNOTAVAIL;
	r = watched_new(epoll_fd, before, count, &mine);
	if (r >= 0)
		r = bound_port(mine.fd, &endpoint->port);
	if (r < 0) {
		coap_free_endpoint(endpoint->endpoint);
		return r;
	}
	endpoint->fd = mine.fd;
	endpoint->event_data = mine.data;
	socket_tune(endpoint);
	lan->endpoint_count++;
	return 0;
}

void lan_socket_join(struct lan *lan, struct lan_interface *interface)
{
	static const char *const groups[] = {"ff02::fd", "ff05::fd"};

	for (unsigned i = 0; i < lan->endpoint_count; i++) {
		int fd = lan->endpoints[i].fd;
		if (lan->endpoints[i].secure)
			continue;
		if (lan->endpoints[i].family == AF_INET) {
			struct ip_mreqn group = {.imr_ifindex = (int)interface->index,
				.imr_multiaddr.s_addr = htonl(0xe00001bb)}; /* 224.0.1.187 */
			setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
			continue;
		}
		for (size_t g = 0; g < ELEMENTS(groups); g++) {
			struct ipv6_mreq group = {.ipv6mr_interface = interface->index};
			inet_pton(AF_INET6, groups[g], &group.ipv6mr_multiaddr);
			setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group));
		}
	}
	interface->joined = interface->index;
}

static void stranger_turn_away(struct lan *lan, const struct arrival *arrival)
{
	char name[IF_NAMESIZE] = "";
	struct device_address address;

	if_indextoname(arrival->interface_index, name);
	address_from_sockaddr((const struct sockaddr *)&arrival->from, name, &address);
	lan_turn_away(lan, AWAY_WRONG_INTERFACE, &address);
	lan->stats.silenced++;
}

/* Counts what the gate said; true when libcoap may read it. */
static bool verdict_apply(struct lan *lan, const struct arrival *arrival,
	const struct gate_result *result, const struct device_address *address)
{
	bool answered = result->verdict == GATE_REPLY && result->reply[1] != 0;

	if (result->malformed)
		lan->stats.malformed++;
	if (result->malformed || answered)
		lan_turn_away(lan, result->too_large ? AWAY_OVER_LIMIT : AWAY_MALFORMED, address);
	if (result->too_large)
		lan_limit_reached(lan, LIMIT_BODY);
	switch (result->verdict) {
	case GATE_PASS:
		if (arrival->group && !ratelimit_take(&lan->group_rate, GROUP_RATE, GROUP_BURST,
					      clock_boot_usec(), NULL)) {
			lan_turn_away(lan, AWAY_OVER_LIMIT, address);
			return false;
		}
		if (result->acknowledged) {
			lan_exchange_settled(lan, address, result->message_id);
			lan_observer_settled(lan, address, result->message_id, !result->reset);
		}
		return true;
	case GATE_DROP:
		lan->stats.silenced++;
		return false;
	case GATE_REPLY:
		return false;
	}
	return false;
}

/* May libcoap read it? If not, *ret_result says what to answer. */
static bool arrival_admit(struct lan *lan, const struct lan_endpoint *endpoint,
	const struct arrival *arrival, struct gate_result *ret_result)
{
	const char *interface = lan_interface_by_index(lan, arrival->interface_index);
	struct span bytes = arrival_bytes(arrival);
	struct device_address address;
	uint16_t message_id = 0;

	*ret_result = (struct gate_result){.verdict = GATE_DROP};
	if (!interface) {
		stranger_turn_away(lan, arrival);
		return false;
	}
	lan_address_of(lan, (const struct sockaddr *)&arrival->from, interface, &address);
	/* From port 0 nothing can be answered; to everybody nothing should be. */
	if (arrival->broadcast || address.port == 0) {
		lan->stats.silenced++;
		return false;
	}
	if (endpoint->secure) {
		const struct secure_arrival secure = {.address = address,
			.interface_index = arrival->interface_index,
			.bytes = bytes,
			.size = arrival->size};
		if (!arrival->group)
			lan_secure_admit(lan, &secure, ret_result);
		return ret_result->verdict == GATE_PASS;
	}
	if (arrival->group && lan_multicast_is_ours(lan, bytes))
		return false;
	if (bytes.size > 0 && (bytes.data[0] >> 4 & 3) == 1)
		random_bytes(&message_id, sizeof(message_id));
	gate_check(bytes, arrival->size, arrival->group, message_id, ret_result);
	return verdict_apply(lan, arrival, ret_result, &address);
}

static void run_pass(struct lan *lan, const struct lan_endpoint *endpoint, unsigned count)
{
	struct epoll_event events[INBOX_MAX];

	for (unsigned i = 0; i < count; i++)
		events[i] =
			(struct epoll_event){.events = EPOLLIN, .data.ptr = endpoint->event_data};
	coap_io_do_epoll(lan->context, events, count);
}

/* What was looked at up to the first that libcoap may not read. Returns the number of those before
 * it. */
static unsigned run_admit(struct lan *lan, const struct lan_endpoint *endpoint, unsigned count,
	struct gate_result *ret_result)
{
	for (unsigned i = 0; i < count; i++)
		if (!arrival_admit(lan, endpoint, inbox_at(lan->inbox, i), ret_result))
			return i;
	return count;
}

/* One that is turned away makes all looks behind it worthless: after it the next look is at one,
 * and twice as far each time that all goes well. So a flood costs no more looks than it has
 * datagrams, and a busy hour one system call for a whole run. */
static void look_next(struct lan_endpoint *endpoint, bool stopped)
{
	unsigned most = endpoint->looks_ahead ? INBOX_MAX : 1;

	endpoint->look = stopped ? 1 : endpoint->look * 2;
	if (endpoint->look > most)
		endpoint->look = most;
}

unsigned lan_socket_serve(struct lan *lan, struct lan_endpoint *endpoint)
{
	unsigned served = 0, seen, wanted, run;

	do {
		struct gate_result result;
		bool stopped;

		wanted = endpoint->look;
		seen = inbox_look(lan->inbox, endpoint, wanted);
		run = run_admit(lan, endpoint, seen, &result);
		stopped = run < seen;
		if (run > 0)
			run_pass(lan, endpoint, run);
		lan->stats.datagrams += run;
		/* After those before it: answers go out in the order of the questions. */
		if (stopped)
			arrival_consume(endpoint);
		if (stopped && result.verdict == GATE_REPLY)
			arrival_reply(endpoint, inbox_at(lan->inbox, run), result.reply,
				result.reply_size);
		look_next(endpoint, stopped);
		served += run + stopped;
	} while (seen == wanted && served < LAN_TURN_MAX);
	return served;
}
