/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The log. One record is one line; foreign text must still pass span_to_safe_text() where it is
 * used as a name, and log_write() strips what slipped through. Under systemd (JOURNAL_STREAM) the
 * records go to the journal with fields, otherwise to stderr. A function logs or it returns an
 * error, never both. Never a code, token, key or password.
 *
 * The target and level are process-wide and set once in main(); that is the one exception to "no
 * mutable globals".
 */

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

struct log_fields {
	const char *device;	/* GATEHOUSE_DEVICE: registry id */
	const char *operation;	/* GATEHOUSE_OPERATION: our own operation number, never the
				   platform's secret */
	const char *platform;	/* GATEHOUSE_PLATFORM */
	const char *peer;	/* GATEHOUSE_PEER: address text */
	const char *message_id; /* MESSAGE_ID, one of base/message-ids.h */
};

/* Level: LOG_ERR ... LOG_DEBUG; records above it are dropped. May be called again at reload. */
void log_set_level(int level);
int log_level(void);
/* Text "error", "warning", "notice", "info", "debug" to a level; -EINVAL otherwise. */
int log_level_from_string(const char *text, int *ret_level);

void log_write(int priority, const struct log_fields *fields, const char *file, int line,
	const char *function, const char *format, ...) __attribute__((format(printf, 6, 7)));

#define log_at(priority, fields, ...) \
	log_write((priority), (fields), __FILE__, __LINE__, __func__, __VA_ARGS__)
#define log_error(...)	 log_at(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)	 log_at(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)	 log_at(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)	 log_at(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_device(priority, id, ...) \
	log_at((priority), (&(const struct log_fields){.device = (id)}), __VA_ARGS__)

/*
 * For what a peer can provoke: at most one record a second for each limiter; the next one says how
 * many were left out. Zero-initialise it; not thread-safe (one limiter, one thread).
 */
struct log_limiter {
	uint64_t next_usec;
	uint64_t suppressed;
};
/* True when the caller may log now; *ret_suppressed is the number left out since the last one. */
bool log_limiter_allow(struct log_limiter *limiter, uint64_t now_usec, uint64_t *ret_suppressed);
