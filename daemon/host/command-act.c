/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A person sends a command. It is answered when the command and its row in the journal are on disk;
 * what becomes of it then stands with the device (core/command.h).
 */

#include "host/act.h"
#include "host/command-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void on_stored(void *userdata, int result)
{
	struct act_call *call = userdata;

	if (result < 0)
		act_call_done(call, ACT_NOT_STORED, 0,
			"It could not be stored and written to the journal, so nothing was sent.");
	else
		act_call_done(call, ACT_DONE, 0,
			"The command waits for the device. What became of it will stand here.");
}

/* Sentences for a person; those that a platform is told are parts of one. */
static void refuse(struct act_call *call, enum act_result result, const char *why)
{
	char text[160];

	snprintf(text, sizeof(text), "Nothing was sent: %s.", why);
	act_call_done(call, result, 0, text);
}

void command_act(struct act_call *call, struct device *device)
{
	const struct act *act = &call->act;
	struct command command = {.lifetime = act->number};
	struct audit_row audit;
	const char *why = NULL;
	int r;

	if (!command_name_fits(span_from_string(act->name))) {
		refuse(call, ACT_BAD_INPUT,
			"a command's name has 1 to 64 letters, digits, dots, hyphens or "
			"underscores");
		return;
	}
	r = command_args_read(span_from_string(act->args), command.args, &why);
	if (r == -EINVAL) {
		refuse(call, ACT_BAD_INPUT, why);
		return;
	}
	snprintf(command.name, sizeof(command.name), "%s", act->name);
	snprintf(command.sender, sizeof(command.sender), "%s", act->who);
	/* What was sent is the evidence; its arguments are the device's business. */
	audit_of_act(act, device->record->id, command.name, audit_result(AUDIT_DONE), &audit);
	if (r >= 0)
		r = command_host_send(call->host, device, &command, &audit, on_stored, call, &why);
	if (r == -EPERM)
		refuse(call, ACT_IMPOSSIBLE, why);
	else if (r < 0)
		act_call_done(call, ACT_NOT_STORED, 0, "The gateway is out of memory.");
}
