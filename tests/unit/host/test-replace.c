/* SPDX-License-Identifier: Apache-2.0 */

/* Another piece of hardware behind the record of a broken one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "host/device-host.h"

static char old_id[DEVICE_ID_MAX + 1], new_id[DEVICE_ID_MAX + 1];

static struct device *plant(struct act *ret_act)
{
	struct device *old = active_device("old", "10.0.0.1");
	struct device *newcomer = pending_device(
		"new", "10.0.0.2", "{\"model\":\"M2\",\"serial\":\"S2\",\"code\":\"BCDF-GHJK\"}");
	struct act rename = act_on(ACT_RENAME, old->record->id);

	rename.has_name = rename.has_place = rename.has_owner = true;
	snprintf(rename.name, sizeof(rename.name), "Boiler");
	snprintf(rename.place, sizeof(rename.place), "Cellar");
	snprintf(rename.owner, sizeof(rename.owner), "Facility");
	assert_int_equal(acted(&rename).result, ACT_DONE);
	snprintf(old_id, sizeof(old_id), "%s", old->record->id);
	snprintf(new_id, sizeof(new_id), "%s", newcomer->record->id);
	*ret_act = act_on(ACT_REPLACE, old_id);
	snprintf(ret_act->ep, sizeof(ret_act->ep), "%s", new_id);
	return old;
}

static void the_record_goes_on(void **state)
{
	struct act act, approve;
	struct lan_exchange x;
	struct device *device = plant(&act);
	uint64_t row = device->record->row, operation = device->record->life.operation_number;
	struct act_outcome outcome = acted(&act);
	const struct device_record *record;

	assert_int_equal(outcome.result, ACT_DONE);
	assert_non_null(strstr(outcome.text, "Approve it now"));
	/* One device, with the old one's place in the world and the new one's hardware. */
	assert_null(registry_by_id(bed.host.registry, new_id));
	assert_null(disk_device(new_id));
	assert_ptr_equal(registry_by_id(bed.host.registry, old_id), device);
	assert_ptr_equal(registry_by_ep(bed.host.registry, "new"), device);
	assert_null(registry_by_ep(bed.host.registry, "old"));
	record = disk_device(old_id);
	assert_int_equal(record->row, row);
	assert_string_equal(record->ep, "new");
	assert_string_equal(record->name, "Boiler");
	assert_string_equal(record->place, "Cellar");
	assert_string_equal(record->owner, "Facility");
	assert_string_equal(record->info.model, "M2");
	assert_string_equal(record->info.serial, "S2");
	assert_int_equal(record->life.admission, ADMISSION_PENDING);
	assert_int_equal(record->life.credential, CREDENTIAL_NONE);
	assert_int_equal(disk_audit_count("replace", "done"), 1);
	assert_int_equal(disk_audit_count("replace", "takes its place"), 1);
	assert_string_equal(disk_audit_newest()->object, old_id);
	assert_string_equal(disk_audit_newest()->evidence, new_id);
	/* Neither of them reports before somebody approves. */
	report(&x, "new", "10.0.0.2", "1");
	assert_int_equal(x.code, COAP_CODE(4, 3));
	report(&x, "old", "10.0.0.1", "1");
	assert_int_not_equal(x.code, COAP_CODE(2, 4));
	approve = act_on(ACT_APPROVE, old_id);
	snprintf(approve.code, sizeof(approve.code), "bcdf ghjk");
	assert_int_equal(acted(&approve).result, ACT_DONE);
	assert_true(lifecycle_may_report(&device->record->life));
	assert_true(device->record->life.operation_number > operation);
	assert_int_equal(device->record->evidence, EVIDENCE_SHORT_CODE);
	assert_string_equal(device->record->name, "Boiler");
}

static void refuse(const struct act *act, const char *why)
{
	struct act_outcome outcome = acted(act);

	assert_int_equal(outcome.result, ACT_IMPOSSIBLE);
	if (!strstr(outcome.text, why))
		fail_msg("%s lacks %s", outcome.text, why);
}

static void only_by_one_that_waits(void **state)
{
	struct act act;
	struct device *device = plant(&act);
	struct act other = act_on(ACT_REPLACE, new_id), reject = act_on(ACT_REJECT, new_id);

	snprintf(other.ep, sizeof(other.ep), "%s", old_id);
	refuse(&other, "must wait");
	snprintf(other.ep, sizeof(other.ep), "%s", new_id);
	refuse(&other, "no other device");
	snprintf(other.ep, sizeof(other.ep), "nobody");
	refuse(&other, "no other device");
	assert_int_equal(acted(&reject).result, ACT_DONE);
	refuse(&act, "must wait");
	assert_true(lifecycle_may_report(&device->record->life));
	assert_int_equal(disk_audit_count("replace", NULL), 0);
}

static const char of_old[] = "</info>;rt=\"gatehouse.info\",</prove>;rt=\"gatehouse.claim\";ct=50,"
			     "</old>;if=\"core.s\";ct=110";
static const char of_new[] = "</info>;rt=\"gatehouse.info\",</new>;if=\"core.s\";ct=110";

static struct device *served(const char *ep, const char *links, const char *info)
{
	struct discovery_sighting sighting = {
		.address = address_of("10.0.0.1"), .found_by = FOUND_MDNS};

	snprintf(sighting.ep, sizeof(sighting.ep), "%s", ep);
	device_host_on_appeared(&bed.host, &sighting);
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, links);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, info);
	store_answer_all(0);
	return registry_by_ep(bed.host.registry, ep);
}

/* It is at the address of the broken one, which was being asked what it is and for its proof. */
static void late_answers_are_nobodys(void **state)
{
	struct device *device, *newcomer;
	struct fake_sent *probe, *challenge;
	struct act act;

	open_window();
	device = served("old", of_old, "{\"model\":\"M1\"}");
	snprintf(old_id, sizeof(old_id), "%s", device->record->id);
	act = act_on(ACT_APPROVE, old_id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	newcomer = served("new", of_new, "{\"model\":\"M2\"}");
	snprintf(new_id, sizeof(new_id), "%s", newcomer->record->id);
	device_host(device)->probed = false;
	device_host_probe(&bed.host, device);
	probe = sent_to("/.well-known/core");
	challenge = sent_to("/prove");
	assert_non_null(probe);
	assert_non_null(challenge);

	act = act_on(ACT_REPLACE, old_id);
	snprintf(act.ep, sizeof(act.ep), "%s", new_id);
	assert_int_equal(acted(&act).result, ACT_DONE);
	store_answer_all(0);
	assert_true(device->present);
	/* The new one is asked at once, whatever the broken one was asked. */
	assert_ptr_not_equal(sent_to("/.well-known/core"), probe);
	sent_answer(probe, 0, COAP_CODE(2, 5), FORMAT_LINK, of_old);
	assert_null(sent_to("/info"));
	sent_answer(challenge, 0, COAP_CODE(2, 4), FORMAT_JSON,
		"{\"nonce\":\"ICEiIyQlJic\",\"proof\":\"sr9xNQfnMQABQPeshT_wlg\"}");
	store_answer_all(0);
	assert_string_equal(device->record->kept_proof, "");
	sent_answer(sent_to("/.well-known/core"), 0, COAP_CODE(2, 5), FORMAT_LINK, of_new);
	sent_answer(sent_to("/info"), 0, COAP_CODE(2, 5), FORMAT_JSON, "{\"model\":\"M3\"}");
	store_answer_all(0);
	assert_true(device_host(device)->probed);
	assert_string_equal(device->record->info.model, "M3");
	assert_string_equal(device->record->poll_path, "/new");
	assert_string_equal(device_host(device)->links->claim, "");
}

/* Between the two changes the name is nobody's: who comes with it then is told to come again. */
static void nobody_gets_the_name_meanwhile(void **state)
{
	struct act act;
	struct device *device = plant(&act);
	struct device_record *record = calloc(1, sizeof(*record));
	struct device *second = NULL;
	struct act_try try;

	try_act(&act, &try);
	store_answer(0);
	assert_null(registry_by_ep(bed.host.registry, "new"));
	strcpy(record->id, "another");
	strcpy(record->ep, "New");
	assert_int_equal(device_host_add(&bed.host, record, &second), -EBUSY);
	assert_null(second);
	refuse(&act, "no other device");
	store_answer_all(0);
	assert_int_equal(try.outcome.result, ACT_DONE);
	assert_ptr_equal(registry_by_ep(bed.host.registry, "new"), device);
	/* It is free again for the registry itself to judge. */
	assert_string_equal(bed.host.replacing_ep, "");
}

/* A spare part with a certificate of its own: that one is known from now on, not the broken one's.
 */
static void the_fingerprint_is_the_new_ones(void **state)
{
	struct act act;
	struct device *device = plant(&act);
	struct device *newcomer = registry_by_id(bed.host.registry, new_id);

	strcpy(device->record->fingerprint, "0001");
	strcpy(newcomer->record->fingerprint, "0002");
	strcpy(device->record->proved_label, "aa");
	strcpy(newcomer->record->kept_proof, "bb");
	newcomer->record->released = true;
	device->record->rd_lifetime = newcomer->record->rd_lifetime = 60;
	assert_int_equal(acted(&act).result, ACT_DONE);
	device = registry_by_id(bed.host.registry, old_id);
	assert_string_equal(device->record->fingerprint, "0002");
	assert_string_equal(device->record->proved_label, "");
	assert_string_equal(device->record->kept_proof, "bb");
	assert_true(device->record->released);
	assert_int_equal(device->record->rd_lifetime, 0); /* it registers anew */
}

static void nothing_without_the_journal(void **state)
{
	struct act act;
	struct device *device = plant(&act);
	struct act_try try;

	try_act(&act, &try);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.answers, 1);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_non_null(registry_by_id(bed.host.registry, new_id));
	assert_true(lifecycle_may_report(&device->record->life));
	/* The first step is on disk, the second is not: the old one is as it was. */
	try_act(&act, &try);
	store_answer(0);
	store_answer_all(-ENOSPC);
	assert_int_equal(try.outcome.result, ACT_NOT_STORED);
	assert_null(registry_by_id(bed.host.registry, new_id));
	assert_string_equal(device->record->ep, "old");
	assert_true(lifecycle_may_report(&device->record->life));
	/* The newcomer comes again. */
	assert_non_null(pending_device("new", "10.0.0.2", "{}"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_record_goes_on),
		T(late_answers_are_nobodys),
		T(only_by_one_that_waits),
		T(nobody_gets_the_name_meanwhile),
		T(the_fingerprint_is_the_new_ones),
		T(nothing_without_the_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
