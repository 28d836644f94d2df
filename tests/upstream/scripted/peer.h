/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 connections of the scripted server.  Hands out whole requests; sends what it is told,
 * byte for byte, gathered once a turn; ends a connection the way that is asked.
 */
#ifndef TEPLO_TESTS_PEER_H
#define TEPLO_TESTS_PEER_H

#include <event2/listener.h>

#include "tests/upstream/scripted/scripted.h"

struct peers;

/* Spans live until the return. */
struct peer_request {
    struct span method;
    struct span target;
    struct span body;
};

/* One connection.  Freed at the end of the turn in which it closed. */
struct peer {
    struct peers *peers;
    int64_t number;
    int fd; /* -1: closed */
    struct event readable;
    struct event writable;
    struct bytes in;
    size_t in_used;
    struct bytes out;
    size_t out_sent;
    struct deferred flush_due;
    struct timer idle;
    struct timer later; /* a reply that is due */
    bool ends;          /* closes once everything is out */
    bool is_continued;  /* this request's Expect has been seen to */
    void *owner;        /* the transport's: a session, on its stream */
    struct list_node in_peers;
    struct reapable reapable;
};

struct peer_events {
    void (*on_request)(void *owner, struct peer *peer, const struct peer_request *request);
    /* The other side closed it, or it broke.  Not told of what peer_close ended. */
    void (*on_gone)(void *owner, struct peer *peer);
};

struct peers {
    struct scripted *scripted;
    struct evconnlistener *listener;
    unsigned port;
    const struct peer_events *events;
    void *owner;
    struct list all;
    int64_t last_number;
};

/* Listens on 127.0.0.1:PORT (0: a free one, left in `port`).  0, or -1. */
MUST_CHECK int peers_open(struct peers *peers, struct scripted *scripted, unsigned port,
                          const struct peer_events *events, void *owner);

void peer_send(struct peer *peer, struct span text);
/* A reply with a body, as the settings want it. */
void peer_reply(struct peer *peer, int status, struct span type, struct span body);
void peer_reply_later(struct peer *peer, int64_t delay_ms);
/* Close when everything is out. */
void peer_end(struct peer *peer);
/* Close now; what has been told to send goes out first for FIN.  Idempotent. */
void peer_close(struct peer *peer, enum farewell how);

#endif
