/* SPDX-License-Identifier: Apache-2.0 */
/* Live streams: what is told and when, who may listen, how many, and how they end. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "web/stream.h"

static uint64_t later_usec; /* how far the test is ahead of the clock */

uint64_t __real_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void)
{
	return __real_clock_boot_usec() + later_usec;
}

/* Delays are short here, and the clock is what the test says. */
int __real_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description);
int __wrap_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description);
int __wrap_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description)
{
	return __real_loop_timer_set(
		loop, source, delay_usec / 100, handler, userdata, description);
}

/* A client that listens: with the cookies of the bench. */
struct ear {
	CURL *curl;
	CURLM *multi;
	struct bench *bench;
	char text[4096];
	size_t size;
	bool deaf; /* takes nothing */
};

static size_t on_bytes(char *data, size_t size, size_t count, void *userdata)
{
	struct ear *ear = userdata;

	if (ear->deaf)
		return CURL_WRITEFUNC_PAUSE;
	assert_true(ear->size + count < sizeof(ear->text));
	memcpy(ear->text + ear->size, data, count);
	ear->size += count;
	ear->text[ear->size] = 0;
	return size * count;
}

static void take_cookies(struct bench *bench, CURL *curl)
{
	struct curl_slist *cookies = NULL;

	curl_easy_setopt(curl, CURLOPT_COOKIEFILE, "");
	curl_easy_getinfo(bench->curl, CURLINFO_COOKIELIST, &cookies);
	for (struct curl_slist *one = cookies; one; one = one->next)
		curl_easy_setopt(curl, CURLOPT_COOKIELIST, one->data);
	curl_slist_free_all(cookies);
}

static void ear_open(struct bench *bench, struct ear *ear, bool control)
{
	char url[128], path[96];

	*ear = (struct ear){.curl = curl_easy_init(), .multi = curl_multi_init(), .bench = bench};
	assert_non_null(ear->curl);
	take_cookies(bench, ear->curl);
	snprintf(path, sizeof(path), "%s/page.crt", bench->directory);
	curl_easy_setopt(ear->curl, CURLOPT_CAINFO, path);
	curl_easy_setopt(ear->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(ear->curl, CURLOPT_IPRESOLVE,
		control ? CURL_IPRESOLVE_WHATEVER : CURL_IPRESOLVE_V4);
	snprintf(url, sizeof(url), "%s://localhost:%u/api/v1/events", control ? "http" : "https",
		web_port(bench->web));
	curl_easy_setopt(ear->curl, CURLOPT_URL, url);
	curl_easy_setopt(ear->curl, CURLOPT_UNIX_SOCKET_PATH, control ? bench->control : NULL);
	curl_easy_setopt(ear->curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(ear->curl, CURLOPT_WRITEDATA, ear);
	curl_multi_add_handle(ear->multi, ear->curl);
}

static bool ear_turn(struct ear *ear)
{
	int running = 0;

	curl_multi_perform(ear->multi, &running);
	sd_event_run(ear->bench->loop, 1000);
	return running > 0;
}

static long ear_status(struct ear *ear)
{
	long status = 0;

	curl_easy_getinfo(ear->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Until it has heard that; what it has heard is forgotten. */
static void ear_hears(struct ear *ear, const char *what)
{
	for (int i = 0; i < 20000 && !strstr(ear->text, what); i++)
		ear_turn(ear);
	if (!strstr(ear->text, what))
		fail_msg("did not hear \"%s\", but \"%s\"", what, ear->text);
	ear->size = 0;
	ear->text[0] = 0;
}

static void ear_ends(struct ear *ear)
{
	for (int i = 0; i < 20000; i++)
		if (!ear_turn(ear))
			return;
	fail_msg("the stream goes on");
}

static void ear_close(struct ear *ear)
{
	curl_multi_remove_handle(ear->multi, ear->curl);
	curl_easy_cleanup(ear->curl);
	curl_multi_cleanup(ear->multi);
}

static void news(struct bench *bench, enum api_news kind)
{
	bench->api.revision++;
	bench->api.news(bench->api.news_userdata, kind);
}

/* The hub looks at the clock when it wakes up: news wakes it. */
static void pass(struct bench *bench, uint64_t usec)
{
	later_usec += usec;
	news(bench, API_NEWS_TRAFFIC);
}

static void test_news(void **state)
{
	struct bench *bench = *state;
	struct ear ear;

	bench_log_in(bench);
	ear_open(bench, &ear, false);
	bench->api.revision = 7;
	ear_hears(&ear, "event: state\ndata: 7\n\nevent: left\ndata: 8");
	assert_int_equal(ear_status(&ear), 200);
	/* A burst is one event. */
	for (int i = 0; i < 50; i++)
		news(bench, API_NEWS_STATE);
	ear_hears(&ear, "event: state\ndata: 57\n\n");
	for (int i = 0; i < 50; i++)
		ear_turn(&ear);
	assert_int_equal(ear.size, 0);
	news(bench, API_NEWS_TRAFFIC);
	ear_hears(&ear, "event: traffic\ndata: 58\n\n");
	/* With nothing to say there is a beat, with the time that the session has left. */
	pass(bench, 100 * USEC_PER_SEC);
	ear_hears(&ear, "event: left\ndata: 7");
	ear_close(&ear);
	later_usec = 0;
}

static void test_who_may_listen(void **state)
{
	struct bench *bench = *state;
	struct ear ear;

	assert_int_equal(bench_get(bench, "/api/v1/events"), 401);
	ear_open(bench, &ear, true);
	ear_hears(&ear, "event: state");
	news(bench, API_NEWS_STATE);
	ear_hears(&ear, "event: state");
	pass(bench, 20 * USEC_PER_SEC);
	ear_hears(&ear, ":\n\n");
	ear_close(&ear);
	later_usec = 0;
}

/* It does not put the end of the session off, and ends with it. */
static void test_ends_with_its_session(void **state)
{
	struct bench *bench = *state;
	struct ear ear;

	bench_log_in(bench);
	ear_open(bench, &ear, false);
	ear_hears(&ear, "event: left");
	pass(bench, SESSION_IDLE_USEC - 10 * USEC_PER_SEC);
	ear_hears(&ear, "event: left");
	pass(bench, 20 * USEC_PER_SEC);
	ear_ends(&ear);
	ear_close(&ear);
	later_usec = 0;

	bench_log_in(bench);
	ear_open(bench, &ear, false);
	ear_hears(&ear, "event: left");
	web_end_sessions(bench->web, FAKE_NAME);
	ear_ends(&ear);
	ear_close(&ear);
}

static void test_limits(void **state)
{
	struct bench *bench = *state;
	struct ear ear[4], late;

	bench->limits.value[LIMIT_STREAMS_SESSION] = 3;
	bench->limits.value[LIMIT_STREAMS_WEB] = 4;
	bench_log_in(bench);
	for (int i = 0; i < 3; i++) {
		ear_open(bench, &ear[i], false);
		ear_hears(&ear[i], "event: state");
	}
	assert_int_equal(bench_get(bench, "/api/v1/events"), 429);
	assert_true(bench_has(bench, "too-many"));
	assert_int_equal(bench->limits.reached[LIMIT_STREAMS_SESSION], 1);
	ear_open(bench, &ear[3], true);
	ear_hears(&ear[3], "event: state");
	assert_int_equal(
		bench_ask(bench, &(const struct ask){.path = "/api/v1/events", .control = true}),
		429);
	assert_int_equal(bench->limits.reached[LIMIT_STREAMS_WEB], 1);
	/* A place is free again as soon as it is noticed that somebody left. */
	ear_close(&ear[0]);
	for (int i = 0; i < 50; i++)
		ear_turn(&ear[1]);
	ear_open(bench, &late, false);
	ear_hears(&late, "event: state");
	ear_close(&late);
	for (int i = 1; i < 4; i++)
		ear_close(&ear[i]);
	later_usec = 0;
}

/* Nothing piles up for who does not read: in the end he is cut, and others go on. */
static void test_slow_reader(void **state)
{
	struct bench *bench = *state;
	struct ear slow, quick;

	ear_open(bench, &slow, true);
	ear_hears(&slow, "event: state");
	ear_open(bench, &quick, true);
	ear_hears(&quick, "event: state");
	slow.deaf = true;
	curl_easy_pause(slow.curl, CURLPAUSE_RECV);
	/* The kernel holds some, then the library waits, then it is over. */
	for (int i = 0; i < 100000 && bench->limits.reached[LIMIT_STREAMS_WEB] == 0; i++) {
		later_usec += USEC_PER_SEC;
		news(bench, API_NEWS_STATE);
		ear_turn(&quick);
		quick.size = 0;
	}
	assert_int_equal(bench->limits.reached[LIMIT_STREAMS_WEB], 1);
	quick.text[0] = 0;
	news(bench, API_NEWS_STATE);
	ear_hears(&quick, "event: state");
	ear_close(&slow);
	ear_close(&quick);
	later_usec = 0;
}

static void test_stops_with_listeners(void **state)
{
	struct bench *bench = *state;
	struct ear ear;

	bench_log_in(bench);
	ear_open(bench, &ear, false);
	ear_hears(&ear, "event: state");
	bench_stop(bench);
	assert_null(bench->api.news);
	ear_close(&ear);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_news, bench_begin, bench_end),
		cmocka_unit_test_setup_teardown(test_who_may_listen, bench_begin, bench_end),
		cmocka_unit_test_setup_teardown(test_ends_with_its_session, bench_begin, bench_end),
		cmocka_unit_test_setup_teardown(test_limits, bench_begin, bench_end),
		cmocka_unit_test_setup_teardown(test_slow_reader, bench_begin, bench_end),
		cmocka_unit_test_setup_teardown(test_stops_with_listeners, bench_begin, bench_end),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
