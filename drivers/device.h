/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The device contract for drivers: how one kind of device is recognised, asked and understood. A
 * driver turns bytes into core values and core values into requests; the host sends them. Pure, no
 * state.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/claim.h"
#include "core/command.h"
#include "core/device.h"
#include "core/profile.h"
#include "core/reading.h"

/* A request the host sends to a device that is a server, through lan. */
struct device_request {
	uint8_t method; /* 1 GET, 2 POST, 3 PUT, 4 DELETE */
	char path[128];
	int content_format; /* -1 = none */
	int accept;
	uint8_t payload[COMMAND_MESSAGE_MAX];
	size_t payload_size;
	bool is_long; /* it offers a resource for this: it may be longer than small stacks expect */
	size_t answer_max;
};

/* One link of a device's list, as far as drivers look at it (host copies it from lan's parser). */
struct device_link {
	const char *path, *rt, *interface;
	int content_format;
	bool observable;
};

/* What a device is known by when a driver is looked for. */
struct device_question {
	const struct device_link *links; /* NULL: it enrols itself */
	size_t count;
	const char *ep;
	const struct profiles *profiles; /* NULL = none */
};

/* One place where its readings are. */
#define SOURCES_MAX PROFILE_READS_MAX
struct telemetry_source {
	char path[READ_PATH_MAX + 1];
	char name[PROFILE_TEXT_MAX + 1]; /* of a value without one; "" = none known */
	char unit[READ_UNIT_MAX + 1];
	int format; /* when it does not say; -1 unknown */
	bool observe;
	uint32_t interval; /* seconds; 0 = lan.poll_interval */
};

/* What a driver found in a link list. */
struct device_links {
	char info[128], claim[128], display[128], identify[128], status[128],
		command[128]; /* "" = none */
	struct telemetry_source source[SOURCES_MAX];
	unsigned source_count;
	char model[INFO_TEXT_MAX + 1]; /* that a profile gives it */
	int status_format;  /* of the answer map: CBOR, or JSON where its link says only that */
	int command_format; /* likewise of commands */
	int claim_format;   /* and of challenges */
};

/* True when they say the same. */
bool telemetry_source_equal(const struct telemetry_source *a, const struct telemetry_source *b);
bool device_links_equal(const struct device_links *a, const struct device_links *b);

enum info_verdict { INFO_TAKEN, INFO_MALFORMED /* 4.00 */, INFO_FORMAT_UNKNOWN /* 4.15 */ };

/* What the gateway answers at /enrol and /d/<id>. */
struct enrol_answer {
	enum device_word state;
	uint32_t retry;		   /* seconds */
	const char *id;		   /* NULL = not yet */
	struct span challenge;	   /* empty = none */
	struct span code;	   /* empty = none */
	uint32_t expires;	   /* seconds, 0 = not said */
	const char *owner, *place; /* "" = not said */
};

struct device_driver {
	const char *name; /* "native" */
	/* True when a device with these links (or one that enrols itself: links NULL) is of this
	 * kind; fills what was found. */
	bool (*match)(const struct device_question *question, struct device_links *ret_found);
	/* GET of the info resource. */
	int (*info)(const struct device_links *found, struct device_request *ret_request);
	/* The enrol map (body of /enrol, or the answer to info). Format 60, 50 or none. *ret_info
	 * is complete on INFO_TAKEN. 'has_pt' is set when the map holds a pt, whatever the verdict:
	 * from who did not prove itself such a map is refused (alarm). -ENOMEM else. */
	int (*decode_info)(int format, struct span body, struct device_info *ret_info,
		bool *ret_has_pt, enum info_verdict *ret_verdict, const char **ret_why);
	/* The pt in the same map, of a device that proved itself; empty without one. -EBADMSG with
	 * *ret_why, -ENOMEM. NULL: devices of this kind bring none. */
	int (*decode_pt)(int format, struct span body, struct secret *ret_pt, const char **ret_why);
	/* Nonce and proof in the same map, or in what its claim resource answers; nonce_size 0
	 * without them. -EBADMSG with *ret_why, -ENOMEM. NULL: devices of this kind prove nothing.
	 */
	int (*decode_proof)(
		int format, struct span body, struct claim_proof *ret_proof, const char **ret_why);
	/* POST of a challenge to its claim resource; -ENOTSUP when it has none. What it answers is
	 * read by decode_proof(). NULL with that one. */
	int (*claim)(const struct device_links *found,
		const uint8_t challenge[LABEL_CHALLENGE_SIZE], struct device_request *ret_request);
	/* The answer map in format 60 or 50. ret_size <= capacity or -EMSGSIZE. */
	int (*encode_answer)(int format, const struct enrol_answer *answer, uint8_t *ret_body,
		size_t capacity, size_t *ret_size);
	int (*show_code)(const struct device_links *found, struct span code,
		struct device_request *ret_request);
	int (*clear_code)(const struct device_links *found, struct device_request *ret_request);
	int (*identify)(const struct device_links *found, uint32_t seconds,
		struct device_request *ret_request);
	/* PUT of the answer map to its status resource; -ENOTSUP when it has none. */
	int (*notify)(const struct device_links *found, const struct enrol_answer *answer,
		struct device_request *ret_request);
	/* POST of a command to its command resource; -ENOTSUP when it has none. What it answers is
	 * read by command_answer_read(). */
	int (*command)(const struct device_links *found, const struct command *command,
		struct device_request *ret_request);
	/* A read, or the begin of an observation, of one of its sources; -ENOTSUP when there is
	 * none of that number. */
	int (*plan_read)(const struct device_links *found, unsigned index,
		struct device_request *ret_request);
};

void device_info_clear(struct device_info *info);
