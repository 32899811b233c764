/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One host with nothing real around it but core and the drivers, and clocks that go on when the
 * test says so. The rooms are in fake-store.c and fake-rooms.c.
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
#include "host/act.h"
#include "host/enrol.h"
#include "host/reading.h"
#include "host/upstream.h"
#include "host/withdraw.h"

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
	do {
		while (sd_event_run(bed.host.loop, 0) > 0)
			;
	} while (!fake_rows.fetch_by_hand && store_serve_fetch());
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

/* As the gateway stops: the LAN and the uplink go before the store has answered. */
int bed_teardown(void **state)
{
	struct host *host = &bed.host;

	host->lan = NULL;
	upstream_stop(host);
	host->session = uplink_session_free(host->session);
	jobs_end();
	store_end();
	lan_end();
	reading_drops_free(host);
	host->registry = registry_free(host->registry);
	host->owed = owed_free(host->owed);
	gaps_free_all(host);
	token_import_end(host);
	token_names_clear(&host->tokens);
	label_import_end(host);
	label_book_clear(&host->labels);
	free(host->flights);
	host->pump_source = sd_event_source_disable_unref(host->pump_source);
	host->delete_timer = loop_source_free(host->delete_timer);
	host->pace_timer = loop_source_free(host->pace_timer);
	host->trim.timer = loop_source_free(host->trim.timer);
	host->window_timer = loop_source_free(host->window_timer);
	host->scan_timer = loop_source_free(host->scan_timer);
	host->multicast_timer = loop_source_free(host->multicast_timer);
	withdrawings_free_all(host);
	host->repeat_timer = loop_source_free(host->repeat_timer);
	assert_null(timers); /* a timer that is left would fire into freed memory */
	assert_int_equal(fake_sessions_alive, 0);
	host->loop = sd_event_unref(host->loop);
	store_reset();
	rooms_reset();
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

void try_keep(void *userdata, const struct act_outcome *outcome)
{
	struct act_try *try = userdata;

	try->answers++;
	try->outcome = *outcome;
}

void try_act(const struct act *act, struct act_try *try)
{
	*try = (struct act_try){0};
	act_do(&bed.host, act, try_keep, try);
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
		.confirmable = true,
		.exchange = exchange,
	};
	char copy[4096]; /* a body may be wiped */

	snprintf(copy, sizeof(copy), "%s", body ? body : "");
	request.payload = span_from_string(copy);
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
	/* After a loss it is tried again when the back-off is over. */
	for (int i = 0; i < 300 && bed.host.link != LINK_CONNECTING; i++)
		bed_advance(USEC_PER_SEC);
	uplink_event(UPLINK_CONNECTED);
	store_answer_all(0);
	bed_run_loop();
	assert_true(upstream_is_up(&bed.host));
}
