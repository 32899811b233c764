/* SPDX-License-Identifier: Apache-2.0 */

/* Who may speak for a device: leases that change, claimants, tiers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes.h"
#include "host/binding-host.h"
#include "host/secure-host.h"

#define MAC_A "02:00:00:00:00:0a"
#define MAC_B "02:00:00:00:00:0b"

static struct lan_peer peer_at(const char *ip, const char *mac)
{
	struct lan_peer peer = {.address = address_of(ip), .verified = true};

	snprintf(peer.mac, sizeof(peer.mac), "%s", mac);
	return peer;
}

/* Approved, on disk, bound with this MAC. */
static struct device *bound(const char *ep, const char *ip, const char *mac)
{
	struct device *device = active_device(ep, ip);
	const struct lan_peer peer = peer_at(ip, mac);

	assert_true(binding_fits(&bed.host, device, &peer));
	store_answer_all(0);
	assert_string_equal(device->record->mac, mac);
	return device;
}

static bool fits(struct device *device, const char *ip, const char *mac)
{
	const struct lan_peer peer = peer_at(ip, mac);
	bool answer = binding_fits(&bed.host, device, &peer);

	store_answer_all(0);
	return answer;
}

static bool is_at(const struct device *device, const char *ip)
{
	const struct device_address address = address_of(ip);

	return device_address_same_host(&device->record->address, &address) &&
	       device_address_same_host(&disk_device(device->record->id)->address, &address);
}

static void a_new_lease(void **state)
{
	struct device *device = bound("one", "10.0.0.1", MAC_A);
	struct lan_peer unverified = peer_at("10.0.0.7", MAC_A);

	unverified.verified = false;
	assert_false(binding_fits(&bed.host, device, &unverified));
	assert_true(is_at(device, "10.0.0.1"));
	assert_true(fits(device, "10.0.0.7", MAC_A));
	assert_true(is_at(device, "10.0.0.7"));
	assert_int_equal(disk_audit_count("move", NULL), 1);
	assert_ptr_equal(registry_by_ep(bed.host.registry, "one"), device);
	/* Somebody else has the old address now. */
	assert_false(fits(device, "10.0.0.1", MAC_B));
	assert_true(is_at(device, "10.0.0.7"));
}

static void a_claimant(void **state)
{
	struct device *device = bound("one", "10.0.0.1", MAC_A);

	assert_false(fits(device, "10.0.0.2", MAC_B));
	assert_false(fits(device, "10.0.0.2", ""));
	/* The bound address with another MAC is another machine. */
	assert_false(fits(device, "10.0.0.1", MAC_B));
	assert_true(fits(device, "10.0.0.1", MAC_A));
	/* The kernel forgot its entry: the IP alone. */
	assert_true(fits(device, "10.0.0.1", ""));
	assert_true(lifecycle_may_report(&device->record->life));
}

/* Two addresses at once, IPv4 and IPv6 say: both are served, the disk is not worn out. */
static void to_and_fro(void **state)
{
	struct device *device = bound("one", "10.0.0.1", MAC_A);

	for (int i = 0; i < 50; i++) {
		assert_true(fits(device, "10.0.0.7", MAC_A));
		assert_true(fits(device, "10.0.0.1", MAC_A));
	}
	assert_in_range(disk_audit_count("move", NULL), 1, 4);
	bed_advance(60 * USEC_PER_SEC);
	assert_true(fits(device, "10.0.0.9", MAC_A));
	assert_true(is_at(device, "10.0.0.9"));
}

static void tiers(void **state)
{
	struct device *device = active_device("one", "10.0.0.1");
	struct lan_peer peer = peer_at("10.0.0.1", "");
	const struct lan_request request = {.peer = &peer, .ep = "one"};

	assert_false(secure_is_downgrade(&bed.host, device, &request));
	/* Proved once, plain after that. */
	device->record->trust = TRUST_CLAIMED;
	assert_false(secure_is_downgrade(&bed.host, device, &request));
	device->record->trust = TRUST_PSK;
	for (int i = 0; i < 20; i++)
		assert_true(secure_is_downgrade(&bed.host, device, &request));
	store_answer_all(0);
	/* Journalled, and not twenty times. */
	assert_in_range(disk_audit_count("downgrade", NULL), 1, 3);
	peer.trust = TRUST_PSK;
	assert_false(secure_is_downgrade(&bed.host, device, &request));
	peer.trust = TRUST_CERT;
	assert_false(secure_is_downgrade(&bed.host, device, &request));
}

static void plain_by_interface(void **state)
{
	struct lan_peer peer = peer_at("10.0.0.1", "");

	assert_false(binding_refuses_plain(&bed.host, &peer));
	bed.config.plain_refused_on.count = 1;
	snprintf(bed.config.plain_refused_on.item[0], 16, "other0");
	assert_false(binding_refuses_plain(&bed.host, &peer));
	snprintf(bed.config.plain_refused_on.item[0], 16, "%s", peer.address.interface);
	assert_true(binding_refuses_plain(&bed.host, &peer));
	peer.trust = TRUST_PSK;
	assert_false(binding_refuses_plain(&bed.host, &peer));
	peer.trust = TRUST_PLAIN;
	bed.config.plain_refused_on.count = 0;
	bed.config.plain = PLAIN_REFUSE;
	assert_true(binding_refuses_plain(&bed.host, &peer));
}

/* A server that is announced elsewhere is asked there, and followed when it is the same machine. */
static void followed(void **state)
{
	struct device *device = bound("one", "10.0.0.1", MAC_A);
	const struct device_address there = address_of("10.0.0.7");

	device->record->is_server = true;
	binding_follow(&bed.host, device, &there);
	binding_follow(&bed.host, device, &there);
	assert_int_equal(fake_sent_count, 1);
	assert_memory_equal(&fake_sent[0].outgoing.to.ip, &there.ip, sizeof(there.ip));
	neighbour("10.0.0.7", MAC_B);
	sent_answer(&fake_sent[0], 0, COAP_CODE(2, 5), FORMAT_LINK, "");
	store_answer_all(0);
	assert_true(is_at(device, "10.0.0.1"));
	binding_follow(&bed.host, device, &there);
	sent_answer(&fake_sent[1], -ETIMEDOUT, 0, -1, NULL);
	store_answer_all(0);
	assert_true(is_at(device, "10.0.0.1"));
	neighbour("10.0.0.7", MAC_A);
	binding_follow(&bed.host, device, &there);
	sent_answer(&fake_sent[2], 0, COAP_CODE(2, 5), FORMAT_LINK, "");
	store_answer_all(0);
	assert_true(is_at(device, "10.0.0.7"));
	/* What answers there must go on being it. */
	assert_true(binding_still_fits(&bed.host, device));
	neighbour("10.0.0.7", MAC_B);
	assert_false(binding_still_fits(&bed.host, device));
	neighbour("10.0.0.7", "");
	assert_true(binding_still_fits(&bed.host, device));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_new_lease),
		T(a_claimant),
		T(to_and_fro),
		T(tiers),
		T(plain_by_interface),
		T(followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
