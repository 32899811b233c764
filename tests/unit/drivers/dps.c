/* SPDX-License-Identifier: Apache-2.0 */

#include "dps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/identity-fixture.h"
#include "base/identity.h"
#include "base/issue.h"

#define REGISTER "$dps/registrations/PUT/iotdps-register/?"
#define STATUS	 "$dps/registrations/GET/iotdps-get-operationstatus/?"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void check_signature(struct dps *dps, const struct platform_dial *dial)
{
	assert_int_equal(dial->identity.size, 0);
	assert_int_equal(
		span_to_string(secret_span(&dial->password), dps->password, sizeof(dps->password)),
		0);
	assert_true(begins(
		dps->password, "SharedAccessSignature sr=0ne0001%2Fregistrations%2Fpump&sig="));
	assert_non_null(strstr(dps->password, "&skn=registration"));
}

/* Its common name is the registration id; the chain goes up to what was verified there, and no key
 * goes along but its own. */
static void check_certificate(struct dps *dps, const struct platform_dial *dial)
{
	struct span certificate, key, identity = secret_span(&dial->identity);
	struct chain_facts facts;

	assert_int_equal(dial->password.size, 0);
	assert_int_equal(identity_split(identity, &certificate, &key), 0);
	assert_null(identity_check(certificate, key));
	assert_int_equal(identity_read(certificate, &facts), 0);
	assert_string_equal(facts.common_name, dial->client_id);
	if (dps->authority) {
		struct span above, signer;

		assert_int_equal(
			identity_split(span_from_string(dps->authority), &above, &signer), 0);
		assert_true(issue_is_from(span_from_string(dps->authority), certificate));
		assert_non_null(memmem(certificate.data, certificate.size, above.data, above.size));
		assert_null(memmem(identity.data, identity.size, signer.data, signer.size));
	} else {
		assert_true(span_equal(identity, SPAN_LITERAL(PUMP_CERTIFICATE PUMP_KEY)));
	}
	dps->certificates += strcmp(dps->fingerprint, facts.fingerprint) != 0;
	memcpy(dps->fingerprint, facts.fingerprint, sizeof(dps->fingerprint));
}

static void check_session(struct dps *dps, const struct platform_request *request)
{
	const struct platform_dial *dial = &request->dial;

	assert_int_equal(request->transport, PLATFORM_MQTT);
	assert_string_equal(dial->host, "dps.example");
	assert_int_equal(dial->port, 8883);
	assert_string_equal(dial->client_id, "pump");
	assert_string_equal(dial->username, "0ne0001/registrations/pump/api-version=2019-03-31");
	assert_string_equal(dial->filter[0], "$dps/registrations/res/#");
	assert_string_equal(dial->filter[1], "");
	if (dps->wants_certificate)
		check_certificate(dps, dial);
	else
		check_signature(dps, dial);
	snprintf(dps->body, sizeof(dps->body), "%.*s", (int)request->body.size,
		request->body.data ? (const char *)request->body.data : "");
	assert_null(strstr(dps->body, "canary"));
	assert_null(strstr(dps->body, "SharedAccess"));
	assert_null(strstr(request->topic, "SharedAccess"));
}

static void say(struct dps *dps, int status, const char *rid, struct cloud_answer *answer)
{
	char wait[32] = "";

	if (dps->retry_after)
		snprintf(wait, sizeof(wait), "&retry-after=%u", dps->retry_after);
	answer->status = status;
	snprintf(answer->topic, sizeof(answer->topic), "$dps/registrations/res/%d/?$rid=%s%s",
		status, rid, wait);
}

static void say_state(struct dps *dps, const char *rid, struct cloud_answer *answer)
{
	if (dps->assigning > 0) {
		dps->assigning--;
		say(dps, 202, rid, answer);
		snprintf(answer->body, sizeof(answer->body),
			"{\"operationId\":\"%s\",\"status\":\"assigning\"}", dps->operation);
		return;
	}
	say(dps, 200, rid, answer);
	if (dps->disabled)
		snprintf(answer->body, sizeof(answer->body),
			"{\"operationId\":\"%s\",\"status\":\"disabled\",\"registrationState\":{"
			"\"status\":\"disabled\"}}",
			dps->operation);
	else if (dps->failed)
		snprintf(answer->body, sizeof(answer->body),
			"{\"operationId\":\"%s\",\"status\":\"failed\",\"registrationState\":{"
			"\"status\":\"failed\",\"errorCode\":400209,\"errorMessage\":\"no\"}}",
			dps->operation);
	else
		snprintf(answer->body, sizeof(answer->body),
			"{\"operationId\":\"%s\",\"status\":\"assigned\",\"registrationState\":{"
			"\"assignedHub\":\"%s\",\"deviceId\":\"%s\",\"status\":\"assigned\"}}",
			dps->operation, dps->hub, dps->device);
}

static void ask_status(
	struct dps *dps, const char *query, const char *rid, struct cloud_answer *answer)
{
	const char *id = strstr(query, "&operationId=");

	dps->polls++;
	assert_non_null(id);
	snprintf(dps->asked, sizeof(dps->asked), "%s", id + strlen("&operationId="));
	if (dps->forgets || strcmp(dps->asked, dps->operation) != 0) {
		say(dps, 404, rid, answer);
		return;
	}
	say_state(dps, rid, answer);
}

void dps_ask(
	struct dps *dps, const struct platform_request *request, struct cloud_answer *ret_answer)
{
	const char *query = strchr(request->topic, '?');
	char rid[16];

	*ret_answer = (struct cloud_answer){.status = 0};
	check_session(dps, request);
	dps->connects++;
	assert_non_null(query);
	assert_true(begins(query, "?$rid="));
	snprintf(rid, sizeof(rid), "%.8s", query + 6);
	assert_memory_equal(request->answer_mark, query + 1, 13);
	if (dps->key_refused || dps->hangs_up) {
		ret_answer->result = dps->hangs_up ? -ECONNABORTED : -EACCES;
		return;
	}
	if (dps->fail || dps->says) {
		say(dps, dps->fail ? dps->fail : 200, rid, ret_answer);
		snprintf(ret_answer->body, sizeof(ret_answer->body), "%s",
			dps->says ? dps->says : "");
		return;
	}
	if (begins(request->topic, REGISTER)) {
		assert_non_null(strstr(dps->body, "\"registrationId\":\"pump\""));
		snprintf(dps->operation, sizeof(dps->operation), "4.op-%u", ++dps->registers);
		say_state(dps, rid, ret_answer);
	} else {
		assert_true(begins(request->topic, STATUS));
		assert_int_equal(request->body.size, 0);
		ask_status(dps, query, rid, ret_answer);
	}
}
