/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change is a list of items in the order in which they were put. An item is complete before it
 * joins the list, so a call that fails leaves the change as it was. All items are wiped when they
 * go: a record holds credentials, a person the text of a password, a setting perhaps a key.
 */

#include "core/change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

static struct change_item *item_free(struct change_item *item)
{
	if (item) {
		device_record_free(item->device);
		token_list_clear(&item->tokens);
		free(item->command);
		label_list_clear(&item->labels);
		withdrawal_free(item->withdrawal);
		device_ca_free(item->device_ca);
		secret_clear(&item->secret);
		crypto_wipe(item, sizeof(*item));
		free(item);
	}
	return NULL;
}

int change_new(struct change **ret)
{
	struct change *change = calloc(1, sizeof(*change));

	if (!change)
		return -ENOMEM;
	change->end = &change->first;
	*ret = change;
	return 0;
}

struct change *change_free(struct change *change)
{
	if (!change)
		return NULL;
	while (change->first) {
		struct change_item *item = change->first;

		change->first = item->next;
		item_free(item);
	}
	free(change);
	return NULL;
}

static struct change_item *item_new(enum change_kind kind)
{
	struct change_item *item = calloc(1, sizeof(*item));

	if (item)
		item->kind = kind;
	return item;
}

static int item_put(struct change *change, struct change_item *item)
{
	*change->end = item;
	change->end = &item->next;
	return 0;
}

int change_put_device(struct change *change, const struct device_record *record)
{
	struct change_item *item = item_new(CHANGE_PUT_DEVICE);
	int r;

	if (!item)
		return -ENOMEM;
	r = device_record_copy(record, &item->device);
	if (r < 0) {
		item_free(item);
		return r;
	}
	return item_put(change, item);
}

void change_mark_erasing(struct change *change)
{
	change->erases = true;
}

static int erasing(struct change *change, int r)
{
	if (r >= 0)
		change_mark_erasing(change);
	return r;
}

static int row_drop(struct change *change, enum change_kind kind, uint64_t row)
{
	struct change_item *item = item_new(kind);

	if (!item)
		return -ENOMEM;
	item->row = row;
	return item_put(change, item);
}

int change_drop_device(struct change *change, uint64_t row)
{
	return erasing(change, row_drop(change, CHANGE_DROP_DEVICE, row));
}

int change_put_person(struct change *change, const struct person *person)
{
	struct change_item *item = item_new(CHANGE_PUT_PERSON);

	if (!item)
		return -ENOMEM;
	item->person = *person;
	return item_put(change, item);
}

int change_drop_person(struct change *change, uint64_t row)
{
	return erasing(change, row_drop(change, CHANGE_DROP_PERSON, row));
}

int change_put_alarm(struct change *change, const struct alarm *alarm)
{
	struct change_item *item = item_new(CHANGE_PUT_ALARM);

	if (!item)
		return -ENOMEM;
	item->alarm = *alarm;
	return item_put(change, item);
}

int change_append_audit(struct change *change, const struct audit_row *row)
{
	struct change_item *item = item_new(CHANGE_AUDIT);

	if (!item)
		return -ENOMEM;
	item->audit = *row;
	return item_put(change, item);
}

static int setting_put(
	struct change *change, enum change_kind kind, const char *name, const char *value)
{
	struct change_item *item;

	if (strlen(name) >= sizeof(item->setting) || strlen(value) >= sizeof(item->value))
		return -EMSGSIZE;
	item = item_new(kind);
	if (!item)
		return -ENOMEM;
	memcpy(item->setting, name, strlen(name));
	memcpy(item->value, value, strlen(value));
	return item_put(change, item);
}

int change_put_setting(struct change *change, const char *name, const char *value)
{
	return setting_put(change, CHANGE_PUT_SETTING, name, value);
}

int change_drop_setting(struct change *change, const char *name)
{
	return setting_put(change, CHANGE_DROP_SETTING, name, "");
}

int change_put_tokens(struct change *change, struct token_list *tokens)
{
	struct change_item *item = item_new(CHANGE_PUT_TOKENS);

	if (!item)
		return -ENOMEM;
	token_list_join(&item->tokens, tokens);
	return item_put(change, item);
}

int change_drop_token(struct change *change, const char *kind, const char *ep)
{
	return erasing(change, setting_put(change, CHANGE_DROP_TOKEN, kind, ep));
}

int change_put_command(struct change *change, const struct command *command)
{
	struct change_item *item = item_new(CHANGE_PUT_COMMAND);
	int r;

	if (!item)
		return -ENOMEM;
	r = command_copy(command, &item->command);
	if (r < 0) {
		item_free(item);
		return r;
	}
	return item_put(change, item);
}

int change_drop_command(struct change *change, uint64_t row)
{
	return row_drop(change, CHANGE_DROP_COMMAND, row);
}

int change_put_labels(struct change *change, struct label_list *labels)
{
	struct change_item *item = item_new(CHANGE_PUT_LABELS);

	if (!item)
		return -ENOMEM;
	label_list_join(&item->labels, labels);
	return item_put(change, item);
}

int change_drop_label(struct change *change, const char *ep)
{
	return erasing(change, setting_put(change, CHANGE_DROP_LABEL, "", ep));
}

static int window_end(struct change *change, enum change_kind kind, const char *ep, int64_t until)
{
	struct change_item **item = change->end;
	int r = setting_put(change, kind, "", ep);

	if (r >= 0)
		(*item)->row = (uint64_t)until;
	return r;
}

int change_close_window(struct change *change, const char *ep, int64_t until)
{
	return window_end(change, CHANGE_CLOSE_WINDOW, ep, until);
}

int change_drop_window(struct change *change, const char *ep, int64_t until)
{
	return erasing(change, window_end(change, CHANGE_DROP_WINDOW, ep, until));
}

int change_put_withdrawal(struct change *change, const struct withdrawal *withdrawal)
{
	struct change_item *item = item_new(CHANGE_PUT_WITHDRAWAL);
	int r;

	if (!item)
		return -ENOMEM;
	r = withdrawal_copy(withdrawal, &item->withdrawal);
	if (r < 0) {
		item_free(item);
		return r;
	}
	return item_put(change, item);
}

int change_drop_withdrawal(struct change *change, uint64_t row)
{
	return row_drop(change, CHANGE_DROP_WITHDRAWAL, row);
}

int change_put_device_ca(struct change *change, const struct device_ca *ca)
{
	struct change_item *item = item_new(CHANGE_PUT_DEVICE_CA);
	int r;

	if (!item)
		return -ENOMEM;
	r = device_ca_copy(ca, &item->device_ca);
	if (r < 0) {
		item_free(item);
		return r;
	}
	return item_put(change, item);
}

int change_drop_device_ca(struct change *change, uint64_t row)
{
	return row_drop(change, CHANGE_DROP_DEVICE_CA, row);
}

int change_put_secret(struct change *change, const char *name, struct span value)
{
	struct change_item *item;
	int r;

	if (strlen(name) >= sizeof(item->setting))
		return -EMSGSIZE;
	item = item_new(CHANGE_PUT_SECRET);
	if (!item)
		return -ENOMEM;
	memcpy(item->setting, name, strlen(name));
	r = secret_set(&item->secret, value);
	if (r < 0) {
		item_free(item);
		return r;
	}
	return erasing(change, item_put(change, item));
}
