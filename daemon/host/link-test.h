/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A test of the way: knocks wherever the configuration says that something goes, by name,
 * connection and TLS, and sends nothing. Each target once, whatever platforms are behind it. One
 * test at a time, which everybody gets who asks meanwhile; so does who asks right after it.
 */

#include "host/host.h"

/* done() is called once, at once or later: also when the gateway stops meanwhile. */
void link_test_run(struct host *host, api_test_fn done, void *userdata);
/* The last one that ended, or NULL. */
const struct api_test *link_test_last(const struct host *host);
/* Whoever waits is told -ECANCELED. NULL. */
struct link_test *link_test_free(struct link_test *link_test);
