/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration: one table (section, key, type, limits, default, reloadable, text) in
 * config-table.c, one struct of plain values here. The file is libconfuse syntax: sections in
 * braces, key = value.
 *
 *   gateway { id = "plant-7"  state_directory = "/var/lib/gatehouse" }
 *
 * Unknown keys warn with file:line and are passed over; a bad value refuses the whole file with
 * file:line, key, what is wrong, what is allowed. Drop-ins: the files *.conf in the directory
 * <file>.d, in name order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_LIST_MAX 8
#define CONFIG_KEYS_MAX 128 /* of the table of keys */

struct config_list {
	char item[CONFIG_LIST_MAX][64];
	unsigned count;
};

enum plain_policy { PLAIN_APPROVE, PLAIN_REFUSE };
enum when_full { FULL_REFUSE, FULL_DROP_OLDEST };
/* What a 2.04 to a reading says: it outlives a power cut, the end of the process, or neither. */
enum durability { DURABILITY_POWER, DURABILITY_PROCESS, DURABILITY_MEMORY };
const char *durability_to_string(enum durability durability);
enum envelope_policy { ENVELOPE_PROPERTIES, ENVELOPE_JSON };
enum layout { LAYOUT_DEVICE, LAYOUT_GATEWAY };
enum azure_method { AZURE_KEY, AZURE_CERTIFICATE };
enum aws_method { AWS_CLAIM, AWS_JITR, AWS_JITP };

struct config {
	/* gateway */
	char id[33]; /* [a-z0-9-]; default: made from the host name */
	char state_directory[256];
	char runtime_directory[256]; /* control socket lives here */
	int log_level;		     /* reloadable */
	/* lan */
	struct config_list
		lan_interfaces;	       /* names; default { "lo" }: after install only loopback */
	struct config_list lan_routed; /* prefixes behind a border router: prefix.h */
	uint16_t lan_port;	       /* 5683; 0 = any free port (tests) */
	uint16_t lan_secure_port;      /* 5684; 0 = any free port (tests) */
	enum plain_policy plain;       /* reloadable */
	struct config_list plain_refused_on;	 /* reloadable */
	char lan_device_cas[256];		 /* directory of authorities: device-ca.h */
	char lan_certificate[256], lan_key[256]; /* "" = the page's own */
	char lan_profiles[256];			 /* directory of device profiles: profile.h */
	bool mdns;				 /* announce and browse */
	uint32_t window_max;	     /* seconds, onboarding window, at most 900. reloadable */
	uint32_t poll_interval;	     /* seconds between GETs of a core.s link. reloadable */
	uint32_t multicast_interval; /* seconds. reloadable */
	double device_rate;	     /* readings a second. reloadable */
	double device_burst;	     /* reloadable */
	uint32_t pending_max;	     /* unknown names pending at a time: 64. reloadable */
	uint32_t new_per_minute;     /* unknown names a minute per interface: 10. reloadable */
	/* page */
	struct config_list page_addresses; /* where HTTPS listens; default { "127.0.0.1", "::1" } */
	uint16_t page_port;		   /* 8443; 0 = any free port (tests) */
	struct config_list page_names;	   /* further Host names that are taken */
	char page_certificate[256];	   /* PEM file; "" = made on first start */
	char page_key[256];
	bool page_metrics; /* /metrics without a log-in */
	/* mqtt: where readings go for the platforms local and mqtt */
	char mqtt_host[256]; /* "" = no uplink: readings wait */
	uint16_t mqtt_port;
	bool mqtt_tls;
	char mqtt_ca_file[256]; /* "" = the system's trust anchors */
	char mqtt_username[129];
	char mqtt_password_file[256]; /* the password is the first line of this file: never in the
					 configuration */
	char mqtt_certificate_file[256]; /* PEM, with its chain; "" = no certificate of ours */
	char mqtt_key_file[256];	 /* PEM */
	uint32_t mqtt_keep_alive;	 /* seconds */
	uint32_t mqtt_window;		 /* readings in flight */
	enum envelope_policy envelope;	 /* reloadable */
	enum layout mqtt_layout;	 /* reloadable */
	uint32_t mqtt_pack;		 /* reloadable */
	bool mqtt_commands;
	uint32_t command_expiry; /* seconds. reloadable */
	uint32_t method_timeout; /* seconds. reloadable */
	/* platform */
	char platform[17];	      /* name of the default platform: "local" */
	struct config_list platforms; /* those that a person may choose besides */
	uint32_t local_lease; /* seconds an RT of 'local' lives; refreshed at half. 30 days */
	bool local_accounts;  /* a broker account for each RT of 'local' */
	/* spotflow */
	char spotflow_host[256];
	uint16_t spotflow_port, spotflow_hub_port;
	char spotflow_ca_file[256]; /* "" = the system's trust anchors */
	char spotflow_proxy[256];
	char spotflow_workspace[65];
	char spotflow_portal[384];
	char spotflow_operator_token_file[256], spotflow_shared_token_file[256];
	/* azure */
	char azure_host[256];
	uint16_t azure_port, azure_hub_port;
	char azure_ca_file[256]; /* "" = the system's trust anchors */
	char azure_id_scope[65];
	char azure_group_key_file[256];
	uint32_t azure_sas_lifetime; /* seconds */
	enum azure_method azure_method;
	uint32_t azure_certificate_life; /* seconds */
	/* aws */
	char aws_host[256]; /* "" = none */
	uint16_t aws_port;
	char aws_ca_file[256]; /* "" = the system's trust anchors */
	char aws_template[65];
	char aws_claim_certificate_file[256], aws_claim_key_file[256];
	char aws_thing_prefix[33];
	enum aws_method aws_method;
	uint32_t aws_certificate_life; /* seconds */
	bool aws_shadow;
	/* outbox */
	uint64_t outbox_max_bytes;	 /* beyond it: 5.03. reloadable */
	uint64_t outbox_device_bytes;	 /* of one device, 0 = its fair share. reloadable */
	enum when_full outbox_when_full; /* reloadable */
	uint32_t outbox_max_age;	 /* seconds, 0 = any. reloadable */
	enum durability outbox_durability;
	uint32_t outbox_commit_delay;  /* milliseconds */
	double outbox_pace;	       /* readings a second that leave, 0 = any. reloadable */
	bool keep_readings_of_revoked; /* default no. reloadable */
};

/* One message about the file; level LOG_ERR refuses, LOG_WARNING does not. 'text' is one complete
 * sentence that begins with "file:line: ". */
typedef void (*config_message_fn)(void *userdata, int level, const char *text);

/* Defaults only. */
void config_init(struct config *ret_config);

/*
 * Reads 'path' (may be NULL: defaults) and its drop-ins. 0: *ret_config is complete and valid.
 * -EINVAL: at least one error message was given and *ret_config is untouched; other negative errno:
 * the file could not be read (a message was given too).
 */
int config_load(
	const char *path, config_message_fn message, void *userdata, struct config *ret_config);

/* Writes the effective configuration in file syntax, each key with its comment. */
void config_print(const struct config *config, FILE *out);

/* Names of the keys (section.key) that differ and need a restart, comma separated; "" when a reload
 * is enough. */
void config_restart_needed(
	const struct config *old, const struct config *new, char *ret_keys, size_t capacity);

/* Copies from 'old' what can only change with a restart, so that the swapped configuration says
 * what is in force. */
void config_keep_restart_keys(const struct config *old, struct config *next);

/* The table, for documents and tests. */
enum config_type {
	CONFIG_STRING,
	CONFIG_UINT,
	CONFIG_BOOL,
	CONFIG_LIST,
	CONFIG_ENUM,
	CONFIG_RATE,
	CONFIG_ID,
	CONFIG_PATH
};
struct config_key {
	const char *section;
	const char *key;
	enum config_type type;
	uint64_t min, max;	  /* numbers: limits; strings: length */
	const char *default_text; /* as it would stand in the file */
	const char *unit;	  /* "s", "bytes", "" */
	bool reloadable;
	const char *text;	    /* one sentence for manual and sample file */
	const char *const *allowed; /* CONFIG_ENUM: NULL-terminated words; the first one is 'min' */
	size_t offset, size;
	const struct config_form *form; /* texts and items of lists: what they look like */
};
/* CONFIG_RATE: min and max are thousandths. CONFIG_LIST: the number of items. */
struct config_form {
	bool (*fits)(const char *text);
	const char *allowed; /* "names of network interfaces, 1 to 15 characters" */
};
const struct config_key *config_keys(size_t *ret_count);

/* conf/gatehouse.conf: every key with its comment and default, commented out. */
void config_print_sample(FILE *out);
