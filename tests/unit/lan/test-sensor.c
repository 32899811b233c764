/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated sensor against a real lan: it does what a device must do. The program is the first
 * argument. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bed.h"

extern char **environ;

#define EVENTS_MAX 65536

struct script {
	struct bed bed;
	const char *program;
	pid_t pid;
	int out;
	char events[EVENTS_MAX];
	size_t size;
	unsigned enrols, readings;
	unsigned registered, renewed, removed;
	char base_port[8], links[256];
	unsigned refuse_reading; /* this reading gets 4.03, once */
	bool slow;		 /* the first reading is answered after its empty ACK */
	struct lan_exchange *held;
	char bodies[16][256];
};

static const char *sensor_program;

static void enrol_answer(struct script *script, const struct lan_request *request)
{
	static const char *const answers[] = {
		"{\"state\":\"pending\",\"retry\":0}",
		"{\"state\":\"pending\",\"retry\":0,\"code\":\"AB-12\"}",
		"{\"state\":\"approved\",\"retry\":5,\"id\":\"s-1\"}",
	};
	unsigned step = script->enrols < 2 ? script->enrols : 2;
	const struct lan_answer answer = {
		.code = script->enrols == 0 ? COAP_CODE(2, 1) : COAP_CODE(2, 4),
		.format = 50,
		.max_age = 0,
		.location_id = "s-1",
		.payload = span_from_string(answers[step]),
	};

	assert_string_equal(request->ep, "sensor-1");
	script->enrols++;
	lan_answer(request->exchange, &answer);
}

/* Its entry is forgotten once: when it is renewed for the second time. */
static void directory_answer(struct script *script, const struct lan_request *request)
{
	struct lan_answer answer = {
		.code = COAP_CODE(2, 4), .format = -1, .max_age = -1, .location = LAN_LOCATION_RD};

	if (request->resource == LAN_RD) {
		assert_string_equal(request->ep, "sensor-1");
		assert_int_equal(request->rd.lifetime, 1);
		assert_true(request->rd.has_base);
		assert_int_equal(request->content_format, FORMAT_LINK);
		snprintf(script->base_port, sizeof(script->base_port), "%u", request->rd.base.port);
		span_to_string(request->payload, script->links, sizeof(script->links));
		script->registered++;
		answer.code = COAP_CODE(2, 1);
		answer.location_id = "s-1";
	} else {
		assert_string_equal(request->device_id, "s-1");
		assert_int_equal(request->payload.size, 0);
		if (request->method == LAN_DELETE) {
			script->removed++;
			answer.code = COAP_CODE(2, 2);
		} else if (++script->renewed == 2) {
			answer.code = COAP_CODE(4, 4);
		}
	}
	lan_answer(request->exchange, &answer);
}

static void host(struct bed *bed, const struct lan_request *request)
{
	struct script *script = bed->host_data;

	if (request->resource == LAN_RD || request->resource == LAN_RD_ENTRY) {
		directory_answer(script, request);
		return;
	}
	if (request->resource == LAN_ENROL) {
		enrol_answer(script, request);
		return;
	}
	unsigned n = ++script->readings;
	if (n <= 16)
		span_to_string(request->payload, script->bodies[n - 1], 256);
	if (n == script->refuse_reading)
		lan_answer_text(request->exchange, COAP_CODE(4, 3), "not approved", -1);
	else if (n == 1 && script->slow)
		script->held = request->exchange;
	else
		lan_answer_text(request->exchange, COAP_CODE(2, 4), NULL, -1);
}

static void sensor_start(struct script *script, const char *const *more)
{
	char gateway[32];
	const char *argv[32] = {
		script->program, "--gateway", gateway, "--ep", "sensor-1", "--interval", "0"};
	posix_spawn_file_actions_t actions;
	int pipes[2], count = 7;

	snprintf(gateway, sizeof(gateway), "127.0.0.1:%u", lan_port(script->bed.lan));
	for (; *more; more++)
		argv[count++] = *more;
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	assert_int_equal(posix_spawn(&script->pid, script->program, &actions, NULL,
				 (char *const *)argv, environ),
		0);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	script->out = pipes[0];
}

static void events_read(struct script *script)
{
	ssize_t size =
		read(script->out, script->events + script->size, EVENTS_MAX - 1 - script->size);

	if (size > 0)
		script->size += (size_t)size;
	script->events[script->size] = '\0';
}

/* Runs the loop until the sensor has printed this. */
static void await_event(struct script *script, const char *text)
{
	uint64_t end = script->bed.lived_usec + BED_PATIENCE_MSEC * USEC_PER_MSEC;

	while (!strstr(script->events, text)) {
		if (script->bed.lived_usec > end)
			fail_msg("no %s in:\n%s", text, script->events);
		bed_turn(&script->bed, 10000);
		events_read(script);
	}
}

static void sensor_await_end(struct script *script)
{
	int status;

	await_event(script, "\"event\":\"stopped\"");
	assert_int_equal(waitpid(script->pid, &status, 0), script->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	script->pid = 0;
}

static int setup(void **state)
{
	struct script *script = calloc(1, sizeof(*script));

	script->program = sensor_program;
	script->out = -1;
	bed_open(&script->bed, AF_INET, "lo");
	script->bed.host = host;
	script->bed.host_data = script;
	*state = script;
	return 0;
}

static int teardown(void **state)
{
	struct script *script = *state;

	if (script->pid > 0) {
		kill(script->pid, SIGKILL);
		waitpid(script->pid, NULL, 0);
	}
	close(script->out);
	bed_close(&script->bed);
	free(script);
	return 0;
}

static void enrols_and_sends(void **state)
{
	struct script *script = *state;
	const char *const more[] = {
		"--count", "3", "--model", "M1", "--display", "--attribute", "room=7", NULL};

	sensor_start(script, more);
	sensor_await_end(script);
	const char *events = script->events;
	assert_non_null(strstr(events, "{\"event\":\"echo\"}"));
	const char *pending = strstr(events, "{\"event\":\"state\",\"state\":\"pending\"}");
	const char *code = strstr(events, "{\"event\":\"code\",\"code\":\"AB-12\"}");
	const char *approved =
		strstr(events, "{\"event\":\"state\",\"state\":\"approved\",\"id\":\"s-1\"}");
	const char *third = strstr(events, "{\"event\":\"acknowledged\",\"n\":3,\"value\":20.3}");
	assert_true(pending && code && approved && third);
	assert_true(pending < code && code < approved && approved < third);
	assert_int_equal(script->enrols, 3);
	assert_int_equal(script->readings, 3);
	assert_string_equal(script->bodies[1], "[{\"n\":\"seq\",\"v\":2,\"u\":\"count\"},"
					       "{\"n\":\"temperature\",\"u\":\"Cel\",\"v\":20.2}]");
}

static void goes_back_to_enrol_and_keeps_the_reading(void **state)
{
	struct script *script = *state;
	const char *const more[] = {"--count", "3", "--text", NULL};

	script->refuse_reading = 2;
	sensor_start(script, more);
	sensor_await_end(script);
	assert_non_null(strstr(script->events, "\"code\":\"4.03\""));
	assert_int_equal(script->enrols, 4);
	assert_int_equal(script->readings, 4);
	assert_string_equal(script->bodies[1], "2");
	assert_string_equal(script->bodies[2], "2");
	assert_string_equal(script->bodies[3], "3");
}

static void takes_a_separate_answer(void **state)
{
	struct script *script = *state;
	const char *const more[] = {"--count", "2", NULL};
	struct lan_stats stats;

	script->slow = true;
	sensor_start(script, more);
	do {
		await_event(script, "approved");
		sd_event_run(script->bed.loop, 10000);
		lan_stats(script->bed.lan, &stats);
	} while (stats.separate == 0);
	assert_non_null(script->held);
	assert_null(strstr(script->events, "acknowledged"));
	lan_answer_text(script->held, COAP_CODE(2, 4), NULL, -1);
	sensor_await_end(script);
	assert_int_equal(script->readings, 2);
	assert_non_null(strstr(script->events, "\"acknowledged\",\"n\":2"));
}

static void state_file_continues(void **state)
{
	struct script *script = *state;
	char path[] = "/tmp/test-sensor-XXXXXX";
	int fd = mkstemp(path);
	const char *const more[] = {"--count", "7", "--text", "--state-file", path, NULL};

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "5\n", 2), 2);
	close(fd);
	sensor_start(script, more);
	sensor_await_end(script);
	unlink(path);
	assert_int_equal(script->readings, 2);
	assert_string_equal(script->bodies[0], "6");
}

static void stops_on_sigterm(void **state)
{
	struct script *script = *state;
	const char *const more[] = {NULL};

	sensor_start(script, more);
	await_event(script, "\"event\":\"acknowledged\"");
	kill(script->pid, SIGTERM);
	sensor_await_end(script);
}

static void reply_take(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	char *text = userdata;

	if (result == 0)
		snprintf(text, 600, "%u.%02u %d %.*s", code >> 5, code & 31u, format,
			(int)payload.size, (const char *)payload.data);
	else
		snprintf(text, 600, "failed: %s", strerror(-result));
}

static const char *server_ask(
	struct script *script, unsigned port, int method, const char *path, const char *body)
{
	static char text[600];
	struct lan_outgoing outgoing = {
		.to = {.interface = "lo",
			.port = (uint16_t)port,
			.ip = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}}},
		.method = (enum lan_method)method,
		.path = path,
		.content_format = body ? 50 : -1,
		.accept = -1,
		.payload = span_from_string(body),
		.answer_max = 512,
		.timeout_usec = 5 * USEC_PER_SEC,
	};

	text[0] = '\0';
	assert_int_equal(lan_send(script->bed.lan, &outgoing, reply_take, text), 0);
	bed_await(&script->bed, text[0]);
	return text;
}

static void serves_what_it_lists(void **state)
{
	struct script *script = *state;
	const char *const more[] = {
		"--mode", "server", "--serial", "S9", "--display", "--count", "2", NULL};
	unsigned port = 0;

	sensor_start(script, more);
	await_event(script, "\"event\":\"listening\"");
	sscanf(strstr(script->events, "\"port\":"), "\"port\":%u", &port);
	const char *answer = server_ask(script, port, GET, "/.well-known/core", NULL);
	assert_non_null(strstr(answer, "</info>;rt=\"gatehouse.info\";ct=50"));
	assert_non_null(strstr(answer, "</s/temperature>;if=\"core.s\";ct=110"));
	assert_non_null(strstr(answer, "</display>;rt=\"gatehouse.display\""));
	answer = server_ask(script, port, GET, "/info", NULL);
	assert_string_equal(answer, "2.05 50 {\"serial\":\"S9\",\"display\":true}");
	answer = server_ask(script, port, PUT, "/status", "{\"state\":\"approved\"}");
	assert_string_equal(answer, "2.04 -1 ");
	answer = server_ask(script, port, PUT, "/display", "AB-12");
	assert_string_equal(answer, "2.04 -1 ");
	await_event(script, "{\"event\":\"code\",\"code\":\"AB-12\"}");
	answer = server_ask(script, port, GET, "/s/temperature", NULL);
	assert_non_null(strstr(answer, "2.05 110 [{\"n\":\"seq\",\"v\":1,"));
	server_ask(script, port, GET, "/s/temperature", NULL);
	sensor_await_end(script);
	assert_non_null(strstr(script->events, "\"event\":\"status\",\"state\":\"approved\""));
}

/* By the standards alone: it registers, renews, registers again when nobody knows it, and goes. */
static void registers_and_renews(void **state)
{
	struct script *script = *state;
	const char *const more[] = {"--mode", "register", "--lifetime", "1", "--display", NULL};
	const char *links = "</s/temperature>;if=\"core.s\";ct=110";
	unsigned port = 0;

	sensor_start(script, more);
	await_event(script, "{\"event\":\"registered\",\"entry\":\"rd/s-1\"}");
	sscanf(strstr(script->events, "\"port\":"), "\"port\":%u", &port);
	assert_int_equal(strtoul(script->base_port, NULL, 10), port);
	assert_string_equal(script->links, links);
	assert_string_equal(server_ask(script, port, GET, "/info", NULL), "4.04 -1 Not Found");
	assert_non_null(strstr(server_ask(script, port, GET, "/.well-known/core", NULL), links));
	await_event(script, "\"event\":\"renewed\"");
	await_event(script, "{\"event\":\"refused\",\"path\":\"rd/s-1\",\"code\":\"4.04\"}");
	bed_await(&script->bed, script->registered == 2);
	bed_await(&script->bed, script->renewed >= 3);
	kill(script->pid, SIGTERM);
	sensor_await_end(script);
	bed_await(&script->bed, script->removed == 1);
	assert_int_equal(script->enrols, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(enrols_and_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(
			goes_back_to_enrol_and_keeps_the_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_a_separate_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(state_file_continues, setup, teardown),
		cmocka_unit_test_setup_teardown(stops_on_sigterm, setup, teardown),
		cmocka_unit_test_setup_teardown(serves_what_it_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(registers_and_renews, setup, teardown),
	};

	if (argc < 2)
		return 77;
	sensor_program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
