/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/socket_wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/frame.h"

enum { READ_SIZE = 256 << 10 };

struct socket_wire {
    struct wire wire;
    int fd;
    struct event *readable; /* owned; the first time it comes early, to say on_ready */
    struct event *writable; /* owned; pending while the kernel would not take all of `out` */
    struct frame_reader reader;
    struct bytes out;
    int error; /* the first of a send or flush, told by the next event; 0: none */
    bool is_ready;
};

static void send_text(struct wire *wire, int64_t id, struct span text);
static void flush(struct wire *wire);
static void close_wire(struct wire *wire);
static void read_cb(evutil_socket_t fd, short what, void *arg);
static void write_cb(evutil_socket_t fd, short what, void *arg);

static const struct wire_kind kind = {send_text, flush, close_wire};

static struct socket_wire *wire_of(struct wire *wire)
{
    return LIST_ITEM(wire, struct socket_wire, wire);
}

struct wire *socket_wire_open(struct event_base *base, const struct sockaddr_un *address,
                              const struct wire_events *events, void *owner)
{
    struct socket_wire *self = MEM_NEW(struct socket_wire);

    if (self == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    self->wire = (struct wire){&kind, events, owner};
    frame_reader_init(&self->reader, WIRE_TEXT_MAXIMUM);
    bytes_init(&self->out, (size_t)WIRE_TEXT_MAXIMUM * 4);
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0 || connect(self->fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        int error = errno;

        close_wire(&self->wire);
        errno = error;
        return NULL;
    }
    self->readable = event_new(base, self->fd, EV_READ | EV_PERSIST, read_cb, self);
    self->writable = event_new(base, self->fd, EV_WRITE, write_cb, self);
    if (self->readable == NULL || self->writable == NULL || event_add(self->readable, NULL) < 0) {
        close_wire(&self->wire);
        errno = ENOMEM;
        return NULL;
    }
    event_active(self->writable, EV_WRITE, 0);
    return &self->wire;
}

static void close_wire(struct wire *wire)
{
    struct socket_wire *self = wire_of(wire);

    if (self->readable != NULL) {
        event_free(self->readable);
    }
    if (self->writable != NULL) {
        event_free(self->writable);
    }
    if (self->fd >= 0) {
        (void)close(self->fd);
    }
    frame_reader_done(&self->reader);
    bytes_done(&self->out);
    mem_free(self);
}

static void send_text(struct wire *wire, int64_t id, struct span text)
{
    struct socket_wire *self = wire_of(wire);

    (void)id;
    bytes_append_span(&self->out, text);
    bytes_append_char(&self->out, '\n');
}

/* What is wrong shows at the next reading: a socket that broke is readable. */
static void flush(struct wire *wire)
{
    struct socket_wire *self = wire_of(wire);
    ssize_t n;

    if (self->out.failed) {
        self->error = self->error == 0 ? -ENOBUFS : self->error;
        event_active(self->readable, EV_READ, 0);
        return;
    }
    if (self->out.length == 0) {
        return;
    }
    n = send(self->fd, self->out.at, self->out.length, MSG_NOSIGNAL);
    if (n > 0) {
        bytes_consume(&self->out, (size_t)n);
    }
    if (self->out.length > 0 && (n >= 0 || errno == EAGAIN || errno == EINTR)) {
        (void)event_add(self->writable, NULL);
    }
}

static void write_cb(evutil_socket_t fd, short what, void *arg)
{
    struct socket_wire *self = arg;

    (void)fd;
    (void)what;
    if (!self->is_ready) {
        self->is_ready = true;
        self->wire.events->on_ready(self->wire.owner);
    }
    flush(&self->wire);
}

/* 1 when something was read, 0 when there was nothing, -ENODATA at the end, or another error. */
static int read_some(struct socket_wire *self)
{
    size_t size;
    char *room = frame_reserve(&self->reader, READ_SIZE, &size);
    ssize_t n;

    if (room == NULL) {
        return -ENOMEM;
    }
    n = recv(self->fd, room, size, 0);
    if (n > 0) {
        frame_fed(&self->reader, (size_t)n);
        return 1;
    }
    if (n == 0) {
        return -ENODATA;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

/* Negative for a line that is too long. */
static int take_frames(struct socket_wire *self)
{
    struct span frame;

    for (;;) {
        switch (frame_next(&self->reader, &frame)) {
        case FRAME_NONE:
            return 0;
        case FRAME_TOO_LONG:
            return -EMSGSIZE;
        case FRAME_READY:
            self->wire.events->on_text(self->wire.owner, frame);
            break;
        }
    }
}

static void read_cb(evutil_socket_t fd, short what, void *arg)
{
    struct socket_wire *self = arg;
    int r = self->error < 0 ? self->error : read_some(self);

    (void)fd;
    (void)what;
    if (r > 0) {
        r = take_frames(self);
    }
    if (r < 0) {
        self->wire.events->on_end(self->wire.owner, r == -ENODATA ? 0 : r);
        return;
    }
    flush(&self->wire);
}
