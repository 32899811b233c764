/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any MQTT broker with a static credential for each device. An administrator imports user name and
 * password, or a certificate and its key, by endpoint name; the technician's approval at the page
 * is the approval, and the device gets a session of its own under that user.
 *
 *   PROVISION   the imported credential is the registration token: ISSUED at once, without an end.
 *               None is there: FAILED for good, a person has to import one
 *   BIND        BOUND under the registry's own device id
 *   REFRESH     nothing renews a static credential. If another one was imported meanwhile it is
 *               that one: ISSUED; otherwise REFUSED, and a person has to replace it
 *   APPROVE     as PROVISION
 *   CANCEL, REVOKE   DONE: the record is the book here, the broker's administrator revokes there
 */

#include "drivers/platform/mqtt.h"

#include <errno.h>
#include <stdio.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "core/token.h"
#include "drivers/platform/topics.h"

static const struct platform_description *describe(void)
{
	static const struct platform_description description = {
		.name = TOKEN_KIND_MQTT,
		.supports = PLATFORM_APPROVES_HERE | PLATFORM_NEEDS_TOKEN | PLATFORM_PACKS,
	};

	return &description;
}

static int issue(const struct platform_device *device, struct platform_step *step)
{
	step->verdict = PLATFORM_ISSUED;
	return secret_set(&step->credential, device->static_credential);
}

static int fail(const struct driver_services *services, const struct platform_device *device,
	const char *what, const char *why, struct platform_step *step)
{
	services->log(LOG_WARNING, device->record->id, "%s: import a token for %s first.", what,
		device->record->ep);
	step->verdict = PLATFORM_FAILED;
	step->final = true;
	step->why = why;
	return 0;
}

static bool is_readable(struct span credential)
{
	struct span username, password, identity;

	return token_value_read(credential, &username, &password) >= 0 ||
	       token_value_read_identity(credential, &identity) >= 0;
}

static int provision(const struct driver_services *services, const struct platform_device *device,
	struct platform_step *step)
{
	if (!device->static_credential.size)
		return fail(services, device, "There is no credential",
			"no token was imported for it", step);
	if (!is_readable(device->static_credential))
		return fail(services, device, "Its credential cannot be read",
			"the imported token is damaged", step);
	return issue(device, step);
}

static int refresh(const struct platform_device *device, struct platform_step *step)
{
	if (is_readable(device->static_credential) &&
		!span_equal(device->static_credential,
			secret_span(&device->record->life.credential_current)))
		return issue(device, step);
	step->verdict = PLATFORM_REFUSED;
	step->why = "a static credential is not renewed: replace its token";
	return 0;
}

static int advance(const struct driver_services *services, const struct platform_device *device,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	CLEANUP(platform_step_clear) struct platform_step step = {.verdict = PLATFORM_DONE};
	int r = 0;

	switch (work) {
	case PLATFORM_PROVISION:
	case PLATFORM_APPROVE:
		r = provision(services, device, &step);
		break;
	case PLATFORM_REFRESH:
		r = refresh(device, &step);
		break;
	case PLATFORM_BIND:
		step.verdict = PLATFORM_BOUND;
		snprintf(step.platform_id, sizeof(step.platform_id), "%s", device->record->id);
		break;
	case PLATFORM_CANCEL:
	case PLATFORM_REVOKE:
		break;
	}
	if (r < 0)
		return r;
	*ret_step = step;
	step = (struct platform_step){0};
	return 0;
}

/* The user name may be shared by several devices, the client id must not: the broker would close
 * one session for the other. */
static int session(const struct device_record *record, const char *gateway_id,
	struct platform_session *ret_session)
{
	struct platform_session options = {.version = 0};
	struct span credential = secret_span(&record->life.credential_current);
	int r = token_value_read(credential, &options.username, &options.password);

	if (r < 0)
		r = token_value_read_identity(credential, &options.identity);
	if (r < 0)
		return r;
	snprintf(options.client_id, sizeof(options.client_id), "gatehouse-%s-%s", gateway_id,
		record->id);
	*ret_session = options;
	return 0;
}

/* The gateway's own user may have no right to what is for the devices. */
static int listen_to(const struct device_record *record, const char *gateway_id, unsigned at,
	char *ret_filter, size_t capacity)
{
	return record && at == 0 ? topics_listen(record->id, gateway_id, ret_filter, capacity)
				 : -ENOTSUP;
}

static int decode(const struct driver_services *services, const char *gateway_id, const char *topic,
	struct span payload, bool retained, struct inbound_message *ret_message)
{
	return topics_decode(gateway_id, topic, payload, retained, ret_message);
}

static int encode(const struct driver_services *services, const struct upstream_item *item,
	struct upstream_message *ret_message)
{
	return topics_encode(item, ret_message);
}

const struct platform_driver platform_mqtt = {
	.describe = describe,
	.advance = advance,
	.session = session,
	.encode = encode,
	.listen = listen_to,
	.decode = decode,
};
