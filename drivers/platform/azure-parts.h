/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the driver 'azure' share: one call of it. azure.c says what the phases are. */

#include "drivers/platform.h"
#include "drivers/platform/azure-answer.h"
#include "drivers/platform/iothub.h"

/* How far a registration is; azure-register.c says what the phases are. */
struct azure_progress {
	char phase;
	uint8_t forgotten, wait;
	char operation[AZURE_ID_MAX + 1];
	struct span identity; /* that was issued for it; empty: none */
};

struct azure_call {
	const struct driver_services *services;
	const struct platform_device *device;
	const struct azure_settings *settings;
	const struct platform_answer *answer;
	struct platform_step *step;
	struct azure_progress progress;
	bool renews;		/* REFRESH: it has a credential that is good for now */
	bool registers;		/* the service is to be asked, whatever it has */
	struct secret key;	/* the device's own or derived one, as text; empty = none */
	struct secret identity; /* certificate and key (base/identity.h), in the place of 'key' */
	int64_t identity_expires;
	char registration[AZURE_ID_MAX + 1]; /* what the service knows it by */
};

/* azure.c: verdicts return 0. */
int azure_say(struct azure_call *call, enum platform_verdict verdict, const char *why);
int azure_give_up(struct azure_call *call, const char *why);
/* What it has is good for now, and goes on: PROGRESS, and asked again much later. Otherwise the
 * verdict. */
int azure_end(struct azure_call *call, enum platform_verdict verdict, const char *why);
/* The credential for a hub, with a new signature or the certificate: ISSUED. */
int azure_issue(struct azure_call *call, const char *hub, const char *device);

/* azure-register.c: registers, or goes on with it. ISSUED, or what became of it instead. */
int azure_register(struct azure_call *call);
void azure_progress_read(const struct lifecycle *life, struct azure_progress *ret_progress);
/* Keeps it as it is, until so many seconds are over: PROGRESS. */
int azure_wait(struct azure_call *call, unsigned seconds);
/* The id of the operation that is under way there; -ENODATA. */
int azure_operation_of(const struct lifecycle *life, char ret_id[AZURE_ID_MAX + 1]);

/* azure-identity.c: the certificate that it registers with, imported or issued here. 1 with it;
 * otherwise a verdict was said. */
int azure_identity_imported(struct azure_call *call, struct span identity);
int azure_identity_issued(struct azure_call *call);
