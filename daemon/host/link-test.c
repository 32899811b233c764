/* SPDX-License-Identifier: Apache-2.0 */

#include "host/link-test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/token.h"
#include "host/journal.h"
#include "host/network-host.h"
#include "host/platform-host.h"

#define WAITING_MAX 8
#define SAME_USEC   (5 * USEC_PER_SEC)

struct link_test {
	struct host *host;
	struct api_test last, now;
	uint64_t begun_usec, ended_usec; /* boot time */
	unsigned open;			 /* targets of 'now' that did not answer yet */
	bool ended;			 /* there is a last one */
	struct knock {
		struct link_test *link_test;
		struct api_target *target;
		struct http_exchange *exchange;
	} knock[API_TARGETS_MAX];
	struct {
		api_test_fn done;
		void *userdata;
	} waiting[WAITING_MAX];
	unsigned waiting_count;
};

static void tell_all(struct link_test *link_test, int result)
{
	unsigned count = link_test->waiting_count;

	link_test->waiting_count = 0;
	for (unsigned i = 0; i < count; i++)
		link_test->waiting[i].done(
			link_test->waiting[i].userdata, result, &link_test->last);
}

static void end(struct link_test *link_test)
{
	link_test->now.time = clock_wall_msec();
	link_test->last = link_test->now;
	link_test->ended = true;
	link_test->ended_usec = clock_boot_usec();
	host_touch(link_test->host);
	tell_all(link_test, 0);
}

static void on_answer(void *userdata, const struct http_answer *answer)
{
	struct knock *knock = userdata;
	struct link_test *link_test = knock->link_test;

	knock->exchange = NULL;
	knock->target->result = answer->result;
	knock->target->why = answer->why ? answer->why : "";
	knock->target->usec = clock_boot_usec() - link_test->begun_usec;
	if (--link_test->open == 0)
		end(link_test);
}

/* ---- where to ---- */

static struct api_target *target_for(struct api_test *test, const char *host, uint16_t port)
{
	for (unsigned i = 0; i < test->count; i++)
		if (test->target[i].port == port && !strcmp(test->target[i].host, host))
			return &test->target[i];
	if (test->count == API_TARGETS_MAX)
		return NULL;
	snprintf(test->target[test->count].host, sizeof(test->target[0].host), "%s", host);
	test->target[test->count].port = port;
	return &test->target[test->count++];
}

static void add_target(void *userdata, const char *platform)
{
	struct link_test *link_test = userdata;
	const struct config *config = link_test->host->config;
	struct api_target *target;
	const char *host;
	uint16_t port;
	size_t used;

	network_place(link_test->host, platform, &host, &port);
	target = host[0] ? target_for(&link_test->now, host, port) : NULL;
	if (!target)
		return;
	used = strlen(target->platforms);
	snprintf(target->platforms + used, sizeof(target->platforms) - used, "%s%s",
		used ? " " : "", platform);
	target->shared = host == config->mqtt_host;
	target->tls = !target->shared || config->mqtt_tls;
}

/* The gateway's own broker, also when no platform of the configuration goes by it. */
static void add_broker(struct link_test *link_test)
{
	const struct config *config = link_test->host->config;
	struct api_target *target =
		config->mqtt_host[0]
			? target_for(&link_test->now, config->mqtt_host, config->mqtt_port)
			: NULL;

	if (!target)
		return;
	target->shared = true;
	target->tls = config->mqtt_tls;
}

/* ---- knocking ---- */

static int knock(struct link_test *link_test, unsigned index)
{
	struct api_target *target = &link_test->now.target[index];
	struct knock *knock = &link_test->knock[index];
	bool bare = strchr(target->host, ':') != NULL;
	bool http = strstr(target->platforms, TOKEN_KIND_SPOTFLOW) != NULL;
	struct platform_place place;
	char first[17], url[300];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(target->platforms, " "),
		target->platforms);
	platform_place_of(link_test->host, target->shared ? TOKEN_KIND_MQTT : first, &place);
	snprintf(url, sizeof(url), "%s://%s%s%s:%u/", target->tls ? "https" : "http",
		bare ? "[" : "", target->host, bare ? "]" : "", target->port);
	*knock = (struct knock){.link_test = link_test, .target = target};
	return http_send(link_test->host->http,
		&(const struct http_request){.method = "GET",
			.url = url,
			.ca_file = place.ca_file,
			.proxy = http ? place.proxy : "",
			.lane = "test",
			.knocks = true,
			.direct = !http},
		on_answer, knock, &knock->exchange);
}

static void begin(struct link_test *link_test)
{
	link_test->now = (struct api_test){.time = 0};
	network_platforms(link_test->host, add_target, link_test);
	add_broker(link_test);
	link_test->begun_usec = clock_boot_usec();
	/* None of them is told before all are on their way. */
	link_test->open = link_test->now.count;
	for (unsigned i = 0; i < link_test->now.count; i++) {
		int r = knock(link_test, i);

		if (r >= 0)
			continue;
		link_test->now.target[i].result = r;
		link_test->now.target[i].why = "the gateway has too much to ask at the moment";
		link_test->open--;
	}
	if (link_test->open == 0)
		end(link_test);
}

void link_test_run(struct host *host, api_test_fn done, void *userdata)
{
	struct link_test *link_test = host->link_test;

	if (!link_test && host->http)
		link_test = host->link_test = calloc(1, sizeof(*link_test));
	if (!link_test || host->stopping) {
		done(userdata, -EAGAIN, NULL);
		return;
	}
	link_test->host = host;
	if (link_test->waiting_count == WAITING_MAX) {
		done(userdata, -EBUSY, NULL);
		return;
	}
	link_test->waiting[link_test->waiting_count].done = done;
	link_test->waiting[link_test->waiting_count++].userdata = userdata;
	if (link_test->open > 0)
		return;
	if (link_test->ended && clock_boot_usec() - link_test->ended_usec < SAME_USEC)
		tell_all(link_test, 0);
	else
		begin(link_test);
}

const struct api_test *link_test_last(const struct host *host)
{
	return host->link_test && host->link_test->ended ? &host->link_test->last : NULL;
}

struct link_test *link_test_free(struct link_test *link_test)
{
	if (!link_test)
		return NULL;
	for (unsigned i = 0; i < API_TARGETS_MAX; i++)
		http_cancel(link_test->knock[i].exchange);
	tell_all(link_test, -ECANCELED);
	free(link_test);
	return NULL;
}
