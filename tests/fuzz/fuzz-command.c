/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: arguments from a broker (first byte 0), and what a device answers. Whatever was taken
 * can be written again for the device and for the platform. */

#include <stdlib.h>

#include "core/command.h"
#include "core/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = span_of(data + 1, size ? size - 1 : 0);
	struct command command = {.row = 7, .name = "set"};
	struct command_answer answer;
	uint8_t sent[4096];
	size_t used;
	const char *why = NULL;
	char *text;

	if (!size)
		return 0;
	if (data[0] == 0) {
		if (command_args_read(body, command.args, &why) == 0 &&
			(command_encode(FORMAT_JSON, &command, sent, sizeof(sent), &used) < 0 ||
				command_encode(FORMAT_CBOR, &command, sent, sizeof(sent), &used) <
					0))
			abort();
	} else if (command_answer_read(
			   data[0] & 1 ? FORMAT_CBOR : FORMAT_JSON, body, &answer, &why) == 0) {
		command_end(&command, answer.ok, answer.result, "");
		text = command_result_text(&command);
		if (!text || (answer.result[0] && !strstr(text, "\"result\":")))
			abort();
		free(text);
	}
	return 0;
}
