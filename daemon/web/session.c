/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed array of places. A session is over when its time is up, wherever it is met: there is no
 * timer, an old one is cleared when somebody looks. Numbers grow for ever, so a late answer for a
 * session whose place was given away finds nothing.
 */

#include "web/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

struct sessions {
	uint64_t last_number;
	uint64_t window; /* number of the onboarding window, grows with each new one */
	uint64_t window_until_usec;
	unsigned max;
	struct session place[];
};

int sessions_new(unsigned max, struct sessions **ret)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions) + max * sizeof(struct session));

	if (!sessions)
		return -ENOMEM;
	sessions->max = max;
	*ret = sessions;
	return 0;
}

struct sessions *sessions_free(struct sessions *sessions)
{
	if (sessions) {
		crypto_wipe(sessions->place, sessions->max * sizeof(struct session));
		free(sessions);
	}
	return NULL;
}

void session_end(struct session *session)
{
	if (session)
		crypto_wipe(session, sizeof(*session));
}

uint64_t session_left_usec(const struct session *session, uint64_t now_usec)
{
	uint64_t idle_end = session->active_usec + SESSION_IDLE_USEC;
	uint64_t end = session->begun_usec + SESSION_ABSOLUTE_USEC;

	if (idle_end < end)
		end = idle_end;
	return end > now_usec ? end - now_usec : 0;
}

static void end_the_old(struct sessions *sessions, uint64_t now_usec)
{
	for (unsigned i = 0; i < sessions->max; i++)
		if (sessions->place[i].number &&
			session_left_usec(&sessions->place[i], now_usec) == 0)
			session_end(&sessions->place[i]);
}

/* The session of this person that was idle longest. */
static struct session *idle_longest(
	struct sessions *sessions, const char *name, unsigned *ret_count)
{
	struct session *oldest = NULL;

	*ret_count = 0;
	for (unsigned i = 0; i < sessions->max; i++) {
		struct session *session = &sessions->place[i];

		if (!session->number || strcasecmp(session->name, name) != 0)
			continue;
		++*ret_count;
		if (!oldest || session->active_usec < oldest->active_usec)
			oldest = session;
	}
	return oldest;
}

/* All places are taken. One's own session goes first; else one of whoever has most of them, so that
 * nobody shuts others out by logging in again and again. */
static struct session *make_room(struct sessions *sessions, const char *name)
{
	unsigned count, most = 1;
	struct session *victim = idle_longest(sessions, name, &count);

	for (unsigned i = 0; !count && i < sessions->max; i++) {
		unsigned others;
		struct session *oldest = idle_longest(sessions, sessions->place[i].name, &others);

		if (others > most) {
			most = others;
			victim = oldest;
		}
	}
	session_end(victim);
	return victim;
}

static struct session *find_place(struct sessions *sessions, const char *name, bool *ret_full)
{

	for (unsigned i = 0; i < sessions->max; i++) {
		struct session *session = &sessions->place[i];

		*ret_full = session->number != 0;
		if (!*ret_full)
			return session;
	}
	return make_room(sessions, name);
}

static void make_token(char ret_token[SESSION_TOKEN_SIZE])
{
	uint8_t bytes[(SESSION_TOKEN_SIZE - 1) / 2];

	random_bytes(bytes, sizeof(bytes));
	hex_encode(span_of(bytes, sizeof(bytes)), ret_token, SESSION_TOKEN_SIZE);
	crypto_wipe(bytes, sizeof(bytes));
}

int session_begin(struct sessions *sessions, const char *name, enum role role, uint64_t now_usec,
	char ret_id[SESSION_TOKEN_SIZE], struct session **ret_session)
{
	char id[SESSION_TOKEN_SIZE];
	uint8_t hash[SHA256_SIZE];
	struct session *session;
	bool full = false;
	int r;

	if (strlen(name) > PERSON_NAME_MAX)
		return -EINVAL;
	make_token(id);
	r = crypto_sha256(span_from_string(id), hash);
	if (r < 0)
		return r;
	end_the_old(sessions, now_usec);
	session = find_place(sessions, name, &full);
	if (!session)
		return -EBUSY;
	*session = (struct session){
		.number = ++sessions->last_number,
		.role = role,
		.begun_usec = now_usec,
		.active_usec = now_usec,
	};
	memcpy(session->name, name, strlen(name) + 1);
	memcpy(session->hash, hash, sizeof(hash));
	make_token(session->csrf);
	session_password_typed(sessions, session, now_usec);
	memcpy(ret_id, id, sizeof(id));
	crypto_wipe(id, sizeof(id));
	*ret_session = session;
	return full;
}

struct session *session_find(
	struct sessions *sessions, const char *id, uint64_t now_usec, bool activity)
{
	uint8_t hash[SHA256_SIZE];
	struct session *found = NULL;

	if (!id || strlen(id) != SESSION_TOKEN_SIZE - 1 ||
		crypto_sha256(span_from_string(id), hash) < 0)
		return NULL;
	end_the_old(sessions, now_usec);
	for (unsigned i = 0; i < sessions->max; i++)
		if (sessions->place[i].number &&
			crypto_equal(sessions->place[i].hash, hash, sizeof(hash)))
			found = &sessions->place[i];
	if (found && activity)
		found->active_usec = now_usec;
	return found;
}

struct session *session_by_number(struct sessions *sessions, uint64_t number)
{
	for (unsigned i = 0; number && i < sessions->max; i++)
		if (sessions->place[i].number == number)
			return &sessions->place[i];
	return NULL;
}

void sessions_end_person(struct sessions *sessions, const char *name)
{
	for (unsigned i = 0; i < sessions->max; i++)
		if (sessions->place[i].number && strcasecmp(sessions->place[i].name, name) == 0)
			session_end(&sessions->place[i]);
}

struct session *session_next(
	struct sessions *sessions, const char *name, const struct session *behind)
{
	for (unsigned i = behind ? (unsigned)(behind - sessions->place) + 1 : 0; i < sessions->max;
		i++) {
		struct session *session = &sessions->place[i];

		if (session->number && strcasecmp(session->name, name) == 0)
			return session;
	}
	return NULL;
}

unsigned sessions_count(const struct sessions *sessions)
{
	unsigned count = 0;

	for (unsigned i = 0; i < sessions->max; i++)
		count += sessions->place[i].number != 0;
	return count;
}

bool session_token_fits(const struct session *session, const char *token)
{
	return token && strlen(token) == SESSION_TOKEN_SIZE - 1 &&
	       crypto_equal(session->csrf, token, SESSION_TOKEN_SIZE - 1);
}

static bool window_is_open_now(const struct sessions *sessions, uint64_t now_usec)
{
	return sessions->window_until_usec > now_usec;
}

void session_password_typed(struct sessions *sessions, struct session *session, uint64_t now_usec)
{
	session->password_usec = now_usec;
	if (window_is_open_now(sessions, now_usec))
		session->password_window = sessions->window;
}

void sessions_window(
	struct sessions *sessions, struct session *opener, uint64_t until_usec, uint64_t now_usec)
{
	if (until_usec > now_usec && !window_is_open_now(sessions, now_usec))
		sessions->window++;
	if (opener && until_usec > now_usec && session_is_fresh(sessions, opener, now_usec))
		opener->password_window = sessions->window;
	sessions->window_until_usec = until_usec;
}

bool session_is_fresh(
	const struct sessions *sessions, const struct session *session, uint64_t now_usec)
{
	if (now_usec - session->password_usec < SESSION_FRESH_USEC)
		return true;
	return window_is_open_now(sessions, now_usec) &&
	       session->password_window == sessions->window;
}
