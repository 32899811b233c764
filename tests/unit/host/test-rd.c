/* SPDX-License-Identifier: Apache-2.0 */

/* Registrations: what they make, what they never make, and who may speak for one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/device-host.h"
#include "host/enrol.h"
#include "host/journal.h"
#include "host/rd.h"

static const char links[] = "</info>;rt=\"gatehouse.info\",</t>;if=\"core.s\";ct=110";
static const char other_links[] = "</info>;rt=\"gatehouse.info\",</new>;if=\"core.s\";ct=0";

struct registration {
	enum lan_resource resource;
	enum lan_method method;
	const char *ep, *id, *ip, *body;
	uint16_t port;
	uint32_t lifetime;
	bool base, secure, unverified;
	const char *mac;
	enum trust trust;
	int format; /* 0 = 40 */
};

static struct lan_exchange exchange;

/* The code of the answer; 0 while there is none. */
static int ask(const struct registration *what)
{
	struct lan_request request = {
		.resource = what->resource,
		.method = what->method ? what->method : LAN_POST,
		.content_format = what->body ? what->format ? what->format : FORMAT_LINK : -1,
		.accept = -1,
		.payload = span_from_string(what->body),
		.peer = &exchange.peer,
		.exchange = &exchange,
		.rd = {.lifetime = what->lifetime, .has_base = what->base},
	};

	exchange = (struct lan_exchange){.peer = {.verified = !what->unverified}};
	exchange.peer.address = address_of(what->ip ? what->ip : "10.0.0.1");
	exchange.peer.address.port = 49152;
	exchange.peer.trust = what->trust;
	if (what->mac)
		snprintf(exchange.peer.mac, sizeof(exchange.peer.mac), "%s", what->mac);
	if (what->base) {
		request.rd.base = exchange.peer.address;
		request.rd.base.port = what->port;
		request.rd.base_secure = what->secure;
	}
	snprintf(request.ep, sizeof(request.ep), "%s", what->ep ? what->ep : "");
	snprintf(request.device_id, sizeof(request.device_id), "%s", what->id ? what->id : "");
	rd_on_request(&bed.host, &request);
	return exchange.answers ? exchange.code : 0;
}

static struct device *registered(const char *ep)
{
	assert_int_equal(
		ask(&(const struct registration){.resource = LAN_RD, .ep = ep, .body = links}),
		COAP_CODE(2, 1));
	return registry_by_ep(bed.host.registry, ep);
}

/* Outlives the record, which every step replaces. */
static const char *id_of(const struct device *device)
{
	static char id[DEVICE_ID_MAX + 1];

	snprintf(id, sizeof(id), "%s", device->record->id);
	return id;
}

static void answer_info(const char *info)
{
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, info);
}

static void a_registration_is_a_sighting(void **state)
{
	struct device *device = registered("one");

	assert_int_equal(exchange.place, LAN_LOCATION_RD);
	assert_string_equal(exchange.location, device->record->id);
	assert_int_equal(device->record->found_by, FOUND_RD);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
	assert_true(device->present && device->record->is_server);
	/* It said its links: only what stands behind them is asked for. */
	assert_int_equal(fake_sent_count, 1);
	answer_info("{\"model\":\"M\"}");
	assert_string_equal(device->record->info.model, "M");
	assert_string_equal(device->record->poll_path, "/t");
	assert_true(device->record->address_bound);
	assert_int_equal(store_waiting(), 0);
	/* again: the same place, and nothing new to ask */
	assert_ptr_equal(registered("one"), device);
	assert_string_equal(exchange.location, device->record->id);
	assert_int_equal(fake_sent_count, 1);
	assert_int_equal(registry_count(bed.host.registry), 1);
	assert_int_equal(device->record->life.admission, ADMISSION_SIGHTED);
}

static void a_window_makes_it_pending(void **state)
{
	struct device *device = registered("one");

	answer_info("{}");
	open_window();
	store_answer_all(0);
	enrol_window_opened(&bed.host);
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_non_null(disk_device(device->record->id));
	assert_int_equal(disk_device(device->record->id)->found_by, FOUND_RD);
}

static void without_links_it_is_asked(void **state)
{
	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD, .ep = "one"}),
		COAP_CODE(2, 1));
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	answer_info("{\"model\":\"M\"}");
	assert_string_equal(registry_by_ep(bed.host.registry, "one")->record->info.model, "M");
}

static void links_may_change(void **state)
{
	struct device *device = registered("one");

	answer_info("{}");
	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD, .ep = "one", .body = other_links}),
		COAP_CODE(2, 1));
	answer_info("{}");
	assert_string_equal(device->record->poll_path, "/new");
	assert_int_equal(device->record->poll_format, 0);
}

/* Nothing is asked of an address that may be forged, and nothing of it is believed. */
static void an_unproved_address_is_left_alone(void **state)
{
	const struct registration what = {
		.resource = LAN_RD, .ep = "one", .body = links, .unverified = true};
	struct device_address address = address_of("10.0.0.1"), other = address_of("10.0.0.9");
	struct device *device;

	open_window();
	assert_int_equal(ask(&what), COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, "one");
	device_host_probe(&bed.host, device);
	assert_int_equal(fake_sent_count, 0);
	assert_false(device->record->address_bound);
	rd_on_reachable(&bed.host, &other);
	assert_int_equal(fake_sent_count, 0);
	rd_on_reachable(&bed.host, &address);
	answer_info("{}");
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_string_equal(device->record->poll_path, "/t");
	assert_int_equal(bed.host.rd_unproved, 0);
	/* one that is bound keeps what it had until the address answers again */
	assert_int_equal(
		ask(&(const struct registration){
			.resource = LAN_RD, .ep = "one", .body = other_links, .unverified = true}),
		COAP_CODE(2, 1));
	assert_string_equal(device_host(device)->links->source[0].path, "/t");
	rd_on_reachable(&bed.host, &address);
	assert_string_equal(device_host(device)->links->source[0].path, "/new");
}

static void what_is_refused(void **state)
{
	static const struct {
		struct registration what;
		int code;
	} rows[] = {
		{{LAN_RD}, COAP_CODE(4, 0)},
		{{LAN_RD_SIMPLE}, COAP_CODE(4, 0)},
		{{LAN_RD, .ep = "a", .body = "no list"}, COAP_CODE(4, 0)},
		{{LAN_RD, .ep = "a", .body = "</a>", .format = 60}, COAP_CODE(4, 15)},
		{{LAN_RD_SIMPLE, .ep = "a", .body = "</a>"}, COAP_CODE(4, 0)},
		{{LAN_RD_SIMPLE, .ep = "a", .base = true, .port = 1}, COAP_CODE(4, 0)},
		{{LAN_RD_ENTRY, .id = "nobody-1234"}, COAP_CODE(4, 4)},
		{{LAN_RD_ENTRY, LAN_DELETE, .id = "nobody-1234"}, COAP_CODE(4, 4)},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(ask(&rows[i].what), rows[i].code);
	assert_int_equal(registry_count(bed.host.registry), 0);
	bed.config.plain = PLAIN_REFUSE;
	assert_int_equal(ask(&(const struct registration){LAN_RD, .ep = "a"}), COAP_CODE(4, 3));
	bed.config.plain = PLAIN_APPROVE;
	bed.config.new_per_minute = 1;
	registered("one");
	assert_int_equal(ask(&(const struct registration){LAN_RD, .ep = "two"}), COAP_CODE(5, 3));
	assert_int_equal(exchange.max_age, 60);
	assert_int_equal(registry_count(bed.host.registry), 1);
}

static void a_name_stays_with_its_address(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");

	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD, .ep = "one", .ip = "10.0.0.2", .body = links}),
		COAP_CODE(4, 3));
	assert_true(host_alarm_is_active(&bed.host, ALARM_NAME_CONFLICT, device->record->id));
	assert_true(device_address_same_host(&device->record->address,
		&(struct device_address){.ip = address_of("10.0.0.1").ip, .interface = "lan0"}));
	/* Who enrols by itself may register too; it is not asked for all that. */
	assert_ptr_equal(registered("one"), device);
	assert_int_equal(fake_sent_count, 0);
	assert_false(device->record->is_server);
	/* A sighting that nobody proved may be somebody else's. */
	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD, .ep = "two", .unverified = true}),
		COAP_CODE(2, 1));
	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD, .ep = "two", .ip = "10.0.0.2", .body = links}),
		COAP_CODE(2, 1));
	answer_info("{}");
	device = registry_by_ep(bed.host.registry, "two");
	assert_true(device->record->address_bound);
	assert_int_equal(device->record->address.ip.s6_addr[15], 2);
}

static void who_is_blocked_stays_outside(void **state)
{
	struct device *device = registered("one");
	struct act act = act_on(ACT_BLOCK, device->record->id);

	answer_info("{}");
	acted(&act);
	assert_int_equal(ask(&(const struct registration){LAN_RD, .ep = "one"}), COAP_CODE(4, 3));
	assert_int_equal(ask(&(const struct registration){LAN_RD_ENTRY, .id = device->record->id}),
		COAP_CODE(4, 3));
}

static void the_port_follows_unless_it_was_said(void **state)
{
	struct device *device = registered("one");
	const char *id = id_of(device);

	assert_int_equal(device->record->address.port, 49152);
	assert_int_equal(ask(&(const struct registration){
				 LAN_RD_ENTRY, .id = id, .base = true, .port = 5683}),
		COAP_CODE(2, 4));
	assert_int_equal(device->record->address.port, 5683);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_int_equal(device->record->address.port, 5683);
	/* a new registration forgets what the old one said */
	registered("one");
	assert_int_equal(device->record->address.port, 49152);
}

/* What came over DTLS says nothing of where it could be asked in clear, unless it says so itself.
 */
static void a_session_is_no_place_to_ask_at(void **state)
{
	struct device *device;

	assert_int_equal(
		ask(&(const struct registration){
			.resource = LAN_RD, .ep = "one", .body = links, .trust = TRUST_PSK}),
		COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, "one");
	assert_true(device->present);
	bed_advance(600 * USEC_PER_SEC);
	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD_ENTRY,
				 .ep = "one",
				 .id = device->record->id,
				 .trust = TRUST_PSK}),
		COAP_CODE(2, 4));
	bed_advance(600 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, 0);
	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD_SIMPLE, .ep = "one", .trust = TRUST_PSK}),
		COAP_CODE(4, 0));
	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD,
				 .ep = "one",
				 .body = links,
				 .base = true,
				 .port = 5683,
				 .trust = TRUST_PSK}),
		COAP_CODE(2, 1));
	assert_int_equal(sent_to("/info")->outgoing.to.port, 5683);
}

/* Who said that it serves over DTLS is not asked in clear there because an update does not say it
 * again. */
static void how_it_serves_stays_with_its_port(void **state)
{
	struct device *device;
	const char *id;

	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD,
				 .ep = "one",
				 .body = links,
				 .base = true,
				 .secure = true,
				 .port = 5684}),
		COAP_CODE(2, 1));
	device = registry_by_ep(bed.host.registry, "one");
	id = id_of(device);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_int_equal(device->record->address.port, 5684);
	bed_advance(600 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, 0);
	/* until it says so */
	assert_int_equal(ask(&(const struct registration){
				 LAN_RD_ENTRY, .id = id, .base = true, .port = 5683}),
		COAP_CODE(2, 4));
	assert_int_equal(sent_to("/.well-known/core")->outgoing.to.port, 5683);
}

/* The same of a port that mDNS said. */
static void a_registration_in_clear_opens_no_other_port(void **state)
{
	struct discovery_sighting sighting = {.ep = "one",
		.address = address_of("10.0.0.1"),
		.found_by = FOUND_MDNS,
		.secure = true};
	struct device *device;

	sighting.address.port = 5684;
	device_host_on_appeared(&bed.host, &sighting);
	device = registered("one");
	assert_int_equal(device->record->address.port, 5684);
	bed_advance(600 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, 0);
}

static void lifetimes_end_and_begin_again(void **state)
{
	struct device *device = registered("one");
	const char *id = id_of(device);

	assert_int_equal(bed_timer_left("rd-expiry"), 90000 * USEC_PER_SEC);
	answer_info("{}");
	open_window();
	store_answer_all(0);
	enrol_window_opened(&bed.host);
	store_answer_all(0);
	assert_int_equal(ask(&(const struct registration){LAN_RD_ENTRY, .id = id, .lifetime = 60}),
		COAP_CODE(2, 4));
	bed_advance(59 * USEC_PER_SEC);
	assert_true(device->present);
	/* without lt the last one holds */
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_int_equal(bed_timer_left("rd-expiry"), 60 * USEC_PER_SEC);
	bed_advance(61 * USEC_PER_SEC);
	/* late, and still what it was */
	assert_false(device->present);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_true(device->present);
	/* one that nobody decided on goes */
	registered("two");
	ask(&(const struct registration){LAN_RD, .ep = "two", .lifetime = 5, .body = links});
	bed_advance(6 * USEC_PER_SEC);
	assert_null(registry_by_ep(bed.host.registry, "two"));
}

static void removal_is_its_own(void **state)
{
	struct device *device = registered("one");
	char id[DEVICE_ID_MAX + 1];

	snprintf(id, sizeof(id), "%s", device->record->id);
	answer_info("{}");
	open_window();
	store_answer_all(0);
	enrol_window_opened(&bed.host);
	store_answer_all(0);
	assert_int_equal(ask(&(const struct registration){
				 LAN_RD_ENTRY, LAN_DELETE, .id = id, .ip = "10.0.0.2"}),
		COAP_CODE(4, 4));
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id, .ip = "10.0.0.2"}),
		COAP_CODE(4, 4));
	assert_int_equal(ask(&(const struct registration){LAN_RD_ENTRY, .id = id, .body = "</x>"}),
		COAP_CODE(4, 0));
	assert_true(device->present);
	assert_int_equal(ask(&(const struct registration){LAN_RD_ENTRY, LAN_DELETE, .id = id}), 0);
	store_answer_all(0);
	assert_int_equal(exchange.code, COAP_CODE(2, 2));
	assert_false(device->present);
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(4, 4));
	/* it registers again: the same place */
	assert_ptr_equal(registered("one"), device);
	assert_string_equal(exchange.location, id);
	assert_true(device->present);
	/* a mere sighting goes with its registration */
	device = registered("two");
	assert_int_equal(ask(&(const struct registration){
				 LAN_RD_ENTRY, LAN_DELETE, .id = device->record->id}),
		COAP_CODE(2, 2));
	assert_null(registry_by_ep(bed.host.registry, "two"));
}

/* One that waits for a person, with its record on disk. */
static struct device *waits(const char *ep)
{
	struct device *device = registered(ep);

	answer_info("{}");
	open_window();
	store_answer_all(0);
	enrol_window_opened(&bed.host);
	store_answer_all(0);
	assert_non_null(disk_device(device->record->id));
	return device;
}

/* After our restart nothing is known of a registration but what is on disk. */
static void forget(struct device *device)
{
	rd_detach(device_host(device));
	device->present = false;
}

static void a_location_survives_a_restart(void **state)
{
	struct device *device = waits("one");
	const char *id = id_of(device);

	forget(device);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id, .ip = "10.0.0.2"}),
		COAP_CODE(4, 4));
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id, .unverified = true}),
		COAP_CODE(2, 4));
	assert_true(device->present);
	assert_int_equal(bed_timer_left("rd-expiry"), 90000 * USEC_PER_SEC);
}

/* Its lifetime is that of before, and it says something of a port only if it did so before. */
static void what_it_said_survives_a_restart(void **state)
{
	struct device *device = waits("one");
	const char *id = id_of(device);

	assert_int_equal(disk_device(id)->rd_lifetime, RD_LIFETIME_DEFAULT);
	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD,
				 .ep = "one",
				 .body = links,
				 .lifetime = 60,
				 .base = true,
				 .port = 6000}),
		COAP_CODE(2, 1));
	store_answer_all(0);
	assert_int_equal(disk_device(id)->rd_lifetime, 60);
	assert_true(disk_device(id)->rd_port_said);
	assert_int_equal(disk_device(id)->address.port, 6000);
	/* what says the same is not written again */
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_int_equal(store_waiting(), 0);
	forget(device);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_int_equal(bed_timer_left("rd-expiry"), 60 * USEC_PER_SEC);
	assert_int_equal(device->record->address.port, 6000);
	assert_int_equal(store_waiting(), 0);
	bed_advance(61 * USEC_PER_SEC);
	assert_false(device->present);
	/* a registration without the port: it follows from now on, and after a restart */
	registered("one");
	store_answer_all(0);
	assert_int_equal(disk_device(id)->rd_lifetime, RD_LIFETIME_DEFAULT);
	forget(device);
	device->record->address.port = 5683;
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_int_equal(device->record->address.port, 49152);
}

/* What a restart leaves: what is on disk, and nothing that was found out since. */
static void restart(struct device *device)
{
	struct device_record *record;

	/* What was asked is called off, as when the LAN ends. */
	for (size_t i = 0; i < fake_sent_count; i++)
		if (!fake_sent[i].answered)
			sent_answer(&fake_sent[i], -ECANCELED, 0, -1, NULL);
	assert_int_equal(device_record_copy(disk_device(device->record->id), &record), 0);
	device_host_renew(device_host(device));
	device->present = false;
	assert_int_equal(registry_replace(bed.host.registry, device, record), 0);
	fake_sent_count = 0;
}

static void a_port_of_dtls_is_not_asked_in_clear_after_a_restart(void **state)
{
	struct device *device = waits("one");
	const char *id = id_of(device);
	const struct registration plain = {LAN_RD_ENTRY, .id = id, .base = true, .port = 5683};

	assert_int_equal(ask(&(const struct registration){LAN_RD_ENTRY, .id = id, .base = true,
				 .secure = true, .port = 5684}),
		COAP_CODE(2, 4));
	assert_false(device_host_is_ready(device_host(device)));
	store_answer_all(0);
	restart(device);
	assert_int_equal(device->record->address.port, 5684);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
	assert_false(device_host_is_ready(device_host(device)));
	bed_advance(600 * USEC_PER_SEC);
	assert_int_equal(fake_sent_count, 0);
	/* the same port, and another way to serve there: that is on file as well */
	assert_int_equal(ask(&plain), COAP_CODE(2, 4));
	store_answer_all(0);
	assert_int_equal(sent_to("/.well-known/core")->outgoing.to.port, 5683);
	restart(device);
	assert_int_equal(ask(&plain), COAP_CODE(2, 4));
	assert_int_equal(sent_to("/.well-known/core")->outgoing.to.port, 5683);
}

static void who_removed_itself_is_not_known_after_a_restart(void **state)
{
	struct device *device = waits("one");
	const char *id = id_of(device);
	const struct registration update = {LAN_RD_ENTRY, .id = id},
				  removal = {LAN_RD_ENTRY, LAN_DELETE, .id = id};

	/* it is answered when that is on file, and until then neither here nor gone */
	assert_int_equal(ask(&removal), 0);
	assert_true(device->present);
	assert_int_equal(ask(&update), COAP_CODE(4, 4));
	assert_int_equal(ask(&removal), COAP_CODE(4, 4));
	store_answer_all(0);
	assert_int_equal(disk_device(id)->rd_lifetime, 0);
	assert_false(device->present);
	forget(device);
	assert_int_equal(ask(&update), COAP_CODE(4, 4));
	assert_int_equal(ask(&removal), COAP_CODE(4, 4));
	/* without space it stays */
	registered("one");
	store_answer_all(0);
	assert_int_equal(ask(&removal), 0);
	store_answer_all(-ENOSPC);
	assert_int_equal(exchange.code, COAP_CODE(5, 3));
	assert_true(device->present);
	assert_int_equal(ask(&update), COAP_CODE(2, 4));
	/* after a restart there is nothing but the file, and it is removed from there */
	store_answer_all(0);
	forget(device);
	assert_int_equal(ask(&removal), 0);
	store_answer_all(0);
	assert_int_equal(exchange.code, COAP_CODE(2, 2));
	assert_int_equal(disk_device(id)->rd_lifetime, 0);
}

/* It changed its mind while its removal was on its way to the disk. */
static void who_registers_anew_meanwhile_stays(void **state)
{
	struct device *device = waits("one");
	const char *id = id_of(device);

	assert_int_equal(ask(&(const struct registration){LAN_RD_ENTRY, LAN_DELETE, .id = id}), 0);
	/* The exchange of the test is one only: this one's answer is seen first, that one's last.
	 */
	registered("one");
	store_answer_all(0);
	assert_int_equal(exchange.code, COAP_CODE(2, 2));
	assert_true(device->present);
	assert_int_equal(disk_device(id)->rd_lifetime, RD_LIFETIME_DEFAULT);
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id}), COAP_CODE(2, 4));
}

/* It says something else each time: the disk is spared, and ends with what it said last. */
static void who_always_says_something_else_wears_no_disk(void **state)
{
	struct device *device = waits("one");
	const char *id = id_of(device);
	unsigned written = 0;

	for (uint32_t i = 1; i <= 100; i++) {
		assert_int_equal(ask(&(const struct registration){
					 LAN_RD_ENTRY, .id = id, .lifetime = 1000 + i}),
			COAP_CODE(2, 4));
		written += (unsigned)store_waiting();
		store_answer_all(0);
	}
	assert_true(written > 0 && written < 10);
	assert_true(disk_device(id)->rd_lifetime < 1100);
	bed_advance(60 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(disk_device(id)->rd_lifetime, 1100);
	/* what was not taken is brought once more */
	assert_int_equal(
		ask(&(const struct registration){LAN_RD_ENTRY, .id = id, .lifetime = 7000}),
		COAP_CODE(2, 4));
	store_answer_all(-ENOSPC);
	assert_int_equal(disk_device(id)->rd_lifetime, 1100);
	bed_advance(61 * USEC_PER_SEC);
	store_answer_all(0);
	assert_int_equal(disk_device(id)->rd_lifetime, 7000);
}

static void simple_registration_waits_for_the_links(void **state)
{
	const struct registration what = {.resource = LAN_RD_SIMPLE, .ep = "one"};
	struct device *device;

	assert_int_equal(ask(&what), 0);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	assert_int_equal(exchange.code, COAP_CODE(2, 4));
	assert_string_equal(exchange.location, "");
	answer_info("{}");
	device = registry_by_ep(bed.host.registry, "one");
	assert_true(device_host(device)->probed);
	/* repeated soon: answered from what is known; later its links are read anew */
	assert_int_equal(ask(&what), COAP_CODE(2, 4));
	bed_advance(61 * USEC_PER_SEC);
	assert_int_equal(ask(&what), 0);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, other_links);
	assert_int_equal(exchange.code, COAP_CODE(2, 4));
	answer_info("{}");
	assert_string_equal(device->record->poll_path, "/new");
}

static void simple_registration_that_fails(void **state)
{
	struct device_address address = address_of("10.0.0.1");

	/* its links cannot be read */
	assert_int_equal(
		ask(&(const struct registration){.resource = LAN_RD_SIMPLE, .ep = "one"}), 0);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(4, 4), -1, NULL);
	assert_int_equal(exchange.code, COAP_CODE(5, 4));
	/* nobody is there: the question is asked once, and given up */
	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD_SIMPLE, .ep = "two", .unverified = true}),
		0);
	assert_null(sent_to("/.well-known/core"));
	bed_advance(26 * USEC_PER_SEC);
	assert_int_equal(exchange.code, COAP_CODE(5, 4));
	/* it answers late: the one who asked last gets the answer */
	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD_SIMPLE, .ep = "two", .unverified = true}),
		0);
	rd_on_reachable(&bed.host, &address);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	assert_int_equal(exchange.code, COAP_CODE(2, 4));
	/* the device goes while it waits */
	assert_int_equal(ask(&(const struct registration){
				 .resource = LAN_RD_SIMPLE, .ep = "six", .unverified = true}),
		0);
	registry_remove(bed.host.registry, registry_by_ep(bed.host.registry, "six"));
	assert_true(exchange.silent);
}

static void two_ways_keep_it_present(void **state)
{
	struct device *device = registered("one");
	struct discovery_sighting sighting = {
		.ep = "one", .address = address_of("10.0.0.1"), .found_by = FOUND_MDNS};

	device_host_on_appeared(&bed.host, &sighting);
	assert_int_equal(device->record->address.port, 5683);
	registered("one"); /* from its other port: who announces itself has said its own */
	assert_int_equal(device->record->address.port, 5683);
	device_host_on_vanished(&bed.host, &sighting);
	assert_true(device->present);
	assert_int_equal(ask(&(const struct registration){
				 LAN_RD_ENTRY, LAN_DELETE, .id = device->record->id}),
		COAP_CODE(2, 2));
	assert_null(registry_by_ep(bed.host.registry, "one"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

/* A device that goes to and fro is served beyond the moves that are written; it is found where its
 * record says, and nowhere after it is gone. */
static void an_index_follows_its_record(void **state)
{
	static const char *const ip[] = {"10.0.0.1", "10.0.0.7"};
	const struct device_address at[] = {address_of(ip[0]), address_of(ip[1])};
	struct device *device = registered("one");
	struct device_address bound;

	neighbour(ip[0], "02:00:00:00:00:0a");
	answer_info("{}");
	assert_string_equal(device->record->mac, "02:00:00:00:00:0a");
	for (int i = 0; i < 40; i++) {
		assert_int_equal(ask(&(const struct registration){.resource = LAN_RD,
					 .ep = "one",
					 .body = links,
					 .ip = ip[i & 1],
					 .mac = "02:00:00:00:00:0a"}),
			COAP_CODE(2, 1));
		store_answer_all(0);
		bound = device->record->address;
		assert_ptr_equal(registry_by_address(bed.host.registry, &bound, NULL), device);
	}
	registry_remove(bed.host.registry, device);
	for (int i = 0; i < 2; i++)
		assert_null(registry_by_address(bed.host.registry, &at[i], NULL));
}

/* A proof from elsewhere takes a bound name; at /rd it leaves the binding where it is. */
static void a_proof_moves_no_index(void **state)
{
	const struct device_address here = address_of("10.0.0.1"), there = address_of("10.0.0.9");
	struct device *device = registered("one");

	answer_info("{}");
	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD,
				 .ep = "one",
				 .body = links,
				 .ip = "10.0.0.9",
				 .trust = TRUST_PSK}),
		COAP_CODE(2, 1));
	store_answer_all(0);
	assert_true(device_address_same_host(&device->record->address, &here));
	assert_ptr_equal(registry_by_address(bed.host.registry, &here, NULL), device);
	registry_remove(bed.host.registry, device);
	assert_null(registry_by_address(bed.host.registry, &here, NULL));
	assert_null(registry_by_address(bed.host.registry, &there, NULL));
}

/* The location of a device that proves itself is as closed to the rest as its name. */
static void a_location_has_the_tier_of_its_name(void **state)
{
	struct device *device = registered("one");
	char id[DEVICE_ID_MAX + 1];

	answer_info("{}");
	snprintf(id, sizeof(id), "%s", device->record->id);
	device->record->trust = TRUST_PSK;
	device->record->address_bound = false;
	assert_true(device->present);
	for (int i = 0; i < 2; i++) {
		const struct registration plain = {
			.resource = LAN_RD_ENTRY, .id = id, .method = i ? LAN_DELETE : LAN_POST};
		assert_int_equal(ask(&plain), COAP_CODE(4, 4));
		assert_true(device->present);
	}
	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD_ENTRY,
				 .id = id,
				 .ep = "two",
				 .trust = TRUST_PSK,
				 .method = LAN_DELETE}),
		COAP_CODE(4, 4));
	assert_true(device->present);
	assert_int_equal(ask(&(const struct registration){.resource = LAN_RD_ENTRY,
				 .id = id,
				 .ep = "one",
				 .ip = "10.0.0.9",
				 .trust = TRUST_PSK}),
		COAP_CODE(2, 4));
	store_answer_all(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_registration_is_a_sighting),
		T(a_window_makes_it_pending),
		T(without_links_it_is_asked),
		T(links_may_change),
		T(an_unproved_address_is_left_alone),
		T(what_is_refused),
		T(a_name_stays_with_its_address),
		T(who_is_blocked_stays_outside),
		T(the_port_follows_unless_it_was_said),
		T(a_session_is_no_place_to_ask_at),
		T(how_it_serves_stays_with_its_port),
		T(a_registration_in_clear_opens_no_other_port),
		T(lifetimes_end_and_begin_again),
		T(removal_is_its_own),
		T(a_location_survives_a_restart),
		T(what_it_said_survives_a_restart),
		T(a_port_of_dtls_is_not_asked_in_clear_after_a_restart),
		T(who_removed_itself_is_not_known_after_a_restart),
		T(who_registers_anew_meanwhile_stays),
		T(who_always_says_something_else_wears_no_disk),
		T(simple_registration_waits_for_the_links),
		T(simple_registration_that_fails),
		T(two_ways_keep_it_present),
		cmocka_unit_test_setup_teardown(
			an_index_follows_its_record, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(a_proof_moves_no_index, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			a_location_has_the_tier_of_its_name, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
