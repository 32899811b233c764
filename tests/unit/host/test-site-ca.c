/* SPDX-License-Identifier: Apache-2.0 */

/* The authority of the site: made, imported, replaced, proved; on disk and in the journal before
 * it is used, and its key in nothing that is answered. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/pki.h"
#include "base/clock.h"
#include "base/identity.h"
#include "base/issue.h"
#include "fakes.h"
#include "host/site-ca-host.h"

static struct pki root, device;
static char *root_identity, *device_identity;

static char *identity_of(const struct pki *one)
{
	char *certificate = pki_pem(one), *key = pki_key_pem(one), *identity = NULL;

	assert_true(asprintf(&identity, "Some words.\n%s%s", certificate, key) > 0);
	free(certificate);
	free(key);
	return identity;
}

static int setup(void **state)
{
	int r = bed_setup(state);

	pki_make(&root, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Root",
				.at = clock_wall_msec() / 1000});
	pki_make(&device, &(const struct pki_ask){PKI_DEVICE, .common_name = "pump",
				  .at = clock_wall_msec() / 1000});
	root_identity = identity_of(&root);
	device_identity = identity_of(&device);
	return r;
}

static int teardown(void **state)
{
	site_ca_end(&bed.host);
	free(root_identity);
	free(device_identity);
	pki_clear(&root);
	pki_clear(&device);
	return bed_teardown(state);
}

static struct act_try tried;
static char handed_out[4096];

static void on_done(void *userdata, const struct act_outcome *outcome)
{
	tried.answers++;
	tried.outcome = *outcome;
	assert_int_equal(span_to_string(outcome->parcel, handed_out, sizeof(handed_out)), 0);
	assert_null(strstr(handed_out, "PRIVATE"));
	assert_null(strstr(outcome->text, "PRIVATE"));
}

static void begin(enum act_kind kind, const char *what, bool replace)
{
	struct act act = act_on(kind, "");

	act.more = replace;
	if (kind == ACT_SITE_CA_MAKE)
		snprintf(act.name, sizeof(act.name), "%s", what);
	if (kind == ACT_SITE_CA_PROVE)
		snprintf(act.code, sizeof(act.code), "%s", what);
	tried = (struct act_try){0};
	site_ca_do(&bed.host, &act,
		kind == ACT_SITE_CA_IMPORT ? span_from_string(what) : span_of(NULL, 0), on_done,
		NULL);
}

static enum act_result do_it(enum act_kind kind, const char *what, bool replace, int stored)
{
	begin(kind, what, replace);
	store_answer_all(stored);
	assert_int_equal(tried.answers, 1);
	return tried.outcome.result;
}

static void made(void **state)
{
	const struct site_ca *ca = &bed.host.site_ca;

	assert_int_equal(do_it(ACT_SITE_CA_PROVE, "x", false, 0), ACT_IMPOSSIBLE);
	/* What could not be stored is not there. */
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "", false, -ENOSPC), ACT_NOT_STORED);
	assert_null(ca->certificate);
	assert_int_equal(bed.host.secrets.site_ca.size, 0);
	begin(ACT_SITE_CA_MAKE, "", false);
	assert_null(ca->certificate); /* not before it is on disk */
	store_answer_all(0);
	assert_int_equal(tried.outcome.result, ACT_DONE);
	assert_non_null(strstr(ca->facts.common_name, " site CA"));
	assert_null(strstr(ca->certificate, "PRIVATE"));
	assert_true(ca->facts.not_after > clock_wall_msec() + INT64_C(10) * 365 * 86400000);
	assert_null(authority_check(secret_span(&bed.host.secrets.site_ca)));
	assert_true(
		span_equal(span_from_string(disk_site_ca), secret_span(&bed.host.secrets.site_ca)));
	/* One that is there is replaced only when that is asked for. */
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "Other", false, 0), ACT_IMPOSSIBLE);
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "a\tb", true, 0), ACT_BAD_INPUT);
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "Other", true, 0), ACT_DONE);
	assert_string_equal(ca->facts.common_name, "Other");
}

static void two_at_once(void **state)
{
	begin(ACT_SITE_CA_MAKE, "One", false);
	assert_int_equal(tried.answers, 0);
	begin(ACT_SITE_CA_MAKE, "Two", false);
	assert_int_equal(tried.outcome.result, ACT_IMPOSSIBLE);
	store_answer_all(0);
	assert_string_equal(bed.host.site_ca.facts.common_name, "One");
}

static void imported(void **state)
{
	static const char *const bad[] = {"", "no certificate", "-----BEGIN CERTIFICATE-----\n"};
	struct site_ca ca;
	const char *why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(do_it(ACT_SITE_CA_IMPORT, bad[i], false, 0), ACT_BAD_INPUT);
	assert_int_equal(do_it(ACT_SITE_CA_IMPORT, device_identity, false, 0), ACT_BAD_INPUT);
	assert_non_null(strstr(tried.outcome.text, "no authority"));
	assert_null(bed.host.site_ca.certificate);
	assert_int_equal(do_it(ACT_SITE_CA_IMPORT, root_identity, false, 0), ACT_DONE);
	assert_string_equal(bed.host.site_ca.facts.common_name, "Root");
	/* What stood around it is not kept. */
	assert_memory_equal(disk_site_ca, "-----BEGIN CERTIFICATE-----", 27);
	assert_int_equal(do_it(ACT_SITE_CA_IMPORT, root_identity, false, 0), ACT_IMPOSSIBLE);
	assert_int_equal(do_it(ACT_SITE_CA_IMPORT, root_identity, true, 0), ACT_DONE);
	/* And comes back at the next start. */
	assert_int_equal(site_ca_read(span_from_string(disk_site_ca), &ca, &why), 0);
	site_ca_clear(&ca);
	site_ca_end(&bed.host);
	assert_int_equal(site_ca_load(&bed.host, span_from_string(disk_site_ca)), 0);
	assert_string_equal(bed.host.site_ca.facts.common_name, "Root");
	site_ca_end(&bed.host);
	assert_int_equal(site_ca_load(&bed.host, SPAN_LITERAL("x")), -EBADMSG);
	/* One whose time is over issues nothing. */
	bed.wall_msec += INT64_C(2) * 86400000;
	assert_int_equal(do_it(ACT_SITE_CA_IMPORT, root_identity, false, 0), ACT_BAD_INPUT);
	assert_non_null(strstr(tried.outcome.text, "has ended"));
}

static struct alarm *of_its_end;

static unsigned alarms_of_its_end(void)
{
	unsigned count = 0;

	of_its_end = NULL;
	for (unsigned i = 0; i < bed.host.alarms.count; i++) {
		if (bed.host.alarms.active[i].kind != ALARM_SITE_CA_ENDS)
			continue;
		of_its_end = &bed.host.alarms.active[i];
		count++;
	}
	return count;
}

/* In time, once, with the day, over a restart, until there is another one. */
static void its_end_is_said(void **state)
{
	const struct site_ca *ca = &bed.host.site_ca;
	int64_t ends;
	char day[24], sentence[256];

	site_ca_watch(&bed.host); /* none: nothing to be said, and nothing to be looked at */
	assert_true(bed_timer_left("site-ca-end") == UINT64_MAX);
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "One", false, 0), ACT_DONE);
	ends = ca->facts.not_after;
	bed.wall_msec = ends - SITE_CA_SPARE_MSEC - 1000;
	bed_advance(bed_timer_left("site-ca-end"));
	assert_int_equal(alarms_of_its_end(), 1);
	clock_format(ends, day);
	day[10] = '\0';
	assert_string_equal(of_its_end->subject, day);
	assert_non_null(strstr(alarm_sentence(of_its_end, sentence), day));
	for (unsigned i = 0; i < 3; i++)
		bed_advance(bed_timer_left("site-ca-end"));
	assert_int_equal(alarms_of_its_end(), 1);
	assert_int_equal(of_its_end->times, 1);
	/* A clock that was wrong. */
	bed.wall_msec = ends - 2 * SITE_CA_SPARE_MSEC;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 0);
	bed.wall_msec = ends + 1;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 1);
	/* What could not be saved changes nothing. */
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "Two", true, -ENOSPC), ACT_NOT_STORED);
	assert_int_equal(alarms_of_its_end(), 1);
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "Two", true, 0), ACT_DONE);
	assert_int_equal(alarms_of_its_end(), 0);
	assert_true(bed_timer_left("site-ca-end") < UINT64_MAX);
	/* An imported one that ends tomorrow. */
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "Three", true, 0), ACT_DONE);
	bed.wall_msec = ca->facts.not_after - 86400000;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 1);
}

/* A machine that starts without a clock: what was said stays said, and nothing is said anew, until
 * somebody has set it. When nobody does there is no other. */
static void its_end_without_a_clock(void **state)
{
	const struct site_ca *ca = &bed.host.site_ca;
	int64_t raised, soon;

	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "One", false, 0), ACT_DONE);
	soon = bed.wall_msec = ca->facts.not_after - SITE_CA_SPARE_MSEC / 2;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 1);
	raised = of_its_end->raised;
	/* It has stood still, and is set later. */
	bed.synced = false;
	bed.wall_msec = 0;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 1);
	bed.synced = true;
	bed.wall_msec = soon;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 1);
	assert_true(of_its_end->raised == raised);
	/* It is ahead, and is set right later. */
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "Two", true, 0), ACT_DONE);
	bed.synced = false;
	bed.boot_usec = 60 * USEC_PER_SEC;
	bed.wall_msec = ca->facts.not_after + 1;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 0);
	bed.synced = true;
	bed.wall_msec = ca->facts.not_before;
	bed_advance(bed_timer_left("site-ca-end"));
	assert_int_equal(alarms_of_its_end(), 0);
	/* Nobody ever sets it: the end is said all the same, and goes with its authority. */
	bed.synced = false;
	bed.wall_msec = ca->facts.not_after - 1000;
	site_ca_watch(&bed.host);
	assert_int_equal(alarms_of_its_end(), 1);
	bed.wall_msec = soon + 10 * INT64_C(86400000);
	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "Three", true, 0), ACT_DONE);
	assert_int_equal(alarms_of_its_end(), 0);
}

static void proved(void **state)
{
	struct chain_facts facts;

	assert_int_equal(do_it(ACT_SITE_CA_MAKE, "", false, 0), ACT_DONE);
	assert_int_equal(do_it(ACT_SITE_CA_PROVE, "", false, 0), ACT_BAD_INPUT);
	assert_int_equal(do_it(ACT_SITE_CA_PROVE, "0f5e-CODE", false, -ENOSPC), ACT_NOT_STORED);
	assert_string_equal(handed_out, ""); /* what is not in the journal is not done */
	assert_int_equal(do_it(ACT_SITE_CA_PROVE, "0f5e-CODE", false, 0), ACT_DONE);
	assert_int_equal(identity_read(span_from_string(handed_out), &facts), 0);
	assert_string_equal(facts.common_name, "0f5e-CODE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made, setup, teardown),
		cmocka_unit_test_setup_teardown(two_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(imported, setup, teardown),
		cmocka_unit_test_setup_teardown(its_end_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(its_end_without_a_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(proved, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
