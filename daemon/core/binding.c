/* SPDX-License-Identifier: Apache-2.0 */

/* A record without a MAC was bound before there was one to be seen, or where there is none. It
 * learns one at its address, and cannot follow anybody to another. */

#include "core/binding.h"

#include <stdio.h>
#include <string.h>

enum binding binding_of(
	const struct device_record *record, const struct device_address *address, const char *mac)
{
	bool known = record->mac[0] && mac[0], same_mac = known && !strcmp(record->mac, mac);

	if (!record->address_bound)
		return BINDING_CONFLICT;
	if (device_address_same_host(&record->address, address)) {
		if (known && !same_mac)
			return BINDING_CONFLICT;
		return mac[0] && !record->mac[0] ? BINDING_LEARNED : BINDING_FITS;
	}
	return same_mac && !strcmp(record->address.interface, address->interface)
		       ? BINDING_MOVED
		       : BINDING_CONFLICT;
}

void binding_set(
	struct device_record *record, const struct device_address *address, const char *mac)
{
	/* What was proved was proved from there. */
	if (!device_address_same_host(&record->address, address))
		record->kept_proof[0] = '\0';
	record->address = *address;
	record->address_bound = true;
	snprintf(record->mac, sizeof(record->mac), "%s", mac);
}
