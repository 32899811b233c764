/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two servers: HTTPS for people, plain HTTP on a Unix socket for the tool. They share the requests,
 * the API and nothing else; see port.c for the loop and request.c for the life of a request.
 */

#include "web/web.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "web/interfaces.h"
#include "web/listen.h"
#include "web/request.h"
#include "web/stream.h"
#include "web/web-parts.h"

#define CONTROL_CONNECTIONS 32

DEFINE_CLEANUP(struct web *, web_free, cleanup_web)

struct why {
	char *text;
	size_t capacity;
};

static int explain(const struct why *why, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int explain(const struct why *why, int r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why->text, why->capacity, format, arguments);
	va_end(arguments);
	return r;
}

/* --- the certificate --- */

struct subject_names {
	char text[CERTIFICATE_NAMES_MAX][128];
	struct certificate_subject subject;
};

static void add_name(struct subject_names *names, const char *name)
{
	unsigned count = names->subject.count;

	if (count == CERTIFICATE_NAMES_MAX || name[0] == 0 ||
		strlen(name) >= sizeof(names->text[0]))
		return;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names->text[i], name) == 0)
			return;
	memcpy(names->text[count], name, strlen(name) + 1);
	names->subject.name[count] = names->text[count];
	names->subject.count++;
}

static void add_interfaces(struct subject_names *names)
{
	struct guard_address address[INTERFACES_MAX];
	size_t count = interfaces_list(address, INTERFACES_MAX);

	for (size_t i = 0; i < count; i++) {
		char text[GUARD_ADDRESS_TEXT];

		add_name(names, guard_address_format(&address[i].ip, text));
	}
}

/* Of an address that is one; "0.0.0.0" and "::" are all of them. */
static void add_listener(struct subject_names *names, const char *address)
{
	char bare[sizeof(((struct config_list *)NULL)->item[0])];
	size_t size = strcspn(address, "%");

	if (size >= sizeof(bare))
		return;
	memcpy(bare, address, size);
	bare[size] = '\0';
	if (strcmp(bare, "0.0.0.0") != 0 && strcmp(bare, "::") != 0)
		add_name(names, bare);
}

static void collect_names(
	const struct web *web, const struct web_options *options, struct subject_names *ret_names)
{
	char local[128];

	*ret_names = (struct subject_names){.subject = {.common_name = web->gateway_id}};
	for (unsigned i = 0; i < web->names.count; i++)
		add_name(ret_names, web->names.item[i]);
	snprintf(local, sizeof(local), "%s.local", web->hostname);
	add_name(ret_names, local);
	add_name(ret_names, web->hostname);
	add_name(ret_names, "localhost");
	add_name(ret_names, "127.0.0.1");
	add_name(ret_names, "::1");
	for (unsigned i = 0; options->addresses && i < options->addresses->count; i++)
		add_listener(ret_names, options->addresses->item[i]);
	add_interfaces(ret_names);
}

static int find_certificate(
	struct web *web, const struct web_options *options, const struct why *why)
{
	struct subject_names *names;
	int r;

	if (options->certificate && options->certificate[0])
		return certificate_load(options->certificate, options->key ? options->key : "",
			&web->certificate, why->text, why->capacity);
	names = malloc(sizeof(*names));
	if (!names)
		return explain(why, -ENOMEM, "There is not enough memory for the page.");
	collect_names(web, options, names);
	r = certificate_ensure(options->state_directory, &names->subject, &web->certificate,
		why->text, why->capacity);
	free(names);
	return r;
}

/* --- sockets --- */

static int listen_here(struct web *web, int fd)
{
	int r = port_listen(web->page, fd);

	if (r < 0)
		close(fd);
	else if (web->port == 0)
		web->port = listen_port(fd);
	return r;
}

static int take_inherited(struct web *web, const struct web_options *options, const struct why *why)
{
	for (unsigned i = 0; i < options->inherited_count; i++) {
		int fd = fcntl(options->inherited[i], F_DUPFD_CLOEXEC, 3);
		int r = fd < 0 ? -errno : fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;

		if (r == 0)
			r = listen_here(web, fd);
		if (r < 0)
			return explain(why, r,
				"The listening socket %d that was passed in cannot be "
				"used for the page: %s.",
				options->inherited[i], strerror(-r));
	}
	return 0;
}

/* With port 0 the first address chooses, the others follow. */
static int listen_on_addresses(
	struct web *web, const struct web_options *options, const struct why *why)
{
	for (unsigned i = 0; options->addresses && i < options->addresses->count; i++) {
		const char *address = options->addresses->item[i];
		uint16_t port = options->port ? options->port : web->port;
		int fd = listen_tcp(address, port);
		int r = fd < 0 ? fd : listen_here(web, fd);

		if (r == -EAFNOSUPPORT && i > 0) {
			log_notice("The page does not listen on %s: this machine has no such "
				   "addresses.",
				address);
			continue;
		}
		if (r == -ENODEV && web->port) {
			log_warning("The page does not listen on %s: there is no such network "
				    "interface. Restart gatehoused when it is there.",
				address);
			continue;
		}
		if (r < 0)
			return explain(why, r, "The page cannot listen on %s port %u: %s.", address,
				port, strerror(-r));
	}
	return 0;
}

static int start_page(struct web *web, const struct web_options *options, const struct why *why)
{
	const struct port_options page = {
		.key = web->certificate->key,
		.chain = web->certificate->chain,
		.connections = (unsigned)web->limits->value[LIMIT_HTTP_CONNECTIONS],
		.per_address = (unsigned)web->limits->value[LIMIT_HTTP_PER_ADDRESS],
		.limits = web->limits,
		.handle = request_handle,
		.begin = request_begin_page,
		.completed = request_completed,
		.userdata = web,
	};
	int r = port_new(web->loop, &page, &web->page);

	if (r < 0)
		return explain(why, r,
			"The page's server cannot start: its key or certificate is "
			"refused, or there is no memory.");
	return options->inherited_count ? take_inherited(web, options, why)
					: listen_on_addresses(web, options, why);
}

static int start_control(struct web *web, const struct web_options *options, const struct why *why)
{
	const struct port_options control = {
		.connections = CONTROL_CONNECTIONS,
		.limits = web->limits,
		.handle = request_handle,
		.begin = request_begin_control,
		.completed = request_completed,
		.userdata = web,
	};
	int fd, r;

	if (!options->control_socket || !options->control_socket[0])
		return 0;
	r = port_new(web->loop, &control, &web->control);
	if (r < 0)
		return explain(why, r, "The server of the control socket cannot start.");
	fd = listen_unix(options->control_socket);
	if (fd < 0)
		return explain(why, fd, "The control socket %s cannot be made: %s.",
			options->control_socket, strerror(-fd));
	r = port_listen(web->control, fd);
	if (r < 0) {
		close(fd);
		return explain(why, r, "The control socket cannot be watched: %s.", strerror(-r));
	}
	web->control_path = strdup(options->control_socket);
	return web->control_path ? 0 : explain(why, -ENOMEM, "There is not enough memory.");
}

/* --- life --- */

static void find_hostname(char *ret_name, size_t capacity)
{
	if (gethostname(ret_name, capacity) < 0)
		ret_name[0] = 0;
	ret_name[capacity - 1] = 0;
	ret_name[strcspn(ret_name, ".")] = 0;
}

int web_new(sd_event *loop, const struct web_options *options, struct api *api, struct web **ret,
	char *ret_why, size_t capacity)
{
	const struct why why = {ret_why, capacity};
	CLEANUP(cleanup_web) struct web *web = calloc(1, sizeof(*web));
	int r;

	if (!web)
		return explain(&why, -ENOMEM, "There is not enough memory for the page.");
	*web = (struct web){.loop = sd_event_ref(loop),
		.api = api,
		.limits = options->limits,
		.metrics = options->metrics};
	if (options->names)
		web->names = *options->names;
	snprintf(web->gateway_id, sizeof(web->gateway_id), "%s", options->gateway_id);
	find_hostname(web->hostname, sizeof(web->hostname));
	r = sessions_new((unsigned)web->limits->value[LIMIT_SESSIONS_WEB], &web->sessions);
	if (r < 0)
		return explain(&why, r, "There is not enough memory for the page.");
	r = streams_new(web, &web->streams);
	if (r < 0)
		return explain(&why, r, "There is not enough memory for the page.");
	r = find_certificate(web, options, &why);
	if (r < 0)
		return r;
	r = start_page(web, options, &why);
	if (r < 0)
		return r;
	r = start_control(web, options, &why);
	if (r < 0)
		return r;
	*ret = STEAL(web);
	return 0;
}

struct web *web_free(struct web *web)
{
	if (!web)
		return NULL;
	web->streams = streams_free(web->streams);
	request_release_all(web);
	web->page = port_free(web->page);
	web->control = port_free(web->control);
	if (web->control_path)
		unlink(web->control_path);
	free(web->control_path);
	sessions_free(web->sessions);
	certificate_free(web->certificate);
	sd_event_unref(web->loop);
	free(web);
	return NULL;
}

void web_end_sessions(struct web *web, const char *person)
{
	sessions_end_person(web->sessions, person);
	streams_sessions_ended(web->streams);
}

const struct certificate *web_certificate(const struct web *web)
{
	return web->certificate;
}

const char *web_fingerprint(const struct web *web)
{
	return web->certificate->fingerprint;
}

uint16_t web_port(const struct web *web)
{
	return web->port;
}
