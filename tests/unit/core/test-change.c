/* SPDX-License-Identifier: Apache-2.0 */
/* A change keeps its items in order, owns copies of them, and wipes them. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/change.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __real_device_record_copy(const struct device_record *from, struct device_record **ret);
int __wrap_device_record_copy(const struct device_record *from, struct device_record **ret);
void __real_crypto_wipe(void *bytes, size_t size);
void __wrap_crypto_wipe(void *bytes, size_t size);

static bool memory_is_out, copy_fails;
static size_t wiped;

void *__wrap_calloc(size_t count, size_t size)
{
	return memory_is_out ? NULL : __real_calloc(count, size);
}

int __wrap_device_record_copy(const struct device_record *from, struct device_record **ret)
{
	return copy_fails ? -ENOMEM : __real_device_record_copy(from, ret);
}

void __wrap_crypto_wipe(void *bytes, size_t size)
{
	if (size == sizeof(struct change_item))
		wiped++;
	__real_crypto_wipe(bytes, size);
}

static const struct device_record record = {.row = 7, .id = "d-1", .ep = "sensor-1"};
static const struct person person = {.row = 3, .name = "ada", .role = ROLE_ADMIN};
static const struct alarm alarm_raised = {.kind = ALARM_LEAK, .subject = "d-1", .raised = 5};
static const struct command command = {.row = 5, .name = "blink"};
static const struct audit_row audit = {.who = "ada", .action = "admit"};

static struct token_list one_token(void)
{
	struct token_list list = {0};
	struct token *token;

	assert_int_equal(token_new(SPAN_LITERAL("sensor-2"), SPAN_LITERAL("user"),
				 SPAN_LITERAL("secret"), &token),
		0);
	token_list_add(&list, token);
	return list;
}

static int put_all(struct change *change)
{
	struct token_list list = one_token();

	return change_put_device(change, &record) | change_drop_device(change, 8) |
	       change_put_person(change, &person) | change_drop_person(change, 4) |
	       change_put_alarm(change, &alarm_raised) | change_append_audit(change, &audit) |
	       change_put_setting(change, "commit", "1") | change_drop_setting(change, "old") |
	       change_put_tokens(change, &list) | change_drop_token(change, "mqtt", "sensor-3") |
	       change_put_command(change, &command) | change_drop_command(change, 6);
}

static void test_items_in_order(void **state)
{
	struct change_item *item;
	struct change *change;
	size_t count = 0;

	assert_int_equal(change_new(&change), 0);
	assert_null(change->first);
	assert_int_equal(put_all(change), 0);
	for (item = change->first; item; item = item->next)
		assert_int_equal(item->kind, (enum change_kind)count++);
	assert_int_equal(count, CHANGE_DROP_COMMAND + 1);

	item = change->first;
	assert_ptr_not_equal(item->device, &record);
	assert_string_equal(item->device->ep, "sensor-1");
	assert_int_equal(item->device->row, 7);
	item = item->next;
	assert_int_equal(item->row, 8);
	item = item->next;
	assert_string_equal(item->person.name, "ada");
	item = item->next;
	assert_int_equal(item->row, 4);
	item = item->next;
	assert_string_equal(item->alarm.subject, "d-1");
	item = item->next;
	assert_string_equal(item->audit.action, "admit");
	item = item->next;
	assert_string_equal(item->setting, "commit");
	assert_string_equal(item->value, "1");
	item = item->next;
	assert_string_equal(item->setting, "old");
	assert_string_equal(item->value, "");
	item = item->next;
	assert_int_equal(item->tokens.count, 1);
	assert_string_equal(item->tokens.first->ep, "sensor-2");
	item = item->next;
	assert_string_equal(item->setting, "mqtt");
	assert_string_equal(item->value, "sensor-3");
	item = item->next;
	assert_ptr_not_equal(item->command, &command);
	assert_string_equal(item->command->name, "blink");
	item = item->next;
	assert_int_equal(item->row, 6);

	wiped = 0;
	assert_null(change_free(change));
	assert_int_equal(wiped, count);
	assert_null(change_free(NULL));
}

static void test_setting_limits(void **state)
{
	char name[34], value[258];
	struct change *change;

	memset(name, 'n', sizeof(name));
	memset(value, 'v', sizeof(value));
	assert_int_equal(change_new(&change), 0);
	name[33] = '\0';
	value[257] = '\0';
	assert_int_equal(change_put_setting(change, name, "x"), -EMSGSIZE);
	assert_int_equal(change_drop_setting(change, name), -EMSGSIZE);
	assert_int_equal(change_put_setting(change, "x", value), -EMSGSIZE);
	assert_null(change->first);
	name[32] = '\0';
	value[256] = '\0';
	assert_int_equal(change_put_setting(change, name, value), 0);
	assert_string_equal(change->first->setting, name);
	assert_string_equal(change->first->value, value);
	change_free(change);
}

static void test_out_of_memory(void **state)
{
	struct change *change, *none = NULL;
	struct token_list list = one_token();

	assert_int_equal(change_new(&change), 0);
	assert_int_equal(change_drop_device(change, 1), 0);
	copy_fails = true;
	assert_int_equal(change_put_device(change, &record), -ENOMEM);
	copy_fails = false;
	memory_is_out = true;
	assert_int_equal(change_new(&none), -ENOMEM);
	assert_int_equal(change_put_device(change, &record), -ENOMEM);
	assert_int_equal(change_drop_device(change, 8), -ENOMEM);
	assert_int_equal(change_put_person(change, &person), -ENOMEM);
	assert_int_equal(change_put_alarm(change, &alarm_raised), -ENOMEM);
	assert_int_equal(change_append_audit(change, &audit), -ENOMEM);
	assert_int_equal(change_put_setting(change, "a", "b"), -ENOMEM);
	assert_int_equal(change_put_tokens(change, &list), -ENOMEM);
	assert_int_equal(change_drop_token(change, "mqtt", "a"), -ENOMEM);
	assert_int_equal(change_put_command(change, &command), -ENOMEM);
	memory_is_out = false;
	/* The list stays the caller's. */
	assert_int_equal(list.count, 1);
	token_list_clear(&list);
	assert_null(none);
	assert_null(change->first->next);
	assert_int_equal(change_drop_device(change, 2), 0); /* still good */
	assert_int_equal(change->first->next->row, 2);
	change_free(change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_in_order),
		cmocka_unit_test(test_setting_limits),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
