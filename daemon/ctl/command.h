/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The commands of the tool. */

#include <jansson.h>
#include <stdio.h>

#include "ctl/client.h"
#include "ctl/invocation.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* the gateway said no; check-config: the file is wrong */
	EXIT_USAGE = 2,	      /* the command line */
	EXIT_UNREACHABLE = 3, /* no answer from the gateway */
};

struct ctl {
	const struct invocation *invocation;
	struct client *client;
	FILE *out, *err;
};

/* Ends with a row without a name. */
extern const struct command commands[];

/* The text of --help. */
void commands_help(FILE *out);

/*
 * One call for a command; 'body_stolen' may be NULL. EXIT_DONE with the answer; otherwise what is
 * wrong was said on ctl->err, and with --json the gateway's answer stands on ctl->out.
 */
int ctl_call(struct ctl *ctl, const char *method, const char *path, json_t *body_stolen,
	json_t **ret_answer);

/* With --json: prints it and returns true. */
bool ctl_print_json(struct ctl *ctl, const json_t *answer);

/* setup.c */
int run_setup(struct ctl *ctl);
/* people.c */
int run_users_list(struct ctl *ctl);
int run_users_add(struct ctl *ctl);
int run_users_role(struct ctl *ctl);
int run_users_drop(struct ctl *ctl);
/* tokens.c */
int run_tokens_import(struct ctl *ctl);
int run_tokens_replace(struct ctl *ctl);
int run_tokens_list(struct ctl *ctl);
int run_tokens_drop(struct ctl *ctl);
