/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Commands towards the device, in whatever way it listens:
 *
 *	it asks     GET /d/<id>/c gives the oldest one; after a reading the 2.04 says that one waits
 *	it observes the same resource: it is told of each new oldest one
 *	it serves   the command is POSTed to its gatehouse.command link, again after a back-off for
 *	            as long as the command waits
 *
 * The first two answer by POST /d/<id>/c; a server by the answer to our POST: a map, or nothing but
 * a 2.xx for "done".
 */

#include "host/command-host.h"
#include "host/device-host.h"
#include "host/enrol.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/binding-host.h"
#include "host/secure-host.h"

#define CODE_CLASS(code) ((code) >> 5)

static const struct command *oldest_for(const struct device *device)
{
	return lifecycle_may_report(&device->record->life) ? command_box_oldest(&device->commands)
							   : NULL;
}

/* ---- it asks ---- */

/* The present answer to GET /d/<id>/c; 'body' of COMMAND_MESSAGE_MAX bytes. */
static struct lan_answer answer_of(const struct device *device, int format, uint8_t *body)
{
	const struct command *command = oldest_for(device);
	struct lan_answer answer = {.code = COAP_CODE(2, 5), .format = -1, .max_age = 0};
	size_t size;

	if (command && command_encode(format, command, body, COMMAND_MESSAGE_MAX, &size) >= 0) {
		answer.format = format;
		answer.payload = span_of(body, size);
	}
	return answer;
}

static void on_get(struct device *device, const struct lan_request *request)
{
	struct device_host *part = device_host(device);
	const struct command *command = oldest_for(device);
	uint8_t body[COMMAND_MESSAGE_MAX];
	struct lan_answer answer;
	int format;

	if (!device_format_of(request, FORMAT_CBOR, &format))
		return;
	answer = answer_of(device, format, body);
	/* One observer for each device: the newest. Asked again without Observe by the same it is
	 * the end (RFC 7641 section 3.6). */
	if (request->observe || lan_observer_is(part->observer, request->exchange))
		part->observer = lan_observer_free(part->observer);
	if (!request->observe) {
		lan_answer(request->exchange, &answer);
		return;
	}
	part->observe_format = format;
	part->observed_row = command ? command->row : 0;
	part->observer = lan_observe(request->exchange, &answer, &part->observer);
}

static void on_answered(void *userdata, int result)
{
	struct lan_exchange *exchange = userdata;

	if (result < 0)
		lan_answer_text(exchange, COAP_CODE(5, 3), "the gateway cannot store it now", 30);
	else
		lan_answer(exchange, &(const struct lan_answer){
					     .code = COAP_CODE(2, 4), .format = -1, .max_age = -1});
}

static void on_post(struct host *host, struct device *device, const struct lan_request *request)
{
	struct command_answer answer;
	const char *why = "cmd is missing";
	int r = command_answer_read(request->content_format, request->payload, &answer, &why);

	if (r == -EPROTONOSUPPORT) {
		host_turned_away(host, AWAY_FORMAT, &request->peer->address);
		lan_answer_text(request->exchange, COAP_CODE(4, 15),
			"the map comes as CBOR (60) or JSON (50)", -1);
	} else if (r == -ENOMEM) {
		on_answered(request->exchange, r);
	} else if (r < 0 || !answer.row) {
		host_turned_away(host, AWAY_MALFORMED, &request->peer->address);
		lan_answer_text(
			request->exchange, COAP_CODE(4, 0), r < 0 ? why : "cmd is missing", -1);
	} else {
		command_host_answered(host, device, &answer, on_answered, request->exchange);
	}
}

void command_on_request(struct host *host, const struct lan_request *request)
{
	struct device *device = device_of_request(host, request);

	if (!device)
		return;
	if (!lifecycle_may_report(&device->record->life)) {
		host_turned_away(host, AWAY_NOT_APPROVED, &request->peer->address);
		lan_answer_text(
			request->exchange, COAP_CODE(4, 3), "not approved: POST /enrol", -1);
		return;
	}
	device->last_heard_usec = clock_boot_usec();
	if (request->method == LAN_GET)
		on_get(device, request);
	else if (request->method == LAN_POST)
		on_post(host, device, request);
	else
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
}

/* ---- it observes ---- */

static void notify(struct device *device)
{
	struct device_host *part = device_host(device);
	const struct command *command = oldest_for(device);
	uint64_t row = command ? command->row : 0;
	uint8_t body[COMMAND_MESSAGE_MAX];
	struct lan_answer answer;

	if (!part->observer || row == part->observed_row)
		return;
	part->observed_row = row;
	answer = answer_of(device, part->observe_format, body);
	lan_notify(part->observer, &answer);
}

void command_look_observer(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	const struct device_record *record = device->record;
	bool moved;

	if (!part->observer)
		return;
	moved = !secure_is_still(record, lan_observer_peer(part->observer));
	if (!moved && lifecycle_may_report(&record->life))
		return;
	if (!moved)
		lan_notify(part->observer,
			&(const struct lan_answer){.code = COAP_CODE(4, 3), .format = -1});
	part->observer = lan_observer_free(part->observer);
}

/* ---- it serves ---- */

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	command_offer(part->host, part->device);
	return 0;
}

static void plan_retry(struct device_host *part, const char *why)
{
	int r = loop_timer_set(part->host->loop, &part->command_retry,
		backoff_next(&part->command_backoff), on_retry, part, "command-retry");

	log_device(LOG_INFO, part->device->record->id, "A command did not reach it: %s.", why);
	if (r < 0)
		log_device(LOG_ERR, part->device->record->id, "No timer for its commands: %s.",
			strerror(-r));
}

/* What stands at its address is not it: no command is for that, and no answer of it counts. */
static bool is_another(struct device_host *part)
{
	if (binding_still_fits(part->host, part->device))
		return false;
	host_alarm_raise(part->host, ALARM_NAME_CONFLICT, part->device->record->id);
	plan_retry(part, "another device answers at its address");
	return true;
}

static void on_reply(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	struct command_answer answer = {.row = part->command_row, .ok = true};
	uint64_t row = part->command_row;
	char reason[COMMAND_REASON_MAX + 1] = "";
	const char *why;

	part->command_row = 0;
	if (is_another(part))
		return;
	if (result < 0 || code == COAP_CODE(5, 3)) {
		plan_retry(part, result < 0 ? strerror(-result) : "it cannot take one now");
		return;
	}
	backoff_reset(&part->command_backoff);
	if (CODE_CLASS(code) != 2)
		snprintf(reason, sizeof(reason), "the device answered %u.%02u",
			(unsigned)CODE_CLASS(code), code & 31U);
	else if (payload.size && command_answer_read(format, payload, &answer, &why) < 0)
		snprintf(reason, sizeof(reason), "the device's answer cannot be read");
	answer.row = row;
	if (reason[0])
		command_host_failed(part->host, part->device, row, reason);
	else
		command_host_answered(part->host, part->device, &answer, NULL, NULL);
}

static void ask(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	const struct command *command = oldest_for(device);
	struct device_request request;
	int r;

	if (!command || part->command_row || !device->record->is_server || !host->lan ||
		!device_host_is_ready(part))
		return;
	r = part->driver->command(part->links, command, &request);
	if (r == -ENOTSUP)
		return; /* it may still ask by itself */
	if (is_another(part))
		return;
	if (r >= 0)
		r = device_host_ask(part, &request, &(const struct device_call){.reply = on_reply});
	if (r < 0)
		plan_retry(part, strerror(-r));
	else
		part->command_row = command->row;
}

void command_offer(struct host *host, struct device *device)
{
	notify(device);
	ask(host, device);
}
