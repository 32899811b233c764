/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one road by which a device changes: an event and an edit go in, core/lifecycle makes the next
 * record, the store saves it, and only then it counts.
 */

#include "host/host.h"

enum submit_result {
	SUBMIT_DONE,	   /* saved (if it had to be) and carried out */
	SUBMIT_IGNORED,	   /* the event has no meaning in this state */
	SUBMIT_REFUSED,	   /* impossible in this state: why says so */
	SUBMIT_NOT_STORED, /* no space: nothing changed */
	SUBMIT_BUSY,	   /* too many inputs wait for this device */
	SUBMIT_GONE,	   /* the device was forgotten, or the host ends */
};
typedef void (*submit_done_fn)(
	void *userdata, enum submit_result result, struct device *device, const char *why);

/* Changes the next record beyond what the event does. Called when the input's turn has come; -errno
 * gives the input up (SUBMIT_REFUSED). */
typedef int (*record_edit_fn)(
	struct device_record *next, const void *argument, const char **ret_why);
/* Frees what the copy of an argument owns. */
typedef void (*argument_clear_fn)(void *argument);

struct submission {
	enum life_event event; /* LIFE_EVENTS = none, only an edit */
	struct span blob, code;
	int64_t expires;
	const char *platform_id;
	uint64_t answer_to; /* as in struct life_input: the operation that this is about */
	bool forget;	    /* deletes the device, its readings and what is retained of it */
	bool keep_token;    /* ... but not its imported token, which is for its name */
	record_edit_fn edit;
	const void *argument; /* copied: argument_size bytes */
	size_t argument_size;
	argument_clear_fn argument_clear; /* called once, whatever becomes of it; NULL = none */
	struct brought *brought;	  /* a token that came along, taken over; NULL = none */
	const struct audit_row *audit;	  /* copied; written in the same transaction. NULL = none */
	submit_done_fn done;		  /* may be NULL */
	void *userdata;
};
/*
 * Everything is copied; done is called exactly once, possibly before this returns. What an effect
 * submits has its turn when all effects of the step that it belongs to are carried out. The device
 * that done gets is NULL with SUBMIT_GONE and after it was forgotten. Only who can be told is
 * turned away as busy: without done a submission always waits.
 */
void host_submit(struct host *host, struct device *device, const struct submission *submission);
