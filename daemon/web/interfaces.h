/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The addresses of our own network interfaces, as the guard wants them. */

#include "web/guard.h"

#define INTERFACES_MAX 64

/* Fills at most 'max' rows; returns how many, 0 also when the kernel does not tell. */
size_t interfaces_list(struct guard_address *ret_address, size_t max);
