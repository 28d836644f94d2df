/* SPDX-License-Identifier: MIT */
/*
 * One HTTP/1.1 POST and its reply, without a socket: bytes to send, bytes received,
 * and the evidence of what was handed over.  A lane moves the bytes.  The body of a 2xx is
 * read to its end and dropped (on HTTP+SSE the answer comes by the stream); of a refusal's
 * the beginning is kept, since it may say more than the status.
 */
#ifndef TEPLO_UPSTREAM_EXCHANGE_H
#define TEPLO_UPSTREAM_EXCHANGE_H

#include <http_parser.h>
#include <stdbool.h>

#include "broker/runtime/loop.h"
#include "broker/upstream/delivery.h"
#include "proto/base/bytes.h"
#include "proto/base/list.h"

struct lane;

/* Names and values come in any number of pieces, empty ones too. */
enum exchange_header { EXCHANGE_IN_NAME, EXCHANGE_BEFORE_VALUE, EXCHANGE_IN_VALUE };

struct exchange {
    struct bytes out;    /* head and body */
    struct bytes asking; /* the head with the Expect, once there was need of one */
    size_t head_length;  /* of `out` */
    bool asks;           /* the head says "Expect: 100-continue", and the body waits for that */
    http_parser parser;
    enum exchange_header header; /* the one being read */
    size_t encoding_matched;     /* of "content-encoding", in its name */
    struct bytes kept;           /* of a refusal's body */
    bool replied;                /* the reply is complete */
    bool keep_alive;             /* and the connection may carry another exchange */
    struct delivery delivery;
    void (*on_end)(struct exchange *exchange); /* once; the owner may free it there */
    void *owner;
    struct lane *lane;         /* borrowed while a lane carries it */
    struct list_node in_lanes; /* lanes' queue, or its list of ended ones */
    struct timer deadline;
    bool wants_new; /* a connection that was kept alive did not carry it: it gets a new one */
    bool open;      /* not ended, not cancelled */
};

/* Of a reply, interim ones included; and what is kept of a refusal's body, which is none if it is
 * longer. */
enum { EXCHANGE_REPLY_MAXIMUM = 1 << 20, EXCHANGE_KEPT_MAXIMUM = 1 << 16 };

/* HEAD is the request up to and with "Content-Length: "; BODY is copied. -ENOMEM. */
MUST_CHECK int exchange_init(struct exchange *exchange, struct span head, struct span body,
                             void (*on_end)(struct exchange *exchange), void *owner);
void exchange_done(struct exchange *exchange);

/*
 * From the beginning, on a connection that was idle for IDLED_US (-1: a new one).  No byte of the
 * body has left.
 */
void exchange_begin(struct exchange *exchange, int64_t idled_us);
/* The server shall be asked; nothing has been sent.  Without memory it is not. */
void exchange_ask(struct exchange *exchange);
/* What may be sent now: nothing while the server is asked. */
struct span exchange_unsent(const struct exchange *exchange);
void exchange_sent(struct exchange *exchange, size_t length);
/* What is unsent now may leave our hands without being counted. */
void exchange_offer(struct exchange *exchange);
/* The server was asked for its word, and has not given it. */
bool exchange_is_asking(const struct exchange *exchange);
/* Received bytes.  False: not HTTP, or too much; the connection is of no use any more. */
MUST_CHECK bool exchange_feed(struct exchange *exchange, struct span received);
/* The connection ended: true if that completes the reply. */
bool exchange_feed_end(struct exchange *exchange);

#endif
