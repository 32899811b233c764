/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/fuzz/api-bed.h"

#include <stdlib.h>

static void on_act(void *userdata, const struct act *act, act_done_fn done, void *done_userdata)
{
	const struct act_outcome outcome = {.result = ACT_DONE};

	api_bed_check(act);
	done(done_userdata, &outcome);
}

static void on_tokens(void *userdata, const struct act *act, struct token_list *list,
	act_done_fn done, void *done_userdata)
{
	for (const struct token *token = list->first; token; token = token->next)
		if (!token->ep[0] || !token->value.size)
			abort();
	token_list_clear(list);
	on_act(userdata, act, done, done_userdata);
}

static void on_codes(void *userdata, const struct act *act, struct label_list *list,
	act_done_fn done, void *done_userdata)
{
	label_list_clear(list);
	on_act(userdata, act, done, done_userdata);
}

static void on_parcel(void *userdata, const struct act *act, struct span parcel, act_done_fn done,
	void *done_userdata)
{
	on_act(userdata, act, done, done_userdata);
}

static void on_journal(
	void *userdata, const struct audit_query *query, api_journal_fn done, void *done_userdata)
{
	if (!memchr(query->who, 0, sizeof(query->who)) ||
		!memchr(query->object, 0, sizeof(query->object)))
		abort();
	done(done_userdata, 0, NULL, 0, 0);
}

static void on_letters(
	void *userdata, uint64_t before, unsigned max, letters_fn done, void *done_userdata)
{
	if (max < 1 || max > LETTERS_AT_ONCE)
		abort();
	done(done_userdata, 0, NULL, 0, 0);
}

static void on_ca(void *userdata, const struct act *act, struct span pem, act_done_fn done,
	void *done_userdata)
{
	on_act(userdata, act, done, done_userdata);
}

static void on_interfaces(void *userdata, api_interface_fn each, void *each_userdata)
{
	const struct api_interface interface = {
		.name = "eth0", .present = true, .count = 1, .address = {"192.0.2.1"}};

	each(each_userdata, &interface);
}

static void on_ways(void *userdata, api_way_fn each, void *each_userdata)
{
	const struct api_way way = {.platform = "local", .host = "", .shared = true};

	each(each_userdata, &way);
}

static const struct api_test *on_tested(void *userdata)
{
	static const struct api_test test = {
		.time = 1, .count = 1, .target = {{.host = "b", .port = 1883}}};

	return &test;
}

static void on_test(void *userdata, api_test_fn done, void *done_userdata)
{
	done(done_userdata, 0, on_tested(userdata));
}

static void on_people(void *userdata, void (*each)(void *userdata, const struct person *person),
	void *each_userdata)
{
}

static void on_verify(void *userdata, api_verify_fn done, void *done_userdata)
{
	done(done_userdata, 0, "");
}

static void on_gaps(void *userdata, api_gap_fn each, void *each_userdata)
{
}

static void on_probe(void *userdata, struct api_probe *ret_probe)
{
	*ret_probe = (struct api_probe){.has_group = true};
}

static void on_platform(
	void *userdata, const struct device *device, struct api_platform *ret_platform)
{
	*ret_platform = (struct api_platform){0};
}

void api_bed_check(const struct act *act)
{
	if (act->kind >= ACTS || !memchr(act->device, 0, sizeof(act->device)) ||
		!memchr(act->name, 0, sizeof(act->name)) || !memchr(act->ep, 0, sizeof(act->ep)) ||
		!memchr(act->secret, 0, sizeof(act->secret)))
		abort();
}

/* One device, so that there is something to be found. */
static void add_device(struct registry *registry)
{
	struct device_record *record = calloc(1, sizeof(*record));
	struct device *device;

	memcpy(record->id, "s-1", 4);
	memcpy(record->ep, "s-1", 4);
	memcpy(record->platform, "local", 6);
	if (registry_add(registry, record, &device) < 0)
		abort();
}

struct api *api_bed(void)
{
	static const struct api_ops ops = {
		.act = on_act,
		.journal = on_journal,
		.letters = on_letters,
		.people = on_people,
		.put_tokens = on_tokens,
		.verify = on_verify,
		.gaps = on_gaps,
		.probe = on_probe,
		.interfaces = on_interfaces,
		.ways = on_ways,
		.test = on_test,
		.tested = on_tested,
		.put_parcel = on_parcel,
		.put_codes = on_codes,
		.put_operator_token = on_parcel,
		.put_ca = on_ca,
		.site_ca = on_ca,
		.platform = on_platform,
	};
	static const struct owed_limits room = {
		.outbox_bytes = 1000000, .window_readings = 100, .in_flight = 10};
	static struct config config;
	static const struct config *present = &config;
	static struct alarms alarms;
	static struct limits limits;
	static struct window window;
	static struct heard heard;
	static struct api_facts facts;
	static struct token_names names;
	static struct label_book labels;
	static struct device_cas cas;
	static struct site_ca site_ca;
	static struct metrics metrics;
	static struct api_view view = {.alarms = &alarms,
		.limits = &limits,
		.window = &window,
		.heard = &heard,
		.config = &present,
		.facts = &facts,
		.tokens = &names,
		.labels = &labels,
		.cas = &cas,
		.site_ca = &site_ca,
		.metrics = &metrics};
	static struct api *api;
	static struct registry *registry;
	static struct recent *recent;
	static struct owed *owed;

	if (api)
		return api;
	config_init(&config);
	limits_init(&limits);
	if (recent_new(&limits, &recent) < 0 || registry_new(&registry) < 0 ||
		owed_new(&room, 1, 1, &owed) < 0)
		abort();
	add_device(registry);
	view.registry = registry;
	view.recent = recent;
	view.owed = owed;
	if (api_new(&view, &ops, NULL, &api) < 0)
		abort();
	return api;
}
