/* SPDX-License-Identifier: MIT */
#include "broker/downstream/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/mem.h"

enum {
    READ_AT_ONCE = 65536,
    FRAMES_A_TURN = 64,
    HANGUP_LOOK_MS = 500,
    FINISH_TURNS = READ_AT_ONCE / FRAMES_A_TURN,
    OUT_KEEP = 65536,
};

static void readable_cb(evutil_socket_t fd, short what, void *arg);
static void writable_cb(evutil_socket_t fd, short what, void *arg);
static bool on_readable(struct channel *channel);
static void on_flush(void *owner);
static void on_closing(void *owner);
static void on_more(void *owner);
static void on_slow(void *owner);
static void on_hello_over(void *owner);

/* However many they are.  Without memory it is in none: rules then deny rather than admit. */
static void learn_groups(struct channel *channel)
{
    socklen_t length = 0;
    gid_t *groups;

    if (getsockopt(channel->fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) == 0 || errno != ERANGE ||
        length == 0) {
        return;
    }
    groups = mem_new(length);
    if (groups == NULL || getsockopt(channel->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0) {
        mem_free(groups);
        return;
    }
    channel->groups = groups;
    channel->peer.groups = groups;
    channel->peer.group_count = length / sizeof(*groups);
}

static void learn_peer(struct channel *channel)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);

    channel->peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
    if (getsockopt(channel->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) {
        channel->peer.uid = peer.uid;
        channel->peer.gid = peer.gid;
        channel->pid = peer.pid;
        learn_groups(channel);
    }
}

static void await_hello(struct channel *channel)
{
    if (!channel->has_spoken && channel->limits.hello_timeout_ms > 0) {
        timer_start(&channel->hello, channel->limits.hello_timeout_ms);
    } else {
        timer_stop(&channel->hello);
    }
}

int channel_init(struct channel *channel, struct loop *loop, int fd,
                 const struct channel_limits *limits, const struct channel_events *events)
{
    *channel = (struct channel){.loop = loop, .fd = fd, .limits = *limits, .events = events};
    frame_reader_init(&channel->reader, limits->frame_max_bytes);
    bytes_init(&channel->out, limits->output_max_bytes);
    deferred_init(&channel->flush, loop, on_flush, channel);
    deferred_init(&channel->closing, loop, on_closing, channel);
    timer_init(&channel->more, loop, on_more, channel);
    timer_init(&channel->slow, loop, on_slow, channel);
    timer_init(&channel->hello, loop, on_hello_over, channel);
    learn_peer(channel);
    (void)event_assign(&channel->readable, loop_base(loop), fd, EV_READ | EV_PERSIST, readable_cb,
                       channel);
    (void)event_assign(&channel->writable, loop_base(loop), fd, EV_WRITE | EV_PERSIST, writable_cb,
                       channel);
    if (event_add(&channel->readable, NULL) < 0) {
        (void)close(fd);
        mem_free(channel->groups);
        channel->fd = -1;
        channel->state = CHANNEL_IS_CLOSED;
        return -ENOMEM;
    }
    await_hello(channel);
    return 0;
}

void channel_done(struct channel *channel)
{
    CHECK(channel->state == CHANNEL_IS_CLOSED);
    frame_reader_done(&channel->reader);
    bytes_done(&channel->out);
    mem_free(channel->groups);
}

/* A maximum lowered below what is there already counts for what comes. */
static void bound_output(struct channel *channel)
{
    size_t maximum = channel->limits.output_max_bytes;

    channel->out.maximum = channel->out.length > maximum ? channel->out.length : maximum;
}

void channel_set_limits(struct channel *channel, const struct channel_limits *limits)
{
    bool is_same_hello = limits->hello_timeout_ms == channel->limits.hello_timeout_ms;

    channel->limits = *limits;
    frame_reader_set_maximum(&channel->reader, limits->frame_max_bytes);
    bound_output(channel);
    if (!is_same_hello && channel->state == CHANNEL_IS_OPEN) {
        await_hello(channel);
    }
}

size_t channel_unread(const struct channel *channel)
{
    return channel->out.length - channel->out_sent;
}

bool channel_is_blocked(const struct channel *channel)
{
    return channel->slow.armed;
}

void channel_trim(struct channel *channel)
{
    frame_reader_give_back(&channel->reader);
    if (channel_unread(channel) == 0) {
        bytes_trim(&channel->out, 0);
        channel->out_sent = 0;
    }
}

size_t channel_held_bytes(const struct channel *channel)
{
    return frame_reader_held(&channel->reader) + channel->out.capacity;
}

static bool is_live(const struct channel *channel)
{
    return channel->state == CHANNEL_IS_OPEN || channel->state == CHANNEL_IS_HALF;
}

/* Over: the owner is told from a deferred function, since it may be in the middle of sending. */
static void end(struct channel *channel, enum channel_end why)
{
    if (!is_live(channel)) {
        return;
    }
    channel->state = CHANNEL_IS_ENDING;
    channel->end = why;
    deferred_schedule(&channel->closing);
}

static void close_now(struct channel *channel)
{
    (void)event_del(&channel->readable);
    (void)event_del(&channel->writable);
    timer_stop(&channel->more);
    timer_stop(&channel->slow);
    timer_stop(&channel->hello);
    deferred_cancel(&channel->flush);
    deferred_cancel(&channel->closing);
    (void)close(channel->fd);
    channel->fd = -1;
    channel->state = CHANNEL_IS_CLOSED;
    channel->events->on_closed(channel, channel->end);
}

/* Without its event a channel would keep silent for ever: it ends instead. */
static void listen_for(struct channel *channel, struct event *event)
{
    if (event_add(event, NULL) < 0) {
        end(channel, CHANNEL_FAILED);
    }
}

static void on_closing(void *owner)
{
    close_now(owner);
}

void channel_close(struct channel *channel)
{
    if (channel->state == CHANNEL_IS_CLOSED) {
        return;
    }
    if (is_live(channel)) {
        on_flush(channel);
        channel->end = CHANNEL_CLOSED;
    }
    close_now(channel);
}

/* ---- going out */

static void set_holds(struct channel *channel, unsigned holds)
{
    bool was_held = channel->holds != 0;

    channel->holds = holds;
    if (channel->state != CHANNEL_IS_OPEN || was_held == (holds != 0)) {
        return;
    }
    if (was_held) {
        listen_for(channel, &channel->readable);
        timer_start(&channel->more, 0);
    } else {
        /* Who is not read from is not heard closing either, so that this is looked for. */
        (void)event_del(&channel->readable);
        timer_start(&channel->more, HANGUP_LOOK_MS);
    }
}

void channel_hold(struct channel *channel, enum channel_hold why)
{
    set_holds(channel, channel->holds | (unsigned)why);
}

void channel_release(struct channel *channel, enum channel_hold why)
{
    set_holds(channel, channel->holds & ~(unsigned)why);
}

/* Its end of input is something too. */
static bool has_input(const struct channel *channel)
{
    struct pollfd poller = {.fd = channel->fd, .events = POLLIN};

    return !frame_reader_is_searched(&channel->reader) || poll(&poller, 1, 0) > 0;
}

bool channel_waits_for(const struct channel *channel, enum channel_hold why)
{
    return channel->state == CHANNEL_IS_OPEN && (channel->holds & ~(unsigned)why) == 0 &&
           has_input(channel);
}

void channel_send(struct channel *channel, struct span line)
{
    if (!is_live(channel)) {
        return;
    }
    if (channel_unread(channel) + line.length >= channel->limits.output_max_bytes) {
        end(channel, CHANNEL_SLOW);
        return;
    }
    /* What was read makes room: at once if it is needed, else when it is worth the copying. */
    if (channel->out_sent > 0 && (channel->out_sent >= channel->out.length / 2 ||
                                  line.length >= channel->out.maximum - channel->out.length)) {
        bytes_consume(&channel->out, channel->out_sent);
        channel->out_sent = 0;
    }
    bytes_append_span(&channel->out, line);
    bytes_append_char(&channel->out, '\n');
    if (channel->out.failed) {
        end(channel, CHANNEL_FAILED);
        return;
    }
    deferred_schedule(&channel->flush);
}

static void on_drained(struct channel *channel)
{
    bytes_trim(&channel->out, OUT_KEEP);
    channel->out_sent = 0;
    bound_output(channel);
    timer_stop(&channel->slow);
    (void)event_del(&channel->writable);
    channel_release(channel, CHANNEL_HOLD_OUTPUT);
    channel_settle(channel);
}

static void on_flush(void *owner)
{
    struct channel *channel = owner;

    while (is_live(channel) && channel_unread(channel) > 0) {
        ssize_t n = send(channel->fd, channel->out.at + channel->out_sent, channel_unread(channel),
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            listen_for(channel, &channel->writable);
            if (!channel->slow.armed) {
                timer_start(&channel->slow, channel->limits.slow_timeout_ms);
            }
            if (channel_unread(channel) < channel->limits.output_soft_bytes) {
                channel_release(channel, CHANNEL_HOLD_OUTPUT);
            } else {
                channel_hold(channel, CHANNEL_HOLD_OUTPUT);
            }
            return;
        }
        if (n < 0) {
            end(channel, CHANNEL_GONE);
            return;
        }
        channel->out_sent += (size_t)n;
        /* It reads: the clock of a peer that does not starts anew. */
        timer_stop(&channel->slow);
    }
    if (is_live(channel)) {
        on_drained(channel);
    }
}

void channel_give_up(struct channel *channel)
{
    end(channel, CHANNEL_FAILED);
}

void channel_cut_off(struct channel *channel)
{
    end(channel, CHANNEL_SLOW);
}

void channel_settle(struct channel *channel)
{
    if (channel->state == CHANNEL_IS_HALF && channel_unread(channel) == 0 &&
        channel->events->is_quiet(channel)) {
        end(channel, CHANNEL_GONE);
    }
}

static void on_slow(void *owner)
{
    end(owner, CHANNEL_SLOW);
}

/* ---- coming in */

static void on_hello_over(void *owner)
{
    struct channel *channel = owner;

    if (channel->state != CHANNEL_IS_OPEN || channel->has_spoken) {
        return;
    }
    channel->events->on_mute(channel);
    on_flush(channel);
    end(channel, CHANNEL_MUTE);
}

static void on_spoken(struct channel *channel)
{
    channel->has_spoken = true;
    timer_stop(&channel->hello);
}

/* Hand out what is there, up to a turn's share.  False: no more now. */
static bool take_frames(struct channel *channel)
{
    char what[96];

    for (int i = 0; i < FRAMES_A_TURN && channel->state == CHANNEL_IS_OPEN; i++) {
        struct span frame;

        if (channel->holds != 0) {
            return false;
        }
        switch (frame_next(&channel->reader, &frame)) {
        case FRAME_NONE:
            frame_reader_give_back(&channel->reader);
            return true;
        case FRAME_READY:
            on_spoken(channel);
            if (channel->events->on_frame(channel, frame) == CHANNEL_HELD) {
                frame_put_back(&channel->reader, frame);
                channel_hold(channel, CHANNEL_HOLD_REQUESTS);
            }
            break;
        case FRAME_TOO_LONG:
            on_spoken(channel);
            (void)snprintf(what, sizeof(what), "max_frame is %zu bytes; raise it, or send less",
                           channel->limits.frame_max_bytes);
            channel->events->on_bad_frame(channel, frame_refused(&channel->reader), what);
            break;
        }
    }
    if (channel->state == CHANNEL_IS_OPEN) {
        timer_start(&channel->more, 0);
    }
    return false;
}

static void stop_reading(struct channel *channel)
{
    (void)event_del(&channel->readable);
    timer_stop(&channel->hello);
    channel->state = CHANNEL_IS_HALF;
    /* An end of input is readable for ever, so that the end of it all is looked for instead. */
    timer_start(&channel->more, HANGUP_LOOK_MS);
}

void channel_finish(struct channel *channel)
{
    /* Nothing is left for the next turn; a peer that never stops sending is not waited for. */
    for (int i = 0; i < FINISH_TURNS && channel->state == CHANNEL_IS_OPEN; i++) {
        bool took;

        channel->holds = 0; /* also from one that does not read: a refusal is short */
        timer_stop(&channel->more);
        took = on_readable(channel);
        if (channel->holds != 0 || (!took && !channel->more.armed)) {
            break;
        }
    }
    if (channel->state == CHANNEL_IS_OPEN) {
        stop_reading(channel);
    }
    channel_settle(channel);
}

void channel_hand_over(struct channel *channel)
{
    if (is_live(channel)) {
        channel->is_handed_over = true;
        (void)shutdown(channel->fd, SHUT_RD);
    }
}

/* Whether the peer closed altogether, or only said that it will send no more. */
static bool is_hung_up(const struct channel *channel)
{
    struct pollfd poller = {.fd = channel->fd, .events = POLLOUT};

    return poll(&poller, 1, 0) > 0 && (poller.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_end_of_input(struct channel *channel)
{
    struct span rest = frame_rest(&channel->reader);
    char what[96];

    if (is_hung_up(channel)) {
        end(channel, CHANNEL_GONE);
        return;
    }
    /* Handed over in the middle of a message: the peer's write has failed, it knows. */
    if (rest.length > 0 && !channel->is_handed_over) {
        (void)snprintf(what, sizeof(what),
                       "the stream ended %zu bytes into a message; end each with a newline",
                       rest.length);
        channel->events->on_bad_frame(channel, rest, what);
    }
    if (is_live(channel)) {
        stop_reading(channel);
        channel_settle(channel);
    }
}

/* True if bytes came in. */
static bool on_readable(struct channel *channel)
{
    size_t size = 0;
    char *room;
    ssize_t n;

    if (channel->state != CHANNEL_IS_OPEN || channel->more.armed || !take_frames(channel) ||
        channel->state != CHANNEL_IS_OPEN) {
        return false;
    }
    room = frame_reserve(&channel->reader, READ_AT_ONCE, &size);
    if (room == NULL) {
        end(channel, CHANNEL_FAILED);
        return false;
    }
    n = recv(channel->fd, room, size, MSG_DONTWAIT);
    if (n > 0) {
        frame_fed(&channel->reader, (size_t)n);
        channel->events->on_input(channel);
        (void)take_frames(channel);
    } else if (n == 0) {
        on_end_of_input(channel);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        end(channel, CHANNEL_GONE);
    }
    return n > 0;
}

static void on_more(void *owner)
{
    struct channel *channel = owner;

    if (channel->state == CHANNEL_IS_OPEN && channel->holds == 0) {
        (void)on_readable(channel);
    } else if (is_hung_up(channel)) {
        end(channel, CHANNEL_GONE);
    } else {
        timer_start(&channel->more, HANGUP_LOOK_MS);
    }
}

static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)on_readable(arg);
}

static void writable_cb(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    on_flush(arg);
}
