/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files about the resource directory share. */

#include "base/ratelimit.h"
#include "host/rd.h"

enum rd_state {
	RD_UNKNOWN, /* not heard of since our start: what is on file holds */
	RD_LIVE,
	RD_OVER,    /* its lifetime passed */
	RD_REMOVED, /* by itself */
};

/* What it registered, until its address is proved. */
struct rd_offer {
	const struct device_driver *driver;
	struct device_links links;
};

/* What of a registration is in the record. */
struct rd_words {
	uint32_t lifetime; /* seconds, 0 = there is none */
	bool port_said;
	struct device_address base; /* when it was said */
	bool secure;		    /* and whether that port is one of DTLS */
};

struct rd_entry {
	enum rd_state state;
	struct rd_words words, filed; /* as it is; as it was sent to the file last */
	bool refiling;		      /* it was not taken there: once more */
	bool removing;		      /* until that is on file */
	bool unproved;
	struct rd_offer *offer;
	sd_event_source *expiry_timer, *file_timer;
	struct ratelimit filings;
	struct lan_exchange *simple; /* waits for its links */
	sd_event_source *simple_timer;
	uint64_t fetched_usec;
};

/* rd-entry.c: the device's entry, made from its record where there is none; NULL: no memory. */
struct rd_entry *rd_entry_of(struct device *device);
/* It is registered: by a request since our start, or on file. */
bool rd_entry_is_known(const struct device *device);
void rd_entry_set_unproved(struct host *host, struct rd_entry *entry, bool unproved);
void rd_entry_drop_offer(struct rd_entry *entry);
/* Its lifetime begins now. */
int rd_entry_begin(struct device_host *part);
/* What it said goes on file, when that says something else. */
void rd_entry_file(struct device_host *part);
/* It takes itself away. Answers when that is on file; the device may be gone then. */
void rd_entry_remove(struct device_host *part, struct lan_exchange *exchange);
