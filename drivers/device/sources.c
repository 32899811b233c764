/* SPDX-License-Identifier: Apache-2.0 */

/* A link is a source of readings when its interface is that of a sensor (core.s, RFC 6690 with the
 * CoRE interfaces), or when it says that it can be observed. */

#include "drivers/device/sources.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool link_has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	const char *at = words;

	while (at && (at = strstr(at, word))) {
		if ((at == words || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
			return true;
		at += length;
	}
	return false;
}

/* "/3303/0/5700?x=1" is "3303/0/5700"; what SenML cannot carry stays unnamed. */
static void name_from_path(const char *path, char ret_name[PROFILE_TEXT_MAX + 1])
{
	size_t size = strcspn(path + 1, "?");

	if (size > PROFILE_TEXT_MAX)
		return;
	memcpy(ret_name, path + 1, size);
	ret_name[size] = '\0';
	if (!read_name_fits(ret_name))
		ret_name[0] = '\0';
}

bool source_add(struct device_links *found, const struct profile_read *read, bool observe)
{
	struct telemetry_source *source;

	if (found->source_count == SOURCES_MAX)
		return false;
	source = &found->source[found->source_count++];
	*source = (struct telemetry_source){
		.format = read->format, .observe = observe, .interval = read->interval};
	memcpy(source->path, read->path, sizeof(source->path));
	memcpy(source->name, read->name, sizeof(source->name));
	memcpy(source->unit, read->unit, sizeof(source->unit));
	if (!source->name[0])
		name_from_path(source->path, source->name);
	return true;
}

static bool is_source(const struct device_link *link)
{
	if (!strncmp(link->rt, "gatehouse.", 10) || strstr(link->rt, " gatehouse.") ||
		!strncmp(link->path, "/.well-known/", 13))
		return false;
	return link->observable || link_has_word(link->interface, "core.s");
}

void sources_from_links(const struct device_question *question, struct device_links *found)
{
	for (size_t i = 0; question->links && i < question->count; i++) {
		const struct device_link *link = &question->links[i];
		struct profile_read read = {.format = link->content_format};

		if (!is_source(link) || strlen(link->path) > READ_PATH_MAX)
			continue;
		snprintf(read.path, sizeof(read.path), "%s", link->path);
		if (!source_add(found, &read, link->observable))
			return;
	}
}

int source_plan(
	const struct device_links *found, unsigned index, struct device_request *ret_request)
{
	if (index >= found->source_count)
		return -ENOTSUP;
	*ret_request = (struct device_request){
		.method = 1,
		.content_format = -1,
		.accept = found->source[index].format,
		.answer_max = READING_BODY_MAX,
	};
	snprintf(ret_request->path, sizeof(ret_request->path), "%s", found->source[index].path);
	return 0;
}

bool telemetry_source_equal(const struct telemetry_source *a, const struct telemetry_source *b)
{
	return !strcmp(a->path, b->path) && !strcmp(a->name, b->name) &&
	       !strcmp(a->unit, b->unit) && a->format == b->format && a->observe == b->observe &&
	       a->interval == b->interval;
}

bool device_links_equal(const struct device_links *a, const struct device_links *b)
{
	if (strcmp(a->info, b->info) || strcmp(a->claim, b->claim) ||
		strcmp(a->display, b->display) || strcmp(a->identify, b->identify) ||
		strcmp(a->status, b->status) || strcmp(a->command, b->command) ||
		strcmp(a->model, b->model) || a->status_format != b->status_format ||
		a->command_format != b->command_format || a->claim_format != b->claim_format ||
		a->source_count != b->source_count)
		return false;
	for (unsigned i = 0; i < a->source_count; i++)
		if (!telemetry_source_equal(&a->source[i], &b->source[i]))
			return false;
	return true;
}
