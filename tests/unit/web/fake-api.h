/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A stand-in for api_call() (link with --wrap=api_call): a small gateway with some devices, so that
 * the page can be tested and looked at alone. It remembers the last call that was no GET.
 */

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "api/api.h"

#define FAKE_NAME     "anna"
#define FAKE_PASSWORD "nine quiet herons"
#define FAKE_CODE     "BCDF-GHJK"
/* Of an authority, and of the certificate of vent-3. */
#define FAKE_FINGERPRINT "a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f"

struct late;

/* Also --wrap=api_watch and api_revision: who listens is kept here. */

struct fake_api {
	sd_event *loop;	  /* needed for late answers */
	bool late;	  /* answers come in a later turn of the loop */
	bool held;	  /* answers wait for fake_api_release() */
	unsigned waiting; /* answers that are held */
	struct late *first;
	bool set_up;
	bool hostile;	  /* the first device calls itself names */
	bool empty;	  /* no devices */
	bool full;	  /* no room for tokens */
	const char *ends; /* of the authorities, instead of 2046 */
	unsigned window;  /* seconds left */
	api_news_fn news;
	void *news_userdata;
	uint64_t revision;
	const char *role;
	/* the last change asked for */
	unsigned changes;
	char method[8], path[128];
	struct api_caller caller;
	json_t *body;
};

/* The one that __wrap_api_call() serves: the api pointer is this, cast. */
struct api *fake_api_as_api(struct fake_api *fake);
void fake_api_clear(struct fake_api *fake);
/* Gives the answers that are held. */
void fake_api_release(struct fake_api *fake);

void __wrap_api_watch(struct api *api, api_news_fn news, void *userdata);
uint64_t __wrap_api_revision(const struct api *api);
void __wrap_api_call(
	struct api *api, const struct api_request *request, api_done_fn done, void *userdata);
