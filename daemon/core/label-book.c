/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Labels by name. The book is an array of pointers in the order of the names; what comes in is
 * looked up in it first, and the rest of the list goes behind and is sorted in once: an import of
 * thousands costs one sort. A value is one format byte, one byte of flags, and the keys.
 */

#include "core/label-book.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define VALUE_FORMAT 1
#define FLAG_PSK     1

/* ---- one label ---- */

const char *label_row_check(struct span ep)
{
	const char *why = NULL;

	if (ep.size == 0)
		return "has no endpoint name";
	if (ep_check(ep, &why) < 0)
		return "has an endpoint name that no device can have (1 to 63 printable ASCII "
		       "characters without space, quotation mark, < and >, and no address)";
	return NULL;
}

const char *label_row_why(enum label_verdict verdict)
{
	switch (verdict) {
	case LABEL_TAKEN:
		return NULL;
	case LABEL_FOREIGN:
		return "has no GH1 code";
	case LABEL_LENGTH:
		return "has a code that is not of 28 characters behind \"GH1\"";
	case LABEL_MISMATCH:
		return "has a code that is not for this name, or has a typo";
	case LABEL_NAMELESS:
		return "has no endpoint name";
	}
	return NULL;
}

int kept_label_new(const struct label *label, struct kept_label **ret)
{
	struct kept_label *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	kept->label = *label;
	*ret = kept;
	return 0;
}

int kept_label_set_window(struct kept_label *kept, const struct label_window *window)
{
	struct label_window *copy = NULL;

	if (window) {
		copy = malloc(sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		*copy = *window;
	}
	free(kept->window);
	kept->window = copy;
	return 0;
}

int kept_label_copy(const struct kept_label *from, struct kept_label **ret)
{
	struct kept_label *kept;
	int r = kept_label_new(&from->label, &kept);

	if (r < 0)
		return r;
	kept->imported = from->imported;
	kept->line = from->line;
	kept->since = from->since;
	r = kept_label_set_window(kept, from->window);
	if (r < 0) {
		kept_label_free(kept);
		return r;
	}
	*ret = kept;
	return 0;
}

struct kept_label *kept_label_free(struct kept_label *kept)
{
	if (kept) {
		label_clear(&kept->label);
		free(kept->window);
		free(kept);
	}
	return NULL;
}

bool kept_label_is_open(const struct kept_label *kept, int64_t now)
{
	/* A clock that was set back must not make a window of days. */
	return kept->window && now < kept->window->until &&
	       kept->window->until - now <= LABEL_WINDOW_MSEC;
}

void label_value_make(const struct label *label, uint8_t ret_value[LABEL_VALUE_SIZE])
{
	uint8_t *at = ret_value;

	memset(ret_value, 0, LABEL_VALUE_SIZE);
	*at++ = VALUE_FORMAT;
	*at++ = label->has_psk ? FLAG_PSK : 0;
	if (label->has_psk)
		memcpy(at, label->psk, LABEL_KEY_SIZE);
	memcpy(at + LABEL_KEY_SIZE, label->claim_key, LABEL_KEY_SIZE);
	memcpy(at + 2 * LABEL_KEY_SIZE, label->digest, LABEL_DIGEST_SIZE);
}

int label_value_read(struct span value, const char *ep, struct label *ret_label)
{
	const uint8_t *at;
	struct span name = span_from_string(ep);
	const char *why;

	if (ep_check(name, &why) < 0)
		return -EINVAL;
	if (value.size != LABEL_VALUE_SIZE || value.data[0] != VALUE_FORMAT ||
		value.data[1] & ~FLAG_PSK)
		return -EBADMSG;
	*ret_label = (struct label){.has_psk = value.data[1] & FLAG_PSK};
	snprintf(ret_label->ep, sizeof(ret_label->ep), "%s", ep);
	at = value.data + 2;
	memcpy(ret_label->psk, at, LABEL_KEY_SIZE);
	memcpy(ret_label->claim_key, at + LABEL_KEY_SIZE, LABEL_KEY_SIZE);
	memcpy(ret_label->digest, at + 2 * LABEL_KEY_SIZE, LABEL_DIGEST_SIZE);
	return 0;
}

/* ---- lists ---- */

void label_list_add(struct label_list *list, struct kept_label *kept)
{
	kept->next = NULL;
	if (list->first)
		list->last->next = kept;
	else
		list->first = kept;
	list->last = kept;
	list->count++;
}

void label_list_join(struct label_list *list, struct label_list *more)
{
	if (!more->first)
		return;
	if (list->first)
		list->last->next = more->first;
	else
		list->first = more->first;
	list->last = more->last;
	list->count += more->count;
	*more = (struct label_list){0};
}

int label_list_copy(const struct label_list *from, struct label_list *ret_copy)
{
	struct label_list copy = {0};

	for (const struct kept_label *at = from->first; at; at = at->next) {
		struct kept_label *kept;
		int r = kept_label_copy(at, &kept);

		if (r < 0) {
			label_list_clear(&copy);
			return r;
		}
		label_list_add(&copy, kept);
	}
	*ret_copy = copy;
	return 0;
}

void label_list_clear(struct label_list *list)
{
	while (list->first) {
		struct kept_label *kept = list->first;

		list->first = kept->next;
		kept_label_free(kept);
	}
	*list = (struct label_list){0};
}

static int compare_kept(const void *left, const void *right)
{
	const struct kept_label *a = *(const struct kept_label *const *)left,
				*b = *(const struct kept_label *const *)right;
	int order = strcasecmp(a->label.ep, b->label.ep);

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

int label_list_find_twice(const struct label_list *list, const struct kept_label **ret_second)
{
	CLEANUP(cleanup_free) const struct kept_label **sorted = NULL;
	size_t count = 0;

	*ret_second = NULL;
	if (list->count < 2)
		return 0;
	sorted = calloc(list->count, sizeof(struct kept_label *));
	if (!sorted)
		return -ENOMEM;
	for (const struct kept_label *kept = list->first; kept; kept = kept->next)
		sorted[count++] = kept;
	qsort(sorted, count, sizeof(struct kept_label *), compare_kept);
	for (size_t i = 1; i < count; i++)
		if (!strcasecmp(sorted[i - 1]->label.ep, sorted[i]->label.ep) &&
			(!*ret_second || sorted[i]->line < (*ret_second)->line))
			*ret_second = sorted[i];
	return 0;
}

/* ---- the book ---- */

int label_book_reserve(struct label_book *book, size_t count)
{
	struct kept_label **kept;

	if (count <= book->room)
		return 0;
	kept = realloc(book->kept, count * sizeof(struct kept_label *));
	if (!kept)
		return -ENOMEM;
	book->kept = kept;
	book->room = count;
	return 0;
}

/* How many of the first 'count' stand before 'ep'; with 'behind' also the equal one. */
static size_t count_before(const struct label_book *book, size_t count, const char *ep, bool behind)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcasecmp(book->kept[middle]->label.ep, ep);

		if (order < 0 || (behind && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct kept_label **place_of(const struct label_book *book, size_t count, const char *ep)
{
	size_t at = count_before(book, count, ep, false);

	return at < count && !strcasecmp(book->kept[at]->label.ep, ep) ? &book->kept[at] : NULL;
}

void label_book_put(struct label_book *book, struct label_list *list)
{
	size_t sorted = book->count;

	while (list->first) {
		struct kept_label *kept = list->first, **there;

		list->first = kept->next;
		kept->next = NULL;
		there = place_of(book, sorted, kept->label.ep);
		if (there) {
			kept_label_free(*there);
			*there = kept;
		} else if (book->count < book->room) {
			book->kept[book->count++] = kept;
		} else {
			kept_label_free(kept); /* no room was made for it */
		}
	}
	*list = (struct label_list){0};
	if (book->count > sorted)
		qsort(book->kept, book->count, sizeof(struct kept_label *), compare_kept);
}

void label_book_drop(struct label_book *book, const char *ep)
{
	struct kept_label **there = place_of(book, book->count, ep);
	size_t at;

	if (!there)
		return;
	at = (size_t)(there - book->kept);
	kept_label_free(*there);
	memmove(there, there + 1, (book->count - at - 1) * sizeof(struct kept_label *));
	book->count--;
}

struct kept_label *label_book_find(const struct label_book *book, const char *ep)
{
	struct kept_label **there = place_of(book, book->count, ep);

	return there ? *there : NULL;
}

size_t label_book_after(const struct label_book *book, const char *ep)
{
	return count_before(book, book->count, ep, true);
}

size_t label_book_count_open(const struct label_book *book, int64_t now)
{
	size_t count = 0;

	for (size_t i = 0; i < book->count; i++)
		count += kept_label_is_open(book->kept[i], now);
	return count;
}

void label_book_clear(struct label_book *book)
{
	for (size_t i = 0; i < book->count; i++)
		kept_label_free(book->kept[i]);
	free(book->kept);
	*book = (struct label_book){0};
}
