/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is formatted once, made harmless once, and then goes to one of two places: to journald
 * with its fields, or as one line to stderr. The place is decided at the first record: systemd sets
 * JOURNAL_STREAM to the device and inode of the stream it gave us (systemd.exec(5)), and only when
 * stderr still is that stream may we bypass it; a shell that inherited the variable but redirected
 * stderr wants the lines there.
 *
 * Threads log as well. Nothing is shared between records but the level, and a line is one write(),
 * so no lock is needed.
 */

#include "base/log.h"

/* The journal's macros would add the place of the call in this file; we pass the caller's. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/span.h"

#define RAW_SIZE   1024 /* the formatted text */
#define TEXT_SIZE  2048 /* the same made harmless: escapes take four places */
#define FIELD_SIZE 288
#define LINE_SIZE  4096

struct record {
	int priority;
	const char *text;
	const struct log_fields *fields;
	const char *file;
	int line;
	const char *function;
};

struct line {
	char text[LINE_SIZE];
	size_t size;
};

static const struct {
	const char *journal_key;
	const char *word; /* on a line; NULL: not shown there */
	size_t offset;
} field_table[] = {
	{"GATEHOUSE_DEVICE", "device", offsetof(struct log_fields, device)},
	{"GATEHOUSE_OPERATION", "operation", offsetof(struct log_fields, operation)},
	{"GATEHOUSE_PLATFORM", "platform", offsetof(struct log_fields, platform)},
	{"GATEHOUSE_PEER", "peer", offsetof(struct log_fields, peer)},
	{"MESSAGE_ID", NULL, offsetof(struct log_fields, message_id)},
};

static const struct {
	const char *word;
	int level;
} level_table[] = {
	{"error", LOG_ERR},
	{"warning", LOG_WARNING},
	{"notice", LOG_NOTICE},
	{"info", LOG_INFO},
	{"debug", LOG_DEBUG},
};

/* The exception to "no mutable globals": see log.h. */
static atomic_int max_level = LOG_INFO;
static pthread_once_t target_once = PTHREAD_ONCE_INIT;
static bool target_is_journal;

void log_set_level(int level)
{
	atomic_store_explicit(&max_level, level, memory_order_relaxed);
}

int log_level(void)
{
	return atomic_load_explicit(&max_level, memory_order_relaxed);
}

int log_level_from_string(const char *text, int *ret_level)
{
	for (size_t i = 0; i < ELEMENTS(level_table); i++) {
		if (strcmp(text, level_table[i].word) != 0)
			continue;
		*ret_level = level_table[i].level;
		return 0;
	}
	return -EINVAL;
}

static const char *level_word(int priority)
{
	for (size_t i = 0; i < ELEMENTS(level_table); i++)
		if (priority <= level_table[i].level)
			return level_table[i].word;
	return "debug";
}

static void choose_target(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	char *end;

	target_is_journal = false;
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return;
	device = strtoumax(stream, &end, 10);
	if (end == stream || *end != ':')
		return;
	stream = end + 1;
	inode = strtoumax(stream, &end, 10);
	target_is_journal = end != stream && !*end && st.st_dev == device && st.st_ino == inode;
}

static const char *field_value(const struct log_fields *fields, size_t index)
{
	if (!fields)
		return NULL;
	return *(const char *const *)((const char *)fields + field_table[index].offset);
}

__attribute__((format(printf, 2, 3))) static void line_append(
	struct line *line, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line->text + line->size, sizeof(line->text) - line->size, format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	line->size += (size_t)n;
	if (line->size >= sizeof(line->text))
		line->size = sizeof(line->text) - 1;
}

static void line_append_fields(struct line *line, const struct log_fields *fields)
{
	const char *separator = " [";
	char safe[FIELD_SIZE];

	for (size_t i = 0; i < ELEMENTS(field_table); i++) {
		const char *value = field_value(fields, i);

		if (!value || !field_table[i].word)
			continue;
		span_to_safe_text(span_from_string(value), safe, sizeof(safe));
		line_append(line, "%s%s=%s", separator, field_table[i].word, safe);
		separator = " ";
	}
	if (separator[1] == 0)
		line_append(line, "]");
}

static void record_to_stderr(const struct record *record)
{
	struct line line = {.size = 0};
	size_t written = 0;

	line_append(&line, "%s: %s", level_word(record->priority), record->text);
	line_append_fields(&line, record->fields);
	line_append(&line, "\n");
	while (written < line.size) {
		ssize_t n = write(STDERR_FILENO, line.text + written, line.size - written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody is left to whom it could be told */
		written += (size_t)n;
	}
}

static struct iovec iovec_of(char *text, int size, size_t capacity)
{
	return (struct iovec){text, (size_t)size < capacity ? (size_t)size : capacity - 1};
}

static int record_to_journal(const struct record *record)
{
	char message[TEXT_SIZE + 16], priority[32], file[256], line[32], function[128];
	char values[ELEMENTS(field_table)][FIELD_SIZE + 32], safe[FIELD_SIZE];
	struct iovec fields[5 + ELEMENTS(field_table)];
	int count = 0;

#define FIELD(buffer, ...) \
	iovec_of(buffer, snprintf(buffer, sizeof(buffer), __VA_ARGS__), sizeof(buffer))
	fields[count++] = FIELD(message, "MESSAGE=%s", record->text);
	fields[count++] = FIELD(priority, "PRIORITY=%d", record->priority);
	fields[count++] = FIELD(file, "CODE_FILE=%s", record->file);
	fields[count++] = FIELD(line, "CODE_LINE=%d", record->line);
	fields[count++] = FIELD(function, "CODE_FUNC=%s", record->function);
	for (size_t i = 0; i < ELEMENTS(field_table); i++) {
		const char *value = field_value(record->fields, i);

		if (!value)
			continue;
		span_to_safe_text(span_from_string(value), safe, sizeof(safe));
		fields[count++] = FIELD(values[i], "%s=%s", field_table[i].journal_key, safe);
	}
#undef FIELD
	return sd_journal_sendv(fields, count);
}

/* Formats into raw; what does not fit is cut between two characters and marked. */
__attribute__((format(printf, 2, 0))) static void format_text(
	char raw[RAW_SIZE], const char *format, va_list arguments)
{
	int n = vsnprintf(raw, RAW_SIZE, format, arguments);
	size_t cut = RAW_SIZE - 4;

	if (n < 0)
		snprintf(raw, RAW_SIZE, "(a record that could not be formatted)");
	if (n < RAW_SIZE)
		return;
	while (cut > 0 && ((uint8_t)raw[cut] & 0xc0) == 0x80)
		cut--;
	memcpy(raw + cut, "...", 4);
}

void log_write(int priority, const struct log_fields *fields, const char *file, int line,
	const char *function, const char *format, ...)
{
	struct record record = {.priority = priority,
		.fields = fields,
		.file = file,
		.line = line,
		.function = function};
	char raw[RAW_SIZE], text[TEXT_SIZE];
	int saved_errno = errno; /* callers log between a failure and its handling */
	va_list arguments;

	if (priority > log_level())
		return;
	pthread_once(&target_once, choose_target);
	va_start(arguments, format);
	format_text(raw, format, arguments);
	va_end(arguments);
	record.text = span_to_safe_text(span_from_string(raw), text, sizeof(text));
	if (!target_is_journal || record_to_journal(&record) < 0)
		record_to_stderr(&record);
	errno = saved_errno;
}

bool log_limiter_allow(struct log_limiter *limiter, uint64_t now_usec, uint64_t *ret_suppressed)
{
	if (now_usec < limiter->next_usec) {
		limiter->suppressed++;
		return false;
	}
	*ret_suppressed = limiter->suppressed;
	limiter->suppressed = 0;
	limiter->next_usec = now_usec + USEC_PER_SEC;
	return true;
}
