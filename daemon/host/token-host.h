/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Imported tokens: how they come in, and how a driver gets the one of its device. */

#include "host/act.h"
#include "host/host.h"

/*
 * One part of an import (act: ACT_TOKENS_PUT with number, more, who); the list is emptied whatever
 * becomes of it. The parts wait in memory until one comes without 'more'; then all of it is saved
 * in one transaction with its audit row, or nothing. ACT_DONE: number is the import to go on with,
 * or how many were saved.
 */
void token_import(struct host *host, const struct act *act, struct token_list *list,
	act_done_fn done, void *userdata);
/* Drops what waits for further parts, and its timer. */
void token_import_end(struct host *host);
/* ACT_TOKEN_DROP: act->ep. */
void token_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata);

/*
 * For a step that needs the imported token: asks the store and returns true; done is called once,
 * later or at once, unless the device goes before: 0 with the value (empty: there is none), or
 * -errno for what may pass. False: this step needs none.
 */
bool token_fetch(struct device_host *part, enum platform_work work,
	void (*done)(struct device_host *part, int result, struct span value));
/* An administrator imported one for this name, for whatever platform. */
bool token_is_imported(const struct host *host, const char *ep);
/* True when nothing is missing for this device to be taken in; otherwise the call is answered. */
bool token_is_missing(const struct host *host, const struct device *device);
bool token_is_there(struct act_call *call, const struct device *device);
