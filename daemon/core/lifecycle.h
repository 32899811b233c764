/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The life of one device: its four machines as one value, and the rules by which a step of one
 * moves another (an admission opens an operation, a credential lets the link come up, a revocation
 * stops all). Pure, like the machines. One call is one record to save: either all machines move, or
 * none.
 *
 * Secrets inside (operation blob and code, both credentials) are owned heap bytes; they are wiped
 * when replaced.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "core/admission.h"
#include "core/credential.h"
#include "core/link.h"
#include "core/machine.h"
#include "core/operation.h"

#define CODE_MAX	     64 /* bytes of a verification code */
#define OPERATION_REOPEN_MAX 2
#define SECRET_MAX	     65536 /* bytes of a blob or a credential */

struct secret {
	uint8_t *data; /* heap, or NULL */
	size_t size;
};
void secret_clear(struct secret *secret);		  /* wipe, free, NULL */
int secret_set(struct secret *secret, struct span value); /* replaces; -ENOMEM leaves the old one */
struct span secret_span(const struct secret *secret);

struct lifecycle {
	enum admission_state admission;

	enum operation_state operation;
	uint64_t operation_number;   /* ours, unique for the gateway; 0 = never had one */
	unsigned operation_reopened; /* times it was reopened by itself */
	int64_t operation_expires;   /* wall milliseconds, 0 = no end */
	bool operation_approved; /* a person approved it here (LIFE_APPROVE); the driver is told.
				    Ends with the operation */
	bool operation_blocked;	 /* a leak sign was seen on a credential in use: no operation opens
				    by  itself until a person decides (rule 2) */
	struct secret operation_blob; /* the driver's, opaque; of the open operation, else of the
					 refresh under way */
	struct secret operation_code; /* text, shown verbatim, erased when the operation ends */

	enum credential_state credential;
	int64_t credential_since;   /* wall milliseconds */
	int64_t credential_expires; /* the true expiry, wall milliseconds, 0 = never */
	bool credential_doubted; /* refused once: its one renewal cycle is under way or spent. Ends
				    when it connects (rule 5) */
	struct secret credential_current;
	struct secret credential_old;
	char platform_id[129]; /* the device's id at the platform: its answer is the truth (rule 9)
				*/

	enum link_state link; /* not persisted */
};

enum life_event {
	/* a person or a policy */
	LIFE_ASKED,
	LIFE_ADMIT, /* admission only: an operation opens; approval comes later (a display code, the
		       platform) */
	LIFE_APPROVE, /* admission if it is still missing, and the approval of the operation, in one
			 act */
	LIFE_REJECT,
	LIFE_SUSPEND,
	LIFE_RESUME,
	LIFE_REVOKE,
	LIFE_RELEASE,
	LIFE_BLOCK,
	LIFE_UNBLOCK,
	/* the platform driver about the open operation, or a refresh (credential renewing) */
	LIFE_DRIVER_PROGRESS, /* blob */
	LIFE_DRIVER_CODE,     /* blob (empty: as before), code, expires */
	LIFE_DRIVER_ISSUED,   /* blob (the credential), expires; also the answer of a refresh */
	LIFE_DRIVER_BOUND,    /* platform_id; blob, expires: the credential as it was completed, or
				 none */
	LIFE_DRIVER_REJECTED,
	LIFE_DRIVER_EXPIRED,
	LIFE_DRIVER_REFUSED,
	LIFE_DRIVER_FAILED_RETRY,
	LIFE_DRIVER_FAILED_FINAL,
	LIFE_DRIVER_LEAK,
	/* the platform, unasked: it revoked the credential (rule 7) */
	LIFE_REVOKED_UPSTREAM,
	/* clocks */
	LIFE_OPERATION_LAPSED,
	LIFE_RENEW_DUE,
	LIFE_CREDENTIAL_LAPSED,
	LIFE_LINK_RETRY,
	/* the link */
	LIFE_LINK_UP,
	LIFE_LINK_LOST,
	LIFE_LINK_REFUSED,
	LIFE_LINK_TAKEN_OVER,
	LIFE_RESTARTED, /* once for each device after the start */
	LIFE_EVENTS
};

struct life_input {
	enum life_event event;
	struct span blob; /* driver's progress blob, or the credential */
	struct span code;
	int64_t expires;	   /* wall milliseconds */
	int64_t now;		   /* wall milliseconds */
	uint64_t operation_number; /* for what may open one (a person's decisions, the driver's
				      answers, OPERATION_LAPSED): the number to give it, never used
				      before. It was taken when ret_next->operation_number is it */
	uint64_t answer_to; /* what a driver answers, and OPERATION_LAPSED: the operation_number
			       when it was asked; another operation's late answer is ignored.
			       0 = not checked */
	const char *platform_id;
};

struct life_outcome {
	enum machine_result result;
	uint32_t actions; /* set of enum life_action */
	const char *why;  /* MACHINE_REFUSED: a sentence for the person ("It is already active."),
			     static text */
};

/*
 * One step. On MACHINE_MOVED *ret_next is a complete new value (deep copy; the caller owns it:
 * lifecycle_clear()); otherwise it is untouched. 'now_life' is never changed. Returns 0, -ENOMEM,
 * or -EINVAL for an input that lacks what its event needs (a driver's fault: the caller treats it
 * as FAILED_FINAL).
 */
int lifecycle_step(const struct lifecycle *now_life, const struct life_input *input,
	struct lifecycle *ret_next, struct life_outcome *ret_outcome);
int lifecycle_copy(const struct lifecycle *from, struct lifecycle *ret_to);
void lifecycle_clear(struct lifecycle *life);

/* True when what 'before' could prove itself with is not in 'after' any more. */
bool lifecycle_lost_credential(const struct lifecycle *before, const struct lifecycle *after);

/* The word for a device and for 'state' in its status upstream. */
enum device_word {
	DEVICE_PENDING,
	DEVICE_APPROVED,
	DEVICE_REJECTED,
	DEVICE_SUSPENDED,
	DEVICE_REVOKED,
	DEVICE_WORDS
};
/* What a person sees. */
enum device_stage {
	STAGE_SEEN,		/* listed, not asked for */
	STAGE_WAITING_PERSON,	/* waits for a decision here */
	STAGE_WAITING_CODE,	/* admitted; a code is shown, waits to be typed */
	STAGE_WAITING_PLATFORM, /* admitted; waits for the platform */
	STAGE_ACTIVE,
	STAGE_EXPIRED, /* credential expired, renewal is being tried */
	STAGE_TROUBLE, /* operation failed or credential refused: a person is needed */
	STAGE_REJECTED,
	STAGE_SUSPENDED,
	STAGE_REVOKED,
	STAGE_BLOCKED,
	STAGES
};
/* Computed from the machines in one place; the table stands in lifecycle-view.c's head comment. */
void lifecycle_describe(
	const struct lifecycle *life, enum device_word *ret_word, enum device_stage *ret_stage);
const char *device_word_to_string(
	enum device_word word); /* "pending" ... the words of the contracts */
const char *device_stage_to_string(
	enum device_stage stage); /* "seen", "waiting-person", ... for the API */
const char *life_event_to_string(enum life_event event);
/* True when a reading of this device may be accepted (approved, not suspended or revoked). */
bool lifecycle_may_report(const struct lifecycle *life);
/* True when its readings may be published at 'now' (wall milliseconds): admitted, bound, credential
 * usable and not past its expiry. Says nothing of the link. */
bool lifecycle_may_publish(const struct lifecycle *life, int64_t now);
