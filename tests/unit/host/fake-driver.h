/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A platform driver of the test's own in the place of 'local'; needs the seam
 * platform_driver_by_name. */

#include "fakes.h"

/* What the driver says next; calls are counted by the work that was asked for. */
struct fake_driver {
	bool in_use;
	enum platform_verdict verdict;
	uint64_t wait_usec;
	bool or_when_up;
	enum platform_transport transport;
	bool dials; /* MQTT: over a session of the request's own */
	bool final;
	bool same_blob; /* nothing new to keep */
	int result;
	int64_t lifetime; /* milliseconds */
	unsigned calls[PLATFORM_REVOKE + 1], all;
	/* The newest answer to a request of its own, and how many there were. */
	unsigned answers;
	int status, answer_result;
	char body[64], topic[64];
	enum platform_trouble trouble;
	bool decides; /* the approval is the platform's, not the technician's here */
};
extern struct fake_driver driver;

/* From here on 'local' answers again, and calls are counted from 0. */
void plain_local(void);
/* A device that was admitted when the driver answers like this. */
struct device *admitted(enum platform_verdict verdict);
