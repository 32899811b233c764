/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Everything that a peer can make grow: one table with the limit, its reason and a counter of how
 * often it was reached. 'gatehousectl status --limits' shows it.
 */

#include <stdint.h>

#include "core/config.h"

enum limit {
	LIMIT_NEW_NAMES_PER_MINUTE, /* per interface */
	LIMIT_PENDING,		    /* unknown names pending */
	LIMIT_DEVICES,		    /* records in all */
	LIMIT_SESSIONS,		    /* CoAP sessions remembered */
	LIMIT_SECURE_SESSIONS,	    /* DTLS sessions */
	LIMIT_SECURE_STRANGERS,	    /* of them: of devices that nobody approved */
	LIMIT_HANDSHAKES,	    /* DTLS handshakes under way */
	LIMIT_HANDSHAKES_ADDRESS,   /* of them: from one address */
	LIMIT_VERIFIED_ADDRESSES,   /* addresses that passed Echo */
	LIMIT_HELD_ANSWERS,	    /* exchanges waiting for their answer */
	LIMIT_BODY,		    /* bytes of a request body */
	LIMIT_BLOCK_TRANSFERS,	    /* bodies that come in blocks, under way */
	LIMIT_RECORDS,		    /* SenML records of a reading */
	LIMIT_RATE,		    /* readings a second of a device */
	LIMIT_WINDOW_READINGS,	    /* readings in memory */
	LIMIT_OUTBOX_BYTES,
	LIMIT_OUTBOX_SHARE,	 /* times what is free: one device's part of the outbox */
	LIMIT_PROBES,		 /* requests of ours under way */
	LIMIT_SECURE_ASKED,	 /* DTLS sessions of ours towards devices that serve */
	LIMIT_OBSERVATIONS,	 /* resources of devices that are observed */
	LIMIT_SIGHTINGS,	 /* discovered services remembered */
	LIMIT_MULTICAST_ANSWERS, /* answers to one multicast probe */
	LIMIT_HTTP_CONNECTIONS,
	LIMIT_HTTP_PER_ADDRESS,
	LIMIT_HTTP_BODY,
	LIMIT_SESSIONS_WEB,
	LIMIT_STREAMS_WEB,     /* live streams of the page */
	LIMIT_STREAMS_SESSION, /* of one session */
	LIMIT_PASSWORD_QUEUE,
	LIMIT_LOGIN_TRIES,
	LIMIT_LOGIN_TRIES_ADDRESS,
	LIMIT_CODE_TRIES,
	LIMIT_CODE_TRIES_GATEWAY, /* wrong codes an hour for the whole gateway */
	LIMIT_INBOUND_MESSAGE,	  /* bytes of a message from the broker */
	LIMIT_INPUTS_WAITING,	  /* events waiting for a device's record to be saved */
	LIMIT_RECENT_SERIES,	  /* curves of recent numbers, in all */
	LIMIT_RECENT_NAMES,	  /* of one device */
	LIMIT_TOKENS,		  /* imported tokens, in the store and in one import */
	LIMIT_TOKEN_BYTES,	  /* of one password in an import */
	LIMIT_LABELS,		  /* labels whose keys are kept, and in one import */
	LIMIT_DEVICE_CAS,	  /* authorities of devices' certificates */
	LIMIT_LABEL_WINDOWS,	  /* labels that were scanned before their device is known */
	LIMIT_LINK_CONNECTS,	  /* connects a second of devices' own sessions */
	LIMIT_LINK_WINDOW,	  /* readings in flight in a device's own session */
	LIMIT_COMMANDS,		  /* commands that wait for a device */
	LIMIT_ARRIVALS,		  /* messages of the platform that could not be kept on file */
	LIMIT_OBSERVERS,	  /* devices that observe a resource of ours */
	LIMIT_REQUESTS,		  /* HTTP requests to platforms under way */
	LIMIT_REQUEST_RATE,	  /* HTTP requests started in a second */
	LIMIT_REQUESTS_WAITING,	  /* HTTP requests in line */
	LIMIT_REQUEST_ANSWER,	  /* bytes of an answer to one */
	LIMIT_DIALS,		  /* MQTT sessions of requests to platforms under way */
	LIMIT_GAP_RECORDS,	  /* of what is missing, until the platform was told */
	LIMITS
};

struct limit_row {
	const char *name; /* "new-names-per-minute" */
	uint64_t value;	  /* default; some have a configuration key */
	const char *unit;
	const char *reason;
};
const struct limit_row *limit_row(enum limit limit);

/* Counters live in one value that the gateway owns. */
struct limits {
	uint64_t value[LIMITS];
	uint64_t reached[LIMITS];
};
void limits_init(struct limits *ret_limits);
/* Takes over the limits that have a configuration key; at start and after a reload. Counters stay.
 */
void limits_configure(struct limits *limits, const struct config *config);
