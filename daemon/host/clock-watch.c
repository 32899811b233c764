/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether somebody sets the gateway's clock. A gateway without a clock of its own starts without
 * one, and its time service needs a while: only what lasts is worth an alarm. Until then readings
 * and journal rows carry the mark that their time may be wrong.
 *
 * What came meanwhile is put right when the clock is set before it is sent: boot time did not step,
 * so how much the wall clock lacked is known for each reading that this process took. One of an
 * earlier process keeps its mark, and its time.
 */

#include "host/clock-watch.h"
#include "host/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_USEC     (60 * USEC_PER_SEC)
#define KERNEL_USEC   (100 * USEC_PER_MSEC)
#define UNSYNCED_USEC (1800 * USEC_PER_SEC)
#define STEP_MSEC     1000 /* more than that is no drift */

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
	clock_watch(userdata);
	return 0;
}

void clock_watch(struct host *host)
{
	uint64_t now = clock_boot_usec();
	int r;

	if (clock_is_synced()) {
		host->unsynced_usec = 0;
		host_alarm_clear(host, ALARM_CLOCK_UNSYNCED, "");
	} else if (!host->unsynced_usec) {
		host->unsynced_usec = now;
	} else if (now - host->unsynced_usec >= UNSYNCED_USEC &&
		   !host_alarm_is_active(host, ALARM_CLOCK_UNSYNCED, "")) {
		host_alarm_raise(host, ALARM_CLOCK_UNSYNCED, "");
	}
	r = loop_timer_set(host->loop, &host->clock_timer, LOOK_USEC, on_look, host, "clock-watch");
	if (r < 0)
		log_error("The clock is not watched: %s.", strerror(-r));
}

void clock_watch_end(struct host *host)
{
	host->clock_timer = loop_source_free(host->clock_timer);
}

/* ---- readings that came by an unset clock ---- */

/* The kernel is asked ten times a second and not for each reading: two system calls. */
bool clock_is_set(struct host *host)
{
	uint64_t now = clock_boot_usec();

	if (now >= host->clock_look_usec) {
		host->clock_synced = clock_is_synced();
		host->clock_look_usec = now + KERNEL_USEC;
	}
	return host->clock_synced;
}

static int64_t offset_now(void)
{
	return clock_wall_msec() - (int64_t)(clock_boot_usec() / USEC_PER_MSEC);
}

void clock_note_unsynced(struct host *host, uint64_t row)
{
	struct clock_epoch *epochs = host->clock_epochs;
	struct clock_epoch *last =
		host->clock_epoch_count ? &epochs[host->clock_epoch_count - 1] : NULL;
	int64_t offset = offset_now();

	if (last && !last->is_known && llabs(offset - last->offset) < STEP_MSEC)
		return;
	if (host->clock_epoch_count == CLOCK_EPOCHS) {
		memmove(epochs, epochs + 1, (CLOCK_EPOCHS - 1) * sizeof(*epochs));
		host->clock_epoch_count--;
	}
	epochs[host->clock_epoch_count++] = (struct clock_epoch){.row = row, .offset = offset};
}

/* Once known it stays: a reading says the same at each try. */
static bool late_of(struct host *host, uint64_t row, int64_t *ret_late)
{
	unsigned i = host->clock_epoch_count;
	struct clock_epoch *epoch;

	while (i > 0 && host->clock_epochs[i - 1].row > row)
		i--;
	if (i == 0)
		return false;
	epoch = &host->clock_epochs[i - 1];
	if (!epoch->is_known && clock_is_set(host)) {
		epoch->late = offset_now() - epoch->offset;
		epoch->is_known = true;
	}
	*ret_late = epoch->late;
	return epoch->is_known;
}

int clock_settle(struct host *host, const struct reading *reading, struct reading **ret_settled)
{
	int64_t late = 0;
	bool known = !reading->clock_synced && late_of(host, reading->row, &late);

	*ret_settled = NULL;
	if (reading->clock_synced || (!known && !reading_has_times(reading)))
		return 0;
	return reading_settle(reading, reading->time + late, known, ret_settled);
}
