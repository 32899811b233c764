/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library asks for bytes by stream_read(). With nothing to say the connection is suspended
 * there, inside the callback, as the library wants it; news resumes it. While it is not suspended
 * the library has bytes that the client has not taken yet: that is how a slow reader is known.
 *
 *	news -> 'due' of the hub, timer -> pending bits of each stream, resume -> stream_read()
 *
 * A beat every 15 s says how long the session lasts, which also finds clients that went away. The
 * hub sleeps while nobody listens.
 */

#include "web/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "web/request.h"
#include "web/texts.h"

#define EVENT_MAX	 256
#define BEAT_USEC	 (15 * USEC_PER_SEC)
#define STATE_USEC	 (100 * USEC_PER_MSEC)
#define TRAFFIC_USEC	 (1 * USEC_PER_SEC)
#define SLOW_USEC	 (30 * USEC_PER_SEC)
#define SEND_BUFFER_SIZE (8 * 1024)
#define NEWS_LEFT	 4u /* beside enum api_news */

struct stream {
	struct stream *next, *previous;
	struct streams *hub; /* NULL: the page is closing */
	struct MHD_Connection *connection;
	struct port *port;
	int watch_fd; /* the connection's, once more: tells when the client leaves */
	sd_event_source *watch;
	uint64_t session_number; /* 0 on the control socket */
	unsigned pending;	 /* kinds of news to tell */
	bool suspended, ending;
	uint64_t busy_usec; /* since when the library holds bytes that are not taken */
};

struct streams {
	struct web *web;
	struct stream *first;
	unsigned count;
	unsigned due; /* kinds of news that the timer will hand out */
	uint64_t due_usec;
	uint64_t beat_usec;
	sd_event_source *timer;
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* --- one stream --- */

static void stream_unlink(struct stream *stream)
{
	struct streams *hub = stream->hub;

	if (!hub)
		return;
	if (stream->next)
		stream->next->previous = stream->previous;
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		hub->first = stream->next;
	hub->count--;
	stream->hub = NULL;
}

static void stream_released(void *userdata)
{
	struct stream *stream = userdata;

	stream_unlink(stream);
	loop_source_free(stream->watch);
	if (stream->watch_fd >= 0)
		close(stream->watch_fd);
	free(stream);
}

static void stream_resume(struct stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	stream->busy_usec = clock_boot_usec();
	MHD_resume_connection(stream->connection);
	port_wake(stream->port);
}

static struct session *session_of(const struct stream *stream)
{
	return session_by_number(stream->hub->web->sessions, stream->session_number);
}

static bool session_is_over(const struct stream *stream)
{
	const struct session *session;

	if (stream->session_number == 0)
		return false;
	session = session_of(stream);
	return !session || session_left_usec(session, clock_boot_usec()) == 0;
}

static size_t put_event(const struct stream *stream, unsigned kind, char *to, size_t capacity)
{
	const struct streams *hub = stream->hub;
	unsigned long long value = api_revision(hub->web->api);
	const char *name = kind == API_NEWS_STATE ? "state" : "traffic";
	int size;

	if (kind == NEWS_LEFT) {
		const struct session *session = session_of(stream);

		if (!session) /* on the control socket: only a sign of life */
			return (size_t)snprintf(to, capacity, ":\n\n");
		value = session_left_usec(session, clock_boot_usec()) / USEC_PER_SEC;
		name = "left";
	}
	size = snprintf(to, capacity, "event: %s\ndata: %llu\n\n", name, value);
	return (size_t)size < capacity ? (size_t)size : 0;
}

static ssize_t stream_read(void *userdata, uint64_t position, char *buffer, size_t capacity)
{
	static const unsigned kinds[] = {API_NEWS_STATE, API_NEWS_TRAFFIC, NEWS_LEFT};
	struct stream *stream = userdata;
	size_t size = 0;

	if (stream->ending || !stream->hub || capacity < EVENT_MAX)
		return MHD_CONTENT_READER_END_OF_STREAM;
	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		if (stream->pending & kinds[i])
			size += put_event(stream, kinds[i], buffer + size, capacity - size);
	stream->pending = 0;
	if (size > 0)
		return (ssize_t)size;
	MHD_suspend_connection(stream->connection);
	stream->suspended = true;
	return 0;
}

/* --- the hub --- */

static void plan(struct streams *hub, uint64_t now_usec)
{
	uint64_t next = hub->beat_usec;

	if (hub->due && hub->due_usec < next)
		next = hub->due_usec;
	if (hub->count == 0)
		loop_timer_stop(hub->timer);
	else
		loop_timer_set(hub->web->loop, &hub->timer, next > now_usec ? next - now_usec : 0,
			on_timer, hub, "web-streams");
}

static int connection_fd(const struct stream *stream)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(stream->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

/* The library notices when it looks at the socket the next time. */
static void cut(struct stream *stream)
{
	int fd = connection_fd(stream);

	stream->hub->web->limits->reached[LIMIT_STREAMS_WEB]++;
	stream->ending = true;
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	stream_resume(stream);
	port_wake(stream->port);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct streams *hub = userdata;
	uint64_t now_usec = clock_boot_usec();
	unsigned kinds = 0;

	if (hub->due && hub->due_usec <= now_usec) {
		kinds = hub->due;
		hub->due = 0;
	}
	if (hub->beat_usec <= now_usec) {
		kinds |= NEWS_LEFT;
		hub->beat_usec = now_usec + BEAT_USEC;
	}
	for (struct stream *stream = hub->first; stream; stream = stream->next) {
		if (!stream->suspended && !stream->ending &&
			now_usec - stream->busy_usec > SLOW_USEC) {
			cut(stream);
			continue;
		}
		stream->ending = stream->ending || session_is_over(stream);
		stream->pending |= kinds;
		if (stream->pending || stream->ending)
			stream_resume(stream);
	}
	plan(hub, now_usec);
	return 0;
}

static void on_news(void *userdata, enum api_news news)
{
	struct streams *hub = userdata;
	uint64_t now_usec, due_usec;

	if (hub->count == 0)
		return;
	now_usec = clock_boot_usec();
	due_usec = now_usec + (news == API_NEWS_STATE ? STATE_USEC : TRAFFIC_USEC);
	if (!hub->due || due_usec < hub->due_usec)
		hub->due_usec = due_usec;
	if (!(hub->due & news)) {
		hub->due |= news;
		plan(hub, now_usec);
	}
}

void streams_sessions_ended(struct streams *hub)
{
	for (struct stream *stream = hub ? hub->first : NULL; stream; stream = stream->next)
		if (session_is_over(stream)) {
			stream->ending = true;
			stream_resume(stream);
		}
}

unsigned streams_count(const struct streams *hub)
{
	return hub->count;
}

/* --- begin and end --- */

static bool too_many(struct streams *hub, uint64_t session_number)
{
	struct limits *limits = hub->web->limits;
	uint64_t own = 0;

	if (hub->count >= limits->value[LIMIT_STREAMS_WEB]) {
		limits->reached[LIMIT_STREAMS_WEB]++;
		return true;
	}
	for (const struct stream *stream = hub->first; stream; stream = stream->next)
		own += stream->session_number == session_number && session_number != 0;
	if (own < limits->value[LIMIT_STREAMS_SESSION])
		return false;
	limits->reached[LIMIT_STREAMS_SESSION]++;
	return true;
}

static struct stream *stream_new(struct streams *hub, struct request *request)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	*stream = (struct stream){
		.next = hub->first,
		.hub = hub,
		.connection = request->connection,
		.port = request->local ? hub->web->control : hub->web->page,
		.watch_fd = -1,
		.session_number = request->session_number,
		.pending = API_NEWS_STATE | NEWS_LEFT, /* whoever comes back has missed some */
		.busy_usec = clock_boot_usec(),
	};
	if (stream->next)
		stream->next->previous = stream;
	hub->first = stream;
	if (hub->count++ == 0)
		hub->beat_usec = clock_boot_usec() + BEAT_USEC;
	return stream;
}

static int on_left(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct stream *stream = userdata;

	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	stream->ending = true;
	stream_resume(stream);
	return 0;
}

/* Little may pile up in the kernel for somebody who does not read. While it is suspended the
 * library does not look at the connection: we see when the client closes it. Without that it is
 * noticed two beats later. */
static void take_care_of_socket(struct stream *stream)
{
	int fd = connection_fd(stream), size = SEND_BUFFER_SIZE;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	stream->watch_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (stream->watch_fd >= 0)
		sd_event_add_io(stream->hub->web->loop, &stream->watch, stream->watch_fd,
			EPOLLRDHUP, on_left, stream);
}

void stream_begin(struct streams *hub, struct request *request)
{
	struct MHD_Response *response;
	struct stream *stream;

	if (too_many(hub, request->session_number)) {
		request_answer_error(request, 429, "too-many", text(TEXT_TOO_MANY_SCREENS));
		return;
	}
	stream = stream_new(hub, request);
	response = stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4 * EVENT_MAX,
				    stream_read, stream, stream_released)
			  : NULL;
	if (!response && stream)
		stream_released(stream);
	if (response) {
		take_care_of_socket(stream);
		port_hold(request->connection);
	}
	request_answer_stream(request, "text/event-stream", response);
	plan(hub, clock_boot_usec());
}

int streams_new(struct web *web, struct streams **ret)
{
	struct streams *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return -ENOMEM;
	hub->web = web;
	api_watch(web->api, on_news, hub);
	*ret = hub;
	return 0;
}

struct streams *streams_free(struct streams *hub)
{
	if (!hub)
		return NULL;
	api_watch(hub->web->api, NULL, NULL);
	while (hub->first) {
		struct stream *stream = hub->first;

		stream->ending = true;
		stream_resume(stream);
		stream_unlink(stream); /* the library frees it with its connection */
	}
	loop_source_free(hub->timer);
	free(hub);
	return NULL;
}
