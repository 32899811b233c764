/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The readings of devices that are servers. A driver found the sources; each is in one of three
 * states:
 *
 *	waiting    its timer runs: the next read, or the next try to observe
 *	asking     a read is under way
 *	observed   lan notifies, and asks anew when Max-Age is over
 *
 * One that shall be observed and does not notify is read on the timer like the others; it is asked
 * to notify again when it was probed anew. One that waits for others to be asked is tried again in
 *a second or so. What fails is tried again later and later, up to eight times its interval: a
 *device that is gone must not take the place of those that are there. Only a device that was
 *approved is asked; one that is not any more is told (RFC 7641 3.6).
 *
 * A reply may come after its device was forgotten or after its sources changed: it holds the
 *runtime part, and the generation of the sources that it belongs to.
 */

#include "host/telemetry.h"
#include "host/device-host.h"
#include "host/journal.h"
#include "host/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "host/binding-host.h"
#include "host/server-proof.h"

#define READ_TIMEOUT_USEC (20 * USEC_PER_SEC)
#define BUSY_USEC	  USEC_PER_SEC
#define PROBE_WITHIN_USEC (5 * USEC_PER_SEC) /* after a restart, not all at once */
#define FAILURES_COUNTED  4 /* one is bad luck; then twice the interval, up to 2^3 times */

struct source_state {
	struct telemetry *telemetry;
	sd_event_source *timer;
	struct lan_watch *observation;
	bool asking;
	bool does_not_notify;
	unsigned failures;
};

struct telemetry {
	struct device_host *part;
	const struct device_driver *driver;
	struct device_links links;     /* that it reads; a new probe may find others */
	struct device_address address; /* where it began */
	uint64_t generation;
	unsigned count;
	struct source_state source[SOURCES_MAX];
};

struct read_call {
	struct device_host *part;
	uint64_t generation;
	unsigned index;
};

static unsigned index_of(const struct source_state *state)
{
	return (unsigned)(state - state->telemetry->source);
}

static const struct telemetry_source *source_of(const struct source_state *state)
{
	return &state->telemetry->links.source[index_of(state)];
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(struct source_state *state, uint64_t delay_usec)
{
	struct device_host *part = state->telemetry->part;
	int r = loop_timer_set(
		part->host->loop, &state->timer, delay_usec, on_timer, state, "poll");

	if (r < 0)
		log_device(LOG_ERR, part->device->record->id,
			"Its next read could not be planned: %s.", strerror(-r));
}

/* Up to a tenth earlier: a hundred devices are not asked in one moment. */
static void plan_next(struct source_state *state)
{
	const struct telemetry_source *source = source_of(state);
	uint32_t seconds = source->interval ? source->interval
					    : state->telemetry->part->host->config->poll_interval;
	uint64_t interval = (seconds * USEC_PER_SEC) << (state->failures ? state->failures - 1 : 0);

	set_timer(state, interval - random_uint64() % (interval / 10 + 1));
}

static void note_failure(struct source_state *state, const char *why)
{
	struct device_host *part = state->telemetry->part;

	log_device(
		LOG_INFO, part->device->record->id, "Its reading could not be fetched: %s.", why);
	if (state->failures < FAILURES_COUNTED)
		state->failures++;
}

static void take(struct source_state *state, int format, struct span payload)
{
	struct device_host *part = state->telemetry->part;
	const struct telemetry_source *source = source_of(state);

	if (!binding_still_fits(part->host, part->device)) {
		host_alarm_raise(part->host, ALARM_NAME_CONFLICT, part->device->record->id);
		note_failure(state, "another device answers at its address");
		return;
	}
	state->failures = 0;
	reading_on_polled(part->host, part->device,
		&(const struct polled){.format = format >= 0 ? format : source->format,
			.name = source->name,
			.unit = source->unit,
			.body = payload});
}

/* ---- reads ---- */

static void on_read(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	struct read_call *call = userdata;
	struct device_host *part = call->part;
	struct telemetry *telemetry = part->gone ? NULL : part->telemetry;

	if (telemetry && telemetry->generation == call->generation) {
		struct source_state *state = &telemetry->source[call->index];

		state->asking = false;
		if (result >= 0 && code == COAP_CODE(2, 5))
			take(state, format, payload);
		else if (result != -ECANCELED)
			note_failure(state,
				result < 0 ? strerror(-result) : "it answered with an error");
		/* When the gateway stops there is no next one. */
		if (result != -ECANCELED)
			plan_next(state);
	}
	device_host_unpin(part);
	free(call);
}

static int outgoing_of(const struct source_state *state, struct device_request *request,
	struct lan_outgoing *ret_outgoing)
{
	const struct telemetry *telemetry = state->telemetry;
	struct device_host *part = telemetry->part;
	const struct device_record *record = part->device->record;
	int r = telemetry->driver->plan_read(&telemetry->links, index_of(state), request);

	if (r < 0)
		return r;
	if (!part->host->lan)
		return -ENOTCONN;
	*ret_outgoing = (struct lan_outgoing){
		.to = record->address,
		.identity = server_is_secure(record) ? record->ep : NULL,
		.method = (enum lan_method)request->method,
		.path = request->path,
		.content_format = -1,
		.accept = request->accept,
		.answer_max = request->answer_max,
		.timeout_usec = READ_TIMEOUT_USEC,
	};
	return 0;
}

static void read_now(struct source_state *state)
{
	struct device_host *part = state->telemetry->part;
	struct device_request request;
	struct lan_outgoing outgoing;
	struct read_call *call = malloc(sizeof(*call));
	int r = call ? outgoing_of(state, &request, &outgoing) : -ENOMEM;

	if (r >= 0) {
		*call = (struct read_call){
			device_host_pin(part), state->telemetry->generation, index_of(state)};
		state->asking = true;
		r = lan_send(part->host->lan, &outgoing, on_read, call);
		if (r < 0)
			device_host_unpin(part);
	}
	if (r >= 0)
		return;
	free(call);
	state->asking = false;
	/* Others are asked at present: that is over soon. */
	if (r == -EBUSY)
		set_timer(state, BUSY_USEC + random_uint64() % (BUSY_USEC / 2));
	else
		plan_next(state);
}

/* ---- observations ---- */

static void on_notice(void *userdata, const struct lan_notice *notice)
{
	struct source_state *state = userdata;

	if (!notice->goes_on)
		state->observation = NULL;
	if (notice->result == -ECANCELED) /* the gateway stops */
		return;
	if (notice->partial) {
		state->does_not_notify = true;
		read_now(state);
		return;
	}
	if (notice->result >= 0 && notice->code == COAP_CODE(2, 5)) {
		/* Without Observe it is an answer like any other. */
		state->does_not_notify = !notice->goes_on;
		take(state, notice->format, notice->payload);
	} else {
		note_failure(state, notice->result < 0 ? strerror(-notice->result)
						       : "it answered with an error");
	}
	if (!notice->goes_on)
		plan_next(state);
}

static bool observe_now(struct source_state *state)
{
	struct device_request request;
	struct lan_outgoing outgoing;

	return outgoing_of(state, &request, &outgoing) >= 0 &&
	       lan_watch(state->telemetry->part->host->lan, &outgoing, on_notice, state,
		       &state->observation) >= 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct source_state *state = userdata;

	if (source_of(state)->observe && !state->does_not_notify && observe_now(state))
		return 0;
	read_now(state);
	return 0;
}

/* ---- a device ---- */

static void stop(struct device_host *part)
{
	struct telemetry *telemetry = part->telemetry;
	unsigned i;

	if (!telemetry)
		return;
	part->telemetry = NULL;
	for (i = 0; i < telemetry->count; i++) {
		loop_source_free(telemetry->source[i].timer);
		if (telemetry->source[i].observation && part->host->lan)
			lan_unwatch(telemetry->source[i].observation);
	}
	free(telemetry);
}

static void start(struct device_host *part)
{
	struct telemetry *telemetry = calloc(1, sizeof(*telemetry));
	unsigned i;

	if (!telemetry) {
		log_device(LOG_ERR, part->device->record->id, "It is not read: out of memory.");
		return;
	}
	telemetry->part = part;
	telemetry->generation = ++part->telemetry_generation;
	telemetry->driver = part->driver;
	telemetry->links = *part->links;
	telemetry->address = part->device->record->address;
	telemetry->count = part->links->source_count;
	part->telemetry = telemetry;
	for (i = 0; i < telemetry->count; i++) {
		struct source_state *state = &telemetry->source[i];

		state->telemetry = telemetry;
		if (source_of(state)->observe)
			set_timer(state, 0);
		else
			plan_next(state);
	}
}

/* What is read is what was found last, where it was found last. */
static bool is_present_one(const struct telemetry *telemetry)
{
	const struct device_host *part = telemetry->part;
	const struct device_address *address = &part->device->record->address;
	unsigned i;

	if (telemetry->count != part->links->source_count ||
		telemetry->address.port != address->port ||
		!device_address_same_host(&telemetry->address, address))
		return false;
	for (i = 0; i < telemetry->count; i++)
		if (!telemetry_source_equal(&telemetry->links.source[i], &part->links->source[i]))
			return false;
	return true;
}

void telemetry_update(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	const struct device_record *record = device->record;

	if (!record->is_server || server_is_silent(record) ||
		!lifecycle_may_report(&record->life)) {
		stop(part);
		return;
	}
	if (!part->driver || !part->probed) {
		/* What it read before goes on until the probe has an answer. */
		if (!part->probing && !part->probe_planned)
			device_host_plan_probe(
				host, device, random_uint64() % PROBE_WITHIN_USEC + 1);
		return;
	}
	/* Whatever else changed does not put the next read off. */
	if (part->telemetry && is_present_one(part->telemetry))
		return;
	stop(part);
	if (part->links->source_count > 0)
		start(part);
}

void telemetry_seen_again(struct device *device)
{
	struct device_host *part = device_host(device);
	struct telemetry *telemetry = part->telemetry;
	unsigned i;

	/* It is read no more, or again, when how it serves is another way now. */
	if (!telemetry || server_is_silent(device->record)) {
		if (part->probed)
			telemetry_update(part->host, device);
		return;
	}
	for (i = 0; i < telemetry->count; i++) {
		struct source_state *state = &telemetry->source[i];

		state->failures = 0;
		if (state->observation)
			lan_watch_again(state->observation);
	}
	telemetry_update(part->host, device);
}

void telemetry_detach(struct device_host *part)
{
	stop(part);
}
