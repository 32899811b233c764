/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens that devices bring: who may, until when, and what never happens to one that a person
 * imported.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/brought.h"
#include "host/effect.h"
#include "host/enrol.h"
#include "host/journal.h"

static struct lan_exchange x;

static int setup(void **state)
{
	int r = bed_setup(state);

	memcpy(bed.config.platform, "spotflow", sizeof("spotflow"));
	return r;
}

static void enrol_as(enum trust trust, const char *ep, const char *body)
{
	struct lan_request request = {
		.resource = LAN_ENROL,
		.method = LAN_POST,
		.peer = &x.peer,
		.content_format = FORMAT_JSON,
		.accept = FORMAT_JSON,
		.confirmable = true,
		.exchange = &x,
	};
	char copy[1024];
	size_t i, size;

	size = (size_t)snprintf(copy, sizeof(copy), "%s", body);
	request.payload = span_from_string(copy);
	x = (struct lan_exchange){
		.peer = {.address = address_of("10.0.0.1"), .verified = true, .trust = trust}};
	snprintf(x.peer.identity, sizeof(x.peer.identity), "%s",
		trust == TRUST_CERT
			? "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
			: ep);
	snprintf(x.peer.name, sizeof(x.peer.name), "%s", ep);
	snprintf(request.ep, sizeof(request.ep), "%s", ep);
	enrol_on_request(&bed.host, &request);
	/* What held a token is wiped, in clear as well. */
	for (i = 0; strstr(body, "\"pt\"") && i < size; i++)
		assert_int_equal(copy[i], 0);
}

static void brings(const char *ep, const char *pt)
{
	char body[600];

	snprintf(body, sizeof(body), "{\"model\":\"M\",\"pt\":\"%s\"}", pt);
	enrol_as(TRUST_PSK, ep, body);
	store_answer_all(0);
}

static struct device *waiting(const char *ep)
{
	open_window();
	brings(ep, "canary-1");
	assert_int_equal(x.code, COAP_CODE(2, 1));
	return registry_by_ep(bed.host.registry, ep);
}

static const struct token_name *name_of(const char *ep)
{
	return token_names_find(&bed.host.tokens, TOKEN_KIND_SPOTFLOW, ep);
}

static void ignore(void *userdata, const struct act_outcome *outcome)
{
	assert_int_equal(outcome->result, ACT_DONE);
}

static void imported(const char *ep, const char *pt)
{
	const struct act act = {.kind = ACT_TOKENS_PUT, .role = ROLE_ADMIN, .who = "anna"};
	struct token_list list = {0};
	struct token *token;

	assert_int_equal(token_new_pt(span_from_string(ep), span_from_string(pt), &token), 0);
	token_list_add(&list, token);
	token_import(&bed.host, &act, &list, ignore, NULL);
	store_answer_all(0);
}

static void it_is_kept_with_the_record(void **state)
{
	struct device *device;

	open_window();
	enrol_as(TRUST_PSK, "one", "{\"pt\":\"canary-1\"}");
	assert_null(name_of("one"));
	assert_int_equal(store_waiting(), 1);
	store_answer_all(0);
	device = registry_by_ep(bed.host.registry, "one");
	assert_string_equal(disk_token("one"), "canary-1");
	assert_true(name_of("one")->brought);
	assert_null(strstr(exchange_text(&x), "canary"));
	assert_int_equal(disk_audit_count("token", "brought"), 1);
	assert_int_equal(disk_audit_count("enrol", "pending"), 1);
	assert_string_equal(disk_device(device->record->id)->platform, "spotflow");
	assert_false(token_is_missing(&bed.host, device));
}

static void what_cannot_be_stored_counts_for_nothing(void **state)
{
	struct device *device = NULL;

	open_window();
	enrol_as(TRUST_PSK, "one", "{\"pt\":\"canary-1\"}");
	store_answer_all(-ENOSPC);
	assert_int_equal(x.code, COAP_CODE(5, 3));
	assert_null(name_of("one"));
	brings("one", "canary-1");
	assert_string_equal(disk_token("one"), "canary-1");
	device = registry_by_ep(bed.host.registry, "one");
	/* The next one was not stored: the same again is no repetition. */
	enrol_as(TRUST_PSK, "one", "{\"pt\":\"canary-2\"}");
	store_answer_all(-ENOSPC);
	assert_string_equal(disk_token("one"), "canary-1");
	brings("one", "canary-2");
	assert_string_equal(disk_token("one"), "canary-2");
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
}

static void repeating_it_writes_nothing(void **state)
{
	struct device *device = waiting("one");
	unsigned i;

	for (i = 0; i < 20; i++) {
		enrol_as(TRUST_PSK, "one", "{\"model\":\"other\",\"pt\":\"canary-1\"}");
		assert_int_equal(store_waiting(), 0);
		assert_int_equal(x.code, COAP_CODE(2, 4));
	}
	assert_string_equal(device->record->info.model, "M");
	/* Another one replaces it, and nothing else of what was said. */
	enrol_as(TRUST_PSK, "one", "{\"model\":\"other\",\"pt\":\"canary-2\"}");
	store_answer_all(0);
	assert_string_equal(disk_token("one"), "canary-2");
	assert_string_equal(device->record->info.model, "M");
	assert_int_equal(bed.host.tokens.count, 1);
	assert_int_equal(disk_audit_count("token", "brought"), 2);
	assert_int_equal(disk_audit_count("enrol", NULL), 1);
}

static void new_ones_are_written_a_few_times_a_minute(void **state)
{
	char pt[32];
	unsigned i;

	waiting("one");
	for (i = 0; i < 50; i++) {
		snprintf(pt, sizeof(pt), "canary-%u", 10 + i);
		brings("one", pt);
		assert_int_equal(x.code, COAP_CODE(2, 4));
	}
	assert_int_equal(disk_audit_count("token", "brought"), 3);
	bed_advance(61 * USEC_PER_SEC);
	brings("one", "canary-last");
	assert_string_equal(disk_token("one"), "canary-last");
}

static void in_clear_and_malformed(void **state)
{
	open_window();
	enrol_as(TRUST_PLAIN, "one", "{\"pt\":\"canary-1\"}");
	assert_int_equal(x.code, COAP_CODE(4, 0));
	assert_true(host_alarm_is_active(&bed.host, ALARM_TOKEN_IN_CLEAR, "one"));
	assert_null(registry_by_ep(bed.host.registry, "one"));
	/* Proven, and no token: refused, no alarm. */
	enrol_as(TRUST_PSK, "two", "{\"pt\":\"canary 1\"}");
	assert_int_equal(x.code, COAP_CODE(4, 0));
	assert_null(strstr(exchange_text(&x), "canary"));
	assert_false(host_alarm_is_active(&bed.host, ALARM_TOKEN_IN_CLEAR, "two"));
	assert_int_equal(bed.host.tokens.count, 0);
	enrol_as(TRUST_CERT, "three", "{\"pt\":\"canary-1\"}");
	store_answer_all(0);
	assert_string_equal(disk_token("three"), "canary-1");
}

static void an_imported_one_stays(void **state)
{
	struct device *device;

	open_window();
	imported("one", "given");
	brings("one", "canary-1");
	device = registry_by_ep(bed.host.registry, "one");
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_string_equal(disk_token("one"), "given");
	assert_false(name_of("one")->brought);
	/* What was brought gives way to what is imported. */
	brings("two", "canary-1");
	imported("two", "given");
	assert_false(name_of("two")->brought);
	brings("two", "canary-2");
	assert_string_equal(disk_token("two"), "given");
	assert_int_equal(disk_audit_count("token", "brought"), 1);
}

/* Both are under way at once, in either order: what the device said is looked at in its turn. */
static void an_import_meanwhile_stays(void **state)
{
	const struct act act = {.kind = ACT_TOKENS_PUT, .role = ROLE_ADMIN, .who = "anna"};
	struct token_list list = {0};
	struct token *token;

	waiting("one");
	assert_int_equal(token_new_pt(SPAN_LITERAL("one"), SPAN_LITERAL("given"), &token), 0);
	token_list_add(&list, token);
	enrol_as(TRUST_PSK, "one", "{\"pt\":\"canary-2\"}");
	token_import(&bed.host, &act, &list, ignore, NULL);
	store_answer_all(0);
	assert_string_equal(disk_token("one"), "given");
	assert_false(name_of("one")->brought);
}

static void after_a_decision_it_is_not_looked_at(void **state)
{
	struct device *device = waiting("one");
	struct act act = act_on(ACT_ADMIT, device->record->id);
	size_t count;

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	count = disk_audit_count("token", NULL);
	bed_advance(600 * USEC_PER_SEC);
	brings("one", "canary-2");
	assert_int_equal(x.code, COAP_CODE(2, 4));
	assert_string_equal(disk_token("one"), "canary-1");
	assert_int_equal(disk_audit_count("token", NULL), count);
}

/* The decision was on its way to disk when the device spoke. */
static void a_decision_on_its_way_counts(void **state)
{
	struct device *device = waiting("one");

	host_submit(&bed.host, device, &(const struct submission){.event = LIFE_ADMIT});
	assert_int_equal(store_waiting(), 1);
	enrol_as(TRUST_PSK, "one", "{\"pt\":\"canary-2\"}");
	store_answer_all(0);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	assert_string_equal(disk_token("one"), "canary-1");
}

/* The first words came while its record was on its way: what it brought is not lost. */
static void beside_the_first_event(void **state)
{
	struct device *device;

	open_window();
	enrol_as(TRUST_PSK, "one", "{\"model\":\"M\"}");
	enrol_as(TRUST_PSK, "one", "{\"model\":\"M\",\"pt\":\"canary-1\"}");
	store_answer_all(0);
	device = registry_by_ep(bed.host.registry, "one");
	assert_int_equal(device->record->life.admission, ADMISSION_PENDING);
	assert_string_equal(disk_token("one"), "canary-1");
	assert_int_equal(registry_count(bed.host.registry), 1);
}

static void where_nobody_takes_one(void **state)
{
	struct device *device;

	memcpy(bed.config.platform, "local", sizeof("local"));
	open_window();
	brings("one", "canary-1");
	assert_int_equal(x.code, COAP_CODE(2, 1));
	assert_int_equal(bed.host.tokens.count, 0);
	/* Among several it is the first choice. */
	bed.config.platforms = (struct config_list){.item = {"spotflow"}, .count = 1};
	brings("two", "canary-1");
	device = registry_by_ep(bed.host.registry, "two");
	assert_string_equal(device->record->platform, "spotflow");
	assert_string_equal(disk_token("two"), "canary-1");
}

static void there_is_a_limit(void **state)
{
	bed.host.limits.value[LIMIT_TOKENS] = 1;
	waiting("one");
	brings("two", "canary-1");
	assert_int_equal(x.code, COAP_CODE(2, 1));
	assert_null(name_of("two"));
	assert_int_equal(bed.host.limits.reached[LIMIT_TOKENS], 1);
	brings("one", "canary-2");
	assert_string_equal(disk_token("one"), "canary-2");
}

static void it_goes_with_its_device(void **state)
{
	struct device *device = waiting("one");
	struct act act = act_on(ACT_FORGET, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(name_of("one"));
	assert_string_equal(disk_token("one"), "");
	/* Also when it went elsewhere. */
	device = waiting("two");
	memcpy(device->record->platform, "local", sizeof("local"));
	act = act_on(ACT_FORGET, device->record->id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	assert_null(name_of("two"));
	assert_string_equal(disk_token("two"), "");
}

static int edit_renamed(struct device_record *next, const void *argument, const char **ret_why)
{
	memcpy(next->ep, "next", sizeof("next"));
	return 0;
}

static int edit_released(struct device_record *next, const void *argument, const char **ret_why)
{
	next->released = true;
	return 0;
}

/* Whoever comes with the name next is another device. */
static void it_ends_with_the_name_and_its_proof(void **state)
{
	const struct submission renamed = {.event = LIFE_EVENTS, .edit = edit_renamed};
	const struct submission released = {.event = LIFE_EVENTS, .edit = edit_released};
	struct device *device = waiting("one");

	host_submit(&bed.host, device, &renamed);
	assert_non_null(name_of("one"));
	store_answer_all(0);
	assert_null(name_of("one"));
	assert_string_equal(disk_token("one"), "");
	assert_null(name_of("next"));
	device = waiting("two");
	host_submit(&bed.host, device, &released);
	store_answer_all(-ENOSPC);
	assert_string_equal(disk_token("two"), "canary-1");
	assert_non_null(name_of("two"));
	host_submit(&bed.host, device, &released);
	store_answer_all(0);
	assert_null(name_of("two"));
	assert_string_equal(disk_token("two"), "");
	/* An imported one is the name's. */
	imported("two", "given");
	host_submit(&bed.host, device, &released);
	store_answer_all(0);
	assert_string_equal(disk_token("two"), "given");
}

static void imported_for_another_platform(void **state)
{
	struct device *device;

	memcpy(bed.config.platform, "azure", sizeof("azure"));
	bed.config.platforms = (struct config_list){.item = {"spotflow"}, .count = 1};
	assert_int_equal(token_names_put(&bed.host.tokens, TOKEN_KIND_AZURE, "one", 1), 0);
	open_window();
	brings("one", "canary-1");
	device = registry_by_ep(bed.host.registry, "one");
	assert_string_equal(device->record->platform, "azure");
	assert_null(name_of("one"));
}

static void the_same_twice_before_it_is_on_disk(void **state)
{
	waiting("one");
	enrol_as(TRUST_PSK, "one", "{\"pt\":\"canary-2\"}");
	enrol_as(TRUST_PSK, "one", "{\"pt\":\"canary-2\"}");
	store_answer_all(0);
	assert_string_equal(disk_token("one"), "canary-2");
	assert_int_equal(disk_audit_count("token", "brought"), 2);
}

static void in_clear_where_clear_is_refused(void **state)
{
	open_window();
	bed.config.plain = PLAIN_REFUSE;
	enrol_as(TRUST_PLAIN, "one", "{\"pt\":\"canary-1\"}");
	assert_int_equal(x.code, COAP_CODE(4, 0));
	assert_true(host_alarm_is_active(&bed.host, ALARM_TOKEN_IN_CLEAR, "one"));
	enrol_as(TRUST_PLAIN, "one", "{}");
	assert_int_equal(x.code, COAP_CODE(4, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_kept_with_the_record, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_stored_counts_for_nothing, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(repeating_it_writes_nothing, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			new_ones_are_written_a_few_times_a_minute, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(in_clear_and_malformed, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(an_imported_one_stays, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(an_import_meanwhile_stays, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			after_a_decision_it_is_not_looked_at, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(a_decision_on_its_way_counts, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(beside_the_first_event, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(where_nobody_takes_one, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(there_is_a_limit, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(it_goes_with_its_device, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			it_ends_with_the_name_and_its_proof, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(imported_for_another_platform, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			the_same_twice_before_it_is_on_disk, setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
			in_clear_where_clear_is_refused, setup, bed_teardown),
	};

	return cmocka_run_group_tests_name("brought", tests, NULL, NULL);
}
