/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct host;

/* Retransmission keys of readings that are still queued, in a list on the heap. */
struct remembered;
void remembered_free_all(struct remembered **first);

/* Fills the host from its open store: registry, what is owed, people, alarms, tokens, gaps, facts.
 * Negative errno: the host is partly filled and only good to be freed. The caller owns
 * *ret_remembered. */
int host_load(struct host *host, struct remembered **ret_remembered);
/* Gives the keys to the LAN, once it is there. */
void host_load_remember(struct host *host, const struct remembered *first);
