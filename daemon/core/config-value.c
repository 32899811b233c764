/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Texts to values and back. A value comes as one text, a list as several; the row says what it must
 * look like. Numbers are plain decimal digits: no sign, no exponent, no locale. Rates are kept as
 * double but read and written in thousandths, so that what is printed reads back as the same value.
 */

#include "core/config-value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/span.h"

#define SHOWN_SIZE 80 /* of a value in a message */
#define THOUSAND   1000

static const char *const true_words[] = {"yes", "true", "on"};
static const char *const false_words[] = {"no", "false", "off"};

static void *member_at(const struct config_key *key, void *config)
{
	return (char *)config + key->offset;
}

static const void *member_of(const struct config_key *key, const struct config *config)
{
	return (const char *)config + key->offset;
}

static bool is_text(enum config_type type)
{
	return type == CONFIG_STRING || type == CONFIG_ID || type == CONFIG_PATH;
}

static void print_thousandths(uint64_t value, char *ret_text, size_t capacity)
{
	unsigned rest = (unsigned)(value % THOUSAND);
	int digits = 3;

	if (rest == 0) {
		snprintf(ret_text, capacity, "%" PRIu64, value / THOUSAND);
		return;
	}
	while (rest % 10 == 0) {
		rest /= 10;
		digits--;
	}
	snprintf(ret_text, capacity, "%" PRIu64 ".%0*u", value / THOUSAND, digits, rest);
}

static void allowed_words(const struct config_key *key, char *ret_text)
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; key->allowed[i]; i++)
		used += (size_t)snprintf(ret_text + used, CONFIG_WHY_SIZE - used, "%s%s",
			i ? ", " : "", key->allowed[i]);
}

const char *config_value_allowed(const struct config_key *key, char *ret_text)
{
	const char *space = key->unit[0] ? " " : "";
	char low[32], high[32];

	switch (key->type) {
	case CONFIG_UINT:
		snprintf(ret_text, CONFIG_WHY_SIZE, "%" PRIu64 " to %" PRIu64 "%s%s", key->min,
			key->max, space, key->unit);
		break;
	case CONFIG_RATE:
		print_thousandths(key->min, low, sizeof(low));
		print_thousandths(key->max, high, sizeof(high));
		snprintf(ret_text, CONFIG_WHY_SIZE, "%s to %s%s%s, at most 3 decimals", low, high,
			space, key->unit);
		break;
	case CONFIG_BOOL:
		snprintf(ret_text, CONFIG_WHY_SIZE, "yes or no");
		break;
	case CONFIG_ENUM:
		allowed_words(key, ret_text);
		break;
	case CONFIG_LIST:
		snprintf(ret_text, CONFIG_WHY_SIZE, "%" PRIu64 " to %" PRIu64 " %s", key->min,
			key->max, key->form->allowed);
		break;
	case CONFIG_STRING:
	case CONFIG_ID:
	case CONFIG_PATH:
		snprintf(ret_text, CONFIG_WHY_SIZE, "%s%s, at most %" PRIu64 " characters",
			key->form->allowed, key->min ? "" : ", or empty", key->max);
		break;
	}
	return ret_text;
}

__attribute__((format(printf, 3, 4))) static int refuse(
	const struct config_key *key, char *ret_why, const char *format, ...)
{
	char allowed[CONFIG_WHY_SIZE], wrong[CONFIG_WHY_SIZE / 2];
	va_list list;

	va_start(list, format);
	vsnprintf(wrong, sizeof(wrong), format, list);
	va_end(list);
	config_value_allowed(key, allowed);
	snprintf(ret_why, CONFIG_WHY_SIZE, "%.*s; allowed: %.*s", 150, wrong, CONFIG_WHY_SIZE - 170,
		allowed);
	return -EINVAL;
}

static const char *shown(const char *text, char *ret_shown)
{
	return span_to_safe_text(span_from_string(text), ret_shown, SHOWN_SIZE);
}

/* Decimal digits with at most 'decimals' of them after a point, as an integer in that unit. */
static int parse_decimal(const char *text, unsigned decimals, uint64_t *ret_value)
{
	const char *point = NULL, *c = text;
	uint64_t value = 0;

	for (; *c; c++) {
		if (*c == '.' && decimals && !point && c != text) {
			point = c;
			continue;
		}
		if (*c < '0' || *c > '9' || (point && c - point > (ptrdiff_t)decimals))
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -ERANGE;
	}
	if (c == text || (point && c == point + 1))
		return -EINVAL;
	for (unsigned i = point ? (unsigned)(c - point - 1) : 0; i < decimals; i++)
		if (__builtin_mul_overflow(value, 10, &value))
			return -ERANGE;
	*ret_value = value;
	return 0;
}

static int set_number(const struct config_key *key, const char *text, void *config, char *ret_why)
{
	char buffer[SHOWN_SIZE];
	uint64_t value;
	int r = parse_decimal(text, key->type == CONFIG_RATE ? 3 : 0, &value);

	if (r == -EINVAL)
		return refuse(key, ret_why, "\"%s\" is not a number", shown(text, buffer));
	if (r == 0 && value < key->min)
		return refuse(key, ret_why, "%s is too small", shown(text, buffer));
	if (r < 0 || value > key->max)
		return refuse(key, ret_why, "%s is too large", shown(text, buffer));
	if (key->type == CONFIG_RATE)
		*(double *)member_at(key, config) = (double)value / THOUSAND;
	else if (key->size == sizeof(uint16_t))
		*(uint16_t *)member_at(key, config) = (uint16_t)value;
	else if (key->size == sizeof(uint32_t))
		*(uint32_t *)member_at(key, config) = (uint32_t)value;
	else
		*(uint64_t *)member_at(key, config) = value;
	return 0;
}

static int set_word(const struct config_key *key, const char *text, void *config, char *ret_why)
{
	char buffer[SHOWN_SIZE];

	for (int i = 0; key->allowed[i]; i++)
		if (!strcasecmp(text, key->allowed[i])) {
			/* Enumerations and levels are int-sized. */
			int value = (int)key->min + i;

			memcpy(member_at(key, config), &value, sizeof(value));
			return 0;
		}
	return refuse(key, ret_why, "\"%s\" is not a word of this key", shown(text, buffer));
}

static int set_bool(const struct config_key *key, const char *text, void *config, char *ret_why)
{
	char buffer[SHOWN_SIZE];

	for (size_t i = 0; i < ELEMENTS(true_words); i++)
		if (!strcasecmp(text, true_words[i]) || !strcasecmp(text, false_words[i])) {
			*(bool *)member_at(key, config) = !strcasecmp(text, true_words[i]);
			return 0;
		}
	return refuse(key, ret_why, "\"%s\" is neither yes nor no", shown(text, buffer));
}

static int set_text(const struct config_key *key, const char *text, void *config, char *ret_why)
{
	char buffer[SHOWN_SIZE];
	size_t size = strlen(text);

	if (size < key->min)
		return refuse(key, ret_why, "it is empty");
	if (size > key->max || size >= key->size)
		return refuse(key, ret_why, "\"%s\" is too long", shown(text, buffer));
	if (size > 0 && !key->form->fits(text))
		return refuse(key, ret_why, "\"%s\" does not fit", shown(text, buffer));
	memcpy(member_at(key, config), text, size + 1);
	return 0;
}

static int set_list(const struct config_key *key, const char *const *items, size_t count,
	void *config, char *ret_why)
{
	struct config_list list = {.count = (unsigned)count};
	char buffer[SHOWN_SIZE];

	if (count < key->min)
		return refuse(key, ret_why, "the list is empty");
	if (count > key->max || count > CONFIG_LIST_MAX)
		return refuse(key, ret_why, "the list has %zu items", count);
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(items[i]);

		if (size >= sizeof(list.item[i]) || !key->form->fits(items[i]))
			return refuse(key, ret_why, "\"%s\" does not fit", shown(items[i], buffer));
		for (size_t j = 0; j < i; j++)
			if (!strcmp(list.item[j], items[i]))
				return refuse(key, ret_why, "\"%s\" stands in it twice",
					shown(items[i], buffer));
		memcpy(list.item[i], items[i], size + 1);
	}
	memcpy(member_at(key, config), &list, sizeof(list));
	return 0;
}

int config_value_set(const struct config_key *key, const char *const *items, size_t count,
	void *config, char *ret_why)
{
	if (key->type == CONFIG_LIST)
		return set_list(key, items, count, config, ret_why);
	if (count != 1)
		return refuse(key, ret_why, "it has %zu values", count);
	if (is_text(key->type))
		return set_text(key, items[0], config, ret_why);
	if (key->type == CONFIG_ENUM)
		return set_word(key, items[0], config, ret_why);
	if (key->type == CONFIG_BOOL)
		return set_bool(key, items[0], config, ret_why);
	return set_number(key, items[0], config, ret_why);
}

/* The defaults of the table are our own text: quoted, bare, or a list of quoted ones. */
void config_value_default(const struct config_key *key, void *config)
{
	char buffer[256], why[CONFIG_WHY_SIZE], *save = NULL;
	const char *items[CONFIG_LIST_MAX];
	size_t count = 0;

	snprintf(buffer, sizeof(buffer), "%s", key->default_text);
	for (char *item = strtok_r(buffer, "{}\", ", &save); item && count < CONFIG_LIST_MAX;
		item = strtok_r(NULL, "{}\", ", &save))
		items[count++] = item;
	if (key->type != CONFIG_LIST && count == 0)
		items[count++] = "";
	config_value_set(key, items, count, config, why);
}

static void print_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (const char *c = text; *c; c++) {
		/* libconfuse puts the environment in for ${...}. */
		if (strchr("\"\\$", *c))
			fputc('\\', out);
		fputc(*c, out);
	}
	fputc('"', out);
}

static uint64_t number_of(const struct config_key *key, const struct config *config)
{
	const void *member = member_of(key, config);

	if (key->type == CONFIG_RATE)
		return (uint64_t)llround(*(const double *)member * THOUSAND);
	if (key->size == sizeof(uint16_t))
		return *(const uint16_t *)member;
	if (key->size == sizeof(uint32_t))
		return *(const uint32_t *)member;
	return *(const uint64_t *)member;
}

static void print_list(const struct config_list *list, FILE *out)
{
	fputs("{", out);
	for (unsigned i = 0; i < list->count; i++) {
		fputs(i ? ", " : " ", out);
		print_quoted(list->item[i], out);
	}
	fputs(" }", out);
}

void config_value_print(const struct config_key *key, const struct config *config, FILE *out)
{
	const void *member = member_of(key, config);
	char text[32];
	int word;

	switch (key->type) {
	case CONFIG_UINT:
		fprintf(out, "%" PRIu64, number_of(key, config));
		break;
	case CONFIG_RATE:
		print_thousandths(number_of(key, config), text, sizeof(text));
		fputs(text, out);
		break;
	case CONFIG_BOOL:
		fputs(*(const bool *)member ? "yes" : "no", out);
		break;
	case CONFIG_ENUM:
		memcpy(&word, member, sizeof(word));
		fputs(key->allowed[word - (int)key->min], out);
		break;
	case CONFIG_LIST:
		print_list(member, out);
		break;
	case CONFIG_STRING:
	case CONFIG_ID:
	case CONFIG_PATH:
		print_quoted(member, out);
		break;
	}
}

bool config_value_equal(
	const struct config_key *key, const struct config *a, const struct config *b)
{
	const struct config_list *left = member_of(key, a), *right = member_of(key, b);

	if (is_text(key->type))
		return !strcmp(member_of(key, a), member_of(key, b));
	if (key->type != CONFIG_LIST)
		return !memcmp(member_of(key, a), member_of(key, b), key->size);
	if (left->count != right->count)
		return false;
	for (unsigned i = 0; i < left->count; i++)
		if (strcmp(left->item[i], right->item[i]))
			return false;
	return true;
}
