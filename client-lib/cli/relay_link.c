/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/relay_link.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OWN_MAXIMUM = 2 << 20 };

void relay_link_init(struct relay_link *link)
{
    *link = (struct relay_link){.state = RELAY_LINK_NONE, .fd = -1};
    frame_reader_init(&link->reader, RELAY_LINE_MAXIMUM);
    bytes_init(&link->own, OWN_MAXIMUM);
}

void relay_link_adopt(struct relay_link *link, int fd)
{
    link->fd = fd;
    link->state = RELAY_LINK_OPEN;
}

int relay_link_open(struct relay_link *link, const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error;

    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        error = errno;
        (void)close(fd);
        return -error;
    }
    relay_link_adopt(link, fd);
    return 0;
}

void relay_link_close(struct relay_link *link)
{
    if (link->fd >= 0) {
        (void)close(link->fd);
    }
    frame_reader_done(&link->reader);
    bytes_done(&link->own);
    relay_link_init(link);
}

static bool is_transient(int error)
{
    return error == EAGAIN || error == EINTR;
}

int relay_link_send(struct relay_link *link, struct span line, size_t newline, size_t *sent)
{
    static char end[] = "\n";

    while (*sent < line.length + newline) {
        size_t left = *sent < line.length ? line.length - *sent : 0;
        struct iovec parts[2] = {
            {.iov_base = (char *)(uintptr_t)line.at + (line.length - left), .iov_len = left},
            {.iov_base = end, .iov_len = newline},
        };
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t n = sendmsg(link->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0) {
            return is_transient(errno) ? 0 : -errno;
        }
        *sent += (size_t)n;
    }
    return 1;
}

int relay_link_send_own(struct relay_link *link)
{
    int r = relay_link_send(link, bytes_span(&link->own), 0, &link->own_sent);

    if (r == 1) {
        bytes_clear(&link->own);
        link->own_sent = 0;
    }
    return r;
}

void relay_link_shut(struct relay_link *link)
{
    (void)shutdown(link->fd, SHUT_WR);
    link->state = RELAY_LINK_LEAVING;
}

int relay_link_read(struct relay_link *link)
{
    size_t size;
    char *room = frame_reserve(&link->reader, RELAY_READ_SIZE, &size);
    ssize_t n;

    if (room == NULL) {
        return -ENOMEM;
    }
    n = recv(link->fd, room, size, MSG_DONTWAIT);
    if (n > 0) {
        frame_fed(&link->reader, (size_t)n);
        return 1;
    }
    if (n == 0) {
        return 0;
    }
    return is_transient(errno) ? 1 : -errno;
}
