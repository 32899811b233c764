/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What Azure's provisioning service answers by MQTT, as values. All of it is foreign. */

#include "base/span.h"

#define AZURE_ID_MAX   128 /* an operation's, a device's */
#define AZURE_HOST_MAX 253

/* "$dps/registrations/res/202/?$rid=...&retry-after=3". -EBADMSG for another topic. */
struct azure_status {
	int code;
	unsigned retry_after; /* seconds, 0 = not said */
};
int azure_status_read(const char *topic, struct azure_status *ret);

enum azure_word { AZURE_ASSIGNING, AZURE_ASSIGNED, AZURE_FAILED, AZURE_IS_DISABLED };
struct azure_registration {
	enum azure_word word;
	char operation[AZURE_ID_MAX + 1]; /* "" = not said */
	char hub[AZURE_HOST_MAX + 1];	  /* ASSIGNED */
	char device[AZURE_ID_MAX + 1];	  /* ASSIGNED */
	int64_t error;			  /* FAILED: the service's number, 0 = not said */
};
/* -EBADMSG for what is no such answer, or lacks what its word needs. */
int azure_registration_read(struct span body, struct azure_registration *ret);
