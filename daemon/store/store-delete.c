/* SPDX-License-Identifier: Apache-2.0 */
/* Orders to delete readings: what was delivered, what was taken back, and all of a device. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/store-private.h"

static void push_delete(
	struct store *store, const struct row_range *ranges, size_t count, bool at_once)
{
	CLEANUP(cleanup_free) struct row_range *copy = NULL;
	struct order *order;

	if (count == 0)
		return;
	copy = calloc(count, sizeof(*copy));
	order = copy ? order_new(ORDER_DELETE, NULL, NULL) : NULL;
	if (!order)
		return;
	memcpy(copy, ranges, count * sizeof(*copy));
	order->remove.ranges = STEAL(copy);
	order->remove.count = count;
	order->remove.at_once = at_once;
	order_push(store, order);
}

void store_delete(struct store *store, const struct row_range *ranges, size_t count)
{
	push_delete(store, ranges, count, false);
}

void store_take_back(struct store *store, uint64_t row)
{
	push_delete(store, &(const struct row_range){row, row}, 1, true);
}

void store_delete_device(struct store *store, uint64_t device_row, const struct store_gap *gap,
	store_done_fn done, void *userdata)
{
	struct order *order = order_new(ORDER_DELETE_DEVICE, done, userdata);

	if (!order) {
		if (done)
			done(userdata, -ENOMEM, NULL);
		return;
	}
	/* What the device sends after this moment is not meant. */
	order->drop.device_row = device_row;
	order->drop.last_row = store->last_row;
	if (gap)
		order->gap = *gap;
	order_push(store, order);
}
