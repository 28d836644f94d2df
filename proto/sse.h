/* SPDX-License-Identifier: MIT */
/*
 * text/event-stream decoder (WHATWG HTML, "Server-sent events", 9.2.6): bytes in,
 * events out.  Lines end with LF, CR or CRLF, also across reads; one BOM is skipped;
 * an unfinished event at the end of the stream is discarded.
 */
#ifndef TEPLO_PROTO_SSE_H
#define TEPLO_PROTO_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"

struct sse_event {
    struct span event; /* the event's type; "message" when the stream named none */
    struct span data;  /* lines joined by LF, without the last one */
    struct span id;    /* last event id in force; empty when none */
};

struct sse_reader {
    struct bytes line;
    struct bytes event;
    struct bytes data;
    struct bytes id;
    int64_t retry_ms;  /* the last `retry:` seen, or -1 */
    uint64_t comments; /* comment lines seen: the stream lives */
    size_t offset;     /* into the bytes being fed */
    bool has_data;
    bool after_cr; /* the last line ended in CR: a LF now belongs to it */
    bool started;  /* a BOM can no longer come */
    bool told;     /* the event was handed out: forget it at the next call */
    /* An event that is too long is dropped up to its end; kept of it are: */
    bool skipping;
    bool in_line;      /* while skipping: the line has bytes, so its end does not end the event */
    struct bytes head; /* its beginning: data so far, or else the line that was too long */
    struct bytes tail; /* the end of what was dropped */
};

enum sse_status {
    SSE_NONE,     /* all bytes used: feed more */
    SSE_EVENT,    /* *ret_event, valid until the next call */
    SSE_TOO_LONG, /* an event exceeded the maximum, or memory was out: it is over, and dropped;
                     ret_event->data is how it began, reader->tail how it ended */
};

/*
 * MAXIMUM bounds the data of one event, and the value on each line.  Memory: twice that
 * for an event whose bytes came in pieces; what a long event took is given back after it.
 */
void sse_reader_init(struct sse_reader *reader, size_t maximum);
void sse_reader_done(struct sse_reader *reader);
/* Call with the same CHUNK until it returns SSE_NONE; then with the next one. */
enum sse_status sse_next(struct sse_reader *reader, struct span chunk, struct sse_event *ret_event);
/* Between chunks: no event has begun. */
bool sse_reader_is_between(const struct sse_reader *reader);

#endif
