/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store: answers come when the test gives them. What was committed is kept as copies, so a test
 * can ask what a restart would find.
 */

#include "fakes.h"
#include "host/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 256

struct fake_save {
	struct change *change;
	uint64_t drop_row; /* of store_delete_device() */
	store_done_fn done;
	void *userdata;
};
static struct fake_save saves[WAITING_MAX];
static size_t save_count;
#define DISK_DEVICES 512

static struct device_record *disk[DISK_DEVICES];
static struct audit_row audits[1024];
static size_t audit_count;
static struct alarm alarms_on_disk[256];
static size_t alarm_count;
static struct reading *appending[2048];
static size_t appending_count;
static struct reading *rows[1024]; /* committed */
static size_t row_count;
struct fake_rows fake_rows;

void store_save(struct store *store, struct change *change, store_done_fn done, void *userdata)
{
	assert_true(save_count < WAITING_MAX);
	saves[save_count++] =
		(struct fake_save){.change = change, .done = done, .userdata = userdata};
}

struct fake_rekey fake_rekey;

void store_rekey(struct store *store, enum key_source source, const uint8_t *key,
	const struct audit_row *audit, store_done_fn done, void *userdata)
{
	assert_false(fake_rekey.waits);
	fake_rekey = (struct fake_rekey){.waits = true,
		.has_key = key != NULL,
		.source = source,
		.audit = *audit,
		.done = done,
		.userdata = userdata};
	if (key)
		memcpy(fake_rekey.key, key, sizeof(fake_rekey.key));
}

struct fake_rekey fake_backup;

void store_backup(struct store *store, const uint8_t key[AES256_KEY], const struct audit_row *audit,
	store_done_fn done, void *userdata)
{
	assert_false(fake_backup.waits);
	fake_backup = (struct fake_rekey){.waits = true,
		.has_key = true,
		.audit = *audit,
		.done = done,
		.userdata = userdata};
	memcpy(fake_backup.key, key, sizeof(fake_backup.key));
}

struct fake_parcel fake_parcel;

void store_open_parcel(struct store *store, struct span parcel, store_token_fn done, void *userdata)
{
	assert_false(fake_parcel.waits);
	fake_parcel = (struct fake_parcel){.waits = true, .done = done, .userdata = userdata};
	assert_int_equal(secret_set(&fake_parcel.sealed, parcel), 0);
}

size_t store_waiting(void)
{
	return save_count;
}

const struct change *store_change_at(size_t index)
{
	assert_true(index < save_count);
	return saves[index].change;
}

static struct device_record **disk_place(uint64_t row)
{
	size_t i;

	for (i = 0; i < DISK_DEVICES; i++)
		if (disk[i] && disk[i]->row == row)
			return &disk[i];
	for (i = 0; i < DISK_DEVICES; i++)
		if (!disk[i])
			return &disk[i];
	fail_msg("the fake disk is full");
	return NULL;
}

static struct token *tokens_on_disk[64];
static size_t token_count;

static size_t token_at(const char *ep)
{
	size_t i = 0;

	while (i < token_count && strcmp(tokens_on_disk[i]->ep, ep))
		i++;
	return i;
}

static struct withdrawal *withdrawals_on_disk[16];
static size_t withdrawal_count;

size_t disk_withdrawals(void)
{
	return withdrawal_count;
}

const struct withdrawal *disk_withdrawal(size_t at)
{
	return at < withdrawal_count ? withdrawals_on_disk[at] : NULL;
}

static void put_withdrawal(const struct withdrawal *withdrawal)
{
	assert_true(withdrawal_count < 16);
	assert_int_equal(withdrawal_copy(withdrawal, &withdrawals_on_disk[withdrawal_count++]), 0);
}

static void drop_withdrawal(uint64_t row)
{
	for (size_t i = 0; i < withdrawal_count; i++)
		if (withdrawals_on_disk[i]->row == row) {
			withdrawal_free(withdrawals_on_disk[i]);
			withdrawals_on_disk[i--] = withdrawals_on_disk[--withdrawal_count];
		}
}

static void drop_token(const char *ep)
{
	size_t at = token_at(ep);

	if (at == token_count)
		return;
	token_free(tokens_on_disk[at]);
	tokens_on_disk[at] = tokens_on_disk[--token_count];
}

static void put_token(const struct token *token)
{
	struct span username, password;

	drop_token(token->ep);
	assert_true(token_count < 64);
	if (!strcmp(token->kind, TOKEN_KIND_OPERATOR)) {
		assert_int_equal(token_new_operator(token->ep, secret_span(&token->value),
					 &tokens_on_disk[token_count++]),
			0);
		return;
	}
	if (!strcmp(token->kind, TOKEN_KIND_SPOTFLOW)) {
		assert_int_equal(
			token_new_pt(span_from_string(token->ep), secret_span(&token->value),
				&tokens_on_disk[token_count++]),
			0);
		return;
	}
	assert_int_equal(token_value_read(secret_span(&token->value), &username, &password), 0);
	assert_int_equal(token_new(span_from_string(token->ep), username, password,
				 &tokens_on_disk[token_count++]),
		0);
}

const char *disk_token(const char *ep)
{
	static char text[160];
	struct span username, password;
	size_t at = token_at(ep);

	text[0] = '\0';
	if (at < token_count && (!strcmp(tokens_on_disk[at]->kind, TOKEN_KIND_OPERATOR) ||
					!strcmp(tokens_on_disk[at]->kind, TOKEN_KIND_SPOTFLOW))) {
		assert_int_equal(
			span_to_string(secret_span(&tokens_on_disk[at]->value), text, sizeof(text)),
			0);
	} else if (at < token_count) {
		assert_int_equal(token_value_read(secret_span(&tokens_on_disk[at]->value),
					 &username, &password),
			0);
		snprintf(text, sizeof(text), "%.*s:%.*s", (int)username.size,
			(const char *)username.data, (int)password.size,
			(const char *)password.data);
	}
	return text;
}

static struct label_book labels_on_disk;

static void put_label(const struct kept_label *label)
{
	struct label_list list = {0};
	struct kept_label *copy;

	assert_int_equal(kept_label_copy(label, &copy), 0);
	label_list_add(&list, copy);
	assert_int_equal(label_book_reserve(&labels_on_disk, labels_on_disk.count + 1), 0);
	label_book_put(&labels_on_disk, &list);
}

const struct kept_label *disk_label(const char *ep)
{
	return label_book_find(&labels_on_disk, ep);
}

void store_get_token(
	struct store *store, const char *kind, const char *ep, store_token_fn done, void *userdata)
{
	size_t at = token_at(ep);

	/* Those of other kinds are not kept here. */
	if (!strcmp(kind, TOKEN_KIND_MQTT) && at < token_count)
		done(userdata, 0, secret_span(&tokens_on_disk[at]->value));
	else
		done(userdata, -ENOENT, (struct span){0});
}

static struct command commands_on_disk[64];
static size_t command_count;

static void drop_command(uint64_t row)
{
	for (size_t i = 0; i < command_count; i++)
		if (commands_on_disk[i].row == row) {
			commands_on_disk[i] = commands_on_disk[--command_count];
			return;
		}
}

static void put_command(const struct command *command)
{
	drop_command(command->row);
	assert_true(command_count < 64);
	commands_on_disk[command_count++] = *command;
}

const struct command *disk_command(uint64_t row)
{
	for (size_t i = 0; i < command_count; i++)
		if (commands_on_disk[i].row == row)
			return &commands_on_disk[i];
	return NULL;
}

uint64_t fake_settled;

void store_settle_arrival(struct store *store, uint64_t number)
{
	if (number)
		fake_settled = number;
}

static uint64_t kept_number;

int store_keep_arrival(
	struct store *store, const struct store_arrival *arrival, uint64_t *ret_number)
{
	*ret_number = ++kept_number;
	return 0;
}

struct store_arrival fake_replay;

int store_replay_arrivals(struct store *store, store_arrival_fn each, void *userdata)
{
	return fake_replay.number ? each(userdata, &fake_replay) : 0;
}

struct device_cas disk_cas;

static void put_ca(const struct device_ca *ca)
{
	struct device_ca *copy;

	assert_int_equal(device_ca_copy(ca, &copy), 0);
	assert_int_equal(device_cas_reserve(&disk_cas), 0);
	device_cas_put(&disk_cas, copy);
}

/* As control-setup.c does it: what has no such window any more stays. */
static void end_window(const struct change_item *item)
{
	struct kept_label *kept = label_book_find(&labels_on_disk, item->value);

	if (!kept || !kept->window || kept->window->until != (int64_t)item->row)
		return;
	if (item->kind == CHANGE_DROP_WINDOW)
		label_book_drop(&labels_on_disk, item->value);
	else
		kept_label_set_window(kept, NULL);
}

char disk_site_ca[4096];

static void fake_store_secret(const struct change_item *item)
{
	assert_string_equal(item->setting, "site-ca");
	assert_int_equal(
		span_to_string(secret_span(&item->secret), disk_site_ca, sizeof(disk_site_ca)), 0);
}

static void write_item(const struct change_item *item)
{
	struct device_record **place;
	const struct token *token;
	const struct kept_label *label;

	switch (item->kind) {
	case CHANGE_PUT_DEVICE:
		place = disk_place(item->device->row);
		*place = device_record_free(*place);
		assert_int_equal(device_record_copy(item->device, place), 0);
		break;
	case CHANGE_DROP_DEVICE:
		place = disk_place(item->row);
		*place = device_record_free(*place);
		break;
	case CHANGE_AUDIT:
		assert_true(audit_count < 1024);
		audits[audit_count++] = item->audit;
		break;
	case CHANGE_PUT_ALARM:
		assert_true(alarm_count < 256);
		alarms_on_disk[alarm_count++] = item->alarm;
		break;
	case CHANGE_PUT_TOKENS:
		for (token = item->tokens.first; token; token = token->next)
			put_token(token);
		break;
	case CHANGE_DROP_TOKEN:
		drop_token(item->value);
		break;
	case CHANGE_PUT_COMMAND:
		put_command(item->command);
		break;
	case CHANGE_DROP_COMMAND:
		drop_command(item->row);
		break;
	case CHANGE_PUT_LABELS:
		for (label = item->labels.first; label; label = label->next)
			put_label(label);
		break;
	case CHANGE_DROP_LABEL:
		label_book_drop(&labels_on_disk, item->value);
		break;
	case CHANGE_CLOSE_WINDOW:
	case CHANGE_DROP_WINDOW:
		end_window(item);
		break;
	case CHANGE_PUT_WITHDRAWAL:
		put_withdrawal(item->withdrawal);
		break;
	case CHANGE_DROP_WITHDRAWAL:
		drop_withdrawal(item->row);
		break;
	case CHANGE_PUT_DEVICE_CA:
		put_ca(item->device_ca);
		break;
	case CHANGE_DROP_DEVICE_CA:
		device_cas_drop(&disk_cas, item->row);
		break;
	case CHANGE_PUT_SECRET:
		fake_store_secret(item);
		break;
	case CHANGE_PUT_PERSON:
	case CHANGE_DROP_PERSON:
	case CHANGE_PUT_SETTING:
	case CHANGE_DROP_SETTING:
		break;
	}
}

unsigned disk_erasures;

void store_answer(int result)
{
	struct fake_save save;
	const struct change_item *item;
	char head[65];

	assert_true(save_count > 0);
	save = saves[0];
	memmove(saves, saves + 1, --save_count * sizeof(saves[0]));
	for (item = result >= 0 ? save.change->first : NULL; item; item = item->next)
		write_item(item);
	disk_erasures += result >= 0 && save.change->erases;
	change_free(save.change);
	snprintf(head, sizeof(head), "%064zu", audit_count);
	if (save.done)
		save.done(save.userdata, result, result >= 0 ? head : NULL);
}

void store_answer_all(int result)
{
	unsigned count = 0;

	while (save_count) {
		store_answer(result);
		assert_true(++count < 10000);
	}
}

const struct device_record *disk_device(const char *id)
{
	size_t i;

	for (i = 0; i < DISK_DEVICES; i++)
		if (disk[i] && !strcmp(disk[i]->id, id))
			return disk[i];
	return NULL;
}

size_t disk_audit_count(const char *action, const char *result)
{
	size_t i, count = 0;

	for (i = 0; i < audit_count; i++)
		count += (!action || !strcmp(audits[i].action, action)) &&
			 (!result || !strcmp(audits[i].result, result));
	return count;
}

const struct audit_row *disk_audit_newest(void)
{
	return audit_count ? &audits[audit_count - 1] : NULL;
}

size_t disk_alarm_count(enum alarm_kind kind, bool cleared)
{
	size_t i, count = 0;

	for (i = 0; i < alarm_count; i++)
		count += alarms_on_disk[i].kind == kind &&
			 (alarms_on_disk[i].cleared != 0) == cleared;
	return count;
}

void store_append(struct store *store, struct reading *reading)
{
	assert_true(appending_count < ELEMENTS(appending));
	appending[appending_count++] = reading;
}

size_t store_appending(const struct store *store)
{
	return appending_count;
}

size_t appended_waiting(void)
{
	return appending_count;
}

void appended_answer(int result)
{
	struct reading *readings[ELEMENTS(appending)];
	size_t count = appending_count, i;

	memcpy(readings, appending, count * sizeof(readings[0]));
	appending_count = 0;
	for (i = 0; i < count && result >= 0; i++) {
		assert_true(row_count < 1024);
		rows[row_count++] = reading_ref(readings[i]);
	}
	reading_on_appended(&bed.host, readings, count, result);
}

void store_delete(struct store *store, const struct row_range *ranges, size_t count)
{
	size_t i;

	fake_rows.delete_calls++;
	for (i = 0; i < count; i++) {
		assert_true(fake_rows.deleted_count < 256);
		fake_rows.deleted[fake_rows.deleted_count++] = ranges[i];
	}
}

void store_take_back(struct store *store, uint64_t row)
{
	store_delete(store, &(const struct row_range){row, row}, 1);
}

bool row_was_deleted(uint64_t row)
{
	size_t i;

	for (i = 0; i < fake_rows.deleted_count; i++)
		if (fake_rows.deleted[i].first <= row && row <= fake_rows.deleted[i].last)
			return true;
	return false;
}

void store_delete_device(struct store *store, uint64_t device_row, const struct store_gap *gap,
	store_done_fn done, void *userdata)
{
	assert_true(fake_rows.dropped_count < 16);
	fake_rows.dropped[fake_rows.dropped_count++] = device_row;
	if (gap && fake_rows.drop_result >= 0)
		store_put_gap(store, gap);
	if (done)
		done(userdata, fake_rows.drop_result, NULL);
}

void store_put_gap(struct store *store, const struct store_gap *gap)
{
	size_t i;

	for (i = 0; i < fake_rows.gap_count && fake_rows.gap[i].id != gap->id; i++)
		;
	assert_true(i < 2000);
	fake_rows.gap[i] = *gap;
	if (i == fake_rows.gap_count)
		fake_rows.gap_count++;
}

void store_gap_published(struct store *store, uint64_t id)
{
	size_t i;

	for (i = 0; i < fake_rows.gap_count && fake_rows.gap[i].id != id; i++)
		;
	assert_true(i < fake_rows.gap_count);
	fake_rows.gap_count--;
	memmove(&fake_rows.gap[i], &fake_rows.gap[i + 1],
		(fake_rows.gap_count - i) * sizeof(fake_rows.gap[0]));
}

void store_letters(
	struct store *store, uint64_t before, unsigned max, letters_fn done, void *userdata)
{
	done(userdata, 0, NULL, 0, 0);
}

void store_oldest(
	struct store *store, const struct store_oldest *what, store_oldest_fn done, void *userdata)
{
	fake_rows.oldest_asked++;
	fake_rows.oldest = *what;
	if (fake_rows.oldest_by_hand) {
		fake_rows.oldest_done = done;
		fake_rows.oldest_userdata = userdata;
		return;
	}
	done(userdata, fake_rows.old_result, &fake_rows.old);
}

void store_delete_oldest(struct store *store, uint64_t device_row, uint64_t last_row,
	const struct store_gap *gap, store_done_fn done, void *userdata)
{
	fake_rows.trimmed_last = last_row;
	store_delete_device(store, device_row, gap, done, userdata);
}

void store_bury(struct store *store, uint64_t row, const char *reason, const struct store_gap *gap)
{
	assert_true(fake_rows.buried_count < 16);
	snprintf(fake_rows.buried_why[fake_rows.buried_count], 96, "%s", reason);
	fake_rows.buried[fake_rows.buried_count++] = row;
	if (gap)
		store_put_gap(store, gap);
}

static bool row_is_there(const struct reading *reading)
{
	size_t i;

	for (i = 0; i < fake_rows.buried_count; i++)
		if (fake_rows.buried[i] == reading->row)
			return false;
	return !row_was_deleted(reading->row);
}

/* Answers the oldest fetch from what was committed. */
bool store_serve_fetch(void)
{
	struct reading *readings[1024];
	struct owed_fetch fetch;
	size_t i, count = 0;

	if (fake_rows.fetch_served == fake_rows.fetch_count)
		return false;
	fetch = fake_rows.fetch[fake_rows.fetch_served++];
	for (i = 0; i < row_count && count < fetch.max; i++)
		if (rows[i]->device_row == fetch.device_row && rows[i]->row > fetch.after_row &&
			rows[i]->row <= fetch.last_row && row_is_there(rows[i]))
			readings[count++] = reading_ref(rows[i]);
	reading_on_fetched(&bed.host, &fetch, readings, count, 0);
	return true;
}

void store_fetch(struct store *store, const struct owed_fetch *fetch)
{
	assert_true(fake_rows.fetch_count < 16);
	fake_rows.fetch[fake_rows.fetch_count++] = *fetch;
}

/* The gateway stops: readings that are out are answered. */
void store_end(void)
{
	store_answer_all(0);
	while (appending_count)
		appended_answer(0);
}

void store_reset(void)
{
	command_count = 0;
	fake_settled = 0;
	kept_number = 0;
	fake_replay = (struct store_arrival){0};
	size_t i;

	for (i = 0; i < DISK_DEVICES; i++)
		disk[i] = device_record_free(disk[i]);
	for (i = 0; i < row_count; i++)
		reading_unref(rows[i]);
	label_book_clear(&labels_on_disk);
	device_cas_clear(&disk_cas);
	disk_site_ca[0] = '\0';
	fake_trust = (struct fake_trust){0};
	while (token_count)
		token_free(tokens_on_disk[--token_count]);
	while (withdrawal_count > 0)
		withdrawal_free(withdrawals_on_disk[--withdrawal_count]);
	save_count = audit_count = alarm_count = appending_count = row_count = 0;
	memset(&fake_rows, 0, sizeof(fake_rows));
}
