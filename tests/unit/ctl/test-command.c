/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Commands against a stand-in for the gateway: a thread that takes one call after the other on a
 * Unix socket, keeps what was asked and gives the answer that the test laid out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/command.h"

#define CALLS_MAX 4

struct gateway {
	char directory[64], path[128];
	int fd;
	pthread_t thread;
	const char *status[CALLS_MAX], *body[CALLS_MAX]; /* answers */
	char asked[CALLS_MAX][1024];
	unsigned calls;
	char *out, *err;
	size_t out_size, err_size;
};

static bool is_complete(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "Content-Length: ");

	return end && (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static void serve(struct gateway *gateway, int fd)
{
	char *request = gateway->asked[gateway->calls], answer[2048];
	size_t used = 0;
	ssize_t count;

	while (used < sizeof(gateway->asked[0]) - 1 &&
		(count = read(fd, request + used, sizeof(gateway->asked[0]) - 1 - used)) > 0) {
		used += (size_t)count;
		request[used] = '\0';
		if (!is_complete(request))
			continue;
		snprintf(answer, sizeof(answer),
			"HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			gateway->status[gateway->calls], strlen(gateway->body[gateway->calls]),
			gateway->body[gateway->calls]);
		count = write(fd, answer, strlen(answer));
		gateway->calls++;
		return;
	}
}

static void *run_gateway(void *userdata)
{
	struct gateway *gateway = userdata;
	int fd;

	/* The tool knocks once before each call: such a connection brings nothing. */
	while (gateway->calls < CALLS_MAX && gateway->body[gateway->calls] &&
		(fd = accept(gateway->fd, NULL, NULL)) >= 0) {
		serve(gateway, fd);
		close(fd);
	}
	/* Whoever asks for more is turned away at once, also one who waits in line already. */
	while ((fd = accept(gateway->fd, NULL, NULL)) >= 0)
		close(fd);
	return NULL;
}

static void start(struct gateway *gateway)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", gateway->path);
	gateway->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(gateway->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(gateway->fd, 8), 0);
	assert_int_equal(pthread_create(&gateway->thread, NULL, run_gateway, gateway), 0);
}

static void stop(struct gateway *gateway)
{
	shutdown(gateway->fd, SHUT_RDWR);
	pthread_join(gateway->thread, NULL);
	close(gateway->fd);
	unlink(gateway->path);
}

static int setup(void **state)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));

	assert_non_null(gateway);
	strcpy(gateway->directory, "/tmp/test-command-XXXXXX");
	assert_non_null(mkdtemp(gateway->directory));
	snprintf(gateway->path, sizeof(gateway->path), "%s/control.sock", gateway->directory);
	*state = gateway;
	return 0;
}

static int teardown(void **state)
{
	struct gateway *gateway = *state;

	rmdir(gateway->directory);
	free(gateway->out);
	free(gateway->err);
	free(gateway);
	return 0;
}

/* Runs "gatehousectl <line>" and gives its exit status. */
static int run(struct gateway *gateway, const char *line)
{
	char copy[256], why[256], *argv[24] = {"gatehousectl"}, *save = NULL;
	struct invocation invocation;
	struct client *client = NULL;
	struct ctl ctl = {.invocation = &invocation};
	bool answers = gateway->body[0];
	int argc = 1, code;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	if (invocation_parse(commands, argc, argv, &invocation, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	free(gateway->out);
	free(gateway->err);
	ctl.out = open_memstream(&gateway->out, &gateway->out_size);
	ctl.err = open_memstream(&gateway->err, &gateway->err_size);
	gateway->calls = 0;
	memset(gateway->asked, 0, sizeof(gateway->asked));
	if (answers)
		start(gateway);
	assert_int_equal(client_new(gateway->path, &client), 0);
	ctl.client = client;
	code = invocation.command->run(&ctl);
	client_free(client);
	if (answers)
		stop(gateway);
	fclose(ctl.out);
	fclose(ctl.err);
	return code;
}

static int run_answered(
	struct gateway *gateway, const char *line, const char *status, const char *body)
{
	memset(gateway->status, 0, sizeof(gateway->status));
	memset(gateway->body, 0, sizeof(gateway->body));
	gateway->status[0] = status;
	gateway->body[0] = body;
	return run(gateway, line);
}

static void assert_asked(
	struct gateway *gateway, unsigned number, const char *begin, const char *body)
{
	const char *sent = strstr(gateway->asked[number], "\r\n\r\n");

	assert_non_null(sent);
	if (strncmp(gateway->asked[number], begin, strlen(begin)))
		fail_msg("expected \"%s\", asked \"%s\"", begin, gateway->asked[number]);
	assert_string_equal(sent + 4, body);
}

static void test_acts(void **state)
{
	static const struct {
		const char *line, *request, *body;
	} rows[] = {
		{"approve s-1 --code BCDF-GHJK --name Boiler --place= --owner Ann",
			"POST /api/v1/devices/s-1/approve HTTP",
			"{\"code\":\"BCDF-GHJK\",\"name\":\"Boiler\",\"place\":\"\",\"owner\":"
			"\"Ann\"}"},
		{"admit s-1", "POST /api/v1/devices/s-1/admit HTTP", "{}"},
		{"reject ../x?y", "POST /api/v1/devices/..%2Fx%3Fy/reject HTTP", "{}"},
		{"suspend s-1", "POST /api/v1/devices/s-1/suspend HTTP", "{}"},
		{"resume s-1", "POST /api/v1/devices/s-1/resume HTTP", "{}"},
		{"revoke s-1", "POST /api/v1/devices/s-1/revoke HTTP", "{}"},
		{"unlock s-1", "POST /api/v1/devices/s-1/unlock HTTP", "{}"},
		{"identify s-1 --seconds 20", "POST /api/v1/devices/s-1/identify HTTP",
			"{\"seconds\":20}"},
		{"window open", "POST /api/v1/window HTTP", "{}"},
		{"window open --minutes 1", "POST /api/v1/window HTTP", "{\"seconds\":60}"},
		{"window close", "DELETE /api/v1/window HTTP", "{}"},
		{"alarms clear leak s-1", "POST /api/v1/alarms/clear HTTP",
			"{\"id\":\"leak\",\"subject\":\"s-1\"}"},
		{"alarms clear clock-unsynced", "POST /api/v1/alarms/clear HTTP",
			"{\"id\":\"clock-unsynced\",\"subject\":\"\"}"},
		{"users role anna --role viewer", "PUT /api/v1/people/anna HTTP",
			"{\"role\":\"viewer\"}"},
		{"users drop anna", "DELETE /api/v1/people/anna HTTP", "{}"},
	};
	struct gateway *gateway = *state;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(run_answered(gateway, rows[i].line, "200 OK",
					 "{\"result\":\"done\",\"text\":\"\"}"),
			EXIT_DONE);
		assert_asked(gateway, 0, rows[i].request, rows[i].body);
		assert_true(gateway->out_size > 0);
		assert_int_equal(gateway->err_size, 0);
	}
}

static void test_done_shows_device(void **state)
{
	struct gateway *gateway = *state;

	assert_int_equal(
		run_answered(gateway, "approve s-1", "200 OK",
			"{\"result\":\"done\",\"text\":\"Well.\",\"device\":{\"id\":\"s-1\","
			"\"stage\":\"active\"}}"),
		EXIT_DONE);
	assert_string_equal(gateway->out, "Well.\n"
					  "Device           s-1\n"
					  "Stage            active\n");
	assert_int_equal(
		run_answered(gateway, "reject s-1", "200 OK", "{\"text\":\"\"}"), EXIT_DONE);
	assert_string_equal(gateway->out, "Done: reject.\n");
	assert_int_equal(
		run_answered(gateway, "window open --minutes 1", "200 OK", "{\"seconds\":60}"),
		EXIT_DONE);
	assert_string_equal(gateway->out, "The onboarding window is open for 1 minute.\n");
}

static void test_refused(void **state)
{
	struct gateway *gateway = *state;

	assert_int_equal(run_answered(gateway, "approve s-1 --code X", "422 U",
				 "{\"error\":\"wrong-code\",\"text\":\"Not \\u001b[2J it.\","
				 "\"tries_left\":3}"),
		EXIT_REFUSED);
	assert_string_equal(gateway->err, "Not \\x1b[2J it.\n");
	assert_string_equal(gateway->out, "");
	assert_int_equal(
		run_answered(gateway, "approve s-1 --json", "429 T",
			"{\"error\":\"too-many\",\"text\":\"Try again in 75 s.\",\"wait\":75}"),
		EXIT_REFUSED);
	assert_string_equal(gateway->err, "Try again in 75 s.\n");
	assert_non_null(strstr(gateway->out, "\"error\": \"too-many\""));
	assert_int_equal(run_answered(gateway, "status", "503 S", "{}"), EXIT_REFUSED);
	assert_string_equal(gateway->err, "The gateway refused (503).\n");
}

static void test_unreachable(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct gateway *gateway = *state;
	int fd;

	assert_int_equal(run_answered(gateway, "status", "200 OK", "<html>"), EXIT_UNREACHABLE);
	assert_non_null(strstr(gateway->err, "is not gatehoused"));
	assert_int_equal(
		run_answered(gateway, "status", "200 OK", "{\"a\":1,\"a\":2}"), EXIT_UNREACHABLE);
	assert_int_equal(run_answered(gateway, "status", "rubbish", "{}"), EXIT_UNREACHABLE);

	/* Somebody left a socket behind on which nobody listens; then nothing at all. */
	memset(gateway->body, 0, sizeof(gateway->body));
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", gateway->path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(run(gateway, "status"), EXIT_UNREACHABLE);
	assert_non_null(strstr(gateway->err, "Connection refused. Is gatehoused running?"));
	unlink(gateway->path);
	assert_int_equal(run(gateway, "status"), EXIT_UNREACHABLE);
	assert_non_null(strstr(gateway->err, "No such file or directory. Is gatehoused running?"));
	memset(gateway->path, 'x', sizeof(gateway->path) - 1);
	assert_int_equal(run(gateway, "status"), EXIT_UNREACHABLE);
	assert_non_null(strstr(gateway->err, "File name too long."));
}

static void test_json(void **state)
{
	struct gateway *gateway = *state;

	assert_int_equal(run_answered(gateway, "show s-1 --json", "200 OK",
				 "{\"id\":\"s-1\",\"ep\":\"\\u009b\xe2\x80\xae\"}"),
		EXIT_DONE);
	/* Only ASCII reaches the terminal. */
	assert_string_equal(
		gateway->out, "{\n  \"id\": \"s-1\",\n  \"ep\": \"\\u009B\\u202E\"\n}\n");
}

static void test_shows(void **state)
{
	static const struct {
		const char *line, *request, *body, *shown;
	} rows[] = {
		{"heard", "GET /api/v1/heard HTTP", "{\"heard\":[]}", "Nobody was turned away"},
		{"heard", "GET /api/v1/heard HTTP",
			"{\"heard\":[{\"reason\":\"no-echo\",\"count\":7,\"remedy\":\"Do it.\"}]}",
			"7 times: no-echo\n  Do it.\n"},
		{"alarms", "GET /api/v1/alarms HTTP", "{\"alarms\":[]}", "There are no alarms."},
		{"alarms", "GET /api/v1/alarms HTTP",
			"{\"alarms\":[{\"id\":\"leak\",\"subject\":\"s\",\"sentence\":\"Oh.\","
			"\"remedy\":\"So.\",\"raised\":\"2026\",\"times\":2},{}]}",
			"Oh.\nSo.\n  id             leak\n  subject        s\n"},
		{"status --limits", "GET /api/v1/status/limits HTTP",
			"{\"limits\":[{\"name\":\"body\",\"value\":8192,\"unit\":\"bytes\","
			"\"reason\":\"because\",\"reached\":3}]}",
			"body   8192   bytes  3        because\n"},
		{"journal", "GET /api/v1/journal?before=0&limit=50 HTTP", "{\"rows\":[]}",
			"There are no rows."},
		{"journal --before 9 --limit 2", "GET /api/v1/journal?before=9&limit=2 HTTP",
			"{\"rows\":[{\"number\":8,\"who\":\"uid 0\",\"clock_synced\":true}]}",
			"8       -     uid 0  -     -"},
		{"journal --who a&b --action revoke --object s-1 --limit 300",
			"GET /api/v1/journal?before=0&limit=200&who=a%26b&action=revoke&object=s-1 "
			"HTTP",
			"{\"rows\":[],\"next\":null}", "There are no rows."},
		{"journal export", "GET /api/v1/journal/export?before=0&limit=200 HTTP",
			"{\"rows\":[{\"number\":2,\"who\":\"\\u009b\"},{\"number\":1}]}",
			"{\"number\":2,\"who\":\"\\u009B\"}\n{\"number\":1}\n"},
		{"journal verify", "GET /api/v1/journal/verify HTTP",
			"{\"intact\":true,\"rows\":7,\"head\":\"ab\"}",
			"All 7 rows are as they were written.\nNewest link      ab\n"},
		{"queue --limit 5", "GET /api/v1/queue?limit=5 HTTP",
			"{\"readings\":3,\"bytes\":2048,\"limit_bytes\":4096,\"seconds_left\":3700,"
			"\"lost\":{\"revoked\":4,\"missing\":0},\"devices\":[{\"id\":\"s-1\","
			"\"stage\":\"active\",\"readings\":3}],\"gaps\":[{\"device\":\"old\","
			"\"first\":1,\"last\":4,\"count\":4,\"reason\":\"revoked\"}]}",
			"Given up         4 revoked\n\n"
			"DEVICE  NAME  STAGE   READINGS  BYTES\n"
			"s-1     -     active  3         -\n\n"
			"Given up, and the platform was not told yet:\n"
			"DEVICE  FROM ROW  TO ROW  READINGS  REASON\n"
			"old     1         4       4         revoked\n"},
		{"queue", "GET /api/v1/queue?limit=20 HTTP", "{\"seconds_left\":null}",
			"Room for         not known yet: too little came in\n"},
		{"queue", "GET /api/v1/queue?limit=20 HTTP", "{\"seconds_left\":null}",
			"Given up         none\n\nNothing waits.\n"},
		{"queue dead", "GET /api/v1/dead?before=0&limit=50 HTTP",
			"{\"letters\":[],\"next\":null}",
			"The platform took all that it was sent."},
		{"queue dead --before 9 --limit 1", "GET /api/v1/dead?before=9&limit=1 HTTP",
			"{\"letters\":[{\"row\":8,\"device\":null,\"name\":\"\",\"bytes\":3,"
			"\"time\":\"t\",\"put_aside\":\"u\",\"reason\":\"\\u009bhung "
			"up\"}],\"next\":8}",
			"ROW  DEVICE  NAME  ACCEPTED  BYTES  PUT ASIDE  REASON\n"},
		{"queue dead --limit 1", "GET /api/v1/dead?before=0&limit=1 HTTP",
			"{\"letters\":[{\"row\":8}],\"next\":8}",
			"There are more: gatehousectl queue dead --before 8\n"},
		{"users list", "GET /api/v1/people HTTP", "{\"people\":[]}", "There is nobody yet"},
		{"users list", "GET /api/v1/people HTTP",
			"{\"people\":[{\"name\":\"anna\",\"role\":\"admin\"}]}",
			"anna  admin  -\n"},
		{"show s-1", "GET /api/v1/devices/s-1 HTTP",
			"{\"id\":\"s-1\",\"last_heard\":3700,\"attributes\":{\"a\":\"b\",\"c\":1},"
			"\"actions\":[\"approve\",\"reject\",7],\"display\":true,"
			"\"operation\":{\"state\":\"awaiting\"}}",
			"Device           s-1\n"},
	};
	struct gateway *gateway = *state;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		assert_int_equal(
			run_answered(gateway, rows[i].line, "200 OK", rows[i].body), EXIT_DONE);
		assert_asked(gateway, 0, rows[i].request, "");
		if (!strstr(gateway->out, rows[i].shown))
			fail_msg("%s: \"%s\" is missing in: %s", rows[i].line, rows[i].shown,
				gateway->out);
	}
	assert_non_null(strstr(gateway->out, "Last heard       1 h 1 min ago\n"));
	assert_non_null(strstr(gateway->out, "Attribute        a = b\n"));
	assert_non_null(strstr(gateway->out, "Has a display    yes\n"));
	assert_non_null(strstr(gateway->out, "Operation        awaiting\n"));
	assert_non_null(strstr(gateway->out, "You can          approve, reject\n"));
}

static void test_status(void **state)
{
	struct gateway *gateway = *state;

	assert_int_equal(
		run_answered(gateway, "status", "200 OK",
			"{\"gateway\":{\"id\":\"plant-7\",\"version\":\"" GATEHOUSE_VERSION "\"},"
			"\"queue\":{\"readings\":5,\"bytes\":2048,\"limit_bytes\":67108864,"
			"\"seconds_left\":3700},"
			"\"window\":{\"open\":true,\"seconds_left\":61,\"opened_by\":\"anna\"},"
			"\"devices\":{\"active\":2,\"seen\":0,\"trouble\":1,\"total\":3},"
			"\"alarms\":0,\"set_up\":true}"),
		EXIT_DONE);
	assert_non_null(strstr(gateway->out, "Gateway          plant-7\n"));
	assert_non_null(strstr(gateway->out, "Queue            5 readings, 2.0 KiB of 64.0 MiB\n"));
	assert_non_null(strstr(gateway->out, "Room for         1 h 1 min\n"));
	assert_non_null(strstr(gateway->out, "open for 1 min 1 s more, by anna\n"));
	assert_non_null(strstr(gateway->out, "Devices          2 active, 1 trouble\n"));
	assert_null(strstr(gateway->out, "different versions"));
	assert_null(strstr(gateway->out, "gatehousectl alarms"));
	assert_null(strstr(gateway->out, "gatehousectl setup"));

	assert_int_equal(run_answered(gateway, "status", "200 OK",
				 "{\"gateway\":{\"version\":\"0\"},\"window\":{\"open\":false},"
				 "\"alarms\":1,\"set_up\":false}"),
		EXIT_DONE);
	assert_non_null(strstr(gateway->out, "Window           closed\n"));
	assert_non_null(strstr(gateway->out, "Devices          none\n"));
	assert_non_null(strstr(gateway->out, "different versions"));
	assert_non_null(strstr(gateway->out, "gatehousectl alarms"));
	assert_non_null(strstr(gateway->out, "gatehousectl setup"));
}

static void test_devices(void **state)
{
	struct gateway *gateway = *state;

	assert_int_equal(run_answered(gateway, "devices", "200 OK", "{\"total\":0,\"devices\":[]}"),
		EXIT_DONE);
	assert_asked(gateway, 0, "GET /api/v1/devices?limit=200&offset=0 HTTP", "");
	assert_non_null(strstr(gateway->out, "There are no devices. Open the window"));

	/* All pages, in one list. */
	gateway->status[0] = gateway->status[1] = "200 OK";
	gateway->body[0] = "{\"total\":3,\"devices\":[{\"id\":\"a\"},{\"id\":\"b\"}]}";
	gateway->body[1] = "{\"total\":3,\"devices\":[{\"id\":\"c\"}]}";
	assert_int_equal(run(gateway, "devices --stage active,seen --search k&z"), EXIT_DONE);
	assert_asked(gateway, 0,
		"GET /api/v1/devices?limit=200&offset=0&stage=active%2Cseen&q=k%26z HTTP", "");
	assert_asked(gateway, 1,
		"GET /api/v1/devices?limit=200&offset=2&stage=active%2Cseen&q=k%26z HTTP", "");
	assert_non_null(strstr(gateway->out, "\na "));
	assert_non_null(strstr(gateway->out, "\nc "));

	/* A page that brings nothing ends it; a refusal of a page is one of the whole. */
	gateway->body[1] = "{\"total\":3,\"devices\":[]}";
	assert_int_equal(run(gateway, "devices"), EXIT_DONE);
	gateway->status[1] = "500 X";
	assert_int_equal(run(gateway, "devices"), EXIT_REFUSED);
	gateway->status[0] = "403 X";
	assert_int_equal(run(gateway, "devices"), EXIT_REFUSED);
}

static void test_users_add(void **state)
{
	struct gateway *gateway = *state;
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/password", gateway->directory);
	snprintf(line, sizeof(line), "users add anna --role admin --password-file %s", path);
	file = fopen(path, "w");
	fputs("vogel lampe rinde\n", file);
	fclose(file);
	assert_int_equal(run_answered(gateway, line, "200 OK", "{\"text\":\"\"}"), EXIT_DONE);
	assert_asked(gateway, 0, "PUT /api/v1/people/anna HTTP",
		"{\"role\":\"admin\",\"password\":\"vogel lampe rinde\"}");
	assert_string_equal(gateway->out, "They can log in.\n");

	/* Refused here already: nothing is asked. */
	memset(gateway->body, 0, sizeof(gateway->body));
	file = fopen(path, "w");
	fputs("password12345678\n", file);
	fclose(file);
	assert_int_equal(run(gateway, line), EXIT_REFUSED);
	assert_non_null(strstr(gateway->err, "tried first"));
	unlink(path);
	assert_int_equal(run(gateway, line), EXIT_USAGE);
	assert_non_null(strstr(gateway->err, "cannot be read"));
	assert_int_equal(run(gateway, "users add anna --role boss"), EXIT_USAGE);
	assert_int_equal(run(gateway, "users add anna"), EXIT_USAGE);
	assert_int_equal(run(gateway, "users add Anna --role viewer"), EXIT_USAGE);
	assert_int_equal(run(gateway, "users role anna --role none"), EXIT_USAGE);
	assert_int_equal(run(gateway, "window open --minutes 16"), EXIT_USAGE);
	assert_int_equal(run(gateway, "identify x --seconds 0"), EXIT_USAGE);
	assert_int_equal(run(gateway, "journal --limit 10001"), EXIT_USAGE);
	assert_int_equal(run(gateway, "journal --before x"), EXIT_USAGE);
	assert_int_equal(run(gateway, "alarms clear \xff"), EXIT_USAGE);
}

static void test_setup(void **state)
{
	struct gateway *gateway = *state;
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/gatehouse.conf", gateway->directory);
	snprintf(line, sizeof(line), "setup --config %s", path);
	file = fopen(path, "w");
	fprintf(file, "gateway { state_directory = \"%s\" }\npage { port = 9443 }\n",
		gateway->directory);
	fclose(file);
	assert_int_equal(run_answered(gateway, line, "200 OK",
				 "{\"result\":\"done\",\"code\":\"BCDF-GHJK\",\"seconds\":86400}"),
		EXIT_DONE);
	assert_asked(gateway, 0, "POST /api/v1/setup-code HTTP", "{}");
	assert_non_null(strstr(gateway->out, "Setup code       BCDF-GHJK\n"));
	assert_non_null(strstr(gateway->out, "Valid for        1 d 0 h\n"));
	assert_non_null(strstr(gateway->out, "Page             https://localhost:9443/setup\n"));
	assert_null(strstr(gateway->out, "Fingerprint"));

	file = fopen(path, "w");
	fprintf(file, "page { addresses = { 127.0.0.1, \"192.0.2.1\" } certificate = /nowhere key "
		      "= /k }\n");
	fclose(file);
	assert_int_equal(run_answered(gateway, line, "200 OK", "{\"code\":\"X\"}"), EXIT_DONE);
	assert_non_null(strstr(gateway->out, ".local:8443/setup\n"));
	/* A configuration that cannot be read: the code is shown all the same. */
	unlink(path);
	assert_int_equal(run_answered(gateway, line, "200 OK", "{\"code\":\"X\"}"), EXIT_DONE);
	assert_null(strstr(gateway->out, "https://"));
	assert_int_equal(
		run_answered(gateway, "setup", "403 F", "{\"text\":\"No.\"}"), EXIT_REFUSED);
	assert_int_equal(
		run_answered(gateway, "setup --json", "200 OK", "{\"code\":\"X\"}"), EXIT_DONE);
	assert_string_equal(gateway->out, "{\n  \"code\": \"X\"\n}\n");
}

static void test_fingerprint(void **state)
{
	/* Made once with OpenSSL; its digest was computed with sha256sum over the DER form. */
	static const char certificate[] =
		"-----BEGIN CERTIFICATE-----\n"
		"MIIBeTCCAR+gAwIBAgIUNnw95S/nc0GfL8Uao8+dBz5IbK4wCgYIKoZIzj0EAwIw\n"
		"EjEQMA4GA1UEAwwHcGxhbnQtNzAeFw0yNjExMjExMzQwMTJaFw0zNjExMTgxMzQw\n"
		"MTJaMBIxEDAOBgNVBAMMB3BsYW50LTcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
		"AAQj5Yv+jWxNBOX1DkpTvifunHaEO/mUmUirs1O8GZQRUJv8FW6cK4UmlqAtitOQ\n"
		"GJOOItIHfzvlyU2BZzbRykm0o1MwUTAdBgNVHQ4EFgQU9HTodGxI10ViVDn1ZU2d\n"
		"WFT7+HswHwYDVR0jBBgwFoAU9HTodGxI10ViVDn1ZU2dWFT7+HswDwYDVR0TAQH/\n"
		"BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBOCB44BVheta9OblSxrJ+e4D5LC0QT\n"
		"O7t1FEoQftnBTQIhAPoVsNFInYc+gF4BoE1bKXB8hIW33uwM0A3jmp9YbDuX\n"
		"-----END CERTIFICATE-----\n";
	struct gateway *gateway = *state;
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/page.crt", gateway->directory);
	file = fopen(path, "w");
	fputs(certificate, file);
	fclose(file);
	snprintf(line, sizeof(line), "%s/c.conf", gateway->directory);
	file = fopen(line, "w");
	fprintf(file, "gateway { state_directory = \"%s\" }\n", gateway->directory);
	fclose(file);
	snprintf(line, sizeof(line), "setup --config %s/c.conf", gateway->directory);
	assert_int_equal(run_answered(gateway, line, "200 OK", "{\"code\":\"X\"}"), EXIT_DONE);
	assert_non_null(strstr(gateway->out, "Fingerprint      "
					     "5D:53:74:5C:90:D5:CE:95:1E:E9:DD:50:E2:BC:95:B1:B3:"
					     "43:94:E9:0B:25:90:9B:66:FF:24:89:97:9F:12:B4"
					     "\n"));
	unlink(path);
	snprintf(path, sizeof(path), "%s/c.conf", gateway->directory);
	unlink(path);
}

static void test_check_config(void **state)
{
	struct gateway *gateway = *state;
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/x.conf", gateway->directory);
	file = fopen(path, "w");
	fputs("lan { port = 70000\n prot = 1 }\n", file);
	fclose(file);
	snprintf(line, sizeof(line), "check-config %s", path);
	assert_int_equal(run(gateway, line), EXIT_REFUSED);
	assert_non_null(strstr(gateway->err, "x.conf:1: lan.port: 70000 is too large"));
	assert_non_null(strstr(gateway->err, "warning: "));
	assert_string_equal(gateway->out, "");
	snprintf(line, sizeof(line), "check-config %s --json", path);
	assert_int_equal(run(gateway, line), EXIT_REFUSED);
	assert_non_null(strstr(gateway->out, "\"valid\": false"));
	assert_non_null(strstr(gateway->out, "\"level\": \"warning\""));
	file = fopen(path, "w");
	fputs("lan { port = 7000 }\n", file);
	fclose(file);
	snprintf(line, sizeof(line), "check-config %s", path);
	assert_int_equal(run(gateway, line), EXIT_DONE);
	assert_non_null(strstr(gateway->out, "is a valid configuration"));
	unlink(path);
}

#define WITH_GATEWAY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void test_journal_in_parts(void **state)
{
	struct gateway *gateway = *state;

	memset(gateway->status, 0, sizeof(gateway->status));
	memset(gateway->body, 0, sizeof(gateway->body));
	for (unsigned i = 0; i < 3; i++)
		gateway->status[i] = "200 OK";
	gateway->body[0] = "{\"rows\":[{\"number\":9}],\"next\":9}";
	gateway->body[1] = "{\"rows\":[],\"next\":5}"; /* nothing fits in this stretch */
	gateway->body[2] = "{\"rows\":[{\"number\":2}],\"next\":null}";
	assert_int_equal(run(gateway, "journal --object s-1 --json"), EXIT_DONE);
	assert_int_equal(gateway->calls, 3);
	assert_asked(gateway, 1, "GET /api/v1/journal?before=9&limit=49&object=s-1 HTTP", "");
	assert_asked(gateway, 2, "GET /api/v1/journal?before=5&limit=49&object=s-1 HTTP", "");
	assert_non_null(strstr(gateway->out, "\"number\": 9"));
	assert_non_null(strstr(gateway->out, "\"number\": 2"));
	/* Enough is enough. */
	assert_int_equal(run(gateway, "journal --limit 1"), EXIT_DONE);
	assert_int_equal(gateway->calls, 1);
}

/* Oldest first; what is new comes behind it; it ends when the gateway does. */
static void test_journal_is_followed(void **state)
{
	struct gateway *gateway = *state;

	memset(gateway->status, 0, sizeof(gateway->status));
	memset(gateway->body, 0, sizeof(gateway->body));
	gateway->status[0] = gateway->status[1] = "200 OK";
	gateway->body[0] = "{\"rows\":[{\"number\":8,\"who\":\"anna\",\"action\":\"revoke\"},"
			   "{\"number\":7,\"who\":\"ben\\u001b\"}],\"next\":null}";
	gateway->body[1] = "{\"rows\":[{\"number\":9,\"who\":\"carl\"}],\"next\":null}";
	assert_int_equal(run(gateway, "journal --follow"), EXIT_UNREACHABLE);
	assert_string_equal(gateway->out, "ben\\x1b\nanna  revoke\ncarl\n");
	assert_asked(gateway, 1, "GET /api/v1/journal?before=0&limit=200&after=8 HTTP", "");
}

static void test_journal_that_was_changed(void **state)
{
	struct gateway *gateway = *state;

	assert_int_equal(run_answered(gateway, "journal verify", "200 OK",
				 "{\"intact\":false,\"rows\":7,\"first_bad\":3}"),
		EXIT_REFUSED);
	assert_non_null(strstr(gateway->err, "row 3 is not as it was written"));
	assert_int_equal(gateway->out_size, 0);
}

static void test_show_with_history(void **state)
{
	struct gateway *gateway = *state;

	memset(gateway->status, 0, sizeof(gateway->status));
	memset(gateway->body, 0, sizeof(gateway->body));
	gateway->status[0] = gateway->status[1] = "200 OK";
	gateway->body[0] = "{\"id\":\"s-1\"}";
	gateway->body[1] = "{\"rows\":[{\"who\":\"anna\",\"action\":\"approve\"}],\"next\":null}";
	assert_int_equal(run(gateway, "show s-1"), EXIT_DONE);
	assert_asked(gateway, 1, "GET /api/v1/devices/s-1/history?limit=10 HTTP", "");
	assert_non_null(strstr(gateway->out, "\nHistory, newest first:\n"));
	assert_non_null(strstr(gateway->out, "-     anna  approve  -         -\n"));
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void test_doctor(void **state)
{
	static const char healthy[] =
		"{\"version\":\"" GATEHOUSE_VERSION
		"\",\"findings\":[{\"check\":\"clock\",\"state\":"
		"\"ok\",\"text\":\"The clock is "
		"set.\",\"remedy\":\"\"},{\"check\":\"heard\",\"state\":"
		"\"notice\",\"text\":\"Turned away.\",\"remedy\":\"Open the window.\"}]}";
	static const char ill[] =
		"{\"version\":\"0.0.0\",\"findings\":[{\"check\":\"disk\",\"state\":\"error\","
		"\"text\":\"Full \\u001b[31m.\",\"remedy\":\"Free space.\"}]}";
	struct gateway *gateway = *state;
	char path[160], line[256], text[512];

	assert_int_equal(run_answered(gateway, "doctor", "200 OK", healthy), EXIT_DONE);
	assert_non_null(strstr(gateway->out, "ok       gateway       The gateway answers.\n"));
	assert_non_null(strstr(gateway->out, "ok       versions      "));
	assert_non_null(strstr(gateway->out, "notice   heard         Turned away.\n"
					     "                       -> Open the window.\n"));
	assert_non_null(strstr(gateway->out, "\nNothing is wrong.\n"));
	assert_int_equal(run_answered(gateway, "doctor", "200 OK", ill), EXIT_REFUSED);
	assert_non_null(strstr(gateway->out, "warning  versions"));
	assert_non_null(strstr(gateway->out, "error    disk          Full \\x1b[31m.\n"));
	assert_non_null(strstr(gateway->out, " findings need somebody.\n"));
	assert_int_equal(run_answered(gateway, "doctor", "403 Forbidden", "{\"error\":\"role\"}"),
		EXIT_REFUSED);
	assert_non_null(strstr(gateway->out, "Run this as root."));
	assert_int_equal(run_answered(gateway, "doctor --json", "200 OK", ill), EXIT_REFUSED);
	assert_non_null(strstr(gateway->out, "\"check\": \"disk\""));

	/* Nobody answers: what can be seen from here is said all the same. */
	snprintf(path, sizeof(path), "%s/gatehouse.conf", gateway->directory);
	snprintf(text, sizeof(text),
		"gateway {\n\tstate_directory = \"%s\"\n}\nmqtt {\n\thost = \"a.invalid\"\n}\n",
		gateway->directory);
	write_text(path, text);
	snprintf(line, sizeof(line), "doctor --config %s", path);
	assert_int_equal(run_answered(gateway, line, NULL, NULL), EXIT_UNREACHABLE);
	assert_non_null(strstr(gateway->out, "error    gateway"));
	assert_non_null(strstr(gateway->out, "ok       configuration"));
	assert_non_null(strstr(gateway->out, "error    dns"));
	assert_non_null(strstr(gateway->out, "ok       permissions"));
	assert_int_equal(chmod(gateway->directory, 0755), 0);
	write_text(path, "lan {\n\tport = many\n}\n");
	assert_int_equal(run_answered(gateway, line, NULL, NULL), EXIT_UNREACHABLE);
	assert_non_null(strstr(gateway->out, "error    configuration"));
	assert_null(strstr(gateway->out, "dns"));
	snprintf(text, sizeof(text),
		"gateway {\n\tstate_directory = \"%s\"\n}\nmqtt {\n\thost = \"192.0.2.1\"\n}\n",
		gateway->directory);
	write_text(path, text);
	assert_int_equal(run_answered(gateway, line, "200 OK", healthy), EXIT_REFUSED);
	assert_non_null(strstr(gateway->out, "error    permissions"));
	assert_null(strstr(gateway->out, "dns"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_GATEWAY(test_acts),
		WITH_GATEWAY(test_done_shows_device),
		WITH_GATEWAY(test_refused),
		WITH_GATEWAY(test_unreachable),
		WITH_GATEWAY(test_json),
		WITH_GATEWAY(test_shows),
		WITH_GATEWAY(test_status),
		WITH_GATEWAY(test_devices),
		WITH_GATEWAY(test_users_add),
		WITH_GATEWAY(test_setup),
		WITH_GATEWAY(test_fingerprint),
		WITH_GATEWAY(test_check_config),
		WITH_GATEWAY(test_journal_in_parts),
		WITH_GATEWAY(test_journal_is_followed),
		WITH_GATEWAY(test_journal_that_was_changed),
		WITH_GATEWAY(test_show_with_history),
		WITH_GATEWAY(test_doctor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
