/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The first start: the gateway makes a setup code; this shows it with the address of the page and
 * the fingerprint of its certificate, so that the browser's warning can be compared with something.
 * Address and fingerprint come from the configuration and the state directory: whoever may ask for
 * the code is root on this machine. What cannot be read is left out.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "core/config.h"
#include "ctl/command.h"
#include "ctl/qr.h"
#include "ctl/table.h"
#include "ctl/view.h"

#define CONFIG_DEFAULT	"/etc/gatehouse/gatehouse.conf"
#define CERTIFICATE_MAX (64 * 1024)

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
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
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

static void show_page(struct ctl *ctl)
{
	const char *path = ctl->invocation->value[OPTION_CONFIG];
	char certificate[300], fingerprint[3 * EVP_MAX_MD_SIZE], url[320];
	struct config config;

	if (!path)
		path = access(CONFIG_DEFAULT, R_OK) == 0 ? CONFIG_DEFAULT : NULL;
	if (config_load(path, ignore_message, NULL, &config) < 0)
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

int run_setup(struct ctl *ctl)
{
	CLEANUP(cleanup_json) json_t *answer = NULL;
	char age[48];
	int code = ctl_call(ctl, "POST", "/api/v1/setup-code", NULL, &answer);

	if (code != EXIT_DONE || ctl_print_json(ctl, answer))
		return code;
	pair_print(ctl->out, "Setup code", json_string_value(json_object_get(answer, "code")));
	pair_print(ctl->out, "Valid for",
		view_age(json_integer_value(json_object_get(answer, "seconds")), age));
	show_page(ctl);
	fputs("\nOpen the page, compare the fingerprint with what the browser shows, and type the\n"
	      "setup code there to make the first administrator. The code works once.\n",
		ctl->out);
	return code;
}
