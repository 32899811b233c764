/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is said of a device where its platform keeps that (a twin, a shadow), and what it wants of
 * the device: what is the same for every such platform. All that is reported stands under
 * "gatehouse"; null deletes. What is desired is the arguments of one command, "configure".
 *
 * A result of the device is reported as a text: its own keys could be none that may stand there,
 * and two results would become one.
 */

#include <jansson.h>

#include "drivers/platform.h"

/* The value as a message; it is taken, NULL is lack of memory. */
int reported_send(const char *topic, json_t *value, struct upstream_message *ret_message);
/* Of STATUS: {"gatehouse":{...}} between 'before' and 'behind'. The time of the last reading is not
 * in it: it would make each report another one. */
int reported_status(const struct upstream_item *item, const char *topic, const char *before,
	const char *behind, struct upstream_message *ret_message);
/* What became of a configuration. 'version' is taken; NULL on lack of memory. */
json_t *reported_configuration(const struct command *command, json_t *version);

/* All that is desired, as a configuration under the word 'answer_to'; 'why' says where it cannot be
 * one. -ENOMEM. */
int desired_take(const json_t *desired, const char *answer_to, struct inbound_message *ret_message);
