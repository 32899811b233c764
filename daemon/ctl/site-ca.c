/* SPDX-License-Identifier: Apache-2.0 */

/* The authority that issues certificates to devices which have none. Its key goes in, never out. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/identity.h"
#include "ctl/command.h"
#include "ctl/view.h"

#define ROUTE "/api/v1/site-ca"

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

int run_site_ca_show(struct ctl *ctl)
{
	return ctl_show(ctl, ROUTE, view_site_ca);
}

static int do_with_replace(struct ctl *ctl, const char *method, json_t *body, const char *done)
{
	if (ctl->invocation->value[OPTION_REPLACE])
		json_object_set_new(body, "replace", json_true());
	return ctl_do(ctl, method, ROUTE, body, done);
}

int run_site_ca_make(struct ctl *ctl)
{
	const char *name = ctl->invocation->value[OPTION_NAME];
	json_t *body = json_object();

	if (name)
		json_object_set_new(body, "name", json_string(name));
	return do_with_replace(ctl, "POST", body, "The authority is made.");
}

/* Heap, to be wiped. A pipe, say. */
static int read_stdin(uint8_t **ret_text, size_t *ret_size)
{
	uint8_t *text = malloc(IDENTITY_MAX + 1);
	size_t size = 0;
	ssize_t n = 1;
	int r = 0;

	if (!text)
		return -ENOMEM;
	while (n > 0 && size <= IDENTITY_MAX) {
		n = read(STDIN_FILENO, text + size, IDENTITY_MAX + 1 - size);
		size += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 || size > IDENTITY_MAX)
		r = n < 0 ? -errno : -EFBIG;
	if (r < 0) {
		crypto_wipe(text, size);
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

int run_site_ca_import(struct ctl *ctl)
{
	const char *path = ctl->invocation->argument[0];
	uint8_t *text = NULL;
	size_t size = 0;
	json_t *body;
	int r = strcmp(path, "-") ? file_read(AT_FDCWD, path, IDENTITY_MAX, &text, &size)
				  : read_stdin(&text, &size);

	if (r < 0) {
		fprintf(ctl->err, "%s cannot be read: %s.\n", path, strerror(-r));
		return EXIT_USAGE;
	}
	body = json_pack("{s:s%}", "identity", (const char *)text, size);
	crypto_wipe(text, size);
	free(text);
	if (!body)
		return ctl_usage_error(
			ctl, "the file must be text: a certificate and its private key, in PEM");
	return do_with_replace(ctl, "PUT", body, "The authority is taken over.");
}

/* To a file, or to standard output, where it stands inside the answer with --json. */
static int write_out(struct ctl *ctl, const char *path, const char *pem, const json_t *answer)
{
	int code = EXIT_DONE;

	if (strcmp(path, "-") != 0)
		code = ctl_write_file(ctl, path, span_from_string(pem));
	if (code == EXIT_DONE && !ctl_print_json(ctl, answer) && !strcmp(path, "-"))
		fputs(pem, ctl->out);
	return code;
}

int run_site_ca_certificate(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const char *pem;
	int code = ctl_call(ctl, "GET", ROUTE, NULL, &answer);

	if (code != EXIT_DONE)
		return code;
	pem = json_string_value(json_object_get(json_object_get(answer, "site_ca"), "certificate"));
	if (!pem)
		return ctl_refuse(ctl, "There is no authority of the site: make or import one.");
	return write_out(ctl, ctl->invocation->argument[0], pem, answer);
}

int run_site_ca_prove(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const char *pem;
	json_t *body = json_pack("{s:s}", "code", ctl->invocation->argument[0]);
	int code;

	if (!body)
		return ctl_usage_error(ctl, "the code must be text");
	code = ctl_call(ctl, "POST", ROUTE "/proof", body, &answer);
	if (code != EXIT_DONE)
		return code;
	pem = json_string_value(json_object_get(answer, "certificate"));
	if (!pem)
		return ctl_refuse(ctl, "The gateway handed nothing out.");
	return write_out(ctl, ctl->invocation->argument[1], pem, answer);
}
