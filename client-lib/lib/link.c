/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/lib/request.h"
#include "proto/base/mem.h"

enum {
    FULL_BYTES = 64 << 10,
    /* One line may be begun while less than FULL_BYTES wait. */
    OUT_MAXIMUM = REQUEST_LINE_MAXIMUM + 2 * FULL_BYTES,
    READ_BYTES = 64 << 10,
};

/* Behind the beginning of any message: then it is none. */
static const char spoil[] = {'\x01', '\n'};

int link_open(const struct sockaddr_un *address, int epoll, size_t frame_maximum,
              struct link **ret_link)
{
    struct link *link = MEM_NEW(struct link);
    int r = 0;

    if (link == NULL) {
        return -ENOMEM;
    }
    link->watch.kind = WATCH_LINK;
    link->epoll = epoll;
    link->pid = getpid();
    link->interest = EPOLLIN;
    list_init(&link->lines);
    list_init(&link->sent);
    frame_reader_init(&link->reader, frame_maximum);
    bytes_init(&link->out, OUT_MAXIMUM);
    link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->fd < 0 || connect(link->fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        watch_control(epoll, EPOLL_CTL_ADD, link->fd, &link->watch, link->interest) < 0) {
        r = -errno;
        link_free(link);
        return r;
    }
    *ret_link = link;
    return 0;
}

void link_free(struct link *link)
{
    if (link == NULL) {
        return;
    }
    CHECK(list_is_empty(&link->lines) && list_is_empty(&link->sent));
    if (link->fd >= 0) {
        /*
         * Closing alone does not take it out of the epoll while a child of fork still has the
         * socket.  In that child the epoll is the parent's.
         */
        if (link->pid == getpid()) {
            (void)watch_control(link->epoll, EPOLL_CTL_DEL, link->fd, &link->watch, 0);
        }
        (void)close(link->fd);
    }
    bytes_done(&link->out);
    frame_reader_done(&link->reader);
    mem_free(link);
}

/* ---- writing */

/* Up to here, of all that the link has carried, the kernel took it. */
static uint64_t taken_of(const struct link *link)
{
    return link->base + link->out_sent;
}

static void set_interest(struct link *link)
{
    bool has_output = !link->is_shut && link->out_sent < link->out.length;
    uint32_t interest = has_output ? EPOLLIN | EPOLLOUT : EPOLLIN;

    /* After a failure the old interest stays: the next write tries again. */
    if (interest != link->interest &&
        watch_control(link->epoll, EPOLL_CTL_MOD, link->fd, &link->watch, interest) == 0) {
        link->interest = interest;
    }
}

bool link_line_is_begun(const struct link *link, const struct link_line *line)
{
    return line->begin < taken_of(link);
}

bool link_is_full(const struct link *link)
{
    return link->out.length - link->out_sent >= FULL_BYTES;
}

struct bytes *link_out(struct link *link)
{
    CHECK(!link->is_shut && link->whole == link->out.length);
    if (link->out_sent > 0) {
        bytes_consume(&link->out, link->out_sent);
        link->base += link->out_sent;
        link->whole -= link->out_sent;
        link->out_sent = 0;
    }
    return &link->out;
}

int link_add(struct link *link, struct link_line *line)
{
    struct bytes *out = &link->out;

    if (out->failed) {
        out->failed = false;
        out->length = link->whole;
        return -ENOMEM;
    }
    if (line != NULL) {
        line->begin = link->base + link->whole;
        line->end = link->base + out->length;
        list_append(&link->lines, &line->in_line);
    }
    link->whole = out->length;
    return 0;
}

/* Nothing more can be written; what came is still to be read. */
static void shut(struct link *link)
{
    link->is_shut = true;
    bytes_trim(&link->out, 0);
    link->base = taken_of(link);
    link->out_sent = link->whole = 0;
}

/* The lines of which the kernel has the last byte are lines no more. */
static void note_taken(struct link *link)
{
    struct list_node *first;

    while ((first = list_first(&link->lines)) != NULL &&
           LIST_ITEM(first, struct link_line, in_line)->end <= taken_of(link)) {
        list_remove(&link->lines, first);
    }
    if (link->out_sent == link->out.length) {
        link->base = taken_of(link);
        link->out_sent = link->whole = 0;
        bytes_trim(&link->out, FULL_BYTES);
    }
}

void link_flush(struct link *link)
{
    while (!link->is_shut && link->out_sent < link->out.length) {
        ssize_t n = send(link->fd, link->out.at + link->out_sent, link->out.length - link->out_sent,
                         MSG_NOSIGNAL);

        if (n >= 0) {
            link->out_sent += (size_t)n;
        } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
            break;
        } else if (errno != EINTR) {
            shut(link);
        }
    }
    note_taken(link);
    set_interest(link);
}

/* The lines behind LINE stand BYTES nearer to the front. */
static void move_lines(struct link *link, const struct link_line *line, uint64_t bytes)
{
    LIST_FOREACH (node, &link->lines) {
        struct link_line *other = LIST_ITEM(node, struct link_line, in_line);

        if (other->begin > line->begin) {
            other->begin -= bytes;
            other->end -= bytes;
        }
    }
}

/* Instead of LENGTH bytes at AT of what waits. */
static bool replace(struct link *link, size_t at, size_t length, struct span with)
{
    struct bytes *out = &link->out;

    if (with.length > length && bytes_reserve(out, with.length - length) == NULL) {
        out->failed = false;
        return false;
    }
    memmove(out->at + at + with.length, out->at + at + length, out->length - at - length);
    if (with.length > 0) {
        memcpy(out->at + at, with.at, with.length);
    }
    out->length = out->length - length + with.length;
    link->whole = out->length;
    return true;
}

bool link_take_back(struct link *link, struct link_line *line)
{
    uint64_t taken = taken_of(link);
    bool is_begun = link_line_is_begun(link, line);
    uint64_t from = is_begun ? taken : line->begin;
    struct span with = is_begun ? (struct span){spoil, sizeof(spoil)} : (struct span){spoil, 0};

    CHECK(list_has(&link->lines, &line->in_line));
    if (!link->is_shut) {
        size_t length = (size_t)(line->end - from);

        if (!replace(link, (size_t)(from - link->base), length, with)) {
            return false;
        }
        /* Wraps where the last byte alone had to become two, and is right all the same. */
        move_lines(link, line, (uint64_t)length - with.length);
    }
    list_remove(&link->lines, &line->in_line);
    return true;
}

/* ---- reading */

static enum link_event receive(struct link *link)
{
    size_t size;
    char *room = frame_reserve(&link->reader, READ_BYTES, &size);
    ssize_t n;

    if (room == NULL) {
        /* Level-triggered: it is tried again, when there may be memory. */
        return LINK_IDLE;
    }
    do {
        n = recv(link->fd, room, size, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        frame_fed(&link->reader, (size_t)n);
        link->has_frames = true;
        link->is_drained = (size_t)n < size;
        return LINK_READ;
    }
    if (n < 0 && (errno == EAGAIN || errno == ENOMEM || errno == ENOBUFS)) {
        frame_reader_give_back(&link->reader);
        return LINK_IDLE;
    }
    return LINK_OVER;
}

enum link_event link_read(struct link *link, struct span *ret_frame)
{
    if (!link->has_frames) {
        return receive(link);
    }
    switch (frame_next(&link->reader, ret_frame)) {
    case FRAME_READY:
        return LINK_FRAME;
    case FRAME_TOO_LONG:
        *ret_frame = frame_refused(&link->reader);
        return LINK_TOO_LONG;
    case FRAME_NONE:
        break;
    }
    link->has_frames = false;
    return link->is_drained ? LINK_IDLE : LINK_READ;
}
