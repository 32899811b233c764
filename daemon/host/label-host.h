/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The labels that are known: how they come in, and who may use their keys. */

#include "host/host.h"

/*
 * The DTLS key of the device with this endpoint name, byte for byte as its label says it: no disk,
 * no wait. Copies LABEL_KEY_SIZE bytes, which the caller wipes. -ENOENT: no label of this name is
 * known, or the name is too long for DTLS.
 */
int label_host_psk(const struct host *host, struct span ep, uint8_t ret_psk[LABEL_KEY_SIZE]);

/*
 * One part of an import (act: ACT_CODES_PUT with number, more, who), as token_import(): the list is
 * emptied whatever becomes of it.
 */
void label_import(struct host *host, const struct act *act, struct label_list *list,
	act_done_fn done, void *userdata);
/* Drops what waits for further parts, and its timer. */
void label_import_end(struct host *host);
/* ACT_CODE_DROP: act->ep. */
void label_drop(struct host *host, const struct act *act, act_done_fn done, void *userdata);
/* Sessions with a key that is not good any more end. */
void label_keys_changed(struct host *host);
/* As store_loader.label. */
int label_load(struct host *host, struct kept_label *kept);
