/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices with certificates at the DTLS port: who gets in, under which name, and what ends a
 * session. What a chain must be like is tested with base/chain.c; here are the ways to it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/pki.h"
#include "base/clock.h"
#include "dtls.h"

#define CCM8 "ECDHE-ECDSA-AES128-CCM8"
#define DAY  INT64_C(86400000)

static struct pki root, other, own;
static bool synced;
static int64_t ahead; /* milliseconds */

bool __wrap_clock_is_synced(void);
bool __wrap_clock_is_synced(void)
{
	return synced;
}

int64_t __real_clock_wall_msec(void);
int64_t __wrap_clock_wall_msec(void);
int64_t __wrap_clock_wall_msec(void)
{
	return __real_clock_wall_msec() + ahead;
}

static void trust(struct bed *bed, const struct pki *authority)
{
	char *pem = authority ? pki_pem(authority) : NULL;
	const char *const list[] = {pem};

	assert_int_equal(lan_trust(bed->lan, list, pem ? 1 : 0), 0);
	free(pem);
}

static void open_limited(struct bed *bed, const struct limits *limits)
{
	char *certificate, *key;

	synced = true;
	ahead = 0;
	pki_make(&root, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Root"});
	pki_make(&other, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Other"});
	pki_make(&own, &(const struct pki_ask){.common_name = "gateway", .ends = 86400});
	certificate = pki_pem(&own);
	key = pki_key_pem(&own);
	bed_open_certified(bed, limits, certificate, key);
	free(certificate);
	free(key);
	trust(bed, &root);
}

static int open_bed(void **state)
{
	static struct bed bed;

	open_limited(&bed, NULL);
	*state = &bed;
	return 0;
}

static int close_bed(void **state)
{
	bed_close(*state);
	pki_clear(&root);
	pki_clear(&other);
	pki_clear(&own);
	return 0;
}

static uint64_t sessions(const struct bed *bed)
{
	struct lan_stats stats;

	lan_stats(bed->lan, &stats);
	return stats.secure_sessions;
}

/* Ready to shake hands with this certificate; the others are sent behind it. */
static void prepare(struct dtls *dtls, struct bed *bed, const char *ciphers,
	const struct pki *device, const struct pki *between)
{
	dtls_open(dtls, bed, dtls_socket(bed, 0), "-", ciphers);
	SSL_set_psk_client_callback(dtls->ssl, NULL);
	/* as on Ethernet, and not as loopback has it */
	SSL_set_options(dtls->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(dtls->ssl, 1280);
	if (!device)
		return;
	assert_int_equal(SSL_use_certificate(dtls->ssl, device->x509), 1);
	assert_int_equal(SSL_use_PrivateKey(dtls->ssl, device->key), 1);
	if (between)
		assert_int_equal(SSL_add1_chain_cert(dtls->ssl, between->x509), 1);
}

/* Whether it gets in; its own handshake may end before the gateway has judged. */
static bool gets_in(struct bed *bed, struct dtls *dtls)
{
	unsigned entered = bed->entered, away = bed->away[AWAY_CERTIFICATE];
	bool done = dtls_connect(dtls, 5000);

	for (int i = 0;
		done && bed->entered == entered && bed->away[AWAY_CERTIFICATE] == away && i < 1000;
		i++)
		sd_event_run(bed->loop, 5000);
	return bed->entered > entered;
}

static bool try(struct bed *bed, const struct pki *device, const struct pki *between)
{
	struct dtls dtls;
	bool in;

	prepare(&dtls, bed, CCM8, device, between);
	in = gets_in(bed, &dtls);
	dtls_close(&dtls);
	return in;
}

static void device_make(struct pki *device, const char *name)
{
	pki_make(device, &(const struct pki_ask){PKI_DEVICE, .issuer = &root, .common_name = name});
}

static void reading_make(struct datagram *message, uint16_t mid, const char *query)
{
	message_begin(message, CON, POST, mid, "t");
	message_text(message, 11, "t");
	if (query)
		message_text(message, 15, query);
	message_payload(message, "21.5");
}

static void test_the_certificate_says_who_speaks(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct chain_facts facts, authority;
	struct pki device;
	struct dtls dtls;
	X509 *shown;

	device_make(&device, "pump-7");
	assert_int_equal(chain_facts_read(device.x509, &facts), 0);
	assert_int_equal(chain_facts_read(root.x509, &authority), 0);
	prepare(&dtls, bed, CCM8, &device, NULL);
	assert_true(gets_in(bed, &dtls));
	assert_string_equal(SSL_get_cipher_name(dtls.ssl), CCM8);
	assert_string_equal(bed->certificate.name, "pump-7");
	assert_int_equal(bed->entered, 1);
	assert_int_equal(bed->entered_peer.trust, TRUST_CERT);
	assert_string_equal(bed->entered_peer.identity, facts.fingerprint);
	assert_string_equal(bed->entered_peer.authority, authority.fingerprint);
	shown = SSL_get1_peer_certificate(dtls.ssl);
	assert_int_equal(X509_cmp(shown, own.x509), 0);
	X509_free(shown);
	reading_make(&request, 1, NULL);
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	assert_string_equal(bed->last.view.ep, "pump-7");
	reading_make(&request, 2, "ep=pump-7");
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	reading_make(&request, 3, "ep=pump-8");
	dtls_ask(&dtls, &request, COAP_CODE(4, 0), &answer);
	dtls_close(&dtls);
	bed_await(bed, sessions(bed) == 0);
	pki_clear(&device);
}

static void test_names(void **state)
{
	static const struct {
		const char *common_name, *serial_number, *expected;
	} rows[] = {
		{"pump-7", "A1", "pump-7"},
		{"Acme pump", "A1", "A1"},
		{"192.0.2.7", "A1", "A1"},
		{NULL, "A1", "A1"},
		{"Acme pump", NULL, NULL},
		{NULL, NULL, NULL},
	};
	struct bed *bed = *state;
	struct pki device;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pki_make(&device, &(const struct pki_ask){PKI_DEVICE, .issuer = &root,
					  .common_name = rows[i].common_name,
					  .serial_number = rows[i].serial_number});
		assert_true(try(bed, &device, NULL));
		if (rows[i].expected) {
			assert_string_equal(bed->certificate.name, rows[i].expected);
		} else {
			assert_int_equal(strlen(bed->certificate.name), 32);
			assert_memory_equal(
				bed->certificate.name, bed->certificate.fingerprint, 32);
		}
		pki_clear(&device);
	}
}

static void test_ciphers(void **state)
{
	static const struct {
		const char *name;
		bool taken;
	} rows[] = {
		{CCM8, true},
		{"ECDHE-ECDSA-AES128-CCM", true},
		{"ECDHE-ECDSA-AES128-GCM-SHA256", true},
		{"ECDHE-ECDSA-AES256-GCM-SHA384", true},
		{"ECDHE-ECDSA-AES128-SHA256", false},
		{"ECDHE-ECDSA-AES128-SHA", false},
		{"ECDHE-ECDSA-NULL-SHA", false},
		{"AECDH-AES128-SHA", false},
		{"ECDHE-RSA-AES128-GCM-SHA256", false},
	};
	struct bed *bed = *state;
	struct pki device;
	struct dtls dtls;

	device_make(&device, "pump-7");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		prepare(&dtls, bed, rows[i].name, &device, NULL);
		if (gets_in(bed, &dtls) != rows[i].taken)
			fail_msg("%s", rows[i].name);
		dtls_close(&dtls);
	}
	pki_clear(&device);
}

static void test_keys_work_beside_certificates(void **state)
{
	struct bed *bed = *state;
	struct pki device;
	struct dtls dtls;

	dtls_enter(&dtls, bed, "known-1");
	assert_int_equal(bed->entered_peer.trust, TRUST_PSK);
	dtls_close(&dtls);
	/* who has both proves the key of its label */
	device_make(&device, "pump-7");
	dtls_open(&dtls, bed, dtls_socket(bed, 0), "known-1", CCM8 ":PSK-AES128-CCM8");
	assert_int_equal(SSL_use_certificate(dtls.ssl, device.x509), 1);
	assert_int_equal(SSL_use_PrivateKey(dtls.ssl, device.key), 1);
	assert_true(gets_in(bed, &dtls));
	assert_string_equal(bed->entered_peer.identity, "known-1");
	assert_int_equal(bed->certificates, 0);
	dtls_close(&dtls);
	pki_clear(&device);
}

static void test_who_is_turned_away(void **state)
{
	struct bed *bed = *state;
	struct pki device, stranger;
	struct dtls dtls;

	pki_make(&stranger,
		&(const struct pki_ask){PKI_DEVICE, .issuer = &other, .common_name = "pump-7"});
	assert_false(try(bed, &stranger, NULL));
	assert_false(try(bed, &stranger, &other));
	pki_clear(&stranger);
	pki_make(&stranger, &(const struct pki_ask){PKI_DEVICE, .common_name = "pump-7"});
	assert_false(try(bed, &stranger, NULL));
	pki_clear(&stranger);
	assert_int_equal(bed->away[AWAY_CERTIFICATE], 3);
	assert_int_equal(bed->certificates, 0);
	/* none at all */
	assert_false(try(bed, NULL, NULL));
	/* somebody else's certificate, without its key */
	device_make(&device, "pump-7");
	prepare(&dtls, bed, CCM8, NULL, NULL);
	SSL_use_certificate(dtls.ssl, device.x509);
	assert_int_equal(SSL_use_PrivateKey(dtls.ssl, other.key), 0);
	assert_false(gets_in(bed, &dtls));
	dtls_close(&dtls);
	/* the host has a word too */
	bed->certificate_refused = true;
	assert_false(try(bed, &device, NULL));
	assert_int_equal(bed->certificates, 1);
	bed->certificate_refused = false;
	assert_true(try(bed, &device, NULL));
	bed_await(bed, sessions(bed) == 0);
	pki_clear(&device);
}

/* More than a device may send ends the handshake; what is below it may come in fragments. */
static void test_sizes(void **state)
{
	static const char *const names[] = {"B", "C", "D"};
	struct pki between[4] = {{0}}, device;
	const struct pki *issuer = &root;
	struct bed *bed = *state;
	struct dtls dtls;

	for (int i = 0; i < 3; i++) {
		pki_make(&between[i], &(const struct pki_ask){PKI_AUTHORITY, .issuer = issuer,
					      .common_name = names[i], .group = "RSA-4096"});
		issuer = &between[i];
	}
	pki_make(&device,
		&(const struct pki_ask){PKI_DEVICE, .issuer = issuer, .common_name = "pump-7"});
	prepare(&dtls, bed, CCM8, &device, NULL);
	for (int i = 0; i < 3; i++)
		SSL_add1_chain_cert(dtls.ssl, between[i].x509);
	assert_true(gets_in(bed, &dtls));
	dtls_close(&dtls);
	prepare(&dtls, bed, CCM8, &device, NULL);
	for (int i = 0; i < 12; i++)
		SSL_add1_chain_cert(dtls.ssl, between[i % 3].x509);
	assert_false(gets_in(bed, &dtls));
	dtls_close(&dtls);
	assert_int_equal(bed->certificates, 1);
	pki_clear(&device);
	for (int i = 0; i < 3; i++)
		pki_clear(&between[i]);
}

static void test_an_authority_is_withdrawn(void **state)
{
	struct bed *bed = *state;
	struct pki device;
	struct dtls dtls, psk;

	device_make(&device, "pump-7-kept");
	prepare(&dtls, bed, CCM8, &device, NULL);
	assert_true(gets_in(bed, &dtls));
	dtls_enter(&psk, bed, "known-1");
	assert_int_equal(sessions(bed), 2);
	trust(bed, &root);
	assert_int_equal(sessions(bed), 2);
	trust(bed, NULL);
	assert_int_equal(sessions(bed), 1);
	dtls_close(&dtls);
	assert_false(try(bed, &device, NULL));
	trust(bed, &root);
	assert_true(try(bed, &device, NULL));
	dtls_close(&psk);
	pki_clear(&device);
}

/* Signatures take their time: some sessions are looked at in each turn of the loop, and who speaks
 * before its own was looked at is not heard before that. */
static void test_many_are_looked_at_a_few_at_a_time(void **state)
{
	enum { MANY = 20, A_TURN = 16 };
	struct bed *bed = *state;
	struct datagram reading;
	struct dtls dtls[MANY];
	struct pki device;
	char name[32];
	unsigned asked;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "pump-%d", i);
		device_make(&device, name);
		prepare(&dtls[i], bed, CCM8, &device, NULL);
		assert_true(gets_in(bed, &dtls[i]));
		pki_clear(&device);
	}
	asked = bed->certificates;
	lan_recheck_keys(bed->lan);
	assert_int_equal(bed->certificates - asked, A_TURN);
	bed_await(bed, bed->certificates - asked == MANY);
	bed_turn(bed, 1000);
	assert_int_equal(bed->certificates - asked, MANY);
	assert_int_equal(sessions(bed), MANY);
	bed->certificate_refused = true;
	lan_recheck_keys(bed->lan);
	assert_int_equal(sessions(bed), MANY - A_TURN);
	reading_make(&reading, 1, NULL);
	dtls_send(&dtls[MANY - 1], &reading);
	bed_await(bed, sessions(bed) == 0);
	assert_int_equal(bed->requests, 0);
	for (int i = 0; i < MANY; i++)
		dtls_lose(&dtls[i]);
}

static void test_a_device_is_withdrawn(void **state)
{
	struct bed *bed = *state;
	struct pki device;
	struct dtls dtls;

	device_make(&device, "pump-7-kept");
	prepare(&dtls, bed, CCM8, &device, NULL);
	assert_true(gets_in(bed, &dtls));
	lan_recheck_keys(bed->lan);
	assert_int_equal(sessions(bed), 1);
	bed->certificate_refused = true;
	lan_recheck_keys(bed->lan);
	assert_int_equal(sessions(bed), 0);
	dtls_close(&dtls);
	pki_clear(&device);
}

/* Over is over, also in the middle of a session; but only a clock that is set says so. */
static void test_clocks(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct pki device;
	struct dtls dtls;

	device_make(&device, "pump-7");
	ahead = 2 * DAY;
	assert_false(try(bed, &device, NULL));
	ahead = -2 * DAY;
	assert_false(try(bed, &device, NULL));
	synced = false;
	assert_true(try(bed, &device, NULL));
	ahead = 2 * DAY;
	prepare(&dtls, bed, CCM8, &device, NULL);
	assert_true(gets_in(bed, &dtls));
	reading_make(&request, 1, NULL);
	dtls_ask(&dtls, &request, COAP_CODE(2, 4), &answer);
	synced = true;
	reading_make(&request, 2, NULL);
	dtls_send(&dtls, &request);
	assert_false(dtls_receive(&dtls, &answer, 300));
	assert_int_equal(bed->requests, 1);
	assert_int_equal(sessions(bed), 0);
	dtls_close(&dtls);
	assert_false(try(bed, &device, NULL));
	/* What was taken without a clock is looked at again, whole, once there is one. */
	synced = false;
	ahead = 0;
	prepare(&dtls, bed, CCM8, &device, NULL);
	assert_true(gets_in(bed, &dtls));
	synced = true;
	dtls_send(&dtls, &request);
	assert_false(dtls_receive(&dtls, &answer, 300));
	assert_int_equal(sessions(bed), 0);
	dtls_close(&dtls);
	assert_true(try(bed, &device, NULL));
	pki_clear(&device);
}

/* One device, one session: the newer one. */
static void test_the_same_device_again(void **state)
{
	struct bed *bed = *state;
	struct pki device;
	struct dtls first, second;

	device_make(&device, "pump-7");
	prepare(&first, bed, CCM8, &device, NULL);
	assert_true(gets_in(bed, &first));
	prepare(&second, bed, CCM8, &device, NULL);
	assert_true(gets_in(bed, &second));
	assert_int_equal(sessions(bed), 1);
	dtls_close(&first);
	dtls_close(&second);
	pki_clear(&device);
}

/* One name, and two devices of it: what one was answered the other is not told, nor is it a
 * retransmission of his. */
static void test_twins_share_no_memory(void **state)
{
	struct bed *bed = *state;
	struct datagram request, answer;
	struct pki device[2];
	struct dtls dtls[2], psk;

	reading_make(&request, 1, NULL);
	for (unsigned i = 0; i < 2; i++) {
		device_make(&device[i], "known-7");
		prepare(&dtls[i], bed, CCM8, &device[i], NULL);
		assert_true(gets_in(bed, &dtls[i]));
		dtls_ask(&dtls[i], &request, COAP_CODE(2, 4), &answer);
		assert_int_equal(bed->requests, i + 1);
	}
	assert_int_equal(sessions(bed), 2);
	/* with the key of a label it is yet another */
	dtls_enter(&psk, bed, "known-7");
	dtls_ask(&psk, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 3);
	/* each one's own is repeated */
	dtls_ask(&dtls[0], &request, COAP_CODE(2, 4), &answer);
	dtls_ask(&psk, &request, COAP_CODE(2, 4), &answer);
	assert_int_equal(bed->requests, 3);
	dtls_close(&psk);
	for (int i = 0; i < 2; i++) {
		dtls_close(&dtls[i]);
		pki_clear(&device[i]);
	}
}

static void test_strangers_are_few(void **state)
{
	struct limits limits = {.value = {[LIMIT_SECURE_STRANGERS] = 3}};
	struct dtls dtls[6];
	struct pki device[6];
	static struct bed bed;
	char name[32];
	void *place = &bed;

	(void)state;
	open_limited(&bed, &limits);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), i ? "stranger-%d" : "kept-%d", i);
		device_make(&device[i], name);
		prepare(&dtls[i], &bed, CCM8, &device[i], NULL);
		assert_true(gets_in(&bed, &dtls[i]));
	}
	assert_int_equal(sessions(&bed), 4);
	assert_int_equal(bed.limits.reached[LIMIT_SECURE_STRANGERS], 2);
	for (int i = 0; i < 6; i++) {
		dtls_close(&dtls[i]);
		pki_clear(&device[i]);
	}
	close_bed(&place);
}

/* Without one of its own the gateway takes no certificate, and keys as ever. */
static void test_a_gateway_without_one(void **state)
{
	static struct bed bed;
	struct pki device;
	struct dtls dtls;

	(void)state;
	pki_make(&root, &(const struct pki_ask){PKI_AUTHORITY, .common_name = "Root"});
	bed_open_secure(&bed, AF_INET, NULL);
	device_make(&device, "pump-7");
	assert_false(try(&bed, &device, NULL));
	dtls_enter(&dtls, &bed, "known-1");
	dtls_close(&dtls);
	bed_close(&bed);
	pki_clear(&device);
	pki_clear(&root);
}

static void test_own_certificates_that_are_none(void **state)
{
	const struct lan_ops ops = {0};
	struct config_list interfaces = {.count = 1, .item = {"lo"}};
	struct limits limits;
	struct pki rsa, ec, second;
	char *pem[3], *key[3];
	struct lan *lan = NULL;
	sd_event *loop;

	(void)state;
	limits_init(&limits);
	pki_make(&rsa, &(const struct pki_ask){.common_name = "g", .group = "RSA-2048", .ends = 9});
	pki_make(&ec, &(const struct pki_ask){.common_name = "g", .ends = 9});
	pki_make(&second, &(const struct pki_ask){.common_name = "g", .ends = 9});
	struct pki *const list[] = {&rsa, &ec, &second};
	for (int i = 0; i < 3; i++) {
		pem[i] = pki_pem(list[i]);
		key[i] = pki_key_pem(list[i]);
	}
	const struct {
		const char *certificate, *key;
		int expected;
	} rows[] = {
		{pem[0], key[0], -EKEYREJECTED},
		{pem[1], key[2], -EKEYREJECTED},
		{key[1], key[1], -EBADMSG},
		{pem[1], pem[1], -EBADMSG},
	};
	assert_int_equal(sd_event_new(&loop), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct lan_options options = {.interfaces = &interfaces,
			.secure = true,
			.certificate = rows[i].certificate,
			.key = rows[i].key,
			.limits = &limits};
		assert_int_equal(lan_new(loop, &options, &ops, NULL, &lan), rows[i].expected);
	}
	sd_event_unref(loop);
	for (int i = 0; i < 3; i++) {
		free(pem[i]);
		free(key[i]);
		pki_clear(list[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_BED(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)
		IN_BED(test_the_certificate_says_who_speaks),
		IN_BED(test_names),
		IN_BED(test_ciphers),
		IN_BED(test_keys_work_beside_certificates),
		IN_BED(test_who_is_turned_away),
		IN_BED(test_sizes),
		IN_BED(test_an_authority_is_withdrawn),
		IN_BED(test_many_are_looked_at_a_few_at_a_time),
		IN_BED(test_a_device_is_withdrawn),
		IN_BED(test_clocks),
		IN_BED(test_the_same_device_again),
		IN_BED(test_twins_share_no_memory),
		cmocka_unit_test(test_strangers_are_few),
		cmocka_unit_test(test_a_gateway_without_one),
		cmocka_unit_test(test_own_certificates_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
