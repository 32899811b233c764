/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's side of the orders that have to do with keys. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/store-private.h"

static struct order *order_with_key(enum order_kind kind, const uint8_t *key,
	const struct audit_row *audit, store_done_fn done, void *userdata)
{
	struct order *order = order_new(kind, done, userdata);

	if (!order) {
		done(userdata, -ENOMEM, NULL);
		return NULL;
	}
	order->rekey.audit = *audit;
	if (key)
		memcpy(order->rekey.key.bytes, key, AES256_KEY);
	else
		random_bytes(order->rekey.key.bytes, AES256_KEY);
	return order;
}

void store_rekey(struct store *store, enum key_source source, const uint8_t *key,
	const struct audit_row *audit, store_done_fn done, void *userdata)
{
	struct order *order = order_with_key(ORDER_REKEY, key, audit, done, userdata);

	if (!order)
		return;
	order->rekey.key.source = source;
	order_push(store, order);
}

void store_backup(struct store *store, const uint8_t key[AES256_KEY], const struct audit_row *audit,
	store_done_fn done, void *userdata)
{
	struct order *order = order_with_key(ORDER_BACKUP, key, audit, done, userdata);

	if (order)
		order_push(store, order);
}

void store_open_parcel(struct store *store, struct span parcel, store_token_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_PARCEL, NULL, userdata);

	if (!order || secret_set(&order->token.value, parcel) < 0) {
		free(order);
		done(userdata, -ENOMEM, (struct span){0});
		return;
	}
	order->token.done = done;
	order_push(store, order);
}
