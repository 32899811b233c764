/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From disk into memory, once, before anything listens: the store calls back for each record, and
 * each goes to the part of the host that keeps it. The keys by which retransmissions are recognised
 * are handed back: they belong to the LAN, which does not exist yet.
 *
 * Without its port a new request of a device that has started again looks like one that came
 * before, and would be lost. So only those are handed back that can still come again, and none
 * from before the machine started: what took its power may have taken the device's.
 */

#include "host/load.h"
#include "host/act.h"
#include "host/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/ca-host.h"
#include "host/command-host.h"
#include "host/gap.h"
#include "host/host.h"
#include "host/key-host.h"
#include "host/label-host.h"
#include "host/operator-token.h"
#include "host/outbox-host.h"
#include "host/site-ca-host.h"
#include "host/token-host.h"
#include "host/withdraw.h"
#include "lan/retransmission.h"

struct remembered {
	struct remembered *next;
	uint64_t device_row;
	struct request_key key;
	uint64_t since_usec; /* boot time */
};
struct loading {
	struct host *host;
	uint64_t boot_row; /* of struct store_facts */
	struct remembered *first, **end;
};

static int load_device(void *userdata, struct device_record *record)
{
	struct host *host = ((struct loading *)userdata)->host;
	struct device *device;
	int r = device_host_add(host, record, &device);

	if (r >= 0)
		device->on_disk = true;
	return r;
}

static int load_person(void *userdata, const struct person *person)
{
	return people_load(((struct loading *)userdata)->host, person);
}

static int load_alarm(void *userdata, const struct alarm *alarm)
{
	struct host *host = ((struct loading *)userdata)->host;
	struct alarm raised;

	alarms_raise(&host->alarms, alarm->kind, alarm->subject, alarm->raised, &raised);
	return 0;
}

static int load_setting(void *userdata, const char *name, const char *value)
{
	return 0; /* no setting of this version lives in the store */
}

static int load_token(void *userdata, const char *kind, const char *ep, int64_t since, bool brought)
{
	struct token_names *names = &((struct loading *)userdata)->host->tokens;

	return brought ? token_names_bring(names, kind, ep, since)
		       : token_names_put(names, kind, ep, since);
}

static int load_operator_token(
	void *userdata, const char *platform, int64_t since, struct span value)
{
	return operator_load(((struct loading *)userdata)->host, platform, since, value);
}

static int load_label(void *userdata, struct kept_label *kept)
{
	return label_load(((struct loading *)userdata)->host, kept);
}

static int load_owed(void *userdata, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row)
{
	return reading_load(
		((struct loading *)userdata)->host, device_row, count, bytes, first_row, last_row);
}

static int load_oldest(void *userdata, uint64_t device_row, int64_t time)
{
	owed_oldest_is(((struct loading *)userdata)->host->owed, device_row, time);
	return 0;
}

/* A clock that was set in between makes it look older or like one of the future; then it is
 * forgotten, and at worst a reading comes twice. */
static bool may_come_again(
	const struct loading *loading, const struct store_request *request, uint64_t *ret_since)
{
	uint64_t lifetime = retransmissions_lifetime(&request->key), now = clock_boot_usec();
	int64_t age = clock_wall_msec() - request->time;

	if (request->row < loading->boot_row || age < 0 || (uint64_t)age > lifetime / USEC_PER_MSEC)
		return false;
	*ret_since = now - (uint64_t)age * USEC_PER_MSEC;
	return *ret_since <= now;
}

static int load_request(void *userdata, uint64_t device_row, const struct store_request *stored)
{
	struct loading *loading = userdata;
	struct remembered *request;
	uint64_t since;

	if (!may_come_again(loading, stored, &since))
		return 0;
	request = malloc(sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct remembered){
		.device_row = device_row, .key = stored->key, .since_usec = since};
	*loading->end = request;
	loading->end = &request->next;
	return 0;
}

static int load_command(void *userdata, const struct command *command)
{
	return command_host_load(((struct loading *)userdata)->host, command);
}

static int load_withdrawal(void *userdata, struct withdrawal *withdrawal)
{
	return withdraw_load(((struct loading *)userdata)->host, withdrawal);
}

static int load_device_ca(void *userdata, struct device_ca *ca)
{
	return ca_load(((struct loading *)userdata)->host, ca);
}

static int load_site_ca(void *userdata, struct span identity)
{
	return site_ca_load(((struct loading *)userdata)->host, identity);
}

static int load_gap(void *userdata, const struct store_gap *gap)
{
	return gap_load(((struct loading *)userdata)->host, gap);
}

void remembered_free_all(struct remembered **first)
{
	struct remembered *request;

	while ((request = *first)) {
		*first = request->next;
		free(request);
	}
}

static void loading_clear(struct loading *loading)
{
	remembered_free_all(&loading->first);
}

int host_load(struct host *host, struct remembered **ret_remembered)
{
	const struct store_loader loader = {
		.device = load_device,
		.person = load_person,
		.alarm = load_alarm,
		.setting = load_setting,
		.token = load_token,
		.operator_token = load_operator_token,
		.label = load_label,
		.owed = load_owed,
		.oldest = load_oldest,
		.request = load_request,
		.command = load_command,
		.gap = load_gap,
		.withdrawal = load_withdrawal,
		.device_ca = load_device_ca,
		.site_ca = load_site_ca,
	};
	const struct owed_limits limits = outbox_limits(host);
	CLEANUP(loading_clear)
	struct loading loading = {.host = host, .end = &loading.first};
	struct store_facts facts;
	int r;

	store_get_facts(host->store, &facts);
	loading.boot_row = facts.boot_row;
	r = recent_new(&host->limits, &host->recent);
	if (r < 0)
		return r;
	r = registry_new(&host->registry);
	if (r < 0)
		return r;
	registry_set_destructor(host->registry, device_host_detach, host);
	r = owed_new(&limits, facts.epoch, facts.next_row, &host->owed);
	if (r < 0)
		return r;
	r = store_load(host->store, &loader, &loading);
	if (r < 0)
		return r;
	token_names_sort(&host->tokens);
	registry_set_next_row(host->registry, facts.next_device_row);
	host->next_operation = facts.next_operation;
	key_load(host, &facts, getenv("CREDENTIALS_DIRECTORY") != NULL);
	host->next_command = facts.next_command;
	host->next_ca_row = device_cas_next_row(&host->cas);
	host->next_withdrawal = facts.next_withdrawal;
	host->facts.audit_rows = facts.audit_rows;
	snprintf(host->facts.audit_head, sizeof(host->facts.audit_head), "%s", facts.audit_head);
	*ret_remembered = STEAL(loading.first);
	return 0;
}

/* The port that it came from is not on disk, and the one in the record may be another by now. A
 * device that is alone at its address may leave its name out. */
static void remember(struct host *host, const struct remembered *remembered)
{
	struct device *device = registry_by_row(host->registry, remembered->device_row);
	struct device_address address;

	if (!device)
		return;
	/* Over a session only its identity counts. */
	if (device->record->trust >= TRUST_PSK) {
		lan_remember_session(host->lan, device->record->trust,
			device->record->trust == TRUST_CERT ? device->record->fingerprint
							    : device->record->ep,
			&remembered->key, remembered->since_usec);
		return;
	}
	address = device->record->address;
	address.port = 0;
	lan_remember(
		host->lan, &address, device->record->ep, &remembered->key, remembered->since_usec);
	lan_remember(host->lan, &address, "", &remembered->key, remembered->since_usec);
}

void host_load_remember(struct host *host, const struct remembered *first)
{
	for (; first; first = first->next)
		remember(host, first);
}
