/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP over the Unix socket by libcurl, one call at a time. The answer is read up to a limit; no
 * proxy, no redirect, no other protocol. Whether the socket can be reached is asked of the kernel
 * first, because libcurl only says that it could not connect.
 */

#include "ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define ANSWER_MAX   (8 * 1024 * 1024)
#define TIMEOUT_MSEC 60000L

struct client {
	const char *socket;
	CURL *curl;
	char *answer;
	size_t size;
	char why[512];
};

int client_new(const char *socket, struct client **ret)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->socket = socket;
	client->curl = curl_easy_init();
	if (!client->curl) {
		free(client);
		return -EIO;
	}
	*ret = client;
	return 0;
}

static void wipe(char *text)
{
	if (text)
		crypto_wipe(text, strlen(text));
	free(text);
}

static void answer_clear(struct client *client)
{
	if (client->answer)
		crypto_wipe(client->answer, client->size);
	free(client->answer);
	client->answer = NULL;
	client->size = 0;
}

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	answer_clear(client);
	curl_easy_cleanup(client->curl);
	free(client);
	return NULL;
}

static size_t take_answer(char *data, size_t unit, size_t count, void *userdata)
{
	struct client *client = userdata;
	size_t size = unit * count;
	char *answer;

	if (client->size + size > ANSWER_MAX)
		return 0;
	answer = realloc(client->answer, client->size + size + 1);
	if (!answer)
		return 0;
	memcpy(answer + client->size, data, size);
	client->answer = answer;
	client->size += size;
	return size;
}

static int try_socket(struct client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(cleanup_close) int fd = -EBADF;

	if (strlen(client->socket) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, client->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

static void explain(struct client *client, int error)
{
	const char *remedy = "";

	if (error == -ENOENT || error == -ECONNREFUSED)
		remedy = " Is gatehoused running? (systemctl status gatehoused; another path: "
			 "--socket)";
	else if (error == -EACCES || error == -EPERM)
		remedy = " Run this as root or as a member of the group gatehouse.";
	snprintf(client->why, sizeof(client->why), "%.200s: %s.%s", client->socket,
		strerror(-error), remedy);
}

static CURLcode perform(struct client *client, const char *method, const char *url,
	const char *body, struct curl_slist *headers)
{
	CURL *curl = client->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MSEC);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "gatehousectl/" GATEHOUSE_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	}
	if (strcmp(method, "GET"))
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	return curl_easy_perform(curl);
}

static int parse_answer(struct client *client, json_t **ret_answer)
{
	json_t *answer = json_loadb(
		client->answer ? client->answer : "", client->size, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(answer)) {
		json_decref(answer);
		snprintf(client->why, sizeof(client->why),
			"%.200s: what answers there is not gatehoused.", client->socket);
		return -EBADMSG;
	}
	*ret_answer = answer;
	return 0;
}

int client_call(struct client *client, const char *method, const char *path, json_t *body,
	long *ret_status, json_t **ret_answer)
{
	char *text = body		     ? json_dumps(body, JSON_COMPACT)
		     : strcmp(method, "GET") ? strdup("{}")
					     : NULL;
	struct curl_slist *headers =
		text ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
	char url[512];
	CURLcode code = CURLE_OUT_OF_MEMORY;
	int r = try_socket(client);

	snprintf(url, sizeof(url), "http://localhost%s", path);
	answer_clear(client);
	if (r < 0)
		explain(client, r);
	else if (!strcmp(method, "GET") || (text && headers))
		code = perform(client, method, url, text, headers);
	curl_slist_free_all(headers);
	wipe(text);
	if (r < 0)
		return r;
	if (code != CURLE_OK) {
		snprintf(client->why, sizeof(client->why), "%.200s: %s.", client->socket,
			curl_easy_strerror(code));
		return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, ret_status);
	return parse_answer(client, ret_answer);
}

const char *client_why(const struct client *client)
{
	return client->why;
}

char *client_path(struct client *client, const char *before, const char *segment, const char *after)
{
	char *escaped = curl_easy_escape(client->curl, segment, 0);
	char *path = NULL;

	if (escaped && asprintf(&path, "%s%s%s", before, escaped, after) < 0)
		path = NULL;
	curl_free(escaped);
	return path;
}
