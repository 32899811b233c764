/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The commands of the tool. */

#include <jansson.h>
#include <stdio.h>

#include "base/span.h"
#include "ctl/client.h"
#include "ctl/invocation.h"
#include "ctl/pulse.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,     /* the gateway said no; check-config, doctor: something is wrong */
	EXIT_USAGE = 2,	      /* the command line */
	EXIT_UNREACHABLE = 3, /* no answer from the gateway */
};

struct ctl {
	const struct invocation *invocation;
	struct client *client;
	FILE *out, *err;
	unsigned step, steps; /* of a command that takes its time: see ctl_pulse() */
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

/*
 * The same for one call of many, of which nothing is shown here: EXIT_DONE or EXIT_REFUSED with the
 * status and the answer; EXIT_UNREACHABLE with the reason said on ctl->err.
 */
int ctl_ask(struct ctl *ctl, const char *method, const char *path, json_t *body_stolen,
	long *ret_status, json_t **ret_answer);

/*
 * One thing that may take longer than a second begins: who sits at a terminal sees 'what', and
 * which of ctl->steps it is. Nothing else is said until pulse_end().
 */
void ctl_pulse(struct ctl *ctl, struct pulse *ret_pulse, const char *what);
#define AT_IT "the gateway is at it"
/* ctl_call() with such a line while the gateway is at it. */
int ctl_call_watched(struct ctl *ctl, const char *what, const char *method, const char *path,
	json_t *body_stolen, json_t **ret_answer);

typedef void (*view_fn)(const json_t *answer, FILE *out);
/* Asks, and shows the answer. */
int ctl_show(struct ctl *ctl, const char *path, view_fn view);
/* Asks for something to be done, and shows the answer's sentence, or 'done'. */
int ctl_do(struct ctl *ctl, const char *method, const char *path, json_t *body_stolen,
	const char *done);
/* Says what is wrong with the command line. Returns EXIT_USAGE. */
int ctl_usage_error(struct ctl *ctl, const char *what);
/* Says why not, as a line of its own. Returns EXIT_REFUSED. */
int ctl_refuse(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * A new file for its owner alone (0600), whole or not at all; what is there is never written over.
 * EXIT_DONE, or EXIT_REFUSED with the reason said.
 */
int ctl_write_file(struct ctl *ctl, const char *path, struct span content);

/* With --json: prints it and returns true. */
bool ctl_print_json(struct ctl *ctl, const json_t *answer);

/* The option's value under this key, if it was given. */
void ctl_add_option(json_t *body, const struct ctl *ctl, enum option_name option, const char *key);
/* "&key=escaped" behind the path (heap, freed or handed on); NULL stays NULL. */
char *ctl_add_query(struct ctl *ctl, char *path, const char *key, const char *value);

/* The configuration of the gateway on this machine. */
#define CONFIG_DEFAULT "/etc/gatehouse/gatehouse.conf"

/* check.c */
int run_check_config(struct ctl *ctl);
int run_profiles_check(struct ctl *ctl);
/* journal.c */
int run_journal(struct ctl *ctl);
int run_journal_export(struct ctl *ctl);
int run_journal_verify(struct ctl *ctl);
int run_show(struct ctl *ctl);
int run_queue(struct ctl *ctl);
int run_queue_dead(struct ctl *ctl);
/* device.c */
int run_command(struct ctl *ctl);
int run_replace(struct ctl *ctl);
/* doctor.c */
int run_doctor(struct ctl *ctl);
/* setup.c */
int run_setup(struct ctl *ctl);
/* key.c */
int run_key_show(struct ctl *ctl);
int run_backup(struct ctl *ctl);
int run_devices_export(struct ctl *ctl);
int run_devices_import(struct ctl *ctl);
int run_restore(struct ctl *ctl);
int run_key_rotate(struct ctl *ctl);
int run_key_reseal(struct ctl *ctl);
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
int run_tokens_operator(struct ctl *ctl);
int run_tokens_operator_drop(struct ctl *ctl);
/* codes.c */
int run_codes_import(struct ctl *ctl);
int run_codes_scan(struct ctl *ctl);
int run_codes_cancel(struct ctl *ctl);
int run_codes_list(struct ctl *ctl);
int run_codes_drop(struct ctl *ctl);
/* device-ca.c */
int run_device_ca_list(struct ctl *ctl);
int run_device_ca_add(struct ctl *ctl);
int run_device_ca_withdraw(struct ctl *ctl);
/* site-ca.c */
int run_site_ca_show(struct ctl *ctl);
int run_site_ca_make(struct ctl *ctl);
int run_site_ca_import(struct ctl *ctl);
int run_site_ca_certificate(struct ctl *ctl);
int run_site_ca_prove(struct ctl *ctl);
/* labels.c */
int run_codes_make(struct ctl *ctl);
int run_qr(struct ctl *ctl);
