/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A request as libcoap hands it over, read into our terms. Part of lan-resources.c. */

#include "lan/lan-internal.h"

#define SEGMENTS_MAX 4
#define FILTER_MAX   64

struct inbound {
	struct span segment[SEGMENTS_MAX];
	unsigned segments; /* may be more than SEGMENTS_MAX */
	struct span ep, value_name;
	unsigned eps;
	struct span filter; /* rt= */
	struct span echo;
	struct span payload;
	int content_format, accept;
	int block1, block2; /* values of the options, -1 = none */
	struct request_frame frame;
	enum lan_method method;
};

/* Views into the PDU. The gate has let it pass, so it is well-formed. */
void inbound_read(const coap_pdu_t *pdu, struct inbound *ret_inbound);
