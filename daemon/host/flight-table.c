/* SPDX-License-Identifier: Apache-2.0 */

/* What the uplink holds: the slots of the flight table, and the tags that find them (flight.c). */

#include "host/flight-parts.h"
#include "host/reading.h"

#include "base/clock.h"

bool flight_take(struct host *host, enum flight_kind kind, uint64_t device_row, uint64_t row,
	uint64_t *ret_tag)
{
	uint32_t slot = host->flight_free;
	struct flight *flight;

	if (slot >= FLIGHTS_MAX)
		return false;
	flight = &host->flights[slot];
	host->flight_free = flight->next_free;
	host->flights_in_use++;
	flight->kind = kind;
	flight->device_row = device_row;
	flight->row = row;
	flight->next_in_pack = 0;
	flight->own = flight->packed = false;
	flight->order = ++host->flight_order;
	flight->generation++;
	flight->sent_usec = clock_boot_usec();
	*ret_tag = (uint64_t)flight->generation << 32 | (slot + 1);
	return true;
}

void flight_free(struct host *host, struct flight *flight)
{
	flight->kind = FLIGHT_FREE;
	flight->next_free = host->flight_free;
	host->flight_free = (uint32_t)(flight - host->flights);
	host->flights_in_use--;
}

struct flight *flight_find(struct host *host, uint64_t tag)
{
	uint32_t slot = (uint32_t)tag - 1;

	if (slot >= FLIGHTS_MAX || host->flights[slot].kind == FLIGHT_FREE ||
		host->flights[slot].generation != tag >> 32)
		return NULL;
	return &host->flights[slot];
}

bool flights_of_device(const struct host *host, uint64_t device_row)
{
	uint32_t i;

	if (!host->flights_in_use)
		return false;
	for (i = 0; i < FLIGHTS_MAX; i++)
		if (host->flights[i].kind == FLIGHT_READING &&
			host->flights[i].device_row == device_row)
			return true;
	return false;
}

bool flights_any_of_device(const struct host *host, uint64_t device_row)
{
	for (uint32_t i = 0; host->flights_in_use && i < FLIGHTS_MAX; i++)
		if (host->flights[i].kind != FLIGHT_FREE &&
			host->flights[i].device_row == device_row)
			return true;
	return false;
}

bool flights_shared_of_device(const struct host *host, uint64_t device_row)
{
	uint32_t i;

	for (i = 0; host->flights_in_use && i < FLIGHTS_MAX; i++)
		if (host->flights[i].kind == FLIGHT_READING && !host->flights[i].own &&
			host->flights[i].device_row == device_row)
			return true;
	return false;
}

void flight_give_up(struct host *host, uint64_t tag)
{
	struct flight *flight = flight_find(host, tag);

	if (flight)
		flight_free(host, flight);
}

void flight_join(struct host *host, uint64_t last, uint64_t next, bool own, bool packed)
{
	struct flight *flight = flight_find(host, last);

	flight->next_in_pack = next;
	flight->own = own;
	flight->packed = packed;
}

void flight_give_up_pack(struct host *host, uint64_t tag)
{
	struct flight *flight;

	while ((flight = flight_find(host, tag))) {
		tag = flight->next_in_pack;
		flight_free(host, flight);
	}
}

void flights_free_all(struct host *host)
{
	uint32_t i;

	for (i = 0; i < FLIGHTS_MAX; i++)
		if (host->flights[i].kind != FLIGHT_FREE)
			flight_free(host, &host->flights[i]);
}
