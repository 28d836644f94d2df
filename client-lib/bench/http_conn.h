/* SPDX-License-Identifier: MIT */
/*
 * One TCP connection that speaks HTTP/1.1 as a client: requests go out as they are given,
 * replies are taken apart by http_parser.  Called by sse_wire.c; knows nothing of MCP.
 */
#ifndef TEPLO_BENCH_HTTP_CONN_H
#define TEPLO_BENCH_HTTP_CONN_H

#include <event2/event.h>
#include <http_parser.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "proto/base/bytes.h"

/* All mandatory.  Only on_end may close the connection: nothing of it is touched after. */
struct http_conn_events {
    void (*on_body)(void *owner, struct span piece);
    /* A reply is complete; STATUS is its status. */
    void (*on_reply)(void *owner, unsigned status);
    /* ERROR: 0 (the other side closed) or a negative errno; -EPROTO for what is not HTTP. */
    void (*on_end)(void *owner, int error);
};

struct http_conn {
    int fd;                 /* -1: not open */
    struct event *readable; /* owned */
    struct event *writable; /* owned; pending while there is something the kernel did not take */
    http_parser parser;
    struct bytes out;
    int error;    /* of sending; told by the next reading. 0: none */
    bool is_last; /* the reply under way ends the connection */
    const struct http_conn_events *events;
    void *owner;
};

/* Begins to connect.  0, or a negative errno with CONN closed; events come later. */
MUST_CHECK int http_conn_open(struct http_conn *conn, struct event_base *base,
                              const struct sockaddr *address, socklen_t length,
                              const struct http_conn_events *events, void *owner);
void http_conn_close(struct http_conn *conn);
/* Queue TEXT; http_conn_flush hands it to the kernel. */
void http_conn_send(struct http_conn *conn, struct span text);
void http_conn_flush(struct http_conn *conn);
/* The status of the reply whose body is being told. */
unsigned http_conn_status(const struct http_conn *conn);

#endif
