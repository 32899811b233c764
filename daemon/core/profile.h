/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Device profiles: what to read of standard devices that have no gatehouse.* resource, in files
 * *.conf of one directory. The syntax is that of the configuration; docs/profiles.md describes it.
 *
 *	match { rt = { "oic.r.temperature" } }
 *	device { model = "Acme T1" }
 *	read { path = "/temp"  observe = yes  format = text  name = "temperature"  unit = "Cel" }
 *
 * The sections read come up to 8 times. A set of profiles is a value: read whole or not at all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/config.h"

#define PROFILES_MAX	  64
#define PROFILE_READS_MAX 8
#define PROFILE_TEXT_MAX  64
#define READ_PATH_MAX	  127
#define READ_UNIT_MAX	  16

enum read_observe { READ_OBSERVE_AUTO, READ_OBSERVE_YES, READ_OBSERVE_NO };

struct profile_read {
	char path[READ_PATH_MAX + 1];
	enum read_observe observe; /* auto: as its link says */
	uint32_t interval;	   /* seconds between two reads, 0 = lan.poll_interval */
	int format; /* Content-Format when the device does not say, -1 = its link's */
	char name[PROFILE_TEXT_MAX + 1]; /* of a single value, "" = made of the path */
	char unit[READ_UNIT_MAX + 1];	 /* of values that come without one */
};

struct profile {
	char file[PROFILE_TEXT_MAX + 1]; /* its name without ".conf" */
	char model[PROFILE_TEXT_MAX + 1];
	/* Each one that is given must be met by one of its patterns. */
	struct config_list rt, interface, path, ep;
	struct profile_read read[PROFILE_READS_MAX];
	unsigned read_count;
};

struct profiles {
	unsigned count;
	struct profile item[PROFILES_MAX];
};

/* '*' stands for any characters, also none. */
bool profile_pattern_fits(const char *pattern, struct span text);
/* A path of the device itself: begins with one '/', printable, no dot segments, no '#'. */
bool read_path_fits(const char *path);
/* A name that SenML can carry (RFC 8428 section 4.5.1). */
bool read_name_fits(const char *name);

/* One file: 0 with *ret_profile, -EINVAL after messages, or another negative errno after one. */
int profile_read_file(
	const char *path, config_message_fn message, void *userdata, struct profile *ret_profile);
int profile_read_text(const char *path, char *text, size_t size, config_message_fn message,
	void *userdata, struct profile *ret_profile);

/*
 * All files of a directory, by name; one that is not there holds none. *ret is new (free()). With
 * 'strict' the first error is the result and nothing is returned; otherwise the files that are
 * wrong are left out, after their messages.
 */
int profiles_load(const char *directory, bool strict, config_message_fn message, void *userdata,
	struct profiles **ret);

/* The table, for documents. */
const struct config_key *profile_keys(size_t *ret_count);
