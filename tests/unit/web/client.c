/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of curl, one turn of the loop, until the answer is there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "client.h"

#define PATIENCE_USEC (60 * USEC_PER_SEC)
#define TURN_USEC     1000

static void make_curl(struct bench *bench)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/page.crt", bench->directory);
	bench->curl = curl_easy_init();
	assert_non_null(bench->curl);
	curl_easy_setopt(bench->curl, CURLOPT_CAINFO, path);
	curl_easy_setopt(bench->curl, CURLOPT_COOKIEFILE, "");
	curl_easy_setopt(bench->curl, CURLOPT_NOPROXY, "*");
}

int bench_begin(void **state)
{
	static const struct config_list addresses = {.item = {"127.0.0.1"}, .count = 1};
	static const struct config_list names = {.item = {"gate.example"}, .count = 1};
	struct bench *bench = calloc(1, sizeof(*bench));
	struct web_options options;
	char why[256] = "";

	assert_non_null(bench);
	strcpy(bench->directory, "/tmp/web-test-XXXXXX");
	assert_non_null(mkdtemp(bench->directory));
	snprintf(bench->control, sizeof(bench->control), "%s/control", bench->directory);
	assert_int_equal(sd_event_new(&bench->loop), 0);
	limits_init(&bench->limits);
	bench->api = (struct fake_api){.loop = bench->loop, .late = true, .set_up = true};
	options = (struct web_options){
		.addresses = &addresses,
		.names = &names,
		.gateway_id = "plant-7",
		.state_directory = bench->directory,
		.control_socket = bench->control,
		.limits = &bench->limits,
	};
	if (web_new(bench->loop, &options, fake_api_as_api(&bench->api), &bench->web, why,
		    sizeof(why)) < 0)
		fail_msg("%s", why);
	make_curl(bench);
	*state = bench;
	return 0;
}

void bench_stop(struct bench *bench)
{
	bench->web = web_free(bench->web);
}

int bench_end(void **state)
{
	struct bench *bench = *state;
	char path[96];

	curl_easy_cleanup(bench->curl);
	bench_stop(bench);
	fake_api_clear(&bench->api);
	sd_event_unref(bench->loop);
	snprintf(path, sizeof(path), "%s/page.crt", bench->directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/page.key", bench->directory);
	unlink(path);
	assert_int_equal(access(bench->control, F_OK), -1);
	assert_int_equal(rmdir(bench->directory), 0);
	free(bench->body);
	free(bench->header);
	free(bench);
	return 0;
}

static size_t append(const char *data, size_t size, char **text, size_t *length)
{
	char *more = realloc(*text, *length + size + 1);

	if (!more)
		return 0;
	memcpy(more + *length, data, size);
	*length += size;
	more[*length] = 0;
	*text = more;
	return size;
}

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
	struct bench *bench = userdata;

	return append(data, size * count, &bench->body, &bench->body_size);
}

static size_t on_header(char *data, size_t size, size_t count, void *userdata)
{
	struct bench *bench = userdata;

	return append(data, size * count, &bench->header, &bench->header_size);
}

static void forget_answer(struct bench *bench)
{
	free(bench->body);
	free(bench->header);
	bench->body = bench->header = NULL;
	bench->body_size = bench->header_size = 0;
	append("", 0, &bench->body, &bench->body_size);
	append("", 0, &bench->header, &bench->header_size);
}

static struct curl_slist *make_fields(const struct ask *ask)
{
	struct curl_slist *fields =
		curl_slist_append(NULL, ask->waits ? "Expect: 100-continue" : "Expect:");
	char type[96];

	if (ask->body) {
		snprintf(type, sizeof(type), "Content-Type: %s",
			ask->type ? ask->type : "application/x-www-form-urlencoded");
		fields = curl_slist_append(fields, type);
	}
	if (!ask->foreign)
		fields = curl_slist_append(fields, "Sec-Fetch-Site: same-origin");
	for (int i = 0; i < CLIENT_FIELDS && ask->field[i]; i++)
		fields = curl_slist_append(fields, ask->field[i]);
	return fields;
}

static void set_request(struct bench *bench, const struct ask *ask)
{
	char url[512];

	snprintf(url, sizeof(url), "%s://localhost:%u%s", ask->control ? "http" : "https",
		web_port(bench->web), ask->path);
	curl_easy_setopt(bench->curl, CURLOPT_URL, url);
	curl_easy_setopt(
		bench->curl, CURLOPT_UNIX_SOCKET_PATH, ask->control ? bench->control : NULL);
	/* The page stands on 127.0.0.1 alone; for a Unix socket curl wants no family. */
	curl_easy_setopt(bench->curl, CURLOPT_IPRESOLVE,
		ask->control ? CURL_IPRESOLVE_WHATEVER : CURL_IPRESOLVE_V4);
	curl_easy_setopt(bench->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(bench->curl, CURLOPT_HTTPGET, 1L);
	if (ask->body)
		curl_easy_setopt(bench->curl, CURLOPT_COPYPOSTFIELDS, ask->body);
	curl_easy_setopt(bench->curl, CURLOPT_CUSTOMREQUEST, ask->method);
	curl_easy_setopt(bench->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(bench->curl, CURLOPT_WRITEDATA, bench);
	curl_easy_setopt(bench->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(bench->curl, CURLOPT_HEADERDATA, bench);
}

/* CURLE_OK, or what went wrong on the wire. */
static CURLcode run(struct bench *bench)
{
	CURLM *multi = curl_multi_init();
	uint64_t end = clock_boot_usec() + PATIENCE_USEC;
	CURLcode result = CURLE_OPERATION_TIMEDOUT;
	int running = 1, left;

	curl_multi_add_handle(multi, bench->curl);
	while (running && clock_boot_usec() < end) {
		curl_multi_perform(multi, &running);
		sd_event_run(bench->loop, TURN_USEC);
	}
	for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
		if (message->msg == CURLMSG_DONE)
			result = message->data.result;
	curl_multi_remove_handle(multi, bench->curl);
	curl_multi_cleanup(multi);
	return result;
}

long bench_ask(struct bench *bench, const struct ask *ask)
{
	struct curl_slist *fields = make_fields(ask);
	CURLcode result;

	forget_answer(bench);
	set_request(bench, ask);
	curl_easy_setopt(bench->curl, CURLOPT_HTTPHEADER, fields);
	result = run(bench);
	bench->status = 0;
	curl_easy_getinfo(bench->curl, CURLINFO_RESPONSE_CODE, &bench->status);
	curl_slist_free_all(fields);
	if (result != CURLE_OK)
		fail_msg("%s: %s", ask->path, curl_easy_strerror(result));
	return bench->status;
}

long bench_get(struct bench *bench, const char *path)
{
	return bench_ask(bench, &(const struct ask){.path = path});
}

long bench_post(struct bench *bench, const char *path, const char *form)
{
	return bench_ask(bench, &(const struct ask){.path = path, .body = form});
}

void bench_log_in(struct bench *bench)
{
	assert_int_equal(bench_post(bench, "/login", "name=anna&password=nine+quiet+herons"), 303);
	assert_true(bench_field(bench, "Location: /waiting"));
}

bool bench_has(const struct bench *bench, const char *text)
{
	return strstr(bench->body, text) != NULL;
}

bool bench_field(const struct bench *bench, const char *line)
{
	const char *at = bench->header;
	size_t size = strlen(line);

	while ((at = strchr(at, '\n'))) {
		at++;
		if (strncasecmp(at, line, size) == 0 && (at[size] == '\r' || at[size] == ';'))
			return true;
	}
	return false;
}

const char *bench_token(const struct bench *bench, char ret_token[65])
{
	static const char mark[] = "name=\"csrf\" value=\"";
	const char *at = strstr(bench->body, mark);

	ret_token[0] = 0;
	if (at)
		snprintf(ret_token, 65, "%s", at + strlen(mark));
	return ret_token;
}

const char *bench_form(const struct bench *bench, const char *rest, char *ret_form, size_t capacity)
{
	char token[65];

	snprintf(ret_form, capacity, "csrf=%s&%s", bench_token(bench, token), rest);
	return ret_form;
}
