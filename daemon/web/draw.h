/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The drawing functions of the screens (page-*.c), and what several of them use. */

#include "web/page.h"
#include "web/word.h"

/* The stages of all that a person may have to look at: those that stand on Waiting. */
#define WAITING_STAGES "waiting-person,waiting-code,waiting-platform,trouble,seen"

/* Between two renewals of a screen that may list hundreds. */
#define LIVE_REST_SECONDS 2u

void draw_login(struct view *view);
void draw_setup(struct view *view);
void draw_waiting(struct view *view);
void draw_devices(struct view *view);
void draw_device(struct view *view);
void draw_uplink(struct view *view);
void draw_journal(struct view *view);
void draw_people(struct view *view);
void draw_tokens(struct view *view);
void draw_chain(struct view *view);
void draw_sheet(struct view *view);
void draw_codes(struct view *view);
void draw_cas(struct view *view);
/* A file or pasted lines, to be imported by the script; 'kind' as in the API's path. */
void draw_import_form(struct view *view, const char *kind, const char *columns, enum text what);
void draw_account(struct view *view);

/* Rows of the journal about one thing, newest first, of what the API says of them. */
void draw_history(struct view *view, const json_t *answer);

/* A text, "" when it is missing or no text. */
const char *json_text(const json_t *object, const char *key);
long long json_number(const json_t *object, const char *key);
bool json_flag(const json_t *object, const char *key);
bool json_has_word(const json_t *list, const char *word);

/* Who did something. The tool on the gateway has no name, only the system's number; a person may
 * be called root, so the number stays. The journal says it as it is searched for. */
const char *who_label(const char *who);
/* Name for people: what they called it, or its own name. */
const char *device_title(const json_t *device);
/* <span class="tag ...">mark word</span> */
void draw_tag(struct view *view, enum word_kind kind, const char *word);
/* <time> of an RFC 3339 text; nothing for "". */
void draw_time(struct view *view, const char *time);
/* "3 min ago" from a number of seconds, "never" from null; the script lets it go on. */
void draw_ago(struct view *view, const json_t *seconds);
void draw_seconds_ago(struct view *view, long long seconds);
/* "9:55", of seconds; the script lets it go on. */
void draw_countdown(struct view *view, long long left);
void draw_small_countdown(struct view *view, long long left);
/* "3 min", whole units of the largest that fits; and "9:55" or "1:09:55". Return ret_text. */
#define DURATION_TEXT 48
const char *duration_text(long long seconds, char ret_text[DURATION_TEXT]);
const char *countdown_text(long long seconds, char ret_text[DURATION_TEXT]);
/* Any value of foreign JSON as text. */
void draw_value(struct view *view, const json_t *value);
/* <div><dt>..</dt><dd>..</dd></div>; draws nothing for an empty value. */
void draw_fact(struct view *view, enum text label, const char *value);
void draw_wide_fact(struct view *view, enum text label, const char *value);
/* A fingerprint as people compare it: "AB:CD:..."; may break behind each colon. */
void draw_hex_fact(struct view *view, enum text label, const char *hex);
void draw_number(struct view *view, enum text label, long long value, const char *unit);
void draw_fact_time(struct view *view, enum text label, const char *time);
/* "AB:CD:..." that may break behind each colon. */
void draw_fingerprint(struct view *view);
/* <section class="panel"> with a heading. */
void draw_section_begin(struct view *view, enum text title, const char *key);
void draw_section_end(struct view *view);
/* Sections below each other: one column of a desk, where none moves into another one when something
 * opens or grows; on a phone the columns stand below each other. */
void draw_column_begin(struct view *view, const char *key);
void draw_column_end(struct view *view);
/*
 * Any text in a cell of a table: <bdi>. Words stay whole there, so that a narrow column is as wide
 * as its widest one; but a text with a word that no column has room for may break anywhere.
 */
void draw_words(struct view *view, const char *value);
/* <table class="list"> up to its <tbody>, which the caller ends. */
void draw_table_head(struct view *view, const enum text *head, size_t count);
/* <td>; its label is shown where the table has no head. */
void draw_cell(struct view *view, enum text label, const char *value);
void draw_empty(struct view *view, enum text title, enum text what_to_do);

/* <form method="post"> with the session's token. The end: the password once more, its input's id
 * with this suffix, and the button of class 'kind' ("primary", "danger", "") that sends it. */
void draw_form_begin(struct view *view, const char *action, const char *class);
void draw_form_end(struct view *view, const char *id_suffix, const char *kind, enum text button);
/* A labelled field for several lines, FORM_LINES. 'value' comes back as it was typed: never a
 * secret. 'attributes' is markup of ours. */
void draw_lines(struct view *view, enum text label, const char *value, const char *attributes);
/* A labelled input. 'attributes' is markup of ours. */
void draw_input(struct view *view, enum text label, const char *name, const char *id_suffix,
	const char *value, const char *attributes);
/* The password once more; draws nothing when it is not needed and 'always' is false. */
void draw_password(struct view *view, const char *id_suffix, bool always);

/* What is known of a device, and what can be decided about it now (device-card.c). */
void draw_device_facts(struct view *view, const json_t *device);
void draw_decision(struct view *view, const json_t *device, const char *from);
/* What was typed into the field when its form was refused; else what the device has there. */
const char *device_typed(struct view *view, const json_t *device, const char *field);
/* An operation that is open at a platform where somebody else decides: draws nothing when there is
 * none. And the panel of all that is known of a device there (platform-card.c). */
void draw_open_operation(struct view *view, const json_t *device);
void draw_platform(struct view *view, const json_t *device);
/* How the gateway is connected (network-card.c), of what the API says of the network. 'only':
 * nothing of the interfaces but this address and whose it is; NULL for all. A test has a button
 * when there is an 'action' to send its form to. */
void draw_interfaces(struct view *view, const json_t *network, const struct in6_addr *only);
void draw_ways(struct view *view, const json_t *network);
void draw_link_test(struct view *view, const json_t *network, const char *action);
/* A test that was done, and found something that does not answer as it should. */
bool network_test_failed(const json_t *test);
/* Is there a platform whose devices connect by themselves? */
bool network_has_own_ways(const json_t *network);
/* Commands of a device (command-card.c). */
void draw_commands(struct view *view, const json_t *device);
void draw_scan(struct view *view);
void draw_refused_lines(struct view *view);
