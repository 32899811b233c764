/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox, alone and with several senders. The promises: nothing lost, nothing twice, the order
 * of each sender kept, the eventfd readable exactly while mail waits. Assertions stay on the main
 * thread. Also run with -Db_sanitize=thread.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mailbox.h"

#define SENDERS	   4
#define LETTERS	   20000 /* of each sender */
#define CHAIN_SIZE 3

struct letter {
	struct mail mail;
	unsigned sender;
	unsigned number;
};

struct sender {
	struct mailbox *box;
	unsigned index;
	struct letter letters[LETTERS];
};

static int box_setup(void **state)
{
	return mailbox_new((struct mailbox **)state);
}

static int box_teardown(void **state)
{
	assert_null(mailbox_free(*state));
	return 0;
}

static bool is_readable(const struct mailbox *box)
{
	struct pollfd descriptor = {.fd = mailbox_fd(box), .events = POLLIN};

	return poll(&descriptor, 1, 0) == 1;
}

static void test_empty(void **state)
{
	assert_null(mailbox_free(NULL));
	assert_false(is_readable(*state));
	assert_null(mailbox_take(*state));
	assert_false(mailbox_wait(*state, 0));
	assert_false(mailbox_wait(*state, 1));
}

static void test_order_and_reset(void **state)
{
	struct mail mails[3];

	for (size_t round = 0; round < 3; round++) {
		struct mail *mail;

		/* The links of the last round must not matter. */
		for (size_t i = 0; i < ELEMENTS(mails); i++)
			mailbox_push(*state, &mails[i]);
		assert_true(is_readable(*state));
		assert_true(mailbox_wait(*state, -1));
		mail = mailbox_take(*state);
		for (size_t i = 0; i < ELEMENTS(mails); i++, mail = mail->next)
			assert_ptr_equal(mail, &mails[i]);
		assert_null(mail);
		assert_false(is_readable(*state));
		assert_null(mailbox_take(*state));
	}
}

static void test_chain(void **state)
{
	struct mail a, b = {NULL}, c, d;
	struct mail *mail;

	a.next = &b;
	mailbox_push_chain(*state, &a, &b);
	mailbox_push(*state, &c);
	d.next = NULL;
	mailbox_push_chain(*state, &d, &d);
	mail = mailbox_take(*state);
	assert_ptr_equal(mail, &a);
	assert_ptr_equal(mail->next, &b);
	assert_ptr_equal(b.next, &c);
	assert_ptr_equal(c.next, &d);
	assert_null(d.next);
}

static void *send_all(void *userdata)
{
	struct sender *sender = userdata;
	unsigned i = 0;

	while (i < LETTERS) {
		struct letter *first = &sender->letters[i];
		unsigned size = i % 2 && i + CHAIN_SIZE <= LETTERS ? CHAIN_SIZE : 1;

		for (unsigned k = 0; k < size; k++, i++) {
			sender->letters[i].sender = sender->index;
			sender->letters[i].number = i;
			sender->letters[i].mail.next =
				k + 1 < size ? &sender->letters[i + 1].mail : NULL;
		}
		if (size == 1)
			mailbox_push(sender->box, &first->mail);
		else
			mailbox_push_chain(sender->box, &first->mail, &sender->letters[i - 1].mail);
	}
	return NULL;
}

static void test_many_senders(void **state)
{
	struct sender *senders = calloc(SENDERS, sizeof(*senders));
	unsigned next[SENDERS] = {0}, received = 0;
	pthread_t threads[SENDERS];

	assert_non_null(senders);
	for (unsigned i = 0; i < SENDERS; i++) {
		senders[i].box = *state;
		senders[i].index = i;
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
	}
	while (received < SENDERS * LETTERS) {
		struct mail *mail;

		/* A lost wake-up shows as the time-out of the whole test. */
		assert_true(mailbox_wait(*state, -1));
		mail = mailbox_take(*state);
		assert_non_null(mail); /* readable means that there is something */
		for (; mail; mail = mail->next, received++) {
			struct letter *letter = (struct letter *)mail;

			assert_int_equal(letter->number, next[letter->sender]);
			next[letter->sender]++;
		}
	}
	for (unsigned i = 0; i < SENDERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(next[i], LETTERS);
	}
	assert_false(is_readable(*state));
	assert_null(mailbox_take(*state));
	free(senders);
}

static void on_signal(int number)
{
}

struct nudge {
	pthread_t target;
	struct mailbox *box;
	struct mail mail;
};

/* Interrupts the receiver many times, then sends. */
static void *nudge_main(void *userdata)
{
	struct nudge *nudge = userdata;

	for (int i = 0; i < 100; i++)
		pthread_kill(nudge->target, SIGUSR1);
	mailbox_push(nudge->box, &nudge->mail);
	return NULL;
}

static void test_wait_outlasts_signals(void **state)
{
	struct sigaction action = {.sa_handler = on_signal};
	const int timeouts[] = {-1, 60000};

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	for (size_t i = 0; i < ELEMENTS(timeouts); i++) {
		struct nudge nudge = {.target = pthread_self(), .box = *state};
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, nudge_main, &nudge), 0);
		assert_true(mailbox_wait(*state, timeouts[i]));
		assert_ptr_equal(mailbox_take(*state), &nudge.mail);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, box_setup, box_teardown),
		cmocka_unit_test_setup_teardown(test_order_and_reset, box_setup, box_teardown),
		cmocka_unit_test_setup_teardown(test_chain, box_setup, box_teardown),
		cmocka_unit_test_setup_teardown(test_many_senders, box_setup, box_teardown),
		cmocka_unit_test_setup_teardown(
			test_wait_outlasts_signals, box_setup, box_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
