/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page is opened on the chosen interfaces by their names, not by the addresses that they have
 * today: "0.0.0.0%eth0" listens on whatever address eth0 has (web/listen.c). Loopback is named the
 * same way, because a listener on all interfaces' loopback address would be in their way.
 */

#include "ctl/interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "ctl/table.h"

#define SEPARATORS ", \t\n"

DEFINE_CLEANUP(struct table *, table_free, cleanup_table)

static struct interface_row *find(struct interface_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->row[i].name, name))
			return &list->row[i];
	return NULL;
}

static void add_address(struct interface_row *row, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	size_t used = strlen(row->addresses);

	if (address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
			text, sizeof(text));
	else if (address->sa_family == AF_INET6)
		inet_ntop(AF_INET6,
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text,
			sizeof(text));
	if (text[0])
		snprintf(row->addresses + used, sizeof(row->addresses) - used, "%s%s",
			used ? ", " : "", text);
}

int interfaces_read(struct interface_list *ret_list)
{
	struct interface_list list = {0};
	struct ifaddrs *addresses;

	if (getifaddrs(&addresses) < 0)
		return -errno;
	for (const struct ifaddrs *a = addresses; a; a = a->ifa_next) {
		struct interface_row *row = find(&list, a->ifa_name);

		if ((a->ifa_flags & IFF_LOOPBACK) || !(a->ifa_flags & IFF_UP) ||
			strlen(a->ifa_name) >= sizeof(row->name))
			continue;
		if (!row) {
			if (list.count == INTERFACES_MAX)
				continue;
			row = &list.row[list.count++];
			strcpy(row->name, a->ifa_name);
		}
		if (a->ifa_addr)
			add_address(row, a->ifa_addr);
	}
	freeifaddrs(addresses);
	*ret_list = list;
	return 0;
}

void interfaces_print(const struct interface_list *list, FILE *out)
{
	static const char *const titles[] = {"NUMBER", "INTERFACE", "ADDRESSES"};
	CLEANUP(cleanup_table) struct table *table = NULL;

	if (table_new(titles, ELEMENTS(titles), &table) < 0)
		return;
	for (size_t i = 0; i < list->count; i++) {
		char number[24];

		snprintf(number, sizeof(number), "%zu", i + 1);
		table_add(
			table, (const char *const[]){number, list->row[i].name,
				       list->row[i].addresses[0] ? list->row[i].addresses : NULL});
	}
	table_print(table, out);
}

static const char *name_of(const struct interface_list *list, const char *word)
{
	char *end;
	unsigned long number = strtoul(word, &end, 10);

	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->row[i].name, word) || (!*end && number == i + 1))
			return list->row[i].name;
	return NULL;
}

static int choose_one(struct config_list *chosen, const char *name, char *ret_why, size_t capacity)
{
	for (unsigned i = 0; i < chosen->count; i++)
		if (!strcmp(chosen->item[i], name))
			return 0;
	if (chosen->count == INTERFACES_CHOSEN_MAX) {
		snprintf(ret_why, capacity,
			"At most %d interfaces can be chosen here; more can be written into the "
			"configuration (lan.interfaces, page.addresses).",
			INTERFACES_CHOSEN_MAX);
		return -E2BIG;
	}
	strcpy(chosen->item[chosen->count++], name);
	return 0;
}

int interfaces_choose(const struct interface_list *list, const char *text,
	struct config_list *ret_chosen, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_free) char *words = strdup(text);
	struct config_list chosen = {0};
	char *rest = words;
	int r = 0;

	if (!words)
		return -ENOMEM;
	for (char *word; r == 0 && (word = strtok_r(rest, SEPARATORS, &rest));) {
		const char *name = name_of(list, word);

		if (!strcmp(word, "none"))
			continue;
		if (!strcmp(word, "all")) {
			for (size_t i = 0; r == 0 && i < list->count; i++)
				r = choose_one(&chosen, list->row[i].name, ret_why, capacity);
			continue;
		}
		if (!name) {
			snprintf(ret_why, capacity,
				"\"%.40s\" is not a network interface that is up; allowed: numbers "
				"or names of the list, \"all\" or \"none\".",
				word);
			return -EINVAL;
		}
		r = choose_one(&chosen, name, ret_why, capacity);
	}
	if (r == 0)
		*ret_chosen = chosen;
	return r;
}

/* ---- the drop-in ---- */

static void directory_of(const char *path, char *ret_directory, size_t capacity)
{
	snprintf(ret_directory, capacity, "%s.d", path);
}

static int print_dropin(const struct config_list *chosen, char **ret_text, size_t *ret_size)
{
	FILE *out = open_memstream(ret_text, ret_size);

	if (!out)
		return -ENOMEM;
	fputs("# Written by \"gatehousectl setup\", which asks no more while this file is here.\n"
	      "lan {\n\tinterfaces = { \"lo\"",
		out);
	for (unsigned i = 0; i < chosen->count; i++)
		fprintf(out, ", \"%s\"", chosen->item[i]);
	fputs(" }\n}\n\npage {\n\taddresses = { \"127.0.0.1%lo\", \"::1%lo\"", out);
	for (unsigned i = 0; i < chosen->count; i++)
		fprintf(out, ", \"0.0.0.0%%%s\", \"::%%%s\"", chosen->item[i], chosen->item[i]);
	fputs(" }\n}\n", out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

int interfaces_write(
	const char *path, const struct config_list *chosen, char *ret_why, size_t capacity)
{
	CLEANUP(cleanup_free) char *text = NULL;
	CLEANUP(cleanup_close) int directory = -EBADF;
	char name[300];
	size_t size;
	int r;

	directory_of(path, name, sizeof(name));
	r = print_dropin(chosen, &text, &size);
	if (r < 0)
		return r;
	if (mkdir(name, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0) {
		directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = directory < 0
			    ? -errno
			    : file_replace(directory, INTERFACES_DROPIN, span_of(text, size), 0644);
	}
	if (r < 0)
		snprintf(ret_why, capacity, "%s/%s cannot be written: %s.", name, INTERFACES_DROPIN,
			strerror(-r));
	return r;
}

bool interfaces_are_chosen(const char *path)
{
	char name[340];

	directory_of(path, name, sizeof(name) - sizeof("/" INTERFACES_DROPIN));
	strcat(name, "/" INTERFACES_DROPIN);
	return access(name, F_OK) == 0;
}
