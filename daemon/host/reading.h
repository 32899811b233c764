/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A reading between its arrival and the moment nothing of it is left: taken in (reading.c), on its
 * way upstream (flight.c), taken or refused there (landing.c), held back when its device may
 * publish no more (drain.c), deleted (drop.c).
 */

#include "host/host.h"

/* ---- reading.c ---- */
void reading_on_request(struct host *host, const struct lan_request *request);
void reading_on_appended(struct host *host, struct reading **readings, size_t count, int result);
void reading_on_fetched(struct host *host, const struct owed_fetch *fetch,
	struct reading **readings, size_t count, int result);
/* A body that a device-server gave us; no exchange to answer. */
struct polled {
	int format;
	const char *name, *unit; /* of a value that comes without; "" = not known */
	struct span body;
};
void reading_on_polled(struct host *host, struct device *device, const struct polled *polled);

/* ---- flight.c ---- */
void reading_pump_soon(struct host *host);

/* ---- landing.c ---- */
void reading_pump_later(struct host *host); /* after a failure: in a second */
void reading_on_delivered(struct host *host, uint64_t tag);
void reading_on_refused(struct host *host, uint64_t tag, int reason);
/* Nothing that is in flight by the gateway's session will come back; it goes out again, in order.
 * 'hung_up': the broker ended it without a word, which may be its word about a reading. */
void reading_on_link_lost(struct host *host, bool hung_up);
/* The same for the session of one device alone. */
void reading_on_session_lost(struct host *host, uint64_t device_row, bool hung_up);
/* Deletes what was delivered and not deleted yet. */
void reading_delete_delivered(struct host *host);

/* ---- flight-table.c ---- */
bool flight_take(struct host *host, enum flight_kind kind, uint64_t device_row, uint64_t row,
	uint64_t *ret_tag);
/* What was taken was not handed over. */
void flight_give_up(struct host *host, uint64_t tag);
/* All flights of one message. */
void flight_give_up_pack(struct host *host, uint64_t tag);
void flights_free_all(struct host *host);
/* True while the uplink holds a reading of this device, also one that is owed again. */
bool flights_of_device(const struct host *host, uint64_t device_row);
/* The same for anything of it: a gap, a command's result. */
bool flights_any_of_device(const struct host *host, uint64_t device_row);
/* ... by the gateway's session. */
bool flights_shared_of_device(const struct host *host, uint64_t device_row);

/* ---- drain.c ---- */
/* Lets a device publish, or holds it, after its life changed. */
void reading_set_open(struct host *host, struct device *device);
/* Stops publishing for this device at once; when nothing of it is in flight any more (bounded: 3 s,
 * then the session is cut) its readings are dropped if 'drop', and done is called (may be NULL). */
void reading_drain(struct host *host, struct device *device, bool drop,
	void (*done)(void *userdata), void *userdata);
/* After something of this device landed. */
void reading_look_whether_drained(struct host *host, uint64_t device_row);
/* After the link was lost: nothing is in flight. */
void reading_all_drained(struct host *host);

/* ---- drop.c ---- */
/* Deletes what is on file of this device now; tried again until it is gone. 'gap' (copied, NULL =
 * none) goes with it, as in store_delete_device(). */
void reading_drop_rows(struct host *host, uint64_t device_row, const struct store_gap *gap);
/* True until it is gone: a new reading would go with the old ones. */
bool reading_is_dropping(const struct host *host, uint64_t device_row);
/* As store_loader.owed: what nobody wants any more is not owed but dropped, as soon as the store
 * has started. */
int reading_load(struct host *host, uint64_t device_row, uint64_t count, uint64_t bytes,
	uint64_t first_row, uint64_t last_row);
void reading_drop_loaded(struct host *host);
/* After the store is gone. */
void reading_drops_free(struct host *host);
