/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The screens. One table: address, role, what it is made of (questions to the API), who draws it.
 * A screen is drawn when all answers are there; only the first one must be good.
 */

#include "web/icon.h"
#include "web/request.h"
#include "web/texts.h"

struct view;

struct page_fetch {
	const char *path;  /* "{id}" stands for the one in the address */
	const char *query; /* NULL = none */
	bool pass_query;   /* the address's own query goes along */
};

struct page {
	const char *path;
	enum role role; /* least; ROLE_NONE = everybody */
	enum text title;
	bool bare; /* without the bar: nobody is logged in yet */
	void (*draw)(struct view *view);
	struct page_fetch fetch[REQUEST_PARTS_MAX];
};

#define PAGE_BEHIND_MAX 3

/* The bar's entries, in order. */
struct page_tab {
	const char *path;
	enum role role;
	enum text label;
	enum icon icon;
	const char *behind[PAGE_BEHIND_MAX]; /* screens elsewhere that are reached from it */
};
extern const struct page_tab page_tabs[];
extern const size_t page_tabs_count;

/* What a drawing function has at hand. */
struct view {
	struct html *html;
	struct request *request;
	const struct session *session; /* NULL: nobody */
	bool fresh;		       /* no password needed for decisions now */
};

/* GET: finds the screen, checks the role, shows it. */
void page_get(struct request *request);
/* A screen of ours for people who are logged in, by a plain path: nothing else is gone back to
 * after a log-in, whatever an address says. */
bool page_is_way_back(const char *path);
/* Shows the screen at this address with this status; the notice (page_notice) stands on it. */
void page_show(struct request *request, const char *path, unsigned status);
/* Where the screen that is shown stands: a form that was refused has another address. */
void page_address(const struct request *request, char *ret_path, size_t size);
void page_notice(struct request *request, bool is_error, const char *sentence);
/* A page that says what happened and where to go on. */
void page_fail(struct request *request, unsigned status, const char *sentence);

/* The n-th answer, NULL when it was refused. */
json_t *view_part(const struct view *view, unsigned index);
/* What was typed into a field of the form that led here (again), "" otherwise: only where the page
 * is shown after an error, and never a password. */
const char *view_typed(const struct view *view, const char *id, const char *field);
/* <input type="hidden"> with the session's token and where to go back to. */
void view_form_token(const struct view *view, const char *back);
/* A value of the address's query, "" when missing. */
const char *view_argument(const struct view *view, const char *name);
bool view_may(const struct view *view, enum role role);
/* By the API's table: approve, revoke ... */
bool view_may_act(const struct view *view, const char *act);
