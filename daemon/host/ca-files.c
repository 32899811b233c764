/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Authorities as files, for those who keep the configuration of a site in files: each *.pem in the
 * directory holds one certificate, and may say "admit = auto" on a line before it. The register
 * follows the directory at start and at reload, with a row in the journal for each difference.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "host/ca-host.h"

#define SUFFIX ".pem"

static bool has_suffix(const char *name)
{
	size_t size = strlen(name);

	return size > strlen(SUFFIX) && !strcmp(name + size - strlen(SUFFIX), SUFFIX);
}

static int is_authority(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && has_suffix(entry->d_name);
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

/* A sentence is in the log when it cannot be read. */
static int file_take(const char *path, const char *file_name, struct device_ca **ret)
{
	struct device_ca *ca = calloc(1, sizeof(*ca));
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	const char *why = "cannot be read";
	struct chain_facts facts;
	size_t size = 0;
	int r = ca ? file_read(AT_FDCWD, path, AUTHORITY_MAX, &data, &size) : -ENOMEM;

	if (r >= 0) {
		why = "says something else than admit = person or admit = auto, once";
		r = device_ca_read_policy(span_of(data, size), &ca->policy);
	}
	if (r >= 0)
		r = authority_read(span_of(data, size), &facts, &ca->certificate, &why);
	if (r < 0) {
		log_error("The authority in %s is left out: the file %s.", path, why);
		device_ca_free(ca);
		return r;
	}
	memcpy(ca->fingerprint, facts.fingerprint, sizeof(ca->fingerprint));
	snprintf(ca->name, sizeof(ca->name), "%.*s", (int)(strlen(file_name) - strlen(SUFFIX)),
		file_name);
	ca->from_file = true;
	ca->since = clock_wall_msec();
	ca->not_after = facts.not_after;
	*ret = ca;
	return 0;
}

/* With what people have registered, are registering, and the files before it. */
static bool has_place(struct host *host, const struct device_cas *files, const struct device_ca *ca)
{
	size_t count = files->count + ca_under_way(host, files, ca);

	if (device_cas_find(files, ca->fingerprint))
		return true;
	for (size_t i = 0; i < host->cas.count; i++) {
		const struct device_ca *known = host->cas.ca[i];

		count += !known->from_file && strcmp(known->fingerprint, ca->fingerprint) != 0 &&
			 !device_cas_find(files, known->fingerprint);
	}
	if (count < host->limits.value[LIMIT_DEVICE_CAS])
		return true;
	host->limits.reached[LIMIT_DEVICE_CAS]++;
	return false;
}

/* All files; -EINVAL when one of them is wrong, and then what is right is there still. */
static int files_take(struct host *host, struct device_cas *cas)
{
	const char *directory = host->config->lan_device_cas;
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_authority, by_name), result = 0;

	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		struct device_ca *ca = NULL;
		char path[512];
		int r;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		r = file_take(path, entries[i]->d_name, &ca);
		if (r >= 0 && !has_place(host, cas, ca)) {
			log_error("The authority in %s is left out: there are too many.", path);
			r = -EINVAL;
		}
		if (r >= 0)
			r = device_cas_reserve(cas);
		if (r >= 0) {
			/* Two files with the same certificate: the latter counts. */
			const struct device_ca *twice = device_cas_find(cas, ca->fingerprint);

			ca->row = twice ? twice->row : (uint64_t)i + 1;
			device_cas_put(cas, ca);
		} else {
			device_ca_free(ca);
			result = -EINVAL;
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

static void journal(const struct device_ca *ca, enum act_kind action, struct audit_row *ret_audit)
{
	audit_row_init(ret_audit, "gateway", "", "file", action, ca->fingerprint, "",
		action == ACT_CA_PUT ? ca_audit_result(ca) : audit_result(AUDIT_DONE));
}

static void follow(struct host *host, const struct device_cas *files, bool withdraws)
{
	struct audit_row audit;

	for (size_t i = 0; i < files->count; i++) {
		const struct device_ca *next = files->ca[i];
		const struct device_ca *known = device_cas_find(&host->cas, next->fingerprint);
		struct device_ca *copy = NULL;

		if (known && known->from_file && known->policy == next->policy &&
			!strcmp(known->name, next->name))
			continue;
		if (device_ca_copy(next, &copy) < 0)
			continue;
		journal(next, ACT_CA_PUT, &audit);
		ca_save(host, copy, &audit, NULL, NULL);
	}
	for (size_t i = 0; withdraws && i < host->cas.count; i++) {
		const struct device_ca *known = host->cas.ca[i];

		if (!known->from_file || device_cas_find(files, known->fingerprint))
			continue;
		log_notice("The authority %s (SHA-256 %s) is withdrawn: its file is gone.",
			known->name, known->fingerprint);
		journal(known, ACT_CA_DROP, &audit);
		ca_withdraw(host, known, &audit, NULL, NULL);
	}
}

void ca_files_start(struct host *host)
{
	CLEANUP(device_cas_clear) struct device_cas files = {0};
	int r = files_take(host, &files);

	if (r < 0)
		log_error("Not all authorities in %s were taken, so none is withdrawn.",
			host->config->lan_device_cas);
	follow(host, &files, r >= 0);
}

int ca_files_read(struct host *host, struct device_cas *ret_files)
{
	return files_take(host, ret_files);
}

void ca_files_follow(struct host *host, const struct device_cas *files)
{
	follow(host, files, true);
}
