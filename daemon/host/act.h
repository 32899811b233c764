/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a person does: every act of the page and the tool comes in at act_do() and is answered once.
 */

#include "host/effect.h"
#include "host/host.h"

/* An act on a device or the gateway, on its way. */
struct act_call {
	struct host *host;
	struct act act;
	act_done_fn done;
	void *userdata;
};
/* Answers and frees the call. */
void act_call_done(
	struct act_call *call, enum act_result result, uint32_t number, const char *text);
/* What an act changes in the record beyond its event. */
struct act_edit {
	char name[LABEL_MAX + 1], place[LABEL_MAX + 1], owner[LABEL_MAX + 1];
	bool has_name, has_place, has_owner;
	char platform[17]; /* to which it goes, "" = stays where it is */
	char decided_by[LABEL_MAX + 1];
	enum evidence evidence;
	bool decides, unlock, wrong_code, right_code;
	bool releases; /* another proof may take its name */
	/* It proved this label (its mark) from this address; "" = none, or that is on disk. */
	char claimed[LABEL_MARK_SIZE];
	struct device_address claimed_from;
	uint64_t code_here; /* the operation whose code is shown here from now on; 0 = none */
	bool code_over;	    /* the code that was shown is void: its operation ends */
	int64_t now;
};
/* act-edit.c */
void act_edit_init(const struct act *act, struct act_edit *ret_edit);
/* As record_edit_fn; the argument is a struct act_edit. */
int act_edit_apply(struct device_record *next, const void *argument, const char **ret_why);
/* One submission with the act's audit row. */
void act_submit(struct act_call *call, struct device *device, enum life_event event,
	const struct act_edit *edit, submit_done_fn done);
/* act-device.c: an act on one device. */
void act_on_device(struct act_call *call);
/* replace.c: another one, that waits, takes its place. */
void replace_act(struct act_call *call, struct device *device);
/* act-code.c: true with the evidence of an approval; otherwise the call is answered. */
bool act_check_code(struct act_call *call, struct device *device, enum evidence *ret_evidence);
/* The typed text is the code that the device shows or sent. */
bool act_code_fits(const struct device_record *record, const char *typed);
/* False when codes are void or paused; the call is answered then. 'device' may be NULL. */
bool act_code_may_try(struct act_call *call, struct device *device);
/* A wrong code for this device: counted on disk, and the call is answered. */
void act_code_wrong(struct act_call *call, struct device *device);
/* The same for the gateway as a whole alone. */
void act_code_count_wrong(struct host *host);
/* The display cannot be read: the code is shown here, for this operation. */
void act_show_code(struct act_call *call, struct device *device);
/* act-identify.c */
void act_identify(struct act_call *call, struct device *device);
/* act-device.c: the answer to an act that was submitted; as submit_done_fn. */
void act_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why);
/* act-platform.c: true when an approval of this device can be given here; of any device of a
 * platform. */
bool act_approves_here(struct host *host, const struct device *device);
bool act_approves_at(struct host *host, const char *platform);
/* The platform that the person said for it is possible, and the act is the one that
 * takes a device in there; otherwise the call is answered. */
bool act_choose_platform(struct act_call *call, struct device *device);
/* Where the device goes with this act. */
const char *act_platform_name(const struct act *act, const struct device *device);
int act_edit_platform(
	struct device_record *next, const struct act_edit *edit, const char **ret_why);
/* This gateway is configured for it. */
bool platform_is_offered(const struct config *config, const char *platform);
/* True while nothing ties it to a platform. */
bool platform_may_change(const struct device_record *record);
/* What a person may choose from, its own first; empty where there is no choice. */
void platform_choices(const struct host *host, const struct device_record *record,
	struct config_list *ret_choices);
void act_do(struct host *host, const struct act *act, act_done_fn done, void *userdata);
void people_act(struct host *host, const struct act *act, act_done_fn done, void *userdata);
int people_load(struct host *host, const struct person *person);
int people_start(struct host *host);
