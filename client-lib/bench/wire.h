/* SPDX-License-Identifier: MIT */
/*
 * One client's way to the server: JSON-RPC texts out, answers in.  Two kinds: the broker's
 * Unix socket (socket_wire.c) and MCP over HTTP+SSE (sse_wire.c).  Implemented there, used
 * by load.c.
 */
#ifndef TEPLO_BENCH_WIRE_H
#define TEPLO_BENCH_WIRE_H

#include <event2/event.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum { WIRE_TEXT_MAXIMUM = 128 << 20 };

struct wire;

/*
 * All mandatory; none before the call that opened the wire has returned.  Spans live until
 * the return.  Only on_end may close the wire: nothing of it is touched after.
 */
struct wire_events {
    /* Calls may be sent. */
    void (*on_ready)(void *owner);
    /* A message of the server. */
    void (*on_text)(void *owner, struct span text);
    /* The call ID was refused by an HTTP status. */
    void (*on_refused)(void *owner, int64_t id);
    /* It carries nothing any more.  ERROR: 0 (a clean end) or a negative errno. */
    void (*on_end)(void *owner, int error);
};

struct wire_kind {
    /* Queue a message without its line end, which holds the call ID. */
    void (*send)(struct wire *wire, int64_t id, struct span text);
    /* Hand what is queued to the kernel: once for all sends of one event. */
    void (*flush)(struct wire *wire);
    /* Frees it, in silence. */
    void (*close)(struct wire *wire);
};

/* The beginning of either kind. */
struct wire {
    const struct wire_kind *kind;
    const struct wire_events *events;
    void *owner;
};

#endif
