/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the gateway listens on, and where it goes. A platform whose devices connect by themselves
 * is as well as they are; one that they reach through the gateway's session is as well as that. A
 * test of the way says of each target what came of knocking there, and what to do.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/api-parts.h"
#include "base/cleanup.h"

#define TEXT_SIZE 256

static void add_interface(void *userdata, const struct api_interface *interface)
{
	json_t *addresses = json_array();

	for (unsigned i = 0; i < interface->count; i++)
		json_array_append_new(addresses, api_text(interface->address[i]));
	json_array_append_new(userdata,
		json_pack("{s:o,s:b,s:b,s:o}", "name", api_text(interface->name), "present",
			interface->present, "up", interface->up, "addresses", addresses));
}

const char *api_way_state(const struct api_way *way)
{
	if (way->devices == 0)
		return way->shared ? link_state_to_string(way->link) : "idle";
	if (way->connected == way->devices)
		return "up";
	if (way->connected > 0)
		return "partly";
	if (way->connecting > 0)
		return "connecting";
	return way->refused > 0 ? "refused" : "down";
}

static void add_way(void *userdata, const struct api_way *way)
{
	json_array_append_new(userdata,
		json_pack("{s:s,s:o,s:i,s:b,s:s,s:I,s:I,s:I}", "name", way->platform, "host",
			api_text(way->host), "port", (int)way->port, "shared", way->shared, "state",
			api_way_state(way), "devices", (json_int_t)way->devices, "connected",
			(json_int_t)way->connected, "refused", (json_int_t)way->refused));
}

/* ---- a test of the way ---- */

struct verdict {
	int result;
	const char *state, *remedy;
};

static const struct verdict verdicts[] = {
	{0, "answers", ""},
	{-EHOSTUNREACH, "unresolved",
		"Check the name, and the name servers of this machine (resolvectl)."},
	{-ECONNREFUSED, "unreachable",
		"Check the network, the port, and the firewalls on the way there."},
	{-ETIMEDOUT, "late", "Check the network and the firewalls on the way there."},
	{-EKEYREJECTED, "untrusted",
		"Check the clock, the name and the file of trust anchors (ca_file). If all are "
		"right, somebody stands in between: nothing is sent there."},
	{-EPROTO, "no-tls",
		"Check the port, and whether TLS is spoken there. Who asks for a certificate may "
		"turn this test away, which brings none."},
	{-ENOENT, "no-anchors", "Check ca_file, and who may read it."},
};
static const struct verdict unknown = {0, "failed", "Try again, and look at the log."};
static const struct verdict refused = {
	0, "refused", "Check mqtt.username, the password file and the certificate, then reload."};
static const struct verdict connected = {0, "connected", ""};

/* That it answers is not yet that it takes our log-in: of our own session that is known. */
static const struct verdict *verdict_of(
	const struct api_target *target, const struct api_facts *facts)
{
	/* A broker that asks for a certificate turns the knock away, which brings none. */
	if (target->shared && facts->uplink == LINK_UP)
		return &connected;
	for (size_t i = 0; i < ELEMENTS(verdicts); i++) {
		if (verdicts[i].result != target->result)
			continue;
		if (target->result == 0 && target->shared && facts->uplink == LINK_REFUSED)
			return &refused;
		return &verdicts[i];
	}
	return &unknown;
}

static void sentence_of(const struct api_target *target, const struct verdict *verdict,
	const struct api_facts *facts, char ret_text[TEXT_SIZE])
{
	const char *tls = target->tls ? "its certificate is trusted" : "without TLS";

	if (verdict == &connected && target->result < 0)
		snprintf(ret_text, TEXT_SIZE, "The gateway is connected there.");
	else if (target->result < 0)
		snprintf(ret_text, TEXT_SIZE, "%c%s.", toupper((unsigned char)target->why[0]),
			target->why[0] ? target->why + 1 : "");
	else if (verdict == &refused)
		snprintf(ret_text, TEXT_SIZE, "It answers, and refuses the gateway: %.128s",
			facts->uplink_detail);
	else if (verdict == &connected)
		snprintf(ret_text, TEXT_SIZE, "It answers, %s, and the gateway is connected there.",
			tls);
	else
		snprintf(ret_text, TEXT_SIZE, "It answers, %s.", tls);
}

static json_t *platforms_json(const char *names)
{
	json_t *list = json_array();

	while (*names) {
		size_t length = strcspn(names, " ");

		json_array_append_new(list, json_stringn(names, length));
		names += length;
		names += *names == ' ';
	}
	return list;
}

static json_t *target_json(const struct api_target *target, const struct api_facts *facts)
{
	const struct verdict *verdict = verdict_of(target, facts);
	char sentence[TEXT_SIZE];

	sentence_of(target, verdict, facts, sentence);
	return json_pack("{s:o,s:i,s:o,s:b,s:s,s:o,s:s,s:I}", "host", api_text(target->host),
		"port", (int)target->port, "platforms", platforms_json(target->platforms), "tls",
		target->tls, "state", verdict->state, "text", api_text(sentence), "remedy",
		verdict->remedy, "milliseconds", (json_int_t)(target->usec / 1000));
}

static bool is_good(const struct api_target *target, const struct api_facts *facts)
{
	const struct verdict *verdict = verdict_of(target, facts);

	return verdict == &connected || (target->result == 0 && verdict != &refused);
}

static json_t *test_json(const struct api_test *test, const struct api_facts *facts)
{
	json_t *targets = json_array();
	unsigned good = 0;

	for (unsigned i = 0; i < test->count; i++) {
		json_array_append_new(targets, target_json(&test->target[i], facts));
		good += is_good(&test->target[i], facts);
	}
	return json_pack("{s:o,s:I,s:o}", "time", api_time(test->time), "good", (json_int_t)good,
		"targets", targets);
}

static json_t *done_json(const struct api_test *test, const struct api_facts *facts)
{
	json_t *told = test_json(test, facts);
	json_int_t good = json_integer_value(json_object_get(told, "good"));
	char text[TEXT_SIZE];

	if (!test->count)
		snprintf(text, sizeof(text),
			"Nothing to test: no platform and no broker is configured.");
	else if (good == (json_int_t)test->count)
		snprintf(text, sizeof(text), "Tested: every platform answers.");
	else
		snprintf(text, sizeof(text),
			"Tested: %u of %u do not answer as they should. What to do stands below.",
			test->count - (unsigned)good, test->count);
	return json_pack("{s:s,s:s,s:o}", "result", "done", "text", text, "test", told);
}

static void on_tested(void *userdata, int result, const struct api_test *test)
{
	struct api_pending *pending = userdata;

	if (!pending->api)
		api_pending_answer(pending, 503, NULL);
	else if (result < 0)
		api_pending_answer(pending, 429,
			json_pack("{s:s,s:s}", "error", "busy", "text",
				"A test is under way already. Look again in a few seconds."));
	else
		api_pending_answer(pending, 200, done_json(test, pending->api->view.facts));
}

void api_test_network(const struct api_context *context)
{
	struct api_pending *pending = api_pending_new(context);

	if (pending)
		context->api->ops->test(context->api->userdata, on_tested, pending);
	else
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
}

static json_t *page_json(const struct config *config)
{
	json_t *addresses = json_array();

	for (unsigned i = 0; i < config->page_addresses.count; i++)
		json_array_append_new(addresses, api_text(config->page_addresses.item[i]));
	return json_pack("{s:o,s:i}", "addresses", addresses, "port", (int)config->page_port);
}

void api_get_network(const struct api_context *context)
{
	const struct api *api = context->api;
	const struct config *config = *api->view.config;
	const struct api_test *test = api->ops->tested(api->userdata);
	json_t *interfaces = json_array(), *platforms = json_array();

	api->ops->interfaces(api->userdata, add_interface, interfaces);
	api->ops->ways(api->userdata, add_way, platforms);
	api_answer(context, 200,
		json_pack("{s:o,s:i,s:i,s:o,s:o,s:o}", "interfaces", interfaces, "coap_port",
			(int)config->lan_port, "secure_port", (int)config->lan_secure_port, "page",
			page_json(config), "platforms", platforms, "test",
			test && test->time ? test_json(test, api->view.facts) : json_null()));
}
