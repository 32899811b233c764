/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The classic shadow of a thing: what is desired of it there, and what is reported of it.
 *
 *	$aws/things/<thing>/shadow/get               <- after each connect and each change
 *	$aws/things/<thing>/shadow/get/accepted      -> {"state":{"desired","reported"},"version"}
 *	$aws/things/<thing>/shadow/update            <- {"state":{"reported":{"gatehouse":...}}}
 *	$aws/things/<thing>/shadow/update/accepted   -> with "desired": something has changed, ask
 *	$aws/things/<thing>/shadow/.../rejected      -> {"code", ...}
 *
 * What is desired is the arguments of one command, "configure", always all of it. The version of
 * the shadow counts every update, also what is reported here; so a configuration goes by a digest
 * of what is desired. Which one the device has had the shadow keeps itself, under reported
 * "gatehouse". Nothing more is learned from update/delta: it comes with an update, and not where
 * what was desired is taken back.
 *
 * A policy that does not allow it ends the session of its device; so a shadow is used where the
 * provisioning template says so, which is written beside the policy; with certificates that are
 * issued here no answer has such a word, and the configuration says so.
 *
 * When the device has done it, what was desired is reported as well: then the shadow has no delta.
 *
 * Answers come to everybody who listens; whose a refusal is says the token that the question had.
 */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/platform/aws-parts.h"
#include "drivers/platform/reported.h"

#define PLACE	     "/shadow/"
#define ANSWER	     "$aws/shadow/" /* and the digest */
#define OWN	     "gatehouse"
#define TOKEN	     "\"clientToken\":\"" OWN "\""
#define DIGEST_BYTES 8
#define DIGEST_SIZE  (2 * DIGEST_BYTES + 1)

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}

static bool is_wanted(const struct device_record *record)
{
	struct aws_credential credential;

	return aws_credential_read(secret_span(&record->life.credential_current), &credential) >=
		       0 &&
	       credential.shadow;
}

static void topic_of(
	const struct device_record *record, const char *leaf, char ret_topic[UPSTREAM_TOPIC_MAX])
{
	snprintf(ret_topic, UPSTREAM_TOPIC_MAX, AWS_SHADOW_PREFIX "%s" PLACE "%s",
		record->life.platform_id, leaf);
}

/* ---- up ---- */

int aws_shadow_encode(const struct upstream_item *item, struct upstream_message *ret_message)
{
	struct upstream_message message = {.qos = 1};
	char topic[UPSTREAM_TOPIC_MAX];

	if (!is_wanted(item->record))
		return -ENOTSUP;
	if (item->kind == UPSTREAM_STATUS) {
		topic_of(item->record, "update", topic);
		return reported_status(
			item, topic, "{\"state\":{\"reported\":", "}," TOKEN "}", ret_message);
	}
	topic_of(item->record, "get", message.topic);
	message.payload = SPAN_LITERAL("{" TOKEN "}");
	*ret_message = message;
	return 0;
}

bool aws_shadow_is(const struct command *command)
{
	return !strncmp(command->response_topic, ANSWER, strlen(ANSWER));
}

static int encode_configuration(
	const struct upstream_item *item, struct upstream_message *ret_message)
{
	const struct command *command = item->command;
	CLEANUP(cleanup_json)
	json_t *reported = command->ok ? json_loads(command->args, 0, NULL) : json_object();
	json_t *own = json_pack("{s:o}", "configuration",
		reported_configuration(
			command, json_string(command->response_topic + strlen(ANSWER))));
	char topic[UPSTREAM_TOPIC_MAX];

	/* What stood there was checked before it became a command. */
	if (!own || json_object_set_new(reported, OWN, own) < 0)
		return -ENOMEM;
	topic_of(item->record, "update", topic);
	return reported_send(topic,
		json_pack("{s:{s:O},s:s}", "state", "reported", reported, "clientToken", OWN),
		ret_message);
}

int aws_shadow_encode_result(const struct upstream_item *item, struct upstream_message *ret_message)
{
	return is_wanted(item->record) ? encode_configuration(item, ret_message) : -ENOTSUP;
}

/* ---- down ---- */

static int say(struct inbound_message *message, enum inbound_kind kind, const char *why)
{
	message->kind = kind;
	message->why = why;
	return 0;
}

/* Names are sorted: the same state is the same digest in whatever order it comes. */
static int digest(const json_t *desired, char ret_digest[DIGEST_SIZE])
{
	CLEANUP(cleanup_free)
	char *text = json_dumps(desired, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	uint8_t sum[SHA256_SIZE];
	int r;

	if (!text)
		return -ENOMEM;
	r = crypto_sha256(span_from_string(text), sum);
	for (unsigned i = 0; r >= 0 && i < DIGEST_BYTES; i++)
		snprintf(ret_digest + 2 * (size_t)i, 3, "%02x", sum[i]);
	return r;
}

/* "" = the device has had none. */
static const char *digest_had(const json_t *state)
{
	const json_t *own = json_object_get(json_object_get(state, "reported"), OWN);
	const char *had = json_string_value(
		json_object_get(json_object_get(own, "configuration"), "version"));

	return had ? had : "";
}

static int decode_state(struct span payload, struct inbound_message *ret_message)
{
	CLEANUP(cleanup_json)
	json_t *shadow =
		json_loadb((const char *)payload.data, payload.size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *state = json_object_get(shadow, "state");
	json_t *wanted = json_object_get(state, "desired");
	CLEANUP(cleanup_json) json_t *desired = wanted ? json_incref(wanted) : json_object();
	char now[DIGEST_SIZE], answer_to[sizeof(ANSWER) + DIGEST_SIZE];
	const char *had = digest_had(state);
	int r;

	if (!json_is_object(state) || (desired && !json_is_object(desired)))
		return say(ret_message, INBOUND_IGNORED, "the shadow cannot be read");
	r = desired ? digest(desired, now) : -ENOMEM;
	say(ret_message, INBOUND_CONFIGURATION, NULL);
	/* The same as it has had, or nothing was ever wanted of it. */
	if (r < 0 || !strcmp(now, had) || (!had[0] && !json_object_size(desired)))
		return r;
	snprintf(answer_to, sizeof(answer_to), ANSWER "%s", now);
	r = desired_take(desired, answer_to, ret_message);
	if (json_object_get(desired, OWN))
		ret_message->why = "\"gatehouse\" is the gateway's own part of the shadow";
	return r;
}

static int decode_refusal(bool gets, struct span payload, struct inbound_message *ret_message)
{
	CLEANUP(cleanup_json)
	json_t *value =
		json_loadb((const char *)payload.data, payload.size, JSON_REJECT_DUPLICATES, NULL);
	json_int_t code = json_integer_value(json_object_get(value, "code"));
	const char *token = json_string_value(json_object_get(value, "clientToken"));

	if (!code)
		return say(ret_message, INBOUND_IGNORED, "a refusal that cannot be read");
	/* There is no shadow: nobody wants anything. */
	if (gets && code == 404)
		return say(ret_message, INBOUND_CONFIGURATION, NULL);
	if (!token || strcmp(token, OWN) != 0)
		return say(ret_message, INBOUND_TAKEN, NULL);
	if (code == 429 || code / 100 == 5)
		return say(ret_message, INBOUND_PUT_OFF, NULL);
	return say(ret_message, INBOUND_NOT_TAKEN,
		gets ? "the platform does not say what is wanted of it"
		     : "the platform does not take what is reported of it");
}

/* By whomever: what is desired may be another now. */
static int decode_update(struct span payload, struct inbound_message *ret_message)
{
	CLEANUP(cleanup_json)
	json_t *value =
		json_loadb((const char *)payload.data, payload.size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *state = json_object_get(value, "state");

	if (!json_is_object(state))
		return say(ret_message, INBOUND_IGNORED, "an update that cannot be read");
	return say(ret_message, json_object_get(state, "desired") ? INBOUND_CHANGED : INBOUND_TAKEN,
		NULL);
}

int aws_shadow_listen(
	const struct device_record *record, unsigned at, char *ret_filter, size_t capacity)
{
	static const char *const leaf[] = {"get/+", "update/accepted", "update/rejected"};
	int n;

	if (at >= sizeof(leaf) / sizeof(leaf[0]) || !is_wanted(record))
		return -ENOTSUP;
	n = snprintf(ret_filter, capacity, AWS_SHADOW_PREFIX "%s" PLACE "%s",
		record->life.platform_id, leaf[at]);
	return n < 0 || (size_t)n >= capacity ? -EMSGSIZE : 0;
}

int aws_shadow_decode(const char *topic, struct span payload, struct inbound_message *ret_message)
{
	const char *thing = topic + strlen(AWS_SHADOW_PREFIX), *leaf = strstr(topic, PLACE);

	*ret_message = (struct inbound_message){.kind = INBOUND_IGNORED};
	if (!leaf || leaf < thing || !aws_is_thing(span_of(thing, (size_t)(leaf - thing))))
		return say(ret_message, INBOUND_IGNORED, "not a topic of a shadow");
	memcpy(ret_message->platform_id, thing, (size_t)(leaf - thing));
	leaf += strlen(PLACE);
	if (!strcmp(leaf, "get/accepted"))
		return decode_state(payload, ret_message);
	if (!strcmp(leaf, "update/accepted"))
		return decode_update(payload, ret_message);
	if (!strcmp(leaf, "get/rejected") || !strcmp(leaf, "update/rejected"))
		return decode_refusal(leaf[0] == 'g', payload, ret_message);
	return say(ret_message, INBOUND_IGNORED, "not a topic of a shadow");
}
