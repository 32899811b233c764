/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store thread. One round:
 *
 *   1. take all orders, then all readings. In this turn: a reading that was handed in before an
 *      order is then in our hands whenever the order is, so "append, then delete the device's rows"
 *      keeps its meaning though there are two boxes.
 *   2. saves: one transaction in control.db for all of them
 *   3. readings and deletes that wait: one transaction in outbox.db. Groups size themselves: what
 *      came while the last commit ran is the next group. With a delay (flash wears out by commits)
 *      they wait for others first, but never for more than a group that is large enough, and never
 *      when something is to be deleted behind them. What was taken back waits for nobody: a fetch
 *      in this very round must not find it.
 *   4. the quick orders (fetch, bury, journal, token), then one stretch of a long one (walk of the
 *      audit chain, delete of a device's rows). A gap that a long one is to write or delete is
 *      written behind it, or the older one would stay.
 *   5. a stretch of free space goes back to the disk; a checkpoint when a log has grown, and of
 *      control.db, which cuts its log off, soon after a secret was erased: in the log it would stay
 *
 * Then it sleeps, until something comes or until deletes that found no batch to go with are due.
 *
 * After a final failure the thread goes on in order to answer everything with -EIO, and touches
 * neither file again.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/room.h"
#include "store/store-worker.h"

#define DELETE_DELAY_USEC (200 * USEC_PER_MSEC)
#define FULL_DELAY_USEC	  (1 * USEC_PER_SEC) /* deletes that found no room */
#define STOP_USEC	  (2 * USEC_PER_SEC)
#define SHRINK_DELAY_USEC (1 * USEC_PER_SEC)  /* after deletes: an everyday up and down is over */
#define FOLD_DELAY_USEC	  (3 * USEC_PER_SEC)  /* after an erasure: others may follow */
#define FOLD_AGAIN_USEC	  (60 * USEC_PER_SEC) /* when there was no room for it */
#define SHRINK_STEP_USEC  (20 * USEC_PER_MSEC)
#define MEMORY_DELAY_MSEC 10
#define DELAYED_MAX	  512 /* readings that wait for others: half of the answers that may be held */

static void list_add(struct mail_list *list, struct mail *mail)
{
	mail->next = NULL;
	if (list->first)
		list->last->next = mail;
	else
		list->first = mail;
	list->last = mail;
}

static struct mail *list_take(struct mail_list *list)
{
	struct mail *mail = list->first;

	if (mail)
		list->first = mail->next;
	return mail;
}

static struct order *order_of(struct mail *mail)
{
	return (struct order *)mail;
}

static void worker_answer(struct worker *worker, struct order *order, int result)
{
	order->result = result;
	mailbox_push(worker->store->answers, &order->mail);
}

int worker_judge(struct worker *worker, struct database *db, int error)
{
	if (error >= 0 || error == -ENOSPC || error == -ENOMEM)
		return error;
	if (worker->failed)
		return -EIO;
	worker->failed = true;
	worker->shrink_at = worker->fold_at = 0;
	worker->control->db->failed = worker->outbox->db->failed = true;
	snprintf(worker->store->failure_why, sizeof(worker->store->failure_why), "%s", db->why);
	worker_answer(worker, &worker->store->failure, -EIO);
	return -EIO;
}

/* --- 1: what came in --- */

/* Something long that writes or deletes this gap has to go before. */
static bool gap_waits(const struct worker *worker, uint64_t id)
{
	for (const struct mail *mail = worker->slow.first; mail && id; mail = mail->next)
		if (((const struct order *)mail)->gap.id == id)
			return true;
	return false;
}

static void worker_sort(struct worker *worker, struct order *order)
{
	switch (order->kind) {
	case ORDER_SAVE:
		list_add(&worker->saves, &order->mail);
		break;
	case ORDER_DELETE:
		if (!worker->deletes.first)
			worker->delete_at = clock_boot_usec() + DELETE_DELAY_USEC +
					    worker->store->commit_delay_usec;
		if (order->remove.at_once)
			worker->delete_at = 0;
		list_add(&worker->deletes, &order->mail);
		break;
	case ORDER_VERIFY:
	case ORDER_DELETE_DEVICE:
	case ORDER_DROP_GAP: /* behind the delete that its gap came with */
		list_add(&worker->slow, &order->mail);
		break;
	case ORDER_STOP:
		worker->stopping = true;
		worker->stop_at = clock_boot_usec() + STOP_USEC;
		break;
	case ORDER_BURY:
	case ORDER_PUT_GAP:
		list_add(gap_waits(worker, order->gap.id) ? &worker->slow : &worker->quick,
			&order->mail);
		break;
	case ORDER_JOURNAL:
	case ORDER_FETCH:
	case ORDER_OLDEST:
	case ORDER_LETTERS:
	case ORDER_TOKEN:
	case ORDER_REKEY:
	case ORDER_BACKUP:
	case ORDER_PARCEL:
	case ORDER_ARRIVALS:
	case ORDER_BATCH:
	case ORDER_FAILED:
	case ORDERS:
		list_add(&worker->quick, &order->mail);
		break;
	}
}

static void worker_collect(struct worker *worker)
{
	struct mail *mail = mailbox_take(worker->store->orders), *next;

	for (; mail; mail = next) {
		next = mail->next;
		worker_sort(worker, order_of(mail));
	}
	for (mail = mailbox_take(worker->store->readings); mail; mail = next) {
		next = mail->next;
		if (!worker->readings.first)
			worker->append_at = clock_boot_usec() + worker->store->commit_delay_usec;
		list_add(&worker->readings, mail);
		worker->readings_waiting++;
	}
}

/* --- 2: saves --- */

/* The group's result; each order has its own in 'result'. */
static int save_group(struct worker *worker)
{
	int r = worker->failed ? -EIO : control_begin(worker->control);

	for (struct mail *mail = worker->saves.first; mail && r >= 0; mail = mail->next) {
		struct order *order = order_of(mail);

		r = control_apply(worker->control, order->change, &order->result, order->head);
	}
	if (r >= 0)
		return control_commit(worker->control);
	if (!worker->failed)
		control_rollback(worker->control);
	return r;
}

static void fold_soon(struct worker *worker)
{
	if (!worker->fold_at)
		worker->fold_at = clock_boot_usec() + FOLD_DELAY_USEC;
}

static void worker_save(struct worker *worker)
{
	struct mail *mail;
	int r;

	if (!worker->saves.first)
		return;
	r = worker_judge(worker, worker->control->db, save_group(worker));
	while ((mail = list_take(&worker->saves))) {
		struct order *order = order_of(mail);
		int result = r < 0 ? r : order->result;

		if (result >= 0 && order->change->erases)
			fold_soon(worker);
		worker_answer(worker, order, result);
	}
	/* What is folded into the file makes room in its log. */
	if (r == -ENOSPC)
		worker_judge(worker, worker->control->db,
			database_checkpoint(worker->control->db, true));
}

/* --- 3: readings and deletes --- */

static int append_all(struct worker *worker, uint64_t *next_row)
{
	for (struct mail *mail = worker->readings.first; mail; mail = mail->next) {
		const struct reading *reading = reading_of_mail(mail);
		int r = outbox_insert(worker->outbox, reading);

		if (r < 0)
			return r;
		if (reading->row >= *next_row)
			*next_row = reading->row + 1;
	}
	return 0;
}

static int delete_all(struct worker *worker)
{
	for (struct mail *mail = worker->deletes.first; mail; mail = mail->next) {
		const struct order *order = order_of(mail);

		for (size_t i = 0; i < order->remove.count; i++) {
			int r = outbox_delete(worker->outbox, &order->remove.ranges[i]);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int write_batch(struct worker *worker)
{
	uint64_t next_row = worker->outbox->next_row;
	int r = worker->failed ? -EIO : database_begin(worker->outbox->db);

	if (r < 0)
		return r;
	r = append_all(worker, &next_row);
	if (r >= 0)
		r = delete_all(worker);
	if (r >= 0)
		return outbox_commit(worker->outbox, next_row);
	database_rollback(worker->outbox->db);
	return r;
}

static void answer_batch(struct worker *worker, struct order *batch, int result)
{
	*batch = (struct order){.kind = ORDER_BATCH, .batch = {.first = worker->readings.first}};
	for (struct mail *mail = worker->readings.first; mail; mail = mail->next)
		batch->batch.count++;
	worker->readings = (struct mail_list){0};
	worker->readings_waiting = 0;
	worker_answer(worker, batch, result);
}

static void forget_deletes(struct worker *worker)
{
	struct mail *mail;

	while ((mail = list_take(&worker->deletes)))
		order_free(order_of(mail));
}

static bool deletes_due(const struct worker *worker)
{
	return worker->deletes.first &&
	       (worker->stopping || worker->failed || clock_boot_usec() >= worker->delete_at);
}

/* Those that wait for others to come. What is to be deleted behind them is deleted after them. */
static bool readings_due(const struct worker *worker)
{
	return worker->readings.first &&
	       (worker->store->commit_delay_usec == 0 || worker->stopping || worker->failed ||
		       worker->slow.first || worker->readings_waiting >= DELAYED_MAX ||
		       clock_boot_usec() >= worker->append_at || deletes_due(worker));
}

/* Readings that would take the room that deletes and checkpoints need. */
static bool is_low(struct worker *worker)
{
	uint64_t bytes = 0;
	struct room room;

	if (worker->failed || room_get(worker->store->lock_fd, &room) < 0 || !room_is_low(&room))
		return false;
	for (struct mail *mail = worker->readings.first; mail; mail = mail->next)
		bytes += reading_of_mail(mail)->size + 64;
	return !outbox_has_inside(worker->outbox, bytes);
}

/* Deletes that found no room stay. */
static void write_judged(struct worker *worker, struct order *batch)
{
	struct database *db = worker->outbox->db;
	int r = worker_judge(worker, db, write_batch(worker));

	if (batch)
		answer_batch(worker, batch, r);
	if (r >= 0 && worker->deletes.first && !worker->shrink_at)
		worker->shrink_at = clock_boot_usec() + SHRINK_DELAY_USEC;
	if (r >= 0 || worker->failed)
		forget_deletes(worker);
	else
		worker->delete_at = clock_boot_usec() + FULL_DELAY_USEC;
	if (r == -ENOSPC)
		worker_judge(worker, db, database_checkpoint(db, true));
}

static void worker_append(struct worker *worker)
{
	struct order *batch = NULL;

	if (readings_due(worker)) {
		/* Before anything is written: what cannot be answered must not be committed. The
		 * readings wait for memory then. */
		batch = worker->stopping ? &worker->store->last_batch : malloc(sizeof(*batch));
		if (!batch)
			return;
		if (is_low(worker)) {
			answer_batch(worker, batch, -ENOSPC);
			batch = NULL;
		}
	} else if (worker->readings.first)
		return;
	if (!batch && !deletes_due(worker))
		return;
	write_judged(worker, batch);
	/* Readings that come all the time must not take those with them that make room. */
	if (batch && worker->deletes.first)
		write_judged(worker, NULL);
}

/* --- 4: the other orders: store-orders.c --- */

static void worker_quick(struct worker *worker)
{
	struct mail *mail;

	while ((mail = list_take(&worker->quick)))
		worker_answer(worker, order_of(mail), worker_do_quick(worker, order_of(mail)));
}

static void worker_slow(struct worker *worker)
{
	struct mail *mail = list_take(&worker->slow);
	int r;

	if (!mail)
		return;
	r = worker_do_slow(worker, order_of(mail));
	if (r > 0)
		list_add(&worker->slow, mail);
	else
		worker_answer(worker, order_of(mail), r);
}

/* --- 5 and the round --- */

/* In small stretches, and slowly: readings go before. */
static void worker_shrink(struct worker *worker)
{
	int r;

	if (!worker->shrink_at || clock_boot_usec() < worker->shrink_at)
		return;
	r = worker_judge(worker, worker->outbox->db, outbox_give_back(worker->outbox));
	worker->shrink_at = r > 0 ? clock_boot_usec() + SHRINK_STEP_USEC : 0;
	if (r > 0)
		worker->shrunk = true;
	else if (r == 0 && worker->shrunk) {
		/* The file itself becomes shorter by this alone. */
		worker->shrunk = false;
		worker_judge(
			worker, worker->outbox->db, database_checkpoint(worker->outbox->db, true));
	}
}

static void worker_checkpoint(struct worker *worker, bool always)
{
	struct database *file[] = {worker->control->db, worker->outbox->db};

	for (size_t i = 0; i < 2; i++)
		if (!worker->failed)
			worker_judge(worker, file[i], database_checkpoint(file[i], always));
}

static void worker_fold(struct worker *worker)
{
	struct database *db = worker->control->db;

	if (!worker->fold_at || clock_boot_usec() < worker->fold_at)
		return;
	worker->fold_at = 0;
	if (worker_judge(worker, db, database_checkpoint(db, true)) >= 0 && db->wal_pages)
		worker->fold_at = clock_boot_usec() + FOLD_AGAIN_USEC;
}

static int msec_until(uint64_t usec)
{
	uint64_t now = clock_boot_usec();

	return now >= usec ? 0 : (int)((usec - now) / USEC_PER_MSEC) + 1;
}

/* Of two waits, of which -1 is for ever. */
static int sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int worker_timeout(const struct worker *worker)
{
	int readings, deletes, shrink, fold;

	if (worker->slow.first)
		return 0;
	if (readings_due(worker)) /* they found no memory */
		return MEMORY_DELAY_MSEC;
	readings = worker->readings.first ? msec_until(worker->append_at) : -1;
	deletes = worker->deletes.first ? msec_until(worker->delete_at) : -1;
	shrink = worker->shrink_at ? msec_until(worker->shrink_at) : -1;
	fold = worker->fold_at ? msec_until(worker->fold_at) : -1;
	return sooner(sooner(readings, deletes), sooner(shrink, fold));
}

static void worker_wait(const struct worker *worker)
{
	struct pollfd box[] = {
		{.fd = mailbox_fd(worker->store->orders), .events = POLLIN},
		{.fd = mailbox_fd(worker->store->readings), .events = POLLIN},
	};

	/* Whatever ends it, the round looks for itself. */
	(void)poll(box, 2, worker_timeout(worker));
}

static void worker_round(struct worker *worker)
{
	worker_collect(worker);
	worker_save(worker);
	worker_append(worker);
	worker_quick(worker);
	worker_slow(worker);
	worker_shrink(worker);
	worker_fold(worker);
	worker_checkpoint(worker, false);
}

/* Everything was in the boxes when the stop came; what is long may go on for a while. */
static void worker_finish(struct worker *worker)
{
	struct mail *mail;

	while (worker->slow.first && clock_boot_usec() < worker->stop_at)
		worker_slow(worker);
	while ((mail = list_take(&worker->slow))) {
		struct order *order = order_of(mail);
		bool is_long = order->kind == ORDER_VERIFY || order->kind == ORDER_DELETE_DEVICE;

		worker_answer(worker, order, is_long ? -ECANCELED : worker_do_slow(worker, order));
	}
	forget_deletes(worker);
	if (!worker->failed && worker->outbox->loose)
		worker_judge(worker, worker->outbox->db, outbox_tighten(worker->outbox));
	worker_checkpoint(worker, true);
	store_close_files(worker->store);
}

void *store_thread(void *userdata)
{
	struct store *store = userdata;
	struct worker worker = {.store = store, .control = store->control, .outbox = store->outbox};

	while (!worker.stopping) {
		worker_wait(&worker);
		worker_round(&worker);
	}
	worker_finish(&worker);
	return NULL;
}
