/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket is made with mode 0600 (the mode of the descriptor, which bind() takes over)
 * and opened to the group before it listens, so there is no moment in which others could connect.
 */

#include "web/listen.h"

#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "web/guard.h"

#define BACKLOG	      64
#define CONTROL_GROUP "gatehouse"

static int make_sockaddr(const char *text, uint16_t port, struct sockaddr_in6 *ret_address,
	struct sockaddr_in *ret_address4)
{
	const char *zone = strchr(text, '%');
	struct in6_addr ip;

	if (!guard_address_parse(text, &ip))
		return -EINVAL;
	if (IN6_IS_ADDR_V4MAPPED(&ip)) {
		*ret_address4 =
			(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&ret_address4->sin_addr, &ip.s6_addr[12], 4);
		return AF_INET;
	}
	*ret_address = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = ip,
		.sin6_scope_id = zone ? if_nametoindex(zone + 1) : 0,
	};
	return AF_INET6;
}

/* What names its interface is heard on that one alone, whatever addresses it has. */
static int stay_on_interface(int fd, const char *address)
{
	const char *zone = strchr(address, '%');

	if (!zone)
		return 0;
	if (!if_nametoindex(zone + 1))
		return -ENODEV;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, zone + 1, (socklen_t)strlen(zone + 1)) <
			       0
		       ? -errno
		       : 0;
}

int listen_tcp(const char *address, uint16_t port)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	struct sockaddr_in6 address6;
	struct sockaddr_in address4;
	const int on = 1;
	int family = make_sockaddr(address, port, &address6, &address4);
	int r;

	if (family < 0)
		return family;
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0)
		return -errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	r = stay_on_interface(fd, address);
	if (r < 0)
		return r;
	r = family == AF_INET6 ? bind(fd, (struct sockaddr *)&address6, sizeof(address6))
			       : bind(fd, (struct sockaddr *)&address4, sizeof(address4));
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return steal_fd(&fd);
}

uint16_t listen_port(int fd)
{
	struct sockaddr_in6 address = {0}; /* the port stands at the same place for IPv4 */
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return 0;
	if (address.sin6_family != AF_INET6 && address.sin6_family != AF_INET)
		return 0;
	return ntohs(address.sin6_port);
}

static bool somebody_listens(const struct sockaddr_un *address)
{
	CLEANUP(cleanup_close)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
				  errno == EAGAIN);
}

/* Removes what a crash left behind, but nothing that is not a socket. */
static int clear_place(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	if (somebody_listens(address))
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int open_to_group(const char *path)
{
	char buffer[1024];
	struct group group, *found = NULL;

	if (getgrnam_r(CONTROL_GROUP, &group, buffer, sizeof(buffer), &found) == 0 && found &&
		chown(path, (uid_t)-1, found->gr_gid) < 0 && errno != EPERM)
		return -errno;
	return chmod(path, 0660) < 0 ? -errno : 0;
}

int listen_unix(const char *path)
{
	CLEANUP(cleanup_close) int fd = -EBADF;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	r = clear_place(&address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = open_to_group(path);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0) {
		unlink(path);
		return r;
	}
	return steal_fd(&fd);
}
