/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The form, version 1. Texts stand under the names of the API; secrets are base64url. What is not
 * there: anything that only the old gateway knew of its network but the device's address, and
 * whatever was under way.
 */

#include "core/hand-over.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/token.h"

#define FORM	  1
#define BYTES_MAX (HAND_OVER_MAX * 3 / 4)
#define BROKEN	  "It holds no device in a form that this version knows."

void hand_over_clear(struct hand_over *hand_over)
{
	device_record_free(hand_over->record);
	secret_clear(&hand_over->token);
	crypto_wipe(hand_over, sizeof(*hand_over));
}

const char *hand_over_hindrance(const struct lifecycle *life)
{
	if (life->admission != ADMISSION_SUSPENDED)
		return "Suspend it first: two gateways must never speak for one device.";
	if (life->operation != OPERATION_BOUND || life->credential != CREDENTIAL_HELD)
		return "It has no credential that could be handed over: bring it in at the other "
		       "gateway instead.";
	return NULL;
}

/* ---- texts of a record: one table, both ways ---- */

static const struct text_field {
	const char *name;
	size_t offset, size;
	bool is_label; /* people and devices wrote it: clean text */
} texts[] = {
#define TEXT(name, member, is_label)                                             \
	{                                                                        \
		name, offsetof(struct device_record, member),                    \
			sizeof(((struct device_record *)NULL)->member), is_label \
	}
	TEXT("id", id, false),
	TEXT("ep", ep, false),
	TEXT("platform", platform, false),
	TEXT("name", name, true),
	TEXT("place", place, true),
	TEXT("owner", owner, true),
	TEXT("model", info.model, true),
	TEXT("serial", info.serial, true),
	TEXT("firmware", info.firmware, true),
	TEXT("code", info.code, false),
	TEXT("mac", mac, false),
	TEXT("interface", address.interface, false),
	TEXT("poll_path", poll_path, false),
	TEXT("decided_by", decided_by, true),
	TEXT("platform_id", life.platform_id, false),
#undef TEXT
};

static void put_texts(json_t *object, const struct device_record *record)
{
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		json_object_set_new(
			object, texts[i].name, json_string((const char *)record + texts[i].offset));
}

/* Printable, and no more than fits. */
static bool is_clean(const struct text_field *field, const char *text)
{
	const char *why;

	if (strlen(text) >= field->size)
		return false;
	if (field->is_label)
		return label_check(span_from_string(text), &why) >= 0;
	for (; *text; text++)
		if (*text < '!' || *text > '~')
			return false;
	return true;
}

static int take_texts(const json_t *object, struct device_record *record)
{
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		const char *text = json_string_value(json_object_get(object, texts[i].name));

		if (!text || !is_clean(&texts[i], text))
			return -EINVAL;
		snprintf((char *)record + texts[i].offset, texts[i].size, "%s", text);
	}
	return 0;
}

/* ---- secrets ---- */

static void put_bytes(json_t *object, const char *name, struct span bytes)
{
	char *text = base64url_encode(bytes);

	json_object_set_new(object, name, text ? json_string(text) : NULL);
	if (text)
		crypto_wipe(text, strlen(text));
	free(text);
}

static int take_bytes(const json_t *object, const char *name, struct secret *ret_secret)
{
	const json_t *text = json_object_get(object, name);
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	size_t size = 0;
	int r;

	if (!json_is_string(text))
		return -EINVAL;
	bytes = malloc(BYTES_MAX);
	if (!bytes)
		return -ENOMEM;
	r = base64url_decode(span_of(json_string_value(text), json_string_length(text)), bytes,
		BYTES_MAX, &size);
	r = r < 0 ? -EINVAL : secret_set(ret_secret, span_of(bytes, size));
	crypto_wipe(bytes, size);
	return r;
}

static void wipe_texts(json_t *object)
{
	static const char *const SECRETS[] = {"credential", "token", "psk", "claim_key"};

	for (size_t i = 0; i < ELEMENTS(SECRETS); i++) {
		const json_t *text = json_object_get(object, SECRETS[i]);

		if (json_is_string(text))
			crypto_wipe((char *)(uintptr_t)json_string_value(text),
				json_string_length(text));
	}
}

static void cleanup_secret_json(json_t **object)
{
	wipe_texts(*object);
	json_decref(*object);
}

static void put_label(json_t *object, const struct label *label)
{
	if (label->has_psk)
		put_bytes(object, "psk", span_of(label->psk, sizeof(label->psk)));
	put_bytes(object, "claim_key", span_of(label->claim_key, sizeof(label->claim_key)));
	put_bytes(object, "label_digest", span_of(label->digest, sizeof(label->digest)));
}

static int take_exactly(const json_t *object, const char *name, uint8_t *ret_bytes, size_t size)
{
	struct secret secret = {0};
	int r = take_bytes(object, name, &secret);

	if (r >= 0 && secret.size != size)
		r = -EINVAL;
	if (r >= 0)
		memcpy(ret_bytes, secret.data, size);
	secret_clear(&secret);
	return r;
}

static int take_label(const json_t *object, struct hand_over *hand_over)
{
	struct label *label = &hand_over->label;
	int r;

	if (!json_object_get(object, "claim_key"))
		return 0;
	hand_over->has_label = true;
	memcpy(label->ep, hand_over->record->ep, sizeof(label->ep));
	label->has_psk = json_object_get(object, "psk") != NULL;
	r = take_exactly(object, "claim_key", label->claim_key, sizeof(label->claim_key));
	if (r >= 0)
		r = take_exactly(object, "label_digest", label->digest, sizeof(label->digest));
	if (r >= 0 && label->has_psk)
		r = take_exactly(object, "psk", label->psk, sizeof(label->psk));
	return r;
}

/* ---- the rest of a record ---- */

static int put_rest(json_t *object, const struct device_record *record)
{
	char ip[INET6_ADDRSTRLEN] = "";
	json_t *attributes = record->info.attributes ? json_loads(record->info.attributes, 0, NULL)
						     : json_null();

	inet_ntop(AF_INET6, &record->address.ip, ip, sizeof(ip));
	return json_object_set_new(object, "attributes", attributes) +
	       json_object_set_new(object, "ip", json_string(ip)) +
	       json_object_set_new(object, "port", json_integer(record->address.port)) +
	       json_object_set_new(object, "bound", json_boolean(record->address_bound)) +
	       json_object_set_new(object, "display", json_boolean(record->info.display)) +
	       json_object_set_new(object, "server", json_boolean(record->is_server)) +
	       json_object_set_new(object, "poll_format", json_integer(record->poll_format)) +
	       json_object_set_new(object, "trust", json_string(trust_to_string(record->trust))) +
	       json_object_set_new(object, "fingerprint", json_string(record->fingerprint)) +
	       json_object_set_new(
		       object, "found_by", json_string(found_by_to_string(record->found_by))) +
	       json_object_set_new(
		       object, "evidence", json_string(evidence_to_string(record->evidence))) +
	       json_object_set_new(object, "first_seen", json_integer(record->first_seen)) +
	       json_object_set_new(object, "decided_at", json_integer(record->decided_at)) +
	       json_object_set_new(
		       object, "credential_since", json_integer(record->life.credential_since)) +
	       json_object_set_new(
		       object, "credential_expires", json_integer(record->life.credential_expires));
}

static int take_attributes(const json_t *object, struct device_record *record)
{
	json_t *attributes = json_object_get(object, "attributes"), *value;
	const char *key;

	if (json_is_null(attributes))
		return 0;
	if (!json_is_object(attributes) || json_object_size(attributes) > ATTRIBUTES_MAX)
		return -EINVAL;
	json_object_foreach(attributes, key, value)
	{
		struct span text = span_of(json_string_value(value), json_string_length(value));

		if (!json_is_string(value) || text.size > ATTRIBUTE_VALUE_MAX ||
			!span_is_clean_text(text) || !*key || strlen(key) > INFO_TEXT_MAX ||
			!span_is_clean_text(span_from_string(key)))
			return -EINVAL;
	}
	record->info.attributes = json_dumps(attributes, JSON_COMPACT);
	return record->info.attributes ? 0 : -ENOMEM;
}

static int take_words(const json_t *object, struct device_record *record)
{
	const char *trust = json_string_value(json_object_get(object, "trust"));
	const char *found = json_string_value(json_object_get(object, "found_by"));
	const char *evidence = json_string_value(json_object_get(object, "evidence"));
	const char *ip = json_string_value(json_object_get(object, "ip"));

	const json_t *fingerprint = json_object_get(object, "fingerprint");

	if (!trust || trust_from_string(trust, &record->trust) < 0)
		return -EINVAL;
	/* Missing: it was made by a gateway that knew no certificates. */
	if (fingerprint && (!json_is_string(fingerprint) ||
				   span_to_string(span_from_string(json_string_value(fingerprint)),
					   record->fingerprint, sizeof(record->fingerprint)) < 0))
		return -EINVAL;
	if (!found || found_by_from_string(found, &record->found_by) < 0)
		return -EINVAL;
	if (!evidence || evidence_from_string(evidence, &record->evidence) < 0)
		return -EINVAL;
	return ip && inet_pton(AF_INET6, ip, &record->address.ip) == 1 ? 0 : -EINVAL;
}

static int take_numbers(const json_t *object, struct device_record *record)
{
	static const char *const NAMES[] = {"port", "poll_format", "first_seen", "decided_at",
		"credential_since", "credential_expires"};

	for (size_t i = 0; i < ELEMENTS(NAMES); i++)
		if (!json_is_integer(json_object_get(object, NAMES[i])))
			return -EINVAL;
#define NUMBER(name) json_integer_value(json_object_get(object, name))
	if (NUMBER("port") < 0 || NUMBER("port") > UINT16_MAX || NUMBER("poll_format") < -1 ||
		NUMBER("poll_format") > UINT16_MAX)
		return -EINVAL;
	record->address.port = (uint16_t)NUMBER("port");
	record->poll_format = (int)NUMBER("poll_format");
	record->first_seen = NUMBER("first_seen");
	record->decided_at = NUMBER("decided_at");
	record->life.credential_since = NUMBER("credential_since");
	record->life.credential_expires = NUMBER("credential_expires");
#undef NUMBER
	record->address_bound = json_is_true(json_object_get(object, "bound"));
	record->info.display = json_is_true(json_object_get(object, "display"));
	record->is_server = json_is_true(json_object_get(object, "server"));
	return 0;
}

/* ---- both ---- */

int hand_over_write(const struct hand_over *hand_over, char **ret_text)
{
	const struct device_record *record = hand_over->record;
	CLEANUP(cleanup_secret_json)
	json_t *object = json_pack("{s:i,s:s}", "v", FORM, "from", hand_over->from);
	char *text;

	if (!object)
		return -ENOMEM;
	put_texts(object, record);
	if (put_rest(object, record) != 0)
		return -ENOMEM;
	put_bytes(object, "credential", secret_span(&record->life.credential_current));
	if (hand_over->token.size)
		put_bytes(object, "token", secret_span(&hand_over->token));
	if (hand_over->has_label)
		put_label(object, &hand_over->label);
	text = json_dumps(object, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	if (strlen(text) > HAND_OVER_MAX) {
		crypto_wipe(text, strlen(text));
		free(text);
		return -EMSGSIZE;
	}
	*ret_text = text;
	return 0;
}

static bool id_is_good(const char *id)
{
	return id[0] && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(id);
}

/* It goes into headers and packets of its platform, as one that was imported by hand does. */
static bool token_is_good(const struct device_record *record, struct span value)
{
	struct span ep = span_of(record->ep, strlen(record->ep)), username, password, identity;

	if (!strcmp(record->platform, TOKEN_KIND_AZURE))
		return token_value_read_identity(value, &identity) >= 0 ||
		       !token_check_key(ep, value, NULL);
	if (!strcmp(record->platform, TOKEN_KIND_SPOTFLOW))
		return !token_check_pt(ep, value, NULL);
	if (!strcmp(record->platform, TOKEN_KIND_MQTT))
		return token_value_read_identity(value, &identity) >= 0 ||
		       (token_value_read(value, &username, &password) >= 0 &&
			       !token_check(ep, username, password, NULL));
	return true;
}

static int take_record(const json_t *object, struct hand_over *hand_over)
{
	struct device_record *record = hand_over->record;
	int r = take_texts(object, record);

	if (r >= 0)
		r = take_words(object, record);
	if (r >= 0)
		r = take_numbers(object, record);
	if (r >= 0)
		r = take_attributes(object, record);
	if (r >= 0)
		r = take_bytes(object, "credential", &record->life.credential_current);
	if (r >= 0 && json_object_get(object, "token"))
		r = take_bytes(object, "token", &hand_over->token);
	return r < 0 ? r : take_label(object, hand_over);
}

int hand_over_read(struct span text, struct hand_over *ret_hand_over, const char **ret_why)
{
	CLEANUP(cleanup_secret_json)
	json_t *object =
		json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	const char *from = json_string_value(json_object_get(object, "from"));
	struct device_record *record;
	int r;

	*ret_hand_over = (struct hand_over){0};
	*ret_why = BROKEN;
	if (json_integer_value(json_object_get(object, "v")) != FORM || !from ||
		strlen(from) >= sizeof(ret_hand_over->from) || !id_is_good(from))
		return -EINVAL;
	snprintf(ret_hand_over->from, sizeof(ret_hand_over->from), "%s", from);
	record = ret_hand_over->record = calloc(1, sizeof(*record));
	if (!record)
		return -ENOMEM;
	r = take_record(object, ret_hand_over);
	if (r < 0)
		return r;
	if (ep_check(span_from_string(record->ep), ret_why) < 0)
		return -EINVAL;
	/* The platform's id becomes a part of topics. */
	if (!id_is_good(record->id) || strpbrk(record->life.platform_id, "/+#") ||
		!record->life.credential_current.size ||
		(ret_hand_over->token.size &&
			!token_is_good(record, secret_span(&ret_hand_over->token))))
		return -EINVAL;
	record->life.admission = ADMISSION_SUSPENDED;
	record->life.operation = OPERATION_BOUND;
	record->life.credential = CREDENTIAL_HELD;
	return 0;
}
