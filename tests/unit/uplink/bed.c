/* SPDX-License-Identifier: Apache-2.0 */
/* See bed.h. */

#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t on_keep(void *userdata, const struct uplink_inbound *inbound)
{
	struct bed *bed = userdata;
	uint64_t number = atomic_fetch_add(&bed->asked_to_keep, 1) + 1;

	return number > bed->keeps_after ? number : 0;
}

static void on_event(void *userdata, const struct uplink_event *event)
{
	struct bed *bed = userdata;
	struct record *record = &bed->record[bed->count];
	static const struct uplink_inbound none = {.topic = ""};
	const struct uplink_inbound *inbound = event->inbound ? event->inbound : &none;
	size_t shown;

	assert_true(bed->count < sizeof(bed->record) / sizeof(bed->record[0]));
	*record = (struct record){.kind = event->kind,
		.session = event->session,
		.tag = event->tag,
		.reason = event->reason,
		.version = event->version,
		.retained = inbound->retained,
		.kept = inbound->kept,
		.owner = inbound->owner,
		.unusable = inbound->unusable,
		.lifetime = inbound->lifetime,
		.payload_size = inbound->payload.size};
	snprintf(record->text, sizeof(record->text), "%s", event->text ? event->text : "");
	snprintf(record->topic, sizeof(record->topic), "%s", inbound->topic);
	span_to_string(
		inbound->response_topic, record->response_topic, sizeof(record->response_topic));
	span_to_string(inbound->correlation, record->correlation, sizeof(record->correlation));
	shown = inbound->payload.size < sizeof(record->payload) ? inbound->payload.size
								: sizeof(record->payload) - 1;
	if (shown > 0)
		memcpy(record->payload, inbound->payload.data, shown);
	bed->count++;
	if (bed->free_on_event == event->session) {
		uplink_session_free(event->session);
		bed->free_on_event = NULL;
	}
}

struct bed *bed_new(void)
{
	static const struct uplink_ops ops = {.event = on_event, .keep = on_keep};
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	limits_init(&bed->limits);
	assert_return_code(sd_event_new(&bed->loop), 0);
	assert_return_code(job_thread_new(bed->loop, "names", 16, &bed->names), 0);
	assert_return_code(
		uplink_new(bed->loop, bed->names, &bed->limits, &ops, bed, &bed->uplink), 0);
	return bed;
}

void bed_free(struct bed *bed)
{
	uplink_free(bed->uplink);
	job_thread_free(bed->names);
	sd_event_unref(bed->loop);
	free(bed);
}

void bed_run_once(struct bed *bed)
{
	uint64_t begin = clock_boot_usec(), took;

	assert_return_code(sd_event_run(bed->loop, 50 * USEC_PER_MSEC), 0);
	took = clock_boot_usec() - begin;
	bed->lived_usec += took < 100 * USEC_PER_MSEC ? took : 100 * USEC_PER_MSEC;
}

const struct record *bed_find(const struct bed *bed, const struct uplink_session *session,
	enum uplink_event_kind kind, size_t n)
{
	for (size_t i = 0; i < bed->count; i++)
		if (bed->record[i].session == session && bed->record[i].kind == kind && n-- == 0)
			return &bed->record[i];
	return NULL;
}

const struct record *bed_await(struct bed *bed, const struct uplink_session *session,
	enum uplink_event_kind kind, size_t n)
{
	uint64_t until = clock_boot_usec() + AWAIT_SEC * USEC_PER_SEC;

	while (!bed_find(bed, session, kind, n)) {
		if (clock_boot_usec() > until)
			fail_msg("event %d (number %zu) does not come; the last of %zu is %d: %s",
				(int)kind, n, bed->count,
				bed->count ? (int)bed->record[bed->count - 1].kind : -1,
				bed->count ? bed->record[bed->count - 1].text : "");
		bed_run_once(bed);
	}
	return bed_find(bed, session, kind, n);
}

size_t bed_events_of(const struct bed *bed, const struct uplink_session *session)
{
	size_t n = 0;

	for (size_t i = 0; i < bed->count; i++)
		n += bed->record[i].session == session;
	return n;
}

const struct record *bed_find_tag(const struct bed *bed, uint64_t tag)
{
	for (size_t i = 0; i < bed->count; i++)
		if (bed->record[i].tag == tag)
			return &bed->record[i];
	return NULL;
}

void bed_forget(struct bed *bed)
{
	bed->count = 0;
}

struct uplink_session *bed_session(struct bed *bed, const struct uplink_session_options *options)
{
	struct uplink_session *session = NULL;

	assert_return_code(uplink_session_new(bed->uplink, options, bed, &session), 0);
	assert_ptr_equal(uplink_session_userdata(session), bed);
	return session;
}

static bool attempt_ended(const struct bed *bed, const struct uplink_session *session, size_t since)
{
	for (size_t i = since; i < bed->count; i++)
		if (bed->record[i].session == session &&
			(bed->record[i].kind == UPLINK_CONNECTED ||
				bed->record[i].kind == UPLINK_UNREACHABLE))
			return true;
	return false;
}

static void forget_late(struct bed *bed, const struct uplink_session *session, size_t since)
{
	for (size_t i = since; i < bed->count; i++)
		if (bed->record[i].session == session &&
			bed->record[i].kind == UPLINK_UNREACHABLE) {
			print_message("once more: %s\n", bed->record[i].text);
			bed->count--;
			memmove(&bed->record[i], &bed->record[i + 1],
				(bed->count - i) * sizeof(bed->record[0]));
			return;
		}
}

void bed_connect(struct bed *bed, struct uplink_session *session)
{
	uint64_t until = clock_boot_usec() + AWAIT_SEC * USEC_PER_SEC;
	size_t n = 0;

	while (bed_find(bed, session, UPLINK_CONNECTED, n))
		n++;
	while (!bed_find(bed, session, UPLINK_CONNECTED, n)) {
		size_t before = bed->count;

		assert_return_code(uplink_connect(session), 0);
		AWAIT(bed, attempt_ended(bed, session, before));
		forget_late(bed, session, before);
		if (clock_boot_usec() > until)
			fail_msg("it does not connect");
	}
}

int bed_publish(struct uplink_session *session, const char *topic, const char *payload, bool retain,
	uint64_t tag)
{
	return uplink_publish(session, &(struct uplink_publication){.topic = topic,
					       .payload = span_from_string(payload),
					       .qos = 1,
					       .retain = retain,
					       .tag = tag});
}

/* Paho 1.3.12 loses what it had queued and not begun to write when its handle is destroyed (see
 * uplink-compat.h). Every test that ends a link may meet it, depending on the moment. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpaho-mqtt3as\n";
}
