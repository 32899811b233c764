/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ways to show that an address is real. A device that knows Echo sends our value back: the
 * value needs no memory here, because it carries its time and a MAC under a key that lives as long
 * as this process. A device that does not know Echo is asked a question instead, with a random
 * token, and whatever answer carries the token proves it.
 *
 * Two tables: the verified addresses (large, by LRU) and those that were only asked (small, because
 * forged sources fill it; a device that is pushed out of it is simply asked again).
 */

#include "lan/echo.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "lan/peer-table.h"

#define KEY_SIZE 32
#define MAC_SIZE 8

struct asked {
	struct peer_entry entry;
	uint64_t probed_usec; /* 0 = never */
	bool probing;
	uint8_t token[PROBE_TOKEN_SIZE];
};

struct echo {
	uint8_t key[KEY_SIZE];
	struct peer_table verified;
	struct peer_table asked;
};

DEFINE_CLEANUP(struct echo *, echo_free, cleanup_echo)

int echo_new(size_t verified_max, struct echo **ret)
{
	struct echo *echo CLEANUP(cleanup_echo) = calloc(1, sizeof(*echo));

	if (!echo)
		return -ENOMEM;
	random_bytes(echo->key, sizeof(echo->key));
	if (peer_table_init(&echo->verified, verified_max ? verified_max : 1,
		    sizeof(struct peer_entry), NULL) < 0 ||
		peer_table_init(&echo->asked, ECHO_ASKED_MAX, sizeof(struct asked), NULL) < 0)
		return -ENOMEM;
	*ret = STEAL(echo);
	return 0;
}

struct echo *echo_free(struct echo *echo)
{
	if (!echo)
		return NULL;
	peer_table_done(&echo->verified);
	peer_table_done(&echo->asked);
	crypto_wipe(echo->key, sizeof(echo->key));
	free(echo);
	return NULL;
}

static int mac_make(const struct echo *echo, const uint8_t time[4],
	const struct device_address *address, uint8_t ret_mac[MAC_SIZE])
{
	uint8_t mac[SHA256_SIZE];
	const struct span parts[] = {
		span_of(time, 4),
		span_of(&address->ip, sizeof(address->ip)),
		span_from_string(address->interface),
	};
	int r = crypto_hmac_sha256(
		span_of(echo->key, sizeof(echo->key)), parts, ELEMENTS(parts), mac);

	if (r < 0)
		return r;
	memcpy(ret_mac, mac, MAC_SIZE);
	return 0;
}

int echo_make(struct echo *echo, const struct device_address *address, uint64_t now_usec,
	uint8_t ret_value[ECHO_SIZE])
{
	uint32_t seconds = (uint32_t)(now_usec / USEC_PER_SEC);
	uint8_t value[ECHO_SIZE] = {(uint8_t)(seconds >> 24), (uint8_t)(seconds >> 16),
		(uint8_t)(seconds >> 8), (uint8_t)seconds};
	int r = mac_make(echo, value, address, value + 4);

	if (r < 0)
		return r;
	memcpy(ret_value, value, sizeof(value));
	return 0;
}

bool echo_check(struct echo *echo, const struct device_address *address, struct span value,
	uint64_t now_usec)
{
	uint8_t mac[MAC_SIZE];

	if (value.size != ECHO_SIZE)
		return false;
	uint32_t then = (uint32_t)value.data[0] << 24 | (uint32_t)value.data[1] << 16 |
			(uint32_t)value.data[2] << 8 | value.data[3];
	uint64_t now = now_usec / USEC_PER_SEC;
	if (then > now || now - then > ECHO_LIFETIME_USEC / USEC_PER_SEC)
		return false;
	return mac_make(echo, value.data, address, mac) >= 0 &&
	       crypto_equal(mac, value.data + 4, sizeof(mac));
}

bool echo_is_verified(struct echo *echo, const struct device_address *address)
{
	return peer_table_find(&echo->verified, address, "") != NULL;
}

int echo_verify(struct echo *echo, const struct device_address *address)
{
	struct peer_entry *entry = peer_table_find(&echo->asked, address, "");

	if (entry)
		peer_table_remove(&echo->asked, entry);
	if (peer_table_find(&echo->verified, address, ""))
		return 0;
	return peer_table_add(&echo->verified, address, "", &entry);
}

void echo_forget(struct echo *echo, const struct device_address *address)
{
	struct peer_entry *entry = peer_table_find(&echo->verified, address, "");

	if (entry)
		peer_table_remove(&echo->verified, entry);
}

size_t echo_verified_count(const struct echo *echo)
{
	return echo->verified.count;
}

bool echo_asked(struct echo *echo, const struct device_address *address)
{
	struct peer_entry *entry;

	if (peer_table_find(&echo->asked, address, ""))
		return true;
	/* Without memory it is asked again next time: nothing is lost. */
	peer_table_add(&echo->asked, address, "", &entry);
	return false;
}

bool echo_probe_due(struct echo *echo, const struct device_address *address, uint64_t now_usec,
	uint8_t ret_token[PROBE_TOKEN_SIZE])
{
	struct asked *asked = (struct asked *)peer_table_find(&echo->asked, address, "");

	if (!asked || (asked->probing && now_usec - asked->probed_usec < PROBE_PAUSE_USEC))
		return false;
	random_bytes(asked->token, sizeof(asked->token));
	asked->probing = true;
	asked->probed_usec = now_usec;
	memcpy(ret_token, asked->token, sizeof(asked->token));
	return true;
}

bool echo_probe_answered(struct echo *echo, const struct device_address *address, struct span token)
{
	const struct asked *asked =
		(const struct asked *)peer_table_find(&echo->asked, address, "");

	return asked && asked->probing && token.size == PROBE_TOKEN_SIZE &&
	       crypto_equal(asked->token, token.data, PROBE_TOKEN_SIZE);
}
