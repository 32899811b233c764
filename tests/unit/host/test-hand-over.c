/* SPDX-License-Identifier: Apache-2.0 */

/* Out: only who is suspended with nothing waiting, and nothing changes here. In: all of it, or an
 * answer that says why; until the last step nothing speaks for the device. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parcel.h"
#include "core/hand-over.h"
#include "fakes.h"
#include "host/act.h"
#include "host/hand-over-host.h"

static const uint8_t SECRET[PARCEL_KEY] = {1, 2, 3};
/* What came back. */
static struct act_try got;
static uint8_t *parcel;
static size_t parcel_size;

static void keep(void *userdata, const struct act_outcome *outcome)
{
	got.answers++;
	got.outcome = *outcome;
	if (!outcome->parcel.size)
		return;
	free(parcel);
	parcel = malloc(outcome->parcel.size);
	assert_non_null(parcel);
	memcpy(parcel, outcome->parcel.data, outcome->parcel.size);
	parcel_size = outcome->parcel.size;
}

static int teardown(void **state)
{
	free(parcel);
	parcel = NULL;
	secret_clear(&fake_parcel.sealed);
	fake_parcel.waits = false;
	return bed_teardown(state);
}

static void begin_export(const char *id, const char *to)
{
	struct act act = act_on(ACT_EXPORT, id);

	snprintf(act.secret, sizeof(act.secret), "%s", to);
	got = (struct act_try){0};
	act_do(&bed.host, &act, keep, NULL);
}

static void public_text(char ret_text[65])
{
	uint8_t public_key[PARCEL_KEY];

	assert_int_equal(parcel_public_key(SECRET, public_key), 0);
	hex_encode(span_of(public_key, sizeof(public_key)), ret_text, 65);
}

static struct device *suspended_device(const char *ep)
{
	struct device *device = active_device(ep, "10.0.0.1");
	struct act act = act_on(ACT_SUSPEND, device->record->id);

	assert_int_equal(acted(&act).result, ACT_DONE);
	return device;
}

/* The text in the parcel; heap. */
static char *unseal(void)
{
	uint8_t *plain;
	size_t size;

	assert_int_equal(parcel_unseal(SECRET, span_of(parcel, parcel_size), &plain, &size), 0);
	return (char *)plain;
}

static void begin_import(const char *text, int result)
{
	struct act act = act_on(ACT_IMPORT, "");

	got = (struct act_try){0};
	hand_over_import(&bed.host, &act, SPAN_LITERAL("sealed"), keep, NULL);
	assert_true(fake_parcel.waits);
	assert_true(span_equal(secret_span(&fake_parcel.sealed), SPAN_LITERAL("sealed")));
	secret_clear(&fake_parcel.sealed);
	fake_parcel.waits = false;
	fake_parcel.done(fake_parcel.userdata, result,
		result < 0 ? (struct span){0} : span_from_string(text));
}

static char *exported(void)
{
	struct device *device = suspended_device("mover");
	char to[65];

	public_text(to);
	begin_export(device->record->id, to);
	store_answer_all(0);
	assert_int_equal(got.outcome.result, ACT_DONE);
	return unseal();
}

static void revoke_and_forget(const char *id)
{
	struct act revoke = act_on(ACT_REVOKE, id), forget = act_on(ACT_FORGET, id);

	assert_int_equal(acted(&revoke).result, ACT_DONE);
	assert_int_equal(acted(&forget).result, ACT_DONE);
	assert_null(registry_by_id(bed.host.registry, id));
}

static void who_leaves_is_sealed(void **state)
{
	CLEANUP(cleanup_free) char *text = exported();
	struct device *device = registry_by_ep(bed.host.registry, "mover");
	struct hand_over in;
	const char *why;

	assert_int_equal(disk_audit_count("export", "done"), 1);
	assert_string_equal(disk_audit_newest()->object, device->record->id);
	/* Nothing changed here: that is what the revoke is for. */
	assert_int_equal(device->record->life.admission, ADMISSION_SUSPENDED);
	assert_int_equal(hand_over_read(span_from_string(text), &in, &why), 0);
	assert_string_equal(in.from, bed.config.id);
	assert_string_equal(in.record->id, device->record->id);
	assert_true(span_equal(secret_span(&in.record->life.credential_current),
		secret_span(&device->record->life.credential_current)));
	hand_over_clear(&in);
}

static void who_may_not_leave(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	char to[65], id[DEVICE_ID_MAX + 1];

	memcpy(id, device->record->id, sizeof(id));
	public_text(to);
	begin_export(id, to);
	assert_int_equal(got.outcome.result, ACT_IMPOSSIBLE);
	assert_non_null(strstr(got.outcome.text, "Suspend it first"));
	{
		struct act act = act_on(ACT_SUSPEND, id);

		assert_int_equal(acted(&act).result, ACT_DONE);
	}
	begin_export(id, "00");
	assert_int_equal(got.outcome.result, ACT_BAD_INPUT);
	begin_export(id, "0000000000000000000000000000000000000000000000000000000000000000");
	assert_int_equal(got.outcome.result, ACT_BAD_INPUT);
	begin_export("nobody", to);
	assert_int_equal(got.outcome.result, ACT_UNKNOWN);
	/* Without its row in the journal it is not done. */
	begin_export(id, to);
	assert_int_equal(got.answers, 0);
	store_answer(-ENOSPC);
	assert_int_equal(got.outcome.result, ACT_NOT_STORED);
	assert_int_equal(disk_audit_count("export", NULL), 0);
}

static void who_comes_goes_on(void **state)
{
	CLEANUP(cleanup_free) char *text = exported();
	struct device *device = registry_by_ep(bed.host.registry, "mover");
	char id[DEVICE_ID_MAX + 1];
	uint64_t row = device->record->row;

	memcpy(id, device->record->id, sizeof(id));
	revoke_and_forget(id);
	begin_import(text, 0);
	assert_int_equal(got.answers, 0);
	/* On its way to disk it is nothing yet. */
	device = registry_by_ep(bed.host.registry, "mover");
	assert_non_null(device);
	assert_false(lifecycle_may_report(&device->record->life));
	store_answer(0);
	assert_int_equal(device->record->life.admission, ADMISSION_SUSPENDED);
	store_answer_all(0);
	assert_int_equal(got.answers, 1);
	assert_int_equal(got.outcome.result, ACT_DONE);
	assert_string_equal(device->record->id, id);
	assert_true(device->record->row != row);
	assert_int_equal(device->record->life.admission, ADMISSION_ADMITTED);
	assert_int_equal(device->record->life.credential, CREDENTIAL_HELD);
	assert_true(device->record->life.operation_number > 0);
	assert_int_equal(disk_device(id)->life.admission, ADMISSION_ADMITTED);
	assert_int_equal(disk_audit_count("import", "done"), 1);
}

static void what_is_not_stored_is_not_there(void **state)
{
	CLEANUP(cleanup_free) char *text = exported();
	char id[DEVICE_ID_MAX + 1];

	memcpy(id, registry_by_ep(bed.host.registry, "mover")->record->id, sizeof(id));
	revoke_and_forget(id);
	begin_import(text, 0);
	store_answer(-ENOSPC);
	assert_int_equal(got.outcome.result, ACT_NOT_STORED);
	assert_null(registry_by_ep(bed.host.registry, "mover"));
	store_answer_all(0);
	begin_import(text, 0);
	store_answer_all(0);
	assert_int_equal(got.outcome.result, ACT_DONE);
}

static void who_may_not_come(void **state)
{
	CLEANUP(cleanup_free) char *text = exported();
	static const struct {
		int result;
		const char *words;
	} rows[] = {{-ENOMSG, "no parcel"}, {-EKEYREJECTED, "another gateway"},
		{-EBADMSG, "damaged"}, {-ECANCELED, "could not be opened"}};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		begin_import(NULL, rows[i].result);
		assert_int_equal(got.outcome.result, ACT_BAD_INPUT);
		assert_non_null(strstr(got.outcome.text, rows[i].words));
	}
	begin_import("{}", 0);
	assert_int_equal(got.outcome.result, ACT_BAD_INPUT);
	begin_import(text, 0);
	assert_int_equal(got.outcome.result, ACT_IMPOSSIBLE);
	assert_non_null(strstr(got.outcome.text, "known here already"));
	assert_int_equal(disk_audit_count("import", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_leaves_is_sealed, bed_setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_not_leave, bed_setup, teardown),
		cmocka_unit_test_setup_teardown(who_comes_goes_on, bed_setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_not_stored_is_not_there, bed_setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_not_come, bed_setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
