/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A device at psk or cert may bring its own provisioning token, in its enrol map or in what its
 * info resource answers. From there it is as one that was imported for its name: sealed on disk,
 * fetched for the driver's step alone.
 *
 *	nobody decided about it yet    kept, and replaced by what it brings next
 *	one was imported for its name  that one stays, for whatever platform: a person chose it
 *	a person has let it in         not looked at: no device changes what it is known by
 *	no platform here takes one     not kept; it waits as any other
 *	its name is given free, taken  deleted: whoever comes with that name next is another device
 *	  away, or not proved any more
 *
 * A device that brought one means that platform: where a person may choose, it is the first choice.
 * A token that is there already is known again by its hash, which is in memory: a device repeats
 * its map until it is let in, and only what is new is written, a few times a minute at most.
 */

#include "host/brought.h"
#include "host/act.h"
#include "host/device-host.h"
#include "host/effect.h"
#include "host/server-proof.h"
#include "host/token-host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

#define BROUGHT_A_MINUTE 1.0
#define BROUGHT_AT_ONCE	 3.0

struct brought {
	struct token *token;	/* until it is in the change */
	struct token_name name; /* what is in it; "" = it does not count any more */
	uint8_t mark[SHA256_SIZE];
	char from[80];
};

struct brought *brought_free(struct brought *brought)
{
	if (brought)
		token_free(brought->token);
	free(brought);
	return NULL;
}
DEFINE_CLEANUP(struct brought *, brought_free, cleanup_brought)

static const struct token_name *known(const struct host *host, const char *ep)
{
	return token_names_find(&host->tokens, TOKEN_KIND_SPOTFLOW, ep);
}

/* True while it is the device's to say. */
static bool is_open(const struct host *host, const struct device_record *record)
{
	return record->life.admission <= ADMISSION_PENDING && platform_may_change(record) &&
	       !token_is_imported(host, record->ep);
}

struct brought *brought_take(
	struct host *host, struct device *device, const struct device_address *from, struct span pt)
{
	CLEANUP(cleanup_brought) struct brought *brought = NULL;
	struct device_host *part = device_host(device);
	const char *ep = device->record->ep;
	uint8_t mark[SHA256_SIZE];

	if (!platform_is_offered(host->config, TOKEN_KIND_SPOTFLOW) ||
		!is_open(host, device->record) || crypto_sha256(pt, mark) < 0)
		return NULL;
	if ((known(host, ep) && memcmp(mark, part->brought_mark, sizeof(mark)) == 0) ||
		!ratelimit_take(&part->brought, BROUGHT_A_MINUTE / 60, BROUGHT_AT_ONCE,
			clock_boot_usec(), NULL))
		return NULL;
	brought = calloc(1, sizeof(*brought));
	if (!brought || token_new_pt(span_from_string(ep), pt, &brought->token) < 0)
		return NULL;
	brought->token->brought = true;
	memcpy(brought->mark, mark, sizeof(mark));
	device_address_to_string(from, brought->from);
	return STEAL(brought);
}

void brought_submit(struct host *host, struct device *device, struct span pt)
{
	struct brought *brought = brought_take(host, device, &device->record->address, pt);

	if (brought)
		host_submit(host, device,
			&(const struct submission){.event = LIFE_EVENTS, .brought = brought});
}

/* Whatever else it says was read before. */
static void on_info(
	struct device_host *part, int result, uint8_t code, int format, struct span payload)
{
	CLEANUP(secret_clear) struct secret pt = {0};
	const char *why;

	if (result >= 0 && code == COAP_CODE(2, 5) && server_is_secure(part->device->record) &&
		part->driver && part->driver->decode_pt &&
		part->driver->decode_pt(format, payload, &pt, &why) >= 0 && pt.size) {
		crypto_wipe((uint8_t *)(uintptr_t)payload.data, payload.size);
		brought_submit(part->host, part->device, secret_span(&pt));
	}
}

void brought_consider(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	struct device_request request;

	if (server_is_secure(device->record) && !known(host, device->record->ep) &&
		platform_is_offered(host->config, TOKEN_KIND_SPOTFLOW) && part->driver &&
		part->driver->info(part->links, &request) >= 0 &&
		device_host_ask(part, &request, &(const struct device_call){.reply = on_info}) < 0)
		log_device(LOG_NOTICE, device->record->id,
			"It could not be asked for its token: too much is going on.");
}

static bool has_room(struct host *host, const char *ep)
{
	if (known(host, ep) || host->tokens.count < host->limits.value[LIMIT_TOKENS])
		return true;
	host->limits.reached[LIMIT_TOKENS]++;
	return false;
}

static int join(struct host *host, struct brought *brought, struct change *change)
{
	struct token_list list = {0};
	int r = token_names_reserve(&host->tokens, host->tokens.count + 1);

	if (r < 0)
		return r;
	brought->token->since = clock_wall_msec();
	brought->name = (struct token_name){.since = brought->token->since};
	memcpy(brought->name.kind, brought->token->kind, sizeof(brought->token->kind));
	memcpy(brought->name.ep, brought->token->ep, sizeof(brought->token->ep));
	token_list_add(&list, STEAL(brought->token));
	r = change_put_tokens(change, &list);
	token_list_clear(&list);
	return r;
}

int brought_join(struct device_host *part, struct brought *brought, struct device_record *next,
	struct change *change)
{
	struct audit_row audit;
	int r;

	/* The same may have been brought twice before the first was on disk. */
	if (known(part->host, next->ep) &&
		memcmp(brought->mark, part->brought_mark, sizeof(brought->mark)) == 0)
		return 0;
	if (next->life.admission != ADMISSION_PENDING || !is_open(part->host, next) ||
		strcmp(next->ep, brought->token->ep) != 0 || !has_room(part->host, next->ep))
		return 0;
	r = join(part->host, brought, change);
	if (r < 0)
		return r;
	memcpy(next->platform, brought->name.kind, sizeof(next->platform));
	audit_row_init(&audit, "device", "", brought->from, DEED_BROUGHT, next->id, "",
		audit_result(AUDIT_BROUGHT));
	return change_append_audit(change, &audit);
}

void brought_saved(struct device_host *part, struct brought *brought)
{
	struct token_names *names = &part->host->tokens;

	if (!brought->name.ep[0])
		return;
	if (token_names_bring(names, brought->name.kind, brought->name.ep, brought->name.since) < 0)
		log_device(LOG_ERR, part->device->record->id,
			"Its token is on disk, and counts after a restart: out of memory.");
	token_names_sort(names);
	memcpy(part->brought_mark, brought->mark, sizeof(part->brought_mark));
}

int brought_drop(struct host *host, const char *ep, struct change *change)
{
	const struct token_name *name = known(host, ep);

	return name && name->brought ? change_drop_token(change, TOKEN_KIND_SPOTFLOW, ep) : 0;
}

void brought_dropped(struct host *host, const char *ep)
{
	const struct token_name *name = known(host, ep);

	if (name && name->brought)
		token_names_drop(&host->tokens, TOKEN_KIND_SPOTFLOW, ep);
}

static bool is_proved(const struct device_record *record)
{
	return record->trust >= TRUST_PSK && !record->released;
}

int brought_look(struct device_host *part, const struct device_record *next, struct change *change)
{
	const char *now = part->device->record->ep;
	int r = strcmp(now, next->ep) != 0 ? brought_drop(part->host, now, change) : 0;

	return r >= 0 && !is_proved(next) ? brought_drop(part->host, next->ep, change) : r;
}

void brought_looked(struct device_host *part, const struct device_record *next)
{
	if (strcmp(part->device->record->ep, next->ep) != 0)
		brought_dropped(part->host, part->device->record->ep);
	if (!is_proved(next))
		brought_dropped(part->host, next->ep);
}
