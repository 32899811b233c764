/* SPDX-License-Identifier: Apache-2.0 */
/* Labels on disk: keys sealed and tied to their names, windows beside them, lists or nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "loaded.h"

static void add(struct label_list *list, const char *ep, uint8_t seed, int64_t since)
{
	struct label label = {.has_psk = true};
	struct kept_label *kept;

	snprintf(label.ep, sizeof(label.ep), "%s", ep);
	memset(label.psk, seed, LABEL_KEY_SIZE);
	memset(label.claim_key, seed + 1, LABEL_KEY_SIZE);
	memset(label.digest, seed + 2, LABEL_DIGEST_SIZE);
	assert_int_equal(kept_label_new(&label, &kept), 0);
	kept->since = since;
	label_list_add(list, kept);
}

static struct change *put(struct label_list *list)
{
	struct change *change = change_begin();

	assert_int_equal(change_put_labels(change, list), 0);
	assert_null(list->first);
	return change;
}

static void test_put_load_drop(void **state)
{
	static const struct label_window window = {.until = 77,
		.opened_by = "anna",
		.name = "Pump",
		.place = "Hall 3",
		.owner = "Works"};
	uint8_t key[LABEL_KEY_SIZE];
	struct label_list list = {0};
	struct loaded loaded = {0};
	struct change *change;
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	add(&list, "b", 0x50, 20);
	add(&list, "a", 0x60, 10);
	assert_int_equal(kept_label_set_window(list.last, &window), 0);
	list.first->imported = true;
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.labels, 2);
	assert_string_equal(loaded.label[0]->label.ep, "a");
	memset(key, 0x60, sizeof(key));
	assert_memory_equal(loaded.label[0]->label.psk, key, sizeof(key));
	memset(key, 0x61, sizeof(key));
	assert_memory_equal(loaded.label[0]->label.claim_key, key, sizeof(key));
	assert_int_equal(loaded.label[0]->since, 10);
	assert_false(loaded.label[0]->imported);
	assert_memory_equal(loaded.label[0]->window, &window, sizeof(window));
	assert_true(loaded.label[1]->imported);
	assert_null(loaded.label[1]->window);
	fixture_start(&f);
	/* The same name in another case is the same label. */
	add(&list, "A", 0x70, 30);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	change = change_begin();
	assert_int_equal(change_drop_label(change, "B"), 0);
	assert_int_equal(change_drop_label(change, "nobody"), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	loaded_done(&loaded);
	reload(&f, &loaded);
	assert_int_equal(loaded.labels, 1);
	assert_string_equal(loaded.label[0]->label.ep, "A");
	assert_null(loaded.label[0]->window);
	fixture_stop(&f);
	loaded_done(&loaded);
	/* Sealed: no run of a key's bytes is in any file. */
	for (int seed = 0x50; seed <= 0x72; seed++) {
		memset(key, seed, sizeof(key));
		assert_false(fixture_holds(&f, (const char *)key, 8));
	}
	fixture_done(&f);
}

static void add_waiting(struct label_list *list, const char *ep, int64_t until)
{
	struct label_window window = {.until = until, .opened_by = "anna", .name = "Pump"};

	add(list, ep, 1, 1);
	assert_int_equal(kept_label_set_window(list->last, &window), 0);
}

/* The end of a window touches that window and no other, and what it wrote of the label goes. */
static void test_window_ends(void **state)
{
	static const struct label_window none = {0};
	struct label_list list = {0};
	struct loaded loaded = {0};
	struct change *change = change_begin();
	struct fixture f;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	add_waiting(&list, "closed", 7);
	add_waiting(&list, "dropped", 7);
	add_waiting(&list, "later", 8);
	add_waiting(&list, "stays", 8);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	assert_int_equal(change_close_window(change, "Closed", 7), 0);
	assert_int_equal(change_drop_window(change, "DROPPED", 7), 0);
	assert_int_equal(change_close_window(change, "later", 7), 0);
	assert_int_equal(change_drop_window(change, "stays", 7), 0);
	assert_int_equal(change_close_window(change, "nobody", 7), 0);
	assert_int_equal(fixture_save(&f, change), 0);
	reload(&f, &loaded);
	assert_int_equal(loaded.labels, 3);
	assert_string_equal(loaded.label[0]->label.ep, "closed");
	assert_null(loaded.label[0]->window);
	assert_int_equal(loaded.label[1]->window->until, 8);
	assert_string_equal(loaded.label[2]->label.ep, "stays");
	assert_memory_not_equal(loaded.label[2]->window, &none, sizeof(none));
	fixture_start(&f);
	fixture_stop(&f);
	loaded_done(&loaded);
	fixture_done(&f);
}

/* A value that stands at another name does not open, and the start says so. */
static void test_moved(void **state)
{
	struct label_list list = {0};
	struct fixture f;
	int r;

	fixture_init(&f);
	fixture_open(&f);
	fixture_start(&f);
	add(&list, "a", 1, 1);
	add(&list, "b", 2, 2);
	assert_int_equal(fixture_save(&f, put(&list)), 0);
	fixture_stop(&f);
	fixture_sql(&f, "control.db",
		"UPDATE label SET value_sealed = (SELECT value_sealed FROM label WHERE ep = 'a')"
		" WHERE ep = 'b'");
	assert_int_equal(fixture_try(&f, &r), STORE_CORRUPT);
	assert_non_null(strstr(f.why, "table label of the name 'b'"));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_load_drop),
		cmocka_unit_test(test_window_ends),
		cmocka_unit_test(test_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
