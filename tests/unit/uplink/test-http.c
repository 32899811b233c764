/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against a real HTTPS server and a real proxy: what is sent, what is verified,
 * what is cut off, and that requests wait in line. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "uplink/http.h"

#define AWAIT_USEC (60 * USEC_PER_SEC)

struct fixture {
	char directory[64];
	pid_t peer;
	unsigned port, proxy_port;
	sd_event *loop;
	struct limits limits;
	struct http *http;
};
static struct fixture fixture;

struct got {
	unsigned answers;
	int result, status;
	uint32_t retry_after;
	char body[8192];
	size_t size;
	char why[128];
};

static void path_of(const char *name, char ret[128])
{
	snprintf(ret, 128, "%s/%s", fixture.directory, name);
}

static pid_t run(const char *const *argv, int out)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (out >= 0)
			dup2(out, STDOUT_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static void run_openssl(const char *name, const char *ca, const char *san)
{
	char key[128], certificate[128], ca_pem[128], ca_key[128], subject[64], alt[96], file[64];
	const char *argv[32];
	size_t n = 0;
	int status;

	snprintf(file, sizeof(file), "%s.key", name);
	path_of(file, key);
	snprintf(file, sizeof(file), "%s.pem", name);
	path_of(file, certificate);
	snprintf(subject, sizeof(subject), "/CN=%s", name);
	const char *const common[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", subject, "-keyout", key,
		"-out", certificate};
	for (size_t i = 0; i < ELEMENTS(common); i++)
		argv[n++] = common[i];
	if (ca) {
		snprintf(alt, sizeof(alt), "subjectAltName=%s", san);
		snprintf(file, sizeof(file), "%s.pem", ca);
		path_of(file, ca_pem);
		snprintf(file, sizeof(file), "%s.key", ca);
		path_of(file, ca_key);
		const char *const more[] = {"-addext", alt, "-addext",
			"basicConstraints=critical,CA:FALSE", "-CA", ca_pem, "-CAkey", ca_key};
		for (size_t i = 0; i < ELEMENTS(more); i++)
			argv[n++] = more[i];
	}
	argv[n] = NULL;
	assert_int_equal(waitpid(run(argv, -1), &status, 0) > 0, 1);
	assert_int_equal(status, 0);
}

static int group_setup(void **state)
{
	char certificate[128], key[128], line[64] = "";
	int out[2];
	FILE *in;

	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("ALL_PROXY");
	unsetenv("all_proxy");
	strcpy(fixture.directory, "/tmp/gh-http-XXXXXX");
	assert_non_null(mkdtemp(fixture.directory));
	run_openssl("right", NULL, NULL);
	run_openssl("other", NULL, NULL);
	run_openssl("server", "right", "DNS:localhost");
	path_of("server.pem", certificate);
	path_of("server.key", key);
	assert_return_code(pipe(out), errno);
	fixture.peer =
		run((const char *const[]){"python3", HTTPS_PEER, certificate, key, NULL}, out[1]);
	close(out[1]);
	in = fdopen(out[0], "r");
	assert_non_null(fgets(line, sizeof(line), in));
	fclose(in);
	assert_int_equal(sscanf(line, "%u %u", &fixture.port, &fixture.proxy_port), 2);
	return 0;
}

static int group_teardown(void **state)
{
	char command[128];

	kill(fixture.peer, SIGKILL);
	waitpid(fixture.peer, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", fixture.directory);
	return system(command);
}

static int setup(void **state)
{
	limits_init(&fixture.limits);
	assert_return_code(sd_event_new(&fixture.loop), 0);
	assert_return_code(http_new(fixture.loop, &fixture.limits, &fixture.http), 0);
	return 0;
}

static int teardown(void **state)
{
	fixture.http = http_free(fixture.http);
	fixture.loop = sd_event_unref(fixture.loop);
	return 0;
}

static void on_done(void *userdata, const struct http_answer *answer)
{
	struct got *got = userdata;

	got->answers++;
	got->result = answer->result;
	got->status = answer->status;
	got->retry_after = answer->retry_after;
	got->size = answer->body.size;
	snprintf(got->why, sizeof(got->why), "%s", answer->why ? answer->why : "");
	if (answer->body.size < sizeof(got->body) && answer->body.size) {
		memcpy(got->body, answer->body.data, answer->body.size);
		got->body[answer->body.size] = '\0';
	}
}

static void await(const unsigned *count, unsigned until)
{
	uint64_t end = clock_boot_usec() + AWAIT_USEC;

	while (*count < until && clock_boot_usec() < end)
		assert_return_code(sd_event_run(fixture.loop, USEC_PER_SEC), 0);
	assert_int_equal(*count, until);
}

struct ask {
	const char *host, *path, *ca, *proxy, *method, *body;
	const struct http_header *headers;
	size_t header_count;
	unsigned rate;
};

static int ask(const struct ask *ask, struct got *got, struct http_exchange **ret)
{
	char url[256], ca[128] = "", proxy[64] = "";

	snprintf(url, sizeof(url), "https://%s:%u%s", ask->host ? ask->host : "localhost",
		fixture.port, ask->path);
	if (!ask->ca || ask->ca[0])
		path_of(ask->ca ? ask->ca : "right.pem", ca);
	if (ask->proxy)
		snprintf(proxy, sizeof(proxy), "http://localhost:%u", fixture.proxy_port);
	*got = (struct got){0};
	return http_send(fixture.http,
		&(const struct http_request){.method = ask->method ? ask->method : "PUT",
			.url = url,
			.headers = ask->headers,
			.header_count = ask->header_count,
			.body = span_from_string(ask->body),
			.content_type = "application/json",
			.ca_file = ca,
			.proxy = proxy,
			.lane = "test",
			.lane_rate = ask->rate},
		on_done, got, ret);
}

static void get(const struct ask *request, struct got *got)
{
	struct http_exchange *exchange;

	assert_return_code(ask(request, got, &exchange), 0);
	assert_int_equal(got->answers, 0); /* never before it returns */
	await(&got->answers, 1);
}

static void what_is_sent_arrives(void **state)
{
	const struct http_header header = {"Authorization", SPAN_LITERAL("DeviceToken canary")};
	struct got got;

	get(&(const struct ask){.path = "/echo",
		    .body = "{\"a\":1}",
		    .headers = &header,
		    .header_count = 1},
		&got);
	assert_int_equal(got.result, 0);
	assert_int_equal(got.status, 200);
	assert_non_null(strstr(got.body, "\"method\": \"PUT\""));
	assert_non_null(strstr(got.body, "\"Authorization\": \"DeviceToken canary\""));
	assert_non_null(strstr(got.body, "\"Content-Type\": \"application/json\""));
	assert_non_null(strstr(got.body, "\"User-Agent\": \"gatehouse/" GATEHOUSE_VERSION "\""));
	assert_non_null(strstr(got.body, "{\\\"a\\\":1}"));
	assert_null(strstr(got.body, "Expect"));
	get(&(const struct ask){.path = "/echo", .method = "GET"}, &got);
	assert_non_null(strstr(got.body, "\"method\": \"GET\""));
}

static void status_and_retry_after(void **state)
{
	static const struct {
		const char *path;
		int status;
		uint32_t after;
	} rows[] = {{"/status/202", 202, 0}, {"/status/429/7", 429, 7}, {"/status/503/0", 503, 0},
		{"/status/429/999999999", 429, 86400}, {"/status/410", 410, 0},
		{"/status/429/soon", 429, 0}, {"/status/429/-5", 429, 0}};
	struct got got;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		get(&(const struct ask){.path = rows[i].path}, &got);
		assert_int_equal(got.status, rows[i].status);
		/* libcurl of its own takes no more than six hours, from some version on. */
		if (rows[i].after == 86400 && got.retry_after == 21600)
			continue;
		assert_int_equal(got.retry_after, rows[i].after);
	}
}

static void nobody_is_followed(void **state)
{
	struct got got;

	get(&(const struct ask){.path = "/redirect"}, &got);
	assert_int_equal(got.status, 302);
}

static void chain_and_name_are_verified(void **state)
{
	struct got got;
	struct http_exchange *exchange;

	get(&(const struct ask){.path = "/echo", .ca = "other.pem"}, &got);
	assert_int_equal(got.result, -EKEYREJECTED);
	assert_non_null(strstr(got.why, "certificate"));
	get(&(const struct ask){.path = "/echo", .ca = ""}, &got); /* the system's */
	assert_int_equal(got.result, -EKEYREJECTED);
	get(&(const struct ask){.path = "/echo", .host = "127.0.0.1"}, &got);
	assert_int_equal(got.result, -EKEYREJECTED);
	get(&(const struct ask){.path = "/echo", .ca = "missing.pem"}, &got);
	assert_int_equal(got.result, -ENOENT);
	/* Nothing but https, whatever is asked for. */
	got = (struct got){0};
	assert_return_code(http_send(fixture.http,
				   &(const struct http_request){.method = "GET",
					   .url = "http://localhost/",
					   .ca_file = "",
					   .proxy = "",
					   .lane = "test"},
				   on_done, &got, &exchange),
		0);
	await(&got.answers, 1);
	assert_int_equal(got.result, -EPROTONOSUPPORT);
}

static void knock_once(const char *url, const char *ca_name, bool direct, struct got *got)
{
	struct http_exchange *exchange;
	char ca[128];

	path_of(ca_name, ca);
	*got = (struct got){0};
	assert_return_code(http_send(fixture.http,
				   &(const struct http_request){.method = "GET",
					   .url = url,
					   .ca_file = ca,
					   .proxy = "",
					   .lane = "test",
					   .knocks = true,
					   .direct = direct},
				   on_done, got, &exchange),
		0);
	await(&got->answers, 1);
}

/* A machine that stands still for ten seconds answers nobody: then once more. */
static void knock_at(const char *url, const char *ca_name, bool direct, struct got *got)
{
	unsigned tries = 0;

	do
		knock_once(url, ca_name, direct, got);
	while (got->result == -ETIMEDOUT && ++tries < 10);
}

/* A port that is taken; whether somebody listens there. */
static int taken_port(bool listens, unsigned *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_return_code(fd, errno);
	assert_return_code(bind(fd, (struct sockaddr *)&address, size), errno);
	if (listens)
		assert_return_code(listen(fd, 4), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &size), errno);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Name, connection, TLS; nothing is sent, so what is behind it need not speak HTTP. */
static void a_knock(void **state)
{
	struct got got;
	char url[128];
	unsigned port;
	int fd;

	snprintf(url, sizeof(url), "https://localhost:%u/", fixture.port);
	knock_at(url, "right.pem", true, &got);
	assert_int_equal(got.result, 0);
	assert_int_equal(got.size, 0);
	knock_at(url, "other.pem", true, &got);
	assert_int_equal(got.result, -EKEYREJECTED);
	knock_at(url, "missing.pem", true, &got);
	assert_int_equal(got.result, -ENOENT);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", fixture.port);
	knock_at(url, "right.pem", true, &got);
	assert_int_equal(got.result, -EKEYREJECTED);
	fd = taken_port(true, &port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	knock_at(url, "right.pem", true, &got);
	assert_int_equal(got.result, 0);
	close(fd);
	fd = taken_port(false, &port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	knock_at(url, "right.pem", true, &got);
	assert_int_equal(got.result, -ECONNREFUSED);
	close(fd);
}

static void a_knock_past_the_proxy(void **state)
{
	struct got got;
	char url[128];
	unsigned port;
	int fd = taken_port(false, &port);

	/* What the environment says is a proxy is none for what is no HTTP. */
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	assert_return_code(setenv("https_proxy", url, 1), errno);
	snprintf(url, sizeof(url), "https://localhost:%u/", fixture.port);
	knock_at(url, "right.pem", true, &got);
	assert_int_equal(got.result, 0);
	knock_at(url, "right.pem", false, &got);
	assert_int_equal(got.result, -ECONNREFUSED);
	unsetenv("https_proxy");
	close(fd);
}

static void what_is_too_large_is_cut_off(void **state)
{
	struct got got;

	get(&(const struct ask){.path = "/bytes/65536"}, &got);
	assert_int_equal(got.result, 0);
	assert_int_equal(got.size, 65536);
	assert_int_equal(fixture.limits.reached[LIMIT_REQUEST_ANSWER], 0);
	get(&(const struct ask){.path = "/bytes/65537"}, &got);
	assert_int_equal(got.result, -EMSGSIZE);
	get(&(const struct ask){.path = "/bytes/100000000"}, &got);
	assert_int_equal(got.result, -EMSGSIZE);
	get(&(const struct ask){.path = "/headers/20000"}, &got);
	assert_int_equal(got.result, -EMSGSIZE);
	get(&(const struct ask){.path = "/headers/10000"}, &got);
	assert_int_equal(got.result, 0);
	assert_int_equal(fixture.limits.reached[LIMIT_REQUEST_ANSWER], 3);
}

static void broken_answers(void **state)
{
	struct got got;

	get(&(const struct ask){.path = "/cut"}, &got);
	assert_int_equal(got.result, -ECONNRESET);
	get(&(const struct ask){.path = "/half"}, &got);
	assert_int_equal(got.result, -ECONNRESET);
	get(&(const struct ask){.path = "/echo", .host = "no-such-host.invalid"}, &got);
	assert_true(got.result == -EHOSTUNREACH || got.result == -ETIMEDOUT);
}

/* Nobody knows whether it was done: who asked decides, also on a connection that was used before.
 */
static void what_does_something_is_sent_once(void **state)
{
	struct got got;
	long before;

	get(&(const struct ask){.path = "/cuts"}, &got);
	before = strtol(got.body, NULL, 10);
	get(&(const struct ask){.path = "/cut", .method = "POST", .body = "{}"}, &got);
	assert_int_equal(got.result, -ECONNRESET);
	get(&(const struct ask){.path = "/cuts"}, &got);
	assert_int_equal(strtol(got.body, NULL, 10), before + 1);
}

static void slow_ones_end(void **state)
{
	uint64_t since = clock_boot_usec();
	struct got got;

	get(&(const struct ask){.path = "/slow"}, &got);
	assert_int_equal(got.result, -ETIMEDOUT);
	assert_true(clock_boot_usec() - since >= HTTP_TIMEOUT_SECONDS * USEC_PER_SEC);
}

static void a_proxy_gets_no_header_of_ours(void **state)
{
	const struct http_header header = {"Authorization", SPAN_LITERAL("DeviceToken canary")};
	struct got got;

	get(
		&(const struct ask){
			.path = "/echo", .proxy = "", .headers = &header, .header_count = 1},
		&got);
	assert_int_equal(got.status, 200);
	assert_non_null(strstr(got.body, "DeviceToken canary"));
	get(&(const struct ask){.path = "/proxy"}, &got);
	assert_non_null(strstr(got.body, "CONNECT localhost:"));
	assert_null(strstr(got.body, "canary"));
}

static void headers_cannot_be_split(void **state)
{
	const struct http_header header = {"Authorization", SPAN_LITERAL("x\r\nHost: other")};
	struct http_exchange *exchange = NULL;
	struct got got;

	assert_int_equal(
		ask(&(const struct ask){.path = "/echo", .headers = &header, .header_count = 1},
			&got, &exchange),
		-EINVAL);
	assert_int_equal(ask(&(const struct ask){.path = "/ec\nho"}, &got, &exchange), -EINVAL);
	assert_null(exchange);
}

static void they_wait_in_line(void **state)
{
	enum { COUNT = 12 };
	struct got got[COUNT], most;
	struct http_exchange *exchange[COUNT];
	unsigned i;

	fixture.limits.value[LIMIT_REQUESTS] = 3;
	fixture.limits.value[LIMIT_REQUEST_RATE] = 1000;
	fixture.limits.value[LIMIT_REQUESTS_WAITING] = COUNT - 3;
	for (i = 0; i < COUNT; i++)
		assert_return_code(
			ask(&(const struct ask){.path = "/wait"}, &got[i], &exchange[i]), 0);
	assert_int_equal(ask(&(const struct ask){.path = "/wait"}, &most, exchange), -EBUSY);
	assert_int_equal(fixture.limits.reached[LIMIT_REQUESTS_WAITING], 1);
	assert_int_equal(fixture.limits.reached[LIMIT_REQUESTS], COUNT - 3);
	for (i = 0; i < COUNT; i++)
		await(&got[i].answers, 1);
	get(&(const struct ask){.path = "/together"}, &most);
	assert_string_equal(most.body, "3");
}

static void they_come_one_after_the_other(void **state)
{
	struct got got[5];
	struct http_exchange *exchange;
	uint64_t since = clock_boot_usec();
	unsigned i;

	for (i = 0; i < 5; i++)
		assert_return_code(
			ask(&(const struct ask){.path = "/echo", .rate = 2}, &got[i], &exchange),
			0);
	assert_int_equal(fixture.limits.reached[LIMIT_REQUEST_RATE], 3);
	for (i = 0; i < 5; i++)
		await(&got[i].answers, 1);
	assert_true(clock_boot_usec() - since >= USEC_PER_SEC);
	/* The whole gateway's rate holds for all lanes. */
	fixture.limits.value[LIMIT_REQUEST_RATE] = 1;
	since = clock_boot_usec();
	for (i = 0; i < 3; i++)
		assert_return_code(
			ask(&(const struct ask){.path = "/echo"}, &got[i], &exchange), 0);
	for (i = 0; i < 3; i++)
		await(&got[i].answers, 1);
	assert_true(clock_boot_usec() - since >= USEC_PER_SEC);
}

static void cancelled_ones_say_nothing(void **state)
{
	struct http_exchange *exchange[3];
	struct got got[3], other;
	unsigned i;

	fixture.limits.value[LIMIT_REQUESTS] = 1;
	assert_null(http_cancel(NULL));
	for (i = 0; i < 3; i++)
		assert_return_code(
			ask(&(const struct ask){.path = "/slow"}, &got[i], &exchange[i]), 0);
	assert_null(http_cancel(exchange[1])); /* waits */
	assert_null(http_cancel(exchange[0])); /* under way: the next one starts */
	assert_null(http_cancel(exchange[2]));
	get(&(const struct ask){.path = "/echo"}, &other);
	assert_int_equal(other.status, 200);
	for (i = 0; i < 3; i++)
		assert_int_equal(got[i].answers, 0);
	/* What is left is dropped with the client. */
	assert_return_code(ask(&(const struct ask){.path = "/slow"}, &got[0], &exchange[0]), 0);
	assert_return_code(ask(&(const struct ask){.path = "/slow"}, &got[1], &exchange[1]), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent_arrives),
		TEST(status_and_retry_after),
		TEST(nobody_is_followed),
		TEST(a_knock),
		TEST(a_knock_past_the_proxy),
		TEST(chain_and_name_are_verified),
		TEST(what_is_too_large_is_cut_off),
		TEST(broken_answers),
		TEST(what_does_something_is_sent_once),
		TEST(slow_ones_end),
		TEST(a_proxy_gets_no_header_of_ours),
		TEST(headers_cannot_be_split),
		TEST(they_wait_in_line),
		TEST(they_come_one_after_the_other),
		TEST(cancelled_ones_say_nothing),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
