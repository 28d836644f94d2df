/* SPDX-License-Identifier: MIT */
/*
 * MCP over HTTP+SSE without a broker (2024-11-05): one event stream that brings the answers,
 * and keep-alive connections for the POSTs, one call at a time on each.  Called by load.c.
 */
#ifndef TEPLO_BENCH_SSE_WIRE_H
#define TEPLO_BENCH_SSE_WIRE_H

#include <sys/socket.h>

#include "client-lib/bench/wire.h"

/* A place to talk to, resolved. */
struct http_place {
    struct sockaddr_storage address;
    socklen_t length;
    char host[280]; /* with the port, as the Host header has it */
    char path[1024];
};

/* URL is http://host[:port][/path].  NULL, or what is wrong with it. */
MUST_CHECK const char *http_place_find(const char *url, struct http_place *ret_place);

/* PLACE outlives it.  At most WIDTH calls are in flight.  NULL and errno. */
MUST_CHECK struct wire *sse_wire_open(struct event_base *base, const struct http_place *place,
                                      unsigned width, const struct wire_events *events,
                                      void *owner);

#endif
