/* SPDX-License-Identifier: MIT */
/* What the tests of channels share: a channel on one end of a socket pair, the test on the other.
 */
#ifndef TEPLO_TESTS_CHANNEL_UNIT_H
#define TEPLO_TESTS_CHANNEL_UNIT_H

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "broker/downstream/channel.h"
#include "tests/support/await.h"

enum {
    FRAME_MAXIMUM = 2048,
    OUTPUT_SOFT = 100000,
    OUTPUT_MAXIMUM = 4 << 20,
    SHORT_MS = 40,
    LONG_MS = 60000
};

/* The channel's owner: keeps what comes, one line a frame, and answers as it is told to. */
struct host {
    struct channel channel;
    struct bytes heard;
    unsigned frames;
    unsigned bad_frames;
    char complaint[128];
    bool echoes;
    bool is_owing;      /* holds an answer back */
    unsigned closes_at; /* the number of the frame in which it closes; 0: none */
    unsigned full_at;   /* the number of frames after which it takes no more; 0: it always does */
    unsigned held;      /* frames that it did not take */
    unsigned mutes;
    unsigned inputs;
    size_t most_unread;
    unsigned ends;
    enum channel_end end;
};

static const struct channel_limits usual = {.frame_max_bytes = FRAME_MAXIMUM,
                                            .output_soft_bytes = OUTPUT_SOFT,
                                            .output_max_bytes = OUTPUT_MAXIMUM,
                                            .slow_timeout_ms = LONG_MS};

static struct loop *loop;
static struct host host;
static int peer; /* the other end; -1: closed */

static inline enum channel_take on_frame(struct channel *channel, struct span frame)
{
    if (host.frames == host.full_at && host.full_at > 0) {
        host.held++;
        return CHANNEL_HELD;
    }
    host.frames++;
    if (host.echoes) {
        channel_send(channel, frame);
    } else {
        bytes_append_span(&host.heard, frame);
        bytes_append_char(&host.heard, '|');
    }
    if (channel_unread(channel) > host.most_unread) {
        host.most_unread = channel_unread(channel);
    }
    if (host.closes_at == host.frames) {
        channel_close(channel);
    }
    return CHANNEL_TOOK;
}

static inline void on_mute(struct channel *channel)
{
    host.mutes++;
    channel_send(channel, SPAN("say something"));
}

static inline void on_input(struct channel *channel)
{
    (void)channel;
    host.inputs++;
}

static inline void on_bad_frame(struct channel *channel, struct span head, const char *what)
{
    (void)head;
    (void)channel;
    host.bad_frames++;
    (void)snprintf(host.complaint, sizeof(host.complaint), "%s", what);
}

static inline bool is_quiet(struct channel *channel)
{
    (void)channel;
    return !host.is_owing;
}

static inline void on_closed(struct channel *channel, enum channel_end end)
{
    assert_int_equal(channel->state, CHANNEL_IS_CLOSED);
    host.ends++;
    host.end = end;
}

static const struct channel_events events = {on_frame, on_bad_frame, on_mute,
                                             on_input, is_quiet,     on_closed};

static inline int open_with(const struct channel_limits *limits)
{
    int ends[2];

    memset(&host, 0, sizeof(host));
    bytes_init(&host.heard, OUTPUT_MAXIMUM);
    loop = loop_new();
    if (loop == NULL ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
        return -1;
    }
    peer = ends[1];
    return channel_init(&host.channel, loop, ends[0], limits, &events);
}

static inline int open_all(void **state)
{
    (void)state;
    return open_with(&usual);
}

static inline int close_all(void **state)
{
    (void)state;
    channel_close(&host.channel);
    channel_done(&host.channel);
    bytes_done(&host.heard);
    loop_free(loop);
    if (peer >= 0) {
        (void)close(peer);
    }
    return 0;
}

static inline void say(const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void close_peer(void)
{
    (void)close(peer);
    peer = -1;
}

/* What is there to read; *INTO grows.  False at the end of the stream. */
static inline bool hear(struct bytes *into)
{
    char buffer[65536];
    ssize_t n = recv(peer, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n > 0) {
        bytes_append(into, buffer, (size_t)n);
    }
    return n != 0;
}

/* Hear until COUNT bytes have come. */
static inline void hear_all(struct bytes *into, size_t count)
{
    AWAIT(loop, (hear(into), into->length >= count));
    assert_int_equal(into->length, count);
}

static inline void assert_hears(const char *text)
{
    struct bytes heard;

    bytes_init(&heard, OUTPUT_MAXIMUM);
    hear_all(&heard, strlen(text));
    assert_bytes(heard, text);
    bytes_done(&heard);
}

static inline void assert_ends(enum channel_end end)
{
    AWAIT(loop, host.ends > 0);
    assert_int_equal(host.ends, 1);
    assert_int_equal(host.end, end);
}

#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

#endif
