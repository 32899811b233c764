/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the driver 'azure' share: one call of it. azure.c says what the phases are. */

#include "drivers/platform.h"
#include "drivers/platform/azure-answer.h"
#include "drivers/platform/iothub.h"

struct azure_call {
	const struct driver_services *services;
	const struct platform_device *device;
	const struct azure_settings *settings;
	const struct platform_answer *answer;
	struct platform_step *step;
	struct secret key; /* the device's own or derived one, as text; empty = none */
	char registration[AZURE_ID_MAX + 1]; /* what the service knows it by */
};

/* azure.c: verdicts return 0. */
int azure_say(struct azure_call *call, enum platform_verdict verdict, const char *why);
int azure_give_up(struct azure_call *call, const char *why);
/* The credential for a hub, with a new signature: ISSUED. */
int azure_issue(struct azure_call *call, const char *hub, const char *device);

/* azure-register.c: registers, or goes on with it. ISSUED, or what became of it instead. */
int azure_register(struct azure_call *call);
/* The id of the operation that is under way there; -ENODATA. */
int azure_operation_of(const struct lifecycle *life, char ret_id[AZURE_ID_MAX + 1]);
