/* SPDX-License-Identifier: Apache-2.0 */

/*
 * /metrics by a reader that is stricter than Prometheus: each family announced once and whole, each
 * series once, histograms cumulative, nothing but what the format allows. And docs/metrics.md has a
 * row for each family, with its type and its labels.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* What happened an hour ago happened also on a machine that has just been started. */
#define LONG_UP_USEC (24 * 3600 * USEC_PER_SEC)

#define FAMILIES_MAX 64
#define SERIES_MAX   1024

struct family {
	char name[64], type[16], labels[64];
	unsigned samples;
};

struct page {
	char *text;
	size_t size;
	struct family family[FAMILIES_MAX];
	unsigned families;
	char *series[SERIES_MAX];
	double value[SERIES_MAX];
	unsigned count;
};

struct world {
	struct api *api;
	struct registry *registry;
	struct owed *owed;
	struct alarms alarms;
	struct limits limits;
	struct window window;
	struct heard heard;
	struct config config;
	const struct config *present;
	struct api_facts facts;
	struct token_names names;
	struct metrics metrics;
	struct page page;
};

uint64_t __real_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void);
uint64_t __wrap_clock_boot_usec(void)
{
	return __real_clock_boot_usec() + LONG_UP_USEC;
}

/* ---- the strict reader ---- */

static const char *name_end(const char *text)
{
	assert_true(isalpha((unsigned char)*text) || *text == '_');
	while (isalnum((unsigned char)*text) || *text == '_')
		text++;
	return text;
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t size = strlen(text), length = strlen(suffix);

	return size >= length && !strcmp(text + size - length, suffix);
}

static void read_comment(struct page *page, const char *line)
{
	char kind[8], name[64], rest[256];

	assert_int_equal(sscanf(line, "# %7s %63s %255[^\n]", kind, name, rest), 3);
	if (!strcmp(kind, "HELP")) {
		assert_in_range(page->families, 0, FAMILIES_MAX - 1);
		for (unsigned i = 0; i < page->families; i++)
			assert_string_not_equal(page->family[i].name, name);
		if (page->families)
			assert_true(page->family[page->families - 1].samples > 0);
		strcpy(page->family[page->families++].name, name);
		assert_true(has_suffix(rest, "."));
		assert_null(strchr(rest, '\\'));
		return;
	}
	assert_string_equal(kind, "TYPE");
	assert_true(page->families > 0);
	assert_string_equal(page->family[page->families - 1].name, name);
	assert_string_equal(page->family[page->families - 1].type, "");
	assert_true(
		!strcmp(rest, "gauge") || !strcmp(rest, "counter") || !strcmp(rest, "histogram"));
	assert_int_equal(has_suffix(name, "_total"), !strcmp(rest, "counter"));
	strcpy(page->family[page->families - 1].type, rest);
}

/* {label="value"}: at most one, as all of ours have. */
static const char *read_label(struct family *family, const char *at)
{
	const char *end;
	char label[64];

	if (*at != '{')
		return at;
	end = name_end(++at);
	snprintf(label, sizeof(label), "%.*s", (int)(end - at), at);
	if (!family->samples)
		strcpy(family->labels, label);
	assert_string_equal(family->labels, label);
	assert_int_equal(strncmp(end, "=\"", 2), 0);
	for (at = end + 2; *at != '"'; at++)
		assert_true(*at >= ' ' && *at != '\\' && *at != '}');
	assert_int_equal(at[1], '}');
	return at + 2;
}

static void check_name(const struct family *family, const char *line, const char *end)
{
	static const char *const parts[] = {"_bucket", "_sum", "_count"};
	char name[80], wanted[80];

	snprintf(name, sizeof(name), "%.*s", (int)(end - line), line);
	if (strcmp(family->type, "histogram") != 0) {
		assert_string_equal(name, family->name);
		return;
	}
	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		snprintf(wanted, sizeof(wanted), "%s%s", family->name, parts[i]);
		if (!strcmp(wanted, name))
			return;
	}
	fail_msg("%s does not belong to %s", name, family->name);
}

static void read_sample(struct page *page, const char *line)
{
	struct family *family = &page->family[page->families - 1];
	const char *end = name_end(line), *at;
	char *rest;

	assert_true(page->families > 0 && family->type[0]);
	check_name(family, line, end);
	at = read_label(family, end);
	assert_int_equal(*at, ' ');
	assert_in_range(page->count, 0, SERIES_MAX - 1);
	page->series[page->count] = strndup(line, (size_t)(at - line));
	for (unsigned i = 0; i < page->count; i++)
		assert_string_not_equal(page->series[i], page->series[page->count]);
	page->value[page->count++] = strtod(at + 1, &rest);
	assert_ptr_not_equal(rest, at + 1);
	assert_int_equal(*rest, '\n');
	family->samples++;
}

static void read_page(struct world *world)
{
	struct page *page = &world->page;

	assert_int_equal(api_metrics(world->api, &page->text, &page->size), 0);
	assert_int_equal(strlen(page->text), page->size);
	for (const char *line = page->text; *line; line = strchr(line, '\n') + 1) {
		assert_non_null(strchr(line, '\n'));
		if (*line == '#')
			read_comment(page, line);
		else
			read_sample(page, line);
	}
}

static double value_of(const struct world *world, const char *series)
{
	const struct page *page = &world->page;
	unsigned i = 0;

	while (i < page->count && strcmp(page->series[i], series) != 0)
		i++;
	if (i == page->count)
		fail_msg("%s is missing", series);
	return page->value[i];
}

static bool is_there(const struct world *world, const char *series)
{
	for (unsigned i = 0; i < world->page.count; i++)
		if (!strcmp(world->page.series[i], series))
			return true;
	return false;
}

static int setup(void **state)
{
	static const struct api_ops ops = {0};
	const struct owed_limits limits = {
		.outbox_bytes = 1000000, .window_readings = 100, .in_flight = 10};
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	config_init(&world->config);
	world->present = &world->config;
	world->config.outbox_max_bytes = 1000000;
	limits_init(&world->limits);
	world->facts = (struct api_facts){.started = 1700000000500, .audit_rows = 12};
	assert_int_equal(registry_new(&world->registry), 0);
	assert_int_equal(owed_new(&limits, 1, 1, &world->owed), 0);
	const struct api_view view = {.registry = world->registry,
		.owed = world->owed,
		.alarms = &world->alarms,
		.limits = &world->limits,
		.window = &world->window,
		.heard = &world->heard,
		.config = &world->present,
		.facts = &world->facts,
		.tokens = &world->names,
		.metrics = &world->metrics};
	assert_int_equal(api_new(&view, &ops, world, &world->api), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < world->page.count; i++)
		free(world->page.series[i]);
	free(world->page.text);
	assert_null(api_free(world->api));
	registry_free(world->registry);
	owed_free(world->owed);
	free(world);
	return 0;
}

/* ---- the tests ---- */

static void test_an_idle_gateway(void **state)
{
	struct world *world = *state;

	read_page(world);
	assert_true(
		value_of(world, "gatehouse_build_info{version=\"" GATEHOUSE_VERSION "\"}") == 1);
	assert_true(value_of(world, "gatehouse_start_time_seconds") == 1700000000.5);
	assert_true(value_of(world, "gatehouse_queue_readings") == 0);
	assert_true(value_of(world, "gatehouse_queue_limit_bytes") == 1000000);
	assert_true(value_of(world, "gatehouse_queue_age_seconds") == 0);
	assert_false(is_there(world, "gatehouse_queue_seconds_left"));
	assert_true(value_of(world, "gatehouse_uplink_state{state=\"down\"}") == 1);
	assert_true(value_of(world, "gatehouse_uplink_state{state=\"up\"}") == 0);
	assert_true(value_of(world, "gatehouse_commit_seconds_count") == 0);
	assert_true(value_of(world, "gatehouse_devices{stage=\"active\"}") == 0);
	assert_true(value_of(world, "gatehouse_journal_rows") == 12);
}

static void add_device(struct world *world)
{
	struct device_record *record = calloc(1, sizeof(*record));
	struct device *device;

	assert_non_null(record);
	strcpy(record->id, "s-1");
	strcpy(record->ep, "evil\"} 1");
	record->poll_format = -1;
	record->life.admission = ADMISSION_PENDING;
	assert_int_equal(registry_add(world->registry, record, &device), 0);
}

static void test_a_busy_gateway(void **state)
{
	struct world *world = *state;
	struct alarm alarm;
	uint64_t row, now = clock_boot_usec();

	add_device(world);
	alarms_raise(&world->alarms, ALARM_LEAK, "s-1", 1, &alarm);
	alarms_raise(&world->alarms, ALARM_LEAK, "s-2", 1, &alarm);
	world->limits.reached[LIMIT_PENDING] = 3;
	heard_add(&world->heard, AWAY_OVER_RATE, now);
	heard_add(&world->heard, AWAY_OVER_RATE, now);
	assert_int_equal(owed_take_row(world->owed, 1, 400000, &row), OWED_ROOM);
	pace_add(&world->metrics.taken, 100000, now - 3600 * USEC_PER_SEC);
	world->metrics.lost[LOST_REFUSED] = 5;
	world->metrics.untold = 4;
	histogram_add(&world->metrics.commit, 3000);
	histogram_add(&world->metrics.commit, 700000);
	histogram_add(&world->metrics.publish, UINT64_C(60) * USEC_PER_SEC);
	world->facts.uplink = LINK_UP;
	read_page(world);
	assert_true(value_of(world, "gatehouse_devices{stage=\"waiting-person\"}") == 1);
	assert_true(value_of(world, "gatehouse_alarms{alarm=\"leak\"}") == 2);
	assert_true(value_of(world, "gatehouse_limit_reached_total{limit=\"pending\"}") == 3);
	assert_true(value_of(world, "gatehouse_limit{limit=\"pending\"}") == 64);
	assert_true(value_of(world, "gatehouse_turned_away_total{reason=\"over-rate\"}") == 2);
	assert_true(value_of(world, "gatehouse_queue_bytes") == 400000);
	assert_false(is_there(world, "gatehouse_queue_age_seconds"));
	assert_true(value_of(world, "gatehouse_readings_lost_total{reason=\"refused\"}") == 5);
	assert_true(value_of(world, "gatehouse_readings_untold_total") == 4);
	assert_true(value_of(world, "gatehouse_uplink_state{state=\"up\"}") == 1);
	assert_true(value_of(world, "gatehouse_commit_seconds_bucket{le=\"0.002\"}") == 0);
	assert_true(value_of(world, "gatehouse_commit_seconds_bucket{le=\"0.004\"}") == 1);
	assert_true(value_of(world, "gatehouse_commit_seconds_bucket{le=\"30\"}") == 2);
	assert_true(value_of(world, "gatehouse_commit_seconds_bucket{le=\"+Inf\"}") == 2);
	assert_true(value_of(world, "gatehouse_commit_seconds_count") == 2);
	assert_true(value_of(world, "gatehouse_commit_seconds_sum") > 0.702 &&
		    value_of(world, "gatehouse_commit_seconds_sum") < 0.704);
	assert_true(value_of(world, "gatehouse_publish_seconds_bucket{le=\"30\"}") == 0);
	assert_true(value_of(world, "gatehouse_publish_seconds_bucket{le=\"+Inf\"}") == 1);
	/* What a device calls itself is in none of it. */
	assert_null(strstr(world->page.text, "evil"));
}

static void test_how_long_the_room_lasts(void **state)
{
	struct world *world = *state;
	double left;

	pace_add(&world->metrics.taken, 10000, clock_boot_usec() - 600 * USEC_PER_SEC);
	read_page(world);
	left = value_of(world, "gatehouse_queue_seconds_left");
	assert_true(left > 59000 && left < 61000);
}

static char *read_document(void)
{
	const char *source = getenv("GATEHOUSE_SOURCE");
	char path[512], *text = calloc(1, 65536);
	FILE *file;

	assert_non_null(source);
	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/docs/metrics.md", source);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_in_range(fread(text, 1, 65535, file), 1, 65534);
	fclose(file);
	return text;
}

static void test_each_family_is_documented(void **state)
{
	struct world *world = *state;
	char *text = read_document(), row[160];
	unsigned rows = 0;

	pace_add(&world->metrics.taken, 10000, clock_boot_usec() - 600 * USEC_PER_SEC);
	read_page(world);
	for (unsigned i = 0; i < world->page.families; i++) {
		const struct family *family = &world->page.family[i];

		snprintf(row, sizeof(row), "\n| `%s` | %s | %s%s%s", family->name, family->type,
			family->labels[0] ? "`" : "|", family->labels,
			family->labels[0] ? "`" : "");
		if (!strstr(text, row))
			fail_msg("docs/metrics.md has no row that begins with%s", row);
	}
	for (const char *at = text; (at = strstr(at, "\n| `gatehouse_")); at++)
		rows++;
	assert_int_equal(rows, world->page.families);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_idle_gateway, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_busy_gateway, setup, teardown),
		cmocka_unit_test_setup_teardown(test_how_long_the_room_lasts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_family_is_documented, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
