/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Backup and restore. A backup is asked of the running gateway: it leaves a copy of control.db in
 * its state directory, sealed with a key that was made here; copy, key and the page's certificate
 * go into one file under a recovery phrase, and the copy goes. A restore is done to a gateway that
 * does not run, as the owner of its state directory, so that every file there is the daemon's own.
 *
 * The phrase is made here and shown once, or comes from a file; it is no word of a command line and
 * nothing in the environment.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/phrase.h"
#include "core/config.h"
#include "core/device.h"
#include "ctl/backup-file.h"
#include "ctl/command.h"
#include "ctl/key.h"
#include "ctl/secret.h"
#include "ctl/table.h"
#include "store/restore.h"

#define COPY	 "backup.db"
#define DATABASE "control.db"
#define WHY_SIZE 400

/* As many as there are calls of ctl_pulse() on the way. */
#define BACKUP_STEPS  5
#define RESTORE_STEPS 3

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

/* Files beside the database, by which browsers know the page again. */
static const char *const PAGE_FILES[] = {"page.key", "page.crt"};

struct phrase {
	char text[SECRET_LINE_MAX + 1];
};

static void phrase_clear(struct phrase *phrase)
{
	crypto_wipe(phrase, sizeof(*phrase));
}

struct blob {
	uint8_t *data;
	size_t size;
};

static void blob_clear(struct blob *blob)
{
	if (blob->data)
		crypto_wipe(blob->data, blob->size);
	free(blob->data);
}

static void ignore_message(void *userdata, int level, const char *text)
{
}

static int load_config(struct ctl *ctl, struct config *ret_config)
{
	const char *path = ctl->invocation->value[OPTION_CONFIG];

	if (!path && access(CONFIG_DEFAULT, F_OK) == 0)
		path = CONFIG_DEFAULT;
	if (config_load(path, ignore_message, NULL, ret_config) < 0)
		return ctl_refuse(
			ctl, "The configuration is wrong: gatehousectl check-config says why.");
	return EXIT_DONE;
}

static int open_state(struct ctl *ctl, const struct config *config, int *ret_fd)
{
	*ret_fd = open(config->state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd >= 0)
		return EXIT_DONE;
	return ctl_refuse(ctl, "The state directory %s cannot be opened: %s.%s",
		config->state_directory, strerror(errno),
		errno == ENOENT	  ? " Start gatehoused once, or name its configuration (--config)."
		: errno == EACCES ? " Run this as root."
				  : "");
}

static int read_phrase(struct ctl *ctl, const char *path, struct phrase *ret_phrase)
{
	char why[WHY_SIZE];

	if (secret_read(path, SECRET_PHRASE, ret_phrase->text, why, sizeof(why)) < 0)
		return ctl_refuse(ctl, "%s", why);
	if (phrase_strength(ret_phrase->text) < PHRASE_MIN)
		return ctl_refuse(ctl, "A recovery phrase has at least %d characters.", PHRASE_MIN);
	return EXIT_DONE;
}

/* ---- backup ---- */

/* 32 letters and digits, in groups of four. */
static void make_phrase(struct phrase *ret_phrase)
{
	char code[SHORT_CODE_SIZE + 1], group[SHORT_CODE_SIZE + 2];
	char *to = ret_phrase->text;

	for (int i = 0; i < 4; i++) {
		short_code_make(code);
		to += sprintf(to, "%s%s", i ? "-" : "", short_code_format(code, group));
	}
	crypto_wipe(code, sizeof(code));
	crypto_wipe(group, sizeof(group));
}

static int choose_phrase(struct ctl *ctl, struct phrase *ret_phrase)
{
	const char *path = ctl->invocation->value[OPTION_PHRASE_FILE];

	if (path)
		return read_phrase(ctl, path, ret_phrase);
	/* It must not end in a log. */
	if (!isatty(fileno(ctl->out)) || ctl->invocation->value[OPTION_JSON])
		return ctl_usage_error(ctl, "without a terminal a backup needs --phrase-file");
	make_phrase(ret_phrase);
	return EXIT_DONE;
}

/* Asks for the copy; 'backup' gets what is known of it. */
static int ask_gateway(struct ctl *ctl, struct backup *backup)
{
	CLEANUP(cleanup_json) json_t *status = NULL;
	CLEANUP(cleanup_json) json_t *answer = NULL;
	char key[2 * AES256_KEY + 1];
	const char *source;
	int code = ctl_call_watched(ctl, "asking the gateway how its key is kept", "GET",
		"/api/v1/status", NULL, &status);

	if (code != EXIT_DONE)
		return code;
	source = json_string_value(json_object_get(json_object_get(status, "key"), "source"));
	snprintf(backup->source, sizeof(backup->source), "%s",
		!source || !strcmp(source, "key file") ? "file" : source);
	random_bytes(backup->key, sizeof(backup->key));
	hex_encode(span_of(backup->key, sizeof(backup->key)), key, sizeof(key));
	code = ctl_call_watched(ctl, "the gateway copies its database", "POST", "/api/v1/backup",
		json_pack("{s:s}", "key", key), &answer);
	crypto_wipe(key, sizeof(key));
	return code;
}

static int take_file(int state_fd, const char *name, const char *as, struct backup *backup)
{
	uint8_t *data;
	size_t size;
	int r = file_read(state_fd, name, BACKUP_FILE_MAX, &data, &size);

	return r < 0 ? r : backup_add(backup, as, data, size);
}

static int gather(struct ctl *ctl, const struct config *config, struct backup *backup)
{
	CLEANUP(cleanup_close) int state_fd = -EBADF;
	struct pulse pulse;
	int code = open_state(ctl, config, &state_fd), r;

	if (code != EXIT_DONE)
		return code;
	code = ask_gateway(ctl, backup);
	if (code != EXIT_DONE)
		return code;
	ctl_pulse(ctl, &pulse, "reading the copy");
	r = take_file(state_fd, COPY, DATABASE, backup);
	unlinkat(state_fd, COPY, 0);
	for (size_t i = 0; i < ELEMENTS(PAGE_FILES) && r >= 0; i++) {
		r = take_file(state_fd, PAGE_FILES[i], PAGE_FILES[i], backup);
		if (r == -ENOENT)
			r = 0;
	}
	pulse_end(&pulse);
	if (r < 0)
		return ctl_refuse(ctl, "The copy in %s cannot be read: %s.%s",
			config->state_directory, strerror(-r),
			r == -ENOENT ? " Is that the gateway's configuration (--config)?" : "");
	backup->made = clock_wall_msec();
	snprintf(backup->gateway, sizeof(backup->gateway), "%s", config->id);
	snprintf(backup->version, sizeof(backup->version), "%s", GATEHOUSE_VERSION);
	return EXIT_DONE;
}

static int tell_backup(struct ctl *ctl, size_t size, const struct phrase *phrase)
{
	const char *path = ctl->invocation->argument[0];
	json_t *answer;

	if (ctl->invocation->value[OPTION_JSON]) {
		answer = json_pack(
			"{s:s,s:s,s:I}", "result", "done", "file", path, "size", (json_int_t)size);
		ctl_print_json(ctl, answer);
		json_decref(answer);
		return EXIT_DONE;
	}
	fprintf(ctl->out, "Written: %s (%zu bytes).\n", path, size);
	if (!ctl->invocation->value[OPTION_PHRASE_FILE])
		fprintf(ctl->out,
			"\nRecovery phrase: %s\n\nIt is shown this once and kept nowhere. Without "
			"it the file opens for nobody.\n",
			phrase->text);
	return EXIT_DONE;
}

int run_backup(struct ctl *ctl)
{
	CLEANUP(backup_clear) struct backup backup = {0};
	CLEANUP(phrase_clear) struct phrase phrase = {0};
	CLEANUP(cleanup_free) uint8_t *file = NULL;
	struct pulse pulse;
	struct config config;
	size_t size = 0;
	int code = load_config(ctl, &config), r;

	ctl->steps = BACKUP_STEPS;
	if (code == EXIT_DONE && access(ctl->invocation->argument[0], F_OK) == 0)
		code = ctl_refuse(ctl, "%.200s is there already; nothing is written over.",
			ctl->invocation->argument[0]);
	if (code == EXIT_DONE)
		code = choose_phrase(ctl, &phrase);
	if (code == EXIT_DONE)
		code = gather(ctl, &config, &backup);
	if (code != EXIT_DONE)
		return code;
	ctl_pulse(ctl, &pulse, "sealing it with the phrase");
	r = backup_pack(&backup, phrase.text, &file, &size);
	pulse_end(&pulse);
	if (r < 0)
		return ctl_refuse(ctl, "The backup cannot be sealed: %s.", strerror(-r));
	code = ctl_write_file(ctl, ctl->invocation->argument[0], span_of(file, size));
	return code == EXIT_DONE ? tell_backup(ctl, size, &phrase) : code;
}

/* ---- restore ---- */

static const char *why_not(int error)
{
	switch (error) {
	case -ENOMSG:
		return "That is no backup of a gateway.";
	case -EKEYREJECTED:
		return "The recovery phrase is another one, or the file is damaged at its "
		       "beginning. "
		       "Nothing was changed.";
	case -EBADMSG:
	case -EPROTO:
		return "The file is damaged. Nothing was changed.";
	default:
		return strerror(-error);
	}
}

static int read_backup(struct ctl *ctl, struct backup *ret_backup)
{
	CLEANUP(phrase_clear) struct phrase phrase = {0};
	CLEANUP(blob_clear) struct blob file = {0};
	const char *path = ctl->invocation->argument[0];
	struct pulse pulse;
	int r, code;

	ctl_pulse(ctl, &pulse, "reading the file");
	r = file_read(AT_FDCWD, path, BACKUP_FILE_MAX, &file.data, &file.size);
	pulse_end(&pulse);
	if (r < 0)
		return ctl_refuse(ctl, "%.200s cannot be read: %s.", path, strerror(-r));
	code = read_phrase(ctl, ctl->invocation->value[OPTION_PHRASE_FILE], &phrase);
	if (code != EXIT_DONE)
		return code;
	ctl_pulse(ctl, &pulse, "opening it with the phrase");
	r = backup_unpack(span_of(file.data, file.size), phrase.text, ret_backup);
	pulse_end(&pulse);
	if (r >= 0 && !backup_find(ret_backup, DATABASE))
		r = -EPROTO;
	return r < 0 ? ctl_refuse(ctl, "%s", why_not(r)) : EXIT_DONE;
}

/* How the key is kept from now on. A step down is somebody's word, never ours. */
static int choose_source(struct ctl *ctl, const struct backup *backup, const char **ret_source)
{
	const char *to = ctl->invocation->value[OPTION_TO];

	if (to && !key_source_is_known(to))
		return ctl_usage_error(ctl, "--to needs file, host or tpm2+host");
	*ret_source = to ? to : backup->source;
	if (!key_source_is_known(*ret_source))
		return ctl_refuse(ctl,
			"The key was kept as a credential that did not say how it was sealed. Say "
			"how it is to be kept here: --to tpm2+host, --to host or --to file.");
	if (!to && strcmp(*ret_source, "file") && geteuid() != 0)
		return ctl_refuse(ctl,
			"The key was kept as %s, which is root's to make. Run this as "
			"root, or say --to file.",
			*ret_source);
	return EXIT_DONE;
}

/* As the owner of the directory, and back. */
static int become(uid_t uid, gid_t gid)
{
	if (geteuid() == uid)
		return 0;
	if (geteuid() != 0 && seteuid(0) < 0)
		return -errno;
	return setegid(gid) < 0 || seteuid(uid) < 0 ? -errno : 0;
}

static void put_page_files(struct ctl *ctl, int state_fd, const struct backup *backup)
{
	for (size_t i = 0; i < ELEMENTS(PAGE_FILES); i++) {
		const struct backup_part *part = backup_find(backup, PAGE_FILES[i]);
		int r = part ? file_replace(
				       state_fd, part->name, span_of(part->data, part->size), 0600)
			     : 0;

		if (r < 0)
			ctl_refuse(ctl,
				"%s cannot be written (%s): the page gets a new certificate.",
				PAGE_FILES[i], strerror(-r));
	}
}

static int restore_as_owner(
	struct ctl *ctl, int state_fd, const struct backup *backup, const struct restore *restore)
{
	enum restore_result result;
	char why[WHY_SIZE] = "";
	struct pulse pulse;
	int r;

	ctl_pulse(ctl, &pulse, "sealing its secrets anew, and putting it in place");
	r = store_restore(restore, &result, why, sizeof(why));
	pulse_end(&pulse);
	if (r < 0 || result != RESTORE_DONE)
		return ctl_refuse(ctl, "%s", why);
	put_page_files(ctl, state_fd, backup);
	return EXIT_DONE;
}

static int put_back(struct ctl *ctl, const struct config *config, const struct backup *backup,
	const struct restore *restore)
{
	CLEANUP(cleanup_close) int state_fd = -EBADF;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct stat st;
	int code = open_state(ctl, config, &state_fd), r;

	if (state_fd < 0)
		return code;
	r = fstat(state_fd, &st) < 0 ? -errno : become(st.st_uid, st.st_gid);
	if (r < 0)
		return ctl_refuse(ctl, "The owner of %s cannot be acted for: %s. Run this as root.",
			config->state_directory, strerror(-r));
	code = restore_as_owner(ctl, state_fd, backup, restore);
	r = become(uid, gid);
	return r < 0 ? ctl_refuse(ctl, "What comes after the restore cannot be done: %s.",
			       strerror(-r))
		     : code;
}

/* The new key is delivered before it is needed, and the old one until it is not. */
static int run_with_key(struct ctl *ctl, const struct config *config, const struct backup *backup,
	struct restore *restore, const char *source)
{
	const struct credential_store *credentials = &credential_store_default;
	bool by_file = restore->source == KEY_FILE;
	char why[WHY_SIZE];
	int code = by_file ? EXIT_DONE : key_put_next(ctl, credentials, source, restore->new_key);

	if (code != EXIT_DONE) {
		fputs("To keep the key in another way say so: --to host, or --to file.\n",
			ctl->err);
		return code;
	}
	code = put_back(ctl, config, backup, restore);
	if (code != EXIT_DONE) {
		if (!by_file)
			credential_drop(credentials, "gatehouse.kek-next", why, sizeof(why));
		return code;
	}
	if (!by_file)
		return key_promote(ctl, credentials, source);
	/* They open nothing any more; a gateway that is not systemd's has none. */
	if (geteuid() == 0 && !ctl->invocation->value[OPTION_CONFIG]) {
		credential_drop(credentials, "gatehouse.kek-next", why, sizeof(why));
		credential_drop(credentials, "gatehouse.kek", why, sizeof(why));
	}
	return code;
}

static int tell_restore(struct ctl *ctl, const struct backup *backup, const char *source)
{
	json_t *answer;

	if (ctl->invocation->value[OPTION_JSON]) {
		answer = json_pack("{s:s,s:s,s:s,s:I}", "result", "done", "gateway",
			backup->gateway, "key", source, "made", (json_int_t)backup->made);
		ctl_print_json(ctl, answer);
		json_decref(answer);
		return EXIT_DONE;
	}
	line_print(ctl->out, "Restored. What was there before is set aside in the state directory "
			     "(*.before-restore-*).");
	pair_print(ctl->out, "Gateway", backup->gateway);
	pair_print(ctl->out, "Its version", backup->version);
	pair_print(ctl->out, "The key", source);
	if (strcmp(source, backup->source))
		pair_print(ctl->out, "It was", backup->source);
	fputs("\nStart it: systemctl start gatehoused. The gateway that the backup was made of "
	      "must "
	      "never\nrun beside this one.\n",
		ctl->out);
	return EXIT_DONE;
}

int run_restore(struct ctl *ctl)
{
	CLEANUP(backup_clear) struct backup backup = {0};
	const struct backup_part *database;
	const char *source = NULL;
	struct restore restore = {.replace = ctl->invocation->value[OPTION_REPLACE] != NULL};
	struct config config;
	char who[32];
	int code = load_config(ctl, &config);

	ctl->steps = RESTORE_STEPS;
	if (code == EXIT_DONE)
		code = read_backup(ctl, &backup);
	if (code == EXIT_DONE)
		code = choose_source(ctl, &backup, &source);
	if (code != EXIT_DONE || !source)
		return code;
	database = backup_find(&backup, DATABASE);
	restore.state_directory = config.state_directory;
	restore.database = span_of(database->data, database->size);
	restore.source = !strcmp(source, "file")   ? KEY_FILE
			 : !strcmp(source, "host") ? KEY_HOST
						   : KEY_TPM2;
	memcpy(restore.key, backup.key, sizeof(restore.key));
	random_bytes(restore.new_key, sizeof(restore.new_key));
	snprintf(who, sizeof(who), "uid %u", (unsigned)getuid());
	audit_row_init(&restore.audit, who, "admin", "gatehousectl", DEED_RESTORE, backup.gateway,
		"", audit_result(AUDIT_DONE));
	code = run_with_key(ctl, &config, &backup, &restore, source);
	crypto_wipe(&restore, sizeof(restore));
	return code == EXIT_DONE ? tell_restore(ctl, &backup, source) : code;
}
