/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of this room share. */

#include "api/api.h"

struct api {
	struct api_view view;
	const struct api_ops *ops;
	void *userdata;
	uint64_t revision;
	api_news_fn news; /* or NULL */
	void *news_userdata;
	struct api_pending *pending; /* calls whose answer comes later */
};

/* One call on its way. */
struct api_pending {
	struct api *api; /* NULL: the api is gone, the caller was answered */
	struct api_pending *previous, *next;
	api_done_fn done;
	void *userdata;
	char device[DEVICE_ID_MAX + 1]; /* its new state goes into the answer */
	bool technician, fresh_password;
	enum act_kind kind;
};

/* What a handler sees. */
struct api_context {
	struct api *api;
	const struct api_request *request;
	const char *argument; /* the {id} or {name} of the path, or NULL */
	api_done_fn done;
	void *userdata;
};
typedef void (*api_handler_fn)(const struct api_context *context);

struct api_entry {
	struct api_route route;
	api_handler_fn handler;
	enum act_kind kind; /* for handlers that serve several acts */
};
const struct api_entry *api_entry_find(const char *method, const char *path, char *ret_argument,
	size_t capacity, bool *ret_path_known);

void api_answer(const struct api_context *context, int status, json_t *body_stolen);
void api_error(const struct api_context *context, int status, const char *error, const char *text);
int api_status_of(enum act_result result);
const char *api_word_of(enum act_result result);
struct api_pending *api_pending_new(const struct api_context *context);
void api_pending_answer(struct api_pending *pending, int status, json_t *body_stolen);

/* What all acts have that come with a body of their own: the caller's part of the act; the call on
 * its way, or NULL when it was answered for want of memory; and, as act_done_fn with that call,
 * the answer of the result and its sentence alone. */
void api_act_begin(const struct api_context *context, enum act_kind kind, struct act *ret_act);
struct api_pending *api_act_pending(const struct api_context *context, const struct act *act);
void api_act_done(void *userdata, const struct act_outcome *outcome);
/* The same answer, with more to be put into it (NULL without memory), and who gives it. */
json_t *api_act_body(const struct act_outcome *outcome);
void api_act_answer(
	struct api_pending *pending, const struct act_outcome *outcome, json_t *body_stolen);

/* "2026-11-21T12:34:56Z" or null for 0. */
json_t *api_time(int64_t wall_msec);
json_t *api_text(const char *text);
/* What people call it: their name for it, or its own. */
const char *api_device_title(const struct device_record *record);
uint64_t api_query_number(const char *query, const char *key, uint64_t fallback, uint64_t max);
/* A decoded value of the query; false when it is not there. */
bool api_query_text(const char *query, const char *key, char *ret_text, size_t capacity);

json_t *api_device_json(
	const struct api *api, const struct device *device, bool technician, bool show_code);

/* Of its first name; null when there is none. */
json_t *api_recent_json(const struct recent *recent, uint64_t device_row);

/* handlers */
void api_get_status(const struct api_context *context);
void api_get_limits(const struct api_context *context);
void api_get_doctor(const struct api_context *context);
/* idle, up, partly, connecting, refused, down: in one word, for all its devices. */
const char *api_way_state(const struct api_way *way);
void api_get_network(const struct api_context *context);
void api_test_network(const struct api_context *context);
void api_get_events(const struct api_context *context);
void api_get_heard(const struct api_context *context);
void api_get_alarms(const struct api_context *context);
void api_get_devices(const struct api_context *context);
void api_get_readings(const struct api_context *context);
void api_get_device(const struct api_context *context);
json_t *api_queue_json(const struct api_view *view);
/* How long an outage can last at the present rate; false when that is not known, or for ever. */
bool api_seconds_left(const struct api_view *view, uint64_t *ret_seconds);
void api_get_journal(const struct api_context *context);
void api_get_history(const struct api_context *context);
void api_get_verified(const struct api_context *context);
void api_get_queue(const struct api_context *context);
void api_get_dead(const struct api_context *context);
void api_get_people(const struct api_context *context);
void api_get_tokens(const struct api_context *context);
void api_put_operator_token(const struct api_context *context);
void api_put_tokens(const struct api_context *context);
void api_put_parcel(const struct api_context *context);
void api_get_device_cas(const struct api_context *context);
void api_put_device_ca(const struct api_context *context);
void api_get_site_ca(const struct api_context *context);
void api_do_site_ca(const struct api_context *context);
void api_get_codes(const struct api_context *context);
void api_put_codes(const struct api_context *context);
void api_do_act(const struct api_context *context);
