/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Devices that a person looks for at an address. */

#include "host/act.h"
#include "host/host.h"

/* ACT_ADD: asks who is there, and lists it like one that announced itself. The call is answered
 * when the device has. */
void typed_add(struct act_call *call);
/* Nobody announces them, so nobody says good-bye either: who was typed half an hour ago and still
 * waits for a decision is not listed any more. */
void typed_forget(struct host *host);
