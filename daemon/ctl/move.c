/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device moves to another gateway, in a file that only that one opens. Here, in this order:
 * nothing of it waits -> it is suspended -> sealed -> the file is on disk -> revoked. So at no
 * moment do two gateways speak for it, and whatever ends early leaves it here, or in the file.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/files.h"
#include "ctl/command.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define PARCEL_MAX 65536
#define DRAIN_USEC (30 * USEC_PER_SEC)
#define LOOK_AGAIN 200000000 /* nanoseconds */

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

static char *path_of(struct ctl *ctl, const char *after)
{
	return client_path(ctl->client, "/api/v1/devices/", ctl->invocation->argument[0], after);
}

static int act(struct ctl *ctl, const char *name, json_t *body_stolen, json_t **ret_answer)
{
	CLEANUP(cleanup_free) char *path = path_of(ctl, name);

	if (!path) {
		json_decref(body_stolen);
		return EXIT_REFUSED;
	}
	return ctl_call(ctl, "POST", path, body_stolen ? body_stolen : json_object(), ret_answer);
}

static int act_alone(struct ctl *ctl, const char *name)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;

	return act(ctl, name, NULL, &answer);
}

/* ---- out ---- */

/* How many readings wait, and whether it is suspended already. */
static int look(struct ctl *ctl, json_int_t *ret_queued, bool *ret_suspended)
{
	CLEANUP(cleanup_free) char *path = path_of(ctl, "");
	CLEANUP(cleanup_json) json_t *device = NULL;
	const char *stage;
	int code = path ? ctl_call(ctl, "GET", path, NULL, &device) : EXIT_REFUSED;

	if (code != EXIT_DONE)
		return code;
	stage = json_string_value(json_object_get(device, "stage"));
	*ret_queued = json_integer_value(json_object_get(device, "queued"));
	*ret_suspended = stage && !strcmp(stage, "suspended");
	if (*ret_suspended || (stage && !strcmp(stage, "active")))
		return EXIT_DONE;
	return ctl_refuse(ctl, "It is neither active nor suspended: there is nothing to be moved.");
}

/* Suspends it in a moment in which nothing of it waits: what waits is held while it is suspended.
 */
static int suspend_drained(struct ctl *ctl, bool *ret_suspended_here)
{
	const struct timespec pause = {0, LOOK_AGAIN};
	uint64_t end = clock_boot_usec() + DRAIN_USEC;
	json_int_t queued = 0;
	bool suspended = false;
	int code;

	for (;; nanosleep(&pause, NULL)) {
		code = look(ctl, &queued, &suspended);
		if (code != EXIT_DONE)
			return code;
		if (!queued && suspended)
			return EXIT_DONE;
		if (suspended && !*ret_suspended_here)
			return ctl_refuse(ctl,
				"%lld readings of it are held here. Resume it until they "
				"are delivered.",
				(long long)queued);
		if (clock_boot_usec() > end)
			return ctl_refuse(ctl,
				"Its readings (%lld) are not delivered. Is the uplink up? "
				"(gatehousectl queue)",
				(long long)queued);
		if (suspended)
			code = act_alone(ctl, "/resume");
		else if (!queued)
			code = act_alone(ctl, "/suspend");
		*ret_suspended_here = !suspended && !queued;
		if (code != EXIT_DONE)
			return code;
	}
}

static int seal_into_file(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const char *key = ctl->invocation->value[OPTION_FOR], *parcel;
	int code = act(ctl, "/export", json_pack("{s:s}", "to", key), &answer);

	if (code != EXIT_DONE)
		return code;
	parcel = json_string_value(json_object_get(answer, "parcel"));
	if (!parcel)
		return ctl_refuse(ctl, "The gateway handed nothing out.");
	return ctl_write_file(ctl, ctl->invocation->argument[1], span_from_string(parcel));
}

static int revoke_moved(struct ctl *ctl, const char *path)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = act(ctl, "/revoke", NULL, &answer);

	if (code != EXIT_DONE)
		return ctl_refuse(ctl,
			"%.200s is written, but the device is only suspended here. "
			"Revoke it before it is imported there.",
			path);
	if (ctl_print_json(ctl, answer))
		return EXIT_DONE;
	fprintf(ctl->out,
		"Written: %s. The device is revoked here. At the other gateway: gatehousectl "
		"devices import.\n",
		path);
	return EXIT_DONE;
}

int run_devices_export(struct ctl *ctl)
{
	const char *path = ctl->invocation->argument[1];
	bool suspended_here = false;
	int code;

	if (!ctl->invocation->value[OPTION_FOR])
		return ctl_usage_error(ctl, "--for needs the other gateway's public key "
					    "(gatehousectl key show, there)");
	if (access(path, F_OK) == 0)
		return ctl_refuse(ctl, "%.200s is there already; nothing is written over.", path);
	code = suspend_drained(ctl, &suspended_here);
	if (code == EXIT_DONE)
		code = seal_into_file(ctl);
	if (code != EXIT_DONE) {
		/* It stays here, as it was. */
		if (suspended_here)
			act_alone(ctl, "/resume");
		return code;
	}
	return revoke_moved(ctl, path);
}

/* ---- in ---- */

int run_devices_import(struct ctl *ctl)
{
	CLEANUP(cleanup_free) uint8_t *text = NULL;
	const char *path = ctl->invocation->argument[0];
	size_t size;
	json_t *body;
	int r = file_read(AT_FDCWD, path, PARCEL_MAX, &text, &size);

	if (r < 0)
		return ctl_refuse(ctl, "%.200s cannot be read: %s.", path, strerror(-r));
	while (size && text[size - 1] == '\n')
		text[--size] = '\0';
	body = json_pack("{s:s%}", "parcel", (const char *)text, size);
	if (!body)
		return ctl_refuse(ctl, "%.200s is no file of 'devices export'.", path);
	return ctl_do(ctl, "POST", "/api/v1/import", body, "The device was taken over.");
}
