/* SPDX-License-Identifier: Apache-2.0 */
/* Orders that are carried out one by one, after the saves and the readings of a round. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/backup.h"
#include "store/migrate.h"
#include "store/store-worker.h"

static int fetch_rows(struct worker *worker, struct order *order)
{
	struct outbox *outbox = worker->outbox;
	uint64_t bad_row;
	int r;

	order->fetch.readings = calloc(order->fetch.what.max + 1, sizeof(struct reading *));
	if (!order->fetch.readings)
		return -ENOMEM;
	do {
		r = outbox_fetch(outbox, &order->fetch.what, order->fetch.readings,
			&order->fetch.count, &bad_row);
		/* A row that nobody can read would come back for ever. */
		if (r == -EBADMSG && bad_row > 0 &&
			outbox_bury(outbox, bad_row, "unreadable", NULL) < 0)
			bad_row = 0;
	} while (r == -EBADMSG && bad_row > 0);
	return worker_judge(worker, outbox->db, r);
}

static int list_journal(struct worker *worker, struct order *order)
{
	int r = control_list_audit(worker->control, &order->journal.query, &order->journal.rows,
		&order->journal.count, &order->journal.next);

	/* A row that does not fit its fields: somebody else wrote it. Nothing is lost by going on.
	 */
	return r == -EBADMSG ? r : worker_judge(worker, worker->control->db, r);
}

/* One that is not there, or does not open, is an answer and no failure of the file. */
static int get_token(struct worker *worker, struct order *order)
{
	int r = control_get_token(
		worker->control, order->token.kind, order->token.ep, &order->token.value);

	if (r == -ENOENT || r == -EBADMSG)
		return r;
	return worker_judge(worker, worker->control->db, r);
}

/*
 * The key file is written first, and what is not needed any more goes last: see key-file.c. That
 * the old one cannot be removed is no failure, since every record is sealed with the new one: the
 * next start tries again.
 */
static int rekey(struct worker *worker, struct order *order)
{
	struct key *key = &order->rekey.key;
	int directory = worker->store->directory_fd;
	int r = key->source == KEY_FILE ? key_file_put_next(directory, key->bytes) : 0;

	if (r < 0)
		return r;
	r = worker_judge(worker, worker->control->db,
		control_rekey(worker->control, key, &order->rekey.audit, order->head));
	if (r < 0)
		return r;
	(void)key_file_settle(directory, &key->mark);
	/* Nothing that the old key opens stays behind, in the log or in the copies of updates;
	 * those that nobody can delete are no failure. */
	worker_judge(worker, worker->control->db, database_checkpoint(worker->control->db, true));
	(void)migrate_drop_copies(directory, worker->control->db->name, &control_migrations);
	return 0;
}

/* What somebody else sealed is an answer, whatever is wrong with it. */
static int open_parcel(struct worker *worker, struct order *order)
{
	struct secret *value = &order->token.value;
	uint8_t *plain;
	size_t size;
	int r = control_open_parcel(worker->control, secret_span(value), &plain, &size);

	secret_clear(value);
	if (r == -ENOMSG || r == -EKEYREJECTED || r == -EBADMSG)
		return r;
	if (r < 0)
		return worker_judge(worker, worker->control->db, r);
	*value = (struct secret){plain, size};
	return 0;
}

/* A copy that cannot be made, for whatever reason, is no failure of the file that is copied. */
static int backup(struct worker *worker, struct order *order)
{
	int directory = worker->store->directory_fd;
	int r = control_backup(worker->control, directory, &order->rekey.key);

	return r < 0 ? r
		     : worker_judge(worker, worker->control->db,
			       control_backup_note(worker->control, directory, &order->rekey.audit,
				       order->head));
}

int worker_do_quick(struct worker *worker, struct order *order)
{
	if (order->kind == ORDER_ARRIVALS) {
		arrivals_empty(worker->store->arrivals);
		return 0;
	}
	if (worker->failed)
		return -EIO;
	if (order->kind == ORDER_BURY)
		return worker_judge(worker, worker->outbox->db,
			outbox_bury(worker->outbox, order->bury.row, order->bury.reason,
				order->gap.id ? &order->gap : NULL));
	if (order->kind == ORDER_PUT_GAP)
		return worker_judge(
			worker, worker->outbox->db, outbox_put_gap(worker->outbox, &order->gap));
	if (worker->stopping)
		return -ECANCELED;
	if (order->kind == ORDER_OLDEST)
		return worker_judge(worker, worker->outbox->db,
			outbox_oldest(worker->outbox, &order->oldest.what, &order->oldest.found));
	if (order->kind == ORDER_LETTERS)
		return worker_judge(worker, worker->outbox->db,
			outbox_letters(worker->outbox, order->letters.before, order->letters.max,
				order->letters.list, &order->letters.count, &order->letters.next));
	if (order->kind == ORDER_TOKEN)
		return get_token(worker, order);
	if (order->kind == ORDER_REKEY)
		return rekey(worker, order);
	if (order->kind == ORDER_PARCEL)
		return open_parcel(worker, order);
	if (order->kind == ORDER_BACKUP)
		return backup(worker, order);
	return order->kind == ORDER_FETCH ? fetch_rows(worker, order) : list_journal(worker, order);
}

static int delete_device(struct worker *worker, struct order *order)
{
	int r = worker_judge(worker, worker->outbox->db,
		outbox_delete_device(worker->outbox, order->drop.device_row, order->drop.last_row,
			order->gap.id ? &order->gap : NULL));

	/* It went with the first stretch, and may have been published since. */
	if (r >= 0)
		order->gap.id = 0;
	return r;
}

int worker_do_slow(struct worker *worker, struct order *order)
{
	int r;

	if (worker->failed)
		return -EIO;
	if (order->kind == ORDER_DELETE_DEVICE)
		return delete_device(worker, order);
	if (order->kind == ORDER_BURY || order->kind == ORDER_PUT_GAP)
		return worker_do_quick(worker, order);
	if (order->kind == ORDER_DROP_GAP)
		return worker_judge(
			worker, worker->outbox->db, outbox_drop_gap(worker->outbox, order->gap.id));
	r = control_walk_audit(worker->control, &order->at);
	if (r == -EBADMSG) {
		snprintf(order->head, sizeof(order->head), "%llu",
			(unsigned long long)order->at.number + 1);
		return r;
	}
	audit_head_text(&order->at, order->head);
	return worker_judge(worker, worker->control->db, r);
}
