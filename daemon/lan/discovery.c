/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread on which the Avahi client lives (browse.c), and what comes from it to the loop.
 *
 *	loop                                thread "mdns"
 *	discovery_new() ------ starts ----> browse.c on a loop of its own
 *	ops.appeared() ...  <-- mailbox --- news
 *	discovery_free() ---- mailbox ----> stop; the last news is that it ended
 *
 * Avahi's library waits for the answer of avahi-daemon in many of its calls, up to 25 s with one
 * that hangs. The loop never waits for the thread, except for 2 s when the gateway stops; then the
 * thread is left behind with all that it touches, and whoever of the two leaves last frees that.
 *
 * Before the thread goes on it waits while the loop has much news of it to read, so the mailbox is
 * bounded. A thread that is at work for 10 s hangs: the state says so until it comes back.
 */

#include "lan/discovery.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mailbox.h"
#include "lan/browse.h"

#define NEWS_MAX	512 /* unread, before the thread waits */
#define NEWS_WAIT_MSEC	20
#define STOP_WAIT_USEC	(2 * USEC_PER_SEC)
#define LOOK_USEC	(5 * USEC_PER_SEC)
#define HANGS_USEC	(10 * USEC_PER_SEC)
#define HANGS_TEXT	"avahi-daemon does not answer"
#define STATE_TEXT_SIZE 128

enum news_kind { NEWS_APPEARED, NEWS_VANISHED, NEWS_STATE, NEWS_OVERFLOWED, NEWS_ENDED };

struct news {
	struct mail mail; /* first: news are their mail */
	enum news_kind kind;
	bool available;
	char why[STATE_TEXT_SIZE];
	struct discovery_sighting sighting;
};

enum order_kind { ORDER_REPEAT, ORDER_STOP };

struct order {
	struct mail mail; /* first: an order is its mail */
	enum order_kind kind;
};

/* What both sides hold. */
struct mdns_thread {
	pthread_t thread;
	sd_event *loop; /* the thread's */
	struct browse *browse;
	sd_event_source *orders_source;
	struct mailbox *orders, *news;
	struct order stop;
	struct news ended;
	atomic_uint unread;
	atomic_uint_least64_t busy_since; /* boot time; 0 = it waits for something to do */
	atomic_bool left;		  /* by one side: the other one frees */
};

struct discovery {
	sd_event *loop;
	struct discovery_ops ops;
	void *userdata;
	struct limits *limits;
	struct mdns_thread *thread;
	sd_event_source *news_source, *look_timer;
	bool known, available, hangs, told, told_available;
	char why[STATE_TEXT_SIZE];
};

DEFINE_CLEANUP(struct discovery *, discovery_free, cleanup_discovery)

/* ---- on the thread ---- */

/* Without memory it is lost: a hint that did not come. */
static void tell(struct mdns_thread *thread, const struct news *news)
{
	struct news *copy = malloc(sizeof(*copy));

	if (!copy) {
		log_warning("News of mDNS were lost: out of memory.");
		return;
	}
	*copy = *news;
	atomic_fetch_add(&thread->unread, 1);
	mailbox_push(thread->news, &copy->mail);
}

static void on_appeared(void *userdata, const struct discovery_sighting *sighting)
{
	tell(userdata, &(const struct news){.kind = NEWS_APPEARED, .sighting = *sighting});
}

static void on_vanished(void *userdata, const struct discovery_sighting *sighting)
{
	tell(userdata, &(const struct news){.kind = NEWS_VANISHED, .sighting = *sighting});
}

static void on_state(void *userdata, bool available, const char *why)
{
	struct news news = {.kind = NEWS_STATE, .available = available};

	snprintf(news.why, sizeof(news.why), "%s", why);
	tell(userdata, &news);
}

static void on_overflowed(void *userdata)
{
	tell(userdata, &(const struct news){.kind = NEWS_OVERFLOWED});
}

static int on_order(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct mdns_thread *thread = userdata;
	struct mail *mail, *next;

	(void)source, (void)fd, (void)events;
	for (mail = mailbox_take(thread->orders); mail; mail = next) {
		next = mail->next;
		switch (((const struct order *)mail)->kind) {
		case ORDER_REPEAT:
			browse_repeat(thread->browse);
			free(mail);
			break;
		case ORDER_STOP: /* the last one; it lies in the thread */
			return sd_event_exit(thread->loop, 0);
		}
	}
	return 0;
}

static void thread_free(struct mdns_thread *thread)
{
	struct mail *mail, *next;

	browse_free(thread->browse);
	loop_source_free(thread->orders_source);
	sd_event_unref(thread->loop);
	for (mail = thread->news ? mailbox_take(thread->news) : NULL; mail; mail = next) {
		next = mail->next;
		if (mail != &thread->ended.mail)
			free(mail);
	}
	for (mail = thread->orders ? mailbox_take(thread->orders) : NULL; mail; mail = next) {
		next = mail->next;
		if (mail != &thread->stop.mail)
			free(mail);
	}
	mailbox_free(thread->orders);
	mailbox_free(thread->news);
	free(thread);
}

static void thread_turn(struct mdns_thread *thread)
{
	int r = sd_event_prepare(thread->loop);

	if (r == 0)
		r = sd_event_wait(thread->loop, UINT64_MAX);
	if (r > 0) {
		atomic_store(&thread->busy_since, clock_boot_usec());
		sd_event_dispatch(thread->loop);
		atomic_store(&thread->busy_since, 0);
	}
	/* An order ends this at once. */
	while (atomic_load(&thread->unread) >= NEWS_MAX &&
		!mailbox_wait(thread->orders, NEWS_WAIT_MSEC))
		;
}

static void *thread_main(void *userdata)
{
	struct mdns_thread *thread = userdata;

	while (sd_event_get_state(thread->loop) != SD_EVENT_FINISHED)
		thread_turn(thread);
	/* Here, because it talks to the daemon once more. */
	thread->browse = browse_free(thread->browse);
	mailbox_push(thread->news, &thread->ended.mail);
	if (atomic_exchange(&thread->left, true))
		thread_free(thread);
	return NULL;
}

/* ---- on the loop ---- */

static void state_tell(struct discovery *discovery)
{
	bool available = discovery->available && !discovery->hangs;

	if ((!discovery->known && !discovery->hangs) ||
		(discovery->told && discovery->told_available == available))
		return;
	discovery->told = true;
	discovery->told_available = available;
	discovery->ops.state(
		discovery->userdata, available, discovery->hangs ? HANGS_TEXT : discovery->why);
}

static void news_read(struct discovery *discovery, const struct news *news)
{
	switch (news->kind) {
	case NEWS_APPEARED:
		discovery->ops.appeared(discovery->userdata, &news->sighting);
		break;
	case NEWS_VANISHED:
		discovery->ops.vanished(discovery->userdata, &news->sighting);
		break;
	case NEWS_STATE:
		discovery->known = true;
		discovery->available = news->available;
		snprintf(discovery->why, sizeof(discovery->why), "%s", news->why);
		state_tell(discovery);
		break;
	case NEWS_OVERFLOWED:
		discovery->limits->reached[LIMIT_SIGHTINGS]++;
		break;
	case NEWS_ENDED:
		break; /* discovery_free() alone makes it end, and does not come here */
	}
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct discovery *discovery = userdata;
	struct mail *mail, *next;

	(void)source, (void)fd, (void)events;
	for (mail = mailbox_take(discovery->thread->news); mail; mail = next) {
		next = mail->next;
		news_read(discovery, (const struct news *)mail);
		free(mail);
		atomic_fetch_sub(&discovery->thread->unread, 1);
	}
	return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct discovery *discovery = userdata;
	uint64_t since = atomic_load(&discovery->thread->busy_since);

	(void)source, (void)usec;
	discovery->hangs = since != 0 && clock_boot_usec() - since >= HANGS_USEC;
	state_tell(discovery);
	return loop_timer_set(discovery->loop, &discovery->look_timer, LOOK_USEC, on_look,
		discovery, "mdns-look");
}

/* Signals belong to the loop's signalfd, so the thread starts with all of them blocked. */
static int thread_start(struct mdns_thread *thread)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = -pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r < 0)
		return r;
	r = -pthread_create(&thread->thread, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r >= 0)
		pthread_setname_np(thread->thread, "mdns"); /* for people */
	return r;
}

static int thread_new(const struct discovery_options *options, struct mdns_thread **ret)
{
	static const struct browse_ops ops = {.appeared = on_appeared,
		.vanished = on_vanished,
		.state = on_state,
		.overflowed = on_overflowed};
	struct mdns_thread *thread = calloc(1, sizeof(*thread));
	int r;

	if (!thread)
		return -ENOMEM;
	thread->ended.kind = NEWS_ENDED;
	thread->stop.kind = ORDER_STOP;
	r = mailbox_new(&thread->orders);
	if (r >= 0)
		r = mailbox_new(&thread->news);
	if (r >= 0)
		r = sd_event_new(&thread->loop);
	if (r >= 0)
		r = sd_event_add_io(thread->loop, &thread->orders_source,
			mailbox_fd(thread->orders), EPOLLIN, on_order, thread);
	if (r >= 0)
		r = browse_new(thread->loop, options, &ops, thread, &thread->browse);
	if (r >= 0)
		r = thread_start(thread);
	if (r < 0) {
		thread_free(thread);
		return r;
	}
	*ret = thread;
	return 0;
}

int discovery_new(sd_event *loop, const struct discovery_options *options,
	const struct discovery_ops *ops, void *userdata, struct discovery **ret)
{
	struct discovery *discovery CLEANUP(cleanup_discovery) = calloc(1, sizeof(*discovery));
	int r;

	if (!discovery)
		return -ENOMEM;
	*discovery = (struct discovery){
		.loop = sd_event_ref(loop),
		.ops = *ops,
		.userdata = userdata,
		.limits = options->limits,
	};
	r = thread_new(options, &discovery->thread);
	if (r >= 0)
		r = sd_event_add_io(loop, &discovery->news_source,
			mailbox_fd(discovery->thread->news), EPOLLIN, on_news, discovery);
	if (r >= 0)
		r = loop_timer_set(
			loop, &discovery->look_timer, LOOK_USEC, on_look, discovery, "mdns-look");
	if (r < 0)
		return r;
	sd_event_source_set_description(discovery->news_source, "mdns-news");
	*ret = STEAL(discovery);
	return 0;
}

void discovery_repeat(struct discovery *discovery)
{
	struct order *order = malloc(sizeof(*order));

	if (!order)
		return; /* whoever waits for it asks again */
	order->kind = ORDER_REPEAT;
	mailbox_push(discovery->thread->orders, &order->mail);
}

/* True when the last news came within the time for it. */
static bool thread_ended(struct mdns_thread *thread)
{
	uint64_t now, end = clock_boot_usec() + STOP_WAIT_USEC;
	bool ended = false;

	while (!ended && (now = clock_boot_usec()) < end) {
		struct mail *mail, *next;

		mailbox_wait(thread->news, (int)((end - now) / USEC_PER_MSEC) + 1);
		for (mail = mailbox_take(thread->news); mail; mail = next) {
			next = mail->next;
			if (mail == &thread->ended.mail)
				ended = true;
			else
				free(mail);
		}
	}
	return ended;
}

static void thread_stop(struct mdns_thread *thread)
{
	mailbox_push(thread->orders, &thread->stop.mail);
	if (thread_ended(thread)) {
		pthread_join(thread->thread, NULL);
		thread_free(thread);
		return;
	}
	log_warning("avahi-daemon does not answer: the thread that waits for it is left behind.");
	pthread_detach(thread->thread);
	if (atomic_exchange(&thread->left, true))
		thread_free(thread);
}

struct discovery *discovery_free(struct discovery *discovery)
{
	if (!discovery)
		return NULL;
	loop_source_free(discovery->news_source);
	loop_source_free(discovery->look_timer);
	if (discovery->thread)
		thread_stop(discovery->thread);
	sd_event_unref(discovery->loop);
	free(discovery);
	return NULL;
}
