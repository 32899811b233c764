/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A browser of sorts for the tests: libcurl on the very loop that serves it, with TLS that is
 * verified against the certificate the page made. And the gateway that it talks to.
 */

#include <curl/curl.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "fake-api.h"
#include "web/web.h"

#define CLIENT_FIELDS 8

struct bench {
	sd_event *loop;
	struct limits limits;
	struct fake_api api;
	struct web *web;
	char directory[64];
	char control[96];
	CURL *curl;
	/* of the last answer */
	long status;
	char *body;
	size_t body_size;
	char *header;
	size_t header_size;
};

/* A request; fields that are NULL are left out. */
struct ask {
	const char *method; /* NULL = GET, or POST when there is a body */
	const char *path;
	const char *body;
	const char *type; /* of the body; NULL = a form's */
	const char *field[CLIENT_FIELDS];
	bool foreign; /* without Sec-Fetch-Site: same-origin */
	bool control; /* through the control socket */
	bool waits;   /* for leave to send the body (Expect: 100-continue) */
};

/* cmocka's setup and teardown; *state is the bench. */
int bench_begin(void **state);
int bench_end(void **state);
/* Stops the page only. */
void bench_stop(struct bench *bench);

/* Waits for the answer and returns its status. */
long bench_ask(struct bench *bench, const struct ask *ask);
long bench_get(struct bench *bench, const char *path);
long bench_post(struct bench *bench, const char *path, const char *form);
/* As FAKE_NAME. */
void bench_log_in(struct bench *bench);
bool bench_has(const struct bench *bench, const char *text);   /* in the body */
bool bench_field(const struct bench *bench, const char *line); /* "Location: /login" */
/* The token in the last page; "" when there is none. */
const char *bench_token(const struct bench *bench, char ret_token[65]);
/* "csrf=...&" and the rest, in a static-free buffer of the caller. */
const char *bench_form(
	const struct bench *bench, const char *rest, char *ret_form, size_t capacity);
