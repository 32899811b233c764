/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The API's answers for people. Whatever is missing in an answer is left out. */

#include <jansson.h>
#include <stdio.h>

void view_status(const json_t *answer, FILE *out);
void view_limits(const json_t *answer, FILE *out);
void view_heard(const json_t *answer, FILE *out);
void view_alarms(const json_t *answer, FILE *out);
void view_devices(const json_t *answer, FILE *out);
void view_device(const json_t *answer, FILE *out);
/* The rows about one device: it stands in none of them. */
void view_history(const json_t *answer, FILE *out);
/* The commands that wait for a device, and what became of a person's; nothing when there is none.
 */
void view_commands(const json_t *answer, FILE *out);
/* Parts of it. */
void view_queue_devices(const json_t *answer, FILE *out);
void view_gaps(const json_t *answer, FILE *out);
void view_letters(const json_t *answer, FILE *out);
void view_queue(const json_t *answer, FILE *out);
void view_journal(const json_t *answer, FILE *out);
void view_tokens(const json_t *answer, FILE *out);
void view_codes(const json_t *answer, FILE *out);
void view_site_ca(const json_t *answer, FILE *out);
void view_device_cas(const json_t *answer, FILE *out);
void view_people(const json_t *answer, FILE *out);

/* The answer to an act: its own sentence, or 'done'; then where the device stands now. */
void view_done(const json_t *answer, const char *done, FILE *out);
/* A refusal: its sentence, tries left, seconds to wait. */
void view_error(const json_t *answer, long status, FILE *out);

/* Text or number at "key" or "key.key" as text; NULL when it is missing, null or empty. ret_text
 * of 32 bytes is room for a number. */
const char *view_text(const json_t *object, const char *path, char *ret_text);
/* "3 h 12 min" of seconds; ret_text of 48 bytes. */
const char *view_age(json_int_t seconds, char *ret_text);
/* "12.3 MiB" of bytes; ret_text of 32 bytes. */
const char *view_bytes(json_int_t bytes, char *ret_text);
