/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The gateway's API over the control socket. */

#include <jansson.h>

#define CLIENT_SOCKET "/run/gatehouse/control.sock"

struct client;

/* 'socket' outlives the client. -ENOMEM, or -EIO when libcurl does not start. */
int client_new(const char *socket, struct client **ret);
struct client *client_free(struct client *client);

/*
 * One call; 'body' (borrowed, may be NULL) is wiped from our own memory afterwards. 0 with the
 * status and the answer, an object that the caller owns. Negative errno when there was no answer:
 * -ECONNREFUSED, -ENOENT, -EACCES, -ETIMEDOUT, -EBADMSG for one that is no JSON object, -EIO.
 */
int client_call(struct client *client, const char *method, const char *path, json_t *body,
	long *ret_status, json_t **ret_answer);
/* Why the last call had no answer, with what to do: a sentence. */
const char *client_why(const struct client *client);

/* A path with one foreign segment: "/api/v1/devices/" + escaped text + rest. Heap, NULL on lack of
 * memory. */
char *client_path(
	struct client *client, const char *before, const char *segment, const char *after);
