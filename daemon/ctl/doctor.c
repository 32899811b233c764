/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is wrong, and what to do: the gateway's own findings, and those that only somebody beside it
 * can have: whether it answers at all, whether its program and this one are of one version, what
 * its configuration file says now, whether the broker's name is known on this machine, whether the
 * state directory is closed to others. Last the gateway knocks wherever readings go. What this user
 * may not look at is passed over.
 */

#include <arpa/inet.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/config.h"
#include "ctl/command.h"
#include "ctl/table.h"

#define TEXT_SIZE   400
#define STATE_WIDTH 9
#define CHECK_WIDTH 14

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)
DEFINE_CLEANUP(struct addrinfo *, freeaddrinfo, cleanup_addresses)

__attribute__((format(printf, 5, 6))) static void find(json_t *findings, const char *check,
	const char *state, const char *remedy, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	json_array_append_new(findings, json_pack("{s:s,s:s,s:s,s:s}", "check", check, "state",
						state, "text", text, "remedy", remedy));
}

static const char *text_at(const json_t *finding, const char *key)
{
	const char *text = json_string_value(json_object_get(finding, key));

	return text ? text : "";
}

/* ---- what can be seen from here ---- */

/* The gateway's findings go behind ours. */
static int ask_gateway(struct ctl *ctl, json_t *findings, json_t **ret_answer)
{
	long status = 0;
	int r = client_call(ctl->client, "GET", "/api/v1/doctor", NULL, &status, ret_answer);

	if (r < 0) {
		find(findings, "gateway", "error", "Look at its log: journalctl -u gatehoused",
			"%.300s", client_why(ctl->client));
		return EXIT_UNREACHABLE;
	}
	if (status != 200) {
		find(findings, "gateway", "error", "Run this as root.",
			"The gateway does not tell (%ld).", status);
		return EXIT_REFUSED;
	}
	find(findings, "gateway", "ok", "", "The gateway answers.");
	return EXIT_DONE;
}

/* Knocks wherever readings go. Who asks by a tool of another version is not told. */
static void look_at_network(struct ctl *ctl, json_t *findings)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	const json_t *target;
	long status = 0;
	size_t i;

	if (client_call(ctl->client, "POST", "/api/v1/network/test", NULL, &status, &answer) < 0 ||
		status != 200)
		return;
	json_array_foreach(json_object_get(json_object_get(answer, "test"), "targets"), i, target)
	{
		const char *state = text_at(target, "state");
		bool good = !strcmp(state, "answers") || !strcmp(state, "connected");

		find(findings, "reach", good ? "ok" : "error", text_at(target, "remedy"),
			"%.200s:%" JSON_INTEGER_FORMAT ": %.180s", text_at(target, "host"),
			json_integer_value(json_object_get(target, "port")),
			text_at(target, "text"));
	}
}

static void look_at_versions(json_t *findings, const json_t *answer)
{
	const char *version = json_string_value(json_object_get(answer, "version"));

	if (!version)
		return;
	if (!strcmp(version, GATEHOUSE_VERSION))
		find(findings, "versions", "ok", "",
			"Gateway and tool are of version " GATEHOUSE_VERSION ".");
	else
		find(findings, "versions", "warning",
			"Restart the gateway after an update: systemctl restart gatehoused",
			"The gateway runs version %.60s, this tool is " GATEHOUSE_VERSION ".",
			version);
}

struct complaints {
	json_t *findings;
	unsigned count;
};

static void take_complaint(void *userdata, int level, const char *text)
{
	struct complaints *complaints = userdata;

	complaints->count++;
	find(complaints->findings, "configuration", level == LOG_ERR ? "error" : "warning",
		"Correct the file, then: systemctl reload gatehoused", "%.380s", text);
}

/* True with what is in force after the next start. */
static bool look_at_configuration(struct ctl *ctl, json_t *findings, struct config *ret_config)
{
	const char *named = ctl->invocation->value[OPTION_CONFIG];
	const char *path = named ? named : CONFIG_DEFAULT;
	struct complaints complaints = {.findings = findings};

	if (!named && access(path, R_OK) < 0)
		return false;
	if (config_load(path, take_complaint, &complaints, ret_config) < 0)
		return false;
	if (!complaints.count)
		find(findings, "configuration", "ok", "", "%.200s is valid.", path);
	return true;
}

static bool is_address(const char *host)
{
	struct in6_addr ip;

	return inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1;
}

static void look_at_names(const struct config *config, json_t *findings)
{
	CLEANUP(cleanup_addresses) struct addrinfo *addresses = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	int r;

	if (!config->mqtt_host[0] || is_address(config->mqtt_host))
		return;
	r = getaddrinfo(config->mqtt_host, NULL, &hints, &addresses);
	if (r == 0)
		find(findings, "dns", "ok", "", "The name %.200s is known.", config->mqtt_host);
	else
		find(findings, "dns", "error",
			"Check the name in mqtt.host and the name servers of this machine "
			"(resolvectl, /etc/resolv.conf).",
			"The name of the broker, %.200s, cannot be looked up: %.100s.",
			config->mqtt_host, gai_strerror(r));
}

static void look_at_state(const struct config *config, json_t *findings)
{
	struct stat st;

	if (stat(config->state_directory, &st) < 0)
		return;
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		find(findings, "permissions", "error",
			"Close it: chmod 0700, and find out who could read it meanwhile.",
			"%.200s is open to others (mode %03o).", config->state_directory,
			(unsigned)st.st_mode & 0777);
	else
		find(findings, "permissions", "ok", "", "%.200s is closed to others.",
			config->state_directory);
}

/* ---- showing ---- */

static bool is_bad(const json_t *finding)
{
	return !strcmp(text_at(finding, "state"), "warning") ||
	       !strcmp(text_at(finding, "state"), "error");
}

static void show_finding(const json_t *finding, FILE *out)
{
	const size_t indent = STATE_WIDTH + CHECK_WIDTH;

	word_print(out, text_at(finding, "state"), STATE_WIDTH);
	word_print(out, text_at(finding, "check"), CHECK_WIDTH);
	paragraph_print(out, text_at(finding, "text"), indent);
	if (!text_at(finding, "remedy")[0])
		return;
	fprintf(out, "%*s-> ", (int)indent, "");
	paragraph_print(out, text_at(finding, "remedy"), indent + 3);
}

static void show(const json_t *findings, unsigned bad, FILE *out)
{
	json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding) show_finding(finding, out);
	if (bad)
		fprintf(out, "\n%u of %zu findings need%s somebody.\n", bad,
			json_array_size(findings), bad == 1 ? "s" : "");
	else
		fputs("\nNothing is wrong.\n", out);
}

int run_doctor(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *findings = json_array();
	CLEANUP(cleanup_json) json_t *answer = NULL;
	CLEANUP(cleanup_json) json_t *whole = NULL;
	struct config config;
	unsigned bad = 0;
	json_t *finding;
	size_t i;
	int code = ask_gateway(ctl, findings, &answer);

	look_at_versions(findings, answer);
	if (look_at_configuration(ctl, findings, &config)) {
		look_at_names(&config, findings);
		look_at_state(&config, findings);
	}
	json_array_extend(findings, json_object_get(answer, "findings"));
	if (answer)
		look_at_network(ctl, findings);
	json_array_foreach(findings, i, finding) bad += is_bad(finding);
	whole = json_pack("{s:s,s:O}", "tool", GATEHOUSE_VERSION, "findings", findings);
	if (!ctl_print_json(ctl, whole))
		show(findings, bad, ctl->out);
	return code != EXIT_DONE ? code : bad ? EXIT_REFUSED : EXIT_DONE;
}
