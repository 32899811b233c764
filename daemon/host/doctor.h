/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the api cannot see by itself when somebody asks what is wrong. */

#include <ifaddrs.h>

#include "host/host.h"

/* Has this interface an IPv4 address and no broadcast address? The kernel gives the address itself
 * then. */
bool doctor_lacks_broadcast(const struct ifaddrs *row);
void doctor_probe(struct host *host, struct api_probe *ret_probe);
