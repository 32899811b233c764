/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The authority of the site (core/site-ca.h): how it comes to be, and what it is asked for by
 * people. Drivers get it as the provisioning token of their platform. */

#include "host/host.h"

/* As store_loader.site_ca. */
int site_ca_load(struct host *host, struct span identity);
/* ACT_SITE_CA_MAKE, _IMPORT, _PROVE. 'identity' (IMPORT) is copied. */
void site_ca_do(struct host *host, const struct act *act, struct span identity, act_done_fn done,
	void *userdata);
/* Says when it ends soon, now and from now on; the store runs. */
void site_ca_watch(struct host *host);
/* Wipes, and watches no more. */
void site_ca_end(struct host *host);
