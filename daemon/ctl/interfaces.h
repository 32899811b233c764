/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * On which networks the gateway is to be found: after installation on none, and the person who sets
 * it up is asked once. The answer is a drop-in of the configuration, whose presence says that the
 * question was answered.
 */

#include <stdio.h>

#include "base/span.h"
#include "core/config.h"

#define INTERFACES_DROPIN "20-interfaces.conf"
#define INTERFACES_MAX	  32
/* "lo" stays and the page takes two addresses of each: what a list of the configuration holds. */
#define INTERFACES_CHOSEN_MAX 3

struct interface_row {
	char name[16];
	char addresses[160]; /* comma separated, as for people */
};
struct interface_list {
	struct interface_row row[INTERFACES_MAX];
	size_t count;
};

/* The interfaces of this machine that are up, without loopback. 0 or negative errno. */
int interfaces_read(struct interface_list *ret_list);
void interfaces_print(const struct interface_list *list, FILE *out);

/*
 * What a person typed or gave as an option: numbers of the list or names, separated by commas or
 * spaces; "all"; "none" or nothing. *ret_chosen holds names. -EINVAL with a sentence in ret_why for
 * what is not in the list, -E2BIG for more than INTERFACES_CHOSEN_MAX.
 */
int interfaces_choose(const struct interface_list *list, const char *text,
	struct config_list *ret_chosen, char *ret_why, size_t capacity);

/*
 * Writes the drop-in beside the configuration file 'path' (in its directory 'path'.d, made with
 * mode 0755 when missing). Negative errno with a sentence in ret_why.
 */
int interfaces_write(
	const char *path, const struct config_list *chosen, char *ret_why, size_t capacity);
/* True when the question was answered before. */
bool interfaces_are_chosen(const char *path);
