/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands on their way down. Whatever brings one (a topic of a broker, a message of a cloud) gives
 * it to command_host_take(); what becomes of it goes up by the platform driver's encode() as
 * UPSTREAM_RESULT. Model: core/command.h.
 */

#include "core/command.h"
#include "host/act.h"
#include "host/host.h"

/* A command as it came. Everything is hostile, and valid during the call. */
struct command_inbound {
	struct span name;	    /* checked here: command_name_fits() */
	struct span args;	    /* JSON, empty = {} */
	struct span response_topic; /* where the result goes; unfit or empty: beside the command */
	struct span correlation; /* handed back with the result, at most COMMAND_CORRELATION_MAX */
	const char *answer_to;	 /* of the driver, instead of a response topic; NULL or "" = none */
	uint32_t lifetime;	 /* seconds, 0 = not said; mqtt.command_expiry is the longest */
	bool unusable;		 /* response topic or correlation were too long to be kept */
	uint64_t arrival;	 /* of store_keep_arrival(), 0 = none: it is settled here */
};

/* A command for this device: kept for it, or refused with an answer. Nothing is to be done by the
 * caller afterwards. */
void command_host_take(
	struct host *host, struct device *device, const struct command_inbound *inbound);

/* What came for this device is no command: that is said, as the driver has it. */
void command_host_turn_down(
	struct host *host, struct device *device, const char *answer_to, const char *why);

/* A message of the broker: decoded by the platform driver, then taken. */
void command_on_message(struct host *host, const struct uplink_inbound *inbound);
/* As uplink_ops.keep: on a thread of the library. */
uint64_t command_keep(void *host, const struct uplink_inbound *inbound);

/* At start: store_loader.command, and then once what was kept and not dealt with. */
int command_host_load(struct host *host, const struct command *command);
void command_host_start(struct host *host);
/* The device's life changed: who is let in no more gets nothing more. */
void command_host_look(struct host *host, struct device *device);
/* The device goes. */
void command_host_detach(struct device_host *part);
/* A session is up, that of a device or the gateway's (NULL): results that wait for it go out. */
void command_on_connected(struct host *host, struct device *own);
/* What became of a flight of the kind FLIGHT_RESULT. */
void command_on_landed(struct host *host, uint64_t row, bool delivered);
void command_on_lost(struct host *host, uint64_t row);

/* The waiting ones end by what the device said; done (may be NULL) with 0 when that is on disk,
 * else a negative errno: it still waits. Unknown and ended ones: 0 at once. */
typedef void (*command_done_fn)(void *userdata, int result);
void command_host_answered(struct host *host, struct device *device,
	const struct command_answer *answer, command_done_fn done, void *userdata);

/* The same for one that cannot be done, for a reason that the platform is told. */
void command_host_failed(
	struct host *host, struct device *device, uint64_t row, const char *reason);
/* Another one took its place; at once, or as soon as it is on disk. */
void command_host_outdo(struct host *host, struct device *device, struct command *command);

/*
 * A person's: 'from' holds name, args (checked), sender and lifetime. 0: done comes when it and the
 * audit row are on disk, or with a negative errno when they are not. Otherwise nothing was begun:
 * -EPERM with a reason in *ret_why (static), -ENOMEM.
 */
int command_host_send(struct host *host, struct device *device, const struct command *from,
	const struct audit_row *audit, command_done_fn done, void *userdata, const char **ret_why);

/* ---- command-act.c ---- */
struct act_call;
void command_act(struct act_call *call, struct device *device);

/* ---- command-arrival.c ---- */
void command_replay(struct host *host);

/* ---- command-result.c ---- */
/* Hands the result over if it is one and there is a way; command_on_landed() or _lost() follows. */
void command_publish(struct host *host, struct device *device, struct command *command);
/* The platform's own word on a result: it has it, or will never take it. */
void command_on_word(struct host *host, struct device *device, const char *answer_to);
/* It was put off, or no word will come any more: those that the broker alone has go out again. */
void command_publish_again(struct host *host, struct device *device);
/* A person's own stay to be looked at: the last ones. */
void command_trim_past(struct host *host, struct device *device);
/* Says that this one was refused; it becomes one without a number. */
void command_refuse(
	struct host *host, struct device *device, struct command *refused, const char *why);

/* ---- command-device.c: towards the device ---- */
/* Who may observe no more, or moved, is no observer any more. */
void command_look_observer(struct host *host, struct device *device);

/* GET and POST /d/<id>/c. */
void command_on_request(struct host *host, const struct lan_request *request);
/* There is another oldest one than before. */
void command_offer(struct host *host, struct device *device);
