/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth and death of the uplink: two mailboxes, the worker between them, and the lists of what
 * lives. Sessions and connections belong to the loop; the worker only borrows connections until it
 * hands them back (see uplink-parts.h).
 *
 * The end is the one place where the loop's thread waits: the worker gets UPLINK_DRAIN_USEC for all
 * connections together, then closes them, and Paho's threads take up to a second to stop.
 */

#include "uplink/uplink.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "uplink/uplink-parts.h"

DEFINE_CLEANUP(struct uplink *, uplink_free, cleanup_uplink)

static int on_events(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	uplink_deliver(userdata);
	return 0;
}

/* Signals belong to the loop's signalfd. Paho's threads are started by the worker and inherit its
 * mask. */
static int worker_start(struct uplink *uplink)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = -pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r < 0)
		return r;
	r = -pthread_create(&uplink->thread, NULL, uplink_worker, uplink);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	uplink->running = true;
	pthread_setname_np(uplink->thread, "mqtt"); /* for people; nothing depends on it */
	return 0;
}

static int on_turn_over(sd_event_source *source, void *userdata)
{
	struct uplink *uplink = userdata;

	mail_tray_post(&uplink->outgoing);
	return 0;
}

int uplink_new(sd_event *loop, struct job_thread *names, struct limits *limits,
	const struct uplink_ops *ops, void *userdata, struct uplink **ret)
{
	CLEANUP(cleanup_uplink) struct uplink *uplink = malloc(sizeof(*uplink));
	int r;

	if (!uplink)
		return -ENOMEM;
	*uplink = (struct uplink){
		.loop = sd_event_ref(loop),
		.names = names,
		.limits = limits,
		.ops = *ops,
		.userdata = userdata,
	};
	r = mailbox_new(&uplink->commands);
	if (r < 0)
		return r;
	uplink->outgoing = (struct mail_tray){.loop = loop, .box = uplink->commands};
	r = mailbox_new(&uplink->events);
	if (r < 0)
		return r;
	r = sd_event_add_io(
		loop, &uplink->source, mailbox_fd(uplink->events), EPOLLIN, on_events, uplink);
	if (r < 0)
		return r;
	r = sd_event_source_set_prepare(uplink->source, on_turn_over);
	if (r < 0)
		return r;
	r = sd_event_source_set_description(uplink->source, "mqtt-events");
	if (r < 0)
		return r;
	r = worker_start(uplink);
	if (r < 0)
		return r;
	*ret = STEAL(uplink);
	return 0;
}

static void discard_mail(struct mailbox *box)
{
	struct mail *mail, *next;

	if (!box)
		return;
	for (mail = mailbox_take(box); mail; mail = next) {
		next = mail->next;
		note_discard((struct note *)mail);
	}
}

struct uplink *uplink_free(struct uplink *uplink)
{
	if (!uplink)
		return NULL;
	for (struct uplink_session *one = uplink->sessions; one; one = one->next)
		session_forget_why(one);
	if (uplink->running) {
		note_order(uplink, &uplink->stop, NOTE_STOP);
		pthread_join(uplink->thread, NULL);
	}
	job_thread_free(uplink->whys);
	/* Nobody else is left: publications and messages that are still on their way, then what
	 * they pointed to. */
	discard_mail(uplink->commands);
	discard_mail(uplink->events);
	while (uplink->connections)
		connection_free(uplink->connections);
	while (uplink->sessions) {
		uplink->sessions->ended = true;
		session_forget_lookup(uplink->sessions);
		session_collect(uplink->sessions);
	}
	loop_source_free(uplink->source);
	mailbox_free(uplink->commands);
	mailbox_free(uplink->events);
	sd_event_unref(uplink->loop);
	free(uplink);
	return NULL;
}
