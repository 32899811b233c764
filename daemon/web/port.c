/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd brings an epoll set of its own; it is one source of the loop. After each run the
 * library says when it wants to run again (idle connections), which is a relative one-shot timer.
 * Requests that wait for an answer are suspended, so nothing spins.
 *
 * The library's time-out is about silence. A client that trickles bytes is never silent, so every
 * connection also has a deadline for its next complete request; a slow sweep shuts it down then.
 * The limits of connections are ours (visitor.h): the library would turn the newcomer away, and its
 * own ones stand higher by those that were put out in this turn and are not gone yet.
 */

#include "web/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "web/guard.h"
#include "web/visitor.h"

#define SILENCE_SECONDS	  30
#define SWEEP_USEC	  (5 * USEC_PER_SEC)
#define ACCEPT_AT_ONCE	  16
#define ACCEPT_PAUSE_USEC (1 * USEC_PER_SEC)
#define RUNS_AT_ONCE	  8
#define CONNECTION_MEMORY (20 * 1024) /* fields of a request, and of its answer */
#define TLS_PRIORITIES	  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-SHA1:-RSA"

struct listener {
	int fd;
	sd_event_source *source;
};

struct port {
	sd_event *loop;
	struct MHD_Daemon *daemon;
	sd_event_source *source;
	sd_event_source *timer;	      /* the library's next time-out */
	sd_event_source *sweep_timer; /* runs while there are visitors */
	sd_event_source *pause_timer; /* accepting goes on */
	sd_event_source *wake;	      /* a resumed connection waits for its run */
	struct visitors visitors;
	struct listener listener[PORT_LISTENERS_MAX];
	unsigned listeners;
	struct log_limiter log_limiter;
	struct port_options options;
};

DEFINE_CLEANUP(struct port *, port_free, cleanup_port)

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void port_run(struct port *port)
{
	unsigned long long msec = 0;
	bool waits = false;

	for (int i = 0; i < RUNS_AT_ONCE; i++) {
		MHD_run(port->daemon);
		waits = MHD_get_timeout(port->daemon, &msec) == MHD_YES;
		if (!waits || msec > 0)
			break;
	}
	if (!waits)
		loop_timer_stop(port->timer);
	else if (loop_timer_set(port->loop, &port->timer, msec * USEC_PER_MSEC, on_timer, port,
			 "web-timeout") < 0)
		log_warning("No timer for the page: idle connections stay open.");
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	port_run(userdata);
	return 0;
}

static int on_wake(sd_event_source *source, void *userdata)
{
	port_run(userdata);
	return 0;
}

/* Without a thread of its own the library does not wake us when a connection is resumed. */
void port_wake(struct port *port)
{
	sd_event_source_set_enabled(port->wake, SD_EVENT_ONESHOT);
}

static int on_epoll(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	port_run(userdata);
	return 0;
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct port *port = userdata;

	visitors_sweep(&port->visitors, clock_boot_usec());
	port_run(port);
	if (port->visitors.first)
		loop_timer_set(port->loop, &port->sweep_timer, SWEEP_USEC, on_sweep, port, NULL);
	return 0;
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct port *port = userdata;

	if (code != MHD_CONNECTION_NOTIFY_STARTED) {
		visitor_end(&port->visitors, *context);
		return;
	}
	if (!port->visitors.first)
		loop_timer_set(
			port->loop, &port->sweep_timer, SWEEP_USEC, on_sweep, port, "web-sweep");
	*context = visitor_begin(&port->visitors, connection, clock_boot_usec());
}

void port_hold(struct MHD_Connection *connection)
{
	struct visitor *visitor = visitor_of(connection);

	if (visitor)
		visitor->deadline_usec = UINT64_MAX;
}

void port_know(struct MHD_Connection *connection, bool known)
{
	struct visitor *visitor = visitor_of(connection);

	if (visitor)
		visitor->known = known;
}

/* The next request on this connection has its own time. */
static void on_completed(void *userdata, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode code)
{
	struct port *port = userdata;
	struct visitor *visitor = visitor_of(connection);

	if (visitor) {
		visitor->idle_usec = clock_boot_usec();
		visitor->deadline_usec = visitor->idle_usec + VISITOR_REQUEST_USEC;
		visitor->asked = true;
	}
	port->options.completed(port->options.userdata, connection, request, code);
}

/* The first line of a request has come. */
static void *on_begin(void *userdata, const char *uri, struct MHD_Connection *connection)
{
	struct port *port = userdata;
	struct visitor *visitor = visitor_of(connection);

	if (visitor)
		visitor->idle_usec = 0;
	return port->options.begin(port->options.userdata, uri, connection);
}

/* The library decodes percent signs before it looks for NUL; we read addresses as they came. */
static size_t keep_escapes(void *userdata, struct MHD_Connection *connection, char *text)
{
	size_t size = 0;

	while (text[size])
		size++;
	return size;
}

/* What the library has to say is about single connections: of interest to who looks for a fault. */
static void on_library_message(void *userdata, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void on_library_message(void *userdata, const char *format, va_list arguments)
{
	char message[256];

	if (log_level() < LOG_DEBUG)
		return;
	vsnprintf(message, sizeof(message), format, arguments);
	message[strcspn(message, "\n")] = 0;
	log_debug("libmicrohttpd: %s", message);
}

static int start_daemon(struct port *port, const struct port_options *options)
{
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->chain},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	/* On the control socket the library is silent: it takes each answer as an occasion to
	 * complain that a Unix socket has no TCP options. */
	unsigned flags = MHD_USE_EPOLL | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_NO_LISTEN_SOCKET |
			 (options->key ? MHD_USE_TLS | MHD_USE_ERROR_LOG : 0);

	port->daemon = MHD_start_daemon(flags, 0, NULL, NULL, options->handle, options->userdata,
		MHD_OPTION_EXTERNAL_LOGGER, on_library_message, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_LIMIT, options->connections + ACCEPT_AT_ONCE,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		options->per_address ? options->per_address + ACCEPT_AT_ONCE : 0,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_SECONDS,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, port, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, port, MHD_OPTION_URI_LOG_CALLBACK, on_begin, port,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_ARRAY, options->key ? tls : none, MHD_OPTION_END);
	return port->daemon ? 0 : -EIO;
}

static int add_sources(struct port *port, const char *description)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(port->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	if (!info)
		return -EIO;
	r = sd_event_add_io(port->loop, &port->source, info->epoll_fd, EPOLLIN, on_epoll, port);
	if (r < 0)
		return r;
	r = sd_event_source_set_description(port->source, description);
	if (r < 0)
		return r;
	r = sd_event_add_defer(port->loop, &port->wake, on_wake, port);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(port->wake, SD_EVENT_OFF);
}

int port_new(sd_event *loop, const struct port_options *options, struct port **ret)
{
	CLEANUP(cleanup_port) struct port *port = calloc(1, sizeof(*port));
	int r;

	if (!port)
		return -ENOMEM;
	port->loop = sd_event_ref(loop);
	port->options = *options;
	port->options.key = port->options.chain = NULL; /* not ours to keep */
	r = start_daemon(port, options);
	if (r < 0)
		return r;
	r = add_sources(port, options->key ? "web" : "web-control");
	if (r < 0)
		return r;
	*ret = STEAL(port);
	return 0;
}

struct port *port_free(struct port *port)
{
	if (!port)
		return NULL;
	for (unsigned i = 0; i < port->listeners; i++) {
		loop_source_free(port->listener[i].source);
		close(port->listener[i].fd);
	}
	loop_source_free(port->source);
	loop_source_free(port->timer);
	loop_source_free(port->sweep_timer);
	loop_source_free(port->pause_timer);
	loop_source_free(port->wake);
	port->sweep_timer = NULL;
	if (port->daemon)
		MHD_stop_daemon(port->daemon);
	sd_event_unref(port->loop);
	free(port);
	return NULL;
}

static void accepting(struct port *port, int enabled)
{
	for (unsigned i = 0; i < port->listeners; i++)
		sd_event_source_set_enabled(port->listener[i].source, enabled);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	accepting(userdata, SD_EVENT_ON);
	return 0;
}

/* Out of descriptors or memory: the waiting connection would wake us for ever. */
static void pause_accepting(struct port *port, int error)
{
	uint64_t suppressed;

	if (loop_timer_set(port->loop, &port->pause_timer, ACCEPT_PAUSE_USEC, on_pause_over, port,
		    "web-accept-pause") < 0)
		return;
	accepting(port, SD_EVENT_OFF);
	if (log_limiter_allow(&port->log_limiter, clock_boot_usec(), &suppressed))
		log_warning("A connection to the page cannot be accepted (error %d); trying again "
			    "in a second.",
			error);
}

/* An address that has too many gives one of its own for the newcomer, or gets none more. */
static bool address_has_place(struct port *port, const struct sockaddr *address)
{
	unsigned most = port->options.per_address;
	struct in6_addr ip;

	if (!most || !guard_address_from_sockaddr(address, &ip) ||
		visitors_held(&port->visitors, &ip) < most)
		return true;
	port->options.limits->reached[LIMIT_HTTP_PER_ADDRESS]++;
	return visitors_make_room_at(&port->visitors, &ip, clock_boot_usec());
}

static bool find_place(struct port *port, const struct sockaddr *address)
{
	if (!address_has_place(port, address))
		return false;
	if (port->visitors.count < port->options.connections)
		return true;
	port->options.limits->reached[LIMIT_HTTP_CONNECTIONS]++;
	return visitors_make_room(&port->visitors, clock_boot_usec());
}

/* True while there may be more. */
static bool accept_one(struct port *port, int listen_fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	int fd = accept4(
		listen_fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(port, errno);
		return errno == ECONNABORTED || errno == EINTR;
	}
	if (!find_place(port, (struct sockaddr *)&address)) {
		close(fd);
		return true;
	}
	/* The socket is the library's now, also when it refuses. From 1.0 on it tells of a
	 * connection only when it runs: without that, those of one burst would not be counted. */
	MHD_add_connection(port->daemon, fd, (struct sockaddr *)&address, size);
	MHD_run(port->daemon);
	return true;
}

static int on_listener(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct port *port = userdata;

	for (int i = 0; i < ACCEPT_AT_ONCE; i++)
		if (!accept_one(port, fd))
			break;
	port_run(port);
	return 0;
}

int port_listen(struct port *port, int fd)
{
	struct listener *listener = &port->listener[port->listeners];
	int r;

	if (port->listeners == PORT_LISTENERS_MAX)
		return -E2BIG;
	r = sd_event_add_io(port->loop, &listener->source, fd, EPOLLIN, on_listener, port);
	if (r < 0)
		return r;
	sd_event_source_set_description(listener->source, "web-listener");
	listener->fd = fd;
	port->listeners++;
	return 0;
}
