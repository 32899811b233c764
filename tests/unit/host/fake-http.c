/* SPDX-License-Identifier: Apache-2.0 */

/* Requests to platforms: kept until the test answers. */

#include "fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

struct http_exchange fake_http[64];
size_t fake_http_count;
int fake_http_result;

void http_reset(void)
{
	fake_http_count = 0;
	fake_http_result = 0;
}

int http_send(struct http *http, const struct http_request *request, http_done_fn done,
	void *userdata, struct http_exchange **ret)
{
	struct http_exchange *exchange;

	if (fake_http_result < 0)
		return fake_http_result;
	assert_true(fake_http_count < ELEMENTS(fake_http));
	exchange = &fake_http[fake_http_count++];
	*exchange = (struct http_exchange){.done = done, .userdata = userdata};
	snprintf(exchange->method, sizeof(exchange->method), "%s", request->method);
	snprintf(exchange->url, sizeof(exchange->url), "%s", request->url);
	*ret = exchange;
	return 0;
}

struct http_exchange *http_cancel(struct http_exchange *exchange)
{
	if (exchange) {
		assert_false(exchange->over);
		exchange->over = true;
		exchange->cancelled = true;
	}
	return NULL;
}

static struct http_exchange *oldest(void)
{
	for (size_t i = 0; i < fake_http_count; i++)
		if (!fake_http[i].over)
			return &fake_http[i];
	return NULL;
}

size_t http_waiting(void)
{
	size_t count = 0;

	for (size_t i = 0; i < fake_http_count; i++)
		count += !fake_http[i].over;
	return count;
}

void http_answer(int result, int status, uint32_t retry_after, const char *body)
{
	struct http_exchange *exchange = oldest();

	assert_non_null(exchange);
	exchange->over = true;
	exchange->done(exchange->userdata, &(const struct http_answer){.result = result,
						   .status = status,
						   .retry_after = retry_after,
						   .body = span_from_string(body),
						   .why = result < 0 ? "the test says so" : NULL});
}
