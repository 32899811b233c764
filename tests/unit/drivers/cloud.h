/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A platform with provisioning and registration tokens as a value: it answers the requests of the
 * driver 'spotflow' at once, rotates as documented, and does what the test wants of people there.
 * It takes nothing from the driver but its requests.
 */

#include "drivers/platform.h"

#define CLOUD_TOKENS	 64
#define CLOUD_OPERATIONS 64
#define CLOUD_PT	 "PT-canary"
#define CLOUD_OPERATOR	 "OPERATOR-canary"
#define CLOUD_DEVICE	 "ws-1:device-7"

enum cloud_operation_state { CLOUD_OPEN, CLOUD_APPROVED, CLOUD_CANCELLED, CLOUD_CLOSED };
struct cloud_operation {
	enum cloud_operation_state state;
	char id[24], code[24];
	int64_t expires;
};
enum cloud_token_state { CLOUD_ACTIVE, CLOUD_GRACE, CLOUD_REVOKED };
struct cloud_token {
	char text[24];
	enum cloud_token_state state;
	int parent, grandparent; /* index, -1 = none */
	int64_t expires;
};

struct cloud {
	const int64_t *now;
	struct cloud_operation operation[CLOUD_OPERATIONS];
	unsigned operations, all_operations;
	struct cloud_token token[CLOUD_TOKENS];
	unsigned tokens, all_tokens;
	bool pt_revoked, disabled, deleted;
	int64_t token_life, sas_life; /* ms; token_life 0 = never ends */
	uint32_t retry_after;	      /* seconds, said with every answer */
	int fail; /* the next answer has this status instead of being worked on; 0 = none */
	/* what was asked */
	unsigned inits, completes, registers, refreshes, approvals;
	char completed[24];  /* the operation of the last COMPLETE */
	char registered[24]; /* the token of the last REGISTER */
};

struct cloud_answer {
	int result; /* negative: there is no status */
	int status;
	uint32_t retry_after;
	char topic[128]; /* MQTT */
	char body[2048];
};
/* Fails the test when it is not a request to this platform, or a token travels where it must not.
 */
void cloud_ask(struct cloud *cloud, const struct platform_request *request,
	struct cloud_answer *ret_answer);
struct cloud_operation *cloud_newest(struct cloud *cloud);
/* True when this registration token can still be used or refreshed. */
bool cloud_takes(const struct cloud *cloud, struct span token);
void cloud_revoke_all(struct cloud *cloud);
