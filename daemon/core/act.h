/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a person can do. The page and the tool ask through api/; the host does it and answers once,
 * on the loop, after the record and its audit row are on disk. An act that cannot be audited is not
 * done.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/act-kind.h"
#include "core/command.h"
#include "core/device.h"
#include "core/person.h"

/* Bytes of a typed code: a label may be scanned as the address of the page with its text. */
#define ACT_CODE_MAX 511

enum act_result {
	ACT_DONE,
	ACT_BAD_INPUT,	 /* 400: text says what is wrong and what is allowed */
	ACT_NOT_ALLOWED, /* 403 */
	ACT_UNKNOWN,	 /* 404 */
	ACT_IMPOSSIBLE,	 /* 409: in this state; text says why and what to do */
	ACT_WRONG_CODE,	 /* 422: tries left in outcome.number */
	ACT_LOCKED,	 /* 423: code void, or too many tries */
	ACT_TOO_MANY,	 /* 429: outcome.number = seconds to wait */
	ACT_NOT_STORED,	 /* 507: nothing changed */
	ACT_UNREACHABLE, /* 502: the device did not answer */
	ACT_RESULTS
};

struct act {
	enum act_kind kind;
	/* who: filled by api/ from the session or the socket */
	enum role role;
	char who[65];
	char via[65];
	bool local_root; /* control socket, uid 0 */
	/* what */
	char device[DEVICE_ID_MAX + 1];
	char code[ACT_CODE_MAX + 1];
	char name[LABEL_MAX + 1];
	char place[LABEL_MAX + 1];
	char owner[LABEL_MAX + 1];
	bool has_name, has_place, has_owner;
	char platform[17];		 /* ACT_ADMIT, ACT_APPROVE: where it goes, "" = as it is */
	char args[COMMAND_ARGS_MAX + 1]; /* JSON, "" = none */
	uint32_t number;
	bool has_number;
	enum role new_role;
	char ep[EP_MAX + 1];
	char address[ADDRESS_TYPED_MAX + 1];
	bool more;
	char secret[PASSWORD_MAX + 1]; /* wiped by whoever is done with it */
};

struct act_outcome {
	enum act_result result;
	char text[257]; /* a sentence for the person; "" when there is nothing to say */
	uint32_t number;
	char device[DEVICE_ID_MAX + 1]; /* ACT_ADD: the one that was found */
	struct person person;		/* ACT_LOGIN, ACT_SETUP */
	struct span parcel;		/* ACT_EXPORT, ACT_SITE_CA_PROVE; valid during the call */
};

typedef void (*act_done_fn)(void *userdata, const struct act_outcome *outcome);
