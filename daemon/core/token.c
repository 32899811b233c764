/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens and their names. A value is one format byte, the length of the user name in two bytes, the
 * user name, the password: neither needs a separator that the other could hold. token-identity.c
 * has the other form.
 *
 * The set of names is an array: sorted at the front, what was put since then behind it. An import
 * of thousands of names costs one sort.
 */

#include "core/token.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define VALUE_FORMAT 1
#define VALUE_HEAD   3

/* ---- one token ---- */

const char *token_check_name(struct span ep)
{
	const char *why = NULL;

	if (ep.size == 0)
		return "has no endpoint name";
	if (ep_check(ep, &why) < 0)
		return "has an endpoint name that no device can have (1 to 63 printable ASCII "
		       "characters without space, quotation mark, < and >, and no address)";
	return NULL;
}

const char *token_check(
	struct span ep, struct span username, struct span password, bool *ret_too_long)
{
	bool too_long = ep.size > EP_MAX || username.size > TOKEN_USERNAME_MAX ||
			password.size > TOKEN_PASSWORD_MAX;
	const char *why = token_check_name(ep);

	if (ret_too_long)
		*ret_too_long = too_long;
	if (why)
		return why;
	if (username.size == 0)
		return "has no user name";
	if (username.size > TOKEN_USERNAME_MAX)
		return "has a user name of more than 256 bytes";
	if (!span_is_clean_text(username))
		return "has a user name that is not UTF-8 text";
	if (password.size == 0)
		return "has no password";
	if (password.size > TOKEN_PASSWORD_MAX)
		return "has a password of more than 1024 bytes";
	if (!span_is_clean_text(password))
		return "has a password that is not UTF-8 text";
	return NULL;
}

int token_value_make(struct span username, struct span password, struct secret *ret_value)
{
	size_t size = VALUE_HEAD + username.size + password.size;
	uint8_t *data;

	if (username.size > TOKEN_USERNAME_MAX || password.size > TOKEN_PASSWORD_MAX)
		return -EINVAL;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	data[0] = VALUE_FORMAT;
	data[1] = (uint8_t)(username.size >> 8);
	data[2] = (uint8_t)username.size;
	memcpy(data + VALUE_HEAD, username.data, username.size);
	memcpy(data + VALUE_HEAD + username.size, password.data, password.size);
	*ret_value = (struct secret){data, size};
	return 0;
}

int token_value_read(struct span value, struct span *ret_username, struct span *ret_password)
{
	size_t size;

	if (value.size < VALUE_HEAD || value.data[0] != VALUE_FORMAT)
		return -EBADMSG;
	size = (size_t)value.data[1] << 8 | value.data[2];
	if (size == 0 || size > TOKEN_USERNAME_MAX || size >= value.size - VALUE_HEAD ||
		value.size - VALUE_HEAD - size > TOKEN_PASSWORD_MAX)
		return -EBADMSG;
	*ret_username = span_of(value.data + VALUE_HEAD, size);
	*ret_password = span_of(value.data + VALUE_HEAD + size, value.size - VALUE_HEAD - size);
	return 0;
}

int token_new(struct span ep, struct span username, struct span password, struct token **ret)
{
	struct token *token;
	int r;

	if (token_check(ep, username, password, NULL))
		return -EINVAL;
	token = calloc(1, sizeof(*token));
	if (!token)
		return -ENOMEM;
	memcpy(token->kind, TOKEN_KIND_MQTT, sizeof(TOKEN_KIND_MQTT));
	memcpy(token->ep, ep.data, ep.size);
	r = token_value_make(username, password, &token->value);
	if (r < 0) {
		token_free(token);
		return r;
	}
	*ret = token;
	return 0;
}

/* It travels in a header: no space and nothing beyond ASCII. */
static bool is_word(struct span text)
{
	return span_is_printable(text) && !memchr(text.data, ' ', text.size);
}

const char *token_check_pt(struct span ep, struct span pt, bool *ret_too_long)
{
	const char *why = token_check_name(ep);

	if (ret_too_long)
		*ret_too_long = ep.size > EP_MAX || pt.size > TOKEN_PT_MAX;
	if (why)
		return why;
	if (pt.size == 0)
		return "has no provisioning token";
	if (pt.size > TOKEN_PT_MAX)
		return "has a provisioning token of more than 1024 bytes";
	if (!is_word(pt))
		return "has a provisioning token with other characters than printable ASCII "
		       "without space";
	return NULL;
}

/* Bytes alone. */
static int new_plain(const char *kind, struct span ep, struct span value, struct token **ret)
{
	struct token *token = calloc(1, sizeof(*token));
	int r;

	if (!token)
		return -ENOMEM;
	memcpy(token->kind, kind, strlen(kind) + 1);
	span_to_string(ep, token->ep, sizeof(token->ep));
	r = secret_set(&token->value, value);
	if (r < 0) {
		token_free(token);
		return r;
	}
	*ret = token;
	return 0;
}

bool token_is_pt(struct span value)
{
	return value.size > 0 && value.size <= TOKEN_PT_MAX && is_word(value);
}

int token_new_pt(struct span ep, struct span pt, struct token **ret)
{
	if (token_check_pt(ep, pt, NULL))
		return -EINVAL;
	return new_plain(TOKEN_KIND_SPOTFLOW, ep, pt, ret);
}

const char *token_check_operator(struct span value, bool *ret_too_long)
{
	if (ret_too_long)
		*ret_too_long = value.size > OPERATOR_TOKEN_MAX;
	if (value.size == 0)
		return "is empty";
	if (value.size > OPERATOR_TOKEN_MAX)
		return "has more than 2048 bytes";
	return is_word(value) ? NULL : "has other characters than printable ASCII without space";
}

int token_new_operator(const char *platform, struct span value, struct token **ret)
{
	if (token_check_operator(value, NULL))
		return -EINVAL;
	return new_plain(TOKEN_KIND_OPERATOR, span_from_string(platform), value, ret);
}

static bool is_base64(struct span text)
{
	size_t size = text.size, i;

	if (size == 0 || size % 4 != 0)
		return false;
	while (size > text.size - 2 && text.data[size - 1] == '=')
		size--;
	for (i = 0; i < size; i++)
		if (!isalnum(text.data[i]) && text.data[i] != '+' && text.data[i] != '/')
			return false;
	return true;
}

const char *token_check_key(struct span ep, struct span key, bool *ret_too_long)
{
	const char *why = token_check_name(ep);

	if (ret_too_long)
		*ret_too_long = ep.size > EP_MAX || key.size > TOKEN_KEY_MAX;
	if (why)
		return why;
	if (key.size == 0)
		return "has no key";
	if (key.size > TOKEN_KEY_MAX)
		return "has a key of more than 172 characters";
	return is_base64(key) ? NULL : "has a key that is not base64";
}

int token_new_key(struct span ep, struct span key, struct token **ret)
{
	if (token_check_key(ep, key, NULL))
		return -EINVAL;
	return new_plain(TOKEN_KIND_AZURE, ep, key, ret);
}

const char *token_word(const char *kind)
{
	if (!strcmp(kind, TOKEN_KIND_SPOTFLOW))
		return "pt";
	return strcmp(kind, TOKEN_KIND_AZURE) ? NULL : "key";
}

struct token *token_free(struct token *token)
{
	if (token) {
		secret_clear(&token->value);
		free(token);
	}
	return NULL;
}

/* ---- lists ---- */

void token_list_add(struct token_list *list, struct token *token)
{
	token->next = NULL;
	if (list->first)
		list->last->next = token;
	else
		list->first = token;
	list->last = token;
	list->count++;
}

void token_list_join(struct token_list *list, struct token_list *more)
{
	if (!more->first)
		return;
	if (list->first)
		list->last->next = more->first;
	else
		list->first = more->first;
	list->last = more->last;
	list->count += more->count;
	*more = (struct token_list){0};
}

void token_list_clear(struct token_list *list)
{
	while (list->first) {
		struct token *token = list->first;

		list->first = token->next;
		token_free(token);
	}
	*list = (struct token_list){0};
}

static int compare(const char *kind_a, const char *ep_a, const char *kind_b, const char *ep_b)
{
	int order = strcmp(kind_a, kind_b);

	return order ? order : strcmp(ep_a, ep_b);
}

static int compare_tokens(const void *left, const void *right)
{
	const struct token *a = *(const struct token *const *)left,
			   *b = *(const struct token *const *)right;
	int order = compare(a->kind, a->ep, b->kind, b->ep);

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

int token_list_find_twice(const struct token_list *list, const struct token **ret_second)
{
	CLEANUP(cleanup_free) const struct token **sorted = NULL;
	const struct token *token;
	size_t count = 0;

	*ret_second = NULL;
	if (list->count < 2)
		return 0;
	sorted = calloc(list->count, sizeof(struct token *));
	if (!sorted)
		return -ENOMEM;
	for (token = list->first; token; token = token->next)
		sorted[count++] = token;
	qsort(sorted, count, sizeof(struct token *), compare_tokens);
	for (size_t i = 1; i < count; i++)
		if (!compare(sorted[i - 1]->kind, sorted[i - 1]->ep, sorted[i]->kind,
			    sorted[i]->ep) &&
			(!*ret_second || sorted[i]->line < (*ret_second)->line))
			*ret_second = sorted[i];
	return 0;
}

/* ---- names ---- */

static int compare_names(const void *left, const void *right)
{
	const struct token_name *a = left, *b = right;

	return compare(a->kind, a->ep, b->kind, b->ep);
}

int token_names_reserve(struct token_names *names, size_t count)
{
	struct token_name *name;

	if (count <= names->room)
		return 0;
	name = realloc(names->name, count * sizeof(*name));
	if (!name)
		return -ENOMEM;
	names->name = name;
	names->room = count;
	return 0;
}

/* The number of sorted names that stand before (kind, ep); with 'behind' also the equal one. */
static size_t count_before(
	const struct token_names *names, const char *kind, const char *ep, bool behind)
{
	size_t low = 0, high = names->sorted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct token_name *name = &names->name[middle];
		int order = compare(name->kind, name->ep, kind, ep);

		if (order < 0 || (behind && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct token_name *find(const struct token_names *names, const char *kind, const char *ep)
{
	size_t at = count_before(names, kind, ep, false);

	if (at < names->sorted && !compare(names->name[at].kind, names->name[at].ep, kind, ep))
		return &names->name[at];
	for (at = names->sorted; at < names->count; at++)
		if (!compare(names->name[at].kind, names->name[at].ep, kind, ep))
			return &names->name[at];
	return NULL;
}

const struct token_name *token_names_find(
	const struct token_names *names, const char *kind, const char *ep)
{
	return find(names, kind, ep);
}

int token_names_put(struct token_names *names, const char *kind, const char *ep, int64_t since)
{
	size_t at = count_before(names, kind, ep, false);
	struct token_name *name;
	int r;

	if (at < names->sorted && !compare(names->name[at].kind, names->name[at].ep, kind, ep)) {
		names->name[at].since = since;
		names->name[at].brought = false;
		return 0;
	}
	if (names->count == names->room) {
		r = token_names_reserve(names, names->room ? 2 * names->room : 64);
		if (r < 0)
			return r;
	}
	name = &names->name[names->count++];
	*name = (struct token_name){.since = since};
	strncpy(name->kind, kind, TOKEN_KIND_MAX);
	strncpy(name->ep, ep, EP_MAX);
	return 0;
}

int token_names_bring(struct token_names *names, const char *kind, const char *ep, int64_t since)
{
	struct token_name *name = find(names, kind, ep);

	if (name && !name->brought)
		return 0;
	if (!name) {
		int r = token_names_put(names, kind, ep, since);

		if (r < 0)
			return r;
		name = find(names, kind, ep);
	}
	name->since = since;
	name->brought = true;
	return 0;
}

void token_names_sort(struct token_names *names)
{
	if (names->sorted < names->count)
		qsort(names->name, names->count, sizeof(*names->name), compare_names);
	names->sorted = names->count;
}

void token_names_drop(struct token_names *names, const char *kind, const char *ep)
{
	struct token_name *name;
	size_t at;

	token_names_sort(names);
	name = find(names, kind, ep);
	if (!name)
		return;
	at = (size_t)(name - names->name);
	memmove(name, name + 1, (names->count - at - 1) * sizeof(*name));
	names->count--;
	names->sorted--;
}

size_t token_names_after(const struct token_names *names, const char *kind, const char *ep)
{
	return count_before(names, kind, ep, true);
}

void token_names_clear(struct token_names *names)
{
	free(names->name);
	*names = (struct token_names){0};
}
