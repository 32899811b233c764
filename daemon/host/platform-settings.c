/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a platform instance is configured with, as its driver and its sessions need it. Secrets
 * stand in files of their own: their first line is read at start and never shown. That of an
 * operator is sealed in the store, see operator-token.c.
 */

#include "host/host.h"
#include "host/journal.h"
#include "host/platform-host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/log.h"
#include "drivers/platform/local-account.h"
#include "host/operator-token.h"
#include "host/upstream-secret.h"

#define SECRET_FILE_MAX 4096

static bool is_spotflow(const char *platform)
{
	return !strcmp(platform, TOKEN_KIND_SPOTFLOW);
}

static bool is_aws(const char *platform)
{
	return !strcmp(platform, TOKEN_KIND_AWS);
}

static bool is_azure(const char *platform)
{
	return !strcmp(platform, TOKEN_KIND_AZURE);
}

const void *platform_settings_of(
	const struct host *host, const char *platform, union platform_settings_room *room)
{
	const struct config *config = host->config;

	if (is_spotflow(platform)) {
		room->cloud = (struct cloud_settings){
			.host = config->spotflow_host,
			.port = config->spotflow_port,
			.workspace = config->spotflow_workspace,
			.portal = config->spotflow_portal,
			.operator_token = secret_span(&host->secrets.operator_token),
		};
		return &room->cloud;
	}
	if (is_azure(platform)) {
		room->azure = (struct azure_settings){.host = config->azure_host,
			.port = config->azure_port,
			.id_scope = config->azure_id_scope,
			.sas_lifetime = config->azure_sas_lifetime,
			.method = config->azure_method,
			.certificate_life = config->azure_certificate_life};
		return &room->azure;
	}
	if (is_aws(platform)) {
		room->aws = (struct aws_settings){.host = config->aws_host,
			.port = config->aws_port,
			.template_name = config->aws_template,
			.thing_prefix = config->aws_thing_prefix,
			.method = config->aws_method,
			.certificate_life = config->aws_certificate_life,
			.shadow = config->aws_shadow,
			.gateway_id = config->id};
		return &room->aws;
	}
	room->local = (struct local_settings){.lease = config->local_lease,
		.accounts = config->local_accounts,
		.gateway_id = config->id};
	return &room->local;
}

void platform_place_of(
	const struct host *host, const char *platform, struct platform_place *ret_place)
{
	const struct config *config = host->config;

	if (is_spotflow(platform))
		*ret_place = (struct platform_place){.ca_file = config->spotflow_ca_file,
			.proxy = config->spotflow_proxy,
			.session_port = config->spotflow_hub_port};
	else if (is_azure(platform))
		*ret_place = (struct platform_place){.ca_file = config->azure_ca_file,
			.proxy = "",
			.session_port = config->azure_hub_port};
	else if (is_aws(platform))
		*ret_place = (struct platform_place){.ca_file = config->aws_ca_file,
			.proxy = "",
			.session_host = config->aws_host,
			.session_port = config->aws_port};
	else
		*ret_place = (struct platform_place){.ca_file = config->mqtt_ca_file,
			.proxy = "",
			.session_port = config->mqtt_port};
}

const char *platform_answers(const struct host *host)
{
	return host->config->local_accounts ? ACCOUNT_ANSWERS : NULL;
}

struct span platform_shared_token(const struct host *host, const char *platform)
{
	if (is_azure(platform))
		return secret_span(host->config->azure_method == AZURE_KEY
					   ? &host->secrets.group_key
					   : &host->secrets.site_ca);
	if (is_aws(platform))
		return secret_span(host->config->aws_method == AWS_CLAIM ? &host->secrets.claim
									 : &host->secrets.site_ca);
	return is_spotflow(platform) ? secret_span(&host->secrets.shared_token) : span_of(NULL, 0);
}

bool platform_approves_from_here(const struct host *host, const char *platform)
{
	return is_spotflow(platform) && host->secrets.operator_token.size > 0 &&
	       host->config->spotflow_workspace[0];
}

int platform_secret_read(
	const char *path, const char *key, size_t size_max, bool may_be_missing, struct secret *ret)
{
	CLEANUP(cleanup_free) uint8_t *data = NULL;
	size_t size = 0, line = 0;
	int r;

	if (!path[0])
		return 0;
	r = file_read(AT_FDCWD, path, SECRET_FILE_MAX, &data, &size);
	if (r == -ENOENT && may_be_missing)
		return r;
	if (r < 0) {
		log_error("%s: the file %s cannot be read: %s.", key, path, strerror(-r));
		return r;
	}
	while (line < size && data[line] != '\n' && data[line] != '\r')
		line++;
	if (line == 0 || line > size_max || !span_is_printable(span_of(data, line))) {
		log_error("%s: the first line of %s must be a token of at most %zu printable "
			  "ASCII characters.",
			key, path, size_max);
		r = -EINVAL;
	} else {
		r = secret_set(ret, span_of(data, line));
	}
	crypto_wipe(data, size);
	return r;
}

/* One secret for many: there is a standing warning. Not for a claim, nor for the site's authority:
 * each device has a certificate of its own. */
static void tell_shared(struct host *host, const char *platform)
{
	bool issues = is_azure(platform) && host->config->azure_method == AZURE_CERTIFICATE;

	if (!issues && platform_shared_token(host, platform).size)
		host_alarm_raise(host, ALARM_SHARED_TOKEN, platform);
	else
		host_alarm_clear(host, ALARM_SHARED_TOKEN, platform);
}

static int load_claim(const struct config *config, struct secret *ret_claim)
{
	if (!config->aws_claim_certificate_file[0] && !config->aws_claim_key_file[0])
		return 0;
	if (!config->aws_claim_certificate_file[0] || !config->aws_claim_key_file[0]) {
		log_error("aws.claim_certificate_file and aws.claim_key_file go together: one of "
			  "them is missing.");
		return -EINVAL;
	}
	return upstream_identity_read(config->aws_claim_certificate_file,
		config->aws_claim_key_file,
		"The claim (aws.claim_certificate_file, aws.claim_key_file)", ret_claim);
}

int platform_secrets_load(struct host *host)
{
	const struct config *config = host->config;
	struct platform_secrets *secrets = &host->secrets;
	int r = operator_from_file(host);

	if (r >= 0)
		r = platform_secret_read(config->spotflow_shared_token_file,
			"spotflow.shared_token_file", TOKEN_PT_MAX, false, &secrets->shared_token);
	if (r >= 0)
		r = platform_secret_read(config->azure_group_key_file, "azure.group_key_file",
			TOKEN_PT_MAX, false, &secrets->group_key);
	if (r >= 0)
		r = load_claim(config, &secrets->claim);
	if (r < 0)
		return r;
	tell_shared(host, TOKEN_KIND_SPOTFLOW);
	tell_shared(host, TOKEN_KIND_AZURE);
	return 0;
}

void platform_secrets_clear(struct host *host)
{
	secret_clear(&host->secrets.operator_token);
	secret_clear(&host->secrets.shared_token);
	secret_clear(&host->secrets.group_key);
	secret_clear(&host->secrets.claim);
}
