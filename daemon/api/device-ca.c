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
	struct api_pending *pending;
	struct span pem;
	struct act act;
	const char *why;

	api_act_begin(context, ACT_CA_PUT, &act);
	why = body_read(context->request->body, &act, &pem);
	if (why) {
		api_error(context, 400, "input", why);
		return;
	}
	pending = api_act_pending(context, &act);
	if (pending)
		context->api->ops->put_ca(context->api->userdata, &act, pem, api_act_done, pending);
}
