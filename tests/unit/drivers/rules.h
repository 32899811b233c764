/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One device, one driver, a disk, and a crash wherever the test wants one: what the host does with
 * a driver, in a few lines and without a clock of its own. Every driver is driven by the same bed.
 */

#include "cloud.h"
#include "dps.h"
#include "drivers/table.h"
#include "fleet.h"
#include "jit.h"

/* How the rules meet one driver. */
struct rules_case {
	const char *driver;
	struct span token; /* what was imported for the device */
	bool has_cloud;	   /* it asks, and somebody there approves */
	bool can_refresh;
	bool has_dps;	/* it asks Azure's provisioning service */
	bool has_x509;	/* with a certificate: its own, or (shared) one that is issued */
	bool has_fleet; /* it asks AWS IoT's */
	bool has_jit;	/* AWS IoT takes its certificate at the first connection */
	bool by_rule;	/* and a rule or a person there activates it: JITR; else JITP */
	bool shared;	/* the token is one for all */
	const char *platform_id;
};
extern const struct rules_case rules_cases[];
extern const size_t rules_case_count;

struct rules {
	const struct rules_case *kind;
	const struct platform_driver *driver;
	struct device_record record; /* what is on disk */
	struct cloud cloud;
	struct dps dps;
	struct fleet fleet;
	struct jit jit;
	struct aws_settings aws;
	struct azure_settings azure;
	int64_t now;
	uint64_t numbers, random;
	/* what is gone with a crash */
	bool asked; /* the driver is to be called */
	bool backs_off;
	bool waits;			  /* until the driver's wait is over, or somebody asks */
	struct platform_request *request; /* on disk, not sent yet */
	enum platform_work asked_work;
	uint64_t asked_number;
	struct cloud_answer *answer; /* there, not told yet */
	/* what was seen */
	uint32_t actions; /* of the last event */
	enum platform_trouble trouble;
	uint64_t wait_usec; /* that the driver asked for last */
	unsigned calls,
		in_a_row; /* calls of the driver; without a request, wait or event between */
	bool operator_token;
	bool clock_is_wrong; /* nobody has set it since the start */
	bool not_let_in;     /* as the host says of its session */
	bool lose_answer;    /* the next answer is lost after the platform has worked */
};

void rules_begin(struct rules *rules, const struct rules_case *kind);
void rules_end(struct rules *rules);
/* An event of a person, a clock or the link, without a crash. */
enum machine_result rules_event(struct rules *rules, enum life_event event);
/* Like it, but the process dies before, or right after, the record is on disk. */
void rules_event_crashing(struct rules *rules, enum life_event event, bool saved);
void rules_crash(struct rules *rules);
/* One step of whatever is to be done (call, send, answer); false when nothing is. */
bool rules_step(struct rules *rules);
/* Steps until nothing is left to do but to wait. */
void rules_settle(struct rules *rules);
/* A wait of the driver is over. */
void rules_wake(struct rules *rules);
/* Admitted and bound, whatever it takes. */
void rules_take_in(struct rules *rules);
/* The registration token in use; empty when there is none. */
struct span rules_token(const struct rules *rules);
