/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A client's identity in TLS: one text in PEM that holds its certificate, the certificates between
 * it and its authority, if there are any, and its private key. In this order, so that the whole is
 * what the TLS library loads.
 */

#include "base/chain.h"
#include "base/span.h"

#define IDENTITY_MAX 16384

/*
 * What is wrong with it, as a sentence's end ("has a key that belongs to another certificate"), or
 * NULL. Keys: EC on P-256 or P-384, or RSA of 2048 to 4096 bits; not encrypted.
 */
const char *identity_check(struct span certificate, struct span key);

/*
 * The two parts of what somebody pasted as one text: certificates, and the private key before or
 * behind them. The spans point into 'text'. -EBADMSG when there is no key, or certificates on both
 * sides of it.
 */
int identity_split(struct span text, struct span *ret_certificate, struct span *ret_key);
/* What the first certificate says. -EBADMSG when it is none, -ENOMEM. */
int identity_read(struct span certificate, struct chain_facts *ret_facts);
