/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A real lan on loopback and a plain UDP socket that talks to it, in one process and on one loop.
 * The socket speaks in bytes, so that what is asserted is what stands on the wire.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/config.h"
#include "lan/lan.h"

#define DATAGRAM_MAX 2048

enum { CON, NON, ACK, RST };
#define GET    1
#define POST   2
#define PUT    3
#define DELETE 4

struct datagram {
	uint8_t bytes[DATAGRAM_MAX];
	size_t size;
	unsigned option; /* number of the last one, while it is built */
};

/* A request that the host got, copied out of its view. */
struct seen_request {
	struct lan_request view;
	uint8_t payload[DATAGRAM_MAX];
	size_t payload_size;
};

struct bed {
	sd_event *loop;
	struct lan *lan;
	struct limits limits;
	struct config_list interfaces;
	int fd;
	int family;
	struct seen_request last;
	unsigned requests;
	unsigned away[AWAYS];
	unsigned reachable, sighted, unobserved;
	void *unobserved_userdata;
	struct device_address reachable_address;
	struct lan_sighting sighting;
	bool hold; /* else each request is answered with 2.04 at once */
	/* takes the place of both when it is set */
	void (*host)(struct bed *bed, const struct lan_request *request);
	void *host_data;
	uint64_t lived_usec; /* see bed_turn() */
	/* DTLS: the key of every identity that begins with "known"; kept are those with "kept" in
	 * them */
	uint8_t psk[LAN_PSK_MAX];
	size_t psk_size;
	unsigned psk_asked;
	bool psk_turns; /* the key is another one as soon as somebody asked for it */
	/* the certificate that was shown last; each is taken unless 'certificate_refused' */
	struct lan_certificate certificate;
	unsigned certificates, entered;
	struct lan_peer entered_peer;
	bool certificate_refused;
};

void bed_open(struct bed *bed, int family, const char *interface);
/* The same with DTLS on a port of its own, and other limits where they are not 0. */
void bed_open_secure(struct bed *bed, int family, const struct limits *limits);
/* The same on IPv4 with a certificate of the gateway's, in PEM. */
void bed_open_certified(
	struct bed *bed, const struct limits *limits, const char *own, const char *own_key);
void bed_close(struct bed *bed);
/* Another socket of the same family, towards the same lan. */
int bed_socket(const struct bed *bed);
/* A verified address and a clean slate of counters. */
void bed_verify(struct bed *bed);

void message_begin(struct datagram *message, int type, int code, uint16_t mid, const char *token);
void message_option(struct datagram *message, unsigned number, const void *value, size_t size);
void message_text(struct datagram *message, unsigned number, const char *value);
void message_payload(struct datagram *message, const char *text);
/* POST /t?ep=<ep> with text in format 0. */
void message_reading(
	struct datagram *message, int type, uint16_t mid, const char *token, const char *ep);

int message_type(const struct datagram *message);
int message_code(const struct datagram *message);
uint16_t message_id(const struct datagram *message);
bool message_token_is(const struct datagram *message, const char *token);
/* The option's value and size; -1 when it is not there. */
int message_find(const struct datagram *message, unsigned number, uint8_t value[64]);
/* NUL-terminated copy of the payload. */
const char *message_body(const struct datagram *message, char text[DATAGRAM_MAX]);

void bed_send(struct bed *bed, const struct datagram *message);
/* One turn of the loop, which waits so long at most. It counts as what it was to wait and a little
 * more: 'lived_usec' is the time that passed for lan and peers, without that in which the machine
 * stood still. */
void bed_turn(struct bed *bed, uint64_t wait_usec);
/* For what must come, on whatever machine. */
#define BED_PATIENCE_MSEC 60000
/* The next datagram within so long; false when none came. */
bool bed_receive(struct bed *bed, struct datagram *ret_message, int timeout_msec);
/* The next datagram, which must come. */
void bed_expect(struct bed *bed, struct datagram *ret_message);
/* Nothing is on its way: a ping is answered, and nothing came before its answer. */
void bed_expect_silence(struct bed *bed);
/* Sends and expects one answer with this code. */
void bed_ask(
	struct bed *bed, const struct datagram *message, int code, struct datagram *ret_answer);
/* Runs the loop until the condition holds. */
#define bed_await(bed, condition)                                                            \
	do {                                                                                 \
		uint64_t await_end = (bed)->lived_usec + BED_PATIENCE_MSEC * UINT64_C(1000); \
		while (!(condition) && (bed)->lived_usec < await_end)                        \
			bed_turn(bed, 10000);                                                \
		assert_true(condition);                                                      \
	} while (0)
