/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the api cannot see by itself when somebody asks what is wrong. */

#include "host/host.h"

void doctor_probe(struct host *host, struct api_probe *ret_probe);
