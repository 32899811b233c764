/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the host keeps at run time for each device, beside its record: timers, the probe, inputs
 * that wait. It is made with the device and goes with it. Replies that are still out (from the LAN,
 * from the store) pin it: it stays allocated then, with 'gone' set and without host and device.
 */

#include "host/host.h"
#include "host/platform-host.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "host/command-host.h"
#include "host/display.h"
#include "host/rd.h"
#include "host/server-proof.h"
#include "host/session.h"
#include "host/telemetry.h"
#include "host/twin.h"
#include "host/withdraw.h"

struct device_host *device_host(const struct device *device)
{
	return device->host;
}

static int attach(struct host *host, struct device *device)
{
	struct device_host *part = malloc(sizeof(*part));

	if (!part)
		return -ENOMEM;
	*part = (struct device_host){
		.host = host,
		.device = device,
		.advance_backoff = {.base_usec = USEC_PER_SEC, .cap_usec = 300 * USEC_PER_SEC},
		.command_backoff = {.base_usec = 2 * USEC_PER_SEC, .cap_usec = 60 * USEC_PER_SEC},
		.tell_backoff = {.base_usec = 2 * USEC_PER_SEC, .cap_usec = 300 * USEC_PER_SEC},
		.display.backoff = {.base_usec = 2 * USEC_PER_SEC, .cap_usec = 300 * USEC_PER_SEC},
		.refused_backoff = {.base_usec = USEC_PER_SEC, .cap_usec = 60 * USEC_PER_SEC},
		.references = 1,
	};
	part->inputs_end = &part->inputs;
	device->host = part;
	return 0;
}

int device_host_add(struct host *host, struct device_record *record, struct device **ret)
{
	struct device *device;
	bool comes_back = host->replacing_ep[0] && !strcasecmp(record->ep, host->replacing_ep);
	int r = comes_back ? -EBUSY : registry_add(host->registry, record, &device);

	if (r == -ENOSPC)
		host->limits.reached[LIMIT_DEVICES]++;
	if (r < 0) {
		device_record_free(record);
		return r;
	}
	r = attach(host, device);
	if (r < 0) {
		registry_remove(host->registry, device);
		return r;
	}
	*ret = device;
	return 0;
}

struct device_host *device_host_pin(struct device_host *part)
{
	part->references++;
	return part;
}

void device_host_unpin(struct device_host *part)
{
	if (--part->references > 0)
		return;
	free(part->links);
	free(part);
}

int device_host_found(struct device_host *part, const struct device_driver *driver,
	const struct device_links *links)
{
	if (!part->links && !(part->links = malloc(sizeof(*part->links))))
		return -ENOMEM;
	*part->links = *links;
	part->driver = driver;
	return 0;
}

void device_host_forget_answers(struct device_host *part)
{
	part->hardware++;
	telemetry_detach(part);
	display_detach(part);
	part->driver = NULL;
	free(part->links);
	part->links = NULL;
	part->probed = part->probing = part->probe_planned = false;
	part->telling = part->missed_tell = part->following = part->display.busy = false;
	part->claim_asked = part->proof.busy = false;
	part->probe_tries = part->claim_tries = part->proof.tries = 0;
	part->command_row = 0;
	part->challenge = part->rival = (struct claim_challenge){0};
	loop_timer_stop(part->proof.timer);
	loop_timer_stop(part->probe_timer);
	loop_timer_stop(part->claim_timer);
	loop_timer_stop(part->tell_timer);
	loop_timer_stop(part->command_retry);
	backoff_reset(&part->tell_backoff);
	backoff_reset(&part->command_backoff);
	backoff_reset(&part->display.backoff);
	part->device->code_reached = 0;
	part->device->code_missed = false;
}

void device_host_renew(struct device_host *part)
{
	rd_detach(part);
	device_host_forget_answers(part);
	part->state_observer = lan_observer_free(part->state_observer);
	part->observer = lan_observer_free(part->observer);
	part->seen_by = part->secure_port = 0;
	part->observed_row = 0;
}

void device_host_detach(void *userdata, struct device *device)
{
	struct device_host *part = device->host;
	struct drain_waiter *waiter;

	if (!part)
		return;
	device->host = NULL;
	platform_host_changed(part);
	platform_request_drop(part);
	withdraw_settle(part, -ECANCELED);
	session_detach(part);
	command_host_detach(part);
	twin_detach(part);
	rd_detach(part);
	part->state_observer = lan_observer_free(part->state_observer);
	telemetry_detach(part);
	part->gone = true;
	part->host = NULL;
	part->device = NULL;
	part->advance_timer = loop_source_free(part->advance_timer);
	part->clock_timer = loop_source_free(part->clock_timer);
	part->probe_timer = loop_source_free(part->probe_timer);
	part->claim_timer = loop_source_free(part->claim_timer);
	part->tell_timer = loop_source_free(part->tell_timer);
	display_detach(part);
	server_proof_detach(part);
	part->drain_timer = loop_source_free(part->drain_timer);
	part->refused_timer = loop_source_free(part->refused_timer);
	device_inputs_give_up(part);
	while ((waiter = part->drain_waiters)) {
		part->drain_waiters = waiter->next;
		waiter->done(waiter->userdata);
		free(waiter);
	}
	device_host_unpin(part);
}
