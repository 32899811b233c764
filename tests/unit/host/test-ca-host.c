/* SPDX-License-Identifier: Apache-2.0 */
/* The register of authorities: in and out by an administrator, and by the files of a directory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/pki.h"
#include "fakes.h"
#include "host/act.h"
#include "host/ca-host.h"

static struct pki root, other;
static char *root_pem, *other_pem;
static char directory[64];

static int setup(void **state)
{
	int r = bed_setup(state);

	pki_make(&root, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Root"});
	pki_make(&other, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Other"});
	root_pem = pki_pem(&root);
	other_pem = pki_pem(&other);
	snprintf(directory, sizeof(directory), "/tmp/gatehouse-ca-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(bed.config.lan_device_cas, sizeof(bed.config.lan_device_cas), "%s", directory);
	return r;
}

static void file_drop(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
}

static int teardown(void **state)
{
	file_drop("a.pem");
	file_drop("b.pem");
	file_drop("c.txt");
	rmdir(directory);
	free(root_pem);
	free(other_pem);
	pki_clear(&root);
	pki_clear(&other);
	device_cas_clear(&bed.host.cas);
	return bed_teardown(state);
}

static void file_put(const char *name, const char *before, const char *pem)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "%s%s", before, pem);
	assert_int_equal(fclose(file), 0);
}

static struct act_try tried;

static void on_done(void *userdata, const struct act_outcome *outcome)
{
	tried.answers++;
	tried.outcome = *outcome;
}

static enum act_result put(const char *pem, const char *name, enum ca_policy policy, int stored)
{
	struct act act = act_on(ACT_CA_PUT, "");

	act.number = policy;
	snprintf(act.name, sizeof(act.name), "%s", name);
	tried = (struct act_try){0};
	ca_put(&bed.host, &act, span_from_string(pem), on_done, NULL);
	store_answer_all(stored);
	assert_int_equal(tried.answers, 1);
	return tried.outcome.result;
}

static enum act_result drop(const char *fingerprint, int stored)
{
	struct act act = act_on(ACT_CA_DROP, "");

	snprintf(act.secret, sizeof(act.secret), "%s", fingerprint);
	tried = (struct act_try){0};
	act_do(&bed.host, &act, on_done, NULL);
	store_answer_all(stored);
	assert_int_equal(tried.answers, 1);
	return tried.outcome.result;
}

static int reload(void)
{
	struct device_cas files = {0};
	int r = ca_files_read(&bed.host, &files);

	assert_int_equal(store_waiting(), 0);
	if (r >= 0)
		ca_files_follow(&bed.host, &files);
	device_cas_clear(&files);
	return r;
}

static void in_and_out(void **state)
{
	const struct device_ca *ca;
	struct chain_facts facts;
	char prefix[13] = "", uncertain[8] = "";

	assert_int_equal(chain_facts_read(root.x509, &facts), 0);
	memcpy(prefix, facts.fingerprint, 12);
	memcpy(uncertain, facts.fingerprint, 7);
	assert_int_equal(put(root_pem, "", CA_PERSON, 0), ACT_DONE);
	ca = device_cas_find(&bed.host.cas, facts.fingerprint);
	assert_non_null(ca);
	assert_string_equal(ca->name, "Root");
	assert_string_equal(ca->added_by, "anna");
	assert_int_equal(fake_trust.count, 1);
	assert_int_equal(disk_audit_count("device-ca add", "admit = person"), 1);
	assert_string_equal(disk_audit_newest()->object, facts.fingerprint);
	/* its word is worth more from now on: the same row */
	assert_int_equal(put(root_pem, "Pumps Ltd", CA_AUTO, 0), ACT_DONE);
	ca = device_cas_find(&bed.host.cas, facts.fingerprint);
	assert_int_equal(ca->policy, CA_AUTO);
	assert_string_equal(ca->name, "Pumps Ltd");
	assert_int_equal(bed.host.cas.count, 1);
	assert_int_equal(disk_cas.count, 1);
	assert_int_equal(disk_audit_count("device-ca add", "admit = auto"), 1);
	assert_int_equal(put(other_pem, "", CA_PERSON, 0), ACT_DONE);
	assert_int_equal(fake_trust.count, 2);
	assert_int_equal(drop(uncertain, 0), ACT_UNKNOWN);
	assert_int_equal(drop("not hexadecimal", 0), ACT_UNKNOWN);
	assert_int_equal(drop(prefix, 0), ACT_DONE);
	assert_int_equal(fake_trust.count, 1);
	assert_int_equal(disk_cas.count, 1);
	assert_int_equal(disk_audit_count("device-ca withdraw", "done"), 1);
	assert_int_equal(drop(prefix, 0), ACT_UNKNOWN);
}

static void what_is_none(void **state)
{
	struct pki device;
	char *pem;

	pki_make(&device, &(const struct pki_ask){PKI_DEVICE, .issuer = &root, .common_name = "x"});
	pem = pki_pem(&device);
	assert_int_equal(put(pem, "", CA_PERSON, 0), ACT_BAD_INPUT);
	assert_non_null(strstr(tried.outcome.text, "CA:TRUE"));
	free(pem);
	pki_clear(&device);
	assert_int_equal(put("nothing", "", CA_PERSON, 0), ACT_BAD_INPUT);
	assert_int_equal(put(root_pem, "a\nb", CA_PERSON, 0), ACT_BAD_INPUT);
	assert_int_equal(fake_trust.calls, 0);
}

static void what_is_not_stored_does_not_count(void **state)
{
	struct chain_facts facts;

	assert_int_equal(chain_facts_read(root.x509, &facts), 0);
	assert_int_equal(put(root_pem, "", CA_AUTO, -ENOSPC), ACT_NOT_STORED);
	assert_int_equal(bed.host.cas.count, 0);
	assert_int_equal(fake_trust.calls, 0);
	assert_int_equal(put(root_pem, "", CA_AUTO, 0), ACT_DONE);
	assert_int_equal(drop(facts.fingerprint, -ENOSPC), ACT_NOT_STORED);
	assert_int_equal(bed.host.cas.count, 1);
	assert_int_equal(fake_trust.count, 1);
}

static void so_many(void **state)
{
	struct pki one;
	char *pem;

	bed.host.limits.value[LIMIT_DEVICE_CAS] = 2;
	assert_int_equal(put(root_pem, "", CA_PERSON, 0), ACT_DONE);
	assert_int_equal(put(other_pem, "", CA_PERSON, 0), ACT_DONE);
	pki_make(&one, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "One more"});
	pem = pki_pem(&one);
	assert_int_equal(put(pem, "", CA_PERSON, 0), ACT_IMPOSSIBLE);
	assert_int_equal(bed.host.limits.reached[LIMIT_DEVICE_CAS], 1);
	assert_int_equal(put(root_pem, "", CA_AUTO, 0), ACT_DONE);
	free(pem);
	pki_clear(&one);
}

/* A directory full of files at the first start: all are on their way before one is on disk. */
static void many_on_their_way(void **state)
{
	struct audit_row audit;

	audit_row_init(&audit, "gateway", "", "file", ACT_CA_PUT, "", "", "done");
	for (int i = 0; i < 20; i++) {
		struct device_ca *ca = calloc(1, sizeof(*ca));

		assert_non_null(ca);
		snprintf(ca->fingerprint, sizeof(ca->fingerprint), "%04d", i);
		ca->certificate = strdup(root_pem);
		ca_save(&bed.host, ca, &audit, NULL, NULL);
	}
	assert_int_equal(bed.host.cas.count, 0);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 20);
	assert_true(bed.host.cas.room >= 20);
	assert_string_equal(bed.host.cas.ca[19]->fingerprint, "0019");
}

/* The limit counts what is registered by whichever way, and what is on its way there. */
static void files_and_people_count_together(void **state)
{
	struct pki third;
	char *pem;
	struct act act = act_on(ACT_CA_PUT, "");

	pki_make(&third, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Third"});
	pem = pki_pem(&third);
	bed.host.limits.value[LIMIT_DEVICE_CAS] = 2;
	assert_int_equal(put(root_pem, "", CA_PERSON, 0), ACT_DONE);
	file_put("a.pem", "", other_pem);
	file_put("b.pem", "", pem);
	assert_int_equal(reload(), -EINVAL);
	assert_int_equal(bed.host.limits.reached[LIMIT_DEVICE_CAS], 1);
	/* one that is registered already needs no place */
	file_put("b.pem", "", root_pem);
	assert_int_equal(reload(), 0);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 2);
	assert_int_equal(put(pem, "", CA_PERSON, 0), ACT_IMPOSSIBLE);
	file_drop("a.pem");
	assert_int_equal(reload(), 0);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 1);
	/* two at once for the last place; the same one twice is one */
	tried = (struct act_try){0};
	ca_put(&bed.host, &act, span_from_string(pem), on_done, NULL);
	ca_put(&bed.host, &act, span_from_string(pem), on_done, NULL);
	assert_int_equal(tried.answers, 0);
	ca_put(&bed.host, &act, span_from_string(other_pem), on_done, NULL);
	assert_int_equal(tried.answers, 1);
	assert_int_equal(tried.outcome.result, ACT_IMPOSSIBLE);
	file_put("a.pem", "", other_pem);
	{
		struct device_cas files = {0};

		assert_int_equal(ca_files_read(&bed.host, &files), -EINVAL);
		device_cas_clear(&files);
	}
	store_answer_all(0);
	assert_int_equal(tried.answers, 3);
	assert_int_equal(tried.outcome.result, ACT_DONE);
	assert_int_equal(bed.host.cas.count, 2);
	assert_int_equal(disk_cas.count, 2);
	free(pem);
	pki_clear(&third);
}

static void believed_is_nobody_when_it_cannot_be_taken_on(void **state)
{
	fake_trust.result = -ENOMEM;
	assert_int_equal(put(root_pem, "", CA_AUTO, 0), ACT_DONE);
	assert_int_equal(fake_trust.calls, 2);
	assert_int_equal(fake_trust.count, 0);
}

static void the_directory(void **state)
{
	struct chain_facts facts;

	assert_int_equal(chain_facts_read(root.x509, &facts), 0);
	file_put("a.pem", "Pumps\r\n  admit = auto \r\n", root_pem);
	file_put("c.txt", "", other_pem);
	ca_files_start(&bed.host);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 1);
	assert_int_equal(bed.host.cas.ca[0]->policy, CA_AUTO);
	assert_string_equal(bed.host.cas.ca[0]->name, "a");
	assert_true(disk_cas.ca[0]->from_file);
	assert_int_equal(disk_audit_count("device-ca add", "admit = auto"), 1);
	/* the same again: nothing is written */
	ca_files_start(&bed.host);
	assert_int_equal(reload(), 0);
	assert_int_equal(store_waiting(), 0);
	assert_int_equal(drop(facts.fingerprint, 0), ACT_IMPOSSIBLE);
	assert_int_equal(put(root_pem, "", CA_PERSON, 0), ACT_IMPOSSIBLE);
	/* a second one, and another policy */
	file_put("a.pem", "", root_pem);
	file_put("b.pem", "admit = person\n", other_pem);
	assert_int_equal(reload(), 0);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 2);
	assert_int_equal(bed.host.cas.ca[0]->policy, CA_PERSON);
	file_drop("a.pem");
	assert_int_equal(reload(), 0);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 1);
	assert_string_equal(bed.host.cas.ca[0]->name, "b");
	assert_int_equal(disk_audit_count("device-ca withdraw", "done"), 1);
}

/* At a reload all of it or nothing; at start what is right, and nothing is withdrawn. */
static void a_file_that_is_wrong(void **state)
{
	static const char *const wrong[] = {"admit = always\n", "admit = auto\nadmit = auto\n",
		"admit =\n", "admit = a word that is far too long\n"};

	assert_int_equal(put(other_pem, "", CA_AUTO, 0), ACT_DONE);
	file_put("a.pem", "", root_pem);
	ca_files_start(&bed.host);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 2);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		file_put("a.pem", wrong[i], root_pem);
		assert_int_equal(reload(), -EINVAL);
		ca_files_start(&bed.host);
		assert_int_equal(store_waiting(), 0);
	}
	file_put("a.pem", "", "");
	assert_int_equal(reload(), -EINVAL);
	ca_files_start(&bed.host);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 2);
	/* No directory is an empty one; what people registered stays. */
	file_drop("a.pem");
	rmdir(directory);
	assert_int_equal(reload(), 0);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 1);
	assert_false(bed.host.cas.ca[0]->from_file);
}

static void too_many_files(void **state)
{
	bed.host.limits.value[LIMIT_DEVICE_CAS] = 1;
	file_put("a.pem", "", root_pem);
	file_put("b.pem", "", other_pem);
	assert_int_equal(reload(), -EINVAL);
	ca_files_start(&bed.host);
	store_answer_all(0);
	assert_int_equal(bed.host.cas.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(in_and_out),
		T(what_is_none),
		T(what_is_not_stored_does_not_count),
		T(so_many),
		T(many_on_their_way),
		T(files_and_people_count_together),
		T(believed_is_nobody_when_it_cannot_be_taken_on),
		T(the_directory),
		T(a_file_that_is_wrong),
		T(too_many_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
