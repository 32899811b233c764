/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the control file. The first byte chooses the table; a column is one byte that says what
 * it is (nothing, number, text, sealed text), one of length, and so many bytes. */

#include <stdlib.h>

#include "core/withdrawal.h"
#include "store/columns.h"
#include "tests/fuzz/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct record_table *const tables[] = {&device_table, &withdrawal_table,
		&person_table, &alarm_table, &audit_table, &command_table};
	const struct record_table *table = tables[size ? data[0] % ELEMENTS(tables) : 0];
	struct device_record *device = calloc(1, sizeof(*device));
	struct withdrawal *withdrawal = calloc(1, sizeof(*withdrawal));
	union small_record small = {0};
	void *record = table == &device_table	    ? (void *)device
		       : table == &withdrawal_table ? (void *)withdrawal
						    : (void *)&small;
	struct sealer *sealer = row_sealer();
	sqlite3_stmt *row = row_make(table, sealer, span_of(data + 1, size ? size - 1 : 0));
	const char *bad = NULL;

	if (record_read(row, table, sealer, record, &bad) < 0 && !bad)
		abort();
	sqlite3_finalize(row);
	device_record_free(device);
	withdrawal_free(withdrawal);
	return 0;
}
