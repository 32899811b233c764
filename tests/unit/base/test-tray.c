/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tray: inside a turn of the loop it gathers and posts once, in order; outside of one it posts
 * at once. Nothing stays in it when the loop sleeps.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdbool.h>

#include "base/tray.h"

struct desk {
	sd_event *loop;
	sd_event_source *turn;
	struct mailbox *box;
	struct mail_tray tray;
	struct mail letter[3];
	bool seen_early; /* the box had mail before the turn was over */
	bool post;	 /* post in the middle */
};

static bool has_mail(const struct desk *desk)
{
	struct pollfd descriptor = {.fd = mailbox_fd(desk->box), .events = POLLIN};

	return poll(&descriptor, 1, 0) == 1;
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct desk *desk = userdata;

	mail_tray_add(&desk->tray, &desk->letter[0]);
	mail_tray_add(&desk->tray, &desk->letter[1]);
	desk->seen_early = has_mail(desk);
	if (desk->post)
		mail_tray_post(&desk->tray);
	mail_tray_add(&desk->tray, &desk->letter[2]);
	return 0;
}

static int on_prepare(sd_event_source *source, void *userdata)
{
	struct desk *desk = userdata;

	mail_tray_post(&desk->tray);
	return 0;
}

static void desk_open(struct desk *desk)
{
	*desk = (struct desk){.post = false};
	assert_true(sd_event_new(&desk->loop) >= 0);
	assert_int_equal(mailbox_new(&desk->box), 0);
	desk->tray = (struct mail_tray){.loop = desk->loop, .box = desk->box};
	assert_true(sd_event_add_defer(desk->loop, &desk->turn, on_turn, desk) >= 0);
	assert_true(sd_event_source_set_enabled(desk->turn, SD_EVENT_ONESHOT) >= 0);
}

static void desk_close(struct desk *desk)
{
	sd_event_source_disable_unref(desk->turn);
	mailbox_free(desk->box);
	sd_event_unref(desk->loop);
}

static void assert_letters(const struct mail *mail, const struct desk *desk, size_t from, size_t to)
{
	for (; from < to; from++, mail = mail->next)
		assert_ptr_equal(mail, &desk->letter[from]);
	assert_null(mail);
}

static void test_gathers(void **state)
{
	struct desk desk;

	desk_open(&desk);
	assert_true(sd_event_run(desk.loop, 0) > 0);
	assert_false(desk.seen_early);
	assert_false(has_mail(&desk));
	mail_tray_post(&desk.tray);
	assert_letters(mailbox_take(desk.box), &desk, 0, 3);
	mail_tray_post(&desk.tray); /* nothing twice */
	assert_null(mailbox_take(desk.box));
	desk_close(&desk);
}

/* What must come behind it is sent by its owner after a post. */
static void test_posts_between(void **state)
{
	struct desk desk;

	desk_open(&desk);
	desk.post = true;
	assert_true(sd_event_run(desk.loop, 0) > 0);
	assert_letters(mailbox_take(desk.box), &desk, 0, 2);
	mail_tray_post(&desk.tray);
	assert_letters(mailbox_take(desk.box), &desk, 2, 3);
	desk_close(&desk);
}

static void test_before_the_loop_sleeps(void **state)
{
	struct desk desk;

	desk_open(&desk);
	assert_true(sd_event_source_set_prepare(desk.turn, on_prepare) >= 0);
	assert_true(sd_event_source_set_enabled(desk.turn, SD_EVENT_ON) >= 0);
	assert_true(sd_event_run(desk.loop, 0) > 0);
	assert_false(has_mail(&desk));
	/* The next turn begins with it. */
	assert_true(sd_event_prepare(desk.loop) >= 0);
	assert_letters(mailbox_take(desk.box), &desk, 0, 3);
	desk_close(&desk);
}

static void test_outside_of_a_turn(void **state)
{
	struct desk desk;

	desk_open(&desk);
	mail_tray_add(&desk.tray, &desk.letter[0]);
	assert_true(has_mail(&desk));
	assert_letters(mailbox_take(desk.box), &desk, 0, 1);
	desk_close(&desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gathers),
		cmocka_unit_test(test_posts_between),
		cmocka_unit_test(test_before_the_loop_sleeps),
		cmocka_unit_test(test_outside_of_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
