/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The first start: the gateway makes a setup code; this shows it with the address of the page and
 * the fingerprint of its certificate, so that the browser's warning can be compared with something.
 * Address and fingerprint come from the configuration and the state directory: whoever may ask for
 * the code is root on this machine. What cannot be read is left out.
 *
 * A gateway that was just installed hears devices and shows its page on this machine alone. So the
 * first question, asked once, is on which networks it is to be found; the answer needs a restart,
 * which comes before the code, because the code does not survive one.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "core/config.h"
#include "ctl/command.h"
#include "ctl/interfaces.h"
#include "ctl/qr.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define CERTIFICATE_MAX (64 * 1024)
#define UNIT		"gatehoused.service"

DEFINE_CLEANUP(json_t *, json_decref, cleanup_json)
DEFINE_CLEANUP(BIO *, BIO_free, cleanup_bio)
DEFINE_CLEANUP(X509 *, X509_free, cleanup_x509)

static void ignore_message(void *userdata, int level, const char *text)
{
}

/* "AB:CD:..." of the first certificate in a PEM file; false when there is none. */
static bool read_fingerprint(const char *path, char *ret_text, size_t capacity)
{
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	CLEANUP(cleanup_bio) BIO *bio = NULL;
	CLEANUP(cleanup_x509) X509 *certificate = NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	size_t length, used = 0;

	if (file_read(AT_FDCWD, path, CERTIFICATE_MAX, &data, &length) < 0)
		return false;
	bio = BIO_new_mem_buf(data, (int)length);
	certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (!certificate || X509_digest(certificate, EVP_sha256(), digest, &size) != 1)
		return false;
	for (unsigned i = 0; i < size && used < capacity; i++)
		used += (size_t)snprintf(
			ret_text + used, capacity - used, "%s%02X", i ? ":" : "", digest[i]);
	return true;
}

static bool is_loopback(const char *address)
{
	size_t size = strcspn(address, "%");

	return !strncmp(address, "127.", 4) || (size == 3 && !strncmp(address, "::1", 3));
}

/* Where the page is opened: by name on the network, by address when only this machine can. */
static void make_url(const struct config *config, char *ret_url, size_t capacity)
{
	char host[256] = "localhost";
	bool local = true;

	for (unsigned i = 0; i < config->page_addresses.count; i++)
		local = local && is_loopback(config->page_addresses.item[i]);
	if (!local && gethostname(host, sizeof(host) - 1) == 0)
		host[strcspn(host, ".")] = '\0';
	snprintf(ret_url, capacity, "https://%s%s:%u/setup", host, local ? "" : ".local",
		(unsigned)config->page_port);
}

/* Where none was named and none is installed, the defaults are in force. */
static int load_config(struct ctl *ctl, const char *path, struct config *ret_config)
{
	bool named = ctl->invocation->value[OPTION_CONFIG] != NULL;

	return config_load(
		named || access(path, F_OK) == 0 ? path : NULL, ignore_message, NULL, ret_config);
}

static void show_page(struct ctl *ctl, const char *path)
{
	char certificate[300], fingerprint[3 * EVP_MAX_MD_SIZE], url[320];
	struct config config;

	if (load_config(ctl, path, &config) < 0)
		return;
	if (config.page_certificate[0])
		snprintf(certificate, sizeof(certificate), "%s", config.page_certificate);
	else
		snprintf(certificate, sizeof(certificate), "%s/page.crt", config.state_directory);
	if (read_fingerprint(certificate, fingerprint, sizeof(fingerprint)))
		pair_print(ctl->out, "Fingerprint", fingerprint);
	/* With port 0 only the gateway knows which one it got: it stands in its log. */
	if (config.page_port == 0)
		return;
	make_url(&config, url, sizeof(url));
	pair_print(ctl->out, "Page", url);
	if (isatty(fileno(ctl->out)))
		qr_print(url, ctl->out);
}

/* ---- networks ---- */

/* Only of the service that systemd runs from the installed configuration is it known how. */
static bool restart_service(const char *path)
{
	static char *const words[] = {"systemctl", "--quiet", "try-restart", UNIT, NULL};
	char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	pid_t pid;
	int status;

	if (strcmp(path, CONFIG_DEFAULT) || access("/run/systemd/system", F_OK) < 0 ||
		posix_spawnp(&pid, words[0], NULL, NULL, words, environment) != 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Writes the answer. *ret_restarted: the new configuration is in force. */
static int take_choice(struct ctl *ctl, const char *path, const struct interface_list *list,
	const char *text, bool *ret_restarted)
{
	struct config_list chosen;
	char why[400] = "out of memory";

	if (interfaces_choose(list, text, &chosen, why, sizeof(why)) < 0) {
		fprintf(ctl->err, "gatehousectl: %s\n", why);
		return EXIT_USAGE;
	}
	if (interfaces_write(path, &chosen, why, sizeof(why)) < 0) {
		fprintf(ctl->err, "gatehousectl: %s\n", why);
		return EXIT_REFUSED;
	}
	*ret_restarted = restart_service(path);
	return EXIT_DONE;
}

static bool is_asked(struct ctl *ctl, const char *path)
{
	struct config config;

	return !interfaces_are_chosen(path) && !ctl->invocation->value[OPTION_JSON] &&
	       isatty(STDIN_FILENO) && isatty(fileno(ctl->out)) &&
	       load_config(ctl, path, &config) == 0 && config.lan_interfaces.count == 1 &&
	       !strcmp(config.lan_interfaces.item[0], "lo");
}

static const char *ask(struct ctl *ctl, const struct interface_list *list, char *line, int size)
{
	fputs("Until now the gateway is found on this machine alone. Its networks:\n\n", ctl->out);
	interfaces_print(list, ctl->out);
	fputs("\nOn which of them are devices, and may the page be opened? Numbers or names with\n"
	      "commas, \"all\", or nothing to leave it as it is: ",
		ctl->out);
	fflush(ctl->out);
	return fgets(line, size, stdin) ? line : "";
}

/* EXIT_DONE and *ret_go_on: the code can be made. */
static int choose_networks(struct ctl *ctl, const char *path, bool *ret_go_on)
{
	const char *text = ctl->invocation->value[OPTION_INTERFACES];
	struct interface_list list;
	bool restarted = false;
	char line[256];
	int code;

	*ret_go_on = true;
	if (!text && !is_asked(ctl, path))
		return EXIT_DONE;
	if (interfaces_read(&list) < 0) {
		fputs("gatehousectl: the kernel does not tell which networks there are.\n",
			ctl->err);
		return EXIT_REFUSED;
	}
	if (!text && list.count == 0)
		return EXIT_DONE;
	if (!text)
		text = ask(ctl, &list, line, sizeof(line));
	code = take_choice(ctl, path, &list, text, &restarted);
	if (code != EXIT_DONE || restarted)
		return code;
	*ret_go_on = false;
	fprintf(ctl->out,
		"Written: %s.d/%s. Restart gatehoused, then run this again for the "
		"setup code.\n",
		path, INTERFACES_DROPIN);
	return EXIT_DONE;
}

int run_setup(struct ctl *ctl)
{
	const char *path = ctl->invocation->value[OPTION_CONFIG];
	CLEANUP(cleanup_json) json_t *answer = NULL;
	char age[48];
	bool go_on;
	int code;

	if (!path)
		path = CONFIG_DEFAULT;
	code = choose_networks(ctl, path, &go_on);
	if (code != EXIT_DONE || !go_on)
		return code;
	code = ctl_call(ctl, "POST", "/api/v1/setup-code", NULL, &answer);
	/* Long after the set-up each new phone still has to compare the fingerprint. */
	if (code == EXIT_REFUSED && !ctl->invocation->value[OPTION_JSON])
		show_page(ctl, path);
	if (code != EXIT_DONE || ctl_print_json(ctl, answer))
		return code;
	pair_print(ctl->out, "Setup code", json_string_value(json_object_get(answer, "code")));
	pair_print(ctl->out, "Valid for",
		view_age(json_integer_value(json_object_get(answer, "seconds")), age));
	show_page(ctl, path);
	fputs("\nOpen the page, compare the fingerprint with what the browser shows, and type the\n"
	      "setup code there to make the first administrator. The code works once.\n",
		ctl->out);
	return code;
}
