/* SPDX-License-Identifier: Apache-2.0 */

/* The authorities of devices' certificates: the list, and one more. */

#include <stdio.h>
#include <string.h>

#include "api/api-parts.h"
#include "core/device-ca.h"

static size_t count_devices(const struct api *api, enum trust trust)
{
	size_t count = 0;

	for (const struct device *device = registry_first(api->view.registry); device;
		device = registry_next(device))
		count += device->record->trust == trust;
	return count;
}

static json_t *ca_json(const struct device_ca *ca)
{
	return json_pack("{s:s,s:o,s:s,s:b,s:o,s:o,s:o}", "fingerprint", ca->fingerprint, "name",
		api_text(ca->name), "admit", ca_policy_to_string(ca->policy), "file", ca->from_file,
		"added_by", ca->added_by[0] ? api_text(ca->added_by) : json_null(), "since",
		api_time(ca->since), "not_after", api_time(ca->not_after));
}

void api_get_device_cas(const struct api_context *context)
{
	const struct device_cas *cas = context->api->view.cas;
	json_t *list = json_array();

	for (size_t i = 0; i < cas->count; i++)
		json_array_append_new(list, ca_json(cas->ca[i]));
	api_answer(context, 200,
		json_pack("{s:I,s:o}", "devices",
			(json_int_t)count_devices(context->api, TRUST_CERT), "device_cas", list));
}

static void on_done(void *userdata, const struct act_outcome *outcome)
{
	struct api_pending *pending = userdata;
	json_t *body = json_pack("{s:s,s:o}", outcome->result == ACT_DONE ? "result" : "error",
		api_word_of(outcome->result), "text", api_text(outcome->text));

	if (pending->api)
		api_touch(pending->api);
	api_pending_answer(pending, api_status_of(outcome->result), body);
}

/* NULL, or what is wrong with the body. */
static const char *body_read(const json_t *body, struct act *act, struct span *ret_pem)
{
	const json_t *pem = json_object_get(body, "certificate");
	const json_t *name = json_object_get(body, "name"), *admit = json_object_get(body, "admit");
	enum ca_policy policy = CA_PERSON;

	if (!json_is_string(pem) ||
		json_object_size(body) != (size_t)1 + (name != NULL) + (admit != NULL))
		return "The body must be {\"certificate\"}, in PEM, with \"name\" and \"admit\" if "
		       "wanted.";
	if (admit && (!json_is_string(admit) ||
			     ca_policy_from_string(json_string_value(admit), &policy) < 0))
		return "\"admit\" must be person or auto.";
	if (name && (!json_is_string(name) || span_to_string(span_of(json_string_value(name),
								     json_string_length(name)),
						      act->name, sizeof(act->name)) < 0))
		return "\"name\" must be text of at most 64 bytes.";
	act->number = policy;
	*ret_pem = span_of(json_string_value(pem), json_string_length(pem));
	return NULL;
}

void api_put_device_ca(const struct api_context *context)
{
	const struct api_caller *caller = context->request->caller;
	struct act act = {
		.kind = ACT_CA_PUT, .role = caller->role, .local_root = caller->local_root};
	struct api_pending *pending;
	struct span pem;
	const char *why = body_read(context->request->body, &act, &pem);

	if (why) {
		api_error(context, 400, "input", why);
		return;
	}
	pending = api_pending_new(context);
	if (!pending) {
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
		return;
	}
	pending->kind = act.kind;
	snprintf(act.who, sizeof(act.who), "%s", caller->name);
	snprintf(act.via, sizeof(act.via), "%s", caller->via);
	context->api->ops->put_ca(context->api->userdata, &act, pem, on_done, pending);
}
