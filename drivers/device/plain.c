/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Standard CoRE devices: they have a link list and nothing that speaks of a gateway. The first
 * device profile that fits says what to read; without one their links do. They cannot be told,
 * asked to blink or shown a code, so those requests are all "not supported". It takes every device
 * that has links: what there is to read may be said by a profile that comes later.
 */

#include "drivers/device/plain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/device/sources.h"

/* One of the words is met by one of the patterns. */
static bool words_fit(const struct config_list *patterns, const char *words)
{
	while (*words) {
		size_t size = strcspn(words, " ");

		for (unsigned i = 0; i < patterns->count; i++)
			if (size && profile_pattern_fits(patterns->item[i], span_of(words, size)))
				return true;
		words += size + strspn(words + size, " ");
	}
	return false;
}

static bool links_fit(const struct device_question *question, const struct config_list *patterns,
	const char *(*text_of)(const struct device_link *link))
{
	for (size_t i = 0; i < question->count; i++)
		if (words_fit(patterns, text_of(&question->links[i])))
			return true;
	return patterns->count == 0;
}

static const char *rt_of(const struct device_link *link)
{
	return link->rt;
}

static const char *interface_of(const struct device_link *link)
{
	return link->interface;
}

static const char *path_of(const struct device_link *link)
{
	return link->path;
}

static bool profile_fits(const struct profile *profile, const struct device_question *question)
{
	return links_fit(question, &profile->rt, rt_of) &&
	       links_fit(question, &profile->interface, interface_of) &&
	       links_fit(question, &profile->path, path_of) &&
	       (profile->ep.count == 0 || words_fit(&profile->ep, question->ep));
}

static const struct device_link *link_of(const struct device_question *question, const char *path)
{
	size_t size = strcspn(path, "?");

	for (size_t i = 0; i < question->count; i++)
		if (strlen(question->links[i].path) == size &&
			!memcmp(question->links[i].path, path, size))
			return &question->links[i];
	return NULL;
}

static void take_profile(const struct profile *profile, const struct device_question *question,
	struct device_links *found)
{
	snprintf(found->model, sizeof(found->model), "%s", profile->model);
	for (unsigned i = 0; i < profile->read_count; i++) {
		struct profile_read read = profile->read[i];
		const struct device_link *link = link_of(question, read.path);
		bool observe = read.observe == READ_OBSERVE_YES ||
			       (read.observe == READ_OBSERVE_AUTO && link && link->observable);

		if (read.format < 0 && link)
			read.format = link->content_format;
		source_add(found, &read, observe);
	}
}

static bool match(const struct device_question *question, struct device_links *ret_found)
{
	struct device_links found = {.status_format = FORMAT_CBOR, .command_format = FORMAT_CBOR};
	const struct profiles *profiles = question->profiles;

	if (!question->links || question->count == 0)
		return false;
	for (unsigned i = 0; profiles && i < profiles->count; i++)
		if (profile_fits(&profiles->item[i], question)) {
			take_profile(&profiles->item[i], question, &found);
			*ret_found = found;
			return true;
		}
	sources_from_links(question, &found);
	*ret_found = found;
	return true;
}

static int info(const struct device_links *found, struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int decode_info(int format, struct span body, struct device_info *ret_info, bool *ret_has_pt,
	enum info_verdict *ret_verdict, const char **ret_why)
{
	*ret_has_pt = false;
	*ret_verdict = INFO_FORMAT_UNKNOWN;
	*ret_why = "a standard device does not describe itself";
	return 0;
}

static int encode_answer(int format, const struct enrol_answer *answer, uint8_t *ret_body,
	size_t capacity, size_t *ret_size)
{
	return -ENOTSUP;
}

static int show_code(
	const struct device_links *found, struct span code, struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int clear_code(const struct device_links *found, struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int identify(
	const struct device_links *found, uint32_t seconds, struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int notify(const struct device_links *found, const struct enrol_answer *answer,
	struct device_request *ret_request)
{
	return -ENOTSUP;
}

static int command_to(const struct device_links *found, const struct command *command,
	struct device_request *ret_request)
{
	return -ENOTSUP;
}

const struct device_driver device_plain = {
	.name = "plain",
	.match = match,
	.info = info,
	.decode_info = decode_info,
	.encode_answer = encode_answer,
	.show_code = show_code,
	.clear_code = clear_code,
	.identify = identify,
	.notify = notify,
	.command = command_to,
	.plan_read = source_plan,
};
