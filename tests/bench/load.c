/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load of CoAP sensors, and nothing but that: it has to cost far less than what it measures.
 *
 * Each sensor is one address (127.x.y.z) with one confirmable request under way (NSTART of RFC 7252
 * is 1). Several share a socket and so a source port: the source address goes with each datagram
 * (IP_PKTINFO), so that recvmmsg() and sendmmsg() move what many sensors have to say in one call,
 * and the server sees as many peers as there are sensors.
 *
 * Every answer is checked: its sensor's address, message id, token, type and code. What is not
 * answered is sent again (RFC 7252 4.2), what is given up is counted. A separate answer is
 * acknowledged. Echo (RFC 9175) and Max-Age with 5.03 and 4.29 are honoured.
 *
 * A run has three parts: warm-up, the measured one, and the wait for what is under way. With --once
 * each sensor asks until it has one good answer, and the run ends with the last of them. With
 * --reflect it is a server that answers 2.04 to everything: what the load itself could carry.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load-message.h"

#define BATCH	    64
#define SLOT	    1536
#define TIMEOUT	    2000000 /* microseconds: ACK_TIMEOUT */
#define TRIES	    5	    /* the first one and MAX_RETRANSMIT */
#define TICK	    5000    /* between two looks at who is due */
#define GRACE	    8000000 /* for what is under way in the end */
#define BUFFER	    (4 * 1024 * 1024)
#define BUCKETS	    200000 /* of 10 microseconds */
#define BUCKET_USEC 10

struct sensor {
	uint8_t *request;
	size_t size, value_at;
	uint8_t echo[MESSAGE_ECHO_MAX];
	size_t echo_size;
	struct in_addr address;
	uint32_t value;
	uint16_t message_id;
	uint8_t tries; /* of the request under way; 0 = none is */
	bool acknowledged, done;
	uint64_t began, due;
};

struct port {
	int fd;
	unsigned waiting; /* datagrams in 'out' */
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_vector[BATCH], out_vector[BATCH];
	uint8_t in_data[BATCH][SLOT], in_control[BATCH][64];
	uint8_t out_control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
	uint8_t small[BATCH][4]; /* acknowledgements */
};

struct load {
	struct message_options options;
	unsigned sensors, ports, every_msec;
	double warm_up, seconds;
	bool once;
	struct sockaddr_in server;
	struct in_addr first;
	struct sensor *sensor;
	struct port *port;
	int epoll_fd;
	uint64_t begin, end, now;
	bool stopping;
	unsigned under_way, done;
	uint64_t answered, measured, again, lost, wrong, late, echoes;
	uint64_t code[256];
	uint32_t bucket[BUCKETS + 1];
	uint64_t slowest;
};

static uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- sending ---- */

static void flush(struct port *port)
{
	unsigned sent = 0;

	while (sent < port->waiting) {
		int n = sendmmsg(port->fd, port->out + sent, port->waiting - sent, 0);

		if (n < 0 && errno != EINTR && errno != ECONNREFUSED)
			die("sendmmsg");
		sent += n > 0 ? (unsigned)n : 0;
	}
	port->waiting = 0;
}

static struct port *port_of(struct load *load, const struct sensor *sensor)
{
	return &load->port[(unsigned)(sensor - load->sensor) % load->ports];
}

static void put(struct load *load, struct sensor *sensor, uint8_t *data, size_t size)
{
	struct port *port = port_of(load, sensor);
	struct in_pktinfo *info;
	struct cmsghdr *control;
	struct msghdr *header;

	if (port->waiting == BATCH)
		flush(port);
	header = &port->out[port->waiting].msg_hdr;
	port->out_vector[port->waiting] = (struct iovec){data, size};
	*header = (struct msghdr){.msg_name = &load->server,
		.msg_namelen = sizeof(load->server),
		.msg_iov = &port->out_vector[port->waiting],
		.msg_iovlen = 1,
		.msg_control = port->out_control[port->waiting],
		.msg_controllen = sizeof(port->out_control[0])};
	control = CMSG_FIRSTHDR(header);
	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = IP_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(*info));
	info = (struct in_pktinfo *)CMSG_DATA(control);
	*info = (struct in_pktinfo){.ipi_spec_dst = sensor->address};
	port->waiting++;
}

static void acknowledge(struct load *load, struct sensor *sensor, uint16_t message_id)
{
	struct port *port = port_of(load, sensor);
	uint8_t *data;

	if (port->waiting == BATCH)
		flush(port);
	data = port->small[port->waiting];
	message_acknowledgement(message_id, data);
	put(load, sensor, data, 4);
}

static void ask(struct load *load, struct sensor *sensor)
{
	sensor->message_id++;
	sensor->value++;
	message_renew(sensor->request, sensor->value_at, sensor->message_id, sensor->value);
	sensor->tries = 1;
	sensor->acknowledged = false;
	sensor->began = load->now;
	sensor->due = load->now + TIMEOUT;
	load->under_way++;
	put(load, sensor, sensor->request, sensor->size);
}

static void compose(struct load *load, struct sensor *sensor)
{
	uint32_t number = (uint32_t)(sensor - load->sensor);

	free(sensor->request);
	sensor->request = message_request(&load->options, number, sensor->echo, sensor->echo_size,
		&sensor->size, &sensor->value_at);
	if (!sensor->request)
		die("memory");
}

/* ---- answers ---- */

static void settle(struct load *load, struct sensor *sensor)
{
	sensor->tries = 0;
	load->under_way--;
}

static void count(struct load *load, const struct sensor *sensor, uint8_t code)
{
	uint64_t took = load->now - sensor->began, at = took / BUCKET_USEC;

	load->code[code]++;
	if (code >> 5 != 2)
		return;
	load->answered++;
	if (load->now < load->begin || load->now >= load->end)
		return;
	load->measured++;
	load->bucket[at < BUCKETS ? at : BUCKETS]++;
	if (took > load->slowest)
		load->slowest = took;
}

/* When this sensor speaks next, or that it is done. */
static void go_on(struct load *load, struct sensor *sensor, const struct message *answer)
{
	bool good = answer->code >> 5 == 2;

	if (load->once && good) {
		sensor->done = true;
		load->done++;
		return;
	}
	if (answer->code == MESSAGE_CODE(4, 1) && answer->echo_size) {
		memcpy(sensor->echo, answer->echo, answer->echo_size);
		sensor->echo_size = answer->echo_size;
		load->echoes++;
		compose(load, sensor);
		sensor->due = load->now;
	} else if (!good)
		sensor->due =
			load->now + (answer->max_age < 3 ? answer->max_age : 3) * 1000000 + 100000;
	else
		sensor->due = sensor->began + load->every_msec * 1000;
	if (sensor->due <= load->now && !load->stopping)
		ask(load, sensor);
}

static void take(struct load *load, const uint8_t *data, size_t size, struct in_addr to)
{
	struct message answer;
	struct sensor *sensor;

	if (!message_read(data, size, &answer)) {
		load->wrong++;
		return;
	}
	/* An empty acknowledgement has no token: its message id and address say whose it is. */
	uint32_t number = answer.code ? answer.token : ntohl(to.s_addr) - ntohl(load->first.s_addr);
	if (number >= load->sensors || load->sensor[number].address.s_addr != to.s_addr) {
		load->wrong++;
		return;
	}
	sensor = &load->sensor[number];
	if (answer.code && answer.type == MESSAGE_CON)
		acknowledge(load, sensor, answer.message_id);
	if (!sensor->tries ||
		(answer.type == MESSAGE_ACK && answer.message_id != sensor->message_id)) {
		load->late++;
		return;
	}
	if (!answer.code && answer.type == MESSAGE_ACK) {
		sensor->acknowledged = true;
		return;
	}
	settle(load, sensor);
	if (answer.type == MESSAGE_RST) {
		load->wrong++;
		sensor->due = load->now + 100000;
		return;
	}
	count(load, sensor, answer.code);
	go_on(load, sensor, &answer);
}

static struct in_addr destination(struct msghdr *header)
{
	struct in_addr none = {0};

	for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at))
		if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO)
			return ((struct in_pktinfo *)CMSG_DATA(at))->ipi_addr;
	return none;
}

static void hear(struct load *load, struct port *port)
{
	int n;

	do {
		for (unsigned i = 0; i < BATCH; i++)
			port->in[i].msg_hdr.msg_controllen = sizeof(port->in_control[i]);
		n = recvmmsg(port->fd, port->in, BATCH, MSG_DONTWAIT, NULL);
		load->now = now_usec();
		for (int i = 0; i < n; i++)
			take(load, port->in_data[i], port->in[i].msg_len,
				destination(&port->in[i].msg_hdr));
		flush(port);
	} while (n == BATCH);
}

/* Who waited for too long, and whose turn it is. */
static void tick(struct load *load)
{
	load->now = now_usec();
	for (unsigned i = 0; i < load->sensors; i++) {
		struct sensor *sensor = &load->sensor[i];

		if (sensor->done || sensor->due > load->now || sensor->acknowledged)
			continue;
		if (!sensor->tries) {
			if (!load->stopping)
				ask(load, sensor);
		} else if (sensor->tries == TRIES) {
			load->lost++;
			settle(load, sensor);
		} else {
			load->again++;
			sensor->due = load->now + ((uint64_t)TIMEOUT << sensor->tries++);
			put(load, sensor, sensor->request, sensor->size);
		}
	}
	for (unsigned i = 0; i < load->ports; i++)
		flush(&load->port[i]);
}

static void run(struct load *load)
{
	struct epoll_event events[BATCH];
	uint64_t started = load->now = now_usec(), next = started;

	load->begin = started + (uint64_t)(load->warm_up * 1e6);
	load->end = load->begin + (uint64_t)(load->seconds * 1e6);
	for (unsigned i = 0; i < load->sensors; i++)
		load->sensor[i].due =
			started + (uint64_t)load->every_msec * 1000 * i / load->sensors;
	do {
		if (now_usec() >= next) {
			tick(load);
			next = load->now + TICK;
		}
		int n = epoll_wait(load->epoll_fd, events, BATCH, TICK / 1000);
		for (int i = 0; i < n; i++)
			hear(load, events[i].data.ptr);
		load->stopping =
			now_usec() >= load->end || (load->once && load->done == load->sensors);
	} while (!load->stopping || (load->under_way && now_usec() < load->end + GRACE));
	load->now = now_usec();
	if (load->once)
		load->end = load->now;
}

/* ---- the beginning ---- */

static int udp(const struct sockaddr_in *local)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, size = BUFFER;

	if (fd < 0 || bind(fd, (const struct sockaddr *)local, sizeof(*local)) < 0)
		die("socket");
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static void slots_prepare(struct port *port)
{
	for (unsigned i = 0; i < BATCH; i++) {
		port->in_vector[i] = (struct iovec){port->in_data[i], SLOT};
		port->in[i].msg_hdr = (struct msghdr){.msg_iov = &port->in_vector[i],
			.msg_iovlen = 1,
			.msg_control = port->in_control[i]};
	}
}

static void prepare(struct load *load)
{
	const struct sockaddr_in any = {.sin_family = AF_INET};

	load->sensor = calloc(load->sensors, sizeof(*load->sensor));
	load->port = calloc(load->ports, sizeof(*load->port));
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!load->sensor || !load->port || load->epoll_fd < 0)
		die("memory");
	for (unsigned i = 0; i < load->ports; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load->port[i]};

		load->port[i].fd = udp(&any);
		slots_prepare(&load->port[i]);
		epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, load->port[i].fd, &event);
	}
	for (unsigned i = 0; i < load->sensors; i++) {
		load->sensor[i].address.s_addr = htonl(ntohl(load->first.s_addr) + i);
		load->sensor[i].message_id = (uint16_t)(now_usec() * 31 + i);
		compose(load, &load->sensor[i]);
	}
}

/* ---- the end ---- */

static double percentile(const struct load *load, double part)
{
	uint64_t wanted = (uint64_t)((double)load->measured * part), seen = 0;

	for (unsigned i = 0; i <= BUCKETS; i++) {
		seen += load->bucket[i];
		if (seen > wanted)
			return i == BUCKETS ? (double)load->slowest / 1000
					    : (double)(i + 1) * BUCKET_USEC / 1000;
	}
	return 0;
}

static void report(const struct load *load)
{
	struct rusage usage;
	double seconds = (double)(load->end - load->begin) / 1e6;

	getrusage(RUSAGE_SELF, &usage);
	printf("{\"answered\":%llu,\"measured\":%llu,\"seconds\":%.3f,\"rate\":%.1f,"
	       "\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f,"
	       "\"again\":%llu,\"lost\":%llu,\"wrong\":%llu,\"late\":%llu,\"echoes\":%llu,"
	       "\"unanswered\":%u,\"cpu\":%.3f,\"codes\":{",
		(unsigned long long)load->answered, (unsigned long long)load->measured, seconds,
		(double)load->measured / seconds, percentile(load, 0.5), percentile(load, 0.9),
		percentile(load, 0.99), (double)load->slowest / 1000,
		(unsigned long long)load->again, (unsigned long long)load->lost,
		(unsigned long long)load->wrong, (unsigned long long)load->late,
		(unsigned long long)load->echoes, load->under_way,
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	const char *comma = "";
	for (unsigned i = 0; i < 256; i++) {
		if (!load->code[i])
			continue;
		printf("%s\"%u.%02u\":%llu", comma, i >> 5, i & 31,
			(unsigned long long)load->code[i]);
		comma = ",";
	}
	printf("}}\n");
}

/* A server that is faster than any: 2.04 to everything, until it is ended. */
static void reflect(struct load *load)
{
	static struct port port;
	static struct sockaddr_in from[BATCH];

	port.fd = udp(&load->server);
	slots_prepare(&port);
	for (;;) {
		for (unsigned i = 0; i < BATCH; i++) {
			port.in_vector[i].iov_len = SLOT;
			port.in[i].msg_hdr.msg_name = &from[i];
			port.in[i].msg_hdr.msg_namelen = sizeof(from[i]);
			port.in[i].msg_hdr.msg_controllen = 0;
			port.in[i].msg_hdr.msg_control = NULL;
		}
		int n = recvmmsg(port.fd, port.in, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++)
			port.in_vector[i].iov_len =
				message_answer(port.in_data[i], port.in[i].msg_len);
		if (n > 0 && sendmmsg(port.fd, port.in, (unsigned)n, 0) < 0 && errno != EINTR)
			die("sendmmsg");
	}
}

static void usage(void)
{
	fputs("load PORT [--sensors N] [--ports N] [--size BYTES] [--warm-up S] [--seconds S]\n"
	      "          [--every MSEC] [--path PATH] [--prefix NAME] [--from ADDRESS] [--put] "
	      "[--format N]\n"
	      "          [--once]\n"
	      "load PORT --reflect\n",
		stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"sensors", 1, 0, 'n'}, {"ports", 1, 0, 'P'},
		{"size", 1, 0, 's'}, {"warm-up", 1, 0, 'w'}, {"seconds", 1, 0, 't'},
		{"every", 1, 0, 'e'}, {"path", 1, 0, 'p'}, {"prefix", 1, 0, 'x'},
		{"from", 1, 0, 'f'}, {"once", 0, 0, '1'}, {"format", 1, 0, 'F'}, {"put", 0, 0, 'u'},
		{"reflect", 0, 0, 'r'}, {0}};
	static struct load load = {
		.options = {.path = "t", .prefix = "s", .size = 64, .format = 110},
		.sensors = 50,
		.warm_up = 0.5,
		.seconds = 3};
	const char *first = "127.64.0.1";
	bool is_server = false;

	for (int letter; (letter = getopt_long(argc, argv, "", known, NULL)) != -1;)
		switch (letter) {
		case 'n':
			load.sensors = (unsigned)atoi(optarg);
			break;
		case 'P':
			load.ports = (unsigned)atoi(optarg);
			break;
		case 's':
			load.options.size = (size_t)atoi(optarg);
			break;
		case 'w':
			load.warm_up = atof(optarg);
			break;
		case 't':
			load.seconds = atof(optarg);
			break;
		case 'e':
			load.every_msec = (unsigned)atoi(optarg);
			break;
		case 'p':
			load.options.path = optarg;
			break;
		case 'x':
			load.options.prefix = optarg;
			break;
		case 'f':
			first = optarg;
			break;
		case '1':
			load.once = true;
			break;
		case 'F':
			load.options.format = (uint8_t)atoi(optarg);
			break;
		case 'u':
			load.options.put = true;
			break;
		case 'r':
			is_server = true;
			break;
		default:
			usage();
		}
	if (optind + 1 != argc || load.sensors < 1 || inet_pton(AF_INET, first, &load.first) != 1)
		usage();
	if (!load.ports)
		load.ports = load.sensors < 16 ? load.sensors : 16;
	load.server = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(argv[optind])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (is_server)
		reflect(&load);
	prepare(&load);
	run(&load);
	report(&load);
	return 0;
}
