/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The test bed of the uplink: a loop, the job thread and an uplink whose events are recorded; a
 * real mosquitto on a free loopback port; a scripted broker ("peer") on the same loop for what
 * mosquitto cannot be made to do. Every wait is for a condition and bounded in time.
 */

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sys/types.h>

#include "base/clock.h"
#include "uplink/uplink.h"

#define AWAIT_SEC 60

struct record {
	enum uplink_event_kind kind;
	struct uplink_session *session;
	uint64_t tag;
	int reason;
	int version;
	bool retained;
	char text[256];
	char topic[128];
	char payload[128]; /* first bytes, NUL-terminated */
	size_t payload_size;
	char response_topic[300], correlation[160];
	bool unusable;
	uint32_t lifetime;
	uint64_t kept, owner;
};

struct bed {
	sd_event *loop;
	struct job_thread *names;
	struct limits limits;
	struct uplink *uplink;
	struct record record[512];
	atomic_ulong asked_to_keep;	      /* messages */
	uint64_t keeps_after;		      /* so many that it does not keep */
	size_t count;			      /* more than fit fails the test */
	struct uplink_session *free_on_event; /* freed inside its next event */
	uint64_t
		lived_usec; /* in turns of the loop, without what the machine stood still in them */
};

struct bed *bed_new(void);
void bed_free(struct bed *bed);
void bed_run_once(struct bed *bed);
/* The n-th (from 0) event of this kind and session, NULL when there is none yet. */
const struct record *bed_find(const struct bed *bed, const struct uplink_session *session,
	enum uplink_event_kind kind, size_t n);
const struct record *bed_await(struct bed *bed, const struct uplink_session *session,
	enum uplink_event_kind kind, size_t n);
size_t bed_events_of(const struct bed *bed, const struct uplink_session *session);
const struct record *bed_find_tag(const struct bed *bed, uint64_t tag);
void bed_forget(struct bed *bed);

struct uplink_session *bed_session(struct bed *bed, const struct uplink_session_options *options);
/* Connects; an attempt that the machine was too slow for is forgotten, and made again. */
void bed_connect(struct bed *bed, struct uplink_session *session);
int bed_publish(struct uplink_session *session, const char *topic, const char *payload, bool retain,
	uint64_t tag);

#define AWAIT(bed, condition)                                                                      \
	do {                                                                                       \
		uint64_t await_until = clock_boot_usec() + AWAIT_SEC * USEC_PER_SEC;               \
		while (!(condition)) {                                                             \
			if (clock_boot_usec() > await_until)                                       \
				fail_msg(                                                          \
					"%s:%d: not reached: %s", __FILE__, __LINE__, #condition); \
			bed_run_once(bed);                                                         \
		}                                                                                  \
	} while (0)

struct broker {
	char directory[64];
	uint16_t port;
	pid_t pid;
	int port_fd; /* nobody else takes the port while this is open */
};

#define MOSQUITTO "/usr/sbin/mosquitto"

/* Skips the test, loudly, where mosquitto is not installed. */
void broker_require(void);
/* A directory of its own under /tmp, for its files; the port is chosen, nothing is started. */
void broker_init(struct broker *broker);
/* 'extra': lines of configuration. Returns when it accepts connections. */
void broker_start(struct broker *broker, const char *extra);
/* A program that listens on that port when this returns. */
pid_t program_start(const char *const *argv, uint16_t port);
void broker_kill(struct broker *broker);
void broker_signal(struct broker *broker, int signal);
void broker_clear(struct broker *broker);
/* Runs a program to its end; fails the test on a status other than 0. */
void run_program(const char *const *argv);

/* ---- the scripted broker ---- */

#define PEER_SILENT -1

struct peer {
	sd_event *loop;
	sd_event_source *listen_source, *source;
	int listen_fd, fd;
	uint16_t port;
	/* the script */
	int connack5, connack4; /* code, or PEER_SILENT */
	bool short_connack;	/* answer MQTT 5 in the form of 3.1.1 */
	int server_keep_alive;	/* 0 = not sent */
	int puback;		/* reason, or PEER_SILENT */
	bool pingresp;
	/* what came */
	unsigned connects;
	int versions[16];
	uint8_t connect[1024]; /* the last CONNECT, whole */
	size_t connect_size;
	unsigned publishes;
	uint8_t publish[2048]; /* the last PUBLISH, whole */
	size_t publish_size;
	unsigned subscribes;
	unsigned disconnects, pings;
	uint16_t last_packet_id;
	uint8_t buffer[8192];
	size_t fill;
};

void peer_start(struct peer *peer, struct bed *bed);
void peer_stop(struct peer *peer);
void peer_close(struct peer *peer); /* the connection only */
void peer_send(struct peer *peer, const void *bytes, size_t size);
bool bytes_contain(const uint8_t *bytes, size_t size, const char *text);
