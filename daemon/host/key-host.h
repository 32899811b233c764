/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The key that seals the secrets: how it is delivered, and changing it. */

#include "host/host.h"

/* What the store found at the start. has_credentials: systemd delivers credentials to us. */
void key_load(struct host *host, const struct store_facts *facts, bool has_credentials);
/* When alarms can be saved. */
void key_start(struct host *host);
/* ACT_KEY */
void key_act(struct host *host, const struct act *act, act_done_fn done, void *userdata);
