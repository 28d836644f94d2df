/* SPDX-License-Identifier: MIT */
/*
 * A relay's host: lines from stdin, lines to stdout.  Bounded both ways: while a line of it cannot
 * be sent no more is read, and while it does not take its answers none are read for it.
 */
#ifndef TEPLO_CLI_RELAY_HOST_H
#define TEPLO_CLI_RELAY_HOST_H

#include "proto/failure.h"
#include "proto/frame.h"
#include "proto/message.h"

enum { RELAY_OUT_SOFT = 256 << 10 }; /* above it, nothing more is read from the brokers */

struct relay_host {
    int in;  /* -1: it has ended */
    int out; /* -1: nobody reads there any more */
    struct frame_reader reader;
    struct bytes answers; /* for stdout, from `written` on */
    size_t written;

    /* The line that is to be sent next. */
    bool has_line;
    bool is_message;
    int64_t since_ms; /* when it was found */
    struct span line; /* in the reader */
    size_t newline;   /* 1; 0 behind the last bytes of a host that ended inside a line */
    size_t sent;      /* of it, on the connection of now */
    struct message message;
};

void relay_host_init(struct relay_host *host);
void relay_host_done(struct relay_host *host);

/* Finds the next line, if it has none.  True if it has one then. */
bool relay_host_find_line(struct relay_host *host);
void relay_host_drop_line(struct relay_host *host);
/* Its line is a request: one that has to be answered. */
bool relay_host_asks(const struct relay_host *host);

bool relay_host_may_read(const struct relay_host *host);
void relay_host_read(struct relay_host *host);
/* Answers of brokers may be read for it. */
bool relay_host_has_room(const struct relay_host *host);
bool relay_host_may_write(const struct relay_host *host);
void relay_host_write(struct relay_host *host);

/* To the host, later. */
void relay_host_tell(struct relay_host *host, struct span line, size_t newline);
/* FAILURE with DETAIL as the answer to ID. */
void relay_host_refuse(struct relay_host *host, struct span id, enum failure failure,
                       const char *detail);

#endif
