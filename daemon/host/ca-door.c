/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device comes to the DTLS port with a certificate under a registered authority. With the policy
 * "person" it enrols as any other, while a window is open. With "auto" its first connection is
 * enough: there is a record, and the authority's word admits it (where this gateway itself
 * approves, it approves it). That word counts for the first decision alone: whom a person released,
 * or a platform put out, waits for a person. It is only taken while the clock is right:
 * certificates that are over are not told from others otherwise; then a person decides.
 *
 * A device is known by the fingerprint of its certificate from then on. Blocked, it gets no session
 * any more. Another certificate with its name is another device (secure-host.c).
 */

#include "host/ca-host.h"
#include "host/effect.h"
#include "host/enrol.h"
#include "host/journal.h"
#include "host/platform-host.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/scan-host.h"
#include "host/secure-host.h"
#include "host/sighted.h"
#include "host/token-host.h"

#define CONFLICTS_A_MINUTE 1.0
#define CONFLICTS_AT_ONCE  3.0

bool ca_admits(struct host *host, const struct lan_certificate *certificate)
{
	const struct device *device = registry_by_ep(host->registry, certificate->name);

	return !device || device->record->life.admission != ADMISSION_BLOCKED ||
	       strcmp(device->record->fingerprint, certificate->fingerprint) != 0;
}

bool ca_vouches(const struct host *host, const struct lan_peer *peer)
{
	const struct device_ca *ca =
		peer->trust == TRUST_CERT ? device_cas_find(&host->cas, peer->authority) : NULL;

	return ca && ca->policy == CA_AUTO;
}

/* ---- its word is taken ---- */

struct taking {
	char by[LABEL_MAX + 1];
	char fingerprint[FINGERPRINT_SIZE];
	int64_t now, decided_at;
};

static int edit_taken_in(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct taking *taking = argument;

	/* Meanwhile it may have been released, or a person may have decided. */
	if (next->trust != TRUST_CERT || strcmp(next->fingerprint, taking->fingerprint) != 0 ||
		next->decided_at != taking->decided_at) {
		*ret_why = "It is another matter now.";
		return -ESTALE;
	}
	memcpy(next->decided_by, taking->by, sizeof(next->decided_by));
	next->evidence = EVIDENCE_POLICY;
	next->decided_at = taking->now;
	next->released = false;
	return 0;
}

static void on_taken_in(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	(void)userdata;
	if (!device)
		return;
	device_host(device)->taking_in = false;
	if (result == SUBMIT_DONE || result == SUBMIT_IGNORED)
		scan_end(device_host(device)->host, device->record->ep);
	else
		log_device(LOG_WARNING, device->record->id,
			"Its authority vouches for it, and it could not be taken in: %s",
			why ? why : "it could not be saved.");
}

void ca_look(struct host *host, struct device *device, const struct lan_peer *peer)
{
	const struct device_record *record = device->record;
	const struct device_ca *ca = device_cas_find(&host->cas, peer->authority);
	const struct platform_driver *driver = platform_host_driver(host, device);
	enum life_event event = LIFE_ADMIT;
	struct taking taking = {.now = clock_wall_msec(), .decided_at = record->decided_at};
	struct audit_row audit;

	if (!ca_vouches(host, peer) || !clock_is_synced() || record->trust != TRUST_CERT ||
		strcmp(record->fingerprint, peer->identity) != 0 ||
		record->life.admission != ADMISSION_PENDING || record->decided_at ||
		device_host(device)->taking_in || token_is_missing(host, device))
		return;
	if (driver && driver->describe()->supports & PLATFORM_APPROVES_HERE)
		event = LIFE_APPROVE;
	memcpy(taking.by, ca->name, sizeof(taking.by));
	memcpy(taking.fingerprint, peer->identity, sizeof(taking.fingerprint));
	audit_row_init(&audit, ca->name, "", "certificate",
		event == LIFE_APPROVE ? ACT_APPROVE : ACT_ADMIT, record->id,
		evidence_to_string(EVIDENCE_POLICY), audit_result(AUDIT_DONE));
	device_host(device)->taking_in = true;
	host_submit(host, device,
		&(const struct submission){
			.event = event,
			.edit = edit_taken_in,
			.argument = &taking,
			.argument_size = sizeof(taking),
			.audit = &audit,
			.done = on_taken_in,
			.userdata = NULL,
		});
}

/* ---- the first connection ---- */

struct registering {
	struct host *host;
	struct lan_peer peer;
	bool created;
};

static int edit_registered(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct lan_peer *peer = argument;

	if (!secure_may_be(next, peer)) {
		*ret_why = "This name belongs to another device.";
		return -EPERM;
	}
	secure_raise(next, peer);
	next->is_server = false;
	next->poll_path[0] = '\0';
	return 0;
}

static void on_registered(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	CLEANUP(cleanup_free) struct registering *registering = userdata;
	struct host *host = registering->host;

	(void)why;
	if (!device)
		return;
	if (registering->created && !device->on_disk && !device->saving)
		registry_remove(host->registry, device);
	else if (result == SUBMIT_DONE || result == SUBMIT_IGNORED)
		ca_look(host, device, &registering->peer);
}

static void conflict(struct host *host, struct device *device, const struct lan_peer *peer)
{
	struct audit_row audit;
	char address[80];

	host_turned_away(host, AWAY_NAME_CONFLICT, &peer->address);
	host_alarm_raise(host, ALARM_NAME_CONFLICT, device->record->id);
	if (!ratelimit_take(&device_host(device)->conflicts, CONFLICTS_A_MINUTE / 60,
		    CONFLICTS_AT_ONCE, clock_boot_usec(), NULL))
		return;
	audit_row_init(&audit, "device", "", device_address_to_string(&peer->address, address),
		DEED_ENROL, device->record->id, "", audit_result(AUDIT_NAME_CONFLICT));
	host_audit(host, &audit, NULL, NULL);
}

/* Its record in the registry, or NULL. */
static struct device *known_or_made(
	struct host *host, const struct lan_peer *peer, bool *ret_created)
{
	struct device *device = registry_by_ep(host->registry, peer->name);

	if (device && sighted_only(device) && strcmp(device->record->ep, peer->name) != 0) {
		registry_remove(host->registry, device);
		device = NULL;
	}
	*ret_created = !device;
	if (!device && newcomer_make(host, peer->name, peer, &device) < 0)
		return NULL;
	return device;
}

void ca_entered(struct host *host, const struct lan_peer *peer)
{
	struct registering *registering;
	struct device *device;
	struct audit_row audit;
	char address[80];
	bool created;

	if (!ca_vouches(host, peer))
		return;
	device = known_or_made(host, peer, &created);
	if (!device)
		return;
	if (strcmp(device->record->ep, peer->name) != 0 || !secure_may_be(device->record, peer)) {
		conflict(host, device, peer);
		return;
	}
	device->last_heard_usec = clock_boot_usec();
	/* Who is in is recognised; nothing is to be written. */
	if (!created && device->record->trust == TRUST_CERT && device->record->fingerprint[0] &&
		device->record->life.admission != ADMISSION_SIGHTED) {
		ca_look(host, device, peer);
		return;
	}
	registering = malloc(sizeof(*registering));
	if (!registering)
		return;
	*registering = (struct registering){.host = host, .peer = *peer, .created = created};
	audit_row_init(&audit, "device", "", device_address_to_string(&peer->address, address),
		created ? DEED_ENROL : DEED_PROOF, device->record->id, "",
		created ? audit_result(AUDIT_PENDING) : trust_to_string(TRUST_CERT));
	host_submit(host, device,
		&(const struct submission){
			.event = device->record->life.admission == ADMISSION_SIGHTED ? LIFE_ASKED
										     : LIFE_EVENTS,
			.edit = edit_registered,
			.argument = peer,
			.argument_size = sizeof(*peer),
			.audit = &audit,
			.done = on_registered,
			.userdata = registering,
		});
}
