/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of the configuration. A key is one row here and one member of struct config; the
 * parser, the messages, the sample file, --print-config and the reload all follow from it. Rows of
 * one section stand together. Texts are sentences for the sample file and the manual.
 */

#include "core/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "base/span.h"
#include "core/prefix.h"
#include "core/token.h"

#define INTERFACE_MAX 15 /* IFNAMSIZ without its NUL */
#define LABEL_SIZE    63 /* RFC 1035 section 2.3.4 */

static bool interface_fits(const char *text)
{
	size_t size = strlen(text);

	if (size < 1 || size > INTERFACE_MAX || !strcmp(text, ".") || !strcmp(text, ".."))
		return false;
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.:@-", *c))
			return false;
	return true;
}

static bool address_fits(const char *text)
{
	const char *zone = strchr(text, '%');
	struct in6_addr ip;
	char host[INET6_ADDRSTRLEN];

	if (!zone)
		return inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1;
	if (span_to_string(span_of(text, (size_t)(zone - text)), host, sizeof(host)) < 0)
		return false;
	return (inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1) &&
	       interface_fits(zone + 1);
}

static bool prefix_fits(const char *text)
{
	struct prefix prefix;

	return prefix_parse(text, &prefix) == 0;
}

static bool name_fits(const char *text)
{
	size_t label = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '.' && (label == 0 || c[-1] == '-'))
			return false;
		if (*c != '.' && !isalnum((unsigned char)*c) && (*c != '-' || label == 0))
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > LABEL_SIZE)
			return false;
	}
	return label > 0 && text[strlen(text) - 1] != '-';
}

static bool host_fits(const char *text)
{
	return name_fits(text) || address_fits(text);
}

static bool id_fits(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') &&
			(*c != '-' || c == text))
			return false;
	return true;
}

static bool path_fits(const char *text)
{
	return text[0] == '/' && span_is_clean_text(span_from_string(text));
}

static bool clean_fits(const char *text)
{
	return span_is_clean_text(span_from_string(text));
}

/* What becomes part of a path or a topic. */
static bool segment_fits(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return false;
	return true;
}

/* What the name of a thing may hold, but for ':', which marks those that are made here. */
static bool thing_fits(const char *text)
{
	return segment_fits(text) && !strchr(text, '.');
}

/* One row for each driver in drivers/table.c, which its test compares. */
static bool platform_fits(const char *text)
{
	static const char *const names[] = {TOKEN_KIND_LOCAL, TOKEN_KIND_MQTT, TOKEN_KIND_SPOTFLOW,
		TOKEN_KIND_AZURE, TOKEN_KIND_AWS};

	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (!strcmp(text, names[i]))
			return true;
	return false;
}

static bool url_fits(const char *text)
{
	struct span span = span_from_string(text);

	return !text[0] || (!strncmp(text, "https://", 8) && span_is_printable(span) &&
				   !strpbrk(text, " \"<>\\^`{|}"));
}

static bool proxy_fits(const char *text)
{
	return !text[0] || ((!strncmp(text, "http://", 7) || !strncmp(text, "https://", 8)) &&
				   span_is_printable(span_from_string(text)) &&
				   !strchr(text, ' ') && !strchr(text, '@'));
}

static const struct config_form interface_form = {
	interface_fits, "names of network interfaces of 1 to 15 characters"};
static const struct config_form address_form = {address_fits,
	"IPv4 or IPv6 addresses (\"fe80::1%eth0\", \"0.0.0.0%eth0\": on that interface alone)"};
static const struct config_form prefix_form = {
	prefix_fits, "prefixes such as \"fd11:22::/64\" or \"10.8.0.0/16\""};
static const struct config_form name_form = {name_fits, "host names"};
static const struct config_form host_form = {host_fits, "a host name or an address"};
static const struct config_form id_form = {id_fits, "a-z, 0-9 and '-', not first"};
#define PLATFORMS "local, mqtt, spotflow, azure or aws"
static const struct config_form platform_form = {platform_fits, PLATFORMS};
static const struct config_form platforms_form = {platform_fits, "names out of " PLATFORMS};
static const struct config_form path_form = {path_fits, "an absolute path"};
static const struct config_form thing_form = {thing_fits, "letters, digits, '-' and '_'"};
static const struct config_form segment_form = {segment_fits, "letters, digits, '-', '_' and '.'"};
static const struct config_form url_form = {url_fits, "an address that begins with https://"};
static const struct config_form proxy_form = {
	proxy_fits, "an address that begins with http:// or https://, without a password"};
static const struct config_form clean_form = {clean_fits, "text without control characters"};

static const char *const level_words[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const plain_words[] = {"approve", "refuse", NULL};
static const char *const full_words[] = {"refuse", "drop-oldest", NULL};
static const char *const durability_words[] = {"power", "process", "memory", NULL};
static const char *const layout_words[] = {"device", "gateway", NULL};
static const char *const method_words[] = {"claim", "jitr", "jitp", NULL};
static const char *const azure_words[] = {"key", "certificate", NULL};
static const char *const envelope_words[] = {"properties", "json", NULL};

#define MEMBER(member_)                             \
	.offset = offsetof(struct config, member_), \
	.size = sizeof(((const struct config *)NULL)->member_)

static const struct config_key table[] = {
	{"gateway", "id", CONFIG_ID, 0, 32, "\"\"", "", false,
		"Name of this gateway, in topics and on the page. Empty: made from the host name.",
		NULL, MEMBER(id), &id_form},
	{"gateway", "state_directory", CONFIG_PATH, 1, 255, "\"/var/lib/gatehouse\"", "", false,
		"Where devices, credentials, audit and waiting readings are kept.", NULL,
		MEMBER(state_directory), &path_form},
	{"gateway", "runtime_directory", CONFIG_PATH, 1, 90, "\"/run/gatehouse\"", "", false,
		"Where the control socket is made.", NULL, MEMBER(runtime_directory), &path_form},
	{"gateway", "log_level", CONFIG_ENUM, LOG_ERR, LOG_DEBUG, "info", "", true,
		"The least important messages that are still logged.", level_words,
		MEMBER(log_level), NULL},

	{"lan", "interfaces", CONFIG_LIST, 1, CONFIG_LIST_MAX, "{ \"lo\" }", "", false,
		"Network interfaces on which devices are heard.", NULL, MEMBER(lan_interfaces),
		&interface_form},
	{"lan", "routed", CONFIG_LIST, 0, CONFIG_LIST_MAX, "{ }", "", false,
		"Networks behind a border router (Thread, 6LoWPAN) whose devices are taken too.",
		NULL, MEMBER(lan_routed), &prefix_form},
	{"lan", "port", CONFIG_UINT, 0, 65535, "5683", "", false,
		"UDP port for CoAP. 0: any free port.", NULL, MEMBER(lan_port), NULL},
	{"lan", "secure_port", CONFIG_UINT, 0, 65535, "5684", "", false,
		"UDP port for CoAP with DTLS. 0: any free port.", NULL, MEMBER(lan_secure_port),
		NULL},
	{"lan", "plain", CONFIG_ENUM, PLAIN_APPROVE, PLAIN_REFUSE, "approve", "", true,
		"Devices that cannot prove who they are: approved by a person each time, or "
		"refused.",
		plain_words, MEMBER(plain), NULL},
	{"lan", "plain_refused_on", CONFIG_LIST, 0, CONFIG_LIST_MAX, "{ }", "", true,
		"Interfaces on which devices that cannot prove who they are are refused, whatever "
		"'plain' says.",
		NULL, MEMBER(plain_refused_on), &interface_form},
	{"lan", "profiles", CONFIG_PATH, 1, 255, "\"/etc/gatehouse/devices.d\"", "", false,
		"Directory of the device profiles; a reload reads them anew.", NULL,
		MEMBER(lan_profiles), &path_form},
	{"lan", "device_cas", CONFIG_PATH, 1, 255, "\"/etc/gatehouse/ca.d\"", "", false,
		"Directory of the authorities (*.pem) whose certificates devices may come in with; "
		"a reload reads them anew.",
		NULL, MEMBER(lan_device_cas), &path_form},
	{"lan", "certificate", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the certificate, of an elliptic curve, that devices are shown on "
		"the "
		"DTLS port. Empty: the one that was made for the page.",
		NULL, MEMBER(lan_certificate), &path_form},
	{"lan", "key", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the key of that certificate.", NULL, MEMBER(lan_key), &path_form},
	{"lan", "mdns", CONFIG_BOOL, 0, 1, "yes", "", false,
		"Announce the gateway by mDNS and find devices by it.", NULL, MEMBER(mdns), NULL},
	{"lan", "window_max", CONFIG_UINT, 1, 900, "900", "s", true,
		"Longest time for which the onboarding window can be opened.", NULL,
		MEMBER(window_max), NULL},
	{"lan", "poll_interval", CONFIG_UINT, 1, 86400, "60", "s", true,
		"Time between two reads of a device that is asked for its readings.", NULL,
		MEMBER(poll_interval), NULL},
	{"lan", "multicast_interval", CONFIG_UINT, 5, 3600, "600", "s", true,
		"Time between two questions by multicast who is there (IPv4 and IPv6). Everybody "
		"is "
		"asked at the start and when the onboarding window is opened, too. Who is silent "
		"three times is not there any more.",
		NULL, MEMBER(multicast_interval), NULL},
	{"lan", "device_rate", CONFIG_RATE, 10, 10000000, "10", "readings/s", true,
		"Readings a second taken from one device in the long run.", NULL,
		MEMBER(device_rate), NULL},
	{"lan", "device_burst", CONFIG_RATE, 1000, 100000000, "100", "readings", true,
		"Readings taken from one device at once after a pause.", NULL, MEMBER(device_burst),
		NULL},
	{"lan", "pending_max", CONFIG_UINT, 1, 4096, "64", "names", true,
		"Unknown names that wait for a decision at a time.", NULL, MEMBER(pending_max),
		NULL},
	{"lan", "new_per_minute", CONFIG_UINT, 1, 10000, "10", "names", true,
		"Unknown names taken from one interface in a minute.", NULL, MEMBER(new_per_minute),
		NULL},

	{"page", "addresses", CONFIG_LIST, 1, CONFIG_LIST_MAX, "{ \"127.0.0.1\", \"::1\" }", "",
		false, "Addresses on which the page listens.", NULL, MEMBER(page_addresses),
		&address_form},
	{"page", "port", CONFIG_UINT, 0, 65535, "8443", "", false,
		"TCP port of the page. 0: any free port.", NULL, MEMBER(page_port), NULL},
	{"page", "names", CONFIG_LIST, 0, CONFIG_LIST_MAX, "{ }", "", false,
		"Further host names under which the page may be opened.", NULL, MEMBER(page_names),
		&name_form},
	{"page", "certificate", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the page's certificate. Empty: one is made on the first start.",
		NULL, MEMBER(page_certificate), &path_form},
	{"page", "key", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the key of that certificate.", NULL, MEMBER(page_key), &path_form},
	{"page", "metrics", CONFIG_BOOL, 0, 1, "no", "", false,
		"yes: the gateway's numbers (docs/metrics.md) can be read at /metrics of the page "
		"without a log-in.",
		NULL, MEMBER(page_metrics), NULL},

	{"mqtt", "host", CONFIG_STRING, 0, 255, "\"\"", "", false,
		"Broker to which readings go. Empty: readings wait in the outbox.", NULL,
		MEMBER(mqtt_host), &host_form},
	{"mqtt", "port", CONFIG_UINT, 1, 65535, "8883", "", false, "TCP port of the broker.", NULL,
		MEMBER(mqtt_port), NULL},
	{"mqtt", "tls", CONFIG_BOOL, 0, 1, "yes", "", false,
		"TLS with a verified certificate. Without it everything travels in the clear.",
		NULL, MEMBER(mqtt_tls), NULL},
	{"mqtt", "ca_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the trust anchors. Empty: those of the system.", NULL,
		MEMBER(mqtt_ca_file), &path_form},
	{"mqtt", "username", CONFIG_STRING, 0, 128, "\"\"", "", false,
		"User name at the broker. Empty: none.", NULL, MEMBER(mqtt_username), &clean_form},
	{"mqtt", "password_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"File whose first line is the password at the broker.", NULL,
		MEMBER(mqtt_password_file), &path_form},
	{"mqtt", "certificate_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the certificate that the gateway shows the broker, and its chain.",
		NULL, MEMBER(mqtt_certificate_file), &path_form},
	{"mqtt", "key_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the private key of that certificate.", NULL, MEMBER(mqtt_key_file),
		&path_form},
	{"mqtt", "keep_alive", CONFIG_UINT, 5, 65535, "60", "s", false,
		"Longest silence on the session before the broker is asked for a sign of life.",
		NULL, MEMBER(mqtt_keep_alive), NULL},
	{"mqtt", "window", CONFIG_UINT, 1, 4096, "1000", "readings", false,
		"Readings published and not yet acknowledged. Each session of a device adds one; "
		"together they are never more than 4032.",
		NULL, MEMBER(mqtt_window), NULL},
	{"mqtt", "envelope", CONFIG_ENUM, ENVELOPE_PROPERTIES, ENVELOPE_JSON, "properties", "",
		true,
		"Where the marks of a reading (gh-id, gh-trust, ...) travel: as MQTT 5 user "
		"properties, or with the reading in one JSON object, as under MQTT 3.1.1.",
		envelope_words, MEMBER(envelope), NULL},
	{"mqtt", "layout", CONFIG_ENUM, LAYOUT_DEVICE, LAYOUT_GATEWAY, "device", "", true,
		"Where readings are published: device: each on the topic of its device. gateway: "
		"those of all devices on one topic of the gateway, in an array of JSON envelopes, "
		"which each name their device. A device with an MQTT session of its own keeps its "
		"topic.",
		layout_words, MEMBER(mqtt_layout), NULL},
	{"mqtt", "pack", CONFIG_UINT, 1, 64, "1", "readings", true,
		"Readings that wait anyway and may travel in one PUBLISH, as an array of JSON "
		"envelopes. 1 with the layout device: each reading is a message of its own.",
		NULL, MEMBER(mqtt_pack), NULL},
	{"mqtt", "commands", CONFIG_BOOL, 0, 1, "yes", "", false,
		"Take commands for devices from the platform. The broker keeps those that come "
		"while the gateway is away, for a day.",
		NULL, MEMBER(mqtt_commands), NULL},
	{"mqtt", "command_expiry", CONFIG_UINT, 1, 604800, "3600", "s", true,
		"Longest time for which a command waits for its device.", NULL,
		MEMBER(command_expiry), NULL},

	{"platform", "default", CONFIG_ID, 1, 16, "\"local\"", "", false,
		"Platform to which a new device belongs: " PLATFORMS ".", NULL, MEMBER(platform),
		&platform_form},
	{"platform", "others", CONFIG_LIST, 0, CONFIG_LIST_MAX - 1, "{ }", "", false,
		"Further platforms, to which a person may let a new device go instead.", NULL,
		MEMBER(platforms), &platforms_form},
	{"platform", "method_timeout", CONFIG_UINT, 1, 300, "25", "s", true,
		"Time for which a direct method of an IoT Hub waits for its device. The hub does "
		"not say how long its caller waits: 30 s, unless he asked for another time.",
		NULL, MEMBER(method_timeout), NULL},
	{"platform", "local_lease", CONFIG_UINT, 2, 31536000, "2592000", "s", false,
		"Life of a token of the platform \"local\"; it is renewed at half of it.", NULL,
		MEMBER(local_lease), NULL},
	{"platform", "local_accounts", CONFIG_BOOL, 0, 1, "no", "", false,
		"yes: each token of the platform \"local\" is an account of its own at the broker, "
		"made and deleted with mosquitto's dynamic security plugin.",
		NULL, MEMBER(local_accounts), NULL},

	{"spotflow", "host", CONFIG_STRING, 1, 255, "\"api.eu1.spotflow.io\"", "", false,
		"Host of the platform's API; a dedicated instance has one of its own.", NULL,
		MEMBER(spotflow_host), &host_form},
	{"spotflow", "port", CONFIG_UINT, 1, 65535, "443", "", false,
		"TCP port of the platform's API.", NULL, MEMBER(spotflow_port), NULL},
	{"spotflow", "hub_port", CONFIG_UINT, 1, 65535, "8883", "", false,
		"TCP port of the hub to which readings go; its host is the platform's to say.",
		NULL, MEMBER(spotflow_hub_port), NULL},
	{"spotflow", "ca_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the trust anchors for both. Empty: those of the system.", NULL,
		MEMBER(spotflow_ca_file), &path_form},
	{"spotflow", "proxy", CONFIG_STRING, 0, 255, "\"\"", "", false,
		"Proxy on the way to the API, \"http://host:port\". Empty: what the environment "
		"says.",
		NULL, MEMBER(spotflow_proxy), &proxy_form},
	{"spotflow", "workspace", CONFIG_STRING, 0, 64, "\"\"", "", false,
		"Id of the workspace, for approving at the platform from here.", NULL,
		MEMBER(spotflow_workspace), &segment_form},
	{"spotflow", "operator_token_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"File whose first line is an operator's token, which is sealed at the next start: "
		"with it an operation is approved from here. gatehousectl tokens operator needs no "
		"file.",
		NULL, MEMBER(spotflow_operator_token_file), &path_form},
	{"spotflow", "shared_token_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"File whose first line is a provisioning token for all devices that have none of "
		"their own. One token for each device is better.",
		NULL, MEMBER(spotflow_shared_token_file), &path_form},
	{"spotflow", "portal", CONFIG_STRING, 0, 383, "\"\"", "", false,
		"Address of the platform's page for one operation, without the operation's id, "
		"which is put behind it. Empty: no link is shown.",
		NULL, MEMBER(spotflow_portal), &url_form},

	{"azure", "host", CONFIG_STRING, 1, 255, "\"global.azure-devices-provisioning.net\"", "",
		false, "Host of the Device Provisioning Service.", NULL, MEMBER(azure_host),
		&host_form},
	{"azure", "port", CONFIG_UINT, 1, 65535, "8883", "", false,
		"TCP port of the Device Provisioning Service (MQTT over TLS).", NULL,
		MEMBER(azure_port), NULL},
	{"azure", "hub_port", CONFIG_UINT, 1, 65535, "8883", "", false,
		"TCP port of the IoT Hub; its host is the service's to say.", NULL,
		MEMBER(azure_hub_port), NULL},
	{"azure", "ca_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the trust anchors for both. Empty: those of the system.", NULL,
		MEMBER(azure_ca_file), &path_form},
	{"azure", "id_scope", CONFIG_STRING, 0, 64, "\"\"", "", false,
		"ID scope of the Device Provisioning Service, as its overview shows it.", NULL,
		MEMBER(azure_id_scope), &segment_form},
	{"azure", "group_key_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"File whose first line is a key of an enrolment group: the keys of all devices "
		"without one of their own are derived from it.",
		NULL, MEMBER(azure_group_key_file), &path_form},
	{"azure", "sas_lifetime", CONFIG_UINT, 10, 31536000, "86400", "s", false,
		"Life of the signature of a device's session; it is renewed at half of it.", NULL,
		MEMBER(azure_sas_lifetime), NULL},
	{"azure", "method", CONFIG_ENUM, AZURE_KEY, AZURE_CERTIFICATE, "key", "", false,
		"What devices of which nothing was imported register with: a key that is derived "
		"from that of an enrolment group (key), or a certificate that is issued under the "
		"site's authority (gatehousectl site-ca), which is that of an enrolment group "
		"(certificate).",
		azure_words, MEMBER(azure_method), NULL},
	{"azure", "certificate_life", CONFIG_UINT, 3600, 315360000, "31536000", "s", false,
		"Life of a certificate that is issued under the site's authority; it is renewed at "
		"half of it.",
		NULL, MEMBER(azure_certificate_life), NULL},

	{"aws", "host", CONFIG_STRING, 0, 255, "\"\"", "", false,
		"The account's device data endpoint (\"...-ats.iot.REGION.amazonaws.com\").", NULL,
		MEMBER(aws_host), &host_form},
	{"aws", "port", CONFIG_UINT, 1, 65535, "8883", "", false,
		"TCP port of the endpoint (MQTT over TLS with a client certificate).", NULL,
		MEMBER(aws_port), NULL},
	{"aws", "ca_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the endpoint's trust anchors. Empty: those of the system.", NULL,
		MEMBER(aws_ca_file), &path_form},
	{"aws", "method", CONFIG_ENUM, AWS_CLAIM, AWS_JITP, "claim", "", false,
		"How devices come by their certificates: by a claim and a fleet provisioning "
		"template, or issued under the site's authority (gatehousectl site-ca) and taken "
		"at their first connection by a rule or a person there (jitr) or by the template "
		"of the registered authority (jitp).",
		method_words, MEMBER(aws_method), NULL},
	{"aws", "certificate_life", CONFIG_UINT, 3600, 315360000, "31536000", "s", false,
		"Life of a certificate that is issued under the site's authority; it is renewed at "
		"half of it.",
		NULL, MEMBER(aws_certificate_life), NULL},
	{"aws", "shadow", CONFIG_BOOL, 0, 1, "no", "", false,
		"With jitr and jitp: devices use their shadows. Allow that in their policy first: "
		"AWS ends the session of a device that may not. By a claim the template says it. "
		"A device that is in follows with its next certificate.",
		NULL, MEMBER(aws_shadow), NULL},
	{"aws", "template", CONFIG_STRING, 0, 64, "\"\"", "", false,
		"Name of the fleet provisioning template that makes the things.", NULL,
		MEMBER(aws_template), &segment_form},
	{"aws", "claim_certificate_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the claim certificate: with it devices get certificates of their "
		"own.",
		NULL, MEMBER(aws_claim_certificate_file), &path_form},
	{"aws", "claim_key_file", CONFIG_PATH, 0, 255, "\"\"", "", false,
		"PEM file with the key of that certificate.", NULL, MEMBER(aws_claim_key_file),
		&path_form},
	{"aws", "thing_prefix", CONFIG_STRING, 0, 32, "\"\"", "", false,
		"What the names of things begin with; the device's endpoint name follows.", NULL,
		MEMBER(aws_thing_prefix), &thing_form},

	{"outbox", "max_bytes", CONFIG_UINT, 65536, UINT64_C(1099511627776), "67108864", "bytes",
		true, "Readings that may wait for the platform; beyond it devices are put off.",
		NULL, MEMBER(outbox_max_bytes), NULL},
	{"outbox", "device_max_bytes", CONFIG_UINT, 0, UINT64_C(1099511627776), "0", "bytes", true,
		"Of them, what may wait of one device. 0: its fair share alone, which is four "
		"times what is still free.",
		NULL, MEMBER(outbox_device_bytes), NULL},
	{"outbox", "when_full", CONFIG_ENUM, FULL_REFUSE, FULL_DROP_OLDEST, "refuse", "", true,
		"A full outbox, or a device that has its share: refuse puts new readings off. "
		"drop-oldest makes room by giving up the oldest ones of whoever has most of those "
		"that cannot leave; the platform is told which.",
		full_words, MEMBER(outbox_when_full), NULL},
	{"outbox", "max_age", CONFIG_UINT, 0, 315360000, "0", "s", true,
		"Readings that wait for longer and cannot leave are given up, and the platform is "
		"told which. 0: they are kept however old they are.",
		NULL, MEMBER(outbox_max_age), NULL},
	{"outbox", "durability", CONFIG_ENUM, DURABILITY_POWER, DURABILITY_MEMORY, "power", "",
		false,
		"What an acknowledged reading outlives: power: a power cut. process: a crash of "
		"the "
		"gateway, but not of the machine. memory: neither. Anything but power is an alarm "
		"that stands.",
		durability_words, MEMBER(outbox_durability), NULL},
	{"outbox", "commit_delay", CONFIG_UINT, 0, 5000, "0", "ms", false,
		"Time for which a reading waits for others to be written with, for the sake of "
		"flash memory. Its answer waits as long.",
		NULL, MEMBER(outbox_commit_delay), NULL},
	{"outbox", "pace", CONFIG_RATE, 0, 1000000000, "0", "readings/s", true,
		"Readings a second that are published in the long run, for a platform that must "
		"not be flooded after an outage. 0: as many as it takes.",
		NULL, MEMBER(outbox_pace), NULL},
	{"outbox", "keep_readings_of_revoked", CONFIG_BOOL, 0, 1, "no", "", true,
		"Keep the waiting readings of a revoked device until it is approved again or "
		"forgotten.",
		NULL, MEMBER(keep_readings_of_revoked), NULL},
};

const char *durability_to_string(enum durability durability)
{
	return durability_words[durability];
}

const struct config_key *config_keys(size_t *ret_count)
{
	*ret_count = ELEMENTS(table);
	return table;
}
