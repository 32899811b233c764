/* SPDX-License-Identifier: Apache-2.0 */

/* People who may log in. Passwords come from a terminal, a file or standard input, and go to the
 * gateway over its socket; they are wiped here as soon as they are sent. */

#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/person.h"
#include "ctl/command.h"
#include "ctl/secret.h"
#include "ctl/table.h"
#include "ctl/view.h"

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

int run_users_list(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = ctl_call(ctl, "GET", "/api/v1/people", NULL, &answer);

	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view_people(answer, ctl->out);
	return code;
}

static int call_person(struct ctl *ctl, const char *method, json_t *body_stolen, const char *done)
{
	CLEANUP(cleanup_free)
	char *path = client_path(ctl->client, "/api/v1/people/", ctl->invocation->argument[0], "");
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code;

	if (!path) {
		json_decref(body_stolen);
		return EXIT_REFUSED;
	}
	code = ctl_call_watched(ctl, AT_IT, method, path, body_stolen, &answer);
	if (code == EXIT_DONE && !ctl_print_json(ctl, answer))
		view_done(answer, done, ctl->out);
	return code;
}

/* A name that the gateway would refuse is refused before a password is typed for it. */
static int check_person(struct ctl *ctl, const char *role_text)
{
	enum role role;
	const char *why;

	if (!role_text || role_from_string(role_text, &role) < 0)
		return ctl_usage_error(ctl, "--role needs viewer, technician or admin");
	if (person_name_check(ctl->invocation->argument[0], &why) < 0)
		return ctl_usage_error(ctl, why);
	return EXIT_DONE;
}

static int read_password(struct ctl *ctl, char secret[SECRET_LINE_MAX + 1])
{
	const char *why = NULL;
	char text[256];

	if (secret_read(ctl->invocation->value[OPTION_PASSWORD_FILE], SECRET_PASSWORD, secret, text,
		    sizeof(text)) < 0) {
		line_print(ctl->err, text);
		return EXIT_USAGE;
	}
	if (password_check(secret, ctl->invocation->argument[0], &why) < 0) {
		fprintf(ctl->err, "%s\n", why);
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

int run_users_add(struct ctl *ctl)
{
	const char *role = ctl->invocation->value[OPTION_ROLE];
	char secret[SECRET_LINE_MAX + 1] = "";
	json_t *body = NULL;
	int code = check_person(ctl, role);

	if (code == EXIT_DONE)
		code = read_password(ctl, secret);
	if (code == EXIT_DONE)
		body = json_pack("{s:s,s:s}", "role", role, "password", secret);
	crypto_wipe(secret, sizeof(secret));
	return code == EXIT_DONE ? call_person(ctl, "PUT", body, "They can log in.") : code;
}

int run_users_role(struct ctl *ctl)
{
	const char *role = ctl->invocation->value[OPTION_ROLE];
	int code = check_person(ctl, role);

	if (code != EXIT_DONE)
		return code;
	return call_person(ctl, "PUT", json_pack("{s:s}", "role", role),
		"The role is changed; they must log in again.");
}

int run_users_drop(struct ctl *ctl)
{
	return call_person(ctl, "DELETE", NULL, "They cannot log in any more.");
}
