/* SPDX-License-Identifier: Apache-2.0 */

/* Reading what the platform's API answers; see the header. */

#include "drivers/platform/spotflow-answer.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "drivers/platform/iothub.h"

#define PROBLEM_CANCELLED "/problems/deviceProvisioning/provisioningOperationCancelled"
#define DAYS_MAX	  3650000 /* ten thousand years: no product of it overflows */

/* ---- JSON that is wiped ---- */

void spotflow_json_free(json_t **tree)
{
	json_t *value;
	const char *key;

	json_object_foreach(*tree, key, value)
	{
		if (json_is_string(value))
			crypto_wipe((char *)(uintptr_t)json_string_value(value),
				json_string_length(value));
	}
	json_decref(*tree);
}

static json_t *object_of(struct span body)
{
	json_error_t error;
	json_t *tree =
		json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &error);

	if (tree && !json_is_object(tree)) {
		json_decref(tree);
		return NULL;
	}
	return tree;
}

/* A text member of 1 to capacity - 1 bytes. */
static int text_of(const json_t *tree, const char *key, char *ret_text, size_t capacity)
{
	const json_t *value = json_object_get(tree, key);
	struct span text = span_of(json_string_value(value), json_string_length(value));

	if (!json_is_string(value) || text.size == 0 || !span_is_clean_text(text))
		return -EBADMSG;
	return span_to_string(text, ret_text, capacity) < 0 ? -EBADMSG : 0;
}

static int time_of(const json_t *tree, const char *key, int64_t *ret_msec)
{
	char text[64];
	int r = text_of(tree, key, text, sizeof(text));

	return r < 0 ? r : spotflow_time(text, ret_msec);
}

static bool is_word(const char *text)
{
	return span_is_printable(span_from_string(text)) && !strchr(text, ' ');
}

/* ---- times ---- */

static int digits(const char **at, unsigned count, int *ret)
{
	int value = 0;

	for (unsigned i = 0; i < count; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return -EBADMSG;
		value = value * 10 + (**at - '0');
	}
	*ret = value;
	return 0;
}

static int literal(const char **at, char c)
{
	if (**at != c)
		return -EBADMSG;
	(*at)++;
	return 0;
}

/* ".123456" to milliseconds; nothing there is 0. */
static int fraction(const char **at, int *ret_msec)
{
	int scale = 100;

	*ret_msec = 0;
	if (**at != '.')
		return 0;
	(*at)++;
	if (!isdigit((unsigned char)**at))
		return -EBADMSG;
	for (; isdigit((unsigned char)**at); (*at)++, scale /= 10)
		*ret_msec += (**at - '0') * scale;
	return 0;
}

static int clock_of(const char **at, int *ret_hour, int *ret_minute, int *ret_second)
{
	int r = digits(at, 2, ret_hour);

	if (r < 0 || literal(at, ':') < 0 || digits(at, 2, ret_minute) < 0 ||
		literal(at, ':') < 0 || digits(at, 2, ret_second) < 0)
		return -EBADMSG;
	return *ret_hour > 23 || *ret_minute > 59 || *ret_second > 60 ? -EBADMSG : 0;
}

static int zone(const char **at, int *ret_minutes)
{
	int hour, minute, sign = **at == '-' ? -1 : 1;

	*ret_minutes = 0;
	if (**at == 'Z' || **at == 'z') {
		(*at)++;
		return 0;
	}
	if (**at != '+' && **at != '-')
		return -EBADMSG;
	(*at)++;
	if (digits(at, 2, &hour) < 0 || literal(at, ':') < 0 || digits(at, 2, &minute) < 0 ||
		hour > 23 || minute > 59)
		return -EBADMSG;
	*ret_minutes = sign * (hour * 60 + minute);
	return 0;
}

int spotflow_time(const char *text, int64_t *ret_msec)
{
	struct tm tm = {0};
	int msec, minutes;

	if (digits(&text, 4, &tm.tm_year) < 0 || literal(&text, '-') < 0 ||
		digits(&text, 2, &tm.tm_mon) < 0 || literal(&text, '-') < 0 ||
		digits(&text, 2, &tm.tm_mday) < 0 || (*text != 'T' && *text != 't'))
		return -EBADMSG;
	text++;
	if (clock_of(&text, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) < 0 ||
		fraction(&text, &msec) < 0 || zone(&text, &minutes) < 0 || *text)
		return -EBADMSG;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
		tm.tm_mday > 31)
		return -EBADMSG;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret_msec = ((int64_t)timegm(&tm) - minutes * 60) * 1000 + msec;
	return 0;
}

int spotflow_timespan(const char *text, int64_t *ret_msec)
{
	bool negative = *text == '-';
	const char *colon, *dot;
	int64_t days = 0;
	int hour, minute, second, msec;

	text += negative;
	colon = strchr(text, ':');
	dot = strchr(text, '.');
	if (!colon)
		return -EBADMSG;
	if (dot && dot < colon) {
		if (dot == text)
			return -EBADMSG;
		for (; text < dot; text++) {
			if (!isdigit((unsigned char)*text) || days > DAYS_MAX)
				return -EBADMSG;
			days = days * 10 + (*text - '0');
		}
		text++;
	}
	if (clock_of(&text, &hour, &minute, &second) < 0 || fraction(&text, &msec) < 0 || *text)
		return -EBADMSG;
	*ret_msec =
		negative ? 0 : ((days * 24 + hour) * 60 + minute) * 60000 + second * 1000 + msec;
	return 0;
}

/* ---- answers ---- */

int spotflow_read_operation(struct span body, struct spotflow_operation *ret)
{
	CLEANUP(spotflow_json_free) json_t *tree = object_of(body);
	struct spotflow_operation operation;

	if (text_of(tree, "provisioningOperationId", operation.id, sizeof(operation.id)) < 0 ||
		text_of(tree, "verificationCode", operation.code, sizeof(operation.code)) < 0 ||
		time_of(tree, "expirationTime", &operation.expires) < 0 || !is_word(operation.id))
		return -EBADMSG;
	*ret = operation;
	crypto_wipe(&operation, sizeof(operation));
	return 0;
}

int spotflow_read_token(struct span body, struct spotflow_token *ret)
{
	CLEANUP(spotflow_json_free) json_t *tree = object_of(body);
	const json_t *expires = json_object_get(tree, "expirationTime");
	struct spotflow_token token = {.expires = 0};
	int r = text_of(tree, "registrationToken", token.text, sizeof(token.text));

	if (r >= 0 && expires && !json_is_null(expires))
		r = time_of(tree, "expirationTime", &token.expires);
	if (r >= 0 && !is_word(token.text))
		r = -EBADMSG;
	if (r >= 0)
		*ret = token;
	crypto_wipe(&token, sizeof(token));
	return r;
}

int spotflow_read_registration(struct span body, struct spotflow_registration *ret)
{
	CLEANUP(spotflow_json_free) json_t *tree = object_of(body);
	const json_t *left = json_object_get(tree, "tokenRemainingLifetime");
	struct spotflow_registration registration = {.token_left = -1};
	char string[SPOTFLOW_SAS_MAX + 512], text[64];
	struct iothub_connection connection;
	int r = text_of(tree, "connectionString", string, sizeof(string));

	if (r >= 0)
		r = iothub_connection_read(span_from_string(string), &connection);
	if (r >= 0 && (span_to_string(connection.device, registration.device,
			       sizeof(registration.device)) < 0 ||
			      span_to_string(connection.sas, registration.sas,
				      sizeof(registration.sas)) < 0))
		r = -EBADMSG;
	if (r >= 0)
		r = text_of(tree, "iotHubHostName", registration.host, sizeof(registration.host));
	/* Without an end it is not the kind of connection string that was asked for. */
	if (r >= 0)
		r = time_of(tree, "connectionStringExpiration", &registration.expires);
	if (r >= 0 && left && !json_is_null(left)) {
		r = text_of(tree, "tokenRemainingLifetime", text, sizeof(text));
		if (r >= 0)
			r = spotflow_timespan(text, &registration.token_left);
	}
	if (r >= 0 && !is_word(registration.host))
		r = -EBADMSG;
	if (r >= 0)
		*ret = registration;
	crypto_wipe(string, sizeof(string));
	crypto_wipe(&registration, sizeof(registration));
	return r;
}

bool spotflow_is_cancelled(struct span body)
{
	CLEANUP(spotflow_json_free) json_t *tree = object_of(body);
	const char *type = json_string_value(json_object_get(tree, "type"));

	return type && strlen(type) >= strlen(PROBLEM_CANCELLED) &&
	       !strcmp(type + strlen(type) - strlen(PROBLEM_CANCELLED), PROBLEM_CANCELLED);
}
