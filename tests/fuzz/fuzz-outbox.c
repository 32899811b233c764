/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the outbox: a reading, a dead letter and a gap, each column as row.c describes it. What
 * their tables do not take is not there; all that is there is loaded, fetched and listed. */

#include <stdlib.h>

#include "tests/fuzz/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_request(void *userdata, uint64_t device_row, const struct store_request *request)
{
	return request->key.token_size > sizeof(request->key.token) ? -EINVAL : 0;
}

static int on_gap(void *userdata, const struct store_gap *gap)
{
	return strnlen(gap->reason, sizeof(gap->reason)) < sizeof(gap->reason) ? 0 : -EINVAL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const inserts[] = {
		"INSERT INTO reading VALUES(1, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
		"INSERT INTO dead VALUES(1, 1, ?, ?, ?, ?, ?, ?, ?)",
		"INSERT INTO gap VALUES(1, 1, ?, ?, ?, ?, ?, 0, ?, ?)"};
	static struct outbox *outbox;
	struct span bytes = span_of(data, size);
	struct reading *reading[2];
	struct letter letter[2];
	struct store_old old;
	uint64_t bad, next;
	size_t count = 0;

	outbox = outbox ? outbox : row_outbox();
	database_exec(outbox->db, "DELETE FROM reading; DELETE FROM dead; DELETE FROM gap");
	for (size_t i = 0; i < ELEMENTS(inserts); i++)
		row_insert(outbox->db->handle, inserts[i], &bytes);
	const struct store_loader loader = {.request = on_request, .gap = on_gap};
	if (outbox_load(outbox, &loader, NULL) < 0 || outbox_load_gaps(outbox, &loader, NULL) < 0)
		abort();
	if (outbox_fetch(outbox,
		    &(const struct owed_fetch){.device_row = 1, .last_row = 9, .max = 2}, reading,
		    &count, &bad) < 0 &&
		!bad)
		abort();
	while (count > 0)
		reading_unref(reading[--count]);
	outbox_letters(outbox, 0, 2, letter, &count, &next);
	outbox_oldest(outbox, &(const struct store_oldest){.device_row = 1, .last_row = 9}, &old);
	return 0;
}
