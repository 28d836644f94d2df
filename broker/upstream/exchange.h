/* SPDX-License-Identifier: MIT */
/*
 * One HTTP/1.1 POST and its reply, without a socket: bytes to send, bytes received,
 * and the evidence of what was handed over.  A lane moves the bytes.  A reply's
 * body is read to its end and dropped: on HTTP+SSE the answer comes by the stream.
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

struct exchange {
    struct bytes out;
    size_t sent; /* front bytes of `out` handed to the connection */
    http_parser parser;
    size_t reply_bytes;
    bool replied;    /* the reply is complete */
    bool keep_alive; /* and the connection may carry another exchange */
    struct delivery delivery;
    void (*on_end)(struct exchange *exchange); /* once; the owner may free it there */
    void *owner;
    struct lane *lane;         /* borrowed while a lane carries it */
    struct list_node in_lanes; /* lanes' queue, or its list of ended ones */
    struct timer deadline;
    bool open; /* not ended, not cancelled */
};

enum { EXCHANGE_REPLY_MAXIMUM = 1 << 20 };

/* HEAD is the request up to and with "Content-Length: "; BODY is copied. -ENOMEM. */
MUST_CHECK int exchange_init(struct exchange *exchange, struct span head, struct span body,
                             void (*on_end)(struct exchange *exchange), void *owner);
void exchange_done(struct exchange *exchange);

/* What is still to be sent. */
struct span exchange_unsent(const struct exchange *exchange);
void exchange_sent(struct exchange *exchange, size_t length);
/* Received bytes.  False: not HTTP, or too much; the connection is of no use any more. */
MUST_CHECK bool exchange_feed(struct exchange *exchange, struct span received);
/* The connection ended: true if that completes the reply. */
bool exchange_feed_end(struct exchange *exchange);

#endif
