/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of limits. A row that has a configuration key holds that key's default;
 * limits_configure() puts the configured value in. Counters are raised where a limit is reached, by
 * whoever keeps it.
 */

#include "core/limits.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/command.h"
#include "core/device.h"
#include "core/reading.h"
#include "core/token.h"

#define MIB (UINT64_C(1024) * 1024)

static const struct limit_row table[LIMITS] = {
	[LIMIT_NEW_NAMES_PER_MINUTE] = {"new-names-per-minute", 10, "names a minute",
		"one loud neighbour must not fill the list of waiting devices of an interface"},
	[LIMIT_PENDING] = {"pending", 64, "names",
		"a person can look through so many; more are a flood"},
	[LIMIT_DEVICES] = {"devices", 20000, "records",
		"memory for all records stays within what the unit may use"},
	[LIMIT_SESSIONS] = {"sessions", 1024, "sessions",
		"spoofed source addresses make the CoAP library remember each of them"},
	[LIMIT_SECURE_SESSIONS] = {"secure-sessions", 1024, "sessions",
		"a DTLS session takes up to 46 kB; at the limit one is made anew when it is "
		"needed again"},
	[LIMIT_SECURE_STRANGERS] = {"secure-strangers", 64, "sessions",
		"a good key alone must not take the place of an approved device"},
	[LIMIT_HANDSHAKES] = {"handshakes", 256, "handshakes",
		"who has shown a true address may begin one, and need not finish it"},
	[LIMIT_HANDSHAKES_ADDRESS] = {"handshakes-address", 32, "handshakes",
		"one host that begins handshakes without end must not take all places"},
	[LIMIT_VERIFIED_ADDRESSES] = {"verified-addresses", 4096, "addresses",
		"addresses that proved to be reachable are remembered in a table of fixed size"},
	[LIMIT_HELD_ANSWERS] = {"held-answers", 1024, "exchanges",
		"an answer that waits for the disk pins its session in memory"},
	[LIMIT_BODY] = {"body", READING_BODY_MAX, "bytes",
		"no reading is longer, and a peer's own figure is never believed"},
	[LIMIT_BLOCK_TRANSFERS] = {"block-transfers", 32, "bodies",
		"each one holds memory until its last block comes or 30 seconds pass"},
	[LIMIT_RECORDS] = {"records", READING_RECORDS_MAX, "records",
		"bounds the work for one datagram"},
	[LIMIT_RATE] = {"rate", 10, "readings a second",
		"one broken sensor must not crowd out the others"},
	[LIMIT_WINDOW_READINGS] = {"window-readings", 4096, "readings",
		"what is owed upstream stands on disk; memory holds its front only"},
	[LIMIT_OUTBOX_BYTES] = {"outbox-bytes", 64 * MIB, "bytes",
		"a long outage must not fill the disk that approvals and revokes need"},
	[LIMIT_OUTBOX_SHARE] = {"outbox-share", 4, "times what is free",
		"one chatty device must not fill the outbox before the others have reported"},
	[LIMIT_PROBES] = {"probes", 32, "requests",
		"devices are asked a few at a time, so that the network is not flooded by us"},
	[LIMIT_SECURE_ASKED] = {"secure-asked", 256, "sessions",
		"a DTLS session towards a device that serves takes up to 46 kB; the one idle for "
		"longest goes first"},
	[LIMIT_OBSERVATIONS] = {"observations", 256, "resources",
		"each one holds a socket; what is beyond it is read on a timer"},
	[LIMIT_SIGHTINGS] = {"sightings", 1024, "services",
		"anybody on the link can announce services without end"},
	[LIMIT_MULTICAST_ANSWERS] = {"multicast-answers", 256, "answers",
		"one question to everybody must not be answered without end"},
	[LIMIT_HTTP_CONNECTIONS] = {"http-connections", 64, "connections",
		"each one holds memory and a descriptor"},
	[LIMIT_HTTP_PER_ADDRESS] = {"http-per-address", 8, "connections",
		"one client must not take all of them"},
	[LIMIT_HTTP_BODY] = {"http-body", 65536, "bytes",
		"no form and no call of the API is longer"},
	[LIMIT_SESSIONS_WEB] = {"web-sessions", 64, "sessions",
		"a table of fixed size; one's own oldest goes first, then one of whoever has most"},
	[LIMIT_STREAMS_WEB] = {"web-streams", 32, "streams",
		"each one is a connection that stays; others must find a place to log in"},
	[LIMIT_STREAMS_SESSION] = {"web-streams-session", 4, "streams",
		"one person's many open tabs must not keep the others from listening"},
	[LIMIT_PASSWORD_QUEUE] = {"password-queue", 4, "hashes",
		"each hash takes 32 MiB and a fifth of a second"},
	[LIMIT_LOGIN_TRIES] = {"login-tries", 60, "tries a minute",
		"guessing across accounts is slow; each account has a growing delay of its own"},
	[LIMIT_LOGIN_TRIES_ADDRESS] = {"login-tries-address", 20, "tries a minute",
		"one machine on the network must not take the tries of all"},
	[LIMIT_CODE_TRIES] = {"code-tries", CODE_TRIES_MAX, "wrong codes",
		"a code of 8 characters stays beyond guessing"},
	[LIMIT_CODE_TRIES_GATEWAY] = {"code-tries-gateway", 10, "wrong codes an hour",
		"guessing across many devices stops for 15 minutes as well"},
	[LIMIT_INBOUND_MESSAGE] = {"inbound-message", 65536, "bytes", "a broker is a stranger too"},
	[LIMIT_INPUTS_WAITING] = {"inputs-waiting", 64, "events",
		"a device's events wait while its record is on the way to the disk"},
	[LIMIT_RECENT_SERIES] = {"recent-series", 12000, "curves",
		"the curves on the page take at most 5 MiB; the one silent for longest goes"},
	[LIMIT_RECENT_NAMES] = {"recent-names", 4, "curves of a device",
		"a device that makes up names must not push out the curves of others"},
	[LIMIT_TOKENS] = {"tokens", 20000, "tokens",
		"as many as there can be devices; an import is held in memory until it is "
		"complete"},
	[LIMIT_TOKEN_BYTES] = {"token-bytes", TOKEN_PASSWORD_MAX, "bytes",
		"no broker's password is longer, and each one is sealed on disk"},
	[LIMIT_LABELS] = {"labels", 20000, "labels",
		"as many as there can be devices; their keys are held in memory"},
	[LIMIT_DEVICE_CAS] = {"device-cas", 32, "authorities",
		"each one is looked through for each device with a certificate"},
	[LIMIT_LABEL_WINDOWS] = {"label-windows", 256, "labels",
		"a day's scanning by hand; each of them lets a device in without a further "
		"decision"},
	[LIMIT_LINK_CONNECTS] = {"link-connects", 10, "connects a second",
		"after an outage a thousand devices must not knock at the broker at once"},
	[LIMIT_LINK_WINDOW] = {"link-window", 32, "readings",
		"one device's silent session must not take the whole window"},
	[LIMIT_COMMANDS] = {"commands", COMMANDS_WAITING_MAX, "commands",
		"a device that never comes must not collect commands without end"},
	[LIMIT_ARRIVALS] = {"arrivals", MIB, "bytes",
		"what a broker sends faster than it can be stored must not fill the disk"},
	[LIMIT_OBSERVERS] = {"observers", 1024, "devices",
		"each one holds its session and an answer in memory"},
	[LIMIT_REQUESTS] = {"platform-requests", 16, "requests",
		"each one holds a connection, and a slow platform would collect them"},
	[LIMIT_REQUEST_RATE] = {"platform-request-rate", 20, "requests a second",
		"after an outage a thousand devices must not ask the platform at once"},
	[LIMIT_REQUESTS_WAITING] = {"platform-requests-waiting", 20000, "requests",
		"one for each device that there can be"},
	[LIMIT_REQUEST_ANSWER] = {"platform-answer", 65536, "bytes",
		"a platform is a stranger too, and its own figure is never believed"},
	[LIMIT_DIALS] = {"platform-sessions", 16, "sessions",
		"each one is a TLS connection for one question; what is beyond it waits in line"},
	[LIMIT_GAP_RECORDS] = {"gap-records", 1024, "records",
		"an outage must not fill the memory with what is missing; from here on those of a "
		"device become one"},
};

const struct limit_row *limit_row(enum limit limit)
{
	return (unsigned)limit < LIMITS ? &table[limit] : NULL;
}

void limits_init(struct limits *ret_limits)
{
	memset(ret_limits, 0, sizeof(*ret_limits));
	for (unsigned i = 0; i < LIMITS; i++)
		ret_limits->value[i] = table[i].value;
}

void limits_configure(struct limits *limits, const struct config *config)
{
	limits->value[LIMIT_NEW_NAMES_PER_MINUTE] = config->new_per_minute;
	limits->value[LIMIT_PENDING] = config->pending_max;
	limits->value[LIMIT_RATE] = (uint64_t)ceil(config->device_rate);
	limits->value[LIMIT_OUTBOX_BYTES] = config->outbox_max_bytes;
}
