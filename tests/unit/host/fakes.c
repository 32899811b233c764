/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One host with nothing real around it but core and the drivers. Records that the fake store
 * "committed" are kept as copies, so a test can ask what a restart would find.
 */

#include "fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

struct bed bed;

/* ---- clocks and timers ---- */

struct fake_timer {
	struct fake_timer *next;
	bool armed;
	uint64_t due;
	sd_event_time_handler_t handler;
	void *userdata;
	char description[32];
};
static struct fake_timer *timers;

uint64_t __wrap_clock_boot_usec(void);
int64_t __wrap_clock_wall_msec(void);
bool __wrap_clock_is_synced(void);
int __wrap_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description);
void __wrap_loop_timer_stop(sd_event_source *source);
sd_event_source *__wrap_loop_source_free(sd_event_source *source);

uint64_t __wrap_clock_boot_usec(void)
{
	return bed.boot_usec;
}

int64_t __wrap_clock_wall_msec(void)
{
	return bed.wall_msec;
}

bool __wrap_clock_is_synced(void)
{
	return bed.synced;
}

int __wrap_loop_timer_set(sd_event *loop, sd_event_source **source, uint64_t delay_usec,
	sd_event_time_handler_t handler, void *userdata, const char *description)
{
	struct fake_timer *timer = (struct fake_timer *)*source;

	if (!timer) {
		timer = calloc(1, sizeof(*timer));
		assert_non_null(timer);
		timer->handler = handler;
		timer->userdata = userdata;
		snprintf(timer->description, sizeof(timer->description), "%s", description);
		timer->next = timers;
		timers = timer;
		*source = (sd_event_source *)timer;
	}
	timer->armed = true;
	timer->due = bed.boot_usec + delay_usec;
	return 0;
}

void __wrap_loop_timer_stop(sd_event_source *source)
{
	if (source)
		((struct fake_timer *)source)->armed = false;
}

sd_event_source *__wrap_loop_source_free(sd_event_source *source)
{
	struct fake_timer **at = &timers;

	if (!source)
		return NULL;
	while (*at && *at != (struct fake_timer *)source)
		at = &(*at)->next;
	assert_non_null(*at);
	*at = (*at)->next;
	free(source);
	return NULL;
}

static struct fake_timer *next_due(uint64_t until)
{
	struct fake_timer *timer, *first = NULL;

	for (timer = timers; timer; timer = timer->next)
		if (timer->armed && timer->due <= until && (!first || timer->due < first->due))
			first = timer;
	return first;
}

static void clocks_to(uint64_t boot_usec)
{
	uint64_t step = boot_usec - bed.boot_usec;

	bed.wall_msec += (int64_t)(step / USEC_PER_MSEC);
	bed.boot_usec = boot_usec;
}

void bed_advance(uint64_t usec)
{
	uint64_t until = bed.boot_usec + usec;
	struct fake_timer *timer;
	unsigned fired = 0;

	while ((timer = next_due(until))) {
		if (timer->due > bed.boot_usec)
			clocks_to(timer->due);
		timer->armed = false;
		timer->handler((sd_event_source *)timer, timer->due, timer->userdata);
		assert_true(++fired < 10000); /* a timer that is always due is a hot loop */
	}
	clocks_to(until);
}

uint64_t bed_timer_left(const char *description)
{
	struct fake_timer *timer;
	uint64_t left = UINT64_MAX;

	for (timer = timers; timer; timer = timer->next)
		if (timer->armed && !strcmp(timer->description, description) &&
			timer->due - bed.boot_usec < left)
			left = timer->due - bed.boot_usec;
	return left;
}

void bed_run_loop(void)
{
	while (sd_event_run(bed.host.loop, 0) > 0)
		;
}

/* ---- store ---- */

#define WAITING_MAX 256

struct fake_save {
	struct change *change;
	uint64_t drop_row; /* of store_delete_device() */
	store_done_fn done;
	void *userdata;
};
static struct fake_save saves[WAITING_MAX];
static size_t save_count;
static struct device_record *disk[64];
static struct audit_row audits[1024];
static size_t audit_count;
static struct alarm alarms_on_disk[256];
static size_t alarm_count;
static struct reading *appending[1024];
static size_t appending_count;
struct fake_rows fake_rows;

void store_save(struct store *store, struct change *change, store_done_fn done, void *userdata)
{
	assert_true(save_count < WAITING_MAX);
	saves[save_count++] =
		(struct fake_save){.change = change, .done = done, .userdata = userdata};
}

size_t store_waiting(void)
{
	return save_count;
}

const struct change *store_change_at(size_t index)
{
	assert_true(index < save_count);
	return saves[index].change;
}

static struct device_record **disk_place(uint64_t row)
{
	size_t i;

	for (i = 0; i < 64; i++)
		if (disk[i] && disk[i]->row == row)
			return &disk[i];
	for (i = 0; i < 64; i++)
		if (!disk[i])
			return &disk[i];
	fail_msg("the fake disk is full");
	return NULL;
}

static void write_item(const struct change_item *item)
{
	struct device_record **place;

	switch (item->kind) {
	case CHANGE_PUT_DEVICE:
		place = disk_place(item->device->row);
		*place = device_record_free(*place);
		assert_int_equal(device_record_copy(item->device, place), 0);
		break;
	case CHANGE_DROP_DEVICE:
		place = disk_place(item->row);
		*place = device_record_free(*place);
		break;
	case CHANGE_AUDIT:
		assert_true(audit_count < 1024);
		audits[audit_count++] = item->audit;
		break;
	case CHANGE_PUT_ALARM:
		assert_true(alarm_count < 256);
		alarms_on_disk[alarm_count++] = item->alarm;
		break;
	case CHANGE_PUT_PERSON:
	case CHANGE_DROP_PERSON:
	case CHANGE_PUT_SETTING:
	case CHANGE_DROP_SETTING:
		break;
	}
}

void store_answer(int result)
{
	struct fake_save save;
	const struct change_item *item;
	char head[65];

	assert_true(save_count > 0);
	save = saves[0];
	memmove(saves, saves + 1, --save_count * sizeof(saves[0]));
	for (item = result >= 0 ? save.change->first : NULL; item; item = item->next)
		write_item(item);
	change_free(save.change);
	snprintf(head, sizeof(head), "%064zu", audit_count);
	if (save.done)
		save.done(save.userdata, result, result >= 0 ? head : NULL);
}

void store_answer_all(int result)
{
	unsigned count = 0;

	while (save_count) {
		store_answer(result);
		assert_true(++count < 10000);
	}
}

const struct device_record *disk_device(const char *id)
{
	size_t i;

	for (i = 0; i < 64; i++)
		if (disk[i] && !strcmp(disk[i]->id, id))
			return disk[i];
	return NULL;
}

size_t disk_audit_count(const char *action, const char *result)
{
	size_t i, count = 0;

	for (i = 0; i < audit_count; i++)
		count += (!action || !strcmp(audits[i].action, action)) &&
			 (!result || !strcmp(audits[i].result, result));
	return count;
}

const struct audit_row *disk_audit_newest(void)
{
	return audit_count ? &audits[audit_count - 1] : NULL;
}

size_t disk_alarm_count(enum alarm_kind kind, bool cleared)
{
	size_t i, count = 0;

	for (i = 0; i < alarm_count; i++)
		count += alarms_on_disk[i].kind == kind &&
			 (alarms_on_disk[i].cleared != 0) == cleared;
	return count;
}

void store_append(struct store *store, struct reading *reading)
{
	assert_true(appending_count < 1024);
	appending[appending_count++] = reading;
}

size_t store_appending(const struct store *store)
{
	return appending_count;
}

size_t appended_waiting(void)
{
	return appending_count;
}

void appended_answer(int result)
{
	struct reading *readings[1024];
	size_t count = appending_count;

	memcpy(readings, appending, count * sizeof(readings[0]));
	appending_count = 0;
	reading_on_appended(&bed.host, readings, count, result);
}

void store_delete(struct store *store, const struct row_range *ranges, size_t count)
{
	size_t i;

	fake_rows.delete_calls++;
	for (i = 0; i < count; i++) {
		assert_true(fake_rows.deleted_count < 256);
		fake_rows.deleted[fake_rows.deleted_count++] = ranges[i];
	}
}

bool row_was_deleted(uint64_t row)
{
	size_t i;

	for (i = 0; i < fake_rows.deleted_count; i++)
		if (fake_rows.deleted[i].first <= row && row <= fake_rows.deleted[i].last)
			return true;
	return false;
}

void store_delete_device(
	struct store *store, uint64_t device_row, store_done_fn done, void *userdata)
{
	assert_null(done);
	assert_true(fake_rows.dropped_count < 16);
	fake_rows.dropped[fake_rows.dropped_count++] = device_row;
}

void store_bury(struct store *store, uint64_t row, const char *reason)
{
	assert_true(fake_rows.buried_count < 16);
	snprintf(fake_rows.buried_why[fake_rows.buried_count], 96, "%s", reason);
	fake_rows.buried[fake_rows.buried_count++] = row;
}

void store_fetch(struct store *store, const struct owed_fetch *fetch)
{
	assert_true(fake_rows.fetch_count < 16);
	fake_rows.fetch[fake_rows.fetch_count++] = *fetch;
}

/* ---- lan ---- */

struct fake_sent fake_sent[64];
size_t fake_sent_count;
int fake_send_result;

void lan_answer(struct lan_exchange *exchange, const struct lan_answer *answer)
{
	assert_non_null(bed.host.lan);
	assert_true(answer->payload.size < sizeof(exchange->payload));
	exchange->answers++;
	exchange->code = answer->code;
	exchange->format = answer->format;
	exchange->max_age = answer->max_age;
	exchange->size = answer->payload.size;
	if (answer->payload.size)
		memcpy(exchange->payload, answer->payload.data, answer->payload.size);
	if (answer->location_id)
		snprintf(exchange->location, sizeof(exchange->location), "%s", answer->location_id);
}

void lan_answer_text(struct lan_exchange *exchange, uint8_t code, const char *text, int64_t max_age)
{
	lan_answer(exchange, &(const struct lan_answer){.code = code,
				     .format = -1,
				     .payload = span_from_string(text),
				     .max_age = max_age});
}

const char *exchange_text(const struct lan_exchange *exchange)
{
	static char text[sizeof(exchange->payload) + 1];

	memcpy(text, exchange->payload, exchange->size);
	text[exchange->size] = '\0';
	return text;
}

int lan_send(
	struct lan *lan, const struct lan_outgoing *outgoing, lan_reply_fn reply, void *userdata)
{
	struct fake_sent *sent;

	assert_non_null(lan);
	if (fake_send_result < 0)
		return fake_send_result;
	assert_true(fake_sent_count < 64);
	sent = &fake_sent[fake_sent_count++];
	*sent = (struct fake_sent){.outgoing = *outgoing, .reply = reply, .userdata = userdata};
	snprintf(sent->path, sizeof(sent->path), "%s", outgoing->path);
	if (outgoing->payload.size)
		memcpy(sent->payload, outgoing->payload.data, outgoing->payload.size);
	sent->outgoing.path = sent->path;
	sent->outgoing.payload.data = sent->payload;
	return 0;
}

struct fake_sent *sent_to(const char *path)
{
	size_t i;

	for (i = fake_sent_count; i-- > 0;)
		if (!fake_sent[i].answered && !strcmp(fake_sent[i].path, path))
			return &fake_sent[i];
	return NULL;
}

void sent_answer(struct fake_sent *sent, int result, uint8_t code, int format, const char *payload)
{
	assert_non_null(sent);
	assert_false(sent->answered);
	sent->answered = true;
	sent->reply(sent->userdata, result, code, format, span_from_string(payload));
}

/* ---- uplink ---- */

struct uplink_session {
	bool connected;
};
struct fake_publication fake_publications[4096];
size_t fake_publication_count;
unsigned fake_connects, fake_sessions, fake_sessions_alive;
int fake_publish_result;

int uplink_session_new(struct uplink *uplink, const struct uplink_session_options *options,
	void *userdata, struct uplink_session **ret)
{
	*ret = calloc(1, sizeof(**ret));
	assert_non_null(*ret);
	assert_string_equal(options->host, bed.config.mqtt_host);
	assert_string_equal(options->will_topic, "gatehouse/plant/status");
	assert_non_null(strstr(options->will_payload, "offline"));
	assert_true(options->will_retain);
	fake_sessions++;
	fake_sessions_alive++;
	return 0;
}

struct uplink_session *uplink_session_free(struct uplink_session *session)
{
	if (session)
		fake_sessions_alive--;
	free(session);
	return NULL;
}

int uplink_connect(struct uplink_session *session)
{
	assert_non_null(session);
	fake_connects++;
	return 0;
}

void uplink_disconnect(struct uplink_session *session)
{
	assert_non_null(session);
}

int uplink_publish(struct uplink_session *session, const struct uplink_publication *publication)
{
	struct fake_publication *kept;
	size_t i;

	assert_non_null(session);
	if (!session->connected)
		return -ENOTCONN;
	if (fake_publish_result < 0 && publication->tag)
		return fake_publish_result;
	assert_true(fake_publication_count < 4096);
	kept = &fake_publications[fake_publication_count++];
	*kept = (struct fake_publication){.retain = publication->retain, .tag = publication->tag};
	snprintf(kept->topic, sizeof(kept->topic), "%s", publication->topic);
	snprintf(kept->payload, sizeof(kept->payload), "%.*s", (int)publication->payload.size,
		(const char *)publication->payload.data);
	for (i = 0; i < publication->property_count; i++)
		if (!strcmp(publication->properties[i].name, "gh-id"))
			snprintf(
				kept->id, sizeof(kept->id), "%s", publication->properties[i].value);
	return 0;
}

void uplink_event(enum uplink_event_kind kind)
{
	struct uplink_event event = {
		.kind = kind, .session = bed.host.session, .version = 5, .text = "because"};

	if (bed.host.session)
		bed.host.session->connected = kind == UPLINK_CONNECTED;
	upstream_on_event(&bed.host, &event);
}

static void land(size_t index, enum uplink_event_kind kind, int reason)
{
	const struct uplink_event event = {.kind = kind,
		.session = bed.host.session,
		.tag = fake_publications[index].tag,
		.reason = reason};

	assert_true(index < fake_publication_count);
	upstream_on_event(&bed.host, &event);
}

void uplink_deliver(size_t index)
{
	land(index, UPLINK_DELIVERED, 0);
}

void uplink_refuse(size_t index, int reason)
{
	land(index, UPLINK_REFUSED, reason);
}

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a >= b && !strcmp(text + a - b, end);
}

size_t published(const char *topic_end, size_t from)
{
	size_t i, count = 0;

	for (i = from; i < fake_publication_count; i++)
		count += ends_with(fake_publications[i].topic, topic_end);
	return count;
}

const struct fake_publication *published_newest(const char *topic_end)
{
	size_t i;

	for (i = fake_publication_count; i-- > 0;)
		if (ends_with(fake_publications[i].topic, topic_end))
			return &fake_publications[i];
	return NULL;
}

/* ---- jobs, api ---- */

struct fake_job {
	job_work_fn work;
	job_done_fn done;
	void *userdata;
};
static struct fake_job jobs[4];
static size_t job_count;

int job_submit(struct job_thread *thread, job_work_fn work, job_done_fn done, void *userdata)
{
	if (job_count == 4)
		return -EBUSY;
	jobs[job_count++] = (struct fake_job){work, done, userdata};
	return 0;
}

size_t jobs_waiting(void)
{
	return job_count;
}

void job_run(void)
{
	struct fake_job job;

	assert_true(job_count > 0);
	job = jobs[0];
	memmove(jobs, jobs + 1, --job_count * sizeof(jobs[0]));
	job.done(job.userdata, job.work(job.userdata));
}

void api_touch(struct api *api)
{
}

/* ---- the bed ---- */

static void on_quit(void *userdata, int code, const char *why)
{
	bed.quit_code = code;
}

static void start_rooms(struct host *host)
{
	const struct owed_limits limits = {
		.outbox_bytes = bed.config.outbox_max_bytes,
		.window_readings = 4096,
		.in_flight = bed.config.mqtt_window,
	};
	uint32_t i;

	assert_true(sd_event_new(&host->loop) >= 0);
	limits_init(&host->limits);
	assert_int_equal(registry_new(&host->registry), 0);
	registry_set_destructor(host->registry, device_host_detach, host);
	assert_int_equal(owed_new(&limits, 7, 1, &host->owed), 0);
	host->flights = calloc(FLIGHTS_MAX, sizeof(*host->flights));
	assert_non_null(host->flights);
	for (i = 0; i < FLIGHTS_MAX; i++)
		host->flights[i].next_free = i + 1;
	/* Only ever handed back to the stand-ins above. */
	host->store = (struct store *)&bed;
	host->lan = (struct lan *)&bed;
	host->uplink = (struct uplink *)&bed;
	host->passwords = (struct job_thread *)&bed;
	host->names = (struct job_thread *)&bed;
}

int bed_setup(void **state)
{
	struct host *host = &bed.host;

	log_set_level(LOG_EMERG);
	memset(&bed, 0, sizeof(bed));
	memset(&fake_rows, 0, sizeof(fake_rows));
	bed.boot_usec = 1000 * USEC_PER_SEC;
	bed.wall_msec = INT64_C(1700000000000);
	bed.synced = true;
	config_init(&bed.config);
	snprintf(bed.config.id, sizeof(bed.config.id), "plant");
	snprintf(bed.config.mqtt_host, sizeof(bed.config.mqtt_host), "broker.example");
	bed.config.lan_interfaces = (struct config_list){.item = {"lan0"}, .count = 1};
	host->config = &bed.config;
	host->next_operation = 1;
	host->quit = on_quit;
	start_rooms(host);
	assert_int_equal(upstream_start(host), 0);
	return 0;
}

static void forget_all(void)
{
	size_t i;

	for (i = 0; i < 64; i++)
		disk[i] = device_record_free(disk[i]);
	save_count = audit_count = alarm_count = appending_count = job_count = 0;
	fake_sent_count = fake_publication_count = 0;
	fake_connects = fake_sessions = 0;
	fake_send_result = fake_publish_result = 0;
}

/* As the gateway stops: the LAN and the uplink go before the store has answered. */
int bed_teardown(void **state)
{
	struct host *host = &bed.host;
	size_t i;

	host->lan = NULL;
	upstream_stop(host);
	host->session = uplink_session_free(host->session);
	while (job_count) {
		struct fake_job job = jobs[0];

		memmove(jobs, jobs + 1, --job_count * sizeof(jobs[0]));
		job.done(job.userdata, -ECANCELED);
	}
	store_answer_all(0);
	while (appending_count)
		appended_answer(0);
	for (i = 0; i < fake_sent_count; i++)
		if (!fake_sent[i].answered)
			sent_answer(&fake_sent[i], -ECANCELED, 0, -1, NULL);
	host->registry = registry_free(host->registry);
	host->owed = owed_free(host->owed);
	free(host->flights);
	host->pump_source = sd_event_source_disable_unref(host->pump_source);
	host->delete_timer = loop_source_free(host->delete_timer);
	host->window_timer = loop_source_free(host->window_timer);
	assert_null(timers); /* a timer that is left would fire into freed memory */
	assert_int_equal(fake_sessions_alive, 0);
	host->loop = sd_event_unref(host->loop);
	forget_all();
	return 0;
}

/* ---- steps ---- */

struct device_address address_of(const char *ip)
{
	struct device_address address = {.port = 5683, .interface = "lan0"};
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "::ffff:%s", ip);
	assert_int_equal(inet_pton(AF_INET6, mapped, &address.ip), 1);
	return address;
}

struct act act_on(enum act_kind kind, const char *device)
{
	struct act act = {.kind = kind, .role = ROLE_TECHNICIAN, .who = "anna", .via = "page"};

	snprintf(act.device, sizeof(act.device), "%s", device ? device : "");
	return act;
}

static void on_act_done(void *userdata, const struct act_outcome *outcome)
{
	struct act_try *try = userdata;

	try->answers++;
	try->outcome = *outcome;
}

void try_act(const struct act *act, struct act_try *try)
{
	*try = (struct act_try){0};
	act_do(&bed.host, act, on_act_done, try);
}

struct act_outcome acted(const struct act *act)
{
	struct act_try try;

	try_act(act, &try);
	store_answer_all(0);
	assert_int_equal(try.answers, 1);
	return try.outcome;
}

void open_window(void)
{
	struct act act = act_on(ACT_WINDOW_OPEN, NULL);

	act.number = 300;
	assert_int_equal(acted(&act).result, ACT_DONE);
}

void enrol(struct lan_exchange *exchange, const char *ep, const char *ip, const char *body)
{
	struct lan_request request = {
		.resource = LAN_ENROL,
		.method = LAN_POST,
		.peer = &exchange->peer,
		.content_format = FORMAT_JSON,
		.accept = -1,
		.payload = span_from_string(body),
		.confirmable = true,
		.exchange = exchange,
	};

	*exchange = (struct lan_exchange){.peer = {.address = address_of(ip), .verified = true}};
	snprintf(request.ep, sizeof(request.ep), "%s", ep);
	enrol_on_request(&bed.host, &request);
}

struct device *pending_device(const char *ep, const char *ip, const char *body)
{
	struct lan_exchange exchange;
	struct device *device;

	if (!window_is_open(&bed.host.window, bed.boot_usec))
		open_window();
	enrol(&exchange, ep, ip, body);
	store_answer_all(0);
	assert_int_equal(exchange.code, COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, ep);
	assert_non_null(device);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	return device;
}

struct device *active_device(const char *ep, const char *ip)
{
	struct device *device = pending_device(ep, ip, "{}");
	struct act act = act_on(ACT_APPROVE, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(lifecycle_may_publish(&device->record->life, bed.wall_msec));
	return device;
}

void report(struct lan_exchange *exchange, const char *ep, const char *ip, const char *number)
{
	struct lan_request request = {
		.resource = LAN_TELEMETRY,
		.method = LAN_POST,
		.peer = &exchange->peer,
		.content_format = FORMAT_TEXT,
		.accept = -1,
		.payload = span_from_string(number),
		.confirmable = true,
		.exchange = exchange,
	};

	*exchange = (struct lan_exchange){.peer = {.address = address_of(ip), .verified = true}};
	snprintf(request.ep, sizeof(request.ep), "%s", ep);
	reading_on_request(&bed.host, &request);
}

void link_up(void)
{
	uplink_event(UPLINK_CONNECTED);
	store_answer_all(0);
	bed_run_loop();
	assert_true(upstream_is_up(&bed.host));
}
