/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A change: control records that are saved together, in one transaction, or not at all.
 * SAVE(record) is a change. Values are copied in, so the caller may go on; it is handed to the
 * store, which frees it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/alarm.h"
#include "core/audit.h"
#include "core/command.h"
#include "core/device-ca.h"
#include "core/device.h"
#include "core/label-book.h"
#include "core/person.h"
#include "core/token.h"
#include "core/withdrawal.h"

enum change_kind {
	CHANGE_PUT_DEVICE,
	CHANGE_DROP_DEVICE,
	CHANGE_PUT_PERSON,
	CHANGE_DROP_PERSON,
	CHANGE_PUT_ALARM,
	CHANGE_AUDIT,
	CHANGE_PUT_SETTING,
	CHANGE_DROP_SETTING,
	CHANGE_PUT_TOKENS,
	CHANGE_DROP_TOKEN,
	CHANGE_PUT_COMMAND,
	CHANGE_DROP_COMMAND,
	CHANGE_PUT_LABELS,
	CHANGE_DROP_LABEL,
	CHANGE_CLOSE_WINDOW,
	CHANGE_DROP_WINDOW,
	CHANGE_PUT_WITHDRAWAL,
	CHANGE_DROP_WITHDRAWAL,
	CHANGE_PUT_DEVICE_CA,
	CHANGE_DROP_DEVICE_CA,
	CHANGE_PUT_SECRET
};

struct change_item {
	struct change_item *next;
	enum change_kind kind;
	struct device_record *device; /* PUT_DEVICE, owned */
	uint64_t row;		      /* DROP_*; *_WINDOW: until when */
	struct person person;
	struct alarm alarm;
	struct audit_row audit;
	char setting[33];	       /* DROP_TOKEN: its kind, and in 'value' the name;
					  PUT_SECRET: its name */
	char value[257];	       /* DROP_LABEL, *_WINDOW: the name */
	struct token_list tokens;      /* PUT_TOKENS, owned */
	struct command *command;       /* PUT_COMMAND, owned */
	struct label_list labels;      /* PUT_LABELS, owned */
	struct withdrawal *withdrawal; /* PUT_WITHDRAWAL, owned */
	struct device_ca *device_ca;   /* PUT_DEVICE_CA, owned */
	struct secret secret;	       /* PUT_SECRET, owned */
};

struct change {
	struct change_item *first, **end;
	bool erases;
};

int change_new(struct change **ret);
struct change *change_free(struct change *change); /* wipes secrets */
/* A secret that is on disk goes with this change: the store sees to it that it does not stay in the
 * database's log. Each change_drop_*() but those of commands, withdrawals, authorities and settings
 * means it, and change_put_secret(); of what a record has no more only the caller knows. */
void change_mark_erasing(struct change *change);
/* 0 or -ENOMEM; settings also -EMSGSIZE for a name over 32 or a value over 256 bytes. A call that
 * fails leaves the change as it was. */
int change_put_device(struct change *change, const struct device_record *record);
int change_drop_device(struct change *change, uint64_t row);
int change_put_person(struct change *change, const struct person *person);
int change_drop_person(struct change *change, uint64_t row);
int change_put_alarm(
	struct change *change, const struct alarm *alarm); /* cleared != 0: kept as history */
int change_append_audit(struct change *change, const struct audit_row *row);
int change_put_setting(struct change *change, const char *name, const char *value);
int change_drop_setting(struct change *change, const char *name);
/* Takes the tokens over (the list is empty then) when it succeeds: thousands are not copied. */
int change_put_tokens(struct change *change, struct token_list *tokens);
/* That there is none is no error. */
int change_drop_token(struct change *change, const char *kind, const char *ep);
int change_put_command(struct change *change, const struct command *command);
int change_drop_command(struct change *change, uint64_t row);
/* The same for labels. */
int change_put_labels(struct change *change, struct label_list *labels);
int change_drop_label(struct change *change, const char *ep);
/* The window of a label that ends at 'until', wall milliseconds: it goes, or the label goes with
 * it. A label that has no such window any more stays as it is: somebody decided otherwise
 * meanwhile. */
int change_close_window(struct change *change, const char *ep, int64_t until);
int change_drop_window(struct change *change, const char *ep, int64_t until);
int change_put_withdrawal(struct change *change, const struct withdrawal *withdrawal);
int change_drop_withdrawal(struct change *change, uint64_t row);
int change_put_device_ca(struct change *change, const struct device_ca *ca);
int change_drop_device_ca(struct change *change, uint64_t row);
/* A single secret by its name; -EMSGSIZE for a name over 32 bytes. One of that name is replaced. */
int change_put_secret(struct change *change, const char *name, struct span value);
