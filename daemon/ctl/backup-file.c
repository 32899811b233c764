/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Under the seal (base/phrase.h): four bytes, the size of a JSON object, most significant first;
 * the object; the contents of its "parts", one after the other. What opens was made by somebody who
 * knows the phrase, and is still looked at as any file from outside.
 */

#include "ctl/backup-file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/phrase.h"

#define HEAD_MAX 65536
#define FORM	 1

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)

struct plain {
	uint8_t *data;
	size_t size;
};

static void plain_clear(struct plain *plain)
{
	if (plain->data)
		crypto_wipe(plain->data, plain->size);
	free(plain->data);
}

void backup_clear(struct backup *backup)
{
	for (size_t i = 0; i < backup->parts; i++) {
		crypto_wipe(backup->part[i].data, backup->part[i].size);
		free(backup->part[i].data);
	}
	crypto_wipe(backup, sizeof(*backup));
}

int backup_add(struct backup *backup, const char *name, uint8_t *data, size_t size)
{
	struct backup_part *part = &backup->part[backup->parts];

	if (backup->parts == BACKUP_PARTS_MAX || strlen(name) > BACKUP_NAME_MAX) {
		crypto_wipe(data, size);
		free(data);
		return -E2BIG;
	}
	*part = (struct backup_part){.data = data, .size = size};
	snprintf(part->name, sizeof(part->name), "%s", name);
	backup->parts++;
	return 0;
}

const struct backup_part *backup_find(const struct backup *backup, const char *name)
{
	for (size_t i = 0; i < backup->parts; i++)
		if (!strcmp(backup->part[i].name, name))
			return &backup->part[i];
	return NULL;
}

/* ---- out ---- */

static json_t *head_of(const struct backup *backup)
{
	char key[2 * AES256_KEY + 1];
	json_t *parts = json_array(), *head;

	for (size_t i = 0; i < backup->parts; i++)
		json_array_append_new(parts, json_pack("{s:s,s:I}", "name", backup->part[i].name,
						     "size", (json_int_t)backup->part[i].size));
	hex_encode(span_of(backup->key, sizeof(backup->key)), key, sizeof(key));
	head = json_pack("{s:i,s:I,s:s,s:s,s:s,s:s,s:o}", "v", FORM, "made",
		(json_int_t)backup->made, "gateway", backup->gateway, "version", backup->version,
		"source", backup->source, "key", key, "parts", parts);
	crypto_wipe(key, sizeof(key));
	return head;
}

static int lay_out(const struct backup *backup, const char *head, struct plain *ret_plain)
{
	size_t head_size = strlen(head), size = 4 + head_size, at;

	for (size_t i = 0; i < backup->parts; i++)
		size += backup->part[i].size;
	if (head_size > HEAD_MAX || size > BACKUP_FILE_MAX)
		return -EMSGSIZE;
	ret_plain->data = malloc(size);
	if (!ret_plain->data)
		return -ENOMEM;
	ret_plain->size = size;
	for (int i = 0; i < 4; i++)
		ret_plain->data[i] = (uint8_t)(head_size >> (24 - 8 * i));
	memcpy(ret_plain->data + 4, head, head_size);
	at = 4 + head_size;
	for (size_t i = 0; i < backup->parts; i++) {
		memcpy(ret_plain->data + at, backup->part[i].data, backup->part[i].size);
		at += backup->part[i].size;
	}
	return 0;
}

int backup_pack(
	const struct backup *backup, const char *phrase, uint8_t **ret_file, size_t *ret_size)
{
	CLEANUP(cleanup_json) json_t *head = head_of(backup);
	CLEANUP(plain_clear) struct plain plain = {0};
	char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
	int r = text ? lay_out(backup, text, &plain) : -ENOMEM;

	if (text)
		crypto_wipe(text, strlen(text));
	free(text);
	return r < 0 ? r : phrase_seal(phrase, span_of(plain.data, plain.size), ret_file, ret_size);
}

/* ---- in ---- */

static int take_word(const json_t *head, const char *name, char *ret_word)
{
	const char *word = json_string_value(json_object_get(head, name));

	if (!word || strlen(word) > BACKUP_WORD_MAX)
		return -EPROTO;
	snprintf(ret_word, BACKUP_WORD_MAX + 1, "%s", word);
	return 0;
}

static int take_key(const json_t *head, struct backup *backup)
{
	const char *text = json_string_value(json_object_get(head, "key"));

	if (!text || strlen(text) != 2 * AES256_KEY)
		return -EPROTO;
	return hex_decode(span_from_string(text), backup->key, sizeof(backup->key)) < 0 ? -EPROTO
											: 0;
}

static int take_parts(const json_t *head, struct span rest, struct backup *backup)
{
	const json_t *parts = json_object_get(head, "parts"), *part;
	size_t i;

	json_array_foreach(parts, i, part)
	{
		const char *name = json_string_value(json_object_get(part, "name"));
		json_int_t size = json_integer_value(json_object_get(part, "size"));
		uint8_t *copy;
		int r;

		if (!name || !name[0] || strchr(name, '/') || size < 0 ||
			(uint64_t)size > rest.size || backup_find(backup, name))
			return -EPROTO;
		copy = malloc((size_t)size + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, rest.data, (size_t)size);
		r = backup_add(backup, name, copy, (size_t)size);
		if (r < 0)
			return -EPROTO;
		rest = span_of(rest.data + size, rest.size - (size_t)size);
	}
	return json_is_array(parts) && rest.size == 0 ? 0 : -EPROTO;
}

static int read_head(struct span plain, json_t **ret_head, struct span *ret_rest)
{
	size_t size = 0;

	if (plain.size < 4)
		return -EPROTO;
	for (int i = 0; i < 4; i++)
		size = size << 8 | plain.data[i];
	if (size > HEAD_MAX || size > plain.size - 4)
		return -EPROTO;
	*ret_head = json_loadb((const char *)plain.data + 4, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_integer_value(json_object_get(*ret_head, "v")) != FORM)
		return -EPROTO;
	*ret_rest = span_of(plain.data + 4 + size, plain.size - 4 - size);
	return 0;
}

int backup_unpack(struct span file, const char *phrase, struct backup *ret_backup)
{
	CLEANUP(plain_clear) struct plain plain = {0};
	CLEANUP(cleanup_json) json_t *head = NULL;
	struct span rest;
	int r;

	*ret_backup = (struct backup){0};
	r = phrase_unseal(phrase, file, &plain.data, &plain.size);
	if (r >= 0)
		r = read_head(span_of(plain.data, plain.size), &head, &rest);
	if (r < 0)
		return r;
	ret_backup->made = json_integer_value(json_object_get(head, "made"));
	r = take_word(head, "gateway", ret_backup->gateway);
	if (r >= 0)
		r = take_word(head, "version", ret_backup->version);
	if (r >= 0)
		r = take_word(head, "source", ret_backup->source);
	if (r >= 0)
		r = take_key(head, ret_backup);
	return r < 0 ? r : take_parts(head, rest, ret_backup);
}
