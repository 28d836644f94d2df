/* SPDX-License-Identifier: MIT */
/*
 * One connection to the broker: which bytes the kernel took, and what came back.  It says of each
 * line whether its last byte was taken; what that means for a request is its owner's to judge.
 * A link that can only be read (the broker lets its clients go) stays until it has ended.
 */
#ifndef TEPLO_LIB_LINK_H
#define TEPLO_LIB_LINK_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "client-lib/lib/watch.h"
#include "proto/base/list.h"
#include "proto/failure.h"
#include "proto/frame.h"

/* A line of which the owner wants to know what became of it. */
struct link_line {
    struct list_node in_line; /* of the link's `lines`, until its last byte was taken */
    uint64_t begin;           /* in all that this link has carried */
    uint64_t end;
};

struct link {
    struct watch watch; /* WATCH_LINK; the first member */
    struct list_node in_links;
    int fd;
    int epoll;
    pid_t pid; /* of the process that opened it: the epoll is that one's */
    uint32_t interest;
    bool is_shut;             /* nothing can be written any more */
    bool is_proven;           /* a message has come: it is no broker that only hangs up */
    bool is_ready;            /* the epoll says that there is something to read */
    int64_t opened_ms;        /* the owner's clock */
    uint64_t longest_dropped; /* of the lines that nobody waits for any more, in bytes */
    unsigned spoilt;          /* the owner's: of lines made no messages the broker says so */
    bool is_probed;           /* it was asked to prove itself, or need not */
    bool has_frames;          /* the reader may hold some */
    bool is_drained;          /* the socket had no more, when it was read */
    bool is_over;             /* it has ended, and all of it was read */
    enum failure refusal;     /* the broker takes nothing of this connection, for this reason */
    struct frame_reader reader;
    struct bytes out;
    size_t out_sent; /* front bytes of it that the kernel took */
    uint64_t base;   /* where its first byte stands in all that this link has carried */
    size_t whole;    /* of it, lines that were added */
    struct list lines;
    struct list sent; /* the owner's, of what it waits for here */
};

/* Connected and watched, or a negative errno; never waits. */
MUST_CHECK int link_open(const struct sockaddr_un *address, int epoll, size_t frame_maximum,
                         struct link **ret_link);
/* Its lists are empty.  Nothing is written. */
void link_free(struct link *link);

/* ---- writing */

/* Enough waits to be written: the owner keeps the rest. */
bool link_is_full(const struct link *link);
/* Append one line to this, then link_add. */
struct bytes *link_out(struct link *link);
/*
 * What was appended since link_out is LINE (NULL: nobody asks for it).  -ENOMEM: it was not
 * appended wholly, and is not there.
 */
MUST_CHECK int link_add(struct link *link, struct link_line *line);
/* Is written, as far as the kernel takes it.  May shut the link. */
void link_flush(struct link *link);
static inline uint64_t link_line_length(const struct link_line *line)
{
    return line->end - line->begin;
}
/* Some of LINE may stand at the broker. */
bool link_line_is_begun(const struct link *link, const struct link_line *line);
/* Nobody waits for LINE any more, though the broker may still say something of it. */
static inline void link_drop(struct link *link, const struct link_line *line)
{
    if (link_line_length(line) > link->longest_dropped) {
        link->longest_dropped = link_line_length(line);
    }
}
/*
 * Take LINE, of which the last byte was not taken, back; what may already stand at the broker is
 * made no message.  False: it could not be, and goes on.
 */
MUST_CHECK bool link_take_back(struct link *link, struct link_line *line);

/* ---- reading */

enum link_event {
    LINK_FRAME,    /* *ret_frame, valid until the next link_read */
    LINK_TOO_LONG, /* *ret_frame is how it begins */
    LINK_READ,     /* something came: ask again */
    LINK_IDLE,
    LINK_OVER, /* all that came was read */
};

/* Reads once from the socket at most. */
enum link_event link_read(struct link *link, struct span *ret_frame);

#endif
