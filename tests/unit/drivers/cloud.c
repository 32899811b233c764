/* SPDX-License-Identifier: Apache-2.0 */

#include "cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BASE "https://platform.example:8443/"

static void time_text(int64_t msec, char ret[40])
{
	time_t seconds = (time_t)(msec / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret + n, 40 - n, ".%03dZ", (int)(msec % 1000));
}

static void member(const struct platform_request *request, const char *key, char ret[24])
{
	json_error_t error;
	json_t *body = json_loadb((const char *)request->body.data, request->body.size,
		JSON_REJECT_DUPLICATES, &error);
	const char *text = json_string_value(json_object_get(body, key));

	snprintf(ret, 24, "%s", text ? text : "");
	json_decref(body);
}

static bool carries(const struct platform_request *request, const char *authorization)
{
	assert_int_equal(request->header_count, 1);
	assert_string_equal(request->header[0].name, "Authorization");
	return !strcmp(request->header[0].value, authorization);
}

static struct cloud_token *token_find(struct cloud *cloud, const char *text)
{
	for (unsigned i = 0; i < cloud->tokens; i++)
		if (!strcmp(cloud->token[i].text, text))
			return &cloud->token[i];
	return NULL;
}

static bool is_good(const struct cloud *cloud, const struct cloud_token *token)
{
	return token && !cloud->deleted && token->state != CLOUD_REVOKED &&
	       (!token->expires || *cloud->now < token->expires);
}

bool cloud_takes(const struct cloud *cloud, struct span token)
{
	char text[24] = "";

	if (token.size >= sizeof(text))
		return false;
	memcpy(text, token.data, token.size);
	return is_good(cloud, token_find((struct cloud *)(uintptr_t)cloud, text));
}

void cloud_revoke_all(struct cloud *cloud)
{
	for (unsigned i = 0; i < cloud->tokens; i++)
		cloud->token[i].state = CLOUD_REVOKED;
}

struct cloud_operation *cloud_newest(struct cloud *cloud)
{
	return cloud->operations ? &cloud->operation[cloud->operations - 1] : NULL;
}

static int token_new(struct cloud *cloud, int parent)
{
	struct cloud_token *token;

	if (cloud->tokens == CLOUD_TOKENS) { /* the oldest are long dead */
		memmove(cloud->token, cloud->token + CLOUD_TOKENS / 2, sizeof(cloud->token) / 2);
		cloud->tokens = CLOUD_TOKENS / 2;
		for (unsigned i = 0; i < cloud->tokens; i++) {
			cloud->token[i].parent -= CLOUD_TOKENS / 2;
			cloud->token[i].parent =
				cloud->token[i].parent < 0 ? -1 : cloud->token[i].parent;
		}
		parent -= parent >= CLOUD_TOKENS / 2 ? CLOUD_TOKENS / 2 : 0;
	}
	token = &cloud->token[cloud->tokens++];
	*token = (struct cloud_token){.parent = parent,
		.expires = cloud->token_life ? *cloud->now + cloud->token_life : 0};
	snprintf(token->text, sizeof(token->text), "RT-%u", ++cloud->all_tokens);
	return (int)cloud->tokens - 1;
}

static void answer_token(
	const struct cloud *cloud, int index, int status, struct cloud_answer *answer)
{
	const struct cloud_token *token = &cloud->token[index];
	char time[40], quoted[44] = "null";

	if (token->expires) {
		time_text(token->expires, time);
		snprintf(quoted, sizeof(quoted), "\"%s\"", time);
	}
	answer->status = status;
	snprintf(answer->body, sizeof(answer->body),
		"{\"registrationToken\":\"%s\",\"expirationTime\":%s}", token->text, quoted);
}

static void init(
	struct cloud *cloud, const struct platform_request *request, struct cloud_answer *answer)
{
	struct cloud_operation *operation;
	char time[40];

	cloud->inits++;
	if (!carries(request, "DeviceToken " CLOUD_PT) || cloud->pt_revoked) {
		answer->status = 401;
		return;
	}
	if (cloud->operations == CLOUD_OPERATIONS) {
		memmove(cloud->operation, cloud->operation + 1,
			sizeof(cloud->operation) - sizeof(cloud->operation[0]));
		cloud->operations--;
	}
	operation = &cloud->operation[cloud->operations++];
	*operation = (struct cloud_operation){.expires = *cloud->now + 600000};
	snprintf(operation->id, sizeof(operation->id), "op-%u", ++cloud->all_operations);
	snprintf(operation->code, sizeof(operation->code), "code-%u", cloud->all_operations);
	time_text(operation->expires, time);
	answer->status = 201;
	snprintf(answer->body, sizeof(answer->body),
		"{\"provisioningOperationId\":\"%s\",\"verificationCode\":\"%s\","
		"\"expirationTime\":\"%s\"}",
		operation->id, operation->code, time);
}

static struct cloud_operation *operation_find(struct cloud *cloud, const char *id)
{
	for (unsigned i = 0; i < cloud->operations; i++)
		if (!strcmp(cloud->operation[i].id, id))
			return &cloud->operation[i];
	return NULL;
}

static void complete(
	struct cloud *cloud, const struct platform_request *request, struct cloud_answer *answer)
{
	struct cloud_operation *operation;

	cloud->completes++;
	member(request, "provisioningOperationId", cloud->completed);
	operation = operation_find(cloud, cloud->completed);
	if (!carries(request, "DeviceToken " CLOUD_PT) || cloud->pt_revoked) {
		answer->status = 401;
	} else if (!operation) {
		answer->status = 404;
	} else if (operation->state == CLOUD_APPROVED) {
		/* Each call makes what the one before returned void. */
		cloud_revoke_all(cloud);
		answer_token(cloud, token_new(cloud, -1), 200, answer);
	} else if (operation->state == CLOUD_CANCELLED) {
		answer->status = 410;
		snprintf(answer->body, sizeof(answer->body),
			"{\"type\":\"/problems/deviceProvisioning/"
			"provisioningOperationCancelled\"}");
	} else if (operation->state == CLOUD_CLOSED || *cloud->now >= operation->expires) {
		answer->status = 410;
		snprintf(answer->body, sizeof(answer->body), "{\"type\":\"/problems/other\"}");
	} else {
		answer->status = 202;
	}
}

static void registering(
	struct cloud *cloud, const struct platform_request *request, struct cloud_answer *answer)
{
	const char *value = request->header[0].value;
	struct cloud_token *token;
	char time[40];

	cloud->registers++;
	assert_int_equal(strncmp(value, "DeviceToken ", 12), 0);
	snprintf(cloud->registered, sizeof(cloud->registered), "%s", value + 12);
	token = token_find(cloud, cloud->registered);
	if (!is_good(cloud, token)) {
		answer->status = 401;
		return;
	}
	time_text(*cloud->now + cloud->sas_life, time);
	answer->status = 200;
	snprintf(answer->body, sizeof(answer->body),
		"{\"connectionString\":\"HostName=hub.example;DeviceId=" CLOUD_DEVICE
		";SharedAccessSignature=SharedAccessSignature sr=x&sig=SAS-%s&se=1\","
		"\"iotHubHostName\":\"hub.example\",\"connectionStringType\":"
		"\"SharedAccessSignature\",\"connectionStringExpiration\":\"%s\","
		"\"tokenRemainingLifetime\":null}",
		token->text, time);
}

/* 201: the parent gets its time of grace, the grandparent is revoked. 200: the parent is in that
 * time, and what was returned before is revoked. */
static void refresh(
	struct cloud *cloud, const struct platform_request *request, struct cloud_answer *answer)
{
	struct cloud_token *token;
	char text[24];
	int index, child;

	cloud->refreshes++;
	member(request, "registrationToken", text);
	token = token_find(cloud, text);
	if (!carries(request, "DeviceToken " CLOUD_PT) || cloud->pt_revoked) {
		answer->status = 401;
		return;
	}
	if (!is_good(cloud, token)) {
		answer->status = 410;
		return;
	}
	index = (int)(token - cloud->token);
	answer->status = token->state == CLOUD_GRACE ? 200 : 201;
	for (unsigned i = 0; i < cloud->tokens; i++)
		if ((int)i != index)
			cloud->token[i].state = CLOUD_REVOKED;
	token->state = CLOUD_GRACE;
	child = token_new(cloud, index);
	answer_token(cloud, child, answer->status, answer);
}

static void approve(
	struct cloud *cloud, const struct platform_request *request, struct cloud_answer *answer)
{
	struct cloud_operation *operation;
	char id[24];

	cloud->approvals++;
	member(request, "provisioningOperationId", id);
	operation = operation_find(cloud, id);
	answer->status = 204;
	if (!carries(request, "Bearer " CLOUD_OPERATOR))
		answer->status = 401;
	else if (!operation)
		answer->status = 404;
	else if (operation->state == CLOUD_OPEN)
		operation->state = CLOUD_APPROVED;
}

void cloud_ask(struct cloud *cloud, const struct platform_request *request,
	struct cloud_answer *ret_answer)
{
	static const struct {
		const char *method, *path;
		void (*work)(struct cloud *cloud, const struct platform_request *request,
			struct cloud_answer *answer);
	} calls[] = {
		{"POST", "provisioning-operations/init", init},
		{"PUT", "provisioning-operations/complete", complete},
		{"PUT", "devices/register", registering},
		{"PUT", "devices/registration-tokens/refresh", refresh},
		{"PUT", "workspaces/ws-1/provisioning-operations/approve", approve},
	};

	*ret_answer = (struct cloud_answer){.status = 0, .retry_after = cloud->retry_after};
	assert_int_equal(request->transport, PLATFORM_HTTP);
	assert_int_equal(strncmp(request->url, BASE, strlen(BASE)), 0);
	assert_null(strstr(request->url, "canary"));
	assert_null(strstr(request->url, "RT-"));
	if (cloud->fail || cloud->disabled) {
		ret_answer->status = cloud->disabled ? 423 : cloud->fail;
		return;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].method, request->method) &&
			!strcmp(calls[i].path, request->url + strlen(BASE))) {
			calls[i].work(cloud, request, ret_answer);
			return;
		}
	fail_msg("%s %s is no call of this platform", request->method, request->url);
}
