/* SPDX-License-Identifier: Apache-2.0 */
/* The link list of a device: whatever was read keeps to our limits and stays on the device. */

#include <assert.h>
#include <string.h>

#include "lan/linkformat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct link_list list;

	list.count = 0;
	if (link_list_parse(span_of(data, size), &list) < 0) {
		assert(list.count == 0);
		return 0;
	}
	assert(list.count <= LINKS_MAX);
	for (size_t i = 0; i < list.count; i++) {
		const struct link_entry *entry = &list.entry[i];
		assert(entry->path[0] == '/' && entry->path[1] != '/');
		assert(strlen(entry->path) < sizeof(entry->path));
		assert(span_is_printable(span_from_string(entry->path)));
		assert(strlen(entry->rt) < sizeof(entry->rt));
		assert(entry->content_format >= -1 && entry->content_format <= 65535);
	}
	link_list_by_rt(&list, "gatehouse.info");
	link_list_by_interface(&list, "core.s");
	return 0;
}
