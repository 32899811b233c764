/* SPDX-License-Identifier: Apache-2.0 */

/* Devices that are servers: what is observed, what is read, and what neither may be. */

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
#include "host/profile-host.h"
#include "host/telemetry.h"

#define SENML "[{\"n\":\"t\",\"v\":1}]"

static struct device *appeared(const char *ep, const char *ip)
{
	struct discovery_sighting sighting = {.address = address_of(ip), .found_by = FOUND_MDNS};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_appeared(&bed.host, &sighting);
	return registry_by_ep(bed.host.registry, ep);
}

static struct device *sighted(const char *links)
{
	struct device *device;

	open_window();
	device = appeared("one", "10.0.0.1");
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	store_answer_all(0);
	return device;
}

static struct device *approved(const char *links)
{
	struct device *device = sighted(links);
	struct act act = act_on(ACT_APPROVE, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	bed_advance(1);
	return device;
}

static uint64_t interval_usec(void)
{
	return bed.config.poll_interval * USEC_PER_SEC;
}

static void notice(const char *path, const char *body, bool goes_on)
{
	observed_notify(observed_at(path), &(const struct lan_notice){.code = COAP_CODE(2, 5),
						   .format = FORMAT_SENML_JSON,
						   .payload = span_from_string(body),
						   .goes_on = goes_on});
}

static void failure(const char *path, int result)
{
	observed_notify(
		observed_at(path), &(const struct lan_notice){.result = result, .format = -1});
}

static void nothing_before_somebody_decided(void **state)
{
	struct device *device = sighted("</t>;obs;ct=110,</u>;if=\"core.s\"");

	assert_string_equal(device_host(device)->driver->name, "plain");
	bed_advance(10 * interval_usec());
	assert_int_equal(fake_observed_count, 0);
	assert_null(sent_to("/t"));
	assert_null(sent_to("/u"));
}

static void observed_once_approved(void **state)
{
	struct device *device = approved("</t>;obs;ct=110,</u>;if=\"core.s\";ct=0");

	assert_int_equal(fake_observed_count, 1);
	assert_int_equal(observed_at("/t")->accept, 110);
	notice("/t", SENML, true);
	notice("/t", SENML, true);
	assert_int_equal(appended_waiting(), 2);
	appended_answer(0);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 2);
	/* the other one is read beside it */
	assert_null(sent_to("/u"));
	bed_advance(interval_usec());
	sent_answer(sent_to("/u"), 0, COAP_CODE(2, 5), -1, "21.5");
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	assert_int_equal(fake_observed_count, 1);
}

static void one_that_does_not_notify_is_read(void **state)
{
	approved("</t>;obs;ct=110");
	notice("/t", SENML, false); /* an answer without Observe */
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	bed_advance(interval_usec());
	assert_int_equal(fake_observed_count, 1);
	sent_answer(sent_to("/t"), 0, COAP_CODE(2, 5), 110, SENML);
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
}

static void the_first_block_alone_is_not_a_reading(void **state)
{
	approved("</t>;obs;ct=110");
	observed_notify(observed_at("/t"), &(const struct lan_notice){.code = COAP_CODE(2, 5),
						   .format = 110,
						   .payload = SPAN_LITERAL("[{\"n\""),
						   .partial = true});
	assert_int_equal(appended_waiting(), 0);
	sent_answer(sent_to("/t"), 0, COAP_CODE(2, 5), 110, SENML);
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
}

static void one_that_is_gone_is_tried_later_and_later(void **state)
{
	unsigned i;

	approved("</t>;obs;ct=110");
	failure("/t", -ETIMEDOUT);
	bed_advance(interval_usec());
	assert_int_equal(fake_observed_count, 2);
	failure("/t", -ECONNREFUSED);
	bed_advance(interval_usec());
	assert_int_equal(fake_observed_count, 2);
	bed_advance(interval_usec());
	assert_int_equal(fake_observed_count, 3);
	for (i = 0; i < 10; i++) {
		failure("/t", -ETIMEDOUT);
		bed_advance(8 * interval_usec());
	}
	assert_int_equal(fake_observed_count, 13);
	/* it is back */
	notice("/t", SENML, true);
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	observed_notify(observed_at("/t"),
		&(const struct lan_notice){.code = COAP_CODE(4, 4), .format = -1});
	bed_advance(interval_usec());
	assert_int_equal(fake_observed_count, 14);
}

static void seen_again(void **state)
{
	struct discovery_sighting sighting = {
		.ep = "one", .address = address_of("10.0.0.1"), .found_by = FOUND_MDNS};

	approved("</t>;obs;ct=110");
	device_host_on_appeared(&bed.host, &sighting);
	assert_int_equal(observed_at("/t")->again, 1);
	/* at another port: the old observation is of nobody */
	sighting.address.port = 6000;
	device_host_on_appeared(&bed.host, &sighting);
	assert_true(fake_observed[0].left);
	bed_advance(1);
	assert_int_equal(fake_observed_count, 2);
	assert_int_equal(observed_at("/t")->to.port, 6000);
}

static void at_the_limit_it_is_read(void **state)
{
	fake_observe_result = -EBUSY;
	approved("</t>;obs;ct=110");
	sent_answer(sent_to("/t"), 0, COAP_CODE(2, 5), 110, SENML);
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	fake_observe_result = 0;
	bed_advance(interval_usec());
	assert_non_null(observed_at("/t"));
}

/* All places are taken: it waits for one, and not for its next interval. */
static void while_others_are_asked_it_waits_a_moment(void **state)
{
	approved("</u>;if=\"core.s\";ct=0");
	fake_send_result = -EBUSY;
	bed_advance(interval_usec());
	assert_null(sent_to("/u"));
	assert_true(bed_timer_left("poll") < 2 * USEC_PER_SEC);
	bed_advance(2 * USEC_PER_SEC);
	assert_null(sent_to("/u"));
	fake_send_result = 0;
	bed_advance(2 * USEC_PER_SEC);
	sent_answer(sent_to("/u"), 0, COAP_CODE(2, 5), -1, "21.5");
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	/* then it is as before; another failure waits for the whole interval */
	assert_true(bed_timer_left("poll") > interval_usec() / 2);
	fake_send_result = -ENETUNREACH;
	bed_advance(interval_usec());
	assert_true(bed_timer_left("poll") > interval_usec() / 2);
}

static void takes_leave(enum act_kind kind, bool comes_back)
{
	struct device *device = approved("</t>;obs;ct=110,</u>;if=\"core.s\"");
	struct act act = act_on(kind, device->record->id);
	struct fake_sent *late;

	bed_advance(interval_usec());
	late = sent_to("/u");
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_true(fake_observed[0].left);
	sent_answer(late, 0, COAP_CODE(2, 5), 110, SENML);
	bed_advance(10 * interval_usec());
	assert_int_equal(appended_waiting(), 0);
	assert_int_equal(fake_observed_count, 1);
	assert_null(sent_to("/u"));
	if (!comes_back)
		return;
	act = act_on(ACT_RESUME, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	bed_advance(1);
	assert_int_equal(fake_observed_count, 2);
}

static void suspended_and_resumed(void **state)
{
	takes_leave(ACT_SUSPEND, true);
}

static void revoked(void **state)
{
	takes_leave(ACT_REVOKE, false);
}

static void forgotten_while_it_is_asked(void **state)
{
	struct device *device = approved("</t>;obs;ct=110,</u>;if=\"core.s\"");
	struct act act = act_on(ACT_REVOKE, device->record->id);
	struct fake_sent *late;

	bed_advance(interval_usec());
	late = sent_to("/u");
	acted(&act);
	act.kind = ACT_FORGET;
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(registry_count(bed.host.registry), 0);
	assert_true(fake_observed[0].left);
	sent_answer(late, 0, COAP_CODE(2, 5), 110, SENML);
	assert_int_equal(appended_waiting(), 0);
}

static void not_more_sources_than_there_is_place(void **state)
{
	char links[1024] = "</s0>;obs";
	unsigned i;

	for (i = 1; i < 20; i++)
		snprintf(links + strlen(links), sizeof(links) - strlen(links), ",</s%u>;obs", i);
	approved(links);
	assert_int_equal(fake_observed_count, SOURCES_MAX);
}

/* All of the directory, or nothing. */
static int reload_profiles(void)
{
	struct profiles *next = NULL;
	int r = profiles_read(&bed.host, &next);

	if (r >= 0)
		profiles_replace(&bed.host, next);
	return r;
}

/* A profile that comes with a reload: the device is asked anew, and read by it. */
static void a_profile_that_comes_later(void **state)
{
	char directory[] = "/tmp/gh-profiles-XXXXXX", path[64];
	struct device *device;
	FILE *file;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/lamp.conf", directory);
	snprintf(bed.config.lan_profiles, sizeof(bed.config.lan_profiles), "%s", directory);
	assert_int_equal(profiles_start(&bed.host), 0);
	assert_int_equal(bed.host.profiles->count, 0);
	device = approved("</lamp>;rt=\"x.lamp\"");
	bed_advance(2 * interval_usec());
	assert_null(sent_to("/lamp"));

	file = fopen(path, "w");
	fputs("match { rt = \"x.lamp\" }\n", file); /* nothing to read: refused */
	fclose(file);
	assert_int_equal(reload_profiles(), -EINVAL);
	assert_int_equal(bed.host.profiles->count, 0);
	file = fopen(path, "w");
	fputs("match { rt = { \"x.lamp\" } }\nread { path = \"/lamp\" format = text "
	      "interval = 7 unit = \"lx\" }\n",
		file);
	fclose(file);
	assert_int_equal(reload_profiles(), 0);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK,
		"</lamp>;rt=\"x.lamp\"");
	store_answer_all(0);
	bed_advance(7 * USEC_PER_SEC);
	sent_answer(sent_to("/lamp"), 0, COAP_CODE(2, 5), -1, "300");
	assert_int_equal(appended_waiting(), 1);
	appended_answer(0);
	assert_int_equal(owed_device_count(bed.host.owed, device->record->row), 1);
	/* the same once more changes nothing; without it, it is not read */
	assert_int_equal(reload_profiles(), 0);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK,
		"</lamp>;rt=\"x.lamp\"");
	store_answer_all(0);
	bed_advance(7 * USEC_PER_SEC);
	sent_answer(sent_to("/lamp"), 0, COAP_CODE(2, 5), -1, "300");
	appended_answer(0);
	remove(path);
	assert_int_equal(reload_profiles(), 0);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK,
		"</lamp>;rt=\"x.lamp\"");
	store_answer_all(0);
	bed_advance(2 * interval_usec());
	assert_null(sent_to("/lamp"));
	remove(directory);
	free(bed.host.profiles);
	bed.host.profiles = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_before_somebody_decided),
		T(observed_once_approved),
		T(one_that_does_not_notify_is_read),
		T(the_first_block_alone_is_not_a_reading),
		T(one_that_is_gone_is_tried_later_and_later),
		T(seen_again),
		T(at_the_limit_it_is_read),
		T(while_others_are_asked_it_waits_a_moment),
		T(suspended_and_resumed),
		T(revoked),
		T(forgotten_while_it_is_asked),
		T(not_more_sources_than_there_is_place),
		T(a_profile_that_comes_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
