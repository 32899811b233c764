/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, as steps. A step that was released is never edited: what must change is a new step at
 * the end. The tables are STRICT (SQLite 3.37), words are stored as words, times are wall
 * milliseconds, and a column named *_sealed holds a sealed record (store/sealing.h).
 *
 * control.db
 *   upgrade   which program made which version
 *   key       the key-encryption key that the sealed records need: where it came from, check value
 *   sealed    single secrets: "audit-key", "audit-head", "site-ca"
 *   counter   numbers that are never used twice: device rows, operations, the outbox's epoch
 *   device, person, alarm, setting   the records
 *   audit     the journal, chained by 'mac'; append only
 *   token     (version 2) what was imported for an endpoint name towards one platform, or 'brought'
 *             by its device
 *   withdrawal what a platform has still to be told of operations and credentials that ended
 *   device_ca the authorities whose certificates devices may come in with
 *   label     the keys derived from a label, by endpoint name, and the window for that label alone
 *
 * outbox.db
 *   meta      one row: the next reading's number, the epoch of this file
 *   reading   what was acknowledged and not yet delivered
 *   dead      what the platform will never take, with the reason
 *   gap       numbers of readings that were given up: what is missing upstream, and why; a row
 *             with count 0 is a status to be cleared. (Version 2) device_id, platform: the device
 *             may be forgotten by then
 */

#include "store/migrate.h"

#include "base/cleanup.h"

static const char *const control_steps[] = {
	"CREATE TABLE upgrade("
	"	version INTEGER PRIMARY KEY, program TEXT NOT NULL, time INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE key("
	"	id INTEGER PRIMARY KEY, source TEXT NOT NULL, check_value BLOB NOT NULL"
	") STRICT;"
	"CREATE TABLE sealed("
	"	name TEXT PRIMARY KEY, value_sealed BLOB NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE counter("
	"	name TEXT PRIMARY KEY, value INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO counter(name, value) VALUES"
	"	('next-device-row', 1), ('next-operation', 1), ('epoch', 0);"
	"CREATE TABLE device("
	"	row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ep TEXT NOT NULL,"
	"	platform TEXT NOT NULL, name TEXT NOT NULL, place TEXT NOT NULL,"
	"	owner TEXT NOT NULL,"
	"	model TEXT NOT NULL, serial TEXT NOT NULL, firmware TEXT NOT NULL,"
	"	display INTEGER NOT NULL, short_code_sealed BLOB, attributes TEXT,"
	"	trust TEXT NOT NULL, found_by TEXT NOT NULL,"
	"	ip TEXT NOT NULL, port INTEGER NOT NULL, interface TEXT NOT NULL,"
	"	address_bound INTEGER NOT NULL, is_server INTEGER NOT NULL,"
	"	poll_path TEXT NOT NULL, poll_format INTEGER NOT NULL,"
	"	code_tries INTEGER NOT NULL, code_locked INTEGER NOT NULL,"
	"	evidence TEXT NOT NULL, decided_by TEXT NOT NULL,"
	"	first_seen INTEGER NOT NULL, decided_at INTEGER NOT NULL,"
	"	admission TEXT NOT NULL,"
	"	operation TEXT NOT NULL, operation_number INTEGER NOT NULL,"
	"	operation_reopened INTEGER NOT NULL, operation_expires INTEGER NOT NULL,"
	"	operation_approved INTEGER NOT NULL, operation_blocked INTEGER NOT NULL,"
	"	operation_blob_sealed BLOB, operation_code_sealed BLOB,"
	"	credential TEXT NOT NULL, credential_since INTEGER NOT NULL,"
	"	credential_expires INTEGER NOT NULL, credential_doubted INTEGER NOT NULL,"
	"	credential_current_sealed BLOB, credential_old_sealed BLOB,"
	"	platform_id TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE person("
	"	row INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	"	role TEXT NOT NULL, password TEXT NOT NULL, created INTEGER NOT NULL,"
	"	epoch INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE alarm("
	"	row INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL,"
	"	raised INTEGER NOT NULL, cleared INTEGER NOT NULL, times INTEGER NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX alarm_active ON alarm(kind, subject) WHERE cleared = 0;"
	"CREATE TABLE setting("
	"	name TEXT PRIMARY KEY, value TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE audit("
	"	number INTEGER PRIMARY KEY, time INTEGER NOT NULL, synced INTEGER NOT NULL,"
	"	who TEXT NOT NULL, role TEXT NOT NULL, via TEXT NOT NULL, action TEXT NOT NULL,"
	"	object TEXT NOT NULL, evidence TEXT NOT NULL, result TEXT NOT NULL,"
	"	mac BLOB NOT NULL"
	") STRICT;",

	"CREATE TABLE token("
	"	kind TEXT NOT NULL, ep TEXT NOT NULL, value_sealed BLOB NOT NULL,"
	"	since INTEGER NOT NULL, PRIMARY KEY(kind, ep)"
	") STRICT, WITHOUT ROWID;",

	/* Commands that wait for their device, or whose result the platform does not have. */
	"CREATE TABLE command("
	"	row INTEGER PRIMARY KEY, device INTEGER NOT NULL, name TEXT NOT NULL,"
	"	args TEXT NOT NULL, response_topic TEXT NOT NULL, correlation TEXT NOT NULL,"
	"	arrived INTEGER NOT NULL, synced INTEGER NOT NULL, lifetime INTEGER NOT NULL,"
	"	ended INTEGER NOT NULL, ok INTEGER NOT NULL, result TEXT NOT NULL,"
	"	reason TEXT NOT NULL"
	") STRICT;"
	"INSERT INTO counter(name, value) VALUES('next-command', 1), ('last-arrival', 0);",

	/* Names are unique whatever their case. */
	"CREATE TABLE label("
	"	ep TEXT PRIMARY KEY COLLATE NOCASE, value_sealed BLOB NOT NULL,"
	"	since INTEGER NOT NULL, imported INTEGER NOT NULL,"
	"	window_until INTEGER NOT NULL, window_by TEXT NOT NULL,"
	"	name TEXT NOT NULL, place TEXT NOT NULL, owner TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;",

	/* Plain devices are bound to a MAC as well. */
	"ALTER TABLE device ADD COLUMN mac TEXT NOT NULL DEFAULT '';",

	/* What a platform was not told yet: see core/withdrawal.h. */
	"CREATE TABLE withdrawal("
	"	row INTEGER PRIMARY KEY, device_id TEXT NOT NULL, ep TEXT NOT NULL,"
	"	platform TEXT NOT NULL, cancel INTEGER NOT NULL, since INTEGER NOT NULL,"
	"	blob_sealed BLOB"
	") STRICT;"
	"INSERT INTO counter(name, value) VALUES('next-withdrawal', 1);",

	/* What a device's display may still show, and codes that are shown here instead. */
	"ALTER TABLE device ADD COLUMN display_holds INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE device ADD COLUMN code_here INTEGER NOT NULL DEFAULT 0;",

	/* A person sends commands, too. */
	"ALTER TABLE command ADD COLUMN sender TEXT NOT NULL DEFAULT '';",

	/* Authorities of devices' certificates; a device is known by the fingerprint of its own. */
	"CREATE TABLE device_ca("
	"	row INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
	"	certificate TEXT NOT NULL, policy TEXT NOT NULL, from_file INTEGER NOT NULL,"
	"	added_by TEXT NOT NULL, since INTEGER NOT NULL, not_after INTEGER NOT NULL"
	") STRICT;"
	"ALTER TABLE device ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';",

	/* Which label a device proved, and what it answered before its label was known. Until now
	 * only a release took a fingerprint away. */
	"ALTER TABLE device ADD COLUMN proved_label_sealed BLOB;"
	"ALTER TABLE device ADD COLUMN kept_proof TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE device ADD COLUMN released INTEGER NOT NULL DEFAULT 0;"
	"UPDATE device SET released = 1"
	"	WHERE trust = 'cert' AND fingerprint = '' AND admission = 'pending';",

	/* Registrations. Until now whoever could have one was taken to have it, at the port that it
	 * had last, for RFC 9176's 25 hours. */
	"ALTER TABLE device ADD COLUMN rd_lifetime INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE device ADD COLUMN rd_port_said INTEGER NOT NULL DEFAULT 0;"
	"UPDATE device SET rd_lifetime = 90000, rd_port_said = 1"
	"	WHERE is_server = 1 AND (address_bound = 1 OR found_by = 'rd');",

	/* How a device serves at its port. Until now only who had proved it was known to do so over
	 * DTLS. */
	"ALTER TABLE device ADD COLUMN secure_only INTEGER NOT NULL DEFAULT 0;",

	/* Tokens that devices brought themselves. Until now each was imported. */
	"ALTER TABLE token ADD COLUMN brought INTEGER NOT NULL DEFAULT 0;",
};

static const char *const outbox_steps[] = {
	"CREATE TABLE upgrade("
	"	version INTEGER PRIMARY KEY, program TEXT NOT NULL, time INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE meta("
	"	one INTEGER PRIMARY KEY CHECK(one = 1), next_row INTEGER NOT NULL,"
	"	epoch INTEGER NOT NULL"
	") STRICT;"
	"INSERT INTO meta(one, next_row, epoch) VALUES(1, 1, 0);"
	"CREATE TABLE reading("
	"	row INTEGER PRIMARY KEY, device INTEGER NOT NULL, trust TEXT NOT NULL,"
	"	time INTEGER NOT NULL, synced INTEGER NOT NULL, format INTEGER NOT NULL,"
	"	mid INTEGER NOT NULL, confirmable INTEGER NOT NULL, token BLOB NOT NULL,"
	"	body BLOB NOT NULL"
	") STRICT;"
	"CREATE INDEX reading_device ON reading(device, row);"
	"CREATE TABLE dead("
	"	row INTEGER PRIMARY KEY, device INTEGER NOT NULL, trust TEXT NOT NULL,"
	"	time INTEGER NOT NULL, synced INTEGER NOT NULL, format INTEGER NOT NULL,"
	"	body BLOB NOT NULL, reason TEXT NOT NULL, buried INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE gap("
	"	id INTEGER PRIMARY KEY, device INTEGER NOT NULL, first_row INTEGER NOT NULL,"
	"	last_row INTEGER NOT NULL, count INTEGER NOT NULL, reason TEXT NOT NULL,"
	"	time INTEGER NOT NULL, published INTEGER NOT NULL"
	") STRICT;",

	/* The device may be forgotten before the platform is told. */
	"ALTER TABLE gap ADD COLUMN device_id TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE gap ADD COLUMN platform TEXT NOT NULL DEFAULT '';",

	/* 1: the last commits may be missing after a power cut, and with them 'next_row'. */
	"ALTER TABLE meta ADD COLUMN loose INTEGER NOT NULL DEFAULT 0;",
};

const struct migrations control_migrations = {control_steps, ELEMENTS(control_steps)};
const struct migrations outbox_migrations = {outbox_steps, ELEMENTS(outbox_steps)};
