/* SPDX-License-Identifier: MIT */
/*
 * What is known about one message on its way to a server, and what may honestly be
 * said of it.  Pure: evidence in, verdict out (tested row by row).
 */
#ifndef TEPLO_UPSTREAM_DELIVERY_H
#define TEPLO_UPSTREAM_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/failure.h"

/* Where an attempt to deliver ended. */
enum delivery_end {
    DELIVERY_REPLIED,   /* the server gave a status */
    DELIVERY_UNSENT,    /* no connection came about */
    DELIVERY_BROKEN,    /* the connection ended, or spoke no HTTP, before a status */
    DELIVERY_TIMED_OUT, /* no status in time */
};

struct delivery {
    enum delivery_end end;
    size_t handed_over; /* bytes of the request, head included, that left our hands */
    int status;         /* HTTP status, 0: none */
    char detail[192];   /* for people: what exactly happened */
};

struct delivery_verdict {
    bool accepted;        /* on its way to being executed: the answer comes by the event stream */
    bool session_gone;    /* the server does not know the session any more */
    bool may_repeat;      /* certainly not executed: another session may try */
    enum failure failure; /* what to tell the client; FAILURE_NONE if accepted */
};

/* For a request on the HTTP+SSE transport (reliability of each row: ARCHITECTURE.md). */
struct delivery_verdict delivery_judge(const struct delivery *delivery);

#endif
