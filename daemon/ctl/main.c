/* SPDX-License-Identifier: Apache-2.0 */

/* gatehousectl: the command line, one command, its exit status. */

#include <curl/curl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "ctl/command.h"

DEFINE_CLEANUP(struct client *, client_free, cleanup_client)

static int run(const struct invocation *invocation)
{
	CLEANUP(cleanup_client) struct client *client = NULL;
	const char *socket = invocation->value[OPTION_SOCKET];
	struct ctl ctl = {.invocation = invocation, .out = stdout, .err = stderr};

	if (client_new(socket ? socket : CLIENT_SOCKET, &client) < 0) {
		fputs("gatehousectl: out of memory\n", stderr);
		return EXIT_UNREACHABLE;
	}
	ctl.client = client;
	return invocation->command->run(&ctl);
}

int main(int argc, char **argv)
{
	struct invocation invocation;
	char why[256];
	int code;

	if (invocation_parse(commands, argc, argv, &invocation, why, sizeof(why)) < 0) {
		fprintf(stderr, "gatehousectl: %s\nTry: gatehousectl --help\n", why);
		return EXIT_USAGE;
	}
	if (invocation.value[OPTION_HELP]) {
		commands_help(stdout);
		return EXIT_DONE;
	}
	if (invocation.value[OPTION_VERSION]) {
		puts("gatehousectl " GATEHOUSE_VERSION);
		return EXIT_DONE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	code = run(&invocation);
	curl_global_cleanup();
	/* What could not be written was not done, as far as the caller can know. */
	if (fflush(stdout) != 0 || ferror(stdout))
		return code == EXIT_DONE ? EXIT_REFUSED : code;
	return code;
}
