/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Space that an outage took and nobody needs any more. SQLite keeps pages of deleted rows for
 * later; here a part of them stays, so that an everyday up and down costs nothing, and the rest
 * goes back to the disk in stretches (auto_vacuum=INCREMENTAL). The file becomes shorter when the
 * log is folded in.
 *
 * A file that was made without that is changed at a start at which next to nothing waits in it. The
 * size of its pages it keeps: that could be changed only without a log.
 */

#include "store/outbox.h"

#include <errno.h>

#define KEPT_BYTES    (4 * 1024 * 1024)
#define STRETCH	      "1024"		/* pages, so 1 MiB, or 4 in an older file */
#define REWRITE_BYTES (8 * 1024 * 1024) /* in use, up to which it is written anew at a start */
#define INCREMENTAL   2

int outbox_prepare_space(struct database *db)
{
	int64_t mode = 0, pages = 0, spare = 0, page_size = 0;
	int r = database_number(db, "PRAGMA auto_vacuum", &mode);

	if (r >= 0)
		r = database_number(db, "PRAGMA page_count", &pages);
	if (r >= 0)
		r = database_number(db, "PRAGMA freelist_count", &spare);
	if (r >= 0)
		r = database_number(db, "PRAGMA page_size", &page_size);
	if (r < 0 || mode == INCREMENTAL || (pages - spare) * page_size > REWRITE_BYTES)
		return r;
	r = database_exec(db, "PRAGMA auto_vacuum=INCREMENTAL; VACUUM;");
	/* It can wait for another start. */
	return r == -ENOSPC ? 0 : r;
}

int outbox_give_back(struct outbox *outbox)
{
	int64_t spare = 0, page_size = 0;
	int r = database_number(outbox->db, "PRAGMA freelist_count", &spare);

	if (r >= 0)
		r = database_number(outbox->db, "PRAGMA page_size", &page_size);
	if (r < 0 || spare * page_size <= KEPT_BYTES)
		return r;
	r = database_exec(outbox->db, "PRAGMA incremental_vacuum(" STRETCH ")");
	return r < 0 ? r : 1;
}
