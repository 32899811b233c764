/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Several readings in one PUBLISH. Nothing waits for others to come: a pack is what waits anyway
 * when its first reading may leave, so a single slow sensor has a message for each reading.
 *
 *	layout = device   readings of one device, on its topic
 *	layout = gateway  readings of all devices that share the gateway's session, on its topic
 *
 * Each reading keeps a flight of its own; those of a pack are joined, and land together. A pack
 * that the broker will never take (it is too large, say) is owed again and goes out reading by
 * reading, so that only the one that is to blame is put aside (host->pack_singles). That it is too
 * large is known before anything behind it leaves, where the broker has said what it takes.
 */

#include "host/pack.h"
#include "host/platform-host.h"
#include "host/reading.h"

#include <errno.h>

#include "base/cleanup.h"
#include "host/clock-watch.h"
#include "host/flight-parts.h"
#include "host/outbox-host.h"
#include "host/session.h"

#define PACK_MAX   64
#define PACK_BYTES 65536 /* of bodies: above it a broker may not want it */

struct pack {
	const struct platform_driver *driver;
	struct device *carrier; /* by whose session it goes */
	bool wide;		/* on the gateway's topic */
	struct upstream_part part[PACK_MAX];
	struct reading *settled[PACK_MAX]; /* what stands there in the place of another, or NULL */
	size_t count, bytes;
};

static void pack_clear(struct pack *pack)
{
	for (size_t i = 0; i < pack->count; i++)
		reading_unref(pack->settled[i]);
}

static bool is_wide(struct host *host, const struct device *device)
{
	return host->config->mqtt_layout == LAYOUT_GATEWAY && !session_is_own(device);
}

bool pack_is_wanted(struct host *host, struct device *device)
{
	const struct platform_driver *driver = platform_host_driver(host, device);

	return driver && (driver->describe()->supports & PLATFORM_PACKS) &&
	       (host->config->mqtt_pack > 1 || is_wide(host, device));
}

/* False without memory. */
static bool add(struct host *host, struct pack *pack, const struct device *device,
	const struct reading *reading)
{
	struct reading *settled;

	if (clock_settle(host, reading, &settled) < 0)
		return false;
	if (settled)
		reading = settled;
	pack->settled[pack->count] = settled;
	pack->part[pack->count++] = (struct upstream_part){device->record, reading};
	pack->bytes += reading->size;
	return true;
}

static bool fits(struct host *host, const struct pack *pack, struct device *device)
{
	if (!pack->wide)
		return true; /* it is the same device */
	return pack_is_wanted(host, device) && is_wide(host, device) &&
	       platform_host_driver(host, device) == pack->driver;
}

static struct reading *next(struct host *host, const struct pack *pack)
{
	uint64_t row = pack->carrier->record->row;

	if (!flight_has_room(host, pack->count) ||
		!(pack->wide ? owed_has_next(host->owed) : owed_has_next_of(host->owed, row)) ||
		!outbox_paced(host))
		return NULL;
	return pack->wide ? owed_next(host->owed) : owed_next_of(host->owed, row);
}

/* Takes what waits. False: one that goes by itself found no room, so nothing will. */
static bool fill(struct host *host, struct pack *pack, size_t most, unsigned *count)
{
	struct reading *reading;

	while (pack->count < most && (reading = next(host, pack))) {
		struct device *device = registry_by_row(host->registry, reading->device_row);

		if (!flight_may_leave(host, device)) {
			flight_hold(host, device, reading->device_row, reading->row);
			continue;
		}
		if (!fits(host, pack, device)) {
			++*count;
			if (!flight_send(host, device, reading))
				return false;
			continue;
		}
		if (pack->bytes + reading->size > PACK_BYTES || !add(host, pack, device, reading)) {
			owed_put_back(host->owed, reading->device_row, reading->row);
			outbox_unpaced(host);
			break;
		}
	}
	return true;
}

/* One flight for each, joined; 0 or -EBUSY and none. */
static int take_flights(struct host *host, const struct pack *pack, uint64_t *ret_tag)
{
	bool own = session_has_own(pack->carrier);
	uint64_t tags[PACK_MAX] = {0};

	for (size_t i = 0; i < pack->count; i++) {
		const struct reading *reading = pack->part[i].reading;

		if (!flight_take(
			    host, FLIGHT_READING, reading->device_row, reading->row, &tags[i])) {
			while (i > 0)
				flight_give_up(host, tags[--i]);
			return -EBUSY;
		}
	}
	for (size_t i = 0; i < pack->count; i++)
		flight_join(
			host, tags[i], i + 1 < pack->count ? tags[i + 1] : 0, own, pack->count > 1);
	*ret_tag = tags[0];
	return 0;
}

static void cleanup_message(struct upstream_message *message)
{
	upstream_message_clear(message);
}

static int publish(struct host *host, const struct pack *pack)
{
	CLEANUP(cleanup_message) struct upstream_message message = {0};
	const struct upstream_item item = {
		.kind = UPSTREAM_PACK,
		.gateway_id = host->config->id,
		.epoch = owed_epoch(host->owed),
		.record = pack->wide ? NULL : pack->carrier->record,
		.part = pack->part,
		.parts = pack->count,
	};
	uint64_t tag;
	int r = pack->driver->encode(platform_host_services(), &item, &message);

	message.refuse_at_once = pack->count > 1;
	if (r >= 0)
		r = take_flights(host, pack, &tag);
	if (r < 0)
		return r;
	r = session_publish(host, pack->carrier, &message, tag);
	if (r < 0)
		flight_give_up_pack(host, tag);
	else
		suspect_sent(session_suspect(host, pack->carrier));
	return r;
}

/* From the 'from'th on: the first of each device takes all behind it along; when its device was
 * closed meanwhile they are on file only then, and the readings are gone. Whose they are is what is
 * left of them. */
static void put_back(
	struct host *host, struct pack *pack, size_t from, uint64_t ret_device_row[PACK_MAX])
{
	uint64_t row[PACK_MAX];

	for (size_t i = from; i < pack->count; i++) {
		ret_device_row[i] = pack->part[i].reading->device_row;
		row[i] = pack->part[i].reading->row;
	}
	for (size_t i = from; i < pack->count; i++) {
		owed_put_back(host->owed, ret_device_row[i], row[i]);
		outbox_unpaced(host);
		reading_unref(pack->settled[i]);
	}
	pack->count = from;
}

/* fill() may have closed it for what is not in flight now: no landing will open it. */
static void let_go_on(struct host *host, uint64_t device_row)
{
	struct device *device = registry_by_row(host->registry, device_row);

	if (device && !device_host(device)->refused_waits)
		session_let_go_on(host, device);
}

/* Too much together: the first goes by itself, so that its device comes on, and the others one by
 * one after it. */
static int publish_first(struct host *host, struct pack *pack)
{
	uint64_t device_row[PACK_MAX];
	size_t count = pack->count;
	int r;

	put_back(host, pack, 1, device_row);
	host->pack_singles = (unsigned)count - 1;
	r = publish(host, pack);
	for (size_t i = 1; i < count; i++)
		let_go_on(host, device_row[i]);
	return r;
}

static bool is_too_much(int error)
{
	return error == -EMSGSIZE || error == -EINVAL;
}

bool pack_send(struct host *host, struct device *device, struct reading *reading, unsigned *count)
{
	CLEANUP(pack_clear)
	struct pack pack = {
		.driver = platform_host_driver(host, device),
		.carrier = device,
		.wide = is_wide(host, device),
	};
	bool single = host->pack_singles > 0 || session_suspect(host, device)->alone > 0;
	size_t most = single ? 1 : host->config->mqtt_pack;
	uint64_t device_row[PACK_MAX];
	bool room;
	int r;

	if (!add(host, &pack, device, reading)) {
		++*count;
		owed_put_back(host->owed, reading->device_row, reading->row);
		outbox_unpaced(host);
		reading_pump_later(host);
		return false;
	}
	room = fill(host, &pack, most, count);
	*count += (unsigned)pack.count;
	if (host->pack_singles > 0)
		host->pack_singles--;
	r = publish(host, &pack);
	if (is_too_much(r) && pack.count > 1)
		r = publish_first(host, &pack);
	if (r >= 0)
		return room;
	if (is_too_much(r)) {
		uint64_t alone = reading->device_row;

		flight_bury(host, alone, reading->row, "MQTT cannot carry it");
		let_go_on(host, alone);
		return room;
	}
	put_back(host, &pack, 0, device_row);
	/* Without an answer to come, nobody else would pump again, nor open them. */
	host->put_back_closed = true;
	if (session_any_is_up(host))
		reading_pump_later(host);
	return false;
}
