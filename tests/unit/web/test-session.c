/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, in time that the test makes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "web/session.h"

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR   (60 * MINUTE)
#define START  (1000 * USEC_PER_SEC)

static struct sessions *make(unsigned max)
{
	struct sessions *sessions = NULL;

	assert_int_equal(sessions_new(max, &sessions), 0);
	return sessions;
}

static struct session *begin(
	struct sessions *sessions, const char *name, uint64_t now, char *ret_id)
{
	struct session *session = NULL;

	assert_int_equal(session_begin(sessions, name, ROLE_TECHNICIAN, now, ret_id, &session), 0);
	return session;
}

static void test_begin_and_find(void **state)
{
	struct sessions *sessions = make(4);
	char id[SESSION_TOKEN_SIZE], other[SESSION_TOKEN_SIZE];
	struct session *session = begin(sessions, "anna", START, id);

	assert_int_equal(strlen(id), 64);
	assert_string_equal(session->name, "anna");
	assert_int_equal(session->role, ROLE_TECHNICIAN);
	assert_string_not_equal(session->csrf, id);
	assert_ptr_equal(session_find(sessions, id, START + 1, true), session);
	assert_ptr_equal(session_by_number(sessions, session->number), session);
	begin(sessions, "anna", START, other);
	assert_string_not_equal(id, other);
	assert_int_equal(sessions_count(sessions), 2);
	sessions_free(sessions);
}

static void test_id_is_not_kept(void **state)
{
	struct sessions *sessions = make(1);
	char id[SESSION_TOKEN_SIZE];
	struct session *session = begin(sessions, "anna", START, id);

	assert_null(memmem(session, sizeof(*session), id, 16));
	sessions_free(sessions);
}

static void test_foreign_ids(void **state)
{
	struct sessions *sessions = make(4);
	char id[SESSION_TOKEN_SIZE], wrong[SESSION_TOKEN_SIZE];

	begin(sessions, "anna", START, id);
	memcpy(wrong, id, sizeof(id));
	wrong[63] = wrong[63] == '0' ? '1' : '0';
	assert_null(session_find(sessions, wrong, START, true));
	assert_null(session_find(sessions, "", START, true));
	assert_null(session_find(sessions, NULL, START, true));
	id[63] = 0;
	assert_null(session_find(sessions, id, START, true));
	assert_null(session_by_number(sessions, 0));
	sessions_free(sessions);
}

static void test_idle_limit(void **state)
{
	struct sessions *sessions = make(4);
	char id[SESSION_TOKEN_SIZE];

	begin(sessions, "anna", START, id);
	assert_non_null(session_find(sessions, id, START + 14 * MINUTE, true));
	assert_non_null(session_find(sessions, id, START + 28 * MINUTE, false));
	/* What the page fetched by itself did not count. */
	assert_null(session_find(sessions, id, START + 29 * MINUTE, true));
	assert_int_equal(sessions_count(sessions), 0);
	sessions_free(sessions);
}

static void test_absolute_limit(void **state)
{
	struct sessions *sessions = make(4);
	char id[SESSION_TOKEN_SIZE];
	struct session *session = begin(sessions, "anna", START, id);
	uint64_t now = START;

	while (now + 10 * MINUTE < START + 8 * HOUR) {
		now += 10 * MINUTE;
		assert_non_null(session_find(sessions, id, now, true));
	}
	assert_int_equal(session_left_usec(session, now), START + 8 * HOUR - now);
	assert_null(session_find(sessions, id, START + 8 * HOUR, true));
	sessions_free(sessions);
}

static void test_room_is_made_by_the_same_person(void **state)
{
	struct sessions *sessions = make(2);
	char first[SESSION_TOKEN_SIZE], second[SESSION_TOKEN_SIZE], third[SESSION_TOKEN_SIZE];
	struct session *session;

	begin(sessions, "anna", START, first);
	begin(sessions, "ben", START + 1, second);
	assert_int_equal(
		session_begin(sessions, "carl", ROLE_VIEWER, START + 2, third, &session), -EBUSY);
	assert_int_equal(
		session_begin(sessions, "Anna", ROLE_VIEWER, START + 3, third, &session), 1);
	assert_null(session_find(sessions, first, START + 4, true));
	assert_non_null(session_find(sessions, second, START + 4, true));
	assert_non_null(session_find(sessions, third, START + 4, true));
	/* An old one makes room for anybody. */
	assert_int_equal(
		session_begin(sessions, "carl", ROLE_VIEWER, START + HOUR, third, &session), 0);
	sessions_free(sessions);
}

/* Somebody logs in again and again: an administrator still gets in, and stays in. */
static void test_nobody_is_shut_out_by_one(void **state)
{
	struct sessions *sessions = make(4);
	char first[SESSION_TOKEN_SIZE], id[SESSION_TOKEN_SIZE], admin[SESSION_TOKEN_SIZE];
	struct session *session;

	begin(sessions, "vera", START, first);
	for (int i = 1; i < 4; i++)
		begin(sessions, "vera", START + (uint64_t)i, id);
	assert_int_equal(
		session_begin(sessions, "anna", ROLE_ADMIN, START + 5, admin, &session), 1);
	assert_null(session_find(sessions, first, START + 6, true));
	for (int i = 0; i < 4; i++)
		assert_int_equal(session_begin(sessions, "vera", ROLE_VIEWER,
					 START + 7 + (uint64_t)i, id, &session),
			1);
	assert_non_null(session_find(sessions, admin, START + 20, true));
	assert_int_equal(sessions_count(sessions), 4);
	sessions_free(sessions);
}

static void test_numbers_are_not_used_again(void **state)
{
	struct sessions *sessions = make(1);
	char id[SESSION_TOKEN_SIZE];
	uint64_t number = begin(sessions, "anna", START, id)->number;

	session_end(session_by_number(sessions, number));
	begin(sessions, "anna", START, id);
	assert_null(session_by_number(sessions, number));
	session_end(NULL);
	sessions_free(sessions);
}

static void test_end_person(void **state)
{
	struct sessions *sessions = make(4);
	char anna[SESSION_TOKEN_SIZE], ben[SESSION_TOKEN_SIZE];

	begin(sessions, "anna", START, anna);
	begin(sessions, "anna", START, anna);
	begin(sessions, "ben", START, ben);
	sessions_end_person(sessions, "ANNA");
	assert_int_equal(sessions_count(sessions), 1);
	assert_non_null(session_find(sessions, ben, START, true));
	sessions_free(sessions);
}

static void test_token(void **state)
{
	struct sessions *sessions = make(2);
	char id[SESSION_TOKEN_SIZE], wrong[SESSION_TOKEN_SIZE];
	struct session *session = begin(sessions, "anna", START, id);
	struct session *other = begin(sessions, "ben", START, id);

	assert_true(session_token_fits(session, session->csrf));
	assert_false(session_token_fits(session, other->csrf));
	assert_false(session_token_fits(session, NULL));
	assert_false(session_token_fits(session, ""));
	memcpy(wrong, session->csrf, sizeof(wrong));
	wrong[0] = wrong[0] == 'a' ? 'b' : 'a';
	assert_false(session_token_fits(session, wrong));
	sessions_free(sessions);
}

static void test_fresh_for_five_minutes(void **state)
{
	struct sessions *sessions = make(1);
	char id[SESSION_TOKEN_SIZE];
	struct session *session = begin(sessions, "anna", START, id);

	assert_true(session_is_fresh(sessions, session, START + 5 * MINUTE - 1));
	assert_false(session_is_fresh(sessions, session, START + 5 * MINUTE));
	session_password_typed(sessions, session, START + 6 * MINUTE);
	assert_true(session_is_fresh(sessions, session, START + 7 * MINUTE));
	sessions_free(sessions);
}

static void test_fresh_for_the_window(void **state)
{
	struct sessions *sessions = make(2);
	char id[SESSION_TOKEN_SIZE];
	struct session *anna = begin(sessions, "anna", START, id);
	struct session *ben = begin(sessions, "ben", START, id);
	uint64_t open = START + 60 * USEC_PER_SEC, end = open + 15 * MINUTE;

	sessions_window(sessions, anna, end, open);
	assert_true(session_is_fresh(sessions, anna, end - 1));
	assert_false(session_is_fresh(sessions, ben, end - 1)); /* did not open it */
	session_password_typed(sessions, ben, open + MINUTE);
	assert_true(session_is_fresh(sessions, ben, end - 1)); /* typed while it was open */
	assert_false(session_is_fresh(sessions, anna, end));
	/* Another window is not covered by the password of the first. */
	sessions_window(sessions, NULL, end + 15 * MINUTE, end + MINUTE);
	assert_false(session_is_fresh(sessions, anna, end + 2 * MINUTE));
	/* Closed by hand. */
	session_password_typed(sessions, anna, end + 2 * MINUTE);
	sessions_window(sessions, anna, end + 3 * MINUTE, end + 3 * MINUTE);
	assert_true(session_is_fresh(sessions, anna, end + 6 * MINUTE));
	assert_false(session_is_fresh(sessions, anna, end + 8 * MINUTE));
	sessions_free(sessions);
}

static void test_sessions_of_a_person(void **state)
{
	struct sessions *sessions = make(4);
	char id[SESSION_TOKEN_SIZE];
	struct session *one = begin(sessions, "anna", START, id), *next;

	begin(sessions, "ben", START, id);
	next = begin(sessions, "anna", START, id);
	assert_ptr_equal(session_next(sessions, "anna", NULL), one);
	assert_ptr_equal(session_next(sessions, "anna", one), next);
	assert_null(session_next(sessions, "anna", next));
	session_end(one);
	assert_ptr_equal(session_next(sessions, "anna", NULL), next);
	assert_null(session_next(sessions, "carl", NULL));
	sessions_free(sessions);
}

static void test_stale_opener_stays_stale(void **state)
{
	struct sessions *sessions = make(1);
	char id[SESSION_TOKEN_SIZE];
	struct session *anna = begin(sessions, "anna", START, id);
	uint64_t open = START + 6 * MINUTE;

	sessions_window(sessions, anna, open + 10 * MINUTE, open);
	assert_false(session_is_fresh(sessions, anna, open + 1));
	sessions_free(sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin_and_find),
		cmocka_unit_test(test_id_is_not_kept),
		cmocka_unit_test(test_foreign_ids),
		cmocka_unit_test(test_idle_limit),
		cmocka_unit_test(test_absolute_limit),
		cmocka_unit_test(test_room_is_made_by_the_same_person),
		cmocka_unit_test(test_nobody_is_shut_out_by_one),
		cmocka_unit_test(test_numbers_are_not_used_again),
		cmocka_unit_test(test_end_person),
		cmocka_unit_test(test_sessions_of_a_person),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_fresh_for_five_minutes),
		cmocka_unit_test(test_fresh_for_the_window),
		cmocka_unit_test(test_stale_opener_stays_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
