/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Places for names that nobody decided on yet: those that ask (LIMIT_PENDING) and those that are
 * only announced (LIMIT_SIGHTINGS). At the limit the oldest one that has been silent for a minute,
 * proved nothing and waits for nothing goes; otherwise the newcomer has to come back.
 *
 * A device whose label is known, or for whose name a token was imported, is expected: names that
 * anybody can make up do not crowd it out. There is one record for each at most, so its places are
 * counted there (LIMIT_LABELS, LIMIT_TOKENS).
 */

#include "host/effect.h"
#include "host/enrol.h"
#include "host/host.h"
#include "host/token-host.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define SILENT_USEC (60 * USEC_PER_SEC)

/* Nothing but an announcement: it is not kept, and holds no place of those who ask. */
static bool is_announcement(const struct device *device)
{
	return device->record->life.admission == ADMISSION_SIGHTED && device->record->is_server &&
	       !device->on_disk && !device->saving;
}

static bool is_expected(const struct host *host, const char *ep)
{
	return label_book_find(&host->labels, ep) || token_is_imported(host, ep);
}

static size_t count_undecided(const struct host *host, bool announcements)
{
	struct device *device = registry_first(host->registry);
	enum device_stage stage;
	enum device_word word;
	size_t count = 0;

	for (; device; device = registry_next(device)) {
		lifecycle_describe(&device->record->life, &word, &stage);
		if ((stage == STAGE_WAITING_PERSON || stage == STAGE_SEEN) &&
			!is_expected(host, device->record->ep))
			count += is_announcement(device) == announcements;
	}
	return count;
}

static bool is_silent(const struct host *host, const struct device *device)
{
	if (device->last_heard_usec)
		return device->last_heard_usec + SILENT_USEC <= clock_boot_usec();
	return clock_wall_msec() - host->facts.started >= (int64_t)(SILENT_USEC / 1000);
}

/* Nobody decided on it, nothing proves who it is, and nothing is going on with it. */
static bool is_evictable(const struct host *host, const struct device *device)
{
	const struct device_record *record = device->record;
	const struct device_host *part = device_host(device);

	return record->life.admission == ADMISSION_PENDING && !record->decided_at &&
	       record->trust == TRUST_PLAIN && device->on_disk && !device->saving &&
	       !device->present && !part->saving && !part->inputs && is_silent(host, device) &&
	       !is_expected(host, record->ep); /* it holds none of these places */
}

static int edit_evicted(struct device_record *next, const void *argument, const char **ret_why)
{
	return next->life.admission == ADMISSION_PENDING && !next->decided_at ? 0 : -EBUSY;
}

/* The oldest one that may go. It goes when that is on disk; its place is given away at once. */
static bool evict_pending(struct host *host)
{
	struct device *device = registry_first(host->registry);
	struct audit_row audit;

	while (device && !is_evictable(host, device))
		device = registry_next(device);
	if (!device)
		return false;
	log_device(LOG_NOTICE, device->record->id,
		"Device %s waited in silence and makes room for another.", device->record->ep);
	audit_row_init(&audit, "gateway", "", "", ACT_FORGET, device->record->id, "",
		audit_result(AUDIT_EVICTED));
	host_submit(host, device,
		&(const struct submission){.event = LIFE_EVENTS,
			.forget = true,
			.edit = edit_evicted,
			.audit = &audit});
	return true;
}

bool enrol_has_place(struct host *host, const char *ep)
{
	if (is_expected(host, ep) || count_undecided(host, false) < host->config->pending_max ||
		evict_pending(host))
		return true;
	host->limits.reached[LIMIT_PENDING]++;
	return false;
}

static bool sightings_have_place(struct host *host)
{
	if (count_undecided(host, true) < host->limits.value[LIMIT_SIGHTINGS] ||
		registry_evict_silent(host->registry, clock_boot_usec()))
		return true;
	host->limits.reached[LIMIT_SIGHTINGS]++;
	return false;
}

/* A name of which nothing is known yet: from our LAN, and not too many in a minute. */
static bool may_be_new(
	struct host *host, const char *ep, const char *interface, enum turned_away *ret_why)
{
	const struct config_list *list = &host->config->lan_interfaces;
	double per_minute = host->config->new_per_minute;
	unsigned i;

	for (i = 0; i < list->count; i++)
		if (!strcmp(list->item[i], interface))
			break;
	if (!interface[0] && host->config->lan_routed.count > 0)
		i = CONFIG_LIST_MAX; /* only what is routed has no interface */
	else if (i == list->count) {
		*ret_why = AWAY_WRONG_INTERFACE;
		return false;
	}
	if (!is_expected(host, ep) && !ratelimit_take(&host->new_names[i], per_minute / 60,
					      per_minute, clock_boot_usec(), NULL)) {
		host->limits.reached[LIMIT_NEW_NAMES_PER_MINUTE]++;
		*ret_why = AWAY_OVER_LIMIT;
		return false;
	}
	return true;
}

bool enrol_new_name_allowed(
	struct host *host, const char *ep, const char *interface, enum turned_away *ret_why)
{
	if (!may_be_new(host, ep, interface, ret_why))
		return false;
	*ret_why = AWAY_OVER_LIMIT;
	return enrol_has_place(host, ep);
}

bool enrol_sighting_allowed(
	struct host *host, const char *ep, const char *interface, enum turned_away *ret_why)
{
	if (!may_be_new(host, ep, interface, ret_why))
		return false;
	*ret_why = AWAY_OVER_LIMIT;
	return is_expected(host, ep) || sightings_have_place(host);
}
