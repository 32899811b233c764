/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts at a broker: what its dynamic security answers, and values and names from the disk. */

#include <stdlib.h>

#include "core/token.h"
#include "drivers/platform/local-account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned refusals;

static void count_log(int priority, const char *device_id, const char *format, ...)
{
	refusals++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct driver_services services = {.log = count_log};
	static const struct device_record record = {.id = "sensor-1"};
	const struct platform_answer answer = {.present = true, .body = span_of(data, size)};
	struct platform_request request;
	struct platform_session session;

	refusals = 0;
	if (account_is_done(&services, "sensor-1", &answer) && refusals)
		abort();
	if (account_is(answer.body) !=
		(account_session(answer.body, &record, "bed", &session) == 0))
		abort();
	if (account_create(answer.body, &record, "bed", &request) == 0)
		secret_clear(&request.body);
	if (account_delete(answer.body, &request) == 0)
		secret_clear(&request.body);
	return 0;
}
