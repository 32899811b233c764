/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The key that seals the gateway's secrets. A credential is root's to make, so a change of it is
 *
 *	gatehouse.kek-next gets the new key -> the gateway seals everything anew -> gatehouse.kek
 *	gets the new key -> gatehouse.kek-next goes
 *
 * At each moment the key that the gateway asks for is delivered by one of the two. When the tool is
 * stopped half way, the gateway says which one it needs, and the next change ends the one before.
 */

#include "ctl/key.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "ctl/table.h"

#define CURRENT	 "gatehouse.kek"
#define NEXT	 "gatehouse.kek-next"
#define TEXT_MAX CREDENTIAL_TEXT_MAX
#define WHY_SIZE 256

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

/* The rungs, the weakest first, with what systemd-creds calls them. */
static const struct rung {
	const char *word, *with, *text;
} rungs[] = {
	{"file", NULL,
		"a key file beside the data: protects copies of the data, not the whole disk"},
	{"host", "host",
		"a credential sealed with this machine's host key: the same, and no key in clear"},
	{"tpm2+host", "host+tpm2",
		"a credential sealed with the TPM2 and the host key: a disk alone opens nothing"},
};

static const struct rung *find_rung(const char *word)
{
	for (size_t i = 0; i < ELEMENTS(rungs); i++)
		if (!strcmp(word, rungs[i].word))
			return &rungs[i];
	return NULL;
}

static int fail(struct ctl *ctl, const char *why)
{
	line_print(ctl->err, why);
	return EXIT_REFUSED;
}

static int get_key_status(struct ctl *ctl, json_t **ret_answer, const json_t **ret_key)
{
	int code = ctl_call(ctl, "GET", "/api/v1/status", NULL, ret_answer);

	if (code == EXIT_DONE)
		*ret_key = json_object_get(*ret_answer, "key");
	return code;
}

static const char *text_of(const json_t *key, const char *name)
{
	const char *text = json_string_value(json_object_get(key, name));

	return !text ? "" : !strcmp(text, "key file") ? "file" : text;
}

int key_promote(struct ctl *ctl, const struct credential_store *store, const char *source)
{
	const struct rung *rung = find_rung(source);
	char text[TEXT_MAX + 1] = "", why[WHY_SIZE];
	int r = credential_get(store, NEXT, text, why, sizeof(why));

	if (r >= 0)
		r = credential_put(store, CURRENT, rung->with, text, why, sizeof(why));
	crypto_wipe(text, sizeof(text));
	if (r >= 0)
		r = credential_drop(store, NEXT, why, sizeof(why));
	return r < 0 ? fail(ctl, why) : EXIT_DONE;
}

/* An earlier change may have been stopped after its first step: nothing of it is lost. */
static int end_earlier(struct ctl *ctl, const struct credential_store *store, const json_t *key)
{
	const struct rung *rung = find_rung(text_of(key, "source"));
	char why[WHY_SIZE];

	if (!credential_exists(store, NEXT))
		return EXIT_DONE;
	if (json_is_true(json_object_get(key, "next")) && rung && rung->with)
		return key_promote(ctl, store, rung->word);
	return credential_drop(store, NEXT, why, sizeof(why)) < 0 ? fail(ctl, why) : EXIT_DONE;
}

static int order(struct ctl *ctl, json_t *body_stolen)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	int code = ctl_call_watched(ctl, "the gateway seals its secrets anew", "POST",
		"/api/v1/key", body_stolen, &answer);

	if (code == EXIT_UNREACHABLE)
		line_print(ctl->err,
			"Whether the key was changed is not known: run this again, nothing is "
			"lost.");
	return code;
}

static int change_to_file(struct ctl *ctl, const struct credential_store *store)
{
	char why[WHY_SIZE];
	int code = order(ctl, json_pack("{s:s}", "source", "file"));

	if (code != EXIT_DONE)
		return code;
	/* They open nothing any more. */
	if (credential_drop(store, NEXT, why, sizeof(why)) < 0 ||
		credential_drop(store, CURRENT, why, sizeof(why)) < 0)
		return fail(ctl, why);
	return EXIT_DONE;
}

/* text: TEXT_MAX + 1; it gets what the credential holds. why: WHY_SIZE. */
static int put_next(const struct credential_store *store, const struct rung *rung,
	const uint8_t key[AES256_KEY], char *text, char *why)
{
	hex_encode(span_of(key, AES256_KEY), text, TEXT_MAX + 1);
	snprintf(text + 2 * AES256_KEY, TEXT_MAX + 1 - 2 * AES256_KEY, " %s", rung->word);
	return credential_put(store, NEXT, rung->with, text, why, WHY_SIZE);
}

bool key_source_is_known(const char *source)
{
	return find_rung(source) != NULL;
}

int key_put_next(struct ctl *ctl, const struct credential_store *store, const char *source,
	const uint8_t key[AES256_KEY])
{
	char text[TEXT_MAX + 1], why[WHY_SIZE];
	int r = put_next(store, find_rung(source), key, text, why);

	crypto_wipe(text, sizeof(text));
	return r < 0 ? fail(ctl, why) : EXIT_DONE;
}

static int change_to_credential(
	struct ctl *ctl, const struct credential_store *store, const struct rung *rung)
{
	char text[TEXT_MAX + 1], why[WHY_SIZE];
	uint8_t key[AES256_KEY];
	json_t *body = NULL;
	int r, code;

	random_bytes(key, sizeof(key));
	r = put_next(store, rung, key, text, why);
	crypto_wipe(key, sizeof(key));
	if (r >= 0)
		body = json_pack("{s:s,s:s}", "source", rung->word, "key", text);
	crypto_wipe(text, sizeof(text));
	if (r < 0)
		return fail(ctl, why);
	code = order(ctl, body);
	if (code == EXIT_REFUSED && credential_drop(store, NEXT, why, sizeof(why)) < 0)
		line_print(ctl->err, why);
	return code == EXIT_DONE ? key_promote(ctl, store, rung->word) : code;
}

int key_change(struct ctl *ctl, const struct credential_store *store, const char *source)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const struct rung *rung = find_rung(source);
	const json_t *key = NULL;
	int code;

	if (!rung) {
		fputs("gatehousectl: --to needs file, host or tpm2+host\n", ctl->err);
		return EXIT_USAGE;
	}
	code = get_key_status(ctl, &answer, &key);
	if (code == EXIT_DONE)
		code = end_earlier(ctl, store, key);
	if (code == EXIT_DONE)
		code = rung->with ? change_to_credential(ctl, store, rung)
				  : change_to_file(ctl, store);
	if (code == EXIT_DONE && !ctl->invocation->value[OPTION_JSON])
		fprintf(ctl->out, "Every secret is sealed with a new key. It is kept as %s.\n",
			rung->text);
	return code;
}

int run_key_reseal(struct ctl *ctl)
{
	const char *to = ctl->invocation->value[OPTION_TO];

	return key_change(ctl, &credential_store_default, to ? to : "");
}

/* The same rung, another key. */
int run_key_rotate(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const json_t *key = NULL;
	int code = get_key_status(ctl, &answer, &key);

	if (code != EXIT_DONE)
		return code;
	if (!find_rung(text_of(key, "source")))
		return fail(ctl,
			"The credential does not say how it is sealed. Say it once: gatehousectl "
			"key reseal --to host, or --to tpm2+host.");
	return key_change(ctl, &credential_store_default, text_of(key, "source"));
}

int run_key_show(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const json_t *key = NULL;
	const struct rung *rung;
	int code = get_key_status(ctl, &answer, &key);

	if (code != EXIT_DONE || ctl_print_json(ctl, key))
		return code;
	rung = find_rung(text_of(key, "source"));
	pair_print(ctl->out, "Key from", text_of(key, "source"));
	pair_print(ctl->out, "That is", rung ? rung->text : "a credential of systemd");
	if (strcmp(text_of(key, "source"), text_of(key, "expected")))
		pair_print(ctl->out, "It was", text_of(key, "expected"));
	if (json_is_true(json_object_get(key, "next")) &&
		credential_exists(&credential_store_default, NEXT))
		pair_print(ctl->out, "Unfinished", "a change of the key: key rotate ends it");
	pair_print(ctl->out, "Public key", text_of(key, "public"));
	pair_print(ctl->out, "TPM2 here", access("/dev/tpmrm0", F_OK) == 0 ? "yes" : "no");
	return code;
}
