/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tiers above plain. Who has a DTLS session has shown the key that belongs to its name, and
 * does so again with each record: its address is only the way to it, and may change. So a proof
 * takes a name over from whoever held it without one, and from then on the name is closed to
 * everybody who does not prove it: a tier only goes up.
 */

#include "host/secure-host.h"
#include "host/journal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "host/binding-host.h"
#include "host/label-host.h"
#include "host/sighted.h"

#define DOWNGRADES_A_MINUTE 1.0
#define DOWNGRADES_AT_ONCE  3.0

_Static_assert(LAN_IDENTITY_MAX + 1 == FINGERPRINT_SIZE, "an identity holds a fingerprint");
_Static_assert(LABEL_KEY_SIZE <= LAN_PSK_MAX, "a label's key fits into a handshake");

bool secure_host_psk(
	struct host *host, const char *identity, uint8_t ret_key[LAN_PSK_MAX], size_t *ret_size)
{
	const struct device *device = registry_by_ep(host->registry, identity);
	uint8_t key[LABEL_KEY_SIZE];
	bool known = label_host_psk(host, span_from_string(identity), key) >= 0;
	/* The name on the label, byte for byte, is the name of the device. What was only heard of
	 * in other letters is nobody yet, or anybody could close a label by saying them. */
	bool blocked =
		device &&
		(device->record->life.admission == ADMISSION_BLOCKED ||
			(strcmp(device->record->ep, identity) != 0 && !sighted_only(device)));

	if (known && !blocked) {
		memcpy(ret_key, key, sizeof(key));
		*ret_size = sizeof(key);
	}
	crypto_wipe(key, sizeof(key));
	return known && !blocked;
}

bool secure_host_keeps(const struct host *host, const struct lan_peer *peer)
{
	const struct device *device = registry_by_ep(host->registry, peer->name);

	return device && strcmp(device->record->ep, peer->name) == 0 &&
	       (peer->trust != TRUST_CERT ||
		       strcmp(device->record->fingerprint, peer->identity) == 0) &&
	       lifecycle_may_report(&device->record->life);
}

static bool is_undecided(const struct device_record *record)
{
	return record->life.admission == ADMISSION_SIGHTED ||
	       record->life.admission == ADMISSION_PENDING;
}

bool secure_may_be(const struct device_record *record, const struct lan_peer *peer)
{
	if (peer->trust < TRUST_PSK || peer->trust < record->trust)
		return false;
	if (peer->trust != TRUST_CERT)
		return true;
	if (record->fingerprint[0])
		return strcmp(record->fingerprint, peer->identity) == 0;
	return record->trust == TRUST_PLAIN || (record->released && is_undecided(record));
}

bool secure_is_proven(const struct lan_request *request)
{
	return request->peer->trust >= TRUST_PSK;
}

bool secure_is_device(const struct lan_request *request, const struct device *device)
{
	return secure_may_be(device->record, request->peer) &&
	       strcmp(device->record->ep, request->ep) == 0;
}

bool secure_is_still(const struct device_record *record, const struct lan_peer *peer)
{
	if (record->trust >= TRUST_PSK)
		return secure_may_be(record, peer);
	return peer->trust < TRUST_PSK &&
	       device_address_same_host(&peer->address, &record->address);
}

bool secure_is_downgrade(
	struct host *host, struct device *device, const struct lan_request *request)
{
	struct audit_row audit;
	char address[80];

	if (device->record->trust < TRUST_PSK || request->peer->trust >= device->record->trust)
		return false;
	if (ratelimit_take(&device_host(device)->conflicts, DOWNGRADES_A_MINUTE / 60,
		    DOWNGRADES_AT_ONCE, clock_boot_usec(), NULL)) {
		audit_row_init(&audit, "device", "",
			device_address_to_string(&request->peer->address, address), DEED_DOWNGRADE,
			device->record->id, "", audit_result(AUDIT_UNPROVED));
		host_audit(host, &audit, NULL, NULL);
	}
	return true;
}

bool secure_speaks_for(struct host *host, struct device *device, const struct lan_request *request)
{
	if (secure_is_proven(request))
		return secure_is_device(request, device);
	return !secure_is_downgrade(host, device, request) &&
	       binding_holds(host, device, request->peer);
}

bool secure_raise(struct device_record *next, const struct lan_peer *peer)
{
	bool changes =
		next->trust != peer->trust ||
		(peer->trust == TRUST_CERT && strcmp(next->fingerprint, peer->identity) != 0) ||
		!device_address_same_host(&next->address, &peer->address);

	next->trust = peer->trust;
	next->released = next->secure_only = false;
	/* What was answered without a session may be somebody else's; a certificate is no label. */
	next->kept_proof[0] = '\0';
	if (peer->trust == TRUST_CERT) {
		memcpy(next->fingerprint, peer->identity, sizeof(next->fingerprint));
		next->proved_label[0] = '\0';
	}
	next->address = peer->address;
	/* It is the session that belongs to the name, not the address. */
	next->address_bound = false;
	next->mac[0] = '\0';
	return changes;
}
