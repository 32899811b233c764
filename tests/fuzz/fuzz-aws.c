/* SPDX-License-Identifier: Apache-2.0 */
/* What AWS IoT answers, read as each of its answers, and what is kept of it. What is taken can
 * stand in a client id, in a topic and in a log. */

#include <stdlib.h>

#include "base/cleanup.h"
#include "drivers/platform/aws-answer.h"
#include "drivers/platform/aws-row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(aws_certificate_clear) struct aws_certificate certificate = {0};
	struct span body = span_of(data, size);
	struct aws_credential credential;
	struct aws_refusal refusal;
	char thing[AWS_THING_MAX + 1];

	if (aws_certificate_read(body, &certificate) == 0) {
		check(aws_is_id(span_from_string(certificate.id)));
		check(span_is_printable(span_from_string(certificate.token)));
	}
	if (aws_thing_read(body, thing) == 0)
		check(thing[0] && !strpbrk(thing, "/+#$ "));
	aws_refusal_read(body, &refusal);
	check(refusal.status == 0 || (refusal.status >= 100 && refusal.status <= 599));
	check(!refusal.code[0] || aws_is_id(span_from_string(refusal.code)));
	if (aws_credential_read(body, &credential) == 0)
		check(aws_is_thing(credential.thing) && aws_is_id(credential.id) &&
			credential.identity.size > 0);
	return 0;
}
