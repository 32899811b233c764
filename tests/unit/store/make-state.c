/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes a state directory with one of everything that control.db can hold: the source of the
 * fixtures control-<version>.sql (make-fixture.py turns the directory into text). Built and run by
 * hand with the program of the version that is to be kept; it is no test.
 *
 *	make-state DIRECTORY
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fixture.h"

/* Devices that wait, and how each came to wait. */
static void put_waiting(struct change *change, uint64_t row, enum trust trust, bool certified)
{
	struct device_record *device = sample_device(row);

	device->trust = trust;
	device->life.admission = ADMISSION_PENDING;
	if (!certified)
		memset(device->fingerprint, 0, sizeof(device->fingerprint));
	assert_int_equal(change_put_device(change, device), 0);
	device_record_free(device);
}

/* Who comes by itself, and who registers over DTLS: no address is bound then. */
static void put_registered(struct change *change, uint64_t row, bool registers)
{
	struct device_record *device = sample_device(row);

	device->is_server = registers;
	device->address_bound = !registers;
	device->found_by = registers ? FOUND_RD : FOUND_ENROL;
	assert_int_equal(change_put_device(change, device), 0);
	device_record_free(device);
}

static void put_token(struct change *change, const char *ep)
{
	struct token_list list = {0};
	struct token *token;

	assert_int_equal(token_new_pt(span_from_string(ep), SPAN_LITERAL("canary"), &token), 0);
	token->since = 1763700000002;
	token_list_add(&list, token);
	assert_int_equal(change_put_tokens(change, &list), 0);
}

static struct change *everything(void)
{
	struct person person = {.row = 4, .role = ROLE_ADMIN, .created = 1763700000000, .epoch = 3};
	struct alarm alarm = {.kind = ALARM_NAME_CONFLICT,
		.subject = "dev-1",
		.raised = 1763700000001,
		.times = 2};
	struct change *change = change_begin();
	struct audit_row audit;

	strcpy(person.name, "ada");
	strcpy(person.password, "not a hash");
	for (uint64_t row = 1; row <= 2; row++) {
		struct device_record *device = sample_device(row);

		assert_int_equal(change_put_device(change, device), 0);
		device_record_free(device);
	}
	put_waiting(change, 3, TRUST_CERT, false); /* released */
	put_waiting(change, 4, TRUST_CERT, true);
	put_waiting(change, 5, TRUST_PSK, false);
	put_registered(change, 6, true);
	put_registered(change, 7, false);
	put_token(change, "ep-1");
	audit_row_init(&audit, "ada", "admin", "here", ACT_APPROVE, "dev-1", "short-code", "done");
	assert_int_equal(change_put_person(change, &person), 0);
	assert_int_equal(change_put_alarm(change, &alarm), 0);
	assert_int_equal(change_put_setting(change, "colour", "green"), 0);
	assert_int_equal(change_append_audit(change, &audit), 0);
	return change;
}

int main(int argc, char **argv)
{
	struct fixture fixture;

	if (argc != 2) {
		fputs("usage: make-state DIRECTORY\n", stderr);
		return 2;
	}
	fixture_init(&fixture);
	snprintf(fixture.state, sizeof(fixture.state), "%.150s", argv[1]);
	fixture_open(&fixture);
	fixture_start(&fixture);
	assert_int_equal(fixture_save(&fixture, everything()), 0);
	fixture_append(&fixture, 1, 5, 1);
	fixture_wait_rows(&fixture, 5);
	fixture_stop(&fixture);
	fixture_done(&fixture);
	return 0;
}
