/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device's way in, as far as it comes by itself: POST /enrol, GET /d/<id>, and the window that
 * governs new names.
 *
 *   unknown name, no window            5.03, Max-Age 60: "heard and turned away"
 *   unknown name, window open          a record, LIFE_ASKED; 2.01 after it is on disk
 *   known name, its bound address      2.04 with its state, however often it asks: never a second
 * record or operation known name, another address        4.09 and an alarm; the bound address keeps
 * working
 *
 * A name that was only sighted (mDNS) and not yet bound belongs to the first who enrols with it
 * from the address that was sighted. The answer map is the same at /enrol and /d/<id>; a wrong
 * sender of /d/<id> learns nothing (4.04).
 */

#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define RETRY_SOON	      5
#define RETRY_LATER	      60
#define RETRY_APPROVED	      300
#define RETRY_REJECTED	      3600
#define WINDOW_CLOSED_MAX_AGE 60
#define ANSWER_MAX	      512

DEFINE_CLEANUP(struct device_record *, device_record_free, cleanup_record)

static const struct device_driver *native(void)
{
	return device_driver_by_name("native");
}

/* ---- the answer map ---- */

void enrol_fill_answer(struct host *host, struct device *device, struct enrol_answer *ret_answer)
{
	const struct device_record *record = device->record;
	const struct lifecycle *life = &record->life;
	enum device_stage stage;
	int64_t left = life->operation_expires - clock_wall_msec();
	static const uint32_t retry[DEVICE_WORDS] = {
		[DEVICE_PENDING] = RETRY_LATER,
		[DEVICE_APPROVED] = RETRY_APPROVED,
		[DEVICE_REJECTED] = RETRY_REJECTED,
		[DEVICE_SUSPENDED] = RETRY_APPROVED,
		[DEVICE_REVOKED] = RETRY_REJECTED,
	};

	*ret_answer = (struct enrol_answer){
		.id = record->id, .owner = record->owner, .place = record->place};
	lifecycle_describe(life, &ret_answer->state, &stage);
	ret_answer->retry = retry[ret_answer->state];
	if (ret_answer->state == DEVICE_PENDING &&
		(window_is_open(&host->window, clock_boot_usec()) ||
			operation_is_open(life->operation)))
		ret_answer->retry = RETRY_SOON;
	if (operation_is_open(life->operation) && life->operation_code.size &&
		record->info.display) {
		ret_answer->code = secret_span(&life->operation_code);
		ret_answer->expires =
			life->operation_expires && left > 0 ? (uint32_t)(left / 1000) : 0;
	}
}

static void send_answer(struct host *host, struct device *device, struct lan_exchange *exchange,
	uint8_t code, int format, bool repeat_in_max_age)
{
	struct enrol_answer answer;
	uint8_t body[ANSWER_MAX];
	size_t size;

	enrol_fill_answer(host, device, &answer);
	if (native()->encode_answer(format, &answer, body, sizeof(body), &size) < 0) {
		lan_answer_text(exchange, COAP_CODE(5, 0), NULL, -1);
		return;
	}
	lan_answer(exchange, &(const struct lan_answer){
				     .code = code,
				     .format = format,
				     .payload = span_of(body, size),
				     .max_age = repeat_in_max_age ? (int64_t)answer.retry : 0,
				     .location_id = repeat_in_max_age ? device->record->id : NULL,
			     });
}

/* ---- who may come in ---- */

bool enrol_new_name_allowed(struct host *host, const char *interface, enum turned_away *ret_why)
{
	const struct config_list *list = &host->config->lan_interfaces;
	double per_minute = host->config->new_per_minute;
	unsigned i;

	for (i = 0; i < list->count; i++)
		if (!strcmp(list->item[i], interface))
			break;
	if (i == list->count) {
		*ret_why = AWAY_WRONG_INTERFACE;
		return false;
	}
	if (!ratelimit_take(
		    &host->new_names[i], per_minute / 60, per_minute, clock_boot_usec(), NULL)) {
		host->limits.reached[LIMIT_NEW_NAMES_PER_MINUTE]++;
		*ret_why = AWAY_OVER_LIMIT;
		return false;
	}
	if (registry_count_stage(host->registry, STAGE_WAITING_PERSON) +
				registry_count_stage(host->registry, STAGE_SEEN) >=
			host->config->pending_max &&
		!registry_evict_silent(host->registry, clock_boot_usec())) {
		host->limits.reached[LIMIT_PENDING]++;
		*ret_why = AWAY_OVER_LIMIT;
		return false;
	}
	return true;
}

/* ---- POST /enrol ---- */

struct enrol_wait {
	struct lan_exchange *exchange;
	struct host *host;
	int format;
	bool created;
};

static void on_enrolled(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct enrol_wait *wait = userdata;

	switch (result) {
	case SUBMIT_DONE:
	case SUBMIT_IGNORED:
		send_answer(wait->host, device, wait->exchange,
			wait->created ? COAP_CODE(2, 1) : COAP_CODE(2, 4), wait->format, true);
		break;
	case SUBMIT_REFUSED:
	case SUBMIT_NOT_STORED:
	case SUBMIT_BUSY:
		lan_answer_text(
			wait->exchange, COAP_CODE(5, 3), "the gateway cannot store it now", 30);
		/* Nothing of a newcomer is on disk: the name must be free for the next try. */
		if (wait->created && !device->on_disk && !device->saving)
			registry_remove(wait->host->registry, device);
		break;
	case SUBMIT_GONE:
		lan_answer_text(wait->exchange, COAP_CODE(5, 3), NULL, 30);
		break;
	}
	free(wait);
}

struct enrol_edit {
	struct device_info info;
	struct device_address address;
	enum trust trust;
	bool set_info;
};

static int edit_enrolled(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct enrol_edit *edit = argument;
	char *attributes = NULL;

	if (edit->set_info) {
		if (edit->info.attributes && !(attributes = strdup(edit->info.attributes)))
			return -ENOMEM;
		device_info_clear(&next->info);
		next->info = edit->info;
		next->info.attributes = attributes;
	}
	next->address = edit->address;
	next->address_bound = true;
	return 0;
}

static void submit_enrol(struct host *host, struct device *device,
	const struct lan_request *request, const struct device_info *info, int format, bool created)
{
	enum device_word word;
	enum device_stage stage;
	struct enrol_wait *wait = malloc(sizeof(*wait));
	struct enrol_edit edit = {.address = request->peer->address, .trust = request->peer->trust};
	struct audit_row audit;
	char address[80];

	if (!wait) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, 30);
		return;
	}
	*wait = (struct enrol_wait){
		.exchange = request->exchange, .host = host, .format = format, .created = created};
	lifecycle_describe(&device->record->life, &word, &stage);
	/* What a person decided on does not change behind that person's back. */
	edit.set_info = word == DEVICE_PENDING;
	edit.info = *info;
	audit_row_init(&audit, "device", "",
		device_address_to_string(&request->peer->address, address), "enrol",
		device->record->id, "", "pending");
	host_submit(host, device,
		&(const struct submission){
			.event = LIFE_ASKED,
			.edit = edit_enrolled,
			.argument = &edit,
			.argument_size = sizeof(edit),
			.audit = created ? &audit : NULL,
			.done = on_enrolled,
			.userdata = wait,
		});
}

static int make_device(struct host *host, const struct lan_request *request, struct device **ret)
{
	CLEANUP(cleanup_record) struct device_record *record = calloc(1, sizeof(*record));
	struct device *device;
	int r;

	if (!record)
		return -ENOMEM;
	registry_make_id(host->registry, request->ep, record->id);
	snprintf(record->ep, sizeof(record->ep), "%s", request->ep);
	snprintf(record->platform, sizeof(record->platform), "%s", host->config->platform);
	record->found_by = FOUND_ENROL;
	record->trust = request->peer->trust;
	record->address = request->peer->address;
	record->address_bound = true;
	record->poll_format = -1;
	record->first_seen = clock_wall_msec();
	r = registry_add(host->registry, record, &device);
	if (r < 0)
		return r;
	record = NULL;
	r = device_host_attach(host, device);
	if (r < 0) {
		registry_remove(host->registry, device);
		return r;
	}
	*ret = device;
	return 0;
}

static void refuse(struct host *host, const struct lan_request *request, uint8_t code,
	enum turned_away why, const char *text, int64_t max_age)
{
	host_turned_away(host, why, &request->peer->address);
	lan_answer_text(request->exchange, code, text, max_age);
}

static void enrol_newcomer(struct host *host, const struct lan_request *request,
	const struct device_info *info, int format)
{
	struct device *device;
	enum turned_away why;

	if (!window_is_open(&host->window, clock_boot_usec())) {
		refuse(host, request, COAP_CODE(5, 3), AWAY_WINDOW_CLOSED,
			"no onboarding window is open", WINDOW_CLOSED_MAX_AGE);
		return;
	}
	if (!enrol_new_name_allowed(host, request->peer->address.interface, &why)) {
		refuse(host, request, COAP_CODE(4, 29), why, "too many new names", 60);
		return;
	}
	if (make_device(host, request, &device) < 0) {
		lan_answer_text(
			request->exchange, COAP_CODE(5, 3), "the gateway cannot store it now", 30);
		return;
	}
	device->last_heard_usec = clock_boot_usec();
	submit_enrol(host, device, request, info, format, true);
}

/* True when the known name may be used from this address; otherwise it was answered. */
static bool holds_name(struct host *host, struct device *device, const struct lan_request *request)
{
	bool same = device_address_same_host(&device->record->address, &request->peer->address);
	struct audit_row audit;
	char address[80];

	if (same || (!device->record->address_bound && !device->on_disk))
		return true;
	audit_row_init(&audit, "device", "",
		device_address_to_string(&request->peer->address, address), "enrol",
		device->record->id, "", "refused: name conflict");
	host_audit(host, &audit, NULL, NULL);
	host_alarm_raise(host, ALARM_NAME_CONFLICT, device->record->id);
	refuse(host, request, COAP_CODE(4, 9), AWAY_NAME_CONFLICT,
		"this name belongs to another device", -1);
	return false;
}

static void enrol_known(struct host *host, struct device *device, const struct lan_request *request,
	const struct device_info *info, int format)
{
	const struct lifecycle *life = &device->record->life;

	if (!holds_name(host, device, request))
		return;
	if (life->admission == ADMISSION_BLOCKED) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_BLOCKED, "blocked", -1);
		return;
	}
	if (request->peer->trust < device->record->trust) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_PLAIN_REFUSED,
			"this name is known at a higher tier", -1);
		return;
	}
	device->last_heard_usec = clock_boot_usec();
	if (life->admission == ADMISSION_SIGHTED &&
		!window_is_open(&host->window, clock_boot_usec())) {
		refuse(host, request, COAP_CODE(5, 3), AWAY_WINDOW_CLOSED,
			"no onboarding window is open", WINDOW_CLOSED_MAX_AGE);
		return;
	}
	if (life->admission == ADMISSION_SIGHTED || life->admission == ADMISSION_PENDING)
		submit_enrol(host, device, request, info, format, false);
	else
		send_answer(host, device, request->exchange, COAP_CODE(2, 4), format, true);
}

static bool decode_body(
	struct host *host, const struct lan_request *request, struct device_info *ret_info)
{
	enum info_verdict verdict = INFO_MALFORMED;
	const char *why = NULL;
	bool clear_pt = false;
	int r = native()->decode_info(
		request->content_format, request->payload, ret_info, &clear_pt, &verdict, &why);

	if (clear_pt)
		host_alarm_raise(host, ALARM_TOKEN_IN_CLEAR, request->ep);
	if (r < 0) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, 30);
		return false;
	}
	switch (verdict) {
	case INFO_TAKEN:
		return true;
	case INFO_MALFORMED:
		refuse(host, request, COAP_CODE(4, 0), AWAY_MALFORMED, why, -1);
		return false;
	case INFO_FORMAT_UNKNOWN:
		refuse(host, request, COAP_CODE(4, 15), AWAY_FORMAT, why, -1);
		return false;
	}
	return false;
}

void enrol_on_request(struct host *host, const struct lan_request *request)
{
	int format = request->content_format == FORMAT_JSON ? FORMAT_JSON : FORMAT_CBOR;
	struct device_info info = {0};
	struct device *device;

	if (request->method != LAN_POST) {
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
		return;
	}
	if (!request->ep[0]) {
		refuse(host, request, COAP_CODE(4, 0), AWAY_MALFORMED, "ep= is missing", -1);
		return;
	}
	if (request->peer->trust == TRUST_PLAIN && host->config->plain == PLAIN_REFUSE) {
		refuse(host, request, COAP_CODE(4, 3), AWAY_PLAIN_REFUSED,
			"plain devices are refused here", -1);
		return;
	}
	if (!decode_body(host, request, &info))
		return;
	device = registry_by_ep(host->registry, request->ep);
	if (device)
		enrol_known(host, device, request, &info, format);
	else
		enrol_newcomer(host, request, &info, format);
	device_info_clear(&info);
}

/* ---- GET /d/<id>, GET /time ---- */

void device_on_request(struct host *host, const struct lan_request *request)
{
	struct device *device = registry_by_id(host->registry, request->device_id);
	int format = request->accept == FORMAT_JSON ? FORMAT_JSON : FORMAT_CBOR;

	if (!device || !device->record->address_bound ||
		!device_address_same_host(&device->record->address, &request->peer->address)) {
		lan_answer_text(request->exchange, COAP_CODE(4, 4), NULL, -1);
		return;
	}
	if (request->method != LAN_GET || request->resource != LAN_DEVICE) {
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
		return;
	}
	device->last_heard_usec = clock_boot_usec();
	send_answer(host, device, request->exchange, COAP_CODE(2, 5), format, false);
}

/* Seconds since 1970, in text or, by Accept, CBOR. */
void time_on_request(struct host *host, const struct lan_request *request)
{
	char text[24];

	if (request->method != LAN_GET) {
		lan_answer_text(request->exchange, COAP_CODE(4, 5), NULL, -1);
		return;
	}
	if (!clock_is_synced()) {
		lan_answer_text(request->exchange, COAP_CODE(5, 3), NULL, 60);
		return;
	}
	if (request->accept == FORMAT_CBOR) {
		uint64_t seconds = (uint64_t)(clock_wall_msec() / 1000);
		uint8_t cbor[9] = {0x1b};
		int i;

		for (i = 0; i < 8; i++)
			cbor[1 + i] = (uint8_t)(seconds >> (56 - 8 * i));
		lan_answer(request->exchange, &(const struct lan_answer){.code = COAP_CODE(2, 5),
						      .format = FORMAT_CBOR,
						      .payload = span_of(cbor, sizeof(cbor)),
						      .max_age = 0});
		return;
	}
	snprintf(text, sizeof(text), "%lld", (long long)(clock_wall_msec() / 1000));
	lan_answer(request->exchange, &(const struct lan_answer){.code = COAP_CODE(2, 5),
					      .format = FORMAT_TEXT,
					      .payload = span_from_string(text),
					      .max_age = 0});
}

/* ---- the window ---- */

void enrol_consider(struct host *host, struct device *device)
{
	const struct device_record *record = device->record;

	if (record->life.admission != ADMISSION_SIGHTED || !device->present ||
		!device_host(device)->probed)
		return;
	if (!window_is_open(&host->window, clock_boot_usec()))
		return;
	host_submit(host, device, &(const struct submission){.event = LIFE_ASKED});
}

void enrol_window_opened(struct host *host)
{
	struct device *device, *next;

	for (device = registry_first(host->registry); device; device = next) {
		next = registry_next(device);
		enrol_consider(host, device);
	}
	enrol_window_timer(host);
}

static int on_window_end(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct host *host = userdata;

	if (!window_is_open(&host->window, clock_boot_usec())) {
		window_close(&host->window);
		log_notice("The onboarding window closed.");
		host_touch(host);
	} else {
		enrol_window_timer(host);
	}
	return 0;
}

void enrol_window_timer(struct host *host)
{
	uint64_t left = window_seconds_left(&host->window, clock_boot_usec());

	if (left)
		loop_timer_set(host->loop, &host->window_timer, (left + 1) * USEC_PER_SEC,
			on_window_end, host, "window-end");
	else
		loop_timer_stop(host->window_timer);
}
