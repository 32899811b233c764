/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The configuration from the file to the struct: every bad value is refused with its file, line,
 * key, fault and remedy; unknown keys warn and are passed over; what is printed reads back as the
 * same; conf/gatehouse.conf is what the table says ("test-config --sample" prints it).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/config-read.h"
#include "core/config.h"

#define MESSAGES_MAX 100

/* The name of the host that gethostname() gives, and what of libconfuse fails. */
static struct {
	const char *host_name;
	bool init, parse, text;
} seam;

int __wrap_gethostname(char *name, size_t size);
int __real_gethostname(char *name, size_t size);
cfg_t *__wrap_cfg_init(cfg_opt_t *opts, cfg_flag_t flags);
cfg_t *__real_cfg_init(cfg_opt_t *opts, cfg_flag_t flags);
int __wrap_cfg_parse_fp(cfg_t *cfg, FILE *stream);
int __real_cfg_parse_fp(cfg_t *cfg, FILE *stream);
char *__wrap_cfg_getnstr(cfg_t *cfg, const char *name, unsigned number);
char *__real_cfg_getnstr(cfg_t *cfg, const char *name, unsigned number);

int __wrap_gethostname(char *name, size_t size)
{
	if (!seam.host_name)
		return __real_gethostname(name, size);
	snprintf(name, size, "%s", seam.host_name);
	return 0;
}

cfg_t *__wrap_cfg_init(cfg_opt_t *opts, cfg_flag_t flags)
{
	return seam.init ? NULL : __real_cfg_init(opts, flags);
}

int __wrap_cfg_parse_fp(cfg_t *cfg, FILE *stream)
{
	return seam.parse ? CFG_PARSE_ERROR : __real_cfg_parse_fp(cfg, stream);
}

char *__wrap_cfg_getnstr(cfg_t *cfg, const char *name, unsigned number)
{
	return seam.text ? NULL : __real_cfg_getnstr(cfg, name, number);
}

struct messages {
	char text[MESSAGES_MAX][768];
	int level[MESSAGES_MAX];
	unsigned count, errors;
};

static void take_message(void *userdata, int level, const char *text)
{
	struct messages *messages = userdata;

	assert_true(messages->count < MESSAGES_MAX);
	assert_true(level == LOG_ERR || level == LOG_WARNING);
	assert_true(strlen(text) < sizeof(messages->text[0]));
	strcpy(messages->text[messages->count], text);
	messages->level[messages->count++] = level;
	messages->errors += level == LOG_ERR;
}

/* A directory with gatehouse.conf, and perhaps drop-ins. */
struct place {
	char directory[64];
	char path[96];
	struct messages messages;
	struct config config;
};

static void write_file(struct place *place, const char *name, const char *content, size_t size)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->directory, "/tmp/test-config-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof(place->path), "%s/gatehouse.conf", place->directory);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", place->directory);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

static int load(struct place *place, const char *content)
{
	memset(&place->messages, 0, sizeof(place->messages));
	write_file(place, "gatehouse.conf", content, strlen(content));
	return config_load(place->path, take_message, &place->messages, &place->config);
}

static void assert_message(
	struct place *place, unsigned number, int level, unsigned line, const char *text)
{
	char begin[128];

	assert_true(number < place->messages.count);
	snprintf(begin, sizeof(begin), "%s:%u: ", place->path, line);
	if (strncmp(place->messages.text[number], begin, strlen(begin)) ||
		!strstr(place->messages.text[number], text))
		fail_msg("expected \"%s...%s\", got \"%s\"", begin, text,
			place->messages.text[number]);
	assert_int_equal(place->messages.level[number], level);
}

/* The file is refused with this as its only message, and the struct is untouched. */
static void assert_refused(
	struct place *place, const char *content, unsigned line, const char *text)
{
	struct config before;

	memset(&place->config, 0x5a, sizeof(place->config));
	before = place->config;
	if (load(place, content) != -EINVAL)
		fail_msg("this was taken: %s", content);
	assert_memory_equal(&place->config, &before, sizeof(before));
	if (place->messages.count != 1)
		fail_msg("%u messages, the last: %s", place->messages.count,
			place->messages.text[place->messages.count - 1]);
	assert_message(place, 0, LOG_ERR, line, text);
}

static void test_defaults(void **state)
{
	struct messages messages = {0};
	struct config config;

	memset(&config, 0xff, sizeof(config));
	assert_int_equal(config_load(NULL, take_message, &messages, &config), 0);
	assert_int_equal(messages.count, 0);
	assert_true(strlen(config.id) >= 1 && strlen(config.id) <= 32);
	assert_string_equal(config.state_directory, "/var/lib/gatehouse");
	assert_string_equal(config.runtime_directory, "/run/gatehouse");
	assert_int_equal(config.log_level, LOG_INFO);
	assert_int_equal(config.lan_interfaces.count, 1);
	assert_string_equal(config.lan_interfaces.item[0], "lo");
	assert_int_equal(config.lan_port, 5683);
	assert_int_equal(config.plain, PLAIN_APPROVE);
	assert_true(config.mdns);
	assert_int_equal(config.window_max, 900);
	assert_int_equal(config.poll_interval, 60);
	assert_int_equal(config.multicast_interval, 600);
	assert_true(config.device_rate == 10.0 && config.device_burst == 100.0);
	assert_int_equal(config.pending_max, 64);
	assert_int_equal(config.new_per_minute, 10);
	assert_int_equal(config.page_addresses.count, 2);
	assert_string_equal(config.page_addresses.item[0], "127.0.0.1");
	assert_string_equal(config.page_addresses.item[1], "::1");
	assert_int_equal(config.page_port, 8443);
	assert_int_equal(config.page_names.count, 0);
	assert_string_equal(config.mqtt_host, "");
	assert_int_equal(config.mqtt_port, 8883);
	assert_true(config.mqtt_tls);
	assert_string_equal(config.platform, "local");
	assert_int_equal(config.local_lease, 30 * 86400);
	assert_int_equal(config.outbox_max_bytes, 64 * 1024 * 1024);
	assert_false(config.keep_readings_of_revoked);
}

static const char full_text[] =
	"# every key, in several ways to write it\n"
	"gateway { id = plant-7 state_directory = \"/srv/gh\"\n"
	"  runtime_directory='/run/gh'\n"
	"  log_level = DEBUG }\n"
	"lan {\r\n"
	"\tinterfaces = {\"eth0\", wlan0,\n"
	"\t\t'br-lan' } // two lines\n"
	"\tport = 0 plain = refuse mdns = off\n"
	"\twindow_max = 60 poll_interval = 5 multicast_interval = 30\n"
	"\tdevice_rate = 0.25 device_burst = 12.5\n"
	"\tpending_max = 1 new_per_minute = 10000\n"
	"}\n"
	"page { addresses = \"192.0.2.1\" port = 443 names = { gate.example.org }\n"
	"  certificate = \"/etc/c.pem\" key = /etc/k.pem }\n"
	"mqtt { host = broker.example.org port = 1883 tls = TRUE ca_file = \"/ca\"\n"
	"  username = \"a \\\"b\\\" $\\\\c\" password_file = '/p' certificate_file = /c key_file = "
	"/k keep_alive = 5 window = 1 }\n"
	"platform { default = mqtt local_lease = 31536000 }\n"
	"outbox { max_bytes = 1099511627776 keep_readings_of_revoked = on }\n";

static void test_every_key(void **state)
{
	struct place *place = *state;
	struct config *config = &place->config;

	assert_int_equal(load(place, full_text), 0);
	assert_int_equal(place->messages.count, 0);
	assert_string_equal(config->id, "plant-7");
	assert_string_equal(config->state_directory, "/srv/gh");
	assert_string_equal(config->runtime_directory, "/run/gh");
	assert_int_equal(config->log_level, LOG_DEBUG);
	assert_int_equal(config->lan_interfaces.count, 3);
	assert_string_equal(config->lan_interfaces.item[0], "eth0");
	assert_string_equal(config->lan_interfaces.item[1], "wlan0");
	assert_string_equal(config->lan_interfaces.item[2], "br-lan");
	assert_int_equal(config->lan_port, 0);
	assert_int_equal(config->plain, PLAIN_REFUSE);
	assert_false(config->mdns);
	assert_int_equal(config->window_max, 60);
	assert_int_equal(config->poll_interval, 5);
	assert_int_equal(config->multicast_interval, 30);
	assert_true(config->device_rate == 0.25 && config->device_burst == 12.5);
	assert_int_equal(config->pending_max, 1);
	assert_int_equal(config->new_per_minute, 10000);
	assert_int_equal(config->page_addresses.count, 1);
	assert_string_equal(config->page_addresses.item[0], "192.0.2.1");
	assert_int_equal(config->page_port, 443);
	assert_string_equal(config->page_names.item[0], "gate.example.org");
	assert_string_equal(config->page_certificate, "/etc/c.pem");
	assert_string_equal(config->page_key, "/etc/k.pem");
	assert_string_equal(config->mqtt_host, "broker.example.org");
	assert_int_equal(config->mqtt_port, 1883);
	assert_true(config->mqtt_tls);
	assert_string_equal(config->mqtt_ca_file, "/ca");
	assert_string_equal(config->mqtt_username, "a \"b\" $\\c");
	assert_string_equal(config->mqtt_password_file, "/p");
	assert_string_equal(config->mqtt_certificate_file, "/c");
	assert_string_equal(config->mqtt_key_file, "/k");
	assert_int_equal(config->mqtt_keep_alive, 5);
	assert_int_equal(config->mqtt_window, 1);
	assert_string_equal(config->platform, "mqtt");
	assert_int_equal(config->local_lease, 31536000);
	assert_true(config->outbox_max_bytes == UINT64_C(1099511627776));
	assert_true(config->keep_readings_of_revoked);
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *content;
		unsigned line;
		const char *text;
	} rows[] = {
		{"lan { port = 70000 }", 1, "lan.port: 70000 is too large; allowed: 0 to 65535"},
		{"lan {\n\n  port = -1\n}", 3,
			"lan.port: \"-1\" is not a number; allowed: 0 to 65535"},
		{"lan { port = 1e3 }", 1, "lan.port: \"1e3\" is not a number"},
		{"lan { port = \"\" }", 1, "lan.port: \"\" is not a number"},
		{"lan { port = 5.5 }", 1, "lan.port: \"5.5\" is not a number"},
		{"lan { port = 99999999999999999999 }", 1, "is too large"},
		{"lan { port = 18446744073709551617 }", 1, "is too large"},
		{"lan { window_max = 0 }", 1,
			"lan.window_max: 0 is too small; allowed: 1 to 900 s"},
		{"lan { window_max = 901 }", 1, "lan.window_max: 901 is too large"},
		{"lan { device_rate = 0 }", 1,
			"lan.device_rate: 0 is too small; allowed: 0.01 to 10000 readings/s, at "
			"most 3 decimals"},
		{"lan { device_rate = 0.0001 }", 1, "is not a number"},
		{"lan { device_rate = 1. }", 1, "\"1.\" is not a number"},
		{"lan { device_rate = .5 }", 1, "\".5\" is not a number"},
		{"lan { device_rate = 1.2.3 }", 1, "is not a number"},
		{"lan { device_rate = 18446744073709551615 }", 1, "is too large"},
		{"lan { plain = maybe }", 1,
			"lan.plain: \"maybe\" is not a word of this key; allowed: approve, refuse"},
		{"lan { mdns = 1 }", 1,
			"lan.mdns: \"1\" is neither yes nor no; allowed: yes or no"},
		{"gateway { log_level = loud }", 1, "allowed: error, warning, notice, info, debug"},
		{"gateway { id = Plant }", 1, "gateway.id: \"Plant\" does not fit; allowed: a-z"},
		{"gateway { id = -a }", 1, "does not fit"},
		{"gateway { id = abcdefghijklmnopqrstuvwxyz0123456 }", 1, "is too long"},
		{"gateway { id = 'a\xc3\xa4' }", 1, "does not fit"},
		{"gateway { state_directory = relative }", 1,
			"gateway.state_directory: \"relative\" does not fit; allowed: an absolute "
			"path, at most 255 characters"},
		{"gateway { state_directory = \"\" }", 1, "it is empty; allowed: an absolute path"},
		{"gateway { state_directory = \"/a\xff\" }", 1, "\"/a\\xff\" does not fit"},
		{"lan { interfaces = {} }", 1,
			"lan.interfaces: the list is empty; allowed: 1 to 8 names of network "
			"interfaces"},
		{"lan { interfaces = { a, b, c, d, e, f, g, h, i } }", 1, "the list has 9 items"},
		{"lan { interfaces = { eth0, \"a b\" } }", 1, "\"a b\" does not fit"},
		{"lan { interfaces = { eth0, eth0 } }", 1, "\"eth0\" stands in it twice"},
		{"lan { interfaces = abcdefghijklmnop }", 1, "does not fit"},
		{"lan { interfaces = . }", 1, "does not fit"},
		{"lan { interfaces = .. }", 1, "does not fit"},
		{"lan { interfaces = \"\" }", 1, "does not fit"},
		{"lan { interfaces = "
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		 "}",
			1, "does not fit"},
		{"page { addresses = { 127.0.0.1, 300.0.0.1 } }", 1, "\"300.0.0.1\" does not fit"},
		{"page { addresses = localhost }", 1, "does not fit"},
		{"page { addresses = \"127.0.0.1%\" }", 1, "does not fit"},
		{"page { addresses = \"fe80::1%\" }", 1, "does not fit"},
		{"page { addresses = \"00000000000000000000000000000000000000000000000001%lo\" }",
			1, "does not fit"},
		{"page { names = { a..b } }", 1,
			"\"a..b\" does not fit; allowed: 0 to 8 host names"},
		{"page { names = .a }", 1, "does not fit"},
		{"page { names = a- }", 1, "does not fit"},
		{"page { names = a-.b }", 1, "does not fit"},
		{"page { names = -a }", 1, "does not fit"},
		{"page { names = a_b }", 1, "does not fit"},
		{"page { names = a. }", 1, "does not fit"},
		{"mqtt { host = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }",
			1, "does not fit"},
		{"mqtt { host = 'a b' }", 1, "allowed: a host name or an address, or empty"},
		{"mqtt { port = 0 }", 1, "0 is too small; allowed: 1 to 65535"},
		{"platform { default = \"\" }", 1, "platform.default: it is empty"},
		{"outbox { max_bytes = 1 }", 1, "allowed: 65536 to 1099511627776 bytes"},
		{"page {\n certificate = /c\n}", 2,
			"page.certificate: page.key is missing; allowed: both or none"},
		{"page {\n\n key = /c\n}", 3, "page.key: page.certificate is missing"},
		{"mqtt { key_file = /k }", 1,
			"mqtt.certificate_file and mqtt.key_file: one is missing"},
		{"mqtt {\n certificate_file = /c\n}", 2, "one is missing; allowed: both or none"},
		{"mqtt { tls = no certificate_file = /c key_file = /k }", 1,
			"mqtt.key_file: a certificate needs TLS"},
		{"mqtt { password_file = /p }", 1, "mqtt.password_file: mqtt.username is missing"},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_refused(*state, rows[i].content, rows[i].line, rows[i].text);
}

static void test_bad_syntax(void **state)
{
	static const struct {
		const char *content;
		unsigned line;
		const char *text;
	} rows[] = {
		{"lan {\n port = 1\n", 1, "the section opened here is not closed"},
		{"lan { port 1 }", 1, "expected '=' after lan.port"},
		{"lan { port { 1 } }", 1, "expected '=' after lan.port"},
		{"lan { port =\n}", 2, "expected a value after \"port =\""},
		{"lan { port = { 1 } }", 1, "lan.port: a list stands here; allowed: one value"},
		{"lan { = 1 }", 1, "expected a key or '}' in section lan"},
		{"lan { \"port\" = 1 }", 1, "expected a key or '}'"},
		{"lan { port += 1 }", 1, "unexpected character '+'"},
		{"lan port = 1", 1, "expected '{' after lan"},
		{"lan", 1, "expected '{' after lan"},
		{"}", 1, "expected the name of a section"},
		{"\"lan\" { }", 1, "expected the name of a section"},
		{"lan { interfaces = { a b } }", 1, "not a list; allowed: { \"a\", \"b\" }"},
		{"lan { interfaces = { a, } }", 1, "not a list"},
		{"lan { interfaces = { , a } }", 1, "not a list"},
		{"lan { interfaces = { a", 1, "not a list"},
		{"lan { interfaces = { a\x01 } }", 1, "unexpected character '\\x01'"},
		{"gateway { id = \"a }\n", 1, "a quoted text does not end"},
		{"gateway { id = \"a", 1, "a quoted text does not end"},
		{"gateway { id = 'a\tb' }", 1, "a quoted text does not end"},
		{"gateway { id = 'a\x7f' }", 1, "a quoted text does not end"},
		{"gateway { id = \"a\\n\" }", 1, "unknown escape in a quoted text"},
		{"gateway { id = 'a\\\"' }", 1, "allowed: \\ before one of \\'"},
		{"gateway { id = 'a\\", 1, "unknown escape"},
		{"gateway { id = \"${HOME}\" }", 1, "the environment is not put in"},
		{"gateway { id = ${HOME} }", 1, "unexpected character '$'"},
		{"gateway { id = a /* b */ }", 1, "unexpected character '/'"},
		{"gateway { id = a* }", 1, "unexpected character '*'"},
		{"gateway (x) { }", 1, "unexpected character '('"},
		{"\n\ngateway { id = a\n\x02 }", 4, "unexpected character '\\x02'"},
		{"other thing", 1, "expected '{' after \"other\""},
		{"other", 1, "expected '{' after \"other\""},
		{"other = }", 1, "expected a value after \"other =\""},
		{"other {\n x = {\n}", 1, "the brace opened here is not closed"},
		{"other { \x03 }", 1, "unexpected character"},
		{"other \x03", 1, "unexpected character"},
		{"lan { x \x03 }", 1, "unexpected character"},
		{"lan { x = \x03 }", 1, "unexpected character"},
		{"lan { x = { \x03 } }", 1, "unexpected character"},
		{"lan { x }", 1, "expected '=' after lan.x"},
		{"lan \x03", 1, "unexpected character"},
		{"lan \"x\"", 1, "expected '{' after lan"},
		{"lan { x \"y\" }", 1, "expected '=' after lan.x"},
		{"lan { interfaces = { a \"b\" } }", 1, "not a list"},
		{"lan { interfaces = { a { } }", 1, "not a list"},
		{"other \"x\"", 1, "expected '{' after"},
		{"other , x", 1, "expected '{' after"},
		{"gateway { id = \"a$", 1, "a quoted text does not end"},
		{"gateway { id = a\x7f }", 1, "unexpected character"},
		{"lan { port = , }", 1, "expected a value"},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_refused(*state, rows[i].content, rows[i].line, rows[i].text);
}

static void test_zero_bytes(void **state)
{
	static const char content[] = "gateway { id = \"a\0b\" }";
	static const char bare[] = "gateway { id = a\0 }";
	static const char escaped[] = "gateway { id = \"a\\\0\" }";
	struct place *place = *state;

	write_file(place, "gatehouse.conf", content, sizeof(content) - 1);
	assert_int_equal(
		config_load(place->path, take_message, &place->messages, &place->config), -EINVAL);
	assert_message(place, 0, LOG_ERR, 1, "a quoted text does not end");
	write_file(place, "gatehouse.conf", bare, sizeof(bare) - 1);
	assert_int_equal(
		config_load(place->path, take_message, &place->messages, &place->config), -EINVAL);
	assert_message(place, 1, LOG_ERR, 1, "unexpected character '\\x00'");
	write_file(place, "gatehouse.conf", escaped, sizeof(escaped) - 1);
	assert_int_equal(
		config_load(place->path, take_message, &place->messages, &place->config), -EINVAL);
	assert_message(place, 2, LOG_ERR, 1, "unknown escape");
}

static void test_unknown_is_passed_over(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, "gateway { nmae = \"x\" id = a }\n"
				     "lan {\n"
				     "  prot = 12\n"
				     "  port = 13\n"
				     "  list = { a, { b } , c }\n"
				     "  inner { port = 14 x = { 1 } }\n"
				     "}\n"
				     "sensors { port = 15\n lan { port = 16 } }\n"
				     "port = 17\n"
				     "ports = { 18, 19 }\n"
				     "lan { plain = refuse }\n"),
		0);
	assert_int_equal(place->messages.count, 7);
	assert_message(place, 0, LOG_WARNING, 1,
		"gateway.nmae: unknown key, passed over; known ones: id, state_directory, "
		"runtime_directory, log_level");
	assert_message(place, 1, LOG_WARNING, 3, "lan.prot: unknown key, passed over");
	assert_message(place, 2, LOG_WARNING, 5, "lan.list: unknown key");
	assert_message(place, 3, LOG_WARNING, 6, "lan.inner: unknown key");
	assert_message(place, 4, LOG_WARNING, 8,
		"sensors: unknown section, passed over; known sections: gateway, lan, page, mqtt, "
		"platform, spotflow, azure, aws, outbox");
	assert_message(place, 5, LOG_WARNING, 10, "port: unknown key outside of a section");
	assert_message(place, 6, LOG_WARNING, 11, "ports: unknown key outside of a section");
	assert_string_equal(place->config.id, "a");
	assert_int_equal(place->config.lan_port, 13);
	assert_int_equal(place->config.plain, PLAIN_REFUSE);
}

static void test_hostile_names_are_shown_safely(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, "lan { \xff\xfe"
				     "a = 1 }\n"),
		0);
	assert_message(place, 0, LOG_WARNING, 1, "lan.\\xff\\xfea: unknown key");
}

static void test_set_twice(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, "lan { port = 1\n port = 2 }\n"
				     "lan { interfaces = { a, b } mdns = no }\n"
				     "lan { interfaces = c\n port = 3 }\n"
				     "page { names = { a.b, c } }\n"
				     "page { names = {} }\n"),
		0);
	assert_int_equal(place->messages.count, 4);
	assert_message(place, 0, LOG_WARNING, 2,
		"lan.port: set twice; the value of line 1 is passed over");
	assert_message(place, 1, LOG_WARNING, 4, "lan.interfaces: set twice; the value of line 3");
	assert_message(place, 2, LOG_WARNING, 5, "lan.port: set twice; the value of line 2");
	assert_message(place, 3, LOG_WARNING, 7, "page.names: set twice");
	assert_int_equal(place->config.lan_port, 3);
	assert_false(place->config.mdns);
	assert_int_equal(place->config.lan_interfaces.count, 1);
	assert_string_equal(place->config.lan_interfaces.item[0], "c");
	assert_int_equal(place->config.page_names.count, 0);
}

static void test_all_errors_at_once(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, "lan { port = x\n mdns = y\n}\nmqtt { window = 0 }"), -EINVAL);
	assert_int_equal(place->messages.count, 3);
	assert_message(place, 0, LOG_ERR, 1, "lan.port");
	assert_message(place, 1, LOG_ERR, 2, "lan.mdns");
	assert_message(place, 2, LOG_ERR, 4, "mqtt.window");
}

static void test_warnings_together(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, "mqtt {\n tls = no\n ca_file = /ca\n username = u\n"
				     " password_file = /p\n}"),
		0);
	assert_int_equal(place->messages.count, 2);
	assert_message(place, 0, LOG_WARNING, 3, "mqtt.ca_file: of no use");
	assert_message(place, 1, LOG_WARNING, 5, "the password travels in the clear");
}

static void test_empty_files(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, ""), 0);
	assert_int_equal(load(place, "   # nothing\n// at all"), 0);
	assert_int_equal(load(place, "gateway{}lan{}\n"), 0);
	assert_int_equal(place->messages.count, 0);
	assert_int_equal(place->config.lan_port, 5683);
}

static void test_unreadable(void **state)
{
	struct place *place = *state;
	char *large = malloc(CONFIG_FILE_MAX + 1);

	assert_int_equal(
		config_load(place->path, take_message, &place->messages, &place->config), -ENOENT);
	assert_message(place, 0, LOG_ERR, 1, "the file cannot be read: No such file");
	assert_int_equal(mkdir(place->path, 0700), 0);
	assert_int_equal(
		config_load(place->path, take_message, &place->messages, &place->config), -EINVAL);
	assert_message(place, 1, LOG_ERR, 1, "not a regular file");
	assert_int_equal(rmdir(place->path), 0);
	assert_non_null(large);
	memset(large, ' ', CONFIG_FILE_MAX + 1);
	write_file(place, "gatehouse.conf", large, CONFIG_FILE_MAX + 1);
	assert_int_equal(
		config_load(place->path, take_message, &place->messages, &place->config), -EFBIG);
	assert_message(place, 2, LOG_ERR, 1, "more than 256 KiB");
	write_file(place, "gatehouse.conf", large, CONFIG_FILE_MAX);
	assert_int_equal(
		config_load(place->path, take_message, &place->messages, &place->config), 0);
	free(large);
}

static void make_dropins(struct place *place)
{
	char path[128];

	snprintf(path, sizeof(path), "%s.d", place->path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void write_dropin(struct place *place, const char *name, const char *content)
{
	char path[128];

	snprintf(path, sizeof(path), "gatehouse.conf.d/%s", name);
	write_file(place, path, content, strlen(content));
}

static void test_dropins(void **state)
{
	struct place *place = *state;
	char where[160];

	make_dropins(place);
	write_dropin(place, "20-b.conf", "lan { port = 22 }");
	write_dropin(place, "10-a.conf", "lan { port = 11 plain = refuse }");
	write_dropin(place, "30-c.conf~", "lan { port = 33 }");
	write_dropin(place, ".conf", "lan { port = 44 }");
	write_dropin(place, "x", "lan { port = 66 }");
	write_dropin(place, ".hidden.conf", "lan { port = 55 }");
	assert_int_equal(load(place, "lan { port = 1 window_max = 5 }"), 0);
	assert_int_equal(place->messages.count, 0);
	assert_int_equal(place->config.lan_port, 22);
	assert_int_equal(place->config.plain, PLAIN_REFUSE);
	assert_int_equal(place->config.window_max, 5);

	/* An error in one of them refuses all, and says which one it is. */
	write_dropin(place, "20-b.conf", "lan {\nport = 99999 }");
	assert_int_equal(load(place, "lan { port = x }"), -EINVAL);
	assert_int_equal(place->messages.count, 2);
	snprintf(where, sizeof(where), "%s.d/20-b.conf:2: lan.port", place->path);
	assert_ptr_equal(strstr(place->messages.text[1], where), place->messages.text[1]);

	/* What the keys show only together names the file that set it. */
	write_dropin(place, "20-b.conf", "\n\npage { key = /k }");
	assert_int_equal(load(place, ""), -EINVAL);
	snprintf(where, sizeof(where), "%s.d/20-b.conf:3: page.key", place->path);
	assert_ptr_equal(strstr(place->messages.text[0], where), place->messages.text[0]);
	write_dropin(place, "30-d.conf", "page { certificate = /c }");
	assert_int_equal(load(place, ""), 0);
}

static void test_too_many_dropins(void **state)
{
	struct place *place = *state;
	char name[32];

	make_dropins(place);
	for (unsigned i = 0; i < 66; i++) {
		snprintf(name, sizeof(name), "%02u.conf", i);
		write_dropin(place, name, "lan { port = 1 }");
	}
	assert_int_equal(load(place, ""), -EINVAL);
	assert_int_equal(place->messages.count, 1);
	assert_non_null(strstr(place->messages.text[0], "too many drop-ins; allowed: 64"));
}

static void test_dropins_unreadable(void **state)
{
	struct place *place = *state;

	write_file(place, "gatehouse.conf.d", "x", 1);
	assert_int_equal(load(place, ""), -EINVAL);
	assert_non_null(strstr(place->messages.text[0], "gatehouse.conf.d:1: the directory"));
}

static void assert_round_trip(struct place *place)
{
	struct config before = place->config;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	config_print(&before, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(load(place, text), 0);
	assert_int_equal(place->messages.count, 0);
	assert_memory_equal(&place->config, &before, sizeof(before));
	free(text);
}

static void test_round_trip(void **state)
{
	struct place *place = *state;

	assert_int_equal(load(place, ""), 0);
	assert_round_trip(place);
	assert_int_equal(load(place, full_text), 0);
	assert_round_trip(place);
	assert_int_equal(load(place, "mqtt { username = '${HOME} $ \"x\" \\\\ \\' \xc3\xa4#' }\n"
				     "lan { device_rate = 0.01 device_burst = 99999.999 }"),
		0);
	assert_string_equal(place->config.mqtt_username, "${HOME} $ \"x\" \\ ' \xc3\xa4#");
	assert_round_trip(place);
}

static void test_sample_file(void **state)
{
	const char *source = getenv("GATEHOUSE_SOURCE");
	char path[512], *text = NULL, *held = NULL;
	size_t size = 0, held_size;
	struct messages messages = {0};
	struct config config, defaults;
	FILE *file, *out = open_memstream(&text, &size);

	assert_non_null(source);
	assert_non_null(out);
	config_print_sample(out);
	assert_int_equal(fclose(out), 0);
	snprintf(path, sizeof(path), "%s/conf/gatehouse.conf", source);
	file = fopen(path, "r");
	assert_non_null(file);
	held = calloc(1, size + 2);
	assert_non_null(held);
	held_size = fread(held, 1, size + 1, file);
	fclose(file);
	assert_string_equal(held, text);
	assert_int_equal(held_size, size);

	config_init(&defaults);
	assert_int_equal(config_load(path, take_message, &messages, &config), 0);
	assert_int_equal(messages.count, 0);
	assert_memory_equal(&config, &defaults, sizeof(config));
	free(text);
	free(held);
}

/* Taking every "# key = default" of the sample in gives the defaults too. */
static void test_sample_defaults_are_the_defaults(void **state)
{
	struct place *place = *state;
	char *text = NULL;
	size_t size = 0;
	struct config defaults;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	config_print_sample(out);
	assert_int_equal(fclose(out), 0);
	for (char *line = text; line; line = strchr(line + 1, '\n')) {
		char *equals = strstr(line, " = "), *end = strchr(line + 1, '\n');

		if (!strncmp(line, "\n\t# ", 4) && equals && equals < end)
			line[2] = ' ';
	}
	assert_int_equal(load(place, text), 0);
	assert_int_equal(place->messages.count, 0);
	config_init(&defaults);
	assert_memory_equal(&place->config, &defaults, sizeof(defaults));
	free(text);
}

static void test_table(void **state)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++) {
		assert_true(keys[i].text[strlen(keys[i].text) - 1] == '.');
		assert_true(keys[i].min <= keys[i].max);
		assert_int_equal(keys[i].type == CONFIG_ENUM, keys[i].allowed != NULL);
		assert_true(keys[i].offset + keys[i].size <= sizeof(struct config));
		for (size_t j = 0; j < i; j++) {
			assert_true(keys[i].offset != keys[j].offset);
			assert_false(!strcmp(keys[i].section, keys[j].section) &&
				     !strcmp(keys[i].key, keys[j].key));
		}
	}
}

static void test_restart_needed(void **state)
{
	struct config old, new;
	char keys[256] = "untouched";

	config_init(&old);
	new = old;
	config_restart_needed(&old, &new, keys, sizeof(keys));
	assert_string_equal(keys, "");

	/* What a reload takes on is not listed. */
	new.log_level = LOG_DEBUG;
	new.plain = PLAIN_REFUSE;
	new.device_rate = 3;
	new.outbox_max_bytes = 65536;
	new.keep_readings_of_revoked = true;
	config_restart_needed(&old, &new, keys, sizeof(keys));
	assert_string_equal(keys, "");

	new.lan_port = 1;
	strcpy(new.mqtt_host, "broker");
	strcpy(new.lan_interfaces.item[0], "eth0");
	new.page_addresses.count = 1;
	config_restart_needed(&old, &new, keys, sizeof(keys));
	assert_string_equal(keys, "lan.interfaces, lan.port, page.addresses, mqtt.host");

	config_restart_needed(&old, &new, keys, 20);
	assert_string_equal(keys, "lan.interfaces");
	strcpy(keys, "untouched");
	config_restart_needed(&old, &new, keys, 0);
	assert_string_equal(keys, "untouched");
}

/* After a reload: reloadable keys are the new ones, the others those that are in force. */
static void test_keep_restart_keys(void **state)
{
	struct config old, next;
	char keys[256];

	config_init(&old);
	next = old;
	next.log_level = LOG_DEBUG;
	next.pending_max = 5;
	next.lan_port = 1;
	strcpy(next.lan_interfaces.item[0], "eth0");
	config_keep_restart_keys(&old, &next);
	assert_int_equal(next.log_level, LOG_DEBUG);
	assert_int_equal(next.pending_max, 5);
	assert_int_equal(next.lan_port, 5683);
	config_restart_needed(&old, &next, keys, sizeof(keys));
	assert_string_equal(keys, "");
}

static void test_id_from_host_name(void **state)
{
	static const struct {
		const char *host, *id;
	} rows[] = {
		{"plant7", "plant7"},
		{"Plant_7.example.org", "plant-7"},
		{"--x", "x"},
		{"{~}", "gateway"},
		{"", "gateway"},
		{"abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz012345"},
	};
	struct place *place = *state;

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct config config;

		seam.host_name = rows[i].host;
		config_init(&config);
		assert_string_equal(config.id, rows[i].id);
		assert_int_equal(load(place, "gateway { id = \"\" }"), 0);
		assert_string_equal(place->config.id, rows[i].id);
	}
	seam.host_name = NULL;
}

/* Lack of memory, or a parser that disagrees with our check: refused, with a message. */
static void test_library_fails(void **state)
{
	struct place *place = *state;

	seam.init = true;
	assert_int_equal(load(place, "lan { port = 1 }"), -ENOMEM);
	seam.init = false;
	assert_message(place, 0, LOG_ERR, 1, "it cannot be parsed");
	seam.parse = true;
	assert_int_equal(load(place, "lan { port = 1 }"), -EINVAL);
	seam.parse = false;
	assert_message(place, 0, LOG_ERR, 1, "it cannot be parsed");
	seam.text = true;
	assert_int_equal(load(place, "\nlan { port = 1 }"), -ENOMEM);
	seam.text = false;
	assert_message(place, 0, LOG_ERR, 2, "lan.port: Cannot allocate memory");
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		IN_PLACE(test_every_key),
		IN_PLACE(test_bad_values),
		IN_PLACE(test_bad_syntax),
		IN_PLACE(test_zero_bytes),
		IN_PLACE(test_unknown_is_passed_over),
		IN_PLACE(test_hostile_names_are_shown_safely),
		IN_PLACE(test_set_twice),
		IN_PLACE(test_all_errors_at_once),
		IN_PLACE(test_warnings_together),
		IN_PLACE(test_empty_files),
		IN_PLACE(test_unreadable),
		IN_PLACE(test_dropins),
		IN_PLACE(test_too_many_dropins),
		IN_PLACE(test_dropins_unreadable),
		IN_PLACE(test_round_trip),
		cmocka_unit_test(test_sample_file),
		IN_PLACE(test_sample_defaults_are_the_defaults),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_restart_needed),
		cmocka_unit_test(test_keep_restart_keys),
		IN_PLACE(test_id_from_host_name),
		IN_PLACE(test_library_fails),
	};

	if (argc == 2 && !strcmp(argv[1], "--sample")) {
		config_print_sample(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
