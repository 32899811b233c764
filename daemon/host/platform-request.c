/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The requests of platform drivers. A request is kept with the step that asked for it and goes out
 * when that step is on disk; its answer goes to the driver with the next call of the same work of
 * the same operation, and to nobody else: what a person decided meanwhile has made it void. One
 * request of a device is under way at a time. After a restart there is none, and the driver begins
 * its step again from its blob.
 */

#include "host/host.h"
#include "host/platform-host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/log.h"
#include "host/platform-ask.h"
#include "host/platform-dial.h"

struct platform_reply {
	enum platform_work work;
	uint64_t operation;
	int result, status;
	uint32_t retry_after;
	char topic[PLATFORM_ANSWER_TOPIC_MAX + 1];
	struct secret body;
};

static void reply_free(struct device_host *part)
{
	if (part->reply)
		secret_clear(&part->reply->body);
	free(part->reply);
	part->reply = NULL;
}

static void request_free(struct device_host *part)
{
	if (part->request)
		platform_request_clear(part->request);
	free(part->request);
	part->request = NULL;
}

void platform_request_drop(struct device_host *part)
{
	request_free(part);
	reply_free(part);
	part->exchange = http_cancel(part->exchange);
	part->ask = platform_ask_cancel(part->ask);
	part->dial = platform_dial_cancel(part->dial);
}

int platform_request_keep(struct device_host *part, struct platform_request *request)
{
	request_free(part);
	part->request = malloc(sizeof(*part->request));
	if (!part->request)
		return -ENOMEM;
	*part->request = *request;
	crypto_wipe(request, sizeof(*request));
	return 0;
}

static void on_answer(void *userdata, const struct http_answer *answer)
{
	struct device_host *part = userdata;

	part->exchange = NULL;
	part->reply->result = answer->result;
	part->reply->status = answer->status;
	part->reply->retry_after = answer->retry_after;
	if (answer->result < 0)
		log_device(LOG_NOTICE, part->device->record->id, "The platform %s: %s.",
			part->device->record->platform, answer->why);
	if (secret_set(&part->reply->body, answer->body) < 0)
		part->reply->result = -ENOMEM;
	platform_host_answered(part);
}

static void on_asked(void *userdata, int result, struct span body)
{
	struct device_host *part = userdata;

	part->ask = NULL;
	part->reply->result = result;
	if (result < 0)
		log_device(LOG_NOTICE, part->device->record->id,
			"The broker did not answer what its platform asked: %s.",
			strerror(-result));
	if (result >= 0 && secret_set(&part->reply->body, body) < 0)
		part->reply->result = -ENOMEM;
	platform_host_answered(part);
}

static void on_dialled(void *userdata, const struct platform_dialled *answer)
{
	struct device_host *part = userdata;

	part->dial = NULL;
	part->reply->result = answer->result;
	snprintf(part->reply->topic, sizeof(part->reply->topic), "%s", answer->topic);
	if (answer->result < 0)
		log_device(LOG_NOTICE, part->device->record->id, "The platform %s: %s.",
			part->device->record->platform, answer->why);
	if (secret_set(&part->reply->body, answer->body) < 0)
		part->reply->result = -ENOMEM;
	platform_host_answered(part);
}

static int dial(struct device_host *part, const struct platform_request *request)
{
	const char *platform = part->device->record->platform;
	const struct platform_driver *driver = platform_driver_by_name(platform);
	struct platform_place place;

	platform_place_of(part->host, platform, &place);
	return platform_dial_send(part->host,
		&(const struct platform_dialling){
			.request = request,
			.ca_file = place.ca_file,
			.lane = platform,
			.lane_rate = driver ? driver->describe()->requests_per_second : 0,
			.owner = part->device->record->row,
		},
		on_dialled, part, &part->dial);
}

static int send_request(struct device_host *part)
{
	const struct device_record *record = part->device->record;
	const struct platform_request *request = part->request;
	const struct platform_driver *driver = platform_driver_by_name(record->platform);
	struct http_header header[ELEMENTS(request->header)];
	struct platform_place place;
	size_t i;

	if (request->transport == PLATFORM_MQTT && request->dial.host[0])
		return dial(part, request);
	if (request->transport == PLATFORM_MQTT)
		return platform_ask_send(part->host, request, on_asked, part, &part->ask);
	platform_place_of(part->host, record->platform, &place);
	for (i = 0; i < request->header_count; i++)
		header[i] = (struct http_header){
			request->header[i].name, span_from_string(request->header[i].value)};
	return http_send(part->host->http,
		&(const struct http_request){
			.method = request->method,
			.url = request->url,
			.headers = header,
			.header_count = request->header_count,
			.body = secret_span(&request->body),
			.content_type = "application/json",
			.ca_file = place.ca_file,
			.proxy = place.proxy,
			.lane = record->platform,
			.lane_rate = driver ? driver->describe()->requests_per_second : 0,
		},
		on_answer, part, &part->exchange);
}

bool platform_request_send(struct device_host *part, enum platform_work work)
{
	int r;

	reply_free(part);
	part->reply = calloc(1, sizeof(*part->reply));
	r = part->reply ? send_request(part) : -ENOMEM;
	request_free(part);
	if (r < 0) {
		log_device(LOG_WARNING, part->device->record->id,
			"Its request to the platform could not be sent: %s.", strerror(-r));
		reply_free(part);
		return false;
	}
	part->reply->work = work;
	part->reply->operation = part->device->record->life.operation_number;
	return true;
}

void platform_request_answer(
	struct device_host *part, enum platform_work work, struct platform_answer *ret_answer)
{
	const struct platform_reply *reply = part->reply;

	*ret_answer = (struct platform_answer){.present = false};
	if (!reply || part->exchange || part->ask || part->dial || reply->work != work ||
		reply->operation != part->device->record->life.operation_number)
		return;
	*ret_answer = (struct platform_answer){
		.present = true,
		.result = reply->result,
		.status = reply->status,
		.retry_after = reply->retry_after,
		.topic = reply->topic,
		.body = secret_span(&reply->body),
	};
}
