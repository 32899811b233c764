/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The link list of a device (RFC 6690), as far as we use it: at most 4 KiB, 64 links, targets of at
 * most 127 bytes that are relative paths.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

#define LINKS_MAX 64

struct link_entry {
	char path[128];
	char rt[65];	    /* as given, several separated by space */
	char interface[65]; /* if= */
	int content_format; /* first ct, -1 = none */
	bool observable;
};
struct link_list {
	struct link_entry entry[LINKS_MAX];
	size_t count;
	char ep[64]; /* first ep= (RFC 9176 section 9.3), as given; "" = none that fits */
};
/* -EBADMSG for broken syntax, -EMSGSIZE over a limit. Links with foreign authority are left out. */
int link_list_parse(struct span text, struct link_list *ret_list);
/* First entry with this word in rt, or in if; NULL when there is none. */
const struct link_entry *link_list_by_rt(const struct link_list *list, const char *rt);
const struct link_entry *link_list_by_interface(
	const struct link_list *list, const char *interface);
