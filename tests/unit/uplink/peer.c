/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted broker, see bed.h. It understands just enough of MQTT to follow its script. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bed.h"

enum { CONNECT = 1, PUBLISH = 3, SUBSCRIBE = 8, PINGREQ = 12, DISCONNECT = 14 };

void peer_send(struct peer *peer, const void *bytes, size_t size)
{
	assert_int_equal(send(peer->fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static bool peer_speaks_5(const struct peer *peer)
{
	return peer->versions[peer->connects - 1] == 5;
}

static void answer_connect(struct peer *peer, const uint8_t *packet, size_t size)
{
	int version = packet[8]; /* fixed header 2, "MQTT" 6 (packets of under 128 bytes) */
	int code;

	if (packet[1] & 0x80) /* two bytes of length */
		version = packet[9];
	assert_true(peer->connects < sizeof(peer->versions) / sizeof(peer->versions[0]));
	assert_true(size <= sizeof(peer->connect));
	peer->versions[peer->connects++] = version;
	memcpy(peer->connect, packet, size);
	peer->connect_size = size;
	code = version == 5 ? peer->connack5 : peer->connack4;
	if (code == PEER_SILENT)
		return;
	if (version == 4 || peer->short_connack)
		peer_send(peer, (uint8_t[]){0x20, 2, 0, (uint8_t)code}, 4);
	else if (peer->server_keep_alive)
		peer_send(peer,
			(uint8_t[]){0x20, 6, 0, (uint8_t)code, 3, 0x13, 0,
				(uint8_t)peer->server_keep_alive},
			8);
	else
		peer_send(peer, (uint8_t[]){0x20, 3, 0, (uint8_t)code, 0}, 5);
	if (code != 0)
		peer_close(peer);
}

static void answer_publish(
	struct peer *peer, const uint8_t *packet, size_t size, const uint8_t *body)
{
	size_t topic = (size_t)body[0] << 8 | body[1];

	peer->publishes++;
	assert_true(size <= sizeof(peer->publish));
	memcpy(peer->publish, packet, size);
	peer->publish_size = size;
	peer->last_packet_id = (uint16_t)(body[2 + topic] << 8 | body[3 + topic]);
	if (peer->puback == PEER_SILENT || (packet[0] & 6) == 0)
		return;
	if (peer_speaks_5(peer))
		peer_send(peer,
			(uint8_t[]){0x40, 4, body[2 + topic], body[3 + topic],
				(uint8_t)peer->puback, 0},
			6);
	else
		peer_send(peer, (uint8_t[]){0x40, 2, body[2 + topic], body[3 + topic]}, 4);
}

static void handle_packet(
	struct peer *peer, const uint8_t *packet, size_t size, const uint8_t *body)
{
	switch (packet[0] >> 4) {
	case CONNECT:
		answer_connect(peer, packet, size);
		break;
	case PUBLISH:
		answer_publish(peer, packet, size, body);
		break;
	case SUBSCRIBE: /* refused: not authorised */
		peer->subscribes++;
		peer_send(peer, (uint8_t[]){0x90, 4, body[0], body[1], 0, 0x87}, 6);
		break;
	case PINGREQ:
		peer->pings++;
		if (peer->pingresp)
			peer_send(peer, (uint8_t[]){0xd0, 0}, 2);
		break;
	case DISCONNECT:
		peer->disconnects++;
		break;
	default:
		break;
	}
}

/* One packet from the buffer; 0 when it is not whole yet. */
static size_t take_packet(struct peer *peer)
{
	size_t length = 0, at = 1;
	int shift = 0;

	for (;; shift += 7) {
		if (at >= peer->fill)
			return 0;
		length |= (size_t)(peer->buffer[at] & 0x7f) << shift;
		if (!(peer->buffer[at++] & 0x80))
			break;
	}
	if (peer->fill < at + length)
		return 0;
	handle_packet(peer, peer->buffer, at + length, peer->buffer + at);
	return at + length;
}

static int on_bytes(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct peer *peer = userdata;
	ssize_t n = recv(
		fd, peer->buffer + peer->fill, sizeof(peer->buffer) - peer->fill, MSG_DONTWAIT);
	size_t used;

	if (n <= 0) {
		peer_close(peer);
		return 0;
	}
	peer->fill += (size_t)n;
	while (peer->fd >= 0 && (used = take_packet(peer)) > 0) {
		if (peer->fd < 0)
			break;
		peer->fill -= used;
		memmove(peer->buffer, peer->buffer + used, peer->fill);
	}
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct peer *peer = userdata;

	peer_close(peer);
	peer->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_return_code(peer->fd, errno);
	assert_return_code(
		sd_event_add_io(peer->loop, &peer->source, peer->fd, EPOLLIN, on_bytes, peer), 0);
	return 0;
}

void peer_start(struct peer *peer, struct bed *bed)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	*peer = (struct peer){.loop = bed->loop, .fd = -1, .pingresp = true};
	peer->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(peer->listen_fd, (struct sockaddr *)&address, size), errno);
	assert_return_code(listen(peer->listen_fd, 8), errno);
	assert_return_code(getsockname(peer->listen_fd, (struct sockaddr *)&address, &size), errno);
	peer->port = ntohs(address.sin_port);
	assert_return_code(sd_event_add_io(bed->loop, &peer->listen_source, peer->listen_fd,
				   EPOLLIN, on_connection, peer),
		0);
}

void peer_close(struct peer *peer)
{
	if (peer->fd < 0)
		return;
	peer->source = sd_event_source_disable_unref(peer->source);
	close(peer->fd);
	peer->fd = -1;
	peer->fill = 0;
}

void peer_stop(struct peer *peer)
{
	peer_close(peer);
	sd_event_source_disable_unref(peer->listen_source);
	close(peer->listen_fd);
}

bool bytes_contain(const uint8_t *bytes, size_t size, const char *text)
{
	return memmem(bytes, size, text, strlen(text)) != NULL;
}
