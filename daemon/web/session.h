/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sessions of the page: who is logged in. Pure, with the time handed in (boot time, microseconds).
 * They live in memory only, so a restart ends them all. The id that a browser holds is 256 random
 * bits and is kept here as its hash alone: whoever reads our memory cannot log in with it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "core/device.h"
#include "core/person.h"

#define SESSION_IDLE_USEC     (15 * 60 * USEC_PER_SEC)
#define SESSION_ABSOLUTE_USEC (8 * 3600 * USEC_PER_SEC)
#define SESSION_FRESH_USEC    (5 * 60 * USEC_PER_SEC)
#define SESSION_TOKEN_SIZE    65 /* 64 hexadecimal digits and NUL */
#define SESSION_NOTICE_MAX    320
#define SESSION_FROM_MAX      45 /* any address as text */

struct word; /* web/word.h */

/* The device that an act was about, where the act leads to another screen; "" = none. */
struct notice_device {
	char id[DEVICE_ID_MAX + 1];
	char title[LABEL_MAX + 1];
};

struct session {
	uint64_t number; /* never used twice; 0 = free */
	char name[PERSON_NAME_MAX + 1];
	enum role role;
	char csrf[SESSION_TOKEN_SIZE];	     /* stands in each form of this session */
	char notice[SESSION_NOTICE_MAX + 1]; /* what the last act did, for the next page */
	bool notice_is_error;
	struct notice_device notice_device;
	uint8_t hash[SHA256_SIZE];
	char from[SESSION_FROM_MAX + 1];     /* the address that used it last */
	const struct word *browser, *system; /* of ours, by what it says of itself; or NULL */
	uint64_t begun_usec;
	uint64_t active_usec;
	uint64_t password_usec;	  /* when the password was typed last */
	uint64_t password_window; /* the onboarding window that it was typed for, 0 = none */
};

struct sessions;

int sessions_new(unsigned max, struct sessions **ret);
struct sessions *sessions_free(struct sessions *sessions); /* wipes */

/*
 * A new session with an id of its own, just now with the password. When all places are taken, the
 * one of this person that was idle longest makes room; where the person has none, one of whoever
 * has most of them, and -EBUSY when nobody has a second one. 1: another one made room.
 * 'ret_session' stays valid until it ends.
 */
int session_begin(struct sessions *sessions, const char *name, enum role role, uint64_t now_usec,
	char ret_id[SESSION_TOKEN_SIZE], struct session **ret_session);
/*
 * The session with this id, or NULL when there is none (any more). 'activity' counts as use and
 * puts the idle limit off; what a page fetches by itself does not.
 */
struct session *session_find(
	struct sessions *sessions, const char *id, uint64_t now_usec, bool activity);
/* The same by number: for what goes on later and may find it gone. */
struct session *session_by_number(struct sessions *sessions, uint64_t number);
void session_end(struct session *session); /* NULL is fine */
void sessions_end_person(struct sessions *sessions, const char *name);
/* The next session of this person behind the given one (NULL = the first), NULL = no more. */
struct session *session_next(
	struct sessions *sessions, const char *name, const struct session *behind);
unsigned sessions_count(const struct sessions *sessions);

/* Constant time; NULL is no token. */
bool session_token_fits(const struct session *session, const char *token);
/* Until it ends for lack of activity or for good, whichever is first. */
uint64_t session_left_usec(const struct session *session, uint64_t now_usec);

/*
 * The fresh password: typed within five minutes, or for the onboarding window that is open now
 * (typed while it was open, or fresh when this session opened it).
 */
void session_password_typed(struct sessions *sessions, struct session *session, uint64_t now_usec);
/* 'opener' may be NULL: the control socket, or unknown. until_usec <= now closes. */
void sessions_window(
	struct sessions *sessions, struct session *opener, uint64_t until_usec, uint64_t now_usec);
bool session_is_fresh(
	const struct sessions *sessions, const struct session *session, uint64_t now_usec);
