/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files about /enrol share. */

#include "core/binding.h"
#include "core/claim.h"
#include "host/claim-host.h"
#include "host/enrol.h"

/* What a request says. */
struct enrolment {
	const struct lan_request *request;
	struct device_info info;
	struct claim_proof proof;
	struct secret pt; /* that it brings; empty = none */
	int format;
	bool created;
	char label[LABEL_MARK_SIZE]; /* as in struct enrol_edit */
	bool claimed;		     /* the proof is right */
	bool keeps;		     /* it cannot be told yet, and is to be kept */
	bool news; /* it proves something new: this name for the first time, or from elsewhere */
};

/* Rows of the journal that a device, or who claims its name, can cause by asking. */
#define ENROL_ROWS_A_MINUTE 1.0
#define ENROL_ROWS_AT_ONCE  3.0

/* enrol-save.c */
bool enrol_is_news(const struct device_record *record, const struct enrolment *enrolment);
/* Saves what it said of itself and proved, and answers when that is on disk. Takes its info. */
void enrol_submit(struct host *host, struct device *device, struct enrolment *enrolment);
