/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/1.1 server for tests, on the same loop as the code under test.  It hands out whole
 * requests and sends what it is told, byte for byte; its owner decides when a connection
 * ends.  It does not use our allocator, which tests make fail.
 */
#ifndef TEPLO_TESTS_FAKE_HTTP_H
#define TEPLO_TESTS_FAKE_HTTP_H

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "broker/runtime/loop.h"
#include "proto/base/bytes.h"

struct fake_http;

/* One connection.  Freed at the end of the turn in which it closed. */
struct fake_peer {
    struct fake_http *http;
    struct bufferevent *stream; /* NULL: closed */
    unsigned requests;          /* heard on it */
    bool asked;                 /* the request coming in has asked, and that is done with */
    bool ends;                  /* closes once what was sent is out */
    void *owner;                /* the test's own */
    struct list_node in_http;
    struct reapable reapable;
};

/* Spans live until the return. */
struct fake_request {
    struct span method;
    struct span target;
    struct span head; /* all of it, with the request line */
    struct span body; /* as long as its Content-Length */
};

/* What it does when a head says "Expect: 100-continue". */
enum fake_http_manner {
    FAKE_HTTP_CONTINUES, /* 100, then reads the body */
    FAKE_HTTP_WAITS,     /* for the body, without a word */
    FAKE_HTTP_REPLIES,   /* `expect_status` to the head alone, and the connection stays */
    FAKE_HTTP_CUTS,      /* closes the connection */
};

/* Both mandatory. */
struct fake_http_events {
    void (*on_request)(void *owner, struct fake_peer *peer, const struct fake_request *request);
    /* The other side closed it. */
    void (*on_gone)(void *owner, struct fake_peer *peer);
};

struct fake_http {
    struct loop *loop;
    struct evconnlistener *listener; /* NULL: refuses connections */
    unsigned port;                   /* on 127.0.0.1 */
    int reserved;                    /* holds the port while there is no listener; or -1 */
    struct list peers;               /* those open */
    enum fake_http_manner manner;
    int expect_status;
    unsigned expected; /* heads that asked */
    unsigned accepted;
    unsigned requests;
    const struct fake_http_events *events;
    void *owner;
};

/* On a free port.  0, or -1. */
MUST_CHECK int fake_http_open(struct fake_http *http, struct loop *loop,
                              const struct fake_http_events *events, void *owner);
/* Refuse new connections from now on; those open stay. */
void fake_http_refuse(struct fake_http *http);
/* Listen again, on the same port.  0, or -1. */
MUST_CHECK int fake_http_listen(struct fake_http *http);
/* Close all; settle the loop afterwards.  Idempotent. */
void fake_http_close(struct fake_http *http);

/* The oldest connection that is open; there must be one. */
struct fake_peer *fake_http_first(const struct fake_http *http);
void fake_http_send(struct fake_peer *peer, struct span text);
/* A reply of STATUS without a body; the connection stays. */
void fake_http_reply(struct fake_peer *peer, int status);
/* A reply of STATUS with BODY; the connection stays. */
void fake_http_reply_with(struct fake_peer *peer, int status, struct span body);
/* Close when all is sent. */
void fake_http_end(struct fake_peer *peer);
/* Close now. */
void fake_http_cut(struct fake_peer *peer);

#endif
