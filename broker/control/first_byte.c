/* SPDX-License-Identifier: MIT */
#include "broker/control/first_byte.h"

#include <errno.h>
#include <sys/socket.h>

enum { LOOK_AT = 256 };

static void readable_cb(evutil_socket_t fd, short what, void *arg);

int first_byte_begin(struct first_byte_wait *wait, struct loop *loop, int fd,
                     void (*on_first_byte)(struct first_byte_wait *wait, enum first_byte first))
{
    *wait = (struct first_byte_wait){.fd = fd, .on_first_byte = on_first_byte};
    (void)event_assign(&wait->readable, loop_base(loop), fd, EV_READ | EV_PERSIST, readable_cb,
                       wait);
    return event_add(&wait->readable, NULL) < 0 ? -ENOMEM : 0;
}

void first_byte_cancel(struct first_byte_wait *wait)
{
    (void)event_del(&wait->readable);
}

static void tell(struct first_byte_wait *wait, enum first_byte first)
{
    first_byte_cancel(wait);
    wait->on_first_byte(wait, first);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
    struct first_byte_wait *wait = arg;
    char bytes[LOOK_AT];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    ssize_t blanks = 0;

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        tell(wait, FIRST_BYTE_NEVER);
        return;
    }
    while (blanks < n && is_blank(bytes[blanks])) {
        blanks++;
    }
    if (blanks > 0) { /* the same bytes again: the others stay where they are */
        (void)!recv(fd, bytes, (size_t)blanks, MSG_DONTWAIT);
    }
    if (blanks < n) {
        tell(wait, bytes[blanks] >= 'A' && bytes[blanks] <= 'Z' ? FIRST_BYTE_OF_HTTP
                                                                : FIRST_BYTE_OF_JSON);
    }
}
