/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Differences between libcoap 4.3.1 (Debian 12), 4.3.4 (Debian 13) and 4.3.5 stand here and nowhere
 * else. LIBCOAP_VERSION is 4003001 for 4.3.1. */

#include <coap3/coap.h>

/* An interface's own address is taken for its broadcast address where it has none; a confirmable
 * request to such a one is not answered (RFC 7252 section 8.1). */
#define LAN_WANTS_BROADCAST_ADDRESS (LIBCOAP_VERSION >= 4003002 && LIBCOAP_VERSION < 4003005)

#if LIBCOAP_VERSION < 4003002
#define LAN_COAP_LOG_WARNING LOG_WARNING
#else
#define LAN_COAP_LOG_WARNING COAP_LOG_WARN
#endif

static inline void compat_set_app_data(coap_context_t *context, void *data)
{
#if LIBCOAP_VERSION >= 4003005
	coap_context_set_app_data(context, data);
#else
	coap_set_app_data(context, data);
#endif
}

static inline void *compat_app_data(const coap_context_t *context)
{
#if LIBCOAP_VERSION >= 4003005
	return coap_context_get_app_data(context);
#else
	return coap_get_app_data(context);
#endif
}
