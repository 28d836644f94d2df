/* SPDX-License-Identifier: MIT */
/*
 * One accepted Unix-socket connection as frames in and lines out: buffers, framing,
 * back-pressure, half-close, slow readers.  Used by client.c and by control/admin.c.
 * Knows no JSON.
 */
#ifndef TEPLO_DOWNSTREAM_CHANNEL_H
#define TEPLO_DOWNSTREAM_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/routing/access.h"
#include "broker/runtime/loop.h"
#include "proto/frame.h"

struct channel_limits {
    size_t frame_max_bytes;
    size_t output_soft_bytes; /* unread output beyond which nothing more is read from the peer */
    size_t output_max_bytes;  /* unread output beyond which the peer is cut off */
    int64_t slow_timeout_ms;  /* the same, for output of which nothing was read for so long */
    int64_t hello_timeout_ms; /* the same, for a peer that has sent no frame by then; 0: never */
};

/* Why a peer is not read from.  Any of them is reason enough. */
enum channel_hold {
    CHANNEL_HOLD_OUTPUT = 1,   /* its output piles up */
    CHANNEL_HOLD_REQUESTS = 2, /* it has asked as much as it may; the next frame waits here */
    CHANNEL_HOLD_MEMORY = 4,   /* what it holds is needed for others */
};

/* What became of a frame. */
enum channel_take {
    CHANNEL_TOOK,
    CHANNEL_HELD, /* not now: it comes again after channel_release of CHANNEL_HOLD_REQUESTS */
};

enum channel_end {
    CHANNEL_GONE,   /* the peer closed, or its half-close has been answered */
    CHANNEL_SLOW,   /* it does not read */
    CHANNEL_MUTE,   /* it has sent no frame in time */
    CHANNEL_FAILED, /* the socket failed, or memory is out */
    CHANNEL_CLOSED, /* by us */
};

struct channel;

/* All mandatory. */
struct channel_events {
    enum channel_take (*on_frame)(struct channel *channel, struct span frame);
    /* A frame longer than the maximum, which begins with HEAD, was dropped, or the stream ended
     * inside one. */
    void (*on_bad_frame)(struct channel *channel, struct span head, const char *what);
    /* No frame came in time: the last chance to say something. */
    void (*on_mute)(struct channel *channel);
    /* Bytes came in: memory was taken for them. */
    void (*on_input)(struct channel *channel);
    /* Whether the peer is owed nothing: asked after a half-close, which ends the channel then. */
    bool (*is_quiet)(struct channel *channel);
    /* The last event; from a deferred function, except within channel_close. */
    void (*on_closed)(struct channel *channel, enum channel_end end);
};

/*
 * OPEN: both ways.  HALF: the peer has sent its last; answers still go out.
 * ENDING: over, on_closed is due.  CLOSED: told.
 */
enum channel_state { CHANNEL_IS_OPEN, CHANNEL_IS_HALF, CHANNEL_IS_ENDING, CHANNEL_IS_CLOSED };

struct channel {
    struct loop *loop;
    int fd; /* owned */
    enum channel_state state;
    enum channel_end end;
    struct channel_limits limits;
    struct frame_reader reader;
    struct bytes out;
    size_t out_sent; /* front bytes of `out` that are gone */
    struct event readable;
    struct event writable;
    bool is_handed_over;   /* the end of input is our doing */
    bool has_spoken;       /* a frame has come */
    unsigned holds;        /* of enum channel_hold; 0: the readable event is on */
    struct deferred flush; /* one write a turn, whatever was said in it */
    struct deferred closing;
    struct timer more; /* frames left for the next turn: others first; or a look for a hang-up */
    struct timer slow;
    struct timer hello;
    struct peer peer; /* as of its connect: a descriptor passed on keeps it */
    gid_t *groups;    /* owned: those of `peer` */
    pid_t pid;        /* for people only */
    const struct channel_events *events;
};

/* FD is the channel's from now on, also on failure.  -ENOMEM. */
MUST_CHECK int channel_init(struct channel *channel, struct loop *loop, int fd,
                            const struct channel_limits *limits,
                            const struct channel_events *events);
/* After on_closed, at the end of the turn. */
void channel_done(struct channel *channel);
void channel_set_limits(struct channel *channel, const struct channel_limits *limits);

/* LINE and a newline.  Too much output ends the channel, later. */
void channel_send(struct channel *channel, struct span line);
/* It cannot be served on: ends, later. */
void channel_give_up(struct channel *channel);
/* Its output is needed for others, and it does not read: ends as a slow one, later. */
void channel_cut_off(struct channel *channel);
/* Stop reading, and handing out frames, for one more reason, or one less. */
void channel_hold(struct channel *channel, enum channel_hold why);
void channel_release(struct channel *channel, enum channel_hold why);
/* WHY and nothing else keeps the peer from being read, and it has sent something. */
bool channel_waits_for(const struct channel *channel, enum channel_hold why);
/* Something was answered: a half-closed channel may be over now. */
void channel_settle(struct channel *channel);
/* Answer what has come in, take nothing more, and end once the peer is owed nothing. */
void channel_finish(struct channel *channel);
/*
 * Another process takes the peer's next connection.  What the peer has written is still read and
 * answered, then the channel ends; its next write fails (EPIPE), so that it knows that nobody has
 * read it.
 */
void channel_hand_over(struct channel *channel);
/* Close now; what can be written at once still is.  on_closed comes before the return. */
void channel_close(struct channel *channel);
size_t channel_unread(const struct channel *channel);
/* The socket takes no more of its output. */
bool channel_is_blocked(const struct channel *channel);
/* Give back what its buffers do not need now. */
void channel_trim(struct channel *channel);
/* Bytes of memory that its buffers take. */
size_t channel_held_bytes(const struct channel *channel);

#endif
