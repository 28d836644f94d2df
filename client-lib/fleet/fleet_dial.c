/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client-lib/fleet/fleet_link.h"

int fleet_dial_await(int fd, short events, int64_t end_ms)
{
    struct pollfd entry = {.fd = fd, .events = events};

    for (;;) {
        int64_t left_ms = end_ms - fleet_link_now_ms();
        int n;

        if (left_ms <= 0) {
            return -ETIMEDOUT;
        }
        n = poll(&entry, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n > 0) {
            return entry.revents;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
}

/* 0 once FD is connected. */
static int finish(int fd, const struct sockaddr *address, socklen_t length, int64_t end_ms)
{
    int error = 0;
    socklen_t size = sizeof(error);
    int r;

    if (connect(fd, address, length) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return -errno;
    }
    r = fleet_dial_await(fd, POLLOUT, end_ms);
    if (r < 0) {
        return r;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        return -errno;
    }
    return -error;
}

static int dial(const struct sockaddr *address, socklen_t length, int64_t end_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0) {
        return -errno;
    }
    r = finish(fd, address, length, end_ms);
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    return fd;
}

int fleet_dial_unix(const char *path, int64_t end_ms, char why[FLEET_DIAL_WHY_SIZE])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    fd = dial((const struct sockaddr *)&address, sizeof(address), end_ms);
    if (fd < 0) {
        (void)snprintf(why, FLEET_DIAL_WHY_SIZE, "%s cannot be reached: %s", path, strerror(-fd));
    }
    return fd;
}

int fleet_dial_tcp(const struct redis_node *node, int64_t end_ms, char why[FLEET_DIAL_WHY_SIZE])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    const int on = 1;
    struct addrinfo *found = NULL;
    char port[8];
    int fd = -EHOSTUNREACH;
    int r;

    (void)snprintf(port, sizeof(port), "%u", node->port);
    r = getaddrinfo(node->host, port, &hints, &found);
    if (r != 0) {
        (void)snprintf(why, FLEET_DIAL_WHY_SIZE, "the name %s is not found: %s", node->host,
                       r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
        return -EHOSTUNREACH;
    }
    for (struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        /* Each address has half of what is left, the last one all of it. */
        int64_t now_ms = fleet_link_now_ms();
        int64_t until_ms = one->ai_next == NULL ? end_ms : now_ms + (end_ms - now_ms) / 2;

        fd = dial(one->ai_addr, one->ai_addrlen, until_ms);
    }
    freeaddrinfo(found);
    if (fd < 0) {
        (void)snprintf(why, FLEET_DIAL_WHY_SIZE, "%s port %u cannot be reached: %s", node->host,
                       node->port, strerror(-fd));
        return fd;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}
