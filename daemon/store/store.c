/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's side: orders go into a box, answers come out of one. Nothing here touches a file once
 * the thread runs. A reading travels by its own mail, in both directions, without a copy and
 * without memory being taken.
 */

#include "store/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "store/store-private.h"

#define JOURNAL_MAX	 200
#define READINGS_AT_ONCE 64

/* --- answers --- */

/* Hands the readings of a batch back in groups, so that no memory is needed for that. */
static void answer_batch(struct store *store, struct order *order)
{
	struct reading *group[READINGS_AT_ONCE];
	struct mail *mail = order->batch.first;

	order->batch.first = NULL;
	while (mail) {
		size_t count = 0;

		for (; mail && count < READINGS_AT_ONCE; count++) {
			struct mail *next = mail->next;

			group[count] = reading_of_mail(mail);
			mail = next;
		}
		store->appending -= count;
		if (store->ops.appended)
			store->ops.appended(store->userdata, group, count, order->result);
		else
			for (size_t i = 0; i < count; i++)
				reading_unref(group[i]);
	}
}

static void answer_done(struct store *store, struct order *order)
{
	bool has_head = order->kind != ORDER_DELETE_DEVICE &&
			(order->result >= 0 || order->kind == ORDER_VERIFY);

	if (order->done)
		order->done(order->userdata, order->result, has_head ? order->head : NULL);
}

static void answer_journal(struct store *store, struct order *order)
{
	order->journal.done(order->userdata, order->result, order->journal.rows,
		order->journal.count, order->journal.next);
}

static void answer_fetch(struct store *store, struct order *order)
{
	struct reading **readings = order->fetch.readings;
	size_t count = order->fetch.count;

	order->fetch.count = 0; /* they go to the one who asked */
	if (store->ops.fetched)
		store->ops.fetched(
			store->userdata, &order->fetch.what, readings, count, order->result);
	else
		for (size_t i = 0; i < count; i++)
			reading_unref(readings[i]);
}

static void answer_token(struct store *store, struct order *order)
{
	order->token.done(order->userdata, order->result, secret_span(&order->token.value));
}

static void answer_oldest(struct store *store, struct order *order)
{
	order->oldest.done(order->userdata, order->result, &order->oldest.found);
}

static void answer_letters(struct store *store, struct order *order)
{
	order->letters.done(order->userdata, order->result, order->letters.list,
		order->letters.count, order->letters.next);
}

static void answer_failed(struct store *store, struct order *order)
{
	if (store->ops.failed)
		store->ops.failed(store->userdata, store->failure_why);
}

static void answer_nothing(struct store *store, struct order *order)
{
}

static void (*const ANSWER[ORDERS])(struct store *store, struct order *order) = {
	[ORDER_SAVE] = answer_done,
	[ORDER_JOURNAL] = answer_journal,
	[ORDER_VERIFY] = answer_done,
	[ORDER_DELETE] = answer_nothing,
	[ORDER_DELETE_DEVICE] = answer_done,
	[ORDER_BURY] = answer_nothing,
	[ORDER_PUT_GAP] = answer_nothing,
	[ORDER_DROP_GAP] = answer_nothing,
	[ORDER_FETCH] = answer_fetch,
	[ORDER_OLDEST] = answer_oldest,
	[ORDER_LETTERS] = answer_letters,
	[ORDER_TOKEN] = answer_token,
	[ORDER_REKEY] = answer_done,
	[ORDER_BACKUP] = answer_done,
	[ORDER_PARCEL] = answer_token,
	[ORDER_ARRIVALS] = answer_nothing,
	[ORDER_STOP] = answer_nothing,
	[ORDER_BATCH] = answer_batch,
	[ORDER_FAILED] = answer_failed,
};

void order_free(struct order *order)
{
	switch (order->kind) {
	case ORDER_SAVE:
		change_free(order->change);
		break;
	case ORDER_JOURNAL:
		free(order->journal.rows);
		break;
	case ORDER_DELETE:
		free(order->remove.ranges);
		break;
	case ORDER_LETTERS:
		free(order->letters.list);
		break;
	case ORDER_FETCH:
		free(order->fetch.readings);
		break;
	case ORDER_TOKEN:
	case ORDER_PARCEL:
		secret_clear(&order->token.value);
		break;
	case ORDER_REKEY:
	case ORDER_BACKUP:
		crypto_wipe(&order->rekey.key, sizeof(order->rekey.key));
		break;
	case ORDER_OLDEST:
	case ORDER_VERIFY:
	case ORDER_DELETE_DEVICE:
	case ORDER_BURY:
	case ORDER_PUT_GAP:
	case ORDER_DROP_GAP:
	case ORDER_ARRIVALS:
	case ORDER_STOP:
	case ORDER_BATCH:
	case ORDER_FAILED:
	case ORDERS:
		break;
	}
	free(order);
}

static bool is_part_of(const struct store *store, const struct order *order)
{
	return order == &store->stop || order == &store->failure || order == &store->last_batch;
}

static void store_answer(struct store *store)
{
	struct mail *mail = mailbox_take(store->answers), *next;

	for (; mail; mail = next) {
		struct order *order = (struct order *)mail;

		next = mail->next;
		ANSWER[order->kind](store, order);
		if (!is_part_of(store, order))
			order_free(order);
	}
}

static int on_answers(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	store_answer(userdata);
	return 0;
}

static int on_turn_over(sd_event_source *source, void *userdata)
{
	struct store *store = userdata;

	mail_tray_post(&store->arrived);
	return 0;
}

/* --- life --- */

static int load_failed(struct store *store, struct database *db, int error)
{
	/* Damage that only now shows: the next start must look closely. */
	if (error == -EBADMSG)
		db->failed = true;
	snprintf(store->why, sizeof(store->why), "%s", db->why);
	return error;
}

int store_load(struct store *store, const struct store_loader *loader, void *userdata)
{
	int r;

	store_tell_slow(store, store->outbox->db);
	r = control_load(store->control, loader, userdata);
	if (r < 0)
		return load_failed(store, store->control->db, r);
	/* The gaps first: what is found among the readings may be one more. */
	r = outbox_load_gaps(store->outbox, loader, userdata);
	if (r >= 0)
		r = outbox_load(store->outbox, loader, userdata);
	return r < 0 ? load_failed(store, store->outbox->db, r) : 0;
}

const char *store_why(const struct store *store)
{
	return store->why;
}

void store_get_facts(const struct store *store, struct store_facts *ret_facts)
{
	*ret_facts = store->facts;
}

static int boxes_new(struct store *store, sd_event *loop)
{
	int r = mailbox_new(&store->orders);

	if (r >= 0)
		r = mailbox_new(&store->readings);
	if (r >= 0)
		r = mailbox_new(&store->answers);
	if (r >= 0)
		r = sd_event_add_io(loop, &store->source, mailbox_fd(store->answers), EPOLLIN,
			on_answers, store);
	if (r >= 0)
		r = sd_event_source_set_prepare(store->source, on_turn_over);
	if (r >= 0)
		r = sd_event_source_set_description(store->source, "store");
	return r < 0 ? r : 0;
}

static void boxes_free(struct store *store)
{
	if (store->source)
		sd_event_source_disable_unref(store->source);
	store->source = NULL;
	store->orders = mailbox_free(store->orders);
	store->readings = mailbox_free(store->readings);
	store->answers = mailbox_free(store->answers);
}

/* Signals are the loop's: the thread starts with all of them blocked. */
static int thread_start(struct store *store)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&store->thread, NULL, store_thread, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r >= 0)
		pthread_setname_np(store->thread, "store");
	return r;
}

int store_start(struct store *store, sd_event *loop, const struct store_ops *ops, void *userdata)
{
	int r;

	store->ops = *ops;
	store->userdata = userdata;
	store->last_row = store->facts.next_row - 1;
	store->stop.kind = ORDER_STOP;
	store->failure.kind = ORDER_FAILED;
	r = boxes_new(store, loop);
	store->arrived = (struct mail_tray){.loop = loop, .box = store->readings};
	if (r >= 0)
		r = thread_start(store);
	if (r < 0) {
		boxes_free(store);
		return r;
	}
	store->running = true;
	return 0;
}

/* An answer may have led to a new order, which no thread takes any more. False when there is none.
 */
static bool cancel_late(struct store *store)
{
	struct mail *mail, *next;
	bool any;

	mail_tray_post(&store->arrived);
	mail = mailbox_take(store->orders);
	any = mail != NULL;
	for (; mail; mail = next) {
		struct order *order = (struct order *)mail;

		next = mail->next;
		order->result = -ECANCELED;
		mailbox_push(store->answers, mail);
	}
	for (mail = mailbox_take(store->readings); mail; mail = next) {
		next = mail->next;
		reading_unref(reading_of_mail(mail));
	}
	return any;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	if (store->running) {
		order_push(store, &store->stop);
		pthread_join(store->thread, NULL);
		/* The thread answered everything before it ended. */
		do
			store_answer(store);
		while (cancel_late(store));
	}
	boxes_free(store);
	store_close_files(store);
	/* Not before: the last answers may settle what is in it. */
	store->arrivals = arrivals_free(store->arrivals);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	close(store->directory_fd);
	free(store);
	return NULL;
}

/* --- orders --- */

void order_push(struct store *store, struct order *order)
{
	mail_tray_post(&store->arrived);
	mailbox_push(store->orders, &order->mail);
}

struct order *order_new(enum order_kind kind, store_done_fn done, void *userdata)
{
	struct order *order = malloc(sizeof(*order));

	if (order)
		*order = (struct order){.kind = kind, .done = done, .userdata = userdata};
	return order;
}

void store_save(struct store *store, struct change *change, store_done_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_SAVE, done, userdata);

	if (!order) {
		change_free(change);
		if (done)
			done(userdata, -ENOMEM, NULL);
		return;
	}
	order->change = change;
	order_push(store, order);
}

void store_append(struct store *store, struct reading *reading)
{
	store->appending++;
	if (reading->row > store->last_row)
		store->last_row = reading->row;
	mail_tray_add(&store->arrived, &reading->mail);
}

size_t store_appending(const struct store *store)
{
	return store->appending;
}

void store_bury(struct store *store, uint64_t row, const char *reason, const struct store_gap *gap)
{
	struct order *order = order_new(ORDER_BURY, NULL, NULL);

	if (!order)
		return;
	order->bury.row = row;
	snprintf(order->bury.reason, sizeof(order->bury.reason), "%s", reason);
	if (gap)
		order->gap = *gap;
	order_push(store, order);
}

void store_put_gap(struct store *store, const struct store_gap *gap)
{
	struct order *order = order_new(ORDER_PUT_GAP, NULL, NULL);

	if (!order)
		return;
	order->gap = *gap;
	order_push(store, order);
}

void store_gap_published(struct store *store, uint64_t id)
{
	struct order *order = order_new(ORDER_DROP_GAP, NULL, NULL);

	if (!order)
		return;
	order->gap.id = id;
	order_push(store, order);
}

void store_fetch(struct store *store, const struct owed_fetch *fetch)
{
	struct order *order = order_new(ORDER_FETCH, NULL, NULL);

	if (!order) {
		store->ops.fetched(store->userdata, fetch, NULL, 0, -ENOMEM);
		return;
	}
	order->fetch.what = *fetch;
	order_push(store, order);
}

void store_get_token(
	struct store *store, const char *kind, const char *ep, store_token_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_TOKEN, NULL, userdata);

	if (!order) {
		done(userdata, -ENOMEM, (struct span){0});
		return;
	}
	snprintf(order->token.kind, sizeof(order->token.kind), "%s", kind);
	snprintf(order->token.ep, sizeof(order->token.ep), "%s", ep);
	order->token.done = done;
	order_push(store, order);
}

void store_journal(
	struct store *store, const struct audit_query *query, store_journal_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_JOURNAL, NULL, userdata);

	if (!order) {
		done(userdata, -ENOMEM, NULL, 0, 0);
		return;
	}
	order->journal.query = *query;
	if (order->journal.query.max > JOURNAL_MAX)
		order->journal.query.max = JOURNAL_MAX;
	order->journal.done = done;
	order_push(store, order);
}

void store_verify_audit(struct store *store, store_done_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_VERIFY, done, userdata);

	if (!order) {
		done(userdata, -ENOMEM, NULL);
		return;
	}
	order_push(store, order);
}
