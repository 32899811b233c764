/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands for devices. A device sleeps, so a command waits for it in a box of its own: at most
 * four, each for a limited time. What is waiting is on disk, and so is what became of it until the
 * platform was told: a command that the broker saw acknowledged is answered, whatever happens to
 * this process.
 *
 *	arrives -> WAITING --the device answers----------> ENDED (ok, result)
 *	                   --its time is over------------> ENDED (reason "expired")
 *	                   --the device is let in no more-> ENDED (reason)
 *	ENDED -> the platform has the result -> gone
 *
 * A person may send one as well, at the page or by the tool. What became of that one is told to no
 * platform: it stays to be looked at, the last COMMANDS_PAST_MAX of them.
 *
 * A device is given the oldest one that waits until it has answered it, so it may see one twice; it
 * knows it again by 'cmd', which no other command of this gateway ever has.
 *
 * Wall time may jump by years when the gateway's clock is set, so the end of a command is kept in
 * boot time. Only over a restart the wall clock says how much of it is left, and only when it was
 * right both times.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define COMMAND_ID_SIZE		17 /* with its NUL */
#define COMMAND_NAME_MAX	64
#define COMMAND_ARGS_MAX	512 /* bytes of JSON */
#define COMMAND_RESULT_MAX	512
#define COMMAND_REASON_MAX	63
#define COMMAND_TOPIC_MAX	255
#define COMMAND_CORRELATION_MAX 128
#define COMMAND_MESSAGE_MAX	960 /* to the device, in CBOR or JSON: one datagram */
#define COMMANDS_WAITING_MAX	4
#define COMMANDS_KEPT_MAX	8 /* with those whose result the platform does not have yet */
#define COMMANDS_PAST_MAX	4 /* of persons, ended: to be looked at */
#define COMMAND_SENDER_MAX	64

/* Why the gateway ended or refused one, where a driver tells that apart. */
#define COMMAND_REASON_EXPIRED	    "expired"
#define COMMAND_REASON_NOT_APPROVED "the device is not approved"
#define COMMAND_REASON_NAME	    "this is not a command name"
#define COMMAND_REASON_TOO_MANY	    "too many commands wait for the device"
#define COMMAND_REASON_NOT_STORED   "the gateway could not store it"

struct command {
	struct command *next;
	uint64_t row; /* its number in the control file; never reused. 0: it was refused */
	uint64_t device_row;
	uint64_t arrival; /* its number in the file of arrivals, 0 = none */
	char name[COMMAND_NAME_MAX + 1];
	char args[COMMAND_ARGS_MAX + 1];		   /* compact JSON */
	char response_topic[COMMAND_TOPIC_MAX + 1];	   /* "" = the usual one; "$...": the
							      driver's own word for it */
	char correlation[2 * COMMAND_CORRELATION_MAX + 1]; /* hexadecimal */
	char sender[COMMAND_SENDER_MAX + 1];		   /* the person, "" = the platform */
	int64_t arrived;				   /* wall milliseconds */
	bool synced;					   /* the wall clock was right then */
	uint32_t lifetime;				   /* seconds */
	bool ended;
	bool ok;
	char result[COMMAND_RESULT_MAX + 1]; /* compact JSON, "" = none */
	char reason[COMMAND_REASON_MAX + 1]; /* why the gateway ended it, "" = the device did */
	/* runtime only */
	uint64_t until_usec; /* boot time */
	bool saving;	     /* on its way to disk */
	bool unsaved;	     /* and never was there */
	bool ending;	     /* what is on its way is its end */
	bool outdone;	     /* another took its place: it ends as soon as it is on disk */
	bool publishing;     /* its result is on its way to the platform */
	bool answered;	     /* the platform itself will say that it has it */
	bool landed;	     /* the broker has it, and the platform has not said so yet */
};

/* ---- the box of one device ---- */

/* Oldest first; zero-initialise. What is in it is its own. */
struct command_box {
	struct command *first;
};

void command_box_put(struct command_box *box, struct command *command);
/* Takes it out and frees it; no-op when it is not there. */
void command_box_drop(struct command_box *box, uint64_t row);
void command_box_clear(struct command_box *box);
struct command *command_box_find(const struct command_box *box, uint64_t row);
/* The oldest one that a device may be given: it waits and is on disk. NULL = none. */
struct command *command_box_oldest(const struct command_box *box);
/* Those that wait, also on their way to disk; those of them that a device may be given; all but
 * what is past. */
unsigned command_box_waiting(const struct command_box *box);
unsigned command_box_ready(const struct command_box *box);
unsigned command_box_count(const struct command_box *box);
/* The oldest one that is past, where there are more of them than are kept; NULL otherwise. */
struct command *command_box_surplus(const struct command_box *box);
/* The next time at which one of them ends by itself, UINT64_MAX = never. */
uint64_t command_box_next_end(const struct command_box *box);

/* ---- one command ---- */

int command_copy(const struct command *from, struct command **ret);
/* A person's that has ended and is on disk. */
bool command_is_past(const struct command *command);
/* "cmd" of a number: decimals, at most 16 bytes. Returns ret_text. */
const char *command_id(uint64_t row, char ret_text[COMMAND_ID_SIZE]);
/* 0 when the text is no such number. */
uint64_t command_id_read(struct span text);
/* A-Z a-z 0-9 _ - and a dot, 1 to 64 of them. */
bool command_name_fits(struct span name);
/* True for a topic that a result may go to: no wildcard, no control character, nothing of the
 * broker's own ($...), and nothing under 'gatehouse/', where only what devices said belongs. */
bool command_topic_fits(struct span topic);
/*
 * The arguments as they came: JSON, at most COMMAND_ARGS_MAX bytes, 4 nested containers, no key
 * twice; nothing at all is an empty map. ret_args is compact JSON. -EINVAL with a sentence in
 * *ret_why (static), -ENOMEM.
 */
int command_args_read(
	struct span payload, char ret_args[COMMAND_ARGS_MAX + 1], const char **ret_why);
/* How much of its time is left after a restart, at a wall time. Microseconds. */
uint64_t command_left_usec(const struct command *command, int64_t now, bool synced);
void command_end(struct command *command, bool ok, const char *result, const char *reason);

/* ---- with the device (command-text.c) ---- */

/* The map {"cmd", "name", "args"} in format 60 or 50. -EMSGSIZE over capacity, -ENOMEM. */
int command_encode(int format, const struct command *command, uint8_t *ret_body, size_t capacity,
	size_t *ret_size);
/* True when it fits into COMMAND_MESSAGE_MAX bytes in either format. */
bool command_is_sendable(const struct command *command);

struct command_answer {
	uint64_t row; /* 0: it does not say */
	bool ok;
	char result[COMMAND_RESULT_MAX + 1];
};
/* The map {"cmd", "ok", "result"?} in format 60 or 50. -EINVAL with a sentence, -EPROTONOSUPPORT
 * for another format, -ENOMEM. */
int command_answer_read(
	int format, struct span body, struct command_answer *ret_answer, const char **ret_why);

/* What the platform is told: {"cmd", "ok", "result"?, "reason"?}; cmd is null for one that was
 * refused. Heap text, NULL on lack of memory. */
char *command_result_text(const struct command *command);
