/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A typed address is one more way in which a device is found: it decides nothing, and what it leads
 * to can be admitted only while a window is open.
 *
 *	journal -> GET /.well-known/core -> its name, or the one that was typed with the address
 *	        -> a sighting, like one of mDNS
 *
 * With coaps:// it is asked over DTLS, with the key of the label of the name that was typed;
 *without that key nothing is sent.
 *
 * The address is on one of our interfaces or in a routed prefix, or nothing is sent: a person at
 * the page must not be able to reach with the gateway's hands what is none of the LAN's. A name
 * that belongs to another device stays with that.
 */

#include "host/typed.h"
#include "host/act.h"
#include "host/device-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/sighted.h"
#include "lan/linkformat.h"

#define LOOK_TIMEOUT_USEC (12 * USEC_PER_SEC) /* three tries of CoAP */
#define LOOK_ANSWER_MAX	  4096
#define LISTED_USEC	  (1800 * USEC_PER_SEC)

/* ---- the answer ---- */

/* The name that this device is listed under; NULL with the reason. */
static const char *name_of(
	const struct act *act, const struct link_list *list, const char **ret_why)
{
	const char *said = list->ep[0] ? list->ep : act->ep, *why;

	if (!said[0])
		*ret_why = "The device does not say its name. Type one with its address.";
	else if (act->ep[0] && list->ep[0] && strcasecmp(act->ep, list->ep))
		*ret_why = "The device there says another name than the one that was typed.";
	else if (ep_check(span_from_string(said), &why) < 0)
		*ret_why = "Its name cannot be used: 1 to 63 printable characters without space, "
			   "quotation mark, < and >, and no address.";
	else
		return said;
	return NULL;
}

struct look {
	struct act_call *call;
	struct device_address address;
	bool secure;
};

static void list_it(struct act_call *call, const struct look *look, const char *ep)
{
	struct host *host = call->host;
	struct discovery_sighting sighting = {
		.address = look->address, .secure = look->secure, .found_by = FOUND_ADDRESS};
	struct device *device;
	char text[160];

	memcpy(sighting.ep, ep, strlen(ep) + 1);
	device_host_on_appeared(host, &sighting);
	device = registry_by_ep(host->registry, ep);
	if (!device) {
		act_call_done(call, ACT_NOT_STORED, 0, "There is no room for another device.");
		return;
	}
	if (!(device_host(device)->seen_by & 1u << FOUND_ADDRESS)) {
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"This name belongs to a device at another address. If it moved, it says so "
			"itself; if it was replaced, forget the old one first.");
		return;
	}
	device_host(device)->typed_usec = clock_boot_usec();
	memcpy(call->act.device, device->record->id, sizeof(call->act.device));
	snprintf(text, sizeof(text), "%s is there. It is listed as %s.", ep, device->record->id);
	act_call_done(call, ACT_DONE, 0, text);
}

static void on_links(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	CLEANUP(cleanup_free) struct look *look = userdata;
	CLEANUP(cleanup_free) struct link_list *list = malloc(sizeof(*list));
	struct act_call *call = look->call;
	const char *why = NULL, *ep;

	if (result == -ECANCELED) {
		act_call_done(call, ACT_UNREACHABLE, 0, "The gateway is stopping.");
	} else if (result < 0) {
		act_call_done(call, ACT_UNREACHABLE, 0,
			look->secure
				? "Nobody answers there with the key of this label. Is it switched "
				  "on, is that its address, and is it the one with this label?"
				: "Nobody answers there. Is it switched on, and is that its "
				  "address?");
	} else if (!list) {
		act_call_done(call, ACT_NOT_STORED, 0, "The gateway is out of memory.");
	} else if (code != COAP_CODE(2, 5) || link_list_parse(payload, list) < 0) {
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"Somebody answers there, but not with a list of what it offers "
			"(/.well-known/core): it is no device that the gateway can use.");
	} else if (link_list_by_rt(list, "gatehouse.enrol")) {
		act_call_done(call, ACT_IMPOSSIBLE, 0, "A gateway is there, and no device.");
	} else if (!(ep = name_of(&call->act, list, &why))) {
		act_call_done(call, ACT_BAD_INPUT, 0, why);
	} else {
		list_it(call, look, ep);
	}
}

/* ---- the question ---- */

static void ask(struct act_call *call)
{
	struct lan_outgoing outgoing = {.method = LAN_GET,
		.path = "/.well-known/core",
		.content_format = -1,
		.accept = -1,
		.answer_max = LOOK_ANSWER_MAX,
		.timeout_usec = LOOK_TIMEOUT_USEC};
	struct look *look = malloc(sizeof(*look));
	bool secure = false;
	int r = look ? device_address_parse(
			       span_from_string(call->act.address), &outgoing.to, &secure)
		     : -ENOMEM;

	if (r >= 0)
		r = call->host->lan ? lan_locate(call->host->lan, &outgoing.to) : -ENETUNREACH;
	if (r >= 0) {
		*look = (struct look){call, outgoing.to, secure};
		outgoing.identity = secure ? call->act.ep : NULL;
		r = lan_send(call->host->lan, &outgoing, on_links, look);
	}
	if (r >= 0)
		return;
	free(look);
	if (r == -EBUSY)
		act_call_done(call, ACT_TOO_MANY, 5, "Many devices are being asked at present.");
	else if (r == -ENOMEM)
		act_call_done(call, ACT_NOT_STORED, 0, "The gateway is out of memory.");
	else if (r == -ENOKEY)
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"No label of this name is known, so nobody can tell whether it is the "
			"device. Scan or import its label first.");
	else
		act_call_done(call, ACT_BAD_INPUT, 0,
			"This address is on none of the networks on which devices are heard "
			"(lan.interfaces, lan.routed).");
}

static void on_audited(void *userdata, int result, const char *head)
{
	struct act_call *call = userdata;

	if (result < 0)
		act_call_done(call, ACT_NOT_STORED, 0,
			"It could not be written to the journal, so it was not done.");
	else
		ask(call);
}

void typed_add(struct act_call *call)
{
	const struct act *act = &call->act;
	struct device_address address;
	struct audit_row audit;
	const char *why;
	bool secure = false;

	if (device_address_parse(span_from_string(act->address), &address, &secure) < 0) {
		act_call_done(call, ACT_BAD_INPUT, 0,
			"An address is an IPv4 or IPv6 address, with a port if it is not 5683: "
			"192.0.2.7, 192.0.2.7:5684, [fe80::7%eth0]:5683.");
		return;
	}
	if (act->ep[0] && ep_check(span_from_string(act->ep), &why) < 0) {
		act_call_done(call, ACT_BAD_INPUT, 0, why);
		return;
	}
	if (secure && !act->ep[0]) {
		act_call_done(call, ACT_BAD_INPUT, 0,
			"With coaps:// the name on the label is typed as well: it says which key "
			"the device has.");
		return;
	}
	audit_of_act(act, act->address, act->ep, audit_result(AUDIT_DONE), &audit);
	host_audit(call->host, &audit, on_audited, call);
}

void typed_forget(struct host *host)
{
	struct device *device, *next;

	for (device = registry_first(host->registry); device; device = next) {
		const struct device_host *part = device_host(device);

		next = registry_next(device);
		if ((part->seen_by & 1u << FOUND_ADDRESS) && sighted_only(device) &&
			clock_boot_usec() - part->typed_usec >= LISTED_USEC)
			sighted_gone(host, device, FOUND_ADDRESS);
	}
}
