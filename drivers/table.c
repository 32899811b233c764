/* SPDX-License-Identifier: Apache-2.0 */

/* The one table of drivers: a new one is a file and a row. */

#include "drivers/table.h"

#include <string.h>

#include "base/cleanup.h"
#include "drivers/device/native.h"
#include "drivers/device/plain.h"
#include "drivers/platform/aws.h"
#include "drivers/platform/azure.h"
#include "drivers/platform/local.h"
#include "drivers/platform/mqtt.h"
#include "drivers/platform/spotflow.h"

static const struct platform_driver *const platforms[] = {
	&platform_local,
	&platform_mqtt,
	&platform_spotflow,
	&platform_azure,
	&platform_aws,
};

/* In the order in which they are asked; the more special one first. */
static const struct device_driver *const devices[] = {
	&device_native,
	&device_plain,
};

const struct platform_driver *platform_driver_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ELEMENTS(platforms); i++)
		if (!strcmp(platforms[i]->describe()->name, name))
			return platforms[i];
	return NULL;
}

const struct platform_driver *platform_driver_at(size_t index)
{
	return index < ELEMENTS(platforms) ? platforms[index] : NULL;
}

const struct device_driver *device_driver_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ELEMENTS(devices); i++)
		if (!strcmp(devices[i]->name, name))
			return devices[i];
	return NULL;
}

const struct device_driver *device_driver_match(
	const struct device_question *question, struct device_links *ret_found)
{
	size_t i;

	for (i = 0; i < ELEMENTS(devices); i++)
		if (devices[i]->match(question, ret_found))
			return devices[i];
	return NULL;
}
