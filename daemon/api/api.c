/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call: the route is looked up, the role and the words of the call are checked, the handler
 * answers at once or leaves a pending call behind. A pending call outlives the api: when the api
 * goes first, its callers are answered with 503 and the late result is dropped.
 */

#include "api/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

int api_new(
	const struct api_view *view, const struct api_ops *ops, void *userdata, struct api **ret)
{
	struct api *api = malloc(sizeof(*api));

	if (!api)
		return -ENOMEM;
	*api = (struct api){.view = *view, .ops = ops, .userdata = userdata, .revision = 1};
	*ret = api;
	return 0;
}

uint64_t api_revision(const struct api *api)
{
	return api->revision;
}

void api_watch(struct api *api, api_news_fn news, void *userdata)
{
	api->news = news;
	api->news_userdata = userdata;
}

static void tell(struct api *api, enum api_news news)
{
	api->revision++;
	if (api->news)
		api->news(api->news_userdata, news);
}

void api_touch(struct api *api)
{
	tell(api, API_NEWS_STATE);
}

void api_touch_traffic(struct api *api)
{
	tell(api, API_NEWS_TRAFFIC);
}

/* ---- answers ---- */

static void give(api_done_fn done, void *userdata, int status, json_t *body_stolen)
{
	done(userdata, status, body_stolen);
	json_decref(body_stolen);
}

void api_answer(const struct api_context *context, int status, json_t *body_stolen)
{
	if (body_stolen)
		give(context->done, context->userdata, status, body_stolen);
	else
		give(context->done, context->userdata, 507,
			json_pack("{s:s,s:s}", "error", "no-memory", "text",
				"The gateway is out of memory."));
}

void api_error(const struct api_context *context, int status, const char *error, const char *text)
{
	give(context->done, context->userdata, status,
		json_pack("{s:s,s:s}", "error", error, "text", text));
}

struct api_pending *api_pending_new(const struct api_context *context)
{
	struct api_pending *pending = malloc(sizeof(*pending));

	if (!pending)
		return NULL;
	*pending = (struct api_pending){
		.api = context->api,
		.next = context->api->pending,
		.done = context->done,
		.userdata = context->userdata,
		.technician = context->request->caller->role >= ROLE_TECHNICIAN,
		.fresh_password = context->request->caller->fresh_password,
	};
	if (pending->next)
		pending->next->previous = pending;
	context->api->pending = pending;
	return pending;
}

static void pending_unlink(struct api_pending *pending)
{
	struct api *api = pending->api;

	if (!api)
		return;
	if (pending->previous)
		pending->previous->next = pending->next;
	else
		api->pending = pending->next;
	if (pending->next)
		pending->next->previous = pending->previous;
	pending->previous = pending->next = NULL;
	pending->api = NULL;
}

void api_pending_answer(struct api_pending *pending, int status, json_t *body_stolen)
{
	bool orphan = !pending->api;

	pending_unlink(pending);
	if (!orphan)
		give(pending->done, pending->userdata, status, body_stolen);
	else
		json_decref(body_stolen);
	free(pending);
}

void api_act_begin(const struct api_context *context, enum act_kind kind, struct act *ret_act)
{
	const struct api_caller *caller = context->request->caller;

	*ret_act =
		(struct act){.kind = kind, .role = caller->role, .local_root = caller->local_root};
	snprintf(ret_act->who, sizeof(ret_act->who), "%s", caller->name);
	snprintf(ret_act->via, sizeof(ret_act->via), "%s", caller->via);
}

struct api_pending *api_act_pending(const struct api_context *context, const struct act *act)
{
	struct api_pending *pending = api_pending_new(context);

	if (pending)
		pending->kind = act->kind;
	else
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
	return pending;
}

/* What there is to say, and when another try is worth it: nobody has to do sums with "wait". */
static json_t *sentence_of(const struct act_outcome *outcome)
{
	char text[sizeof(outcome->text) + 40];
	bool minutes = outcome->number > 90;

	if (outcome->result != ACT_TOO_MANY || !outcome->text[0] || !outcome->number)
		return api_text(outcome->text);
	snprintf(text, sizeof(text), "%s Try again in %u %s.", outcome->text,
		minutes ? (outcome->number + 59) / 60 : outcome->number, minutes ? "min" : "s");
	return api_text(text);
}

json_t *api_act_body(const struct act_outcome *outcome)
{
	return json_pack("{s:s,s:o}", outcome->result == ACT_DONE ? "result" : "error",
		api_word_of(outcome->result), "text", sentence_of(outcome));
}

void api_act_answer(
	struct api_pending *pending, const struct act_outcome *outcome, json_t *body_stolen)
{
	if (pending->api)
		api_touch(pending->api);
	api_pending_answer(pending, api_status_of(outcome->result), body_stolen);
}

void api_act_done(void *userdata, const struct act_outcome *outcome)
{
	api_act_answer(userdata, outcome, api_act_body(outcome));
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	while (api->pending) {
		struct api_pending *pending = api->pending;

		pending_unlink(pending);
		give(pending->done, pending->userdata, 503,
			json_pack("{s:s,s:s}", "error", "stopping", "text",
				"The gateway is stopping."));
	}
	free(api);
	return NULL;
}

/* ---- the call ---- */

static bool may(const struct api_entry *entry, const struct api_caller *caller)
{
	if (entry->route.local_root)
		return caller->local_root;
	return caller->role >= entry->route.role;
}

/* One of the words of a list that is separated by spaces. */
static bool is_listed(const char *list, const char *word, size_t size)
{
	for (const char *at = list; at && *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");

		if (length == size && !strncmp(at, word, size))
			return true;
		at += length;
	}
	return false;
}

static bool refuse_word(
	const struct api_context *context, const char *what, struct span word, const char *allowed)
{
	char text[256], safe[65];

	span_to_safe_text(word, safe, sizeof(safe));
	if (allowed && allowed[0])
		snprintf(text, sizeof(text), "\"%s\" is not known here; allowed as %s: %s.", safe,
			what, allowed);
	else
		snprintf(text, sizeof(text), "\"%s\" is not known here; there is no %s.", safe,
			what);
	api_error(context, 400, "input", text);
	return false;
}

/* What a route does not know is refused: a typo must not change what is asked or done. */
static bool has_known_words(const struct api_context *context, const struct api_route *route)
{
	const struct api_request *request = context->request;
	const char *key;
	json_t *value;

	for (const char *at = request->query; at && *at; at += *at == '&') {
		size_t size = strcspn(at, "&"), length = strcspn(at, "=&");

		if (size && !is_listed(route->query, at, length))
			return refuse_word(context, "parameter", span_of(at, length), route->query);
		at += size;
	}
	json_object_foreach(request->body, key, value)
	{
		if (!is_listed(route->body, key, strlen(key)))
			return refuse_word(context, "key", span_from_string(key), route->body);
	}
	return true;
}

void api_call(struct api *api, const struct api_request *request, api_done_fn done, void *userdata)
{
	char argument[65];
	bool path_known;
	const struct api_entry *entry = api_entry_find(
		request->method, request->path, argument, sizeof(argument), &path_known);
	const struct api_context context = {.api = api,
		.request = request,
		.argument = argument,
		.done = done,
		.userdata = userdata};

	if (!entry)
		api_error(&context, path_known ? 405 : 404, path_known ? "method" : "unknown",
			path_known ? "This path does not take this method."
				   : "There is nothing at this path.");
	else if (!may(entry, request->caller))
		api_error(&context, request->caller->role == ROLE_NONE ? 401 : 403,
			request->caller->role == ROLE_NONE ? "login" : "role",
			request->caller->role == ROLE_NONE ? "Log in first."
							   : "Your role does not allow this.");
	else if (entry->route.fresh_password && !request->caller->fresh_password)
		api_error(&context, 401, "password", "Type your password once more for this.");
	else if (request->body && !json_is_object(request->body))
		api_error(&context, 400, "body", "The body must be a JSON object.");
	else if (has_known_words(&context, &entry->route))
		entry->handler(&context);
}
