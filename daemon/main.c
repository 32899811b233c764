/* SPDX-License-Identifier: Apache-2.0 */

/* gatehoused: options, configuration, signals, gateway, loop, exit code. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/log.h"
#include "base/message-ids.h"
#include "gateway.h"

#define DEFAULT_CONFIG "/etc/gatehouse/gatehouse.conf"

struct options {
	const char *config;
	bool check, print;
};

static void print_message(void *userdata, int level, const char *text)
{
	fprintf(stderr, "%s\n", text);
}

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: gatehoused [--config FILE] [--check-config | --print-config | "
		"--version]\n\n"
		"  -c, --config FILE   configuration (default " DEFAULT_CONFIG " when it exists)\n"
		"      --check-config  read the configuration, say what is wrong, exit\n"
		"      --print-config  print the configuration in force with all its keys, exit\n"
		"      --version       print the version, exit\n"
		"  -h, --help          print this, exit\n\n"
		"Exit status: 0 stopped as asked, 1 failed, 2 wrong usage or configuration.\n");
}

/* 0: go on; otherwise the exit status + 1. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option table[] = {{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, 'k'}, {"print-config", no_argument, NULL, 'p'},
		{"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", table, NULL)) >= 0) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 'k':
			ret->check = true;
			break;
		case 'p':
			ret->print = true;
			break;
		case 'v':
			printf("gatehoused %s\n", GATEHOUSE_VERSION);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return 3;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "gatehoused: '%s' is not an option.\n", argv[optind]);
		return 3;
	}
	if (!ret->config && access(DEFAULT_CONFIG, F_OK) == 0)
		ret->config = DEFAULT_CONFIG;
	return 0;
}

/* Secrets are in this process: no core, no ptrace by others of our uid. */
static void close_doors(void)
{
	const struct rlimit none = {0, 0};

	umask(077);
	const char *proxy = getenv("https_proxy");

	/* The MQTT library would follow them; where the broker is stands in the configuration
	 * alone. The platforms' API is reached by the same proxy, under its other name. */
	if (proxy)
		setenv("HTTPS_PROXY", proxy, 0);
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	log_at(LOG_NOTICE, (&(const struct log_fields){.message_id = MESSAGE_STOPPING}),
		"Stopping.");
	sd_notify(0, "STOPPING=1");
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	sd_notify(0, "RELOADING=1");
	gateway_reload(userdata);
	sd_notify(0, "READY=1");
	return 0;
}

static void take_sockets(struct gateway_sockets *ret)
{
	int i, count = sd_listen_fds(1);

	for (i = 0; i < count; i++)
		if (ret->page_count < CONFIG_LIST_MAX &&
			sd_is_socket(SD_LISTEN_FDS_START + i, AF_UNSPEC, SOCK_STREAM, 1) > 0)
			ret->page[ret->page_count++] = SD_LISTEN_FDS_START + i;
}

static int run(const struct options *options, const struct config *config)
{
	struct gateway_sockets sockets = {0};
	struct gateway *gateway = NULL;
	sd_event *loop = NULL;
	sigset_t all;
	int r;

	/* Before any thread exists: all of them inherit it, the loop takes signals as events. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV), sigdelset(&all, SIGABRT), sigdelset(&all, SIGBUS),
		sigdelset(&all, SIGFPE), sigdelset(&all, SIGILL);
	sigprocmask(SIG_BLOCK, &all, NULL);
	take_sockets(&sockets);
	r = sd_event_default(&loop);
	if (r >= 0)
		r = gateway_new(loop, options->config, config, &sockets, &gateway);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGTERM, on_stop, NULL);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGINT, on_stop, NULL);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGHUP, on_hup, gateway);
	if (r >= 0)
		r = sd_event_set_watchdog(loop, true);
	if (r >= 0) {
		log_at(LOG_NOTICE, (&(const struct log_fields){.message_id = MESSAGE_STARTED}),
			"gatehoused %s is ready.", GATEHOUSE_VERSION);
		sd_notify(0, "READY=1");
		r = sd_event_loop(loop);
		if (gateway_failure(gateway) < 0)
			r = gateway_failure(gateway);
	}
	gateway_free(gateway);
	sd_event_unref(loop);
	return r < 0 ? EXIT_FAILURE : r;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct config config;
	int r;

	r = parse_options(argc, argv, &options);
	if (r)
		return r - 1;
	r = config_load(options.config, print_message, NULL, &config);
	if (r < 0)
		return 2;
	if (options.print)
		config_print(&config, stdout);
	if (options.check)
		printf("The configuration is valid.\n");
	if (options.check || options.print)
		return 0;
	log_set_level(config.log_level);
	close_doors();
	return run(&options, &config);
}
