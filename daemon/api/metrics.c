/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The gateway's numbers in the text format of Prometheus (version 0.0.4). A family is a function of
 * the view; every label value is a word of one of our tables, so none needs an escape, and no name
 * of a device is among them: how many series there are does not depend on who is out there. Names
 * and meanings stand in docs/metrics.md, which a test holds against what is written here.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define SECONDS(usec) ((double)(usec) / (double)USEC_PER_SEC)

static void begin(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, const char *help, double value)
{
	begin(out, name, "gauge", help);
	fprintf(out, "gatehouse_%s %.17g\n", name, value);
}

static void counter(FILE *out, const char *name, const char *help, uint64_t value)
{
	begin(out, name, "counter", help);
	fprintf(out, "gatehouse_%s %" PRIu64 "\n", name, value);
}

static void one_of(FILE *out, const char *name, const char *label, const char *word, uint64_t value)
{
	fprintf(out, "gatehouse_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, word, value);
}

static void histogram(FILE *out, const char *name, const char *help, const struct histogram *what)
{
	begin(out, name, "histogram", help);
	for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++)
		fprintf(out, "gatehouse_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			SECONDS(histogram_bound_usec(i)), histogram_at_most(what, i));
	fprintf(out, "gatehouse_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, what->count);
	fprintf(out, "gatehouse_%s_sum %.17g\n", name, SECONDS(what->sum_usec));
	fprintf(out, "gatehouse_%s_count %" PRIu64 "\n", name, what->count);
}

/* ---- the families ---- */

static void write_program(const struct api_view *view, FILE *out)
{
	struct rusage usage = {0};

	begin(out, "build_info", "gauge", "Always 1; which program this is.");
	fprintf(out, "gatehouse_build_info{version=\"%s\"} 1\n", GATEHOUSE_VERSION);
	gauge(out, "start_time_seconds", "When it was started, seconds since 1970.",
		(double)view->facts->started / 1000);
	begin(out, "cpu_seconds_total", "counter",
		"Processor time of all its threads since the start.");
	getrusage(RUSAGE_SELF, &usage);
	fprintf(out, "gatehouse_cpu_seconds_total %.6f\n",
		(double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	gauge(out, "clock_synced", "1 when the clock is set.", clock_is_synced());
}

static void write_queue(const struct api_view *view, FILE *out)
{
	struct owed_stats stats;
	int64_t age;
	uint64_t seconds, max = (*view->config)->outbox_max_bytes;

	owed_stats(view->owed, &stats);
	age = stats.oldest_time ? clock_wall_msec() - stats.oldest_time : 0;
	gauge(out, "queue_readings", "Readings that wait for the platform.",
		(double)stats.readings);
	gauge(out, "queue_bytes", "Their bytes.", (double)stats.bytes);
	gauge(out, "queue_limit_bytes", "outbox.max_bytes.", (double)max);
	gauge(out, "queue_in_flight", "Readings that were sent and not acknowledged yet.",
		(double)stats.in_flight);
	if (!stats.readings || stats.oldest_time)
		gauge(out, "queue_age_seconds",
			"Age of the oldest one; missing for the moments in which it is not known.",
			age > 0 ? (double)age / 1000 : 0);
	begin(out, "queue_durability", "gauge", "1 for what an acknowledged reading outlives.");
	for (enum durability one = DURABILITY_POWER; one <= DURABILITY_MEMORY; one++)
		one_of(out, "queue_durability", "outlives", durability_to_string(one),
			(*view->config)->outbox_durability == one);
	if (api_seconds_left(view, &seconds))
		gauge(out, "queue_seconds_left",
			"How long an outage can last at the rate of the last hour; missing while "
			"it is not known.",
			(double)seconds);
}

static void write_readings(const struct api_view *view, FILE *out)
{
	struct owed_stats stats;

	owed_stats(view->owed, &stats);
	counter(out, "readings_accepted_total", "Readings that were acknowledged and are on disk.",
		stats.accepted);
	counter(out, "readings_delivered_total", "Readings that the platform acknowledged.",
		stats.delivered);
	counter(out, "readings_refused_total",
		"Readings that were not taken: no room, or not written. Their senders keep them.",
		stats.refused);
	begin(out, "readings_lost_total", "counter",
		"Readings that were acknowledged and will not be delivered.");
	for (unsigned i = 0; i < LOSTS; i++)
		one_of(out, "readings_lost_total", "reason", lost_why_to_string((enum lost_why)i),
			view->metrics->lost[i]);
	counter(out, "readings_untold_total",
		"Readings that were given up, and whose platform cannot be told.",
		view->metrics->untold);
	begin(out, "turned_away_total", "counter", "Requests that were turned away.");
	for (unsigned i = 0; i < AWAYS; i++)
		one_of(out, "turned_away_total", "reason",
			turned_away_to_string((enum turned_away)i), view->heard->total[i]);
	histogram(out, "commit_seconds", "From the arrival of a reading to the disk.",
		&view->metrics->commit);
	histogram(out, "publish_seconds", "From the PUBLISH of a reading to its PUBACK.",
		&view->metrics->publish);
}

static void write_devices(const struct api_view *view, FILE *out)
{
	begin(out, "devices", "gauge", "Devices by the stage that they are in.");
	for (unsigned i = 0; i < STAGES; i++)
		one_of(out, "devices", "stage", device_stage_to_string((enum device_stage)i),
			registry_count_stage(view->registry, (enum device_stage)i));
	gauge(out, "window_open", "1 while the onboarding window is open.",
		window_is_open(view->window, clock_boot_usec()));
}

static void write_uplink(const struct api_view *view, FILE *out)
{
	begin(out, "uplink_state", "gauge", "1 for the state that the uplink is in.");
	for (unsigned i = 0; i < LINK_STATES; i++)
		one_of(out, "uplink_state", "state", link_state_to_string((enum link_state)i),
			view->facts->uplink == (enum link_state)i);
	gauge(out, "discovery_available", "1 while devices can be found by mDNS.",
		view->facts->discovery_available);
}

static void write_limits(const struct api_view *view, FILE *out)
{
	begin(out, "limit", "gauge", "The limits that are in force.");
	for (unsigned i = 0; i < LIMITS; i++)
		one_of(out, "limit", "limit", limit_row((enum limit)i)->name,
			view->limits->value[i]);
	begin(out, "limit_reached_total", "counter", "How often a limit was reached.");
	for (unsigned i = 0; i < LIMITS; i++)
		one_of(out, "limit_reached_total", "limit", limit_row((enum limit)i)->name,
			view->limits->reached[i]);
}

static void write_alarms(const struct api_view *view, FILE *out)
{
	unsigned count[ALARMS] = {0};

	for (unsigned i = 0; i < view->alarms->count; i++)
		count[view->alarms->active[i].kind]++;
	begin(out, "alarms", "gauge", "Active alarms by their id.");
	for (unsigned i = 0; i < ALARMS; i++)
		one_of(out, "alarms", "alarm", alarm_row((enum alarm_kind)i)->id, count[i]);
	gauge(out, "journal_rows", "Rows in the journal of who did what.",
		(double)view->facts->audit_rows);
}

int api_metrics(struct api *api, char **ret_text, size_t *ret_size)
{
	static void (*const families[])(const struct api_view *view, FILE *out) = {write_program,
		write_queue, write_readings, write_devices, write_uplink, write_limits,
		write_alarms};
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < ELEMENTS(families); i++)
		families[i](&api->view, out);
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret_text = STEAL(text);
	*ret_size = size;
	return 0;
}
