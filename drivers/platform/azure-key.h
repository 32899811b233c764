/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Symmetric keys of Azure's provisioning service and IoT Hub: keys derived from a group's, shared
 * access signatures. Keys are base64 text, as the portal shows them.
 */

#include "core/lifecycle.h"
#include "drivers/services.h"

#define AZURE_KEY_MAX 128 /* bytes of a key, decoded */

/* The key of one registration id from the key of its enrolment group, as text. -EBADMSG for what is
 * no key, -ENOMEM. */
int azure_key_derive(const struct driver_services *services, struct span group_key,
	const char *registration, struct secret *ret_key);

/* "SharedAccessSignature sr=...&sig=...&se=...[&skn=...]" for a resource ("hub/devices/name"),
 * which is escaped here and signed as it is sent. 'expires' in seconds; 'policy' NULL = none.
 * -EBADMSG, -EMSGSIZE, -ENOMEM. */
int azure_sas_make(const struct driver_services *services, struct span key, const char *resource,
	int64_t expires, const char *policy, struct secret *ret_sas);
