/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The labels that this gateway knows: imported, or scanned. What is kept of one are the keys that
 * were derived from it (core/label.h); the code itself is nowhere. A name needs no device yet: its
 * label may be there long before it has power. One name has one label, ignoring case.
 *
 * A label that was scanned before its device is known opens a window for that label alone: whoever
 * proves it until then is taken in without a further decision.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/label.h"

#define LABEL_WINDOW_MSEC INT64_C(86400000) /* 24 hours */
#define LABEL_VALUE_SIZE  (2 + 2 * LABEL_KEY_SIZE + LABEL_DIGEST_SIZE)

/* What the one who scanned it first has decided. */
struct label_window {
	int64_t until; /* wall milliseconds */
	char opened_by[LABEL_MAX + 1];
	char name[LABEL_MAX + 1], place[LABEL_MAX + 1], owner[LABEL_MAX + 1]; /* "" = not said */
};

struct kept_label {
	struct kept_label *next; /* in a list */
	struct label label;
	bool imported;		     /* by an administrator; else scanned */
	unsigned line;		     /* of the file that it came from, 0 = none */
	int64_t since;		     /* wall milliseconds */
	struct label_window *window; /* owned, or NULL */
};

/* One line that somebody wants to import: what is wrong with its name, or with its code, as a
 * sentence's end; NULL when nothing is. */
const char *label_row_check(struct span ep);
const char *label_row_why(enum label_verdict verdict);

/* Takes a copy of 'label'. -ENOMEM. */
int kept_label_new(const struct label *label, struct kept_label **ret);
int kept_label_copy(const struct kept_label *from, struct kept_label **ret);
/* Gives it this window; NULL takes it away. Copied; -ENOMEM leaves it as it was. */
int kept_label_set_window(struct kept_label *kept, const struct label_window *window);
struct kept_label *kept_label_free(struct kept_label *kept); /* this one; wipes */
/* True while whoever proves the label is taken in. */
bool kept_label_is_open(const struct kept_label *kept, int64_t now);

/* The keys as one value, for the store, and back; the caller wipes it. -EBADMSG for what is no such
 * value, -EINVAL when 'ep' is no name. */
void label_value_make(const struct label *label, uint8_t ret_value[LABEL_VALUE_SIZE]);
int label_value_read(struct span value, const char *ep, struct label *ret_label);

/* Labels in the order in which they came. All zero is the empty list. */
struct label_list {
	struct kept_label *first, *last;
	size_t count;
};
void label_list_add(struct label_list *list, struct kept_label *kept);	/* takes it over */
void label_list_join(struct label_list *list, struct label_list *more); /* empties 'more' */
int label_list_copy(const struct label_list *from, struct label_list *ret_copy);
void label_list_clear(struct label_list *list); /* wipes */
/* The first name that stands there a second time, or NULL. -ENOMEM. */
int label_list_find_twice(const struct label_list *list, const struct kept_label **ret_second);

/* All of them, by name. All zero is the empty book. */
struct label_book {
	struct kept_label **kept; /* in order of their names, ignoring case */
	size_t count, room;
};
/* Room for so many labels in all, so that label_book_put() cannot fail. */
int label_book_reserve(struct label_book *book, size_t count);
/* Takes the list over: what is there by the same name is replaced. Call label_book_reserve() for
 * the new ones first. */
void label_book_put(struct label_book *book, struct label_list *list);
void label_book_drop(struct label_book *book, const char *ep);
/* Ignoring case; NULL when there is none. Good until the next change. */
struct kept_label *label_book_find(const struct label_book *book, const char *ep);
/* Where the first name behind 'ep' stands. */
size_t label_book_after(const struct label_book *book, const char *ep);
size_t label_book_count_open(const struct label_book *book, int64_t now);
void label_book_clear(struct label_book *book); /* wipes */
