/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One call of the API for a command: what is sent is wiped, what comes back is shown or handed on,
 * and each end has its exit status. With --json the gateway's answer is what is shown, also when it
 * refused.
 */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "ctl/command.h"
#include "ctl/table.h"
#include "ctl/view.h"

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

bool ctl_print_json(struct ctl *ctl, const json_t *answer)
{
	if (!ctl->invocation->value[OPTION_JSON])
		return false;
	/* Only ASCII: whatever a device calls itself, the terminal sees no control character. */
	json_dumpf(answer, ctl->out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', ctl->out);
	return true;
}

static void wipe_texts(json_t *body)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		if (json_is_string(value))
			crypto_wipe((char *)(uintptr_t)json_string_value(value),
				json_string_length(value));
	}
}

/* 'what': NULL = nobody is told that it takes its time. */
static int ask(struct ctl *ctl, const char *what, const char *method, const char *path,
	json_t *body_stolen, long *ret_status, json_t **ret_answer)
{
	struct pulse pulse;
	int r;

	if (what)
		ctl_pulse(ctl, &pulse, what);
	r = client_call(ctl->client, method, path, body_stolen, ret_status, ret_answer);
	if (what)
		pulse_end(&pulse);
	wipe_texts(body_stolen);
	json_decref(body_stolen);
	if (r < 0) {
		line_print(ctl->err, client_why(ctl->client));
		return EXIT_UNREACHABLE;
	}
	return *ret_status >= 200 && *ret_status < 300 ? EXIT_DONE : EXIT_REFUSED;
}

static int call(struct ctl *ctl, const char *what, const char *method, const char *path,
	json_t *body_stolen, json_t **ret_answer)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	long status = 0;
	int code = ask(ctl, what, method, path, body_stolen, &status, &answer);

	if (code == EXIT_DONE)
		*ret_answer = STEAL(answer);
	if (code == EXIT_REFUSED) {
		ctl_print_json(ctl, answer);
		view_error(answer, status, ctl->err);
	}
	return code;
}

int ctl_ask(struct ctl *ctl, const char *method, const char *path, json_t *body_stolen,
	long *ret_status, json_t **ret_answer)
{
	return ask(ctl, NULL, method, path, body_stolen, ret_status, ret_answer);
}

int ctl_call(struct ctl *ctl, const char *method, const char *path, json_t *body_stolen,
	json_t **ret_answer)
{
	return call(ctl, NULL, method, path, body_stolen, ret_answer);
}

int ctl_call_watched(struct ctl *ctl, const char *what, const char *method, const char *path,
	json_t *body_stolen, json_t **ret_answer)
{
	return call(ctl, what, method, path, body_stolen, ret_answer);
}

int ctl_show(struct ctl *ctl, const char *path, view_fn view)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = ctl_call_watched(ctl, AT_IT, "GET", path, NULL, &answer);

	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view(answer, ctl->out);
	return code;
}

int ctl_usage_error(struct ctl *ctl, const char *what)
{
	fprintf(ctl->err, "gatehousectl: %s\n", what);
	return EXIT_USAGE;
}

int ctl_do(struct ctl *ctl, const char *method, const char *path, json_t *body_stolen,
	const char *done)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = ctl_call_watched(ctl, AT_IT, method, path, body_stolen, &answer);

	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view_done(answer, done, ctl->out);
	return code;
}

/* ---- what is sent ---- */

void ctl_add_option(json_t *body, const struct ctl *ctl, enum option_name option, const char *key)
{
	const char *value = ctl->invocation->value[option];

	if (value)
		json_object_set_new(body, key, json_string(value));
}

char *ctl_add_query(struct ctl *ctl, char *path, const char *key, const char *value)
{
	char before[300];
	char *next;

	if (!path || !value)
		return path;
	snprintf(before, sizeof(before), "%.250s&%s=", path, key);
	next = client_path(ctl->client, before, value, "");
	free(path);
	return next;
}
