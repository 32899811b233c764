/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One request as a libcurl handle. What is verified and what is forbidden stands in one function;
 * the body and the header lines of an answer are counted while they come, and a larger one is cut
 * off. Buffers of ours that held a token are wiped before they are freed.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "uplink/http-parts.h"

static const struct {
	CURLcode code;
	int result;
	const char *why;
} failures[] = {
	{CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, "its name could not be resolved"},
	{CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH, "the proxy's name could not be resolved"},
	{CURLE_COULDNT_CONNECT, -ECONNREFUSED, "it could not be reached"},
	{CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, "it did not answer within 10 seconds"},
	{CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED,
		"its certificate is not trusted, not valid now, or for another name"},
	{CURLE_SSL_CACERT_BADFILE, -ENOENT, "the file of trust anchors cannot be read"},
	{CURLE_SSL_CONNECT_ERROR, -EPROTO, "TLS could not be agreed on"},
	{CURLE_GOT_NOTHING, -ECONNRESET, "it closed the connection without an answer"},
	{CURLE_RECV_ERROR, -ECONNRESET, "the connection broke"},
	{CURLE_SEND_ERROR, -ECONNRESET, "the connection broke"},
	{CURLE_PARTIAL_FILE, -ECONNRESET, "its answer was not complete"},
	{CURLE_UNSUPPORTED_PROTOCOL, -EPROTONOSUPPORT, "its address is not one of https"},
	{CURLE_WEIRD_SERVER_REPLY, -EPROTO, "its answer is no HTTP"},
};

/* ---- headers ---- */

struct curl_slist *http_header_add(struct curl_slist *headers, const char *name, struct span value)
{
	size_t length = strlen(name), size = length + 2 + value.size + 1;
	struct curl_slist *list = NULL;
	char *line = malloc(size);

	if (!line)
		return NULL;
	memcpy(line, name, length);
	memcpy(line + length, ": ", 2);
	memcpy(line + length + 2, value.data, value.size);
	line[size - 1] = '\0';
	list = curl_slist_append(headers, line);
	crypto_wipe(line, size);
	free(line);
	return list;
}

void http_headers_free(struct curl_slist *headers)
{
	struct curl_slist *one;

	for (one = headers; one; one = one->next)
		crypto_wipe(one->data, strlen(one->data));
	curl_slist_free_all(headers);
}

/* ---- the answer ---- */

static bool make_room(struct http_exchange *exchange, size_t size)
{
	size_t room = exchange->answer_room ? exchange->answer_room : 1024;
	uint8_t *answer;

	while (room < size)
		room *= 2;
	if (room == exchange->answer_room)
		return true;
	answer = malloc(room);
	if (!answer)
		return false;
	if (exchange->answer) {
		memcpy(answer, exchange->answer, exchange->answer_size);
		crypto_wipe(exchange->answer, exchange->answer_size);
		free(exchange->answer);
	}
	exchange->answer = answer;
	exchange->answer_room = room;
	return true;
}

static size_t too_large(struct http_exchange *exchange)
{
	struct limits *limits = exchange->http->limits;

	exchange->too_large = true;
	limits->reached[LIMIT_REQUEST_ANSWER]++;
	return 0;
}

static size_t on_body(char *data, size_t one, size_t count, void *userdata)
{
	struct http_exchange *exchange = userdata;

	if (count > exchange->http->limits->value[LIMIT_REQUEST_ANSWER] - exchange->answer_size)
		return too_large(exchange);
	if (!make_room(exchange, exchange->answer_size + count))
		return 0;
	memcpy(exchange->answer + exchange->answer_size, data, count);
	exchange->answer_size += count;
	return count;
}

static size_t on_header(char *data, size_t one, size_t count, void *userdata)
{
	struct http_exchange *exchange = userdata;

	exchange->header_bytes += count;
	return exchange->header_bytes > HTTP_HEADERS_MAX ? too_large(exchange) : count;
}

static void answer_failure(const struct http_exchange *exchange, struct http_answer *ret_answer)
{
	size_t i;

	*ret_answer =
		(struct http_answer){.result = -EIO, .why = curl_easy_strerror(exchange->code)};
	if (exchange->too_large) {
		ret_answer->result = -EMSGSIZE;
		ret_answer->why = "its answer is too large";
		return;
	}
	for (i = 0; i < ELEMENTS(failures); i++)
		if (failures[i].code == exchange->code) {
			ret_answer->result = failures[i].result;
			ret_answer->why = failures[i].why;
		}
}

void http_transfer_answer(const struct http_exchange *exchange, struct http_answer *ret_answer)
{
	curl_off_t after = 0;
	long status = 0;

	if (exchange->code != CURLE_OK) {
		answer_failure(exchange, ret_answer);
		return;
	}
	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &after);
	*ret_answer = (struct http_answer){
		.status = (int)status,
		.retry_after = after < 0		? 0
			       : after > HTTP_RETRY_MAX ? HTTP_RETRY_MAX
							: (uint32_t)after,
		.body = span_of(exchange->answer, exchange->answer_size),
	};
}

/* ---- the handle ---- */

#define SET(option, value)                                            \
	do {                                                          \
		if (code == CURLE_OK)                                 \
			code = curl_easy_setopt(easy, option, value); \
	} while (0)

/* Whom we talk to, and what is not done for whoever answers. */
static CURLcode set_trust(CURL *easy, const struct http_exchange *exchange)
{
	CURLcode code = CURLE_OK;

	SET(CURLOPT_PROTOCOLS_STR, exchange->knocks ? "https,http" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (exchange->ca_file[0]) {
		/* These and no others. */
		SET(CURLOPT_CAINFO, exchange->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (exchange->proxy[0])
		SET(CURLOPT_PROXY, exchange->proxy);
	if (exchange->direct)
		SET(CURLOPT_NOPROXY, "*");
	/* A proxy sees where we go, never with which token. */
	SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	return code;
}

static CURLcode set_transfer(CURL *easy, struct http_exchange *exchange)
{
	CURLcode code = CURLE_OK;

	SET(CURLOPT_URL, exchange->url);
	SET(CURLOPT_CUSTOMREQUEST, exchange->method);
	/* On a connection that was used before, libcurl sends a request again by itself when the
	 * end comes instead of an answer. RFC 9110 section 9.2.2: not one that does something. */
	SET(CURLOPT_FRESH_CONNECT, !strcmp(exchange->method, "POST") ? 1L : 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTPHEADER, exchange->headers);
	SET(CURLOPT_USERAGENT, "gatehouse/" GATEHOUSE_VERSION);
	if (exchange->body_size) {
		SET(CURLOPT_POSTFIELDSIZE, (long)exchange->body_size);
		SET(CURLOPT_POSTFIELDS, (const char *)exchange->body);
	}
	SET(CURLOPT_TIMEOUT, (long)HTTP_TIMEOUT_SECONDS);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* Nobody waits for a resolver thread that hangs. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, exchange);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, exchange);
	SET(CURLOPT_PRIVATE, exchange);
	return code;
}

/* A connection of its own, closed with its handle. What is behind it need not speak HTTP. */
static CURLcode set_knock(CURL *easy, const struct http_exchange *exchange)
{
	CURLcode code = CURLE_OK;

	if (!exchange->knocks)
		return code;
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
	return code;
}

int http_transfer_start(struct http_exchange *exchange)
{
	CURL *easy = curl_easy_init();
	CURLcode code;

	if (!easy)
		return -ENOMEM;
	code = set_trust(easy, exchange);
	if (code == CURLE_OK)
		code = set_transfer(easy, exchange);
	if (code == CURLE_OK)
		code = set_knock(easy, exchange);
	if (code != CURLE_OK || curl_multi_add_handle(exchange->http->multi, easy) != CURLM_OK) {
		curl_easy_cleanup(easy);
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
	}
	exchange->easy = easy;
	return 0;
}

void http_transfer_stop(struct http_exchange *exchange)
{
	if (exchange->easy) {
		curl_multi_remove_handle(exchange->http->multi, exchange->easy);
		curl_easy_cleanup(exchange->easy);
		exchange->easy = NULL;
	}
	if (exchange->answer)
		crypto_wipe(exchange->answer, exchange->answer_size);
	free(exchange->answer);
	exchange->answer = NULL;
}
