/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: gatehouse-sensor --ep NAME [options]\n"
	"A simulated sensor for gatehouse. Prints one JSON object a line for what happens.\n\n"
	"  --ep NAME              endpoint name\n"
	"  --mode enrol|server|register   it speaks first (default), or it is asked, or it\n"
	"                         registers (RFC 9176) and is asked: a device by the standards "
	"alone\n"
	"  --gateway ADDR[:PORT]  where the gateway is (enrol, register; default 127.0.0.1)\n"
	"  --lifetime SECONDS     of its registration (register; default 3600)\n"
	"  --port PORT            where it serves, or speaks from (default: any free port)\n"
	"  --psk HEX              its key, 16 to 32 bytes: DTLS instead of CoAP in clear, whoever\n"
	"                         speaks first; the identity is its name, the gateway's port 5684\n"
	"  --certificate FILE --key FILE   its own certificate and the key of that, in PEM: DTLS\n"
	"                         as with --psk; its name is the certificate's\n"
	"  --ca FILE              the gateway's certificate, or its authority, in PEM; without it\n"
	"                         whoever answers is believed\n"
	"  --advertise            announce it by DNS-SD, through avahi-daemon (server)\n"
	"  --model M --serial S --firmware F   what it is\n"
	"  --code XXXX-XXXX       the short code of its sticker\n"
	"  --label GH1-...        the key-bearing code of its label, or its QR text: the sensor\n"
	"                         proves it when it is asked to\n"
	"  --pt FILE              a provisioning token that it hands over, with --psk or\n"
	"                         --certificate alone\n"
	"  --display              it can show a verification code\n"
	"  --attribute KEY=VALUE  for the approver; may be repeated\n"
	"  --interval SECONDS     between readings, fractions allowed (default 1)\n"
	"  --count N              stop when reading N was taken; 0 = never (default)\n"
	"  --senml | --text       format of the readings (default --senml)\n"
	"  --state-file FILE      keeps the number of the last acknowledged reading\n";

enum {
	OPTION_EP = 256,
	OPTION_MODE,
	OPTION_GATEWAY,
	OPTION_LIFETIME,
	OPTION_PORT,
	OPTION_ADVERTISE,
	OPTION_MODEL,
	OPTION_SERIAL,
	OPTION_FIRMWARE,
	OPTION_CODE,
	OPTION_DISPLAY,
	OPTION_ATTRIBUTE,
	OPTION_INTERVAL,
	OPTION_COUNT,
	OPTION_SENML,
	OPTION_TEXT,
	OPTION_STATE_FILE,
	OPTION_PSK,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_CA,
	OPTION_LABEL,
	OPTION_PT,
	OPTION_HELP
};

static const struct option long_options[] = {
	{"ep", required_argument, NULL, OPTION_EP},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"gateway", required_argument, NULL, OPTION_GATEWAY},
	{"lifetime", required_argument, NULL, OPTION_LIFETIME},
	{"port", required_argument, NULL, OPTION_PORT},
	{"advertise", no_argument, NULL, OPTION_ADVERTISE},
	{"model", required_argument, NULL, OPTION_MODEL},
	{"serial", required_argument, NULL, OPTION_SERIAL},
	{"firmware", required_argument, NULL, OPTION_FIRMWARE},
	{"code", required_argument, NULL, OPTION_CODE},
	{"display", no_argument, NULL, OPTION_DISPLAY},
	{"attribute", required_argument, NULL, OPTION_ATTRIBUTE},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"count", required_argument, NULL, OPTION_COUNT},
	{"senml", no_argument, NULL, OPTION_SENML},
	{"text", no_argument, NULL, OPTION_TEXT},
	{"state-file", required_argument, NULL, OPTION_STATE_FILE},
	{"psk", required_argument, NULL, OPTION_PSK},
	{"certificate", required_argument, NULL, OPTION_CERTIFICATE},
	{"key", required_argument, NULL, OPTION_KEY},
	{"ca", required_argument, NULL, OPTION_CA},
	{"label", required_argument, NULL, OPTION_LABEL},
	{"pt", required_argument, NULL, OPTION_PT},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static bool number_parse(const char *text, unsigned long max, unsigned long *ret_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || number > max)
		return false;
	*ret_number = number;
	return true;
}

static bool key_parse(const char *text, struct options *options)
{
	size_t size = strlen(text) / 2;
	char *end;

	if (strlen(text) % 2 != 0 || size < 16 || size > PSK_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		const char byte[3] = {text[2 * i], text[2 * i + 1], '\0'};
		options->psk[i] = (uint8_t)strtoul(byte, &end, 16);
		if (*end)
			return false;
	}
	options->psk_size = size;
	return true;
}

/* The options that are a word or a switch. False when the value is not allowed. */
static bool option_take(struct options *options, int which, const char *value)
{
	unsigned long number;
	char *end;

	switch (which) {
	case OPTION_EP:
		options->ep = value;
		return *value != '\0';
	case OPTION_MODE:
		options->mode = strcmp(value, "server") == 0	 ? MODE_SERVER
				: strcmp(value, "register") == 0 ? MODE_REGISTER
								 : MODE_ENROL;
		return options->mode != MODE_ENROL || strcmp(value, "enrol") == 0;
	case OPTION_LIFETIME:
		return number_parse(value, UINT32_MAX, &options->lifetime) && options->lifetime > 0;
	case OPTION_GATEWAY:
		options->gateway = value;
		return true;
	case OPTION_PORT:
		if (!number_parse(value, UINT16_MAX, &number))
			return false;
		options->port = (uint16_t)number;
		return true;
	case OPTION_MODEL:
		options->model = value;
		return true;
	case OPTION_SERIAL:
		options->serial = value;
		return true;
	case OPTION_FIRMWARE:
		options->firmware = value;
		return true;
	case OPTION_CODE:
		options->code = value;
		return true;
	case OPTION_ATTRIBUTE:
		if (options->attributes == ATTRIBUTES_MAX || !strchr(value, '='))
			return false;
		options->attribute[options->attributes++] = value;
		return true;
	case OPTION_INTERVAL:
		options->interval = strtod(value, &end);
		return end != value && !*end && options->interval >= 0 &&
		       options->interval <= 86400;
	case OPTION_COUNT:
		return number_parse(value, 1000000000, &options->count);
	case OPTION_STATE_FILE:
		options->state_file = value;
		return true;
	case OPTION_LABEL:
		options->label = value;
		return true;
	case OPTION_PT:
		options->pt = value;
		return true;
	case OPTION_PSK:
		return key_parse(value, options);
	case OPTION_CERTIFICATE:
		options->certificate = value;
		return true;
	case OPTION_KEY:
		options->key = value;
		return true;
	case OPTION_CA:
		options->ca = value;
		return true;
	default:
		return false;
	}
}

static bool switch_take(struct options *options, int which)
{
	switch (which) {
	case OPTION_ADVERTISE:
		options->advertise = true;
		return true;
	case OPTION_DISPLAY:
		options->display = true;
		return true;
	case OPTION_SENML:
		options->text = false;
		return true;
	case OPTION_TEXT:
		options->text = true;
		return true;
	default:
		return false;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = {.gateway = "127.0.0.1", .lifetime = 3600, .interval = 1.0};
	int which, index;

	while ((which = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (which == OPTION_HELP) {
			fputs(usage, stdout);
			return -1;
		}
		if (which == '?')
			return EXIT_USAGE;
		if (switch_take(&options, which) || option_take(&options, which, optarg))
			continue;
		fprintf(stderr, "gatehouse-sensor: --%s %s is not allowed\n",
			long_options[index].name, optarg);
		return EXIT_USAGE;
	}
	if (!options.ep || optind < argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (!options.certificate != !options.key || (options.certificate && options.psk_size) ||
		(options.ca && !options.certificate)) {
		fputs("gatehouse-sensor: --certificate and --key go together, --ca with them, and "
		      "--psk with none of them\n",
			stderr);
		return EXIT_USAGE;
	}
	/* Duty: it never travels in clear. */
	if (options.pt && !options.psk_size && !options.certificate) {
		fputs("gatehouse-sensor: --pt goes with --psk or --certificate\n", stderr);
		return EXIT_USAGE;
	}
	if (options.label && !label_is_of(options.label, options.ep)) {
		fprintf(stderr, "gatehouse-sensor: --label is not the label of %s\n", options.ep);
		return EXIT_USAGE;
	}
	*ret_options = options;
	return 0;
}
