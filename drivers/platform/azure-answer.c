/* SPDX-License-Identifier: Apache-2.0 */

/* Texts are taken only where they can stand in a topic or a host name. */

#include "drivers/platform/azure-answer.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "drivers/platform/iothub.h"

#define TOPIC	  "$dps/registrations/res/"
#define RETRY_MAX 86400

static void cleanup_json(json_t **tree)
{
	json_decref(*tree);
}

int azure_status_read(const char *topic, struct azure_status *ret)
{
	struct azure_status status = {.code = 0};
	char value[16];
	int r;

	if (strncmp(topic, TOPIC, strlen(TOPIC)))
		return -EBADMSG;
	topic += strlen(TOPIC);
	for (int i = 0; i < 3; i++, topic++) {
		if (!isdigit((unsigned char)*topic))
			return -EBADMSG;
		status.code = 10 * status.code + (*topic - '0');
	}
	if (strncmp(topic, "/?", 2) || status.code < 100)
		return -EBADMSG;
	r = iothub_bag_find(topic + 2, "retry-after", value, sizeof(value));
	if (r > 0 && value[0] && strspn(value, "0123456789") == strlen(value)) {
		unsigned long seconds = strtoul(value, NULL, 10);

		status.retry_after = seconds < RETRY_MAX ? (unsigned)seconds : RETRY_MAX;
	}
	*ret = status;
	return 0;
}

/* Letters, digits and the marks that an id may have: nothing that means something in a topic. */
static bool is_id(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-:._=%@!*'(),", *text))
			return false;
	return true;
}

static bool is_host(const char *text)
{
	return text[0] != '-' && text[0] != '.' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
		       strlen(text);
}

/* Nothing there is 0. */
static int text_of(const json_t *tree, const char *key, bool (*fits)(const char *), char *ret_text,
	size_t capacity)
{
	const json_t *value = json_object_get(tree, key);
	const char *text = json_string_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!text || strlen(text) != json_string_length(value) || !text[0] ||
		strlen(text) >= capacity || !fits(text))
		return -EBADMSG;
	memcpy(ret_text, text, strlen(text) + 1);
	return 1;
}

static int word_of(const char *text, enum azure_word *ret)
{
	static const struct {
		const char *text;
		enum azure_word word;
	} words[] = {
		{"unassigned", AZURE_ASSIGNING},
		{"assigning", AZURE_ASSIGNING},
		{"assigned", AZURE_ASSIGNED},
		{"failed", AZURE_FAILED},
		{"disabled", AZURE_IS_DISABLED},
	};

	for (size_t i = 0; text && i < ELEMENTS(words); i++)
		if (!strcmp(words[i].text, text)) {
			*ret = words[i].word;
			return 0;
		}
	return -EBADMSG;
}

int azure_registration_read(struct span body, struct azure_registration *ret)
{
	json_error_t error;
	CLEANUP(cleanup_json)
	json_t *tree =
		json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &error);
	const json_t *state = json_object_get(tree, "registrationState");
	struct azure_registration registration = {.error = 0};
	const json_t *word = json_object_get(tree, "status");
	bool assigned;

	if (!json_is_object(tree) || (state && !json_is_null(state) && !json_is_object(state)))
		return -EBADMSG;
	/* A registration that is there already may be answered by its state alone. */
	if (!word)
		word = json_object_get(state, "status");
	if (word_of(json_string_value(word), &registration.word) < 0 ||
		text_of(tree, "operationId", is_id, registration.operation,
			sizeof(registration.operation)) < 0)
		return -EBADMSG;
	assigned = registration.word == AZURE_ASSIGNED;
	if (assigned && (text_of(state, "assignedHub", is_host, registration.hub,
				 sizeof(registration.hub)) <= 0 ||
				text_of(state, "deviceId", is_id, registration.device,
					sizeof(registration.device)) <= 0))
		return -EBADMSG;
	registration.error = json_integer_value(json_object_get(state, "errorCode"));
	*ret = registration;
	return 0;
}
