/* SPDX-License-Identifier: Apache-2.0 */
/* The server on the loop, without TLS, asked by bare sockets; time and accept4() are the test's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "web/listen.h"
#include "web/port.h"
#include "web/visitor.h"

#define CLIENTS	    8
#define CONNECTIONS 5
#define PER_ADDRESS 3
#define PATIENCE    60000 /* turns of a millisecond */

static const char question[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

struct bench {
	sd_event *loop;
	struct limits limits;
	struct port *port;
	uint16_t number;
	int client[CLIENTS];
	struct MHD_Connection *suspended;
	bool suspend;
	bool known; /* somebody is logged in on whoever asks now */
	unsigned completed;
};

static uint64_t later_usec; /* how far the test has set the clock */
static unsigned failing_accepts;

/* Time passes when a test says so, and however long the machine takes between two lines; of two who
 * come the second is the later one. */
uint64_t __wrap_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void)
{
	static uint64_t calls;

	return 3600 * USEC_PER_SEC + later_usec + ++calls;
}

/* No timer of this room is worth waiting for. */
int __real_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description);
int __wrap_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description);
int __wrap_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description)
{
	return __real_loop_timer_set(loop, source, USEC_PER_MSEC, handler, userdata, description);
}

int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	if (failing_accepts > 0) {
		failing_accepts--;
		errno = EMFILE;
		return -1;
	}
	return __real_accept4(fd, address, size, flags);
}

static void *on_begin(void *userdata, const char *uri, struct MHD_Connection *connection)
{
	return userdata;
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **context)
{
	struct bench *bench = userdata;
	struct MHD_Response *response;
	enum MHD_Result result;

	/* An answer at the first call, before the body, would end the connection. */
	if (*context == bench) {
		*context = &bench->completed;
		return MHD_YES;
	}
	port_know(connection, bench->known);
	if (bench->suspend) {
		bench->suspend = false;
		bench->suspended = connection;
		MHD_suspend_connection(connection);
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(2, (void *)"ok", MHD_RESPMEM_PERSISTENT);
	result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	((struct bench *)userdata)->completed++;
}

static int begin(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct port_options options;
	int fd;

	assert_non_null(bench);
	later_usec = failing_accepts = 0;
	limits_init(&bench->limits);
	for (int i = 0; i < CLIENTS; i++)
		bench->client[i] = -1;
	options = (struct port_options){
		.connections = CONNECTIONS,
		.per_address = PER_ADDRESS,
		.limits = &bench->limits,
		.handle = on_request,
		.begin = on_begin,
		.completed = on_completed,
		.userdata = bench,
	};
	assert_int_equal(sd_event_new(&bench->loop), 0);
	assert_int_equal(port_new(bench->loop, &options, &bench->port), 0);
	fd = listen_tcp("127.0.0.1", 0);
	assert_true(fd >= 0);
	bench->number = listen_port(fd);
	assert_int_equal(port_listen(bench->port, fd), 0);
	*state = bench;
	return 0;
}

static int end(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < CLIENTS; i++)
		if (bench->client[i] >= 0)
			close(bench->client[i]);
	assert_null(port_free(bench->port));
	assert_null(port_free(NULL));
	sd_event_unref(bench->loop);
	free(bench);
	return 0;
}

/* From an address of the loopback network of its own: 127.0.0.<host>. */
static void join(struct bench *bench, int index, unsigned host, const char *words)
{
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000 + host)};
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(bench->number),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(write(fd, words, strlen(words)), (ssize_t)strlen(words));
	bench->client[index] = fd;
}

/* Turns the loop until this client has something to read, and reads it: the number of bytes, 0 at
 * its end, -1 when nothing came. */
static ssize_t hear(struct bench *bench, int index, int patience)
{
	struct pollfd wanted = {.fd = bench->client[index], .events = POLLIN};
	char answer[512];

	while (patience-- > 0) {
		ssize_t size;

		sd_event_run(bench->loop, USEC_PER_MSEC);
		if (poll(&wanted, 1, 0) == 0)
			continue;
		size = recv(wanted.fd, answer, sizeof(answer), 0);
		return size < 0 ? 0 : size; /* reset is an end, too */
	}
	return -1;
}

static void test_answers(void **state)
{
	struct bench *bench = *state;

	join(bench, 0, 1, question);
	assert_true(hear(bench, 0, PATIENCE) > 2);
	/* The connection stays for the next one. */
	assert_true(write(bench->client[0], question, strlen(question)) > 0);
	assert_true(hear(bench, 0, PATIENCE) > 2);
	assert_int_equal(bench->completed, 2);
}

static void test_suspended(void **state)
{
	struct bench *bench = *state;

	bench->suspend = true;
	join(bench, 0, 1, question);
	for (int i = 0; i < PATIENCE && !bench->suspended; i++)
		sd_event_run(bench->loop, USEC_PER_MSEC);
	assert_non_null(bench->suspended);
	assert_int_equal(hear(bench, 0, 20), -1);
	MHD_resume_connection(bench->suspended);
	port_wake(bench->port);
	assert_true(hear(bench, 0, PATIENCE) > 2);
}

/* None of them has asked, and all have just come: the newcomer waits his turn. */
static void test_limit_for_an_address(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < PER_ADDRESS; i++) {
		join(bench, i, 7, "GET / HT");
		assert_int_equal(hear(bench, i, 20), -1);
	}
	join(bench, PER_ADDRESS, 7, question);
	assert_int_equal(hear(bench, PER_ADDRESS, PATIENCE), 0);
	assert_int_equal(bench->limits.reached[LIMIT_HTTP_PER_ADDRESS], 1);
	assert_int_equal(bench->limits.reached[LIMIT_HTTP_CONNECTIONS], 0);
	join(bench, PER_ADDRESS + 1, 8, question);
	assert_true(hear(bench, PER_ADDRESS + 1, PATIENCE) > 2);
	/* Later the oldest of those that ask for nothing goes for a newcomer. */
	later_usec += VISITOR_GRACE_USEC;
	join(bench, PER_ADDRESS + 2, 7, question);
	assert_true(hear(bench, PER_ADDRESS + 2, PATIENCE) > 2);
	assert_int_equal(hear(bench, 0, PATIENCE), 0);
	assert_int_equal(hear(bench, 1, 20), -1);
}

/* A browser holds connections for later; what it asks on a new one is answered all the same, on the
 * place of the one that it has not used for longest. */
static void test_idle_gives_its_place(void **state)
{
	struct bench *bench = *state;

	bench->known = true;
	for (int i = 0; i < PER_ADDRESS; i++) {
		join(bench, i, 7, question);
		assert_true(hear(bench, i, PATIENCE) > 2);
		later_usec += USEC_PER_SEC;
	}
	/* The oldest one is used again, so it is not the one that is idle longest. */
	assert_true(write(bench->client[0], question, strlen(question)) > 0);
	assert_true(hear(bench, 0, PATIENCE) > 2);
	join(bench, PER_ADDRESS, 7, question);
	assert_true(hear(bench, PER_ADDRESS, PATIENCE) > 2);
	assert_int_equal(hear(bench, 1, PATIENCE), 0);
	assert_int_equal(hear(bench, 0, 20), -1);
	assert_int_equal(hear(bench, 2, 20), -1);
	assert_int_equal(bench->limits.reached[LIMIT_HTTP_PER_ADDRESS], 1);
}

/* What waits for its answer keeps its place. */
static void test_busy_keeps_its_place(void **state)
{
	struct bench *bench = *state;

	bench->suspend = true;
	join(bench, 0, 7, question);
	for (int i = 0; i < PATIENCE && !bench->suspended; i++)
		sd_event_run(bench->loop, USEC_PER_MSEC);
	assert_non_null(bench->suspended);
	for (int i = 1; i < PER_ADDRESS; i++) {
		join(bench, i, 7, question);
		assert_true(hear(bench, i, PATIENCE) > 2);
	}
	for (int i = 0; i < 4; i++) {
		join(bench, PER_ADDRESS + i, 7, question);
		assert_true(hear(bench, PER_ADDRESS + i, PATIENCE) > 2);
	}
	MHD_resume_connection(bench->suspended);
	port_wake(bench->port);
	assert_true(hear(bench, 0, PATIENCE) > 2);
}

static void test_limit_of_all(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < CONNECTIONS; i++) {
		join(bench, i, 10 + (unsigned)i, question);
		assert_true(hear(bench, i, PATIENCE) > 2);
	}
	/* All have just come, each from an address of its own. */
	join(bench, CONNECTIONS, 30, question);
	assert_int_equal(hear(bench, CONNECTIONS, PATIENCE), 0);
	assert_int_equal(bench->limits.reached[LIMIT_HTTP_CONNECTIONS], 1);
	/* Who leaves makes room. */
	close(bench->client[0]);
	bench->client[0] = -1;
	for (int i = 0; i < 50; i++)
		sd_event_run(bench->loop, USEC_PER_MSEC);
	join(bench, 0, 31, question);
	assert_true(hear(bench, 0, PATIENCE) > 2);
	/* Later the oldest goes for a newcomer. */
	later_usec += VISITOR_GRACE_USEC;
	join(bench, CONNECTIONS, 32, question);
	assert_true(hear(bench, CONNECTIONS, PATIENCE) > 2);
	assert_int_equal(hear(bench, 1, PATIENCE), 0);
	assert_int_equal(bench->limits.reached[LIMIT_HTTP_CONNECTIONS], 2);
}

/* Whoever holds many loses one of them, at once; who is logged in stays. */
static void test_hoarder_makes_room(void **state)
{
	struct bench *bench = *state;

	bench->known = true;
	for (int i = 0; i < 2; i++) {
		join(bench, i, 40, question);
		assert_true(hear(bench, i, PATIENCE) > 2);
	}
	bench->known = false;
	join(bench, 2, 41, question);
	assert_true(hear(bench, 2, PATIENCE) > 2);
	for (int i = 3; i < CONNECTIONS; i++) {
		join(bench, i, 42, "GET / HT");
		assert_int_equal(hear(bench, i, 20), -1);
	}
	join(bench, CONNECTIONS, 43, question);
	assert_true(hear(bench, CONNECTIONS, PATIENCE) > 2);
	assert_int_equal(hear(bench, 3, PATIENCE), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hear(bench, i, 20), -1);
	assert_int_equal(hear(bench, 4, 20), -1);
	assert_int_equal(bench->limits.reached[LIMIT_HTTP_CONNECTIONS], 1);
}

static void test_all_are_known(void **state)
{
	struct bench *bench = *state;

	bench->known = true;
	for (int i = 0; i < CONNECTIONS; i++) {
		join(bench, i, 50 + (unsigned)i, question);
		assert_true(hear(bench, i, PATIENCE) > 2);
	}
	later_usec += VISITOR_GRACE_USEC;
	join(bench, CONNECTIONS, 60, question);
	assert_int_equal(hear(bench, CONNECTIONS, PATIENCE), 0);
	for (int i = 0; i < CONNECTIONS; i++)
		assert_int_equal(hear(bench, i, 20), -1);
}

/* Bytes that trickle in keep no connection open for ever. */
static void test_deadline(void **state)
{
	struct bench *bench = *state;

	join(bench, 0, 1, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	assert_int_equal(hear(bench, 0, 20), -1);
	later_usec = 59 * USEC_PER_SEC;
	assert_int_equal(write(bench->client[0], "a", 1), 1);
	assert_int_equal(hear(bench, 0, 20), -1);
	join(bench, 1, 1, question); /* came later: has its own minute */
	assert_true(hear(bench, 1, PATIENCE) > 2);
	later_usec = 61 * USEC_PER_SEC;
	assert_int_equal(write(bench->client[0], "a", 1), 1);
	assert_int_equal(hear(bench, 0, PATIENCE), 0);
	assert_true(write(bench->client[1], question, strlen(question)) > 0);
	assert_true(hear(bench, 1, PATIENCE) > 2);
}

static void test_out_of_descriptors(void **state)
{
	struct bench *bench = *state;

	failing_accepts = 3;
	join(bench, 0, 1, question);
	assert_true(hear(bench, 0, PATIENCE) > 2);
	assert_int_equal(failing_accepts, 0);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(test_answers),
		WITH_BENCH(test_suspended),
		WITH_BENCH(test_limit_for_an_address),
		WITH_BENCH(test_idle_gives_its_place),
		WITH_BENCH(test_busy_keeps_its_place),
		WITH_BENCH(test_limit_of_all),
		WITH_BENCH(test_hoarder_makes_room),
		WITH_BENCH(test_all_are_known),
		WITH_BENCH(test_deadline),
		WITH_BENCH(test_out_of_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
