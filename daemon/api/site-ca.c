/* SPDX-License-Identifier: Apache-2.0 */

/* The authority of the site: what everybody may know of it, and how it comes to be. */

#include <stdio.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/site-ca.h"

void api_get_site_ca(const struct api_context *context)
{
	const struct site_ca *ca = context->api->view.site_ca;
	bool is_there = ca && ca->certificate;

	api_answer(context, 200,
		is_there ? json_pack("{s:{s:s,s:o,s:o,s:o,s:s}}", "site_ca", "fingerprint",
				   ca->facts.fingerprint, "name", api_text(ca->facts.common_name),
				   "not_before", api_time(ca->facts.not_before), "not_after",
				   api_time(ca->facts.not_after), "certificate", ca->certificate)
			 : json_pack("{s:n}", "site_ca"));
}

static void on_done(void *userdata, const struct act_outcome *outcome)
{
	struct api_pending *pending = userdata;
	json_t *body = api_act_body(outcome);

	if (body && outcome->result == ACT_DONE && pending->kind == ACT_SITE_CA_PROVE)
		json_object_set_new(body, "certificate",
			json_stringn(outcome->parcel.size ? (const char *)outcome->parcel.data : "",
				outcome->parcel.size));
	api_act_answer(pending, outcome, body);
}

/* NULL, or what is wrong with it. */
static const char *take_text(const json_t *value, char *ret_text, size_t capacity)
{
	return json_is_string(value) && span_to_string(span_of(json_string_value(value),
							       json_string_length(value)),
						ret_text, capacity) == 0
		       ? NULL
		       : "\"name\" and \"code\" must be text of at most 64 bytes.";
}

/* NULL, or what is wrong with the body. */
static const char *body_read(const json_t *body, struct act *act, struct span *ret_identity)
{
	const json_t *name = json_object_get(body, "name"), *code = json_object_get(body, "code");
	const json_t *identity = json_object_get(body, "identity");
	const json_t *replace = json_object_get(body, "replace");
	bool imports = act->kind == ACT_SITE_CA_IMPORT, proves = act->kind == ACT_SITE_CA_PROVE;
	const char *why = NULL;
	char text[LABEL_MAX + 1] = "";

	if (imports != (identity != NULL) || proves != (code != NULL) || (proves && replace) ||
		(name && act->kind != ACT_SITE_CA_MAKE) || (replace && !json_is_boolean(replace)) ||
		(identity && !json_is_string(identity)) ||
		json_object_size(body) != (size_t)(name != NULL) + (code != NULL) +
						  (identity != NULL) + (replace != NULL))
		return "The body must be {\"identity\"} with a certificate and its key in PEM, "
		       "{\"code\"}, or what is made {\"name\"}; with \"replace\" if wanted.";
	if (name)
		why = take_text(name, act->name, sizeof(act->name));
	if (code)
		why = take_text(code, text, sizeof(text));
	if (why)
		return why;
	snprintf(act->code, sizeof(act->code), "%s", text);
	act->more = json_is_true(replace);
	*ret_identity = identity
				? span_of(json_string_value(identity), json_string_length(identity))
				: span_of(NULL, 0);
	return NULL;
}

static enum act_kind kind_of(const struct api_context *context)
{
	if (!strcmp(context->request->method, "PUT"))
		return ACT_SITE_CA_IMPORT;
	return strstr(context->request->path, "/proof") ? ACT_SITE_CA_PROVE : ACT_SITE_CA_MAKE;
}

void api_do_site_ca(const struct api_context *context)
{
	struct api_pending *pending;
	struct span identity;
	struct act act;
	const char *why;

	api_act_begin(context, kind_of(context), &act);
	why = body_read(context->request->body, &act, &identity);
	if (why) {
		api_error(context, 400, "input", why);
		return;
	}
	pending = api_act_pending(context, &act);
	if (pending)
		context->api->ops->site_ca(
			context->api->userdata, &act, identity, on_done, pending);
}
